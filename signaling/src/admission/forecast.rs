//! How long it will be until somebody's turn.
//!
//! Classes take turns, so that before somebody who is tenth in the own class up to ten of each other
//! class come in: those who wait, those who were sent away and will return, and those who come in the
//! meantime. The last are taken to come as fast as of late, from the classes they came from of late.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pace::seconds;

/// How long the past counts in the rate of arrivals.
const MEMORY_SECONDS: f64 = 2.0;

/// A class that nobody came from for this long is not expected to send more.
const RECENT: Duration = Duration::from_secs(5);

/// Halvings of the span in which the answer lies: to a thousandth of it.
const HALVINGS: usize = 10;

/// Who came of late.
#[derive(Debug, Default)]
pub struct Arrivals {
    units_per_second: f64,
    updated_at: Option<Instant>,
    /// Classes and when somebody came from them last. Those of long ago are forgotten, so that this
    /// holds what comes in twice [`RECENT`] at most.
    recent: HashMap<Arc<str>, Instant>,
    forgot_at: Option<Instant>,
}

impl Arrivals {
    pub fn count(&mut self, now: Instant, class: &Arc<str>, units: u64) {
        self.units_per_second = self.rate(now) + units as f64 / MEMORY_SECONDS;
        self.updated_at = Some(now);
        let forgot_at = *self.forgot_at.get_or_insert(now);
        if now.saturating_duration_since(forgot_at) >= RECENT {
            self.forget(now);
        }
        match self.recent.get_mut(class) {
            Some(at) => *at = now,
            None => {
                self.recent.insert(class.clone(), now);
            }
        }
    }

    pub fn rate(&self, now: Instant) -> f64 {
        let elapsed = self
            .updated_at
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.units_per_second * (-elapsed / MEMORY_SECONDS).exp()
    }

    /// Classes from which somebody came of late.
    pub fn classes(&mut self, now: Instant) -> impl Iterator<Item = &Arc<str>> {
        self.forget(now);
        self.recent.keys()
    }

    fn forget(&mut self, now: Instant) {
        self.forgot_at = Some(now);
        self.recent
            .retain(|_, at| now.saturating_duration_since(*at) < RECENT);
    }
}

/// A look ahead, from how things stand at one moment.
#[derive(Debug)]
pub struct Forecast {
    /// Work of each class, that waits or will return, by size.
    classes: Vec<u64>,
    /// Sums of so many of the smallest.
    sums: Vec<u64>,
    /// Work that comes per second from each class.
    arrivals_per_class: f64,
    units_per_second: f64,
}

impl Forecast {
    /// `classes`: the work of each class that anything waits for or comes for; `arrivals`: work
    /// that comes per second in all; `units_per_second`: work that is let in.
    pub fn new(mut classes: Vec<u64>, arrivals: f64, units_per_second: f64) -> Self {
        classes.sort_unstable();
        let mut sums = Vec::with_capacity(classes.len() + 1);
        let mut sum = 0;
        sums.push(0);
        for units in &classes {
            sum += units;
            sums.push(sum);
        }
        Self {
            arrivals_per_class: arrivals / classes.len().max(1) as f64,
            classes,
            sums,
            units_per_second,
        }
    }

    /// How long until somebody is in before whom, in the own class, there is work up to `depth`,
    /// the own included.
    pub fn wait(&self, depth: u64) -> Duration {
        let depth = depth as f64;
        let most = depth * self.classes.len().max(1) as f64 / self.units_per_second;
        if self.arrivals_per_class <= 0.0 {
            return seconds(self.before(depth, 0.0) / self.units_per_second);
        }
        // What comes in by then, less what is let in by then, is convex in the time and falls to
        // below nothing within `most`: there is one answer.
        let (mut early, mut late) = (0.0, most);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(early, late);
            let done = self.units_per_second * middle;
            if done < self.before(depth, middle * self.arrivals_per_class) {
                early = middle;
            } else {
                late = middle;
            }
        }
        seconds(late)
    }

    /// Work that comes in up to that depth, if each class has `more` of it than now.
    fn before(&self, depth: f64, more: f64) -> f64 {
        let shallow = self
            .classes
            .partition_point(|units| *units as f64 + more <= depth);
        let of_shallow = self.sums.get(shallow).copied().unwrap_or(0) as f64;
        of_shallow + shallow as f64 * more + (self.classes.len() - shallow) as f64 * depth
    }
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
