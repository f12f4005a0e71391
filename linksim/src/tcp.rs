//! Somebody else's download on the same line: a sender that behaves like TCP Reno with selective
//! acknowledgements (RFC 5681, RFC 6675 in its simplest form). It always has something to send.
//!
//! Only what it does to the line matters: segments are numbers, and a lost one is not sent again but
//! followed by the next.

use std::collections::VecDeque;
use std::time::Duration;

pub const TCP_SEGMENT_BYTES: usize = 1_460;
pub const TCP_ACK_BYTES: usize = 12;

/// RFC 6928.
const INITIAL_WINDOW: f64 = 10.0;
/// Segments after a missing one that make it lost (RFC 5681 §3.2).
const REORDERING: u64 = 3;
/// Shortest wait for an acknowledgement, as systems have it (RFC 6298 would have 1 s).
const LEAST_TIMEOUT: Duration = Duration::from_millis(200);
/// Most segments under way; more than any line here holds. A window above is cut.
const MAX_WINDOW: f64 = 4_096.0;

#[derive(Clone, Debug)]
pub struct TcpFlow {
    window: f64,
    threshold: f64,
    next: u64,
    outstanding: VecDeque<(u64, Duration)>,
    highest_acknowledged: Option<u64>,
    /// Losses among segments before this one belong to a cut that has been made.
    recover: u64,
    round_trip: Option<(Duration, Duration)>,
    last_progress: Duration,
    pub acknowledged: u64,
    pub cuts: u64,
}

impl TcpFlow {
    pub fn new(now: Duration) -> Self {
        Self {
            window: INITIAL_WINDOW,
            threshold: MAX_WINDOW,
            next: 0,
            outstanding: VecDeque::new(),
            highest_acknowledged: None,
            recover: 0,
            round_trip: None,
            last_progress: now,
            acknowledged: 0,
            cuts: 0,
        }
    }

    /// The number of the next segment, if the window has room for one.
    pub fn poll_send(&mut self, now: Duration) -> Option<u64> {
        if self.outstanding.len() as f64 + 1.0 > self.window {
            return None;
        }
        if self.outstanding.is_empty() {
            self.last_progress = now;
        }
        let number = self.next;
        self.next += 1;
        self.outstanding.push_back((number, now));
        Some(number)
    }

    pub fn on_acknowledgement(&mut self, now: Duration, number: u64) {
        let Some(place) = self.outstanding.iter().position(|(out, _)| *out == number) else {
            return;
        };
        if let Some((_, sent)) = self.outstanding.remove(place) {
            self.measure(now.saturating_sub(sent));
        }
        self.last_progress = now;
        self.acknowledged += 1;
        let highest = self
            .highest_acknowledged
            .map_or(number, |old| old.max(number));
        self.highest_acknowledged = Some(highest);
        self.give_up_before(highest);
        if number >= self.recover {
            // Slow start, then one segment a round trip.
            self.window += if self.window < self.threshold {
                1.0
            } else {
                1.0 / self.window
            };
            self.window = self.window.min(MAX_WINDOW);
        }
    }

    fn give_up_before(&mut self, highest: u64) {
        while let Some((number, _)) = self.outstanding.front().copied()
            && number + REORDERING <= highest
        {
            self.outstanding.pop_front();
            if number >= self.recover {
                self.threshold = (self.window / 2.0).max(2.0);
                self.window = self.threshold;
                self.recover = self.next;
                self.cuts += 1;
            }
        }
    }

    /// RFC 6298 §2.
    fn measure(&mut self, sample: Duration) {
        self.round_trip = Some(match self.round_trip {
            None => (sample, sample / 2),
            Some((smooth, deviation)) => (
                (smooth * 7 + sample) / 8,
                (deviation * 3 + smooth.abs_diff(sample)) / 4,
            ),
        });
    }

    /// When [`Self::handle_timeout`] is due, while anything is under way.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let wait = self
            .round_trip
            .map_or(Duration::from_secs(1), |(smooth, deviation)| {
                smooth + deviation * 4
            });
        (!self.outstanding.is_empty()).then(|| self.last_progress + wait.max(LEAST_TIMEOUT))
    }

    /// Nothing was acknowledged for too long: all under way is lost (RFC 5681 §3.1).
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        self.threshold = (self.window / 2.0).max(2.0);
        self.window = 1.0;
        self.recover = self.next;
        self.cuts += 1;
        self.outstanding.clear();
        self.last_progress = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::Flight;
    use crate::link::Link;
    use crate::loss::Loss;
    use crate::schedule::Schedule;
    use crate::shape::Shape;

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs flows over one link and gives the bits a second each got.
    fn run(mut flows: Vec<TcpFlow>, shape: Shape, duration: Duration) -> Vec<f64> {
        let mut link = Link::new(5, Schedule::constant(shape));
        let mut acknowledgements = Flight::new(100_000);
        let mut now = Duration::ZERO;
        while now < duration {
            for (index, flow) in flows.iter_mut().enumerate() {
                flow.handle_timeout(now);
                while let Some(number) = flow.poll_send(now) {
                    for at in link.send(now, TCP_SEGMENT_BYTES).arrivals() {
                        assert!(
                            acknowledgements
                                .push(at + shape.delay, (index, number))
                                .is_ok()
                        );
                    }
                }
            }
            let timeout = flows.iter().filter_map(TcpFlow::poll_timeout).min();
            now = [timeout, acknowledgements.next_due()]
                .into_iter()
                .flatten()
                .min()
                .unwrap();
            while let Some((at, (index, number))) = acknowledgements.pop_due(now) {
                flows[index].on_acknowledgement(at, number);
            }
        }
        let bits = |flow: &TcpFlow| (flow.acknowledged as usize * TCP_SEGMENT_BYTES * 8) as f64;
        flows
            .iter()
            .map(|flow| bits(flow) / duration.as_secs_f64())
            .collect()
    }

    fn line() -> Shape {
        Shape::limited(2_000_000, SECOND * 3 / 10, SECOND / 40)
    }

    #[test]
    fn alone_it_fills_the_line_and_its_queue() {
        let rates = run(vec![TcpFlow::new(Duration::ZERO)], line(), 60 * SECOND);
        assert!((1_800_000.0..=2_000_000.0).contains(&rates[0]), "{rates:?}");
    }

    #[test]
    fn two_share() {
        let flows = vec![TcpFlow::new(Duration::ZERO), TcpFlow::new(Duration::ZERO)];
        let rates = run(flows, line(), 120 * SECOND);
        assert!(rates[0] + rates[1] > 1_800_000.0, "{rates:?}");
        let ratio = rates[0] / rates[1];
        assert!((0.6..1.7).contains(&ratio), "{rates:?}");
    }

    #[test]
    fn loss_slows_it_down_as_reno_would_be() {
        let shape = Shape {
            loss: Loss::Random { share: 0.02 },
            ..Shape::delayed(SECOND / 20)
        };
        let rates = run(vec![TcpFlow::new(Duration::ZERO)], shape, 120 * SECOND);
        // Mathis et al. 1997: MSS / RTT * 1.22 / sqrt(p), here about 1 Mb/s.
        assert!((500_000.0..1_500_000.0).contains(&rates[0]), "{rates:?}");
    }

    #[test]
    fn after_silence_it_begins_again() {
        let mut flow = TcpFlow::new(Duration::ZERO);
        let first: Vec<_> = std::iter::from_fn(|| flow.poll_send(Duration::ZERO)).collect();
        assert_eq!(first, (0..10).collect::<Vec<_>>());
        let at = flow.poll_timeout().unwrap();
        flow.handle_timeout(at - Duration::from_millis(1));
        assert_eq!(flow.poll_send(at), None);
        flow.handle_timeout(at);
        assert_eq!(flow.poll_send(at), Some(10));
        assert_eq!(flow.poll_send(at), None, "one segment to begin with");
        flow.on_acknowledgement(at + SECOND, 3);
        assert_eq!(flow.acknowledged, 0, "was given up");
    }
}
