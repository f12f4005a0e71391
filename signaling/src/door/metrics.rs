//! What admission counts: `firstbell_admission_...`.

use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

use crate::admission::gate::GateState;
use crate::admission::ladder::Step;

/// From a join's arrival to its admission, in seconds.
const WAIT_BUCKETS: &[f64] = &[
    0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0,
];

pub(super) struct DoorMetrics {
    queue_length: IntGauge,
    kept_places: IntGauge,
    lessons: IntGauge,
    reserved: Gauge,
    step: IntGauge,
    pub waiting: Histogram,
    pub admitted: IntCounter,
    /// By `reason`.
    pub refused: IntCounterVec,
}

impl DoorMetrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("firstbell_admission_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let reserved = Gauge::new(
            "firstbell_admission_reserved_ratio",
            "Share of the node's capacity that classes hold",
        )?;
        registry.register(Box::new(reserved.clone()))?;
        let waiting = Histogram::with_opts(
            HistogramOpts::new(
                "firstbell_admission_waiting_seconds",
                "From a join's arrival to its admission",
            )
            .buckets(WAIT_BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(waiting.clone()))?;
        let admitted = IntCounter::new("firstbell_admission_admitted_total", "Joins let in")?;
        registry.register(Box::new(admitted.clone()))?;
        let refused = IntCounterVec::new(
            Opts::new(
                "firstbell_admission_refused_total",
                "Joins not let in, by reason",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        Ok(Self {
            queue_length: gauge("queue_length", "Joins that wait to be let in")?,
            kept_places: gauge("kept_places", "Places kept for people sent away")?,
            lessons: gauge("lessons", "Lessons announced and not over")?,
            reserved,
            step: gauge(
                "ladder_step",
                "Step of the brownout ladder: 0 full service to 5 joins come in slowly",
            )?,
            waiting,
            admitted,
            refused,
        })
    }

    pub fn show(&self, state: &GateState) {
        self.queue_length.set(gauge_value(state.waiting));
        self.kept_places.set(gauge_value(state.kept_places));
        self.lessons.set(gauge_value(state.lessons));
        self.reserved.set(state.reserved);
    }

    pub fn show_step(&self, step: Step) {
        let number = Step::ALL.iter().position(|other| *other == step);
        self.step.set(gauge_value(number.unwrap_or_default()));
    }
}

fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
