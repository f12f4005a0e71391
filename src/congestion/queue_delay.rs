//! How long packets wait in the path's queue: the way there, above its recent minimum.
//!
//! The clocks of the two ends differ by an unknown constant, which the minimum takes out.

use super::send_history::PacketResult;

/// The minimum is over one to two of these: long enough to see an empty queue, short enough to
/// follow a changed route and clocks that drift apart.
const PERIOD_MICROS: i64 = 15_000_000;

/// No queue counts as longer: beyond, somebody's clock was set.
pub const MAX_QUEUE_MICROS: i64 = 10_000_000;

#[derive(Clone, Copy, Debug, Default)]
pub struct QueueDelay {
    period_began_us: i64,
    minimum: Option<i64>,
    previous_minimum: Option<i64>,
    delay_us: i64,
}

impl QueueDelay {
    /// Of the packet that waited least among those of the latest feedback: a burst of our own
    /// makes its last packets wait however empty the path is.
    pub fn micros(&self) -> i64 {
        self.delay_us
    }

    pub fn on_results(&mut self, now_us: i64, by_arrival: &[PacketResult]) {
        let ways = by_arrival
            .iter()
            .filter_map(|result| Some(result.arrival_us? - result.sent_us));
        let Some(least) = ways.min() else {
            return;
        };
        if now_us - self.period_began_us >= PERIOD_MICROS {
            self.period_began_us = now_us;
            self.previous_minimum = self.minimum.take();
        }
        let minimum = self.minimum.map_or(least, |minimum| minimum.min(least));
        self.minimum = Some(minimum);
        let base = self.previous_minimum.map_or(minimum, |it| it.min(minimum));
        self.delay_us = least - base;
        if self.delay_us > MAX_QUEUE_MICROS {
            self.minimum = Some(least);
            self.previous_minimum = None;
            self.delay_us = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::PacketClass;

    fn told(delay: &mut QueueDelay, now_ms: i64, ways_ms: &[i64]) -> i64 {
        let results: Vec<_> = ways_ms
            .iter()
            .map(|way| PacketResult {
                sequence: 0,
                sent_us: now_ms * 1_000,
                bytes: 1,
                class: PacketClass::Video,
                probe: None,
                arrival_us: Some((now_ms + way) * 1_000),
                was_lost: false,
                unanswered_bytes: 0,
            })
            .collect();
        delay.on_results(now_ms * 1_000, &results);
        delay.micros() / 1_000
    }

    #[test]
    fn is_what_the_luckiest_packet_waited_above_the_minimum() {
        let mut delay = QueueDelay::default();
        assert_eq!(told(&mut delay, 0, &[-400, -370]), 0);
        assert_eq!(told(&mut delay, 100, &[-300, -350, -100]), 50);
        assert_eq!(told(&mut delay, 200, &[]), 50);
        assert_eq!(told(&mut delay, 300, &[-420]), 0);
    }

    #[test]
    fn a_longer_route_is_the_new_minimum_after_a_while() {
        let mut delay = QueueDelay::default();
        told(&mut delay, 0, &[20]);
        assert_eq!(told(&mut delay, 5_000, &[80]), 60);
        assert_eq!(told(&mut delay, 16_000, &[80]), 60);
        assert_eq!(told(&mut delay, 32_000, &[80]), 0);
    }

    #[test]
    fn a_clock_that_was_set_is_no_queue() {
        let mut delay = QueueDelay::default();
        told(&mut delay, 0, &[20]);
        assert_eq!(told(&mut delay, 100, &[60_000]), 0);
        assert_eq!(told(&mut delay, 200, &[60_050]), 50);
    }
}
