//! The bounds of one shard.

/// What one shard may hold. Every bound is a refusal, never a wait.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// Which shard of the node this is.
    pub index: usize,
    /// Shards of the node.
    pub shards: usize,
    /// Joins beyond this are refused with [`EndReason::ShardFull`](super::EndReason::ShardFull).
    pub max_participants: usize,
    /// Joins that would open one more room are refused alike.
    pub max_rooms: usize,
    /// Joins into a room that has this many are refused alike. Together with the slots of each it
    /// bounds what one ingress packet can cost.
    pub max_participants_per_room: usize,
    /// Waiting lifecycle events ([`Event::Connected`](super::Event::Connected),
    /// [`Event::Ended`](super::Event::Ended)). Above it joins are refused, so that the queue stays
    /// within this plus two per participant; the refusals' own events are then dropped and counted.
    pub max_events: usize,
    /// DTLS datagrams waiting for the handshake pool. Above it further ones are dropped and
    /// counted (DTLS retransmits).
    pub max_handshake_inputs: usize,
    /// Bytes that may wait to be carried to one other shard. Above it packets are dropped and
    /// counted, and state waits.
    pub max_relay_bytes: usize,
}

impl ShardConfig {
    pub fn new(index: usize) -> Self {
        Self {
            index,
            shards: index + 1,
            max_participants: 4_096,
            max_rooms: 2_048,
            max_participants_per_room: 512,
            max_events: 4_096,
            max_handshake_inputs: 1_024,
            max_relay_bytes: 512 * 1024,
        }
    }
}
