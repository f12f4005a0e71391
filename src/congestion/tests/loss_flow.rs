//! What competes: a transfer that fills the queue until it loses something, as TCP Reno does.

use std::collections::VecDeque;

use super::link::Link;

const PACKET: usize = 1_200;

pub struct LossFlow {
    start_us: i64,
    delay_us: i64,
    window: f64,
    threshold: f64,
    /// When each packet in flight is acknowledged; `Err` when its loss is noticed.
    in_flight: VecDeque<Result<i64, i64>>,
    recovering_until_us: i64,
    round_trip_us: i64,
    pub delivered: Vec<(i64, usize)>,
}

impl LossFlow {
    pub fn new(start_us: i64, delay_us: i64) -> Self {
        Self {
            start_us,
            delay_us,
            window: 10.0,
            threshold: f64::INFINITY,
            in_flight: VecDeque::new(),
            recovering_until_us: 0,
            round_trip_us: 2 * delay_us,
            delivered: Vec::new(),
        }
    }

    pub fn tick(&mut self, now_us: i64, link: &mut Link) {
        if now_us < self.start_us {
            return;
        }
        while let Some(&next) = self.in_flight.front() {
            match next {
                Ok(acked) if acked <= now_us => {
                    self.in_flight.pop_front();
                    self.grow();
                }
                Err(noticed) if noticed <= now_us => {
                    self.in_flight.pop_front();
                    self.shrink(now_us);
                }
                _ => break,
            }
        }
        while (self.in_flight.len() as f64) < self.window {
            let outcome = match link.send(now_us, PACKET) {
                Some(passage) => {
                    let acked = passage.done_us + 2 * self.delay_us;
                    self.round_trip_us = acked - now_us;
                    self.delivered.push((acked, PACKET));
                    Ok(acked)
                }
                None => Err(now_us + self.round_trip_us),
            };
            self.in_flight.push_back(outcome);
        }
    }

    fn grow(&mut self) {
        self.window += match self.window < self.threshold {
            true => 1.0,
            false => 1.0 / self.window,
        };
    }

    /// Once for each round trip.
    fn shrink(&mut self, now_us: i64) {
        if now_us >= self.recovering_until_us {
            self.recovering_until_us = now_us + self.round_trip_us;
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = self.threshold;
        }
    }

    pub fn goodput(&self, from: f64, to: f64) -> f64 {
        let within = self
            .delivered
            .iter()
            .filter(|(at, _)| (from..to).contains(&(*at as f64 / 1e6)));
        within.map(|(_, bytes)| *bytes as f64 * 8.0).sum::<f64>() / (to - from)
    }
}
