//! When did the publisher's packets arrive: transport-wide feedback for its bandwidth estimator
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use crate::wire::rtcp::TransportFeedback;
use std::time::{Duration, Instant};

/// Packets remembered; when more come between two feedbacks, the oldest are never reported.
/// 2048 in 100 ms are 190 Mbit/s of full packets.
pub const MAX_REMEMBERED: u64 = 2048;

/// Packets reported in one feedback, so that it fits one datagram: at worst 2 bytes of delta and
/// 2/7 bytes of chunk each.
pub const MAX_REPORTED: u64 = 400;

/// A late packet is reported (again, with those after it) if it comes within this of the report
/// that called it lost.
const MAX_LATE: u64 = 256;

pub const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
const FIRST_FEEDBACK: Duration = Duration::from_millis(50);

/// Deltas count quarters of a millisecond, the reference time 64 ms.
const TICK_MICROS: u128 = 250;
const TICKS_PER_REFERENCE: i64 = 256;

#[derive(Clone, Debug)]
pub struct FeedbackRecorder {
    epoch: Instant,
    sender_ssrc: u32,
    media_ssrc: u32,
    /// Arrival of packet `n` in ticks since `epoch` at `n % MAX_REMEMBERED`, for the packets in
    /// `(highest - MAX_REMEMBERED, highest]`. Taken with the first packet.
    arrivals: Vec<Option<i64>>,
    state: Option<State>,
    feedback_count: u8,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Extended sequence number of the first packet not reported yet.
    next: u64,
    highest: u64,
    due: Instant,
}

impl FeedbackRecorder {
    /// `sender_ssrc` goes into the feedback as its origin.
    pub fn new(now: Instant, sender_ssrc: u32) -> Self {
        Self {
            epoch: now,
            sender_ssrc,
            media_ssrc: 0,
            arrivals: Vec::new(),
            state: None,
            feedback_count: 0,
        }
    }

    /// A packet of stream `media_ssrc` with this transport-wide sequence number arrived. The
    /// feedback names the latest stream: libwebrtc ignores feedback about a stream it does not
    /// send.
    pub fn record(&mut self, now: Instant, media_ssrc: u32, transport_sequence: u16) {
        self.media_ssrc = media_ssrc;
        let tick = (now.saturating_duration_since(self.epoch).as_micros() / TICK_MICROS) as i64;
        let Some(mut state) = self.state else {
            let index = (1 << 16) + u64::from(transport_sequence);
            self.arrivals = vec![None; MAX_REMEMBERED as usize];
            self.state = Some(State {
                next: index,
                highest: index,
                due: now + FIRST_FEEDBACK,
            });
            self.set(index, Some(tick));
            return;
        };
        let ahead = transport_sequence.wrapping_sub(state.highest as u16) as i16;
        let index = state.highest.saturating_add_signed(i64::from(ahead));
        if index > state.highest {
            let forgotten = (index - state.highest).min(MAX_REMEMBERED);
            for passed in index + 1 - forgotten..index {
                self.set(passed, None);
            }
            if state.next > state.highest {
                // Everything was reported: the time to the next feedback starts here, unless
                // the last one is that recent.
                state.due = state.due.max(now);
            }
            state.highest = index;
            state.next = state.next.max((index + 1).saturating_sub(MAX_REMEMBERED));
        } else if self.get(index).is_some()
            || index + MAX_LATE < state.next
            || state.highest - index >= MAX_REMEMBERED
        {
            return;
        } else if index < state.next {
            if state.next > state.highest {
                state.due = state.due.max(now);
            }
            state.next = index;
        }
        self.set(index, Some(tick));
        self.state = Some(state);
    }

    /// When [`poll`](Self::poll) next gives something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = self.state?;
        (state.next <= state.highest).then_some(state.due)
    }

    /// The feedback that is due, every [`FEEDBACK_INTERVAL`] while packets arrive. To be called
    /// until it gives `None`: what does not fit one feedback follows in another.
    pub fn poll(&mut self, now: Instant) -> Option<TransportFeedback> {
        let mut state = self.state?;
        if state.next > state.highest || state.due > now {
            return None;
        }
        let base = state.next;
        // There is one: `highest` has arrived and is remembered.
        let first = (base..=state.highest).find_map(|index| self.get(index))?;
        let reference = first.div_euclid(TICKS_PER_REFERENCE);
        let mut previous = reference * TICKS_PER_REFERENCE;
        let mut arrivals = Vec::new();
        let end = state.highest.min(base + MAX_REPORTED - 1);
        for index in base..=end {
            let arrival = self.get(index);
            if let Some(tick) = arrival {
                let Ok(delta) = i16::try_from(tick - previous) else {
                    break; // The next feedback has a nearer reference time.
                };
                arrivals.push(Some(i32::from(delta)));
                previous = tick;
            } else {
                arrivals.push(None);
            }
        }
        state.next = base + arrivals.len() as u64;
        if state.next > state.highest {
            state.due = now + FEEDBACK_INTERVAL;
        }
        self.state = Some(state);
        let feedback = TransportFeedback {
            sender_ssrc: self.sender_ssrc,
            media_ssrc: self.media_ssrc,
            base_sequence: base as u16,
            reference_time: wrap_24(reference),
            feedback_count: self.feedback_count,
            arrivals,
        };
        self.feedback_count = self.feedback_count.wrapping_add(1);
        Some(feedback)
    }

    fn get(&self, index: u64) -> Option<i64> {
        *self.arrivals.get((index % MAX_REMEMBERED) as usize)?
    }

    fn set(&mut self, index: u64, arrival: Option<i64>) {
        if let Some(slot) = self.arrivals.get_mut((index % MAX_REMEMBERED) as usize) {
            *slot = arrival;
        }
    }
}

/// The low 24 bits, sign-extended.
fn wrap_24(reference: i64) -> i32 {
    ((reference as i32) << 8) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const MS: Duration = Duration::from_millis(1);

    fn recorder() -> (Instant, FeedbackRecorder) {
        let start = Instant::now();
        (start, FeedbackRecorder::new(start, 1))
    }

    /// Arrival ticks by sequence number, as a receiver of the feedback computes them.
    fn decode(feedback: &TransportFeedback) -> Vec<(u16, Option<i64>)> {
        let mut tick = i64::from(feedback.reference_time) * TICKS_PER_REFERENCE;
        let numbers = 0u16..;
        feedback
            .arrivals
            .iter()
            .zip(numbers)
            .map(|(delta, number)| {
                let arrival = delta.map(|delta| {
                    tick += i64::from(delta);
                    tick
                });
                (feedback.base_sequence.wrapping_add(number), arrival)
            })
            .collect()
    }

    #[test]
    fn first_after_50_ms_then_every_100_ms_while_packets_come() {
        let (start, mut recorder) = recorder();
        assert_eq!(recorder.poll(start), None);
        let mut times = Vec::new();
        for ms in 0..500 {
            let now = start + ms * MS;
            if ms % 10 == 0 && ms < 300 {
                recorder.record(now, 77, (65_530 + ms / 10) as u16);
            }
            if let Some(feedback) = recorder.poll(now) {
                assert_eq!(usize::from(feedback.feedback_count), times.len());
                assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (1, 77));
                times.push(ms);
            }
        }
        assert_eq!(times, [50, 150, 250, 350]);
        assert_eq!(recorder.poll_timeout(), None);
    }

    #[test]
    fn losses_are_none_and_a_late_packet_is_reported_after_all() {
        let (start, mut recorder) = recorder();
        for (ms, sequence) in [(0, 10), (20, 11), (30, 14), (25, 13)] {
            recorder.record(start + ms * MS, 1, sequence);
        }
        let feedback = recorder.poll(start + 50 * MS).unwrap();
        assert_eq!(feedback.base_sequence, 10);
        let expected = [Some(0), Some(80), None, Some(20), Some(20)];
        assert_eq!(feedback.arrivals, expected);
        recorder.record(start + 60 * MS, 1, 12);
        let again = recorder.poll(start + 150 * MS).unwrap();
        assert_eq!(again.base_sequence, 12);
        let ticks: Vec<_> = decode(&again).into_iter().map(|(_, tick)| tick).collect();
        assert_eq!(ticks, [Some(240), Some(100), Some(120)]);
        assert_eq!(recorder.poll(start + 400 * MS), None);
        recorder.record(start + 401 * MS, 1, 12);
        assert_eq!(
            recorder.poll(start + 600 * MS),
            None,
            "a duplicate is no news"
        );
    }

    #[test]
    fn a_long_silence_splits_the_feedback_and_a_leap_is_bounded() {
        let (start, mut recorder) = recorder();
        recorder.record(start, 1, 0);
        recorder.record(start + Duration::from_secs(20), 1, 1);
        let now = start + Duration::from_secs(21);
        assert_eq!(recorder.poll(now).unwrap().arrivals, [Some(0)]);
        let second = recorder.poll(now).unwrap();
        assert_eq!(decode(&second), [(1, Some(80_000))]);
        assert_eq!(recorder.poll(now), None);
        recorder.record(now, 1, 30_000);
        let now = now + Duration::from_secs(1);
        let mut reported = 0;
        while let Some(feedback) = recorder.poll(now) {
            assert!(feedback.arrivals.len() as u64 <= MAX_REPORTED);
            reported += feedback.arrivals.len() as u64;
        }
        assert!(reported <= MAX_REMEMBERED, "{reported}");
    }

    #[test]
    fn the_reference_time_wraps_as_24_signed_bits() {
        assert_eq!(wrap_24(0x7f_ffff), 0x7f_ffff);
        assert_eq!(wrap_24(0x80_0000), -0x80_0000);
        assert_eq!(wrap_24(0x0100_0005), 5);
    }

    proptest! {
        /// Every packet that arrives is reported, at its time to the tick, whatever the order.
        #[test]
        fn reports_each_arrival_at_its_time(
            start_sequence in any::<u16>(),
            steps in prop::collection::vec((0u64..30, 0u16..4, 0u16..8), 1..300),
        ) {
            let (start, mut recorder) = recorder();
            let mut highest = start_sequence;
            let mut ms = 0;
            let mut arrived: BTreeMap<u16, i64> = BTreeMap::new();
            let mut reported: BTreeMap<u16, i64> = BTreeMap::new();
            let mut collect = |recorder: &mut FeedbackRecorder, now| {
                while let Some(feedback) = recorder.poll(now) {
                    for (sequence, tick) in decode(&feedback) {
                        if let Some(tick) = tick {
                            reported.insert(sequence, tick);
                        }
                    }
                }
            };
            recorder.record(start, 1, start_sequence);
            arrived.insert(start_sequence, 0);
            for (wait, forward, back) in steps {
                ms += wait;
                let now = start + Duration::from_millis(ms);
                highest = highest.wrapping_add(forward);
                let sequence = highest.wrapping_sub(back % (forward + 1));
                recorder.record(now, 1, sequence);
                arrived.entry(sequence).or_insert(ms as i64 * 4);
                collect(&mut recorder, now);
            }
            collect(&mut recorder, start + Duration::from_millis(ms + 200));
            prop_assert_eq!(reported, arrived);
        }
    }
}
