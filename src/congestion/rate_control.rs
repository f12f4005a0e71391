//! Additive or multiplicative increase, multiplicative decrease: what the delay signal makes of the
//! rate.
//!
//! Follows libwebrtc's `AimdRateControl` with its increase in application-limited periods switched
//! off (`WebRTC-DontIncreaseDelayBasedBweInAlr`).

use super::link_capacity::LinkCapacity;
use super::trendline::Usage;

/// Decrease to this share of what arrives.
const BACKOFF: f64 = 0.85;
/// And by this much more, so that a queue drains at low rates too.
const BACKOFF_EXTRA_BPS: f64 = 5_000.0;
/// Growth a second while the link's capacity is not known.
const GROWTH_PER_SECOND: f64 = 1.08;
const MIN_GROWTH_BPS: f64 = 1_000.0;
/// Near the known capacity: about a packet in each response time, at least this a second.
const MIN_ADDITIVE_BPS: f64 = 4_000.0;
const FRAMES_PER_SECOND: f64 = 30.0;
const PACKET_BITS: f64 = 8.0 * 1_200.0;
/// How long the detector takes to see an over-use.
const DETECTION_SECONDS: f64 = 0.1;
/// The rate does not grow beyond what arrives by more than this: there is no evidence for more.
const MAX_OVER_ACKED: f64 = 1.5;
const MAX_OVER_ACKED_BPS: f64 = 10_000.0;
/// Assumed until a round trip is measured.
const DEFAULT_RTT_SECONDS: f64 = 0.2;
/// Wait between two decreases: the round trip, within these.
const MIN_REDUCTION_MICROS: i64 = 10_000;
const MAX_REDUCTION_MICROS: i64 = 200_000;
/// Of the time to grow back after a back-off, within these.
const CALM_FACTOR: f64 = 1.5;
const MIN_CALM_MICROS: i64 = 4_000_000;
const MAX_CALM_MICROS: i64 = 15_000_000;
/// Less than this share of the rate arrives: decrease at once.
const COLLAPSE: f64 = 0.5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Hold,
    Increase,
}

/// What one feedback says.
#[derive(Clone, Copy, Debug)]
pub struct RateInput {
    pub now_us: i64,
    pub usage: Usage,
    pub acked_bps: Option<f64>,
    pub application_limited: bool,
}

#[derive(Debug)]
pub struct RateControl {
    bps: f64,
    min_bps: f64,
    max_bps: f64,
    rtt_seconds: f64,
    /// Without what packets wait in the queue.
    path_seconds: f64,
    capacity: LinkCapacity,
    phase: Phase,
    changed_us: Option<i64>,
    /// When [`is_calm`](Self::is_calm) becomes true again.
    calm_us: i64,
    latest_acked_bps: f64,
}

impl RateControl {
    pub fn new(start_bps: f64, min_bps: f64, max_bps: f64) -> Self {
        Self {
            bps: start_bps.clamp(min_bps, max_bps),
            min_bps,
            max_bps,
            rtt_seconds: DEFAULT_RTT_SECONDS,
            path_seconds: DEFAULT_RTT_SECONDS,
            capacity: LinkCapacity::default(),
            phase: Phase::Hold,
            changed_us: None,
            calm_us: i64::MIN,
            latest_acked_bps: start_bps,
        }
    }

    pub fn bps(&self) -> f64 {
        self.bps
    }

    /// Whether the link was not over-used for longer than the rate takes to come back from a
    /// back-off: then what over-used it has gone.
    pub fn is_calm(&self, now_us: i64) -> bool {
        now_us >= self.calm_us
    }

    fn note_overuse(&mut self, now_us: i64) {
        let regrowth = (1.0 - BACKOFF) * self.bps / self.additive_per_second(self.path_seconds);
        let micros = (CALM_FACTOR * regrowth * 1e6) as i64;
        self.calm_us = now_us + micros.clamp(MIN_CALM_MICROS, MAX_CALM_MICROS);
    }

    /// The round trip, and how much of it is the queue.
    pub fn set_round_trip(&mut self, micros: i64, queue_micros: i64) {
        self.rtt_seconds = micros as f64 / 1e6;
        self.path_seconds = (micros - queue_micros).max(0) as f64 / 1e6;
    }

    /// Takes a rate that was measured otherwise, by a probe.
    pub fn set_bps(&mut self, now_us: i64, bps: f64) {
        self.bps = bps.clamp(self.min_bps, self.max_bps);
        self.changed_us = Some(now_us);
    }

    /// The path turned out to carry only `arrival_bps`: it is not to be asked for more than what
    /// leaves room for the queue to drain.
    pub fn on_collapse(&mut self, now_us: i64, arrival_bps: f64) {
        self.phase = Phase::Hold;
        if BACKOFF * arrival_bps < self.bps {
            self.decrease(now_us, arrival_bps);
        }
        self.note_overuse(now_us);
    }

    pub fn on_feedback(&mut self, input: RateInput) {
        if let Some(acked) = input.acked_bps {
            self.latest_acked_bps = acked;
        }
        match input.usage {
            Usage::Over => self.on_overuse(input),
            // The queue drains: do not disturb it.
            Usage::Under => self.phase = Phase::Hold,
            Usage::Normal => self.increase(input),
        }
    }

    fn on_overuse(&mut self, input: RateInput) {
        self.phase = Phase::Hold;
        match input.acked_bps {
            Some(acked) if self.may_reduce(input.now_us, acked) => {
                self.decrease(input.now_us, acked);
            }
            Some(_) => {}
            // Over-use before anything is measured: the start was far too high.
            None if self.may_reduce(input.now_us, self.bps) => {
                self.set_bps(input.now_us, self.bps / 2.0);
            }
            None => {}
        }
        self.note_overuse(input.now_us);
    }

    fn may_reduce(&self, now_us: i64, acked_bps: f64) -> bool {
        let rtt = (self.rtt_seconds * 1e6) as i64;
        let wait = rtt.clamp(MIN_REDUCTION_MICROS, MAX_REDUCTION_MICROS);
        self.changed_us
            .is_none_or(|changed| now_us - changed >= wait)
            || acked_bps < COLLAPSE * self.bps
    }

    fn decrease(&mut self, now_us: i64, acked_bps: f64) {
        let mut reduced = BACKOFF * acked_bps;
        if reduced > BACKOFF_EXTRA_BPS {
            reduced -= BACKOFF_EXTRA_BPS;
        }
        if reduced > self.bps {
            // More arrives than we think there is. The known capacity may tell.
            reduced = self.capacity.bps().map_or(self.bps, |bps| BACKOFF * bps);
        }
        let reduced = reduced.min(self.bps);
        if self.capacity.is_undercut_by(acked_bps) {
            self.capacity.reset();
        }
        self.capacity.on_overuse(acked_bps);
        self.set_bps(now_us, reduced);
    }

    fn increase(&mut self, input: RateInput) {
        if self.phase == Phase::Hold {
            self.phase = Phase::Increase;
            self.changed_us = Some(input.now_us);
        }
        let acked = self.latest_acked_bps;
        if self.capacity.is_exceeded_by(acked) {
            self.capacity.reset();
        }
        let limit = match input.application_limited {
            true => self.bps,
            false => MAX_OVER_ACKED * acked + MAX_OVER_ACKED_BPS,
        };
        if self.bps < limit {
            let elapsed = self.changed_us.map_or(0, |changed| input.now_us - changed);
            let elapsed = (elapsed as f64 / 1e6).clamp(0.0, 1.0);
            let growth = match self.capacity.bps() {
                Some(_) => self.additive_per_second(self.rtt_seconds) * elapsed,
                None => self.multiplicative(elapsed),
            };
            self.bps = (self.bps + growth)
                .min(limit)
                .clamp(self.min_bps, self.max_bps);
        }
        self.changed_us = Some(input.now_us);
    }

    fn multiplicative(&self, elapsed: f64) -> f64 {
        let growth = self.bps * (GROWTH_PER_SECOND.powf(elapsed) - 1.0);
        growth.max(MIN_GROWTH_BPS * elapsed)
    }

    /// One packet of the size that a video frame of this rate has, in twice the time it takes to see
    /// what came of it.
    fn additive_per_second(&self, rtt_seconds: f64) -> f64 {
        let frame = self.bps / FRAMES_PER_SECOND;
        let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
        let response = 2.0 * (rtt_seconds + DETECTION_SECONDS);
        (packet / response).max(MIN_ADDITIVE_BPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(start: f64) -> RateControl {
        RateControl::new(start, 10e3, 10e6)
    }

    fn input(now_ms: i64, usage: Usage, acked: impl Into<Option<f64>>) -> RateInput {
        RateInput {
            now_us: now_ms * 1_000,
            usage,
            acked_bps: acked.into(),
            application_limited: false,
        }
    }

    /// `seconds` of feedback every 100 ms, all of what is sent arriving.
    fn grow(control: &mut RateControl, from_ms: i64, seconds: i64) {
        for tenth in 0..seconds * 10 {
            let acked = control.bps();
            control.on_feedback(input(from_ms + tenth * 100, Usage::Normal, acked));
        }
    }

    #[test]
    fn grows_by_eight_per_cent_a_second_while_the_capacity_is_unknown() {
        let mut control = control(300e3);
        grow(&mut control, 0, 10);
        let expected = 300e3 * 1.08f64.powf(9.9);
        assert!(
            (control.bps() / expected - 1.0).abs() < 0.01,
            "{}",
            control.bps()
        );
    }

    #[test]
    fn backs_off_from_what_arrives_and_then_grows_slowly() {
        let mut control = control(1e6);
        control.set_round_trip(50_000, 0);
        control.on_feedback(input(0, Usage::Over, 800e3));
        assert_eq!(control.bps(), 0.85 * 800e3 - 5e3);
        // Again only after a round trip, unless next to nothing arrives.
        control.on_feedback(input(20, Usage::Over, 700e3));
        assert_eq!(control.bps(), 675e3);
        control.on_feedback(input(30, Usage::Over, 300e3));
        assert_eq!(control.bps(), 250e3);
        control.on_feedback(input(100, Usage::Under, 300e3));
        assert_eq!(control.bps(), 250e3);
        let before = control.bps();
        grow(&mut control, 200, 1);
        let growth = control.bps() - before;
        assert!((15e3..40e3).contains(&growth), "{growth}");
    }

    #[test]
    fn forgets_the_capacity_when_more_arrives() {
        let mut control = control(500e3);
        control.on_feedback(input(0, Usage::Over, 500e3));
        assert!(control.capacity.bps().is_some());
        control.on_feedback(input(100, Usage::Normal, 600e3));
        assert_eq!(control.capacity.bps(), None);
    }

    #[test]
    fn does_not_grow_beyond_the_evidence() {
        let mut control = control(1e6);
        for n in 0..300 {
            control.on_feedback(input(n * 100, Usage::Normal, 800e3));
        }
        assert_eq!(control.bps(), 1.5 * 800e3 + 10e3);
        let mut limited = RateControl::new(1e6, 10e3, 10e6);
        for n in 0..100 {
            let input = input(n * 100, Usage::Normal, 40e3);
            limited.on_feedback(RateInput {
                application_limited: true,
                ..input
            });
        }
        assert_eq!(limited.bps(), 1e6);
    }

    #[test]
    fn halves_when_over_used_before_anything_is_known_and_stays_in_bounds() {
        let mut control = control(300e3);
        control.on_feedback(input(0, Usage::Over, None));
        assert_eq!(control.bps(), 150e3);
        for n in 1..100 {
            control.on_feedback(input(n * 300, Usage::Over, None));
        }
        assert_eq!(control.bps(), 10e3);
        control.set_bps(40_000, 1e12);
        assert_eq!(control.bps(), 10e6);
    }

    #[test]
    fn over_use_never_raises_the_rate() {
        let mut control = control(300e3);
        control.on_feedback(input(0, Usage::Over, 2e6));
        assert_eq!(control.bps(), 300e3);
    }
}
