//! How much join work a second takes: a token bucket, kept as the one instant at which it would be
//! full again.

use std::time::{Duration, Instant};

use super::work::JoinWork;

/// A slower pace than this would let one person wait for ever.
const LEAST_UNITS_PER_SECOND: f64 = 1.0;

/// Long enough never to matter, short enough to add to any instant.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug)]
pub struct Pace {
    units_per_second: f64,
    /// Work that passes at once after a rest.
    burst_units: f64,
    /// When everything let through so far is paid for. `None`: nothing was let through yet.
    paid_at: Option<Instant>,
}

impl Pace {
    /// `joins_per_second` ordinary joins in the long run, `burst` of them at once after a rest.
    pub fn new(joins_per_second: u32, burst: u32) -> Self {
        let ordinary = JoinWork::ORDINARY.units() as f64;
        Self {
            units_per_second: (f64::from(joins_per_second) * ordinary).max(LEAST_UNITS_PER_SECOND),
            // The dearest join has to fit, or it would never pass.
            burst_units: (f64::from(burst) * ordinary).max(JoinWork::MOST.units() as f64),
            paid_at: None,
        }
    }

    pub fn units_per_second(&self) -> f64 {
        self.units_per_second
    }

    /// Goes on at another pace. What was let through is paid for at the old one.
    pub fn set_units_per_second(&mut self, units: f64) {
        self.units_per_second = units.max(LEAST_UNITS_PER_SECOND);
    }

    /// Whether `work` may be let through now; if so, it is counted.
    pub fn take(&mut self, now: Instant, work: JoinWork) -> bool {
        if self.wait(now, work) > Duration::ZERO {
            return false;
        }
        let from = self.paid_at.map_or(now, |at| at.max(now));
        self.paid_at = Some(from + self.time_of(work.units() as f64));
        true
    }

    /// How long until `work` may pass, if nothing else does before.
    pub fn wait(&self, now: Instant, work: JoinWork) -> Duration {
        let Some(paid_at) = self.paid_at else {
            return Duration::ZERO;
        };
        let saved = self.time_of(self.burst_units - work.units() as f64);
        paid_at.saturating_duration_since(now).saturating_sub(saved)
    }

    fn time_of(&self, units: f64) -> Duration {
        seconds(units / self.units_per_second)
    }
}

/// A duration of `seconds`; a day where it is longer, nothing where it is negative or no number.
pub(super) fn seconds(seconds: f64) -> Duration {
    if seconds <= 0.0 || seconds.is_nan() {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(seconds).map_or(LONGEST, |duration| duration.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Ordinary joins that pass at `now`.
    fn passing(pace: &mut Pace, now: Instant) -> usize {
        (0..10_000)
            .take_while(|_| pace.take(now, JoinWork::ORDINARY))
            .count()
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(100, 30);
        assert_eq!(passing(&mut pace, start), 30);
        assert_eq!(pace.wait(start, JoinWork::ORDINARY), 10 * MILLISECOND);
        let mut passed = 0;
        for tick in 1..=1000 {
            passed += passing(&mut pace, start + tick * 10 * MILLISECOND);
        }
        assert_eq!(passed, 1000);
        let rested = start + Duration::from_secs(60);
        assert_eq!(passing(&mut pace, rested), 30);
    }

    #[test]
    fn late_polls_lose_nothing_while_the_burst_covers_them() {
        let start = Instant::now();
        let mut pace = Pace::new(100, 30);
        passing(&mut pace, start);
        let passed: usize = (1..=10)
            .map(|tick| passing(&mut pace, start + tick * 250 * MILLISECOND))
            .sum();
        assert_eq!(passed, 250);
    }

    #[test]
    fn dear_joins_pass_even_through_a_small_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(10, 0);
        assert!(pace.take(start, JoinWork::MOST));
        assert!(!pace.take(start, JoinWork::MOST));
        assert_eq!(pace.wait(start, JoinWork::MOST), 400 * MILLISECOND);
    }

    #[test]
    fn a_pace_of_zero_is_slow_and_no_fault() {
        let start = Instant::now();
        let mut pace = Pace::new(0, 0);
        assert!(pace.take(start, JoinWork::MOST));
        assert_eq!(
            pace.wait(start, JoinWork::ORDINARY),
            Duration::from_secs(64)
        );
        assert_eq!(seconds(f64::INFINITY), LONGEST);
        assert_eq!(seconds(f64::NAN), Duration::ZERO);
    }

    #[test]
    fn another_pace_holds_from_now_on() {
        let start = Instant::now();
        let mut pace = Pace::new(100, 4);
        passing(&mut pace, start);
        pace.set_units_per_second(pace.units_per_second() / 4.0);
        let passed: usize = (1..=1000)
            .map(|tick| passing(&mut pace, start + tick * 10 * MILLISECOND))
            .sum();
        assert!((245..=255).contains(&passed), "{passed}");
    }
}
