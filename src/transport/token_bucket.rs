//! A rate bound without a clock of its own.

use std::time::{Duration, Instant};

/// Allows `burst` at once and `per_second` on average.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// When the bucket was or would have been empty: full buckets lie in the past.
    empty_at: Instant,
    /// Time in which one token comes back.
    interval: Duration,
    /// Time in which an empty bucket fills.
    capacity: Duration,
}

impl TokenBucket {
    pub fn new(now: Instant, burst: u32, per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let capacity = interval * burst;
        Self {
            // A clock younger than the bucket's capacity starts it less than full.
            empty_at: now.checked_sub(capacity).unwrap_or(now),
            interval,
            capacity,
        }
    }

    /// Takes one token if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let full_at_most = now.checked_sub(self.capacity).unwrap_or(self.empty_at);
        let empty_at = self.empty_at.max(full_at_most);
        if now.saturating_duration_since(empty_at) < self.interval {
            return false;
        }
        self.empty_at = empty_at + self.interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_a_burst_then_the_rate() {
        let start = Instant::now() + Duration::from_secs(1000);
        let mut bucket = TokenBucket::new(start, 10, 5);
        let taken = (0..100).filter(|_| bucket.take(start)).count();
        assert_eq!(taken, 10);
        let taken = (0..100)
            .filter(|_| bucket.take(start + Duration::from_secs(1)))
            .count();
        assert_eq!(taken, 5);
        let taken = (0..100)
            .filter(|_| bucket.take(start + Duration::from_secs(3600)))
            .count();
        assert_eq!(taken, 10, "an idle hour saves up no more than the burst");
    }
}
