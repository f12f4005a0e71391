//! What the relay of a shard counts.

/// All only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounters {
    /// Copies of packets written for other shards.
    pub packets_out: u64,
    /// Copies not written because the outbox was full.
    pub packets_dropped: u64,
    /// Packets that came and were new.
    pub packets_in: u64,
    /// Packets that came a second time: asked for, and then both came.
    pub packets_repeated: u64,
    /// Packets of somebody who is not known, or no longer.
    pub packets_unknown: u64,
    /// Whole states written and taken.
    pub states_out: u64,
    pub states_in: u64,
    /// Keyframe requests to other shards, and from them.
    pub keyframe_requests_out: u64,
    pub keyframe_requests_in: u64,
    /// Packets asked for again, and those that others asked us for.
    pub nacked_out: u64,
    pub nacked_in: u64,
    /// Packets written again for those who asked.
    pub resent: u64,
    /// Messages that do not parse, and people beyond
    /// [`MAX_REMOTE_PARTICIPANTS`](super::MAX_REMOTE_PARTICIPANTS).
    pub refused: u64,
}
