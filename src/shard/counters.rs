//! What a shard counts. Plain numbers of one thread; `net` publishes them.

use crate::room::ForwardingCounters;
use crate::room::relay::RelayCounters;
use crate::transport::DropReason;

#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Gauges; all others only grow.
    pub participants: u64,
    pub rooms: u64,

    pub datagrams_in: u64,
    pub bytes_in: u64,
    /// Datagrams written to the arena; what the socket then does with them is `net`'s to count.
    pub datagrams_out: u64,
    pub bytes_out: u64,
    pub joins: u64,
    pub joins_refused: u64,
    /// Checks from an address that is another participant's path.
    pub addresses_taken: u64,
    /// Lifecycle events lost because nobody polled them.
    pub events_dropped: u64,
    /// DTLS datagrams lost because nobody polled them.
    pub handshake_datagrams_dropped: u64,
    pub forwarding: ForwardingCounters,
    pub relay: RelayCounters,
    drops: [u64; DropReason::ALL.len()],
}

impl Counters {
    pub(super) fn count_drop(&mut self, reason: DropReason) {
        self.drops[reason.index()] += 1;
    }

    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops[reason.index()]
    }

    /// Every reason for which a datagram went no further, by its name in metrics.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let transport = DropReason::ALL
            .into_iter()
            .map(|reason| (reason.as_str(), self.dropped(reason)));
        transport
            .chain([("address_taken", self.addresses_taken)])
            .chain(self.forwarding.drops())
    }
}
