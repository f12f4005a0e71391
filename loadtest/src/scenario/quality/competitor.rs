//! A download on the line the receivers share.

use std::time::Duration;

use firstbell_linksim::{Flight, Link, TCP_SEGMENT_BYTES, TcpFlow};

/// Acknowledgements on their way at once; a lost one costs a segment.
const MAX_IN_FLIGHT: usize = 8_192;

pub struct Competitor {
    flow: TcpFlow,
    begins: Duration,
    /// Of acknowledgements.
    way_back: Duration,
    acknowledgements: Flight<u64>,
    pub acknowledged_bytes: u64,
}

impl Competitor {
    pub fn new(begins: Duration, way_back: Duration) -> Self {
        Self {
            flow: TcpFlow::new(begins),
            begins,
            way_back,
            acknowledgements: Flight::new(MAX_IN_FLIGHT),
            acknowledged_bytes: 0,
        }
    }

    pub fn next_due(&self) -> Duration {
        let waiting = [self.acknowledgements.next_due(), self.flow.poll_timeout()];
        // Nothing under way: it has not begun, or a timeout has just emptied its window.
        waiting.into_iter().flatten().min().unwrap_or(self.begins)
    }

    /// Takes what has come back, and sends what the window has room for.
    pub fn advance(&mut self, now: Duration, link: &mut Link) {
        if now < self.begins {
            return;
        }
        while let Some((at, number)) = self.acknowledgements.pop_due(now) {
            self.flow.on_acknowledgement(at, number);
            self.acknowledged_bytes += TCP_SEGMENT_BYTES as u64;
        }
        self.flow.handle_timeout(now);
        while let Some(number) = self.flow.poll_send(now) {
            for at in link.send(now, TCP_SEGMENT_BYTES).arrivals() {
                let _ = self.acknowledgements.push(at + self.way_back, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use firstbell_linksim::{Schedule, Shape};

    use super::*;

    #[test]
    fn it_begins_in_time_and_fills_what_is_free() {
        let second = Duration::from_secs(1);
        let shape = Shape::limited(2_000_000, second / 3, second / 40);
        let mut link = Link::new(1, Schedule::constant(shape));
        let mut competitor = Competitor::new(10 * second, second / 40);
        let mut now = Duration::ZERO;
        while now < 40 * second {
            competitor.advance(now, &mut link);
            let due = competitor.next_due();
            assert!(due > now, "no progress at {now:?}");
            now = due;
        }
        let rate = competitor.acknowledged_bytes as f64 * 8.0 / 30.0;
        assert!((1_700_000.0..2_000_000.0).contains(&rate), "{rate}");
    }
}
