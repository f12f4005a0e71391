//! What the rooms of a shard count.

use crate::publish::TrackDrop;

/// Why an authenticated RTP packet went no further than its participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaDrop {
    /// Neither SSRC, MID nor payload type says which track it belongs to.
    UnknownStream,
    /// One more SSRC than [`MAX_STREAMS`](super::streams::MAX_STREAMS).
    StreamTableFull,
    /// The participant may not send this source.
    NotPermitted,
    Track(TrackDrop),
}

impl MediaDrop {
    const ROOM: [&'static str; 3] = ["unknown_stream", "stream_table_full", "not_permitted"];
    /// Number of reasons.
    pub const COUNT: usize = Self::ROOM.len() + TrackDrop::ALL.len();

    fn index(self) -> usize {
        match self {
            MediaDrop::UnknownStream => 0,
            MediaDrop::StreamTableFull => 1,
            MediaDrop::NotPermitted => 2,
            MediaDrop::Track(reason) => Self::ROOM.len() + reason as usize,
        }
    }

    fn names() -> impl Iterator<Item = &'static str> {
        let tracks = TrackDrop::ALL.into_iter().map(TrackDrop::as_str);
        Self::ROOM.into_iter().chain(tracks)
    }
}

impl From<TrackDrop> for MediaDrop {
    fn from(reason: TrackDrop) -> Self {
        MediaDrop::Track(reason)
    }
}

/// All only grow.
#[derive(Clone, Debug, Default)]
pub struct ForwardingCounters {
    /// RTP packets accepted by a track.
    pub packets_accepted: u64,
    /// RTP packets sent to subscribers, without retransmissions.
    pub packets_forwarded: u64,
    /// Copies not sent because the slot waits for a keyframe.
    pub packets_before_keyframe: u64,
    /// Copies that the slot or the send arena refused.
    pub packets_refused: u64,
    /// Sequence numbers that subscribers' NACKs named.
    pub sequences_nacked: u64,
    pub retransmissions: u64,
    /// Nacked packets that could not be sent again.
    pub retransmissions_missed: u64,
    /// PLI and FIR from subscribers.
    pub keyframe_requests_received: u64,
    /// PLI and FIR to publishers.
    pub keyframe_requests_sent: u64,
    /// NACK packets to publishers.
    pub nacks_sent: u64,
    /// RTCP compounds that do not parse.
    pub malformed_rtcp: u64,
    drops: [u64; MediaDrop::COUNT],
}

impl ForwardingCounters {
    pub fn count_drop(&mut self, reason: MediaDrop) {
        self.drops[reason.index()] += 1;
    }

    pub fn dropped(&self, reason: MediaDrop) -> u64 {
        self.drops[reason.index()]
    }

    /// Every reason by its name in metrics.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        MediaDrop::names().zip(self.drops.iter().copied())
    }
}
