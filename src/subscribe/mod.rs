//! What goes out: slots, numbering across switches, retransmission.

pub mod allocation;
pub mod egress;
pub mod history;
pub mod picture_numbers;
pub mod redundancy;
pub mod rewriter;
pub mod slot;

pub use egress::{EgressLink, RtpSink};
pub use slot::{Forwarded, Retransmitted, Slot, SlotSeed};

use crate::media::{ParticipantId, Source};

/// Names a track within a room: whose, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackKey {
    pub participant: ParticipantId,
    pub source: Source,
}
