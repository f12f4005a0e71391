//! Receiver reports of one subscriber's streams, made into packets expected and lost since the last
//! report of each.

use arrayvec::ArrayVec;

use crate::wire::rtcp::ReportBlock;

/// Streams followed; reports of further ones are ignored. Slots and their retransmissions.
pub const MAX_REPORTED_STREAMS: usize = 64;

/// More packets than this cannot pass between two reports: the numbers are nonsense.
const MAX_EXPECTED: u32 = 1 << 16;

#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    highest_sequence: u32,
    cumulative_lost: i32,
}

#[derive(Debug, Default)]
pub struct ReportTracker {
    streams: ArrayVec<Stream, MAX_REPORTED_STREAMS>,
}

impl ReportTracker {
    /// (expected, lost) of all streams since their reports before. A stream's first report counts
    /// nothing: since when it counts is not known.
    pub fn on_report(&mut self, blocks: &[ReportBlock]) -> (u64, u64) {
        let (mut expected, mut lost) = (0, 0);
        for block in blocks {
            let now = Stream {
                ssrc: block.ssrc,
                highest_sequence: block.highest_sequence,
                cumulative_lost: block.cumulative_lost,
            };
            let Some(before) = self.streams.iter_mut().find(|it| it.ssrc == block.ssrc) else {
                let _ = self.streams.try_push(now);
                continue;
            };
            let passed = now.highest_sequence.wrapping_sub(before.highest_sequence);
            // Duplicates make the cumulative number fall; that is no negative loss.
            let missed = now.cumulative_lost.wrapping_sub(before.cumulative_lost);
            *before = now;
            if passed <= MAX_EXPECTED {
                expected += u64::from(passed);
                lost += u64::from(missed.max(0).unsigned_abs().min(passed));
            }
        }
        (expected, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(ssrc: u32, highest_sequence: u32, cumulative_lost: i32) -> ReportBlock {
        ReportBlock {
            ssrc,
            fraction_lost: 0,
            cumulative_lost,
            highest_sequence,
            jitter: 0,
            last_sr: 0,
            delay_since_last_sr: 0,
        }
    }

    #[test]
    fn streams_add_up_from_their_second_report() {
        let mut tracker = ReportTracker::default();
        let first = [block(1, 1_000, 5), block(2, u32::MAX, -3)];
        assert_eq!(tracker.on_report(&first), (0, 0));
        let second = [block(1, 1_100, 15), block(2, 49, -4), block(3, 9, 9)];
        assert_eq!(tracker.on_report(&second), (150, 10));
        assert_eq!(tracker.on_report(&[block(3, 19, 30)]), (10, 10));
    }

    #[test]
    fn nonsense_and_more_streams_than_there_are_is_ignored() {
        let mut tracker = ReportTracker::default();
        tracker.on_report(&[block(1, 1_000, i32::MIN)]);
        assert_eq!(tracker.on_report(&[block(1, 900, i32::MAX)]), (0, 0));
        for ssrc in 0..1_000 {
            tracker.on_report(&[block(ssrc, 0, 0)]);
        }
        assert_eq!(tracker.streams.len(), MAX_REPORTED_STREAMS);
    }
}
