//! How well the sockets' work is batched, as Prometheus metrics `firstbell_net_...`.
//!
//! Dropped datagrams are with all others in `firstbell_shard_drops_total`; the kernel's receive queue
//! has a counter of its own as well, because it is the first thing to look at when media stutters.

use prometheus::{IntCounterVec, Opts, Registry};

use super::metrics::raise;
use crate::net::{BUCKET_LABELS, DatagramBuckets, NetCounters};

pub(super) struct NetMetrics {
    calls: IntCounterVec,
    messages: IntCounterVec,
    segments: IntCounterVec,
    sent_messages: IntCounterVec,
    sent_datagrams: IntCounterVec,
    received_messages: IntCounterVec,
    blocked: IntCounterVec,
    kept: IntCounterVec,
    unsegmented: IntCounterVec,
    receive_queue_dropped: IntCounterVec,
}

impl NetMetrics {
    /// # Errors
    /// A name is taken in `registry`.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let options = Opts::new(format!("firstbell_net_{name}_total"), help);
            let vector = IntCounterVec::new(options, labels)?;
            registry.register(Box::new(vector.clone()))?;
            Ok::<_, prometheus::Error>(vector)
        };
        let directed = ["shard", "direction"];
        let sized = ["shard", "datagrams"];
        Ok(Self {
            calls: counters(
                "calls",
                "System calls that moved datagrams, by direction (in, out)",
                &directed,
            )?,
            messages: counters(
                "messages",
                "Messages, each one datagram or a run of segments, by direction (in, out)",
                &directed,
            )?,
            segments: counters(
                "segments",
                "Datagrams that shared a message with others, by direction (in, out)",
                &directed,
            )?,
            sent_messages: counters(
                "sent_messages",
                "Messages sent, by how many datagrams each had",
                &sized,
            )?,
            sent_datagrams: counters(
                "sent_datagrams",
                "Datagrams sent, by how many the message had that each was in",
                &sized,
            )?,
            received_messages: counters(
                "received_messages",
                "Messages received, by how many datagrams each had",
                &sized,
            )?,
            blocked: counters(
                "send_buffer_full",
                "Times a socket took no more datagrams",
                &["shard"],
            )?,
            kept: counters(
                "kept",
                "Small datagrams that waited for a socket to take more",
                &["shard"],
            )?,
            unsegmented: counters(
                "unsegmented",
                "Runs the kernel refused as segments, sent one by one",
                &["shard"],
            )?,
            receive_queue_dropped: counters(
                "receive_queue_dropped",
                "Datagrams the kernel dropped because a receive buffer was full",
                &["shard"],
            )?,
        })
    }

    pub fn update(&self, shard: &str, net: &NetCounters) {
        let (sent, received) = (&net.sent, &net.received);
        for (metric, outgoing, incoming) in [
            (&self.calls, sent.calls, received.calls),
            (&self.messages, sent.messages, received.messages),
            (&self.segments, sent.segments, received.segments),
        ] {
            raise(metric, &[shard, "out"], outgoing);
            raise(metric, &[shard, "in"], incoming);
        }
        raise_buckets(&self.sent_messages, shard, &sent.per_message);
        raise_buckets(&self.sent_datagrams, shard, &sent.datagrams_by_message);
        raise_buckets(&self.received_messages, shard, &received.per_message);
        raise(&self.blocked, &[shard], sent.blocked);
        raise(&self.kept, &[shard], sent.kept);
        raise(&self.unsegmented, &[shard], sent.unsegmented);
        raise(
            &self.receive_queue_dropped,
            &[shard],
            received.receive_queue_dropped,
        );
    }
}

fn raise_buckets(metric: &IntCounterVec, shard: &str, buckets: &DatagramBuckets) {
    for (label, count) in BUCKET_LABELS.iter().zip(buckets) {
        raise(metric, &[shard, label], *count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_taken_over_by_shard_and_never_fall() {
        let registry = Registry::new();
        let metrics = NetMetrics::new(&registry).unwrap();
        let mut net = NetCounters::default();
        net.sent.calls = 3;
        net.sent.per_message[2] = 5;
        net.received.receive_queue_dropped = 7;
        metrics.update("1", &net);
        metrics.update("1", &NetCounters::default());
        assert_eq!(metrics.calls.with_label_values(&["1", "out"]).get(), 3);
        let of_four = metrics.sent_messages.with_label_values(&["1", "3-4"]);
        assert_eq!(of_four.get(), 5);
        assert_eq!(
            metrics
                .receive_queue_dropped
                .with_label_values(&["1"])
                .get(),
            7
        );
        let names: Vec<_> = registry.gather();
        assert!(
            names
                .iter()
                .all(|family| family.name().starts_with("firstbell_net_"))
        );
    }
}
