//! What can be wrong with a received packet, and how it is counted.

use serde::Serialize;

/// Every way a packet can be wrong. Each counts under one of the summary's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SRTP or SRTCP did not authenticate, or was replayed.
    Undecryptable,
    /// Not RTP, RTCP, DTLS or STUN, or not readable as such after decryption.
    Malformed,
    /// The codec's framing was damaged.
    BadFraming,
    /// The stamp or the checksum does not fit.
    BadPayload,
    /// A picture id that does not follow the one before.
    PictureId,
    /// A timestamp that does not follow the one before.
    Timestamp,
    /// A new source that does not begin with a keyframe.
    NoKeyframe,
    /// The same packet of a publisher under two sequence numbers, or an older one after a newer.
    Repeated,
    /// On an SSRC or with a payload type that nobody signalled.
    UnknownStream,
    /// A STUN answer that is not authentic.
    BadStun,
    /// From another room.
    OtherRoom,
    /// One's own media.
    OwnMedia,
    /// Audio where video belongs, or the reverse.
    OtherKind,
    /// Another publisher than the slot's mapping says.
    OtherSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    Corrupted,
    Misrouted,
}

impl Fault {
    pub const ALL: [Fault; 14] = [
        Fault::Undecryptable,
        Fault::Malformed,
        Fault::BadFraming,
        Fault::BadPayload,
        Fault::PictureId,
        Fault::Timestamp,
        Fault::NoKeyframe,
        Fault::Repeated,
        Fault::UnknownStream,
        Fault::BadStun,
        Fault::OtherRoom,
        Fault::OwnMedia,
        Fault::OtherKind,
        Fault::OtherSource,
    ];

    pub fn class(self) -> FaultClass {
        match self {
            Fault::OtherRoom | Fault::OwnMedia | Fault::OtherKind | Fault::OtherSource => {
                FaultClass::Misrouted
            }
            _ => FaultClass::Corrupted,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Fault::Undecryptable => "undecryptable",
            Fault::Malformed => "malformed",
            Fault::BadFraming => "bad_framing",
            Fault::BadPayload => "bad_payload",
            Fault::PictureId => "picture_id",
            Fault::Timestamp => "timestamp",
            Fault::NoKeyframe => "no_keyframe",
            Fault::Repeated => "repeated",
            Fault::UnknownStream => "unknown_stream",
            Fault::BadStun => "bad_stun",
            Fault::OtherRoom => "other_room",
            Fault::OwnMedia => "own_media",
            Fault::OtherKind => "other_kind",
            Fault::OtherSource => "other_source",
        }
    }
}

/// Counts by fault, and packets that never came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    counts: [u64; Fault::ALL.len()],
    /// Packets missing after recovery had its chance, by sequence number or by the publisher's
    /// count.
    pub lost: u64,
    /// Slots that said they show somebody and stayed silent.
    pub stalled: u64,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.add_many(fault, 1);
    }

    pub fn add_many(&mut self, fault: Fault, count: u64) {
        if let Some(counter) = self.counts.get_mut(fault as usize) {
            *counter += count;
        }
    }

    pub fn count(&self, fault: Fault) -> u64 {
        self.counts.get(fault as usize).copied().unwrap_or_default()
    }

    pub fn merge(&mut self, other: &Faults) {
        for fault in Fault::ALL {
            self.add_many(fault, other.count(fault));
        }
        self.lost += other.lost;
        self.stalled += other.stalled;
    }

    pub fn sum(&self, class: FaultClass) -> u64 {
        Fault::ALL
            .into_iter()
            .filter(|fault| fault.class() == class)
            .map(|fault| self.count(fault))
            .sum()
    }
}

impl Serialize for Faults {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            Fault::ALL
                .into_iter()
                .map(|fault| (fault.name(), self.count(fault))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_own_place() {
        let mut faults = Faults::default();
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, index);
            faults.add_many(fault, index as u64 + 1);
        }
        assert_eq!(faults.sum(FaultClass::Misrouted), 11 + 12 + 13 + 14);
        assert_eq!(faults.sum(FaultClass::Corrupted), (1..=10).sum::<u64>());
    }
}
