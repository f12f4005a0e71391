//! What goes out: slots, numbering across switches, retransmission.

pub mod rewriter;

use crate::media::{ParticipantId, Source};

/// Names a track within a room: whose, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackKey {
    pub participant: ParticipantId,
    pub source: Source,
}
