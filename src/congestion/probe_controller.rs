//! When to probe for more, and at which rates.
//!
//! Follows libwebrtc's `ProbeController`: exponential probing at the start and as long as it finds
//! more, a probe for what was there before a drop. Where that probes because little is sent, we
//! probe because more is wanted: a subscriber whose layers all fit causes no padding at all, and one
//! whose line has opened again gets the better layer though it uses all it has.

use arrayvec::ArrayVec;

use super::estimator::{Limit, Outlook};

/// Rates of one plan.
pub const MAX_PLANNED: usize = 2;

/// Of the estimate, at the start.
const FIRST_SCALE: f64 = 3.0;
const SECOND_SCALE: f64 = 6.0;
/// Of the estimate, later.
const SCALE: f64 = 2.0;
/// A result above this share of the rate probed makes a further probe worth it.
const CONTINUE_ABOVE: f64 = 0.7;
/// Not more than this over what is wanted: measured rates are a little below those probed.
const MAX_OVER_WANTED: f64 = 1.5;
/// While losses limit the estimate.
const LOSS_SCALE: f64 = 1.5;
/// A probe that could not find more than this is none.
const MIN_GAIN: f64 = 1.05;

/// Wait for a probe's result.
const MAX_WAIT_MICROS: i64 = 1_000_000;
/// Between probes while more is wanted.
pub const PROBE_INTERVAL_MICROS: i64 = 5_000_000;
/// Before a probe because more is wanted than before.
const MIN_INTERVAL_MICROS: i64 = 1_000_000;
/// What counts as more.
const MORE_WANTED: f64 = 1.2;

/// A drop: to less than this share of the highest estimate within [`DROP_MICROS`].
const DROP: f64 = 0.66;
const DROP_MICROS: i64 = 5_000_000;
/// Probed after a drop, of what was there before.
const RECOVERY_SCALE: f64 = 0.85;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Idle,
    /// For the result of a probe, which leads to another if it is above.
    Waiting {
        since_us: i64,
        continue_above_bps: f64,
        /// Something was measured.
        answered: bool,
    },
}

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct ProbeView {
    pub now_us: i64,
    pub capacity_bps: f64,
    pub limit: Limit,
    /// Less is sent than the estimate allows, so that only a probe can raise it; or nothing has
    /// over-used the path for a while, so that it may have become wider. Else what is sent is a
    /// probe already, and fairer to others on the path than one at twice the rate.
    pub useful: bool,
    /// A probe gave a result just now.
    pub measured: bool,
    /// The queue of an over-use was found empty again just now.
    pub recovered: bool,
}

#[derive(Clone, Copy, Debug)]
struct Drop {
    before_bps: f64,
    at_us: i64,
}

#[derive(Debug)]
pub struct ProbeController {
    max_bps: f64,
    wanted_bps: f64,
    /// The highest rate wanted that was probed for.
    answered_bps: f64,
    phase: Phase,
    probed_us: Option<i64>,
    /// The highest estimate of late.
    peak: Option<(f64, i64)>,
    drop: Option<Drop>,
    /// The queue after that is gone.
    recovered: bool,
    recovery_us: Option<i64>,
}

pub type ProbePlan = ArrayVec<f64, MAX_PLANNED>;

impl ProbeController {
    pub fn new(max_bps: f64) -> Self {
        Self {
            max_bps,
            wanted_bps: 0.0,
            answered_bps: 0.0,
            phase: Phase::Idle,
            probed_us: None,
            peak: None,
            drop: None,
            recovered: false,
            recovery_us: None,
        }
    }

    /// What the subscriber would be sent if its line allowed. Lower than the estimate: no probes.
    pub fn set_wanted(&mut self, bps: f64) {
        self.wanted_bps = bps;
        self.answered_bps = self.answered_bps.min(bps);
    }

    /// When the plan may change without feedback.
    pub fn poll_timeout_us(&self, outlook: &Outlook, useful: bool) -> Option<i64> {
        match self.phase {
            Phase::Waiting { since_us, .. } => Some(since_us + MAX_WAIT_MICROS),
            Phase::Idle => {
                let due = self
                    .probed_us
                    .map_or(i64::MIN, |probed| probed + PROBE_INTERVAL_MICROS);
                // What forbids a probe now ends with a feedback.
                let may = scale(outlook.limit).is_some() && useful;
                (may && self.wants_more(outlook.capacity_bps)).then_some(due)
            }
        }
    }

    /// Rates to probe now, one after the other. To be called after each feedback and timeout.
    pub fn plan(&mut self, view: ProbeView) -> ProbePlan {
        self.note_drop(view);
        if let Phase::Waiting {
            since_us,
            continue_above_bps,
            answered,
        } = &mut self.phase
        {
            *answered |= view.measured;
            let (since_us, continue_above_bps, answered) =
                (*since_us, *continue_above_bps, *answered);
            if view.capacity_bps > continue_above_bps {
                self.phase = Phase::Idle;
                return self.probe(view, &[SCALE * view.capacity_bps]);
            }
            if view.now_us - since_us < MAX_WAIT_MICROS {
                return ProbePlan::new();
            }
            self.phase = Phase::Idle;
            if !answered {
                // Lost, or in the wake of a frame of ours: not worth a whole interval.
                self.probed_us = Some(view.now_us - PROBE_INTERVAL_MICROS);
            }
        }
        if let Some(before_bps) = self.recovery(view) {
            return self.probe(view, &[before_bps]);
        }
        if !self.wants_more(view.capacity_bps) {
            return ProbePlan::new();
        }
        let since = self.probed_us.map(|probed| view.now_us - probed);
        let more = self.wanted_bps > MORE_WANTED * self.answered_bps;
        match since {
            None => self.probe(
                view,
                &[
                    FIRST_SCALE * view.capacity_bps,
                    SECOND_SCALE * view.capacity_bps,
                ],
            ),
            Some(since)
                if view.useful
                    && (since >= PROBE_INTERVAL_MICROS || more && since >= MIN_INTERVAL_MICROS) =>
            {
                self.probe(view, &[SCALE * view.capacity_bps])
            }
            Some(_) => ProbePlan::new(),
        }
    }

    fn wants_more(&self, capacity_bps: f64) -> bool {
        self.wanted_bps > capacity_bps && capacity_bps * MIN_GAIN < self.max_bps
    }

    fn note_drop(&mut self, view: ProbeView) {
        let ProbeView {
            now_us,
            capacity_bps,
            ..
        } = view;
        let fresh = self.peak.filter(|(_, at)| now_us - at <= DROP_MICROS);
        match fresh {
            Some((peak, _)) if capacity_bps < DROP * peak => {
                let latest = self.drop.filter(|drop| now_us - drop.at_us <= DROP_MICROS);
                let before_bps = latest.map_or(peak, |drop| drop.before_bps.max(peak));
                self.drop = Some(Drop {
                    before_bps,
                    at_us: now_us,
                });
                self.peak = Some((capacity_bps, now_us));
            }
            Some((peak, _)) if capacity_bps < peak => {}
            _ => self.peak = Some((capacity_bps, now_us)),
        }
    }

    /// The rate to try again after a drop.
    fn recovery(&mut self, view: ProbeView) -> Option<f64> {
        self.recovered |= view.recovered;
        if !self.recovered || view.limit != Limit::None || !self.wants_more(view.capacity_bps) {
            return None;
        }
        self.recovered = false;
        let drop = self.drop?;
        let rate = RECOVERY_SCALE * drop.before_bps;
        let recent = view.now_us - drop.at_us <= DROP_MICROS;
        let tried = self
            .recovery_us
            .is_some_and(|at| view.now_us - at < PROBE_INTERVAL_MICROS);
        if !recent || tried || rate < MIN_GAIN * view.capacity_bps {
            return None;
        }
        self.recovery_us = Some(view.now_us);
        Some(rate)
    }

    fn probe(&mut self, view: ProbeView, rates: &[f64]) -> ProbePlan {
        let Some(scale) = scale(view.limit) else {
            return ProbePlan::new();
        };
        let cap = (scale * view.capacity_bps)
            .min(self.max_bps)
            .min(MAX_OVER_WANTED * self.wanted_bps);
        let mut plan = ProbePlan::new();
        let mut further = true;
        for &rate in rates.iter().take(MAX_PLANNED) {
            if rate >= cap && plan.last().is_some_and(|last| *last >= cap) {
                break;
            }
            further &= rate < cap;
            plan.push(rate.min(cap));
        }
        plan.retain(|rate| *rate > MIN_GAIN * view.capacity_bps);
        let Some(&last) = plan.last() else {
            return plan;
        };
        self.probed_us = Some(view.now_us);
        self.answered_bps = self.answered_bps.max(self.wanted_bps);
        if further {
            self.phase = Phase::Waiting {
                since_us: view.now_us,
                continue_above_bps: CONTINUE_ABOVE * last,
                answered: false,
            };
        }
        plan
    }
}

/// How far above the estimate a probe may go; `None` while it would add to the trouble, or find
/// nothing.
fn scale(limit: Limit) -> Option<f64> {
    match limit {
        Limit::None => Some(f64::INFINITY),
        Limit::LossRecovering => Some(LOSS_SCALE),
        Limit::Delay | Limit::Draining | Limit::Loss | Limit::Receiver | Limit::Silence => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Probing {
        controller: ProbeController,
        now_ms: i64,
        limit: Limit,
    }

    impl Probing {
        fn new(wanted: f64) -> Self {
            let mut controller = ProbeController::new(10e6);
            controller.set_wanted(wanted);
            Self {
                controller,
                now_ms: 0,
                limit: Limit::None,
            }
        }

        fn timeout(&self, capacity_bps: f64) -> Option<i64> {
            let outlook = Outlook {
                target_bps: capacity_bps,
                capacity_bps,
                loss: 0.0,
                queue_us: 0,
                calm: true,
                in_doubt: false,
                limit: self.limit,
            };
            self.controller.poll_timeout_us(&outlook, true)
        }

        fn plan(&mut self, after_ms: i64, capacity: f64, recovered: bool) -> Vec<f64> {
            self.now_ms += after_ms;
            let plan = self.controller.plan(ProbeView {
                now_us: self.now_ms * 1_000,
                capacity_bps: capacity,
                limit: self.limit,
                useful: true,
                measured: true,
                recovered,
            });
            plan.iter().map(|rate| (rate / 1e3).round()).collect()
        }
    }

    #[test]
    fn starts_exponentially_and_goes_on_while_it_finds_more() {
        let mut probing = Probing::new(4e6);
        assert_eq!(probing.plan(0, 300e3, false), [900.0, 1800.0]);
        assert!(probing.plan(100, 850e3, false).is_empty());
        assert_eq!(probing.plan(100, 1_700e3, false), [3400.0]);
        assert_eq!(probing.plan(100, 3_000e3, false), [6000.0]);
        // Capped by what is wanted: no further one.
        assert!(probing.plan(100, 5_900e3, false).is_empty());
        assert_eq!(probing.timeout(5_900e3), None);
    }

    #[test]
    fn nothing_wanted_nothing_probed() {
        let mut probing = Probing::new(0.0);
        assert!(probing.plan(0, 300e3, false).is_empty());
        probing.controller.set_wanted(200e3);
        assert!(probing.plan(10_000, 300e3, false).is_empty());
        assert_eq!(probing.timeout(300e3), None);
        probing.controller.set_wanted(500e3);
        assert_eq!(probing.plan(0, 300e3, false), [750.0]);
    }

    #[test]
    fn probes_every_five_seconds_while_more_is_wanted() {
        let mut probing = Probing::new(3e6);
        probing.plan(0, 300e3, false);
        assert!(probing.plan(2_000, 500e3, false).is_empty());
        assert_eq!(probing.timeout(500e3), Some(5_000_000));
        assert_eq!(probing.plan(3_000, 500e3, false), [1000.0]);
        // It found nothing.
        assert!(probing.plan(1_500, 500e3, false).is_empty());
        // Somebody wants a better layer: not later than needed.
        probing.controller.set_wanted(5e6);
        assert_eq!(probing.plan(0, 500e3, false), [1000.0]);
        assert!(probing.plan(1_500, 500e3, false).is_empty());
    }

    #[test]
    fn a_drop_is_followed_by_a_probe_for_what_was_before() {
        let mut probing = Probing::new(5e6);
        probing.plan(0, 3e6, false);
        probing.plan(3_000, 3e6, false);
        for capacity in [2.2e6, 1.5e6, 1e6, 0.6e6, 0.42e6] {
            probing.limit = Limit::Delay;
            assert!(probing.plan(100, capacity, false).is_empty());
        }
        probing.limit = Limit::None;
        assert_eq!(probing.plan(1_000, 420e3, true), [2550.0]);
        assert!(probing.plan(1_100, 420e3, true).is_empty());
    }

    #[test]
    fn does_not_probe_into_trouble() {
        let mut probing = Probing::new(5e6);
        for limit in [
            Limit::Delay,
            Limit::Draining,
            Limit::Loss,
            Limit::Receiver,
            Limit::Silence,
        ] {
            probing.limit = limit;
            assert!(probing.plan(6_000, 1e6, true).is_empty(), "{limit:?}");
        }
        probing.limit = Limit::LossRecovering;
        assert_eq!(probing.plan(0, 1e6, false), [1500.0]);
    }
}
