//! What signalling counts. Labels have few values, all known here; none names a person.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Join latency, in seconds, from the client's message to its answer.
const JOIN_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

pub(crate) struct Metrics {
    pub participants: IntGauge,
    pub rooms: IntGauge,
    pub sockets: IntGauge,
    /// By `result`: `joined`, `rejoined`, `resumed`, `abandoned`, or the code of the refusal.
    pub joins: IntCounterVec,
    pub join_latency: Histogram,
    /// By `type` and `direction` (`in`, `out`).
    pub messages: IntCounterVec,
    /// By `code`, for every `error`, `refused` and `ended`.
    pub errors: IntCounterVec,
    /// Events of the media plane that a room could not take in time.
    pub media_events_dropped: IntCounter,
}

impl Metrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("firstbell_signaling_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let opts = Opts::new(format!("firstbell_signaling_{name}"), help);
            let counters = IntCounterVec::new(opts, labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let join_latency = Histogram::with_opts(
            HistogramOpts::new(
                "firstbell_signaling_join_latency_seconds",
                "From a join message to its final answer",
            )
            .buckets(JOIN_BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(join_latency.clone()))?;
        let media_events_dropped = IntCounter::new(
            "firstbell_signaling_media_events_dropped_total",
            "Events of the media plane dropped because a room's mailbox stayed full",
        )?;
        registry.register(Box::new(media_events_dropped.clone()))?;
        Ok(Self {
            participants: gauge(
                "participants",
                "People in rooms, those who may resume included",
            )?,
            rooms: gauge("rooms", "Rooms with at least one person")?,
            sockets: gauge("sockets", "Open WebSockets")?,
            joins: counters("joins_total", "Joins and resumes by result", &["result"])?,
            join_latency,
            messages: counters(
                "messages_total",
                "WebSocket messages by type and direction",
                &["type", "direction"],
            )?,
            errors: counters("errors_total", "Errors told to clients by code", &["code"])?,
            media_events_dropped,
        })
    }
}
