//! Whether less is sent than the estimate allows: then what arrives says nothing about the path's
//! capacity.
//!
//! Follows libwebrtc's `AlrDetector`: a budget that fills at a share of the estimate and is used by
//! what is sent; it stays full when the sender has less to send than that.

/// Share of the estimate that must be used.
const USED_SHARE: f64 = 0.65;
/// Time over which usage is balanced.
const WINDOW_SECONDS: f64 = 0.5;
/// Levels of the budget at which the application-limited period begins and ends.
const BEGIN_LEVEL: f64 = 0.8;
const END_LEVEL: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
pub struct ApplicationLimit {
    fill_bps: f64,
    /// Between minus and plus one [`WINDOW_SECONDS`] of `fill_bps`.
    budget_bits: f64,
    updated_us: Option<i64>,
    limited: bool,
}

impl ApplicationLimit {
    pub fn new(estimate_bps: f64) -> Self {
        Self {
            fill_bps: USED_SHARE * estimate_bps,
            budget_bits: 0.0,
            updated_us: None,
            limited: false,
        }
    }

    pub fn set_estimate(&mut self, bps: f64) {
        self.fill_bps = USED_SHARE * bps;
        self.budget_bits = self.budget_bits.clamp(-self.capacity(), self.capacity());
    }

    pub fn on_sent(&mut self, now_us: i64, bytes: usize) {
        self.update(now_us);
        self.budget_bits = (self.budget_bits - bytes as f64 * 8.0).max(-self.capacity());
    }

    /// Whether the sender is application-limited at `now_us`.
    pub fn is_limited(&mut self, now_us: i64) -> bool {
        self.update(now_us);
        self.limited
    }

    /// As of the latest call with a time.
    pub fn was_limited(&self) -> bool {
        self.limited
    }

    fn capacity(&self) -> f64 {
        self.fill_bps * WINDOW_SECONDS
    }

    fn update(&mut self, now_us: i64) {
        let updated = self.updated_us.replace(now_us).unwrap_or(now_us);
        let elapsed = (now_us - updated).max(0) as f64 / 1e6;
        let capacity = self.capacity();
        self.budget_bits = (self.budget_bits + self.fill_bps * elapsed).min(capacity);
        if self.budget_bits > BEGIN_LEVEL * capacity {
            self.limited = true;
        } else if self.budget_bits < END_LEVEL * capacity {
            self.limited = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `bps` in packets every 20 ms for `ms`, beginning at `from_ms`.
    fn send(limit: &mut ApplicationLimit, from_ms: i64, ms: i64, bps: usize) {
        for at in (from_ms..from_ms + ms).step_by(20) {
            limit.on_sent(at * 1_000, bps / 50 / 8);
        }
    }

    #[test]
    fn begins_when_little_is_sent_and_ends_when_more_is() {
        let mut limit = ApplicationLimit::new(1e6);
        send(&mut limit, 0, 2_000, 900_000);
        assert!(!limit.is_limited(2_000_000));
        send(&mut limit, 2_000, 3_000, 100_000);
        assert!(limit.is_limited(5_000_000));
        send(&mut limit, 5_000, 2_000, 900_000);
        assert!(!limit.is_limited(7_000_000));
    }

    #[test]
    fn silence_is_a_limit_too_and_a_lower_estimate_lifts_it() {
        let mut limit = ApplicationLimit::new(1e6);
        send(&mut limit, 0, 1_000, 900_000);
        assert!(limit.is_limited(3_000_000));
        limit.set_estimate(100e3);
        send(&mut limit, 3_000, 1_500, 90_000);
        assert!(!limit.is_limited(4_500_000));
    }
}
