//! Whether the path's queue grows: the trend of the delay between groups, against a threshold that
//! adapts.
//!
//! Follows libwebrtc's `TrendlineEstimator`: least squares over the smoothed delays of the latest
//! groups, gain and adaptation speeds as there.

use std::collections::VecDeque;

use super::inter_arrival::GroupDelta;

/// Groups that the line is fitted to.
pub const WINDOW_GROUPS: usize = 20;

const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
/// The trend is trusted in proportion to the groups seen, up to this.
const MAX_TRUSTED_GROUPS: u32 = 60;

const INITIAL_THRESHOLD: f64 = 12.5;
const MIN_THRESHOLD: f64 = 6.0;
const MAX_THRESHOLD: f64 = 600.0;
/// Per millisecond.
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// A trend this far above the threshold does not move it: a sudden drop must not make us deaf.
const MAX_ADAPTED_EXCESS: f64 = 15.0;
const MAX_ADAPTED_MILLIS: f64 = 100.0;

/// The trend must stay above the threshold for this long, of sending time.
const OVERUSE_MILLIS: f64 = 10.0;

/// Differences beyond are cut: no queue that we could have filled is longer.
const MAX_DELTA_MILLIS: f64 = 10_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Usage {
    #[default]
    Normal,
    /// The queue grows: more is sent than the path carries.
    Over,
    /// The queue drains.
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    arrival_ms: f64,
    smoothed_delay_ms: f64,
}

#[derive(Debug)]
pub struct Trendline {
    samples: VecDeque<Sample>,
    groups: u32,
    /// Arrival since the first group.
    arrival_ms: f64,
    accumulated_ms: f64,
    smoothed_ms: f64,
    trend: f64,
    threshold: f64,
    threshold_moved_ms: Option<f64>,
    over: Option<Over>,
    usage: Usage,
}

/// The trend is above the threshold.
#[derive(Clone, Copy, Debug)]
struct Over {
    for_ms: f64,
    groups: u32,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            samples: VecDeque::with_capacity(WINDOW_GROUPS + 1),
            groups: 0,
            arrival_ms: 0.0,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            trend: 0.0,
            threshold: INITIAL_THRESHOLD,
            threshold_moved_ms: None,
            over: None,
            usage: Usage::Normal,
        }
    }
}

impl Trendline {
    pub fn usage(&self) -> Usage {
        self.usage
    }

    pub fn on_group(&mut self, delta: GroupDelta) {
        let sent_ms = delta.sent_us as f64 / 1e3;
        let arrival_ms = delta.arrival_us as f64 / 1e3;
        self.groups = (self.groups + 1).min(MAX_TRUSTED_GROUPS);
        self.arrival_ms += arrival_ms;
        self.accumulated_ms += (arrival_ms - sent_ms).clamp(-MAX_DELTA_MILLIS, MAX_DELTA_MILLIS);
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        self.samples.push_back(Sample {
            arrival_ms: self.arrival_ms,
            smoothed_delay_ms: self.smoothed_ms,
        });
        if self.samples.len() > WINDOW_GROUPS {
            self.samples.pop_front();
        }
        let full = self.samples.len() == WINDOW_GROUPS;
        let trend = full.then(|| self.slope()).flatten().unwrap_or(self.trend);
        self.detect(trend, sent_ms);
    }

    /// Of the line through the samples: milliseconds of delay gained per millisecond.
    fn slope(&self) -> Option<f64> {
        let count = self.samples.len() as f64;
        let mean = |of: fn(&Sample) -> f64| self.samples.iter().map(of).sum::<f64>() / count;
        let mean_x = mean(|sample| sample.arrival_ms);
        let mean_y = mean(|sample| sample.smoothed_delay_ms);
        let (mut covariance, mut variance) = (0.0, 0.0);
        for sample in &self.samples {
            let x = sample.arrival_ms - mean_x;
            covariance += x * (sample.smoothed_delay_ms - mean_y);
            variance += x * x;
        }
        (variance > 0.0).then(|| covariance / variance)
    }

    fn detect(&mut self, trend: f64, sent_ms: f64) {
        if self.groups < 2 {
            return;
        }
        let scaled = f64::from(self.groups) * trend * GAIN;
        if scaled > self.threshold {
            // Assume that it was crossed half-way between the groups.
            let mut over = self.over.unwrap_or(Over {
                for_ms: -sent_ms / 2.0,
                groups: 0,
            });
            over.for_ms += sent_ms;
            over.groups += 1;
            let lasts = over.for_ms > OVERUSE_MILLIS && over.groups > 1;
            if lasts && trend >= self.trend {
                over = Over {
                    for_ms: 0.0,
                    groups: 0,
                };
                self.usage = Usage::Over;
            }
            self.over = Some(over);
        } else {
            self.over = None;
            self.usage = match scaled < -self.threshold {
                true => Usage::Under,
                false => Usage::Normal,
            };
        }
        self.trend = trend;
        self.adapt(scaled.abs());
    }

    fn adapt(&mut self, scaled: f64) {
        let moved_ms = self.threshold_moved_ms.replace(self.arrival_ms);
        if scaled > self.threshold + MAX_ADAPTED_EXCESS {
            return;
        }
        let speed = match scaled < self.threshold {
            true => THRESHOLD_DOWN,
            false => THRESHOLD_UP,
        };
        let elapsed = moved_ms.map_or(0.0, |moved| self.arrival_ms - moved);
        let elapsed = elapsed.clamp(0.0, MAX_ADAPTED_MILLIS);
        self.threshold = (self.threshold + speed * (scaled - self.threshold) * elapsed)
            .clamp(MIN_THRESHOLD, MAX_THRESHOLD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Groups every 20 ms, each delayed by `gain_us` more than the one before.
    fn feed(trendline: &mut Trendline, groups: usize, gain_us: i64) -> Vec<Usage> {
        (0..groups)
            .map(|_| {
                trendline.on_group(GroupDelta {
                    sent_us: 20_000,
                    arrival_us: 20_000 + gain_us,
                });
                trendline.usage()
            })
            .collect()
    }

    #[test]
    fn a_growing_queue_is_over_use_a_draining_one_under_use() {
        let mut trendline = Trendline::default();
        assert!(!feed(&mut trendline, 100, 0).contains(&Usage::Over));
        let growing = feed(&mut trendline, 20, 4_000);
        let found = growing.iter().position(|usage| *usage == Usage::Over);
        assert!(found.is_some_and(|at| at < 12), "{growing:?}");
        let draining = feed(&mut trendline, 60, -4_000);
        assert_eq!(draining.last(), Some(&Usage::Under));
        feed(&mut trendline, 60, 0);
        assert_eq!(trendline.usage(), Usage::Normal);
    }

    #[test]
    fn jitter_around_a_constant_delay_is_normal() {
        let mut trendline = Trendline::default();
        for n in 0..500 {
            let jitter = if n % 2 == 0 { 6_000 } else { -6_000 };
            assert_eq!(feed(&mut trendline, 1, jitter), [Usage::Normal]);
        }
    }

    #[test]
    fn a_queue_that_somebody_else_fills_slowly_raises_the_threshold() {
        let mut trendline = Trendline::default();
        feed(&mut trendline, 100, 0);
        let low = trendline.threshold;
        assert!((MIN_THRESHOLD..INITIAL_THRESHOLD).contains(&low));
        feed(&mut trendline, 300, 1_000);
        assert!(trendline.threshold > 1.5 * low, "{}", trendline.threshold);
    }

    proptest! {
        #[test]
        fn stays_finite_and_bounded(
            deltas in proptest::collection::vec((0..1i64 << 51, -(1i64 << 51)..1i64 << 51), 0..200),
        ) {
            let mut trendline = Trendline::default();
            for (sent_us, arrival_us) in deltas {
                trendline.on_group(GroupDelta { sent_us, arrival_us });
                prop_assert!(trendline.samples.len() <= WINDOW_GROUPS);
                prop_assert!((MIN_THRESHOLD..=MAX_THRESHOLD).contains(&trendline.threshold));
                prop_assert!(trendline.trend.is_finite());
            }
        }
    }
}
