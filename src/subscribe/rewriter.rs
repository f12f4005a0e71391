//! Numbering of one egress stream across the sources mapped onto it.
//!
//! A receiver sees one stream that never restarts. Within one source gaps stay gaps (a packet
//! lost before us must look lost, or the decoder would take the rest for whole frames); across
//! sources the numbering goes on without one. The egress index is the SRTP packet index: under
//! AES-GCM two different packets sealed with the same index reveal the key stream, so each is
//! given out at most once in the life of a rewriter.

use crate::publish::index_window::IndexWindow;
use crate::publish::reception::ticks;
use arrayvec::ArrayVec;
use std::time::{Duration, Instant};

/// A larger gap in a source is not passed on. It would bring the receiver's count of sequence
/// number wraps near its limit of 2^15, and nothing of it could be repaired any more.
pub const MAX_GAP: u64 = 4096;

/// Padding packets left out of the numbering that late packets can still be placed around. Packets
/// older than the oldest of them are refused.
pub const MAX_REMEMBERED_SKIPS: usize = 64;

/// The first sequence number is below this, so that a receiver that misses the first packets does
/// not count a wrap too few (RFC 3711 §3.3.1).
pub const MAX_FIRST_SEQUENCE: u16 = 1 << 15;

/// Least distance of timestamps across a switch: one Opus packet, about one video frame.
const MIN_STEP: Duration = Duration::from_millis(20);

/// Where a packet goes in the egress stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Extended sequence number, never given out before.
    pub index: u64,
    pub timestamp: u32,
    /// Sequence numbers between the highest before and this one, which the receiver sees missing;
    /// they belong to the ingress packets right before this one. 0 for a late packet.
    pub skipped: u64,
    /// No later packet of the source has been numbered.
    pub is_newest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    At(Numbers),
    /// The packet was numbered before, or is from before the switch to its source, or so late
    /// that its place is forgotten.
    Refused,
    /// The source leapt by more than [`MAX_GAP`], or there is none: only
    /// [`begin`](Rewriter::begin) goes on.
    NeedsBegin,
}

/// One source from the packet it began with to the next switch.
#[derive(Clone, Debug)]
struct Run {
    first_ingress: u64,
    first_egress: u64,
    highest_ingress: u64,
    timestamp_offset: u32,
    /// Ingress indices left out, ascending; the latest of `skipped`.
    skips: ArrayVec<u64, MAX_REMEMBERED_SKIPS>,
    skipped: u64,
    /// Packets up to this one cannot be placed, for a skip before it has been forgotten.
    forgotten: Option<u64>,
}

impl Run {
    /// Egress index of an ingress index of this run.
    fn place(&self, ingress: u64) -> Option<u64> {
        let ahead = ingress.checked_sub(self.first_ingress)?;
        if self.forgotten.is_some_and(|floor| ingress <= floor) {
            return None;
        }
        let later = self.skips.iter().rev().take_while(|skip| **skip > ingress);
        let skipped_before = self.skipped - later.count() as u64;
        Some(self.first_egress + ahead - skipped_before)
    }

    fn skip(&mut self, ingress: u64) {
        if self.skips.is_full() {
            self.forgotten = Some(self.skips.remove(0));
        }
        self.skips.push(ingress);
        self.skipped += 1;
        self.highest_ingress = ingress;
    }
}

#[derive(Clone, Debug)]
pub struct Rewriter {
    /// Above all indices given out.
    next: u64,
    given: IndexWindow,
    first_timestamp: u32,
    /// Egress timestamp and arrival of the newest packet.
    newest: Option<(u32, Instant)>,
    run: Option<Run>,
}

impl Rewriter {
    /// `first_sequence` counts modulo [`MAX_FIRST_SEQUENCE`].
    pub fn new(first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            next: u64::from(first_sequence % MAX_FIRST_SEQUENCE),
            given: IndexWindow::new(),
            first_timestamp,
            newest: None,
            run: None,
        }
    }

    /// Ends the current source: its late packets are refused from now on.
    pub fn end(&mut self) {
        self.run = None;
    }

    /// Whether a source has begun and not ended.
    pub fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// What to add to an ingress timestamp of the current source.
    pub fn timestamp_offset(&self) -> Option<u32> {
        self.run.as_ref().map(|run| run.timestamp_offset)
    }

    /// Begins a source with this packet, right behind all sent before. Its timestamp follows the
    /// newest one by the real time that passed between their arrivals.
    pub fn begin(
        &mut self,
        ingress: u64,
        timestamp: u32,
        arrival: Instant,
        clock_rate: u32,
    ) -> Numbers {
        let egress = self.next;
        let egress_timestamp = match self.newest {
            None => self.first_timestamp,
            Some((newest, at)) => {
                let elapsed = arrival.saturating_duration_since(at).max(MIN_STEP);
                newest.wrapping_add(ticks(elapsed, clock_rate) as u32)
            }
        };
        self.run = Some(Run {
            first_ingress: ingress,
            first_egress: egress,
            highest_ingress: ingress,
            timestamp_offset: egress_timestamp.wrapping_sub(timestamp),
            skips: ArrayVec::new(),
            skipped: 0,
            forgotten: None,
        });
        self.newest = Some((egress_timestamp, arrival));
        self.next = egress + 1;
        // Above all before it, so never refused.
        let given = self.given.insert(egress);
        debug_assert!(given.is_ok());
        Numbers {
            index: egress,
            timestamp: egress_timestamp,
            skipped: 0,
            is_newest: true,
        }
    }

    /// Numbers a packet of the current source.
    pub fn place(&mut self, ingress: u64, timestamp: u32, arrival: Instant) -> Placed {
        let Some(run) = &mut self.run else {
            return Placed::NeedsBegin;
        };
        let ahead = ingress.saturating_sub(run.highest_ingress);
        if ahead > MAX_GAP {
            return Placed::NeedsBegin;
        }
        let Some(egress) = run.place(ingress) else {
            return Placed::Refused;
        };
        if run.skips.binary_search(&ingress).is_ok() || self.given.insert(egress).is_err() {
            return Placed::Refused;
        }
        let timestamp = timestamp.wrapping_add(run.timestamp_offset);
        if ahead > 0 {
            run.highest_ingress = ingress;
            self.newest = Some((timestamp, arrival));
        }
        self.next = self.next.max(egress + 1);
        Placed::At(Numbers {
            index: egress,
            timestamp,
            skipped: ahead.saturating_sub(1),
            is_newest: ahead > 0,
        })
    }

    /// Leaves the newest packet of the current source, one of padding alone, out of the numbering,
    /// so that its absence is no gap. False if it is not the newest: its number is spoken for, and
    /// [`place`](Self::place) gives it.
    pub fn skip(&mut self, ingress: u64) -> bool {
        match &mut self.run {
            Some(run)
                if ingress > run.highest_ingress && ingress - run.highest_ingress <= MAX_GAP =>
            {
                run.skip(ingress);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "rewriter_tests.rs"]
mod tests;
