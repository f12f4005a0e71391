//! How many bytes may be under way: a bound on the queue that we can build before we notice.
//!
//! When a path's capacity drops, feedback tells it only after a round trip and more; at the rate of
//! before a second of queue builds up meanwhile. But feedback that fails to come shows it at once:
//! bytes in flight pass what the path held so far.
//!
//! As libwebrtc's congestion window, which it sets from the same parts.

/// Over the least round trip and the feedback interval: what a frame and jitter need.
const EXTRA_MICROS: i64 = 150_000;
/// Feedback intervals allowed for: one to wait for, one that may get lost.
const INTERVALS: i64 = 2;
/// Never less: a frame of a low layer.
const MIN_WINDOW_BYTES: u64 = 3_000;
/// The least round trip is over one to two of these.
const PERIOD_MICROS: i64 = 15_000_000;
/// Intervals are averaged with this weight of the newest, each at most as long as feedback of
/// browsers is apart at their lowest rate.
const INTERVAL_WEIGHT: f64 = 0.125;
const MAX_INTERVAL_MICROS: f64 = 500_000.0;

#[derive(Clone, Copy, Debug, Default)]
pub struct FlightWindow {
    period_began_us: i64,
    least_us: Option<i64>,
    previous_least_us: Option<i64>,
    feedback_us: Option<i64>,
    interval_us: f64,
}

impl FlightWindow {
    pub fn on_feedback(&mut self, now_us: i64, round_trip_us: i64) {
        if now_us - self.period_began_us >= PERIOD_MICROS {
            self.period_began_us = now_us;
            self.previous_least_us = self.least_us.take();
        }
        self.least_us = Some(
            self.least_us
                .map_or(round_trip_us, |it| it.min(round_trip_us)),
        );
        if let Some(before) = self.feedback_us.replace(now_us) {
            let interval = ((now_us - before) as f64).clamp(0.0, MAX_INTERVAL_MICROS);
            self.interval_us += INTERVAL_WEIGHT * (interval - self.interval_us);
        }
    }

    /// Bytes that may be in flight at this rate; `None` before the first feedback.
    pub fn bytes(&self, bps: f64) -> Option<u64> {
        let least = self.least_us?;
        let least = self.previous_least_us.map_or(least, |it| it.min(least));
        let micros = least + INTERVALS * self.interval_us as i64 + EXTRA_MICROS;
        Some(((bps * micros as f64 / 8e6) as u64).max(MIN_WINDOW_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_path_holds_and_some_more() {
        let mut window = FlightWindow::default();
        assert_eq!(window.bytes(1e6), None);
        for n in 0..100 {
            window.on_feedback(n * 100_000, 50_000 + n % 3 * 10_000);
        }
        let bytes = window.bytes(1e6).unwrap();
        assert!((49_000..=50_000).contains(&bytes), "{bytes}");
        assert_eq!(window.bytes(1_000.0), Some(MIN_WINDOW_BYTES));
        // A queue does not widen it; a longer route does, after a while.
        for n in 100..200 {
            window.on_feedback(n * 100_000, 950_000);
        }
        assert_eq!(window.bytes(1e6), Some(bytes));
        for n in 200..500 {
            window.on_feedback(n * 100_000, 950_000);
        }
        assert!(window.bytes(1e6) > Some(2 * bytes));
    }
}
