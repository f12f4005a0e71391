//! What the pool did, for the metrics endpoint.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::transport::dtls::{DtlsFailure, GuardDrop};

/// A reading. Everything counts up from the start except `live`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeCounters {
    /// Associations now, before, during and after their handshake.
    pub live: u64,
    pub begun: u64,
    pub established: u64,
    /// In the order of [`DtlsFailure::ALL`].
    pub failed: [u64; DtlsFailure::ALL.len()],
    pub peer_closed: u64,
    /// Datagrams and registrations refused for lack of room.
    pub queue_full: u64,
    /// Datagrams of participants that are not registered.
    pub unknown_participant: u64,
    /// Datagrams that came before the handshake's begin or after its end.
    pub out_of_place: u64,
    /// Datagrams kept from the library, in the order of [`GuardDrop::ALL`].
    pub guard_drops: [u64; GuardDrop::ALL.len()],
    /// Datagrams that a shard's queue did not take.
    pub transmits_refused: u64,
    /// Panics of the library, contained to the association that caused them.
    pub panics: u64,
}

impl HandshakeCounters {
    /// What became of handshakes, by metric label.
    pub fn results(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let failed = DtlsFailure::ALL
            .into_iter()
            .map(DtlsFailure::as_str)
            .zip(self.failed);
        [("begun", self.begun), ("established", self.established)]
            .into_iter()
            .chain(failed)
    }

    /// Datagrams that went no further, by metric label.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let guard = self.guard_drops.iter().sum();
        [
            ("queue_full", self.queue_full),
            ("unknown_participant", self.unknown_participant),
            ("out_of_place", self.out_of_place),
            ("guard", guard),
            ("transmits_refused", self.transmits_refused),
        ]
        .into_iter()
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub live: AtomicU64,
    pub begun: AtomicU64,
    pub established: AtomicU64,
    pub failed: [AtomicU64; DtlsFailure::ALL.len()],
    pub peer_closed: AtomicU64,
    pub queue_full: AtomicU64,
    pub unknown_participant: AtomicU64,
    pub out_of_place: AtomicU64,
    pub guard_drops: [AtomicU64; GuardDrop::ALL.len()],
    pub transmits_refused: AtomicU64,
    pub panics: AtomicU64,
}

impl Shared {
    pub fn snapshot(&self) -> HandshakeCounters {
        HandshakeCounters {
            live: self.live.load(Relaxed),
            begun: self.begun.load(Relaxed),
            established: self.established.load(Relaxed),
            failed: self.failed.each_ref().map(|counter| counter.load(Relaxed)),
            peer_closed: self.peer_closed.load(Relaxed),
            queue_full: self.queue_full.load(Relaxed),
            unknown_participant: self.unknown_participant.load(Relaxed),
            out_of_place: self.out_of_place.load(Relaxed),
            guard_drops: self
                .guard_drops
                .each_ref()
                .map(|counter| counter.load(Relaxed)),
            transmits_refused: self.transmits_refused.load(Relaxed),
            panics: self.panics.load(Relaxed),
        }
    }

    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub fn count_failure(&self, failure: DtlsFailure) {
        if let Some(counter) = self.failed.get(failure.index()) {
            Self::count(counter);
        }
    }

    pub fn count_guard_drop(&self, reason: GuardDrop) {
        if let Some(counter) = self.guard_drops.get(reason.index()) {
            Self::count(counter);
        }
    }
}
