//! A token bucket: how much one socket may ask in a time.

use tokio::time::Instant;

/// Cost that a silent socket saves up at most. The longest message permitted by default costs 49.
const BURST: f64 = 64.0;

/// Cost per second in the long run.
const REFILL_PER_S: f64 = 20.0;

/// Bytes of a message that cost as much as one message.
const BYTES_PER_COST: usize = 4096;

pub(crate) struct RateLimit {
    level: f64,
    updated: Instant,
}

impl RateLimit {
    pub fn new(now: Instant) -> Self {
        Self {
            level: BURST,
            updated: now,
        }
    }

    /// Whether a message of `bytes` may be handled now; if so, it is paid for.
    pub fn admit(&mut self, now: Instant, bytes: usize) -> bool {
        let elapsed = now.saturating_duration_since(self.updated);
        self.level = (self.level + elapsed.as_secs_f64() * REFILL_PER_S).min(BURST);
        self.updated = now;
        // A message costs no more than the burst, or the longest would never pass.
        let cost = (1.0 + (bytes / BYTES_PER_COST) as f64).min(BURST);
        let admitted = self.level >= cost;
        if admitted {
            self.level -= cost;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_then_the_refill_rate() {
        let start = Instant::now();
        let mut limit = RateLimit::new(start);
        assert_eq!((0..100).filter(|_| limit.admit(start, 10)).count(), 64);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| limit.admit(later, 10)).count(), 20);
        let rested = later + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| limit.admit(rested, 10)).count(), 64);
    }

    #[test]
    fn long_messages_cost_more_but_can_pass() {
        let start = Instant::now();
        let mut limit = RateLimit::new(start);
        assert!(limit.admit(start, 10_000_000));
        assert!(!limit.admit(start, 0));
        let mut limit = RateLimit::new(start);
        assert_eq!(
            (0..100).filter(|_| limit.admit(start, 128 * 1024)).count(),
            1
        );
    }
}
