//! From a publisher's clocks to the node's: what lets receivers play a person's voice and
//! picture together.
//!
//! A publisher's sender reports tie each track's RTP timestamps to the publisher's own NTP clock.
//! We send our own reports, on the node's wall clock. Were each track mapped onto it by its own
//! arrivals, the difference of their network delays would become an error between lips and
//! voice; so all tracks of one publisher share one offset, the [`PublisherClock`].

use super::reception::ticks;
use std::time::{Duration, Instant};

/// A report that moves the publisher's clock by more means that the clock was set.
const MAX_CLOCK_STEP: i64 = 1_000_000_000;

/// Share of a later-than-expected report that moves the offset: follows a clock that drifts, not
/// the jitter of reports.
const DRIFT_SHARE: i64 = 64;

/// A report that disagrees more with the packets that arrived beside it is not believed.
const MAX_DISAGREEMENT: Duration = Duration::from_secs(10);

/// How recent the packets must be to judge a report by.
const JUDGING_AGE: Duration = Duration::from_secs(2);

/// Offset between a publisher's NTP clock and the node's wall clock. Owned by the participant;
/// every track's reports go through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherClock {
    /// Node's nanoseconds since 1970 minus publisher's nanoseconds of NTP time. Includes the
    /// network delay of the fastest recent report.
    offset: Option<i64>,
}

impl PublisherClock {
    pub fn new() -> Self {
        Self::default()
    }

    /// The clock as another shard knows it.
    pub fn with_offset(offset: Option<i64>) -> Self {
        Self { offset }
    }

    /// What [`with_offset`](Self::with_offset) needs.
    pub fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// A sender report that said `ntp` (32.32) arrived at `since_epoch` on the node's wall clock.
    pub fn on_report(&mut self, since_epoch: Duration, ntp: u64) {
        let seen = nanos(since_epoch).saturating_sub(ntp_nanos(ntp));
        self.offset = Some(match self.offset {
            Some(offset) if seen.abs_diff(offset) <= MAX_CLOCK_STEP.unsigned_abs() => {
                if seen < offset {
                    seen
                } else {
                    offset + (seen - offset) / DRIFT_SHARE
                }
            }
            _ => seen,
        });
    }

    /// The publisher's NTP time, in nanoseconds, at the node's wall time `since_epoch`.
    fn publisher_nanos(&self, since_epoch: Duration) -> Option<i64> {
        Some(nanos(since_epoch).saturating_sub(self.offset?))
    }
}

/// One moment on a publisher's NTP clock (32.32) and on one track's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReportTime {
    pub ntp: u64,
    pub rtp_timestamp: u32,
}

/// Ties one track's RTP timestamps to the node's wall clock.
#[derive(Clone, Debug)]
pub struct SenderClock {
    clock_rate: u32,
    report: Option<SenderReportTime>,
    newest: Option<(Instant, u32)>,
}

impl SenderClock {
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            report: None,
            newest: None,
        }
    }

    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// A packet, the newest in sequence, arrived.
    pub fn on_packet(&mut self, arrival: Instant, timestamp: u32) {
        self.newest = Some((arrival, timestamp));
    }

    /// A sender report arrived; `publisher` has been told of it. Returns whether it is believed.
    pub fn on_report(&mut self, now: Instant, ntp: u64, rtp_timestamp: u32) -> bool {
        if let Some((arrival, _)) = self.newest
            && now.saturating_duration_since(arrival) <= JUDGING_AGE
            && let Some(estimate) = self.by_arrival(now)
        {
            let disagreement = (rtp_timestamp.wrapping_sub(estimate) as i32).unsigned_abs();
            if u64::from(disagreement) > ticks(MAX_DISAGREEMENT, self.clock_rate) {
                return false;
            }
        }
        self.report = Some(SenderReportTime { ntp, rtp_timestamp });
        true
    }

    /// The last report that was believed.
    pub fn last_report(&self) -> Option<SenderReportTime> {
        self.report
    }

    /// Takes over what another shard's clock of the same track believes.
    pub fn set_last_report(&mut self, report: Option<SenderReportTime>) {
        self.report = report;
    }

    /// The track's RTP timestamp of what was captured at `since_epoch` on the node's wall clock,
    /// which reads `now` at the same moment. By the publisher's last report; before the first one
    /// estimated from arrivals; `None` before the first packet.
    pub fn rtp_at(
        &self,
        now: Instant,
        since_epoch: Duration,
        publisher: &PublisherClock,
    ) -> Option<u32> {
        match (self.report, publisher.publisher_nanos(since_epoch)) {
            (Some(report), Some(at)) => {
                let elapsed = i128::from(at) - i128::from(ntp_nanos(report.ntp));
                let ticks = elapsed * i128::from(self.clock_rate) / 1_000_000_000;
                Some(report.rtp_timestamp.wrapping_add(ticks as u32))
            }
            _ => self.by_arrival(now),
        }
    }

    fn by_arrival(&self, now: Instant) -> Option<u32> {
        let (arrival, timestamp) = self.newest?;
        let elapsed = now.saturating_duration_since(arrival);
        Some(timestamp.wrapping_add(ticks(elapsed, self.clock_rate) as u32))
    }
}

fn nanos(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

/// 32.32 fixed point -> nanoseconds; 2^32 s of them fit an `i64`.
fn ntp_nanos(ntp: u64) -> i64 {
    ((u128::from(ntp) * 1_000_000_000) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ntp(seconds: f64) -> u64 {
        (seconds * 4_294_967_296.0) as u64
    }

    const WALL: Duration = Duration::from_secs(1_800_000_000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn estimates_from_arrivals_until_the_first_report() {
        let start = Instant::now();
        let publisher = PublisherClock::new();
        let mut clock = SenderClock::new(90_000);
        assert_eq!(clock.rtp_at(start, WALL, &publisher), None);
        clock.on_packet(start, u32::MAX);
        let later = clock.rtp_at(start + ms(100), WALL + ms(100), &publisher);
        assert_eq!(later, Some(8_999));
    }

    /// Audio takes 20 ms to us, video 120 ms; captured together, they must map to one wall time.
    #[test]
    fn one_offset_keeps_audio_and_video_together_whatever_their_delays() {
        let start = Instant::now();
        let mut publisher = PublisherClock::new();
        let (mut audio, mut video) = (SenderClock::new(48_000), SenderClock::new(90_000));
        for second in 0..30u32 {
            let captured = f64::from(second) + 5000.0;
            let at = u64::from(second) * 1000;
            publisher.on_report(WALL + ms(at + 20), ntp(captured));
            assert!(audio.on_report(start + ms(at + 20), ntp(captured), 7 + 48_000 * second));
            publisher.on_report(WALL + ms(at + 120), ntp(captured));
            assert!(video.on_report(start + ms(at + 120), ntp(captured), 9 + 90_000 * second));
        }
        let (now, wall) = (start + ms(40_020), WALL + ms(40_020));
        let voice = audio.rtp_at(now, wall, &publisher).unwrap();
        let picture = video.rtp_at(now, wall, &publisher).unwrap();
        // Both say how long after second 0 was captured what is played at this wall time.
        let voice = f64::from(voice - 7) / 48_000.0;
        let picture = f64::from(picture - 9) / 90_000.0;
        assert!((voice - picture).abs() < 0.000_1, "{voice} {picture}");
        assert!((voice - 40.0).abs() < 0.01, "{voice}");
    }

    #[test]
    fn a_set_clock_is_followed_at_once_and_jitter_is_not() {
        let mut publisher = PublisherClock::new();
        publisher.on_report(WALL, ntp(100.0));
        let before = publisher;
        publisher.on_report(WALL + ms(1_050), ntp(101.0));
        let moved = publisher.offset.unwrap() - before.offset.unwrap();
        assert!(
            (0..1_000_000).contains(&moved),
            "50 ms late moves {moved} ns"
        );
        publisher.on_report(WALL + ms(2_000), ntp(3_000.0));
        let at = publisher.publisher_nanos(WALL + ms(2_000)).unwrap();
        assert_eq!(at, ntp_nanos(ntp(3_000.0)));
    }

    #[test]
    fn an_absurd_report_is_not_believed_and_extremes_do_not_panic() {
        let start = Instant::now();
        let mut publisher = PublisherClock::new();
        let mut clock = SenderClock::new(90_000);
        clock.on_packet(start, 1000);
        assert!(!clock.on_report(start, ntp(1.0), 1000 + 90_000 * 11));
        assert!(clock.on_report(start, ntp(1.0), 1000 + 90_000 * 9));
        for ntp in [0, 1, u64::MAX, 1 << 63] {
            for wall in [Duration::ZERO, Duration::MAX, WALL] {
                publisher.on_report(wall, ntp);
                clock.on_report(start + ms(10_000), ntp, u32::MAX);
                clock.rtp_at(start, Duration::MAX, &publisher);
                clock.rtp_at(start, Duration::ZERO, &publisher);
            }
        }
    }
}
