//! The receiver's clock, as its feedback tells it: short counters made into one long time line.
//!
//! Its zero means nothing; only differences of arrival times do.

/// One unit of the transport-wide reference time is 64 ms; it has 24 bits.
const REFERENCE_MICROS: i64 = 64_000;
const REFERENCE_BITS: u32 = 24;

/// The time line is held within this, 35 years to both sides, so that differences and sums of a few
/// never overflow. It wraps to zero beyond: nobody gets there but by invented timestamps.
const MAX_MICROS: i64 = 1 << 50;

/// Extends the times of one kind of feedback. Each value is taken as the nearest one to the one
/// before, so feedback that comes late or twice is placed where it belongs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ArrivalClock {
    latest: Option<(u32, i64)>,
}

impl ArrivalClock {
    /// Microseconds of a transport-wide reference time
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
    pub fn reference_time(&mut self, reference: i32) -> i64 {
        let unused = u32::BITS - REFERENCE_BITS;
        self.extend(reference as u32, |from, to| {
            i64::from((to.wrapping_sub(from) << unused) as i32 >> unused) * REFERENCE_MICROS
        })
    }

    /// Microseconds of a report timestamp: 16.16 fixed point seconds (RFC 8888 §3.1).
    pub fn report_timestamp(&mut self, timestamp: u32) -> i64 {
        // 2^32 units would leave no remainder but each step does, so the sum creeps by less than a
        // microsecond for each feedback: nothing against the 1 ms that offsets resolve.
        self.extend(timestamp, |from, to| {
            (i64::from(to.wrapping_sub(from) as i32) * 1_000_000) >> 16
        })
    }

    fn extend(&mut self, value: u32, difference: impl FnOnce(u32, u32) -> i64) -> i64 {
        let micros = match self.latest {
            None => 0,
            Some((before, micros)) => {
                let micros = micros + difference(before, value);
                if micros.abs() > MAX_MICROS { 0 } else { micros }
            }
        };
        self.latest = Some((value, micros));
        micros
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_times_go_on_over_the_wrap_and_back() {
        let mut clock = ArrivalClock::default();
        let top = (1 << 23) - 1;
        assert_eq!(clock.reference_time(top - 1), 0);
        assert_eq!(clock.reference_time(top), 64_000);
        assert_eq!(clock.reference_time(-top - 1), 128_000);
        assert_eq!(clock.reference_time(-top), 192_000);
        assert_eq!(clock.reference_time(top - 1), 0);
    }

    #[test]
    fn report_timestamps_go_on_over_the_wrap_and_back() {
        let mut clock = ArrivalClock::default();
        assert_eq!(clock.report_timestamp(u32::MAX), 0);
        assert_eq!(clock.report_timestamp(0xFFFF), 1_000_000);
        assert_eq!(clock.report_timestamp(u32::MAX), 0);
    }

    #[test]
    fn invented_times_never_leave_the_bounds() {
        let mut clock = ArrivalClock::default();
        let mut largest = 0;
        for step in 0..20_000u32 {
            // Always half the range ahead.
            let micros = clock.reference_time(step.wrapping_mul((1 << 23) - 1) as i32);
            largest = largest.max(micros.abs());
        }
        assert!(largest > MAX_MICROS / 2, "{largest}");
        assert!(largest <= MAX_MICROS);
    }
}
