//! What those who wait are told: their position, and how long it will take.
//!
//! The estimate comes from the order of admission and the rate at which people were let in lately.
//! Who is told a time is promised it: the queue lets in first whoever has waited out the time and a
//! margin. Others may still come in between, from classes that wait shorter, so an estimate can rise;
//! what is told rises only where the former word would not be honest any more.

use std::time::{Duration, Instant};

use super::pace::seconds;

/// Nobody is told more often than this.
pub const TELL_EVERY: Duration = Duration::from_secs(1);

/// What was told is kept while the estimate is within half as much again, and this.
const SLACK: Duration = Duration::from_millis(500);

/// A change of the expected instant that is not worth a message.
const UNNOTICED: Duration = Duration::from_millis(500);

/// How long the past counts in the rate: long enough to be smooth, short enough to follow.
const MEMORY_SECONDS: f64 = 5.0;

/// The nominal rate counts like this long a measurement.
const PRIOR_SECONDS: f64 = 1.0;

/// How fast people are let in while others wait, in units of work per second.
#[derive(Clone, Debug)]
pub struct ServiceRate {
    nominal: f64,
    busy_seconds: f64,
    units: f64,
    observed_at: Option<Instant>,
}

impl ServiceRate {
    pub fn new(nominal: f64) -> Self {
        Self {
            nominal,
            busy_seconds: 0.0,
            units: 0.0,
            observed_at: None,
        }
    }

    /// The node means to go at another rate from now on.
    pub fn set_nominal(&mut self, nominal: f64) {
        self.units *= nominal / self.nominal;
        self.nominal = nominal;
    }

    /// `units` were let in since the last call; `waited`: somebody waited all that time.
    pub fn observe(&mut self, now: Instant, units: u64, waited: bool) {
        let since = self.observed_at.replace(now);
        let elapsed = since.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        if !waited {
            return;
        }
        let keep = (-elapsed / MEMORY_SECONDS).exp();
        self.busy_seconds = self.busy_seconds * keep + elapsed;
        self.units = self.units * keep + units as f64;
    }

    pub fn units_per_second(&self) -> f64 {
        let measured =
            (self.units + self.nominal * PRIOR_SECONDS) / (self.busy_seconds + PRIOR_SECONDS);
        // Faster than meant is a burst, which will not go on.
        measured.min(self.nominal)
    }

    /// How long `units` of work will take.
    pub fn time_of(&self, units: u64) -> Duration {
        seconds(units as f64 / self.units_per_second())
    }
}

/// What somebody was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub at: Instant,
    /// From 1.
    pub position: u32,
    /// How long it will take from `at` on.
    pub eta: Duration,
}

impl Told {
    /// When whoever was told this is let in out of turn.
    pub fn promise(&self) -> Instant {
        self.at + self.eta + self.eta / 4 + SLACK
    }

    /// Too short a while ago to be told anything else.
    pub fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < TELL_EVERY
    }

    /// What remains at `now` of the time told.
    fn remaining(&self, now: Instant) -> Duration {
        (self.at + self.eta).saturating_duration_since(now)
    }
}

/// What to tell now, if anything, to somebody whose place in the order is `position` and whose turn
/// will come in `estimate`.
pub fn tell(now: Instant, last: Option<&Told>, position: u32, estimate: Duration) -> Option<Told> {
    let fresh = Told {
        at: now,
        position,
        eta: estimate,
    };
    let Some(last) = last else {
        return Some(fresh);
    };
    if last.is_fresh(now) {
        return None;
    }
    let remaining = last.remaining(now);
    let honest = estimate <= remaining + remaining / 2 + SLACK;
    let next = if honest {
        Told {
            at: now,
            position: position.min(last.position),
            eta: estimate.min(remaining),
        }
    } else {
        fresh
    };
    let noticed = next.position != last.position || next.eta.abs_diff(remaining) >= UNNOTICED;
    noticed.then_some(next)
}

#[cfg(test)]
#[path = "promise_tests.rs"]
mod tests;
