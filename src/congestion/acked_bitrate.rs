//! At which rate packets arrive at the subscriber: what the path has shown to carry.
//!
//! Follows libwebrtc's robust throughput estimator: the bytes of a window over the shorter-lived of
//! two rates, that of sending and that of arrival, with the largest pause between arrivals taken
//! out, since it says more about the sender than about the path. Packets whose feedback got lost
//! count as arrived.

use std::collections::VecDeque;

use super::send_history::PacketResult;

/// Packets in the window: half a second at 10 Mbit/s. At higher rates it is shorter.
pub const MAX_WINDOW_PACKETS: usize = 512;

/// Below this many packets there is no rate.
const MIN_PACKETS: usize = 10;
/// The window holds at least this many packets, unless they span [`MAX_WINDOW_MICROS`].
const WINDOW_PACKETS: usize = 20;
/// libwebrtc's is 1 s; half of it forgets a rate that the path no longer carries in time for the
/// second decrease after a drop.
const MIN_WINDOW_MICROS: i64 = 500_000;
const MAX_WINDOW_MICROS: i64 = 5_000_000;
/// What counts as recent, in time of arrival; with at least so many packets.
const RECENT_MICROS: i64 = 150_000;
const MIN_RECENT_PACKETS: usize = 6;
/// An arrival this much before the newest means that the receiver's clock was set.
const MAX_REORDERING_MICROS: i64 = 1_000_000;
/// No duration is taken as shorter.
const MIN_DURATION_MICROS: i64 = 1_000;

#[derive(Clone, Copy, Debug)]
struct Acked {
    sent_us: i64,
    arrival_us: i64,
    bytes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecentRates {
    pub sent_bps: f64,
    pub arrival_bps: f64,
}

#[derive(Debug, Default)]
pub struct AckedBitrate {
    /// By arrival.
    window: VecDeque<Acked>,
    /// Latest time of sending among what has left the window.
    left_us: Option<i64>,
}

impl AckedBitrate {
    /// Takes the results of one feedback, by arrival.
    pub fn on_results(&mut self, by_arrival: &[PacketResult]) {
        for result in by_arrival {
            if let Some(arrival_us) = result.arrival_us {
                self.insert(Acked {
                    sent_us: result.sent_us,
                    arrival_us,
                    bytes: result.bytes.saturating_add(result.unanswered_bytes),
                });
            }
        }
    }

    fn insert(&mut self, packet: Acked) {
        let newest = self.window.back().map(|newest| newest.arrival_us);
        if newest.is_some_and(|newest| newest - packet.arrival_us > MAX_REORDERING_MICROS) {
            self.window.clear();
            self.left_us = None;
        }
        self.window.push_back(packet);
        let mut at = self.window.len() - 1;
        while at > 0 && self.window[at].arrival_us < self.window[at - 1].arrival_us {
            self.window.swap(at, at - 1);
            at -= 1;
        }
        while self.oldest_is_outside() {
            if let Some(left) = self.window.pop_front() {
                self.left_us = self.left_us.max(Some(left.sent_us));
            }
        }
    }

    fn oldest_is_outside(&self) -> bool {
        let (Some(oldest), Some(newest)) = (self.window.front(), self.window.back()) else {
            return false;
        };
        let span = newest.arrival_us - oldest.arrival_us;
        self.window.len() > MAX_WINDOW_PACKETS
            || span > MAX_WINDOW_MICROS
            || self.window.len() > WINDOW_PACKETS && span > MIN_WINDOW_MICROS
    }

    /// Bits per second, once enough has arrived.
    pub fn bps(&self) -> Option<f64> {
        let arrival = self.arrival_bps()?;
        Some(self.send_bps().map_or(arrival, |sent| sent.min(arrival)))
    }

    /// Of the packets that arrived most recently: how fast they were sent, and how fast they arrived.
    pub fn recent(&self) -> Option<RecentRates> {
        let last = self.window.back()?;
        let (mut first_sent, mut last_sent) = (i64::MAX, i64::MIN);
        let mut bytes = 0;
        for (count, packet) in self.window.iter().rev().enumerate() {
            first_sent = first_sent.min(packet.sent_us);
            last_sent = last_sent.max(packet.sent_us);
            let span = last.arrival_us - packet.arrival_us;
            if count >= MIN_RECENT_PACKETS && span >= RECENT_MICROS {
                return Some(RecentRates {
                    sent_bps: rate(bytes, last_sent - first_sent),
                    arrival_bps: rate(bytes, span),
                });
            }
            bytes += u64::from(packet.bytes);
        }
        None
    }

    /// The rate of arrival alone: while a queue is emptied that is the path's capacity, though less
    /// is sent.
    pub fn arrival_bps(&self) -> Option<f64> {
        if self.window.len() < MIN_PACKETS {
            return None;
        }
        let first = self.window.front()?;
        let last = self.window.back()?;
        let total: u64 = self
            .window
            .iter()
            .map(|packet| u64::from(packet.bytes))
            .sum();
        // N packets span N - 1 intervals: the first one's bytes arrived before the window began.
        let received = total - u64::from(first.bytes);
        let span = last.arrival_us - first.arrival_us;
        Some(rate(received, span - self.pause_micros()))
    }

    /// By how much the largest pause between arrivals exceeds the second largest.
    fn pause_micros(&self) -> i64 {
        let (mut largest, mut second) = (0, 0);
        let arrivals = self.window.iter().map(|packet| packet.arrival_us);
        for (before, after) in arrivals.clone().zip(arrivals.skip(1)) {
            let gap = after - before;
            if gap > largest {
                (largest, second) = (gap, largest);
            } else if gap > second {
                second = gap;
            }
        }
        largest - second
    }

    fn send_bps(&self) -> Option<f64> {
        // What was sent before something that has left the window came out of order; counting it
        // would stretch the time of sending.
        let in_order = self
            .window
            .iter()
            .filter(|packet| self.left_us.is_none_or(|left| packet.sent_us >= left));
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        let (mut bytes, mut last_bytes, mut count) = (0, 0, 0);
        for packet in in_order {
            first = first.min(packet.sent_us);
            if packet.sent_us >= last {
                (last, last_bytes) = (packet.sent_us, packet.bytes);
            }
            bytes += u64::from(packet.bytes);
            count += 1;
        }
        (count >= MIN_PACKETS).then(|| rate(bytes - u64::from(last_bytes), last - first))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }
}

fn rate(bytes: u64, micros: i64) -> f64 {
    bytes as f64 * 8e6 / micros.max(MIN_DURATION_MICROS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::PacketClass;

    fn result(sent_ms: i64, arrival_ms: i64) -> PacketResult {
        PacketResult {
            sequence: 0,
            sent_us: sent_ms * 1_000,
            bytes: 1_000,
            class: PacketClass::Video,
            probe: None,
            arrival_us: Some(arrival_ms * 1_000),
            was_lost: false,
            unanswered_bytes: 0,
        }
    }

    fn bps_of(packets: impl IntoIterator<Item = (i64, i64)>) -> Option<f64> {
        let mut acked = AckedBitrate::default();
        for (sent, arrival) in packets {
            acked.on_results(&[result(sent, arrival)]);
        }
        acked.bps()
    }

    fn near(bps: Option<f64>, expected: f64) -> bool {
        bps.is_some_and(|bps| (bps / expected - 1.0).abs() < 0.02)
    }

    #[test]
    fn a_steady_rate_is_measured_and_too_little_is_not() {
        assert_eq!(bps_of((0..9).map(|n| (n * 10, n * 10 + 50))), None);
        let steady = bps_of((0..100).map(|n| (n * 10, n * 10 + 50)));
        assert!(near(steady, 800_000.0), "{steady:?}");
    }

    #[test]
    fn the_slower_of_sending_and_arriving_counts() {
        let bottleneck = bps_of((0..100).map(|n| (n * 5, n * 20)));
        assert!(near(bottleneck, 400_000.0), "{bottleneck:?}");
        // A queue that empties shows more than what is sent.
        let draining = bps_of((0..60).map(|n| (n * 20, 3_000 + n * 5)));
        assert!(near(draining, 400_000.0), "{draining:?}");
    }

    #[test]
    fn one_pause_does_not_count() {
        let pause = bps_of((0..50).map(|n| (n * 10, n * 10 + if n >= 25 { 400 } else { 0 })));
        assert!(near(pause, 800_000.0), "{pause:?}");
    }

    #[test]
    fn a_new_rate_is_known_after_half_a_second() {
        let slow = (0..50).map(|n| (1_000 + n * 10, 1_000 + n * 20));
        let drop = bps_of((0..200).map(|n| (n * 5, n * 5)).chain(slow.take(30)));
        assert!(near(drop, 400_000.0), "{drop:?}");
    }

    #[test]
    fn clock_steps_start_over_and_reordering_does_not() {
        let mut acked = AckedBitrate::default();
        for n in 0..30 {
            acked.on_results(&[result(n * 10, 10_000 + n * 10)]);
        }
        acked.on_results(&[result(300, 10_100)]);
        assert_eq!(acked.len(), 31);
        acked.on_results(&[result(310, 10)]);
        assert_eq!(acked.len(), 1);
        assert_eq!(acked.bps(), None);
    }

    #[test]
    fn the_window_is_bounded() {
        let mut acked = AckedBitrate::default();
        for n in 0..5_000 {
            acked.on_results(&[result(n / 50, n / 50)]);
        }
        assert_eq!(acked.len(), MAX_WINDOW_PACKETS);
        assert!(acked.bps().is_some());
    }
}
