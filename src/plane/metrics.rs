//! The core's counters as Prometheus metrics, `firstbell_<subsystem>_<noun>_<unit>`.
//!
//! Shards count in plain integers and hand a copy over once a second; the pool's counters are read
//! at the same time. Nothing here is touched by a media thread.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::net_metrics::NetMetrics;
use super::relay_metrics::RelayMetrics;
use crate::handshake::HandshakeHandle;
use crate::net::NetCounters;
use crate::shard::Counters;

pub struct NodeMetrics {
    participants: IntGaugeVec,
    rooms: IntGaugeVec,
    datagrams: IntCounterVec,
    bytes: IntCounterVec,
    drops: IntCounterVec,
    packets: IntCounterVec,
    feedback: IntCounterVec,
    handshakes: IntCounterVec,
    handshake_drops: IntCounterVec,
    associations: IntGaugeVec,
    net: NetMetrics,
    relay: RelayMetrics,
    pool: HandshakeHandle,
}

impl NodeMetrics {
    /// # Errors
    /// A name is taken in `registry`.
    pub fn new(registry: &Registry, pool: HandshakeHandle) -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let vector = IntGaugeVec::new(Opts::new(format!("firstbell_{name}"), help), labels)?;
            registry.register(Box::new(vector.clone()))?;
            Ok::<_, prometheus::Error>(vector)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(format!("firstbell_{name}"), help), labels)?;
            registry.register(Box::new(vector.clone()))?;
            Ok::<_, prometheus::Error>(vector)
        };
        Ok(Self {
            participants: gauges("shard_participants", "Participants by shard", &["shard"])?,
            rooms: gauges("shard_rooms", "Rooms by shard", &["shard"])?,
            datagrams: counters(
                "shard_datagrams_total",
                "UDP datagrams by direction (in, out)",
                &["shard", "direction"],
            )?,
            bytes: counters(
                "shard_bytes_total",
                "UDP payload bytes by direction (in, out)",
                &["shard", "direction"],
            )?,
            drops: counters(
                "shard_drops_total",
                "Datagrams that went no further, by reason",
                &["shard", "reason"],
            )?,
            packets: counters(
                "shard_rtp_packets_total",
                "RTP packets by what became of them",
                &["shard", "outcome"],
            )?,
            feedback: counters(
                "shard_feedback_total",
                "RTCP feedback by kind (keyframe requests, NACKs)",
                &["shard", "kind"],
            )?,
            handshakes: counters("handshake_results_total", "DTLS handshakes", &["result"])?,
            handshake_drops: counters(
                "handshake_drops_total",
                "DTLS datagrams that went no further, by reason",
                &["reason"],
            )?,
            associations: gauges("handshake_associations", "Live DTLS associations", &[])?,
            net: NetMetrics::new(registry)?,
            relay: RelayMetrics::new(registry)?,
            pool,
        })
    }

    /// Takes over one shard's counters, and the pool's.
    pub fn update(&self, shard: usize, counters: &Counters, net: &NetCounters) {
        let shard = shard.to_string();
        let shard = shard.as_str();
        self.participants
            .with_label_values(&[shard])
            .set(gauge(counters.participants));
        self.rooms
            .with_label_values(&[shard])
            .set(gauge(counters.rooms));
        raise(&self.datagrams, &[shard, "in"], counters.datagrams_in);
        raise(&self.datagrams, &[shard, "out"], net.sent.datagrams);
        raise(&self.bytes, &[shard, "in"], counters.bytes_in);
        raise(&self.bytes, &[shard, "out"], counters.bytes_out);
        for (reason, count) in counters.drops() {
            raise(&self.drops, &[shard, reason], count);
        }
        for (reason, count) in [
            ("socket_buffer_full", net.sent.buffer_full),
            ("socket_backlog_full", net.sent.backlog_full),
            ("socket_refused", net.sent.refused),
            ("receive_queue_full", net.received.receive_queue_dropped),
        ] {
            raise(&self.drops, &[shard, reason], count);
        }
        self.net.update(shard, net);
        self.relay.update(shard, &counters.relay, net);
        let forwarding = &counters.forwarding;
        for (outcome, count) in [
            ("accepted", forwarding.packets_accepted),
            ("forwarded", forwarding.packets_forwarded),
            ("retransmitted", forwarding.retransmissions),
            ("before_keyframe", forwarding.packets_before_keyframe),
            ("refused", forwarding.packets_refused),
        ] {
            raise(&self.packets, &[shard, outcome], count);
        }
        for (kind, count) in [
            (
                "keyframe_requests_in",
                forwarding.keyframe_requests_received,
            ),
            ("keyframe_requests_out", forwarding.keyframe_requests_sent),
            ("nacked_sequences_in", forwarding.sequences_nacked),
            ("nacks_out", forwarding.nacks_sent),
        ] {
            raise(&self.feedback, &[shard, kind], count);
        }
        self.update_pool();
    }

    fn update_pool(&self) {
        let counters = self.pool.counters();
        self.associations
            .with_label_values(&[] as &[&str])
            .set(gauge(counters.live));
        for (result, count) in counters.results() {
            raise(&self.handshakes, &[result], count);
        }
        for (reason, count) in counters.drops() {
            raise(&self.handshake_drops, &[reason], count);
        }
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Brings a counter up to `total`. The core's counters only grow, so neither does this one fall.
pub(super) fn raise(counters: &IntCounterVec, labels: &[&str], total: u64) {
    let counter = counters.with_label_values(labels);
    counter.inc_by(total.saturating_sub(counter.get()));
}
