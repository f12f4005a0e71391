//! Freezes by the definition of W3C's webrtc-stats (`freezeCount`): the time between two rendered
//! frames is a freeze when it is at least three times the average of the last thirty, and at least
//! 150 ms more than it.

use std::collections::VecDeque;
use std::time::Duration;

const AVERAGED: usize = 30;
/// Fewer intervals make no average.
const LEAST_AVERAGED: usize = 5;
const MARGIN: Duration = Duration::from_millis(150);
/// Without an average, a picture that stands for this long at the end is frozen.
const STANDING: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub struct FreezeDetector {
    last: Option<Duration>,
    is_paused: bool,
    intervals: VecDeque<Duration>,
    pub freezes: u32,
    pub frozen: Duration,
    pub frames: u64,
}

impl FreezeDetector {
    pub fn on_frame(&mut self, at: Duration) {
        self.frames += 1;
        if self.is_paused {
            return;
        }
        let Some(last) = self.last.replace(at) else {
            return;
        };
        let interval = at.saturating_sub(last);
        if self.intervals.len() == AVERAGED {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
        self.count(interval);
    }

    fn count(&mut self, interval: Duration) {
        if self.intervals.len() < LEAST_AVERAGED {
            return;
        }
        let average = self.intervals.iter().sum::<Duration>() / self.intervals.len() as u32;
        if interval >= (average * 3).max(average + MARGIN) {
            self.freezes += 1;
            self.frozen += interval;
        }
    }

    /// Nothing is to be shown: the pause is no freeze, whatever still comes meanwhile.
    pub fn pause(&mut self, paused: bool) {
        self.is_paused = paused;
        if paused {
            self.last = None;
        }
    }

    /// Figures begin now; what is known of the intervals stays.
    pub fn reset(&mut self, now: Duration) {
        self.freezes = 0;
        self.frozen = Duration::ZERO;
        self.frames = 0;
        self.last = self.last.map(|_| now);
    }

    /// The end: a picture that stands since long is a freeze too, be there an average or not.
    pub fn finish(&mut self, now: Duration) {
        let Some(last) = self.last.filter(|_| !self.is_paused) else {
            return;
        };
        let interval = now.saturating_sub(last);
        if self.intervals.len() >= LEAST_AVERAGED {
            self.count(interval);
        } else if interval >= STANDING {
            self.freezes += 1;
            self.frozen += interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn play(intervals_ms: &[u32]) -> FreezeDetector {
        let mut detector = FreezeDetector::default();
        let mut now = Duration::ZERO;
        detector.on_frame(now);
        for interval in intervals_ms {
            now += MS * *interval;
            detector.on_frame(now);
        }
        detector
    }

    #[test]
    fn a_gap_counts_from_average_plus_margin_on() {
        // 29 of 40 and one of x: the average holds x too.
        let with = |gap: u32| {
            let mut intervals = [40; 30];
            intervals[29] = gap;
            play(&intervals)
        };
        // average + 150 = (29 * 40 + x) / 30 + 150 at x = 195.17.
        assert_eq!(with(195).freezes, 0);
        assert_eq!(with(196).freezes, 1);
        assert_eq!(with(196).frozen, 196 * MS);
        assert_eq!(with(196).frames, 31);
    }

    #[test]
    fn at_a_low_frame_rate_three_times_the_average_counts() {
        let with = |gap: u32| {
            let mut intervals = [200; 30];
            intervals[29] = gap;
            play(&intervals)
        };
        // 3 * (29 * 200 + x) / 30 at x = 644.4.
        assert_eq!(with(644).freezes, 0);
        assert_eq!(with(645).freezes, 1);
    }

    #[test]
    fn the_first_frames_make_no_average_and_a_pause_no_freeze() {
        assert_eq!(play(&[40, 40, 3000]).freezes, 0);
        let mut detector = play(&[40; 20]);
        detector.pause(true);
        detector.on_frame(900 * MS);
        detector.finish(9_000 * MS);
        detector.pause(false);
        detector.on_frame(10_000 * MS);
        detector.on_frame(10_040 * MS);
        assert_eq!((detector.freezes, detector.frames), (0, 24));
    }

    #[test]
    fn a_picture_that_stands_at_the_end_is_frozen() {
        let mut detector = play(&[40; 20]);
        detector.reset(800 * MS);
        detector.finish(900 * MS);
        assert_eq!(detector.freezes, 0);
        detector.finish(5800 * MS);
        assert_eq!((detector.freezes, detector.frozen), (1, 5000 * MS));
        assert_eq!(detector.frames, 0);
        let mut first = play(&[40]);
        first.finish(900 * MS);
        assert_eq!(first.freezes, 0);
        first.finish(2040 * MS);
        assert_eq!((first.freezes, first.frozen), (1, 2000 * MS));
    }
}
