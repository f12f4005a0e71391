//! How late arrivals are against the fastest of late, and for how long a buffer has to wait so that
//! nearly all are in time: a forgetting histogram, as browsers' audio buffers keep it.

use std::collections::VecDeque;
use std::time::Duration;

const BUCKETS: usize = 100;
/// Arrivals among which the fastest is looked for; the oldest are forgotten when there are more.
const MAX_HISTORY: usize = 2_048;

#[derive(Clone, Copy, Debug)]
pub struct LatenessConfig {
    pub bucket: Duration,
    /// Share of arrivals that are to be in time.
    pub quantile: f64,
    /// What an arrival leaves of the weight of those before it.
    pub forget: f64,
    /// How long the fastest arrival counts.
    pub window: Duration,
}

#[derive(Clone, Debug)]
pub struct Lateness {
    config: LatenessConfig,
    /// Arrival minus media time, in microseconds, with the time of arrival.
    transits: VecDeque<(Duration, i64)>,
    weights: [f64; BUCKETS],
    seen: u32,
}

impl Lateness {
    pub fn new(config: LatenessConfig) -> Self {
        Self {
            config,
            transits: VecDeque::new(),
            weights: [0.0; BUCKETS],
            seen: 0,
        }
    }

    /// Something of this media time came now; gives how late it is.
    pub fn observe(&mut self, now: Duration, media_us: i64) -> Duration {
        let transit = now.as_micros() as i64 - media_us;
        let oldest = now.saturating_sub(self.config.window);
        while self.transits.len() == MAX_HISTORY
            || self.transits.front().is_some_and(|(at, _)| *at < oldest)
        {
            self.transits.pop_front();
        }
        self.transits.push_back((now, transit));
        let late_us = transit - self.fastest().unwrap_or(transit);
        let late = Duration::from_micros(late_us.max(0) as u64);
        let bucket = (late.as_micros() / self.config.bucket.as_micros()) as usize;
        // The first arrivals count for more, so that a buffer need not wait to learn.
        self.seen = self.seen.saturating_add(1);
        let keep = self.config.forget.min(1.0 - 1.0 / f64::from(self.seen + 1));
        for weight in &mut self.weights {
            *weight *= keep;
        }
        if let Some(weight) = self.weights.get_mut(bucket.min(BUCKETS - 1)) {
            *weight += 1.0 - keep;
        }
        late
    }

    /// The shortest transit of late.
    pub fn fastest(&self) -> Option<i64> {
        self.transits.iter().map(|(_, transit)| *transit).min()
    }

    /// So long after the fastest, nearly all have come.
    pub fn target(&self) -> Duration {
        let total: f64 = self.weights.iter().sum();
        let mut sum = 0.0;
        for (index, weight) in (1..).zip(&self.weights) {
            sum += weight;
            if sum >= total * self.config.quantile {
                return self.config.bucket * index;
            }
        }
        self.config.bucket * BUCKETS as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn lateness() -> Lateness {
        Lateness::new(LatenessConfig {
            bucket: 20 * MS,
            quantile: 0.95,
            forget: 0.98,
            window: 2000 * MS,
        })
    }

    /// One arrival each 20 ms, late by what `late` says.
    fn run(tracker: &mut Lateness, from: u32, count: u32, late: impl Fn(u32) -> Duration) {
        for index in from..from + count {
            let media = 20 * MS * index;
            tracker.observe(media + 500 * MS + late(index), media.as_micros() as i64);
        }
    }

    #[test]
    fn regular_arrivals_need_the_least_buffer_and_jitter_more() {
        let mut tracker = lateness();
        run(&mut tracker, 0, 200, |_| Duration::ZERO);
        assert_eq!(tracker.target(), 20 * MS);
        run(&mut tracker, 200, 200, |index| match index % 10 {
            0 => 90 * MS,
            _ => Duration::ZERO,
        });
        assert_eq!(tracker.target(), 100 * MS);
        run(&mut tracker, 400, 400, |_| Duration::ZERO);
        assert_eq!(tracker.target(), 20 * MS, "forgotten");
    }

    #[test]
    fn a_longer_way_is_no_jitter_once_the_shorter_is_forgotten() {
        let mut tracker = lateness();
        run(&mut tracker, 0, 100, |_| Duration::ZERO);
        run(&mut tracker, 100, 50, |_| 150 * MS);
        assert_eq!(tracker.target(), 160 * MS);
        run(&mut tracker, 150, 400, |_| 150 * MS);
        assert_eq!(tracker.target(), 20 * MS);
    }

    #[test]
    fn what_is_later_than_the_histogram_counts_as_its_last() {
        let mut tracker = lateness();
        for index in 0..40 {
            let late = if index == 0 { 0 } else { 10_000 };
            tracker.observe(index * MS + late * MS, i64::from(index) * 1000);
            // Within the window, so that the fastest is not forgotten.
            tracker.config.window = Duration::from_secs(60);
        }
        assert_eq!(tracker.target(), 20 * MS * BUCKETS as u32);
    }
}
