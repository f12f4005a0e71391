//! What rooms that are spread over several shards cost and lose between them, as Prometheus metrics
//! `firstbell_relay_...`, by the shard that counts.

use prometheus::{IntCounterVec, Opts, Registry};

use super::metrics::raise;
use crate::net::NetCounters;
use crate::shard::RelayCounters;

pub(super) struct RelayMetrics {
    packets: IntCounterVec,
    drops: IntCounterVec,
    states: IntCounterVec,
    keyframe_requests: IntCounterVec,
    nacked_packets: IntCounterVec,
    queue_full: IntCounterVec,
}

impl RelayMetrics {
    /// # Errors
    /// A name is taken in `registry`.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, label: Option<&str>| {
            let options = Opts::new(format!("firstbell_relay_{name}_total"), help);
            let labels: Vec<_> = std::iter::once("shard").chain(label).collect();
            let vector = IntCounterVec::new(options, &labels)?;
            registry.register(Box::new(vector.clone()))?;
            Ok::<_, prometheus::Error>(vector)
        };
        Ok(Self {
            packets: counters(
                "packets",
                "Packets carried between shards, by direction (in, out, resent)",
                Some("direction"),
            )?,
            drops: counters(
                "drops",
                "Packets and messages that went no further, by reason: queue_full (not written), \
                 repeated, unknown (of nobody here), refused (not understood)",
                Some("reason"),
            )?,
            states: counters(
                "states",
                "Messages about people, tracks and wants, by direction (in, out)",
                Some("direction"),
            )?,
            keyframe_requests: counters(
                "keyframe_requests",
                "Keyframe requests between shards, by direction (in, out)",
                Some("direction"),
            )?,
            nacked_packets: counters(
                "nacked_packets",
                "Packets that one shard asked another for again, by direction (in, out)",
                Some("direction"),
            )?,
            queue_full: counters(
                "queue_full",
                "Times a queue to another shard took no more, so that messages waited",
                None,
            )?,
        })
    }

    pub fn update(&self, shard: &str, relay: &RelayCounters, net: &NetCounters) {
        for (metric, label, count) in [
            (&self.packets, "out", relay.packets_out),
            (&self.packets, "in", relay.packets_in),
            (&self.packets, "resent", relay.resent),
            (&self.drops, "queue_full", relay.packets_dropped),
            (&self.drops, "repeated", relay.packets_repeated),
            (&self.drops, "unknown", relay.packets_unknown),
            (&self.drops, "refused", relay.refused),
            (&self.states, "out", relay.states_out),
            (&self.states, "in", relay.states_in),
            (&self.keyframe_requests, "out", relay.keyframe_requests_out),
            (&self.keyframe_requests, "in", relay.keyframe_requests_in),
            (&self.nacked_packets, "out", relay.nacked_out),
            (&self.nacked_packets, "in", relay.nacked_in),
        ] {
            raise(metric, &[shard, label], count);
        }
        raise(&self.queue_full, &[shard], net.relay_blocked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_taken_over_by_shard() {
        let registry = Registry::new();
        let metrics = RelayMetrics::new(&registry).unwrap();
        let relay = RelayCounters {
            packets_out: 5,
            packets_dropped: 2,
            keyframe_requests_in: 1,
            ..RelayCounters::default()
        };
        let net = NetCounters {
            relay_blocked: 3,
            ..NetCounters::default()
        };
        metrics.update("0", &relay, &net);
        metrics.update("0", &RelayCounters::default(), &NetCounters::default());
        let of = |metric: &IntCounterVec, labels: &[&str]| metric.with_label_values(labels).get();
        assert_eq!(of(&metrics.packets, &["0", "out"]), 5);
        assert_eq!(of(&metrics.drops, &["0", "queue_full"]), 2);
        assert_eq!(of(&metrics.keyframe_requests, &["0", "in"]), 1);
        assert_eq!(of(&metrics.queue_full, &["0"]), 3);
        let names = registry.gather();
        assert!(
            names
                .iter()
                .all(|family| family.name().starts_with("firstbell_relay_"))
        );
    }
}
