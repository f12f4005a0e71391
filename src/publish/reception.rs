//! What a receiver report says about one ingress stream (RFC 3550 §A.3, §A.8).

use std::time::{Duration, Instant};

/// A transit time that differs by more is a restarted RTP clock, not jitter.
const MAX_TRANSIT_STEP: Duration = Duration::from_secs(5);

/// The cumulative loss field is a signed 24-bit number (RFC 3550 §6.4.1).
const MAX_CUMULATIVE_LOST: i64 = 0x7f_ffff;

/// The statistical part of a report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptionReport {
    /// Lost since the last report, in 256ths of the expected.
    pub fraction_lost: u8,
    pub cumulative_lost: i32,
    /// In RTP clock ticks.
    pub jitter: u32,
}

#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    epoch: Instant,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    transit: Option<u32>,
    /// In sixteenths of a tick, as in RFC 3550 §A.8.
    jitter: u32,
}

impl Reception {
    pub fn new(now: Instant, clock_rate: u32) -> Self {
        Self {
            clock_rate,
            epoch: now,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            transit: None,
            jitter: 0,
        }
    }

    /// Counts a packet of the primary stream; late ones and duplicates count too, retransmissions
    /// by RTX do not (they would hide the link's loss from the sender).
    pub fn record(&mut self, arrival: Instant, timestamp: u32) {
        self.received += 1;
        let arrival = ticks(
            arrival.saturating_duration_since(self.epoch),
            self.clock_rate,
        ) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(previous) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(previous) as i32).unsigned_abs();
            if u64::from(difference) <= ticks(MAX_TRANSIT_STEP, self.clock_rate) {
                // J += (|D| - J) / 16, kept as 16 J with rounding.
                self.jitter = (self.jitter + difference) - ((self.jitter + 8) >> 4);
            }
        }
    }

    /// Closes a reporting interval. `first` and `highest` are indices of the receive window.
    pub fn report(&mut self, first: u64, highest: u64) -> ReceptionReport {
        let expected = highest.saturating_sub(first) + 1;
        let lost = expected as i64 - self.received as i64;
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received - self.received_prior;
        self.expected_prior = expected;
        self.received_prior = self.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction_lost = (lost_interval << 8)
            .checked_div(expected_interval)
            .unwrap_or(0)
            .min(255);
        ReceptionReport {
            fraction_lost: fraction_lost as u8,
            cumulative_lost: lost.clamp(-MAX_CUMULATIVE_LOST, MAX_CUMULATIVE_LOST) as i32,
            jitter: self.jitter >> 4,
        }
    }
}

/// `duration` in ticks of an RTP clock.
pub fn ticks(duration: Duration, clock_rate: u32) -> u64 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_loss_per_interval_and_in_all() {
        let start = Instant::now();
        let mut reception = Reception::new(start, 90_000);
        for _ in 0..75 {
            reception.record(start, 0);
        }
        let report = reception.report(1000, 1099);
        assert_eq!((report.fraction_lost, report.cumulative_lost), (64, 25));
        for _ in 0..100 {
            reception.record(start, 0);
        }
        let report = reception.report(1000, 1199);
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 25));
        // More than expected: duplicates. The fraction does not go below 0.
        for _ in 0..10 {
            reception.record(start, 0);
        }
        let report = reception.report(1000, 1199);
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 15));
    }

    #[test]
    fn everything_lost_in_an_interval_is_255() {
        let mut reception = Reception::new(Instant::now(), 48_000);
        reception.record(Instant::now(), 0);
        reception.report(5, 5);
        assert_eq!(reception.report(5, 105).fraction_lost, 255);
    }

    #[test]
    fn jitter_converges_to_the_mean_deviation_and_ignores_clock_restarts() {
        let start = Instant::now();
        let mut reception = Reception::new(start, 48_000);
        for packet in 0..400u32 {
            // Every other packet 5 ms (240 ticks) late: |D| is 240 each time.
            let late = u64::from(packet % 2) * 5;
            let at = start + Duration::from_millis(u64::from(packet) * 20 + late);
            reception.record(at, packet * 960);
        }
        let jitter = reception.report(0, 399).jitter;
        assert!((235..=240).contains(&jitter), "{jitter}");
        reception.record(start + Duration::from_secs(8), 1 << 30);
        assert_eq!(reception.report(0, 400).jitter, jitter);
    }
}
