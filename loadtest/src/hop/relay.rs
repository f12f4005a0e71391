//! What becomes of datagrams at the hop: which line they take, when they come out, and to whom.
//! Without sockets and clocks.

use std::time::Duration;

use firstbell_linksim::{Flight, Link, Schedule, Shape};

use super::args::Lines;
use super::stats::Stats;

/// Clients served at once; datagrams of further ones are dropped and counted.
pub const MAX_CLIENTS: usize = 256;
/// Datagrams on their way at once; more are dropped and counted. 100 Mb/s for a second.
const MAX_IN_FLIGHT: usize = 16_384;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the client.
    Down,
    /// To the node.
    Up,
}

/// A datagram that has come through.
#[derive(Debug, PartialEq, Eq)]
pub struct Parcel {
    pub client: usize,
    pub direction: Direction,
    pub datagram: Vec<u8>,
}

struct Pair {
    down: Link,
    up: Link,
    /// Whose clients are spared what the lines are like.
    is_good: bool,
}

pub struct Relay {
    lines: Lines,
    /// When the lines' changes began to count.
    began: Duration,
    seed: u64,
    pairs: Vec<Pair>,
    /// The pair all share.
    shared: Option<usize>,
    /// The pair of each client.
    clients: Vec<usize>,
    flight: Flight<Parcel>,
    pub stats: Stats,
}

impl Relay {
    pub fn new(lines: Lines, seed: u64) -> Self {
        Self {
            lines,
            began: Duration::ZERO,
            seed,
            pairs: Vec::new(),
            shared: None,
            clients: Vec::new(),
            flight: Flight::new(MAX_IN_FLIGHT),
            stats: Stats::default(),
        }
    }

    /// A new client's number. `None`: there are too many.
    pub fn add_client(&mut self) -> Option<usize> {
        if self.clients.len() == MAX_CLIENTS {
            self.stats.refused_clients += 1;
            return None;
        }
        let pair = match self.shared.filter(|_| self.lines.is_shared) {
            Some(shared) => shared,
            None => {
                let (down, up) = (self.lines.down.clone(), self.lines.up.clone());
                self.add_pair(
                    down.delayed_by(self.began),
                    up.delayed_by(self.began),
                    false,
                )
            }
        };
        self.shared = Some(pair);
        self.clients.push(pair);
        Some(self.clients.len() - 1)
    }

    fn add_pair(&mut self, down: Schedule, up: Schedule, is_good: bool) -> usize {
        let seed = self.seed.wrapping_add(2 * self.pairs.len() as u64);
        self.pairs.push(Pair {
            down: Link::new(seed, down),
            up: Link::new(seed.wrapping_add(1), up),
            is_good,
        });
        self.pairs.len() - 1
    }

    /// The clients there are so far have good lines from now on, whatever becomes of the others'.
    pub fn spare(&mut self) {
        for client in 0..self.clients.len() {
            let is_good = |pair: &usize| self.pairs.get(*pair).is_some_and(|pair| pair.is_good);
            if self.clients.get(client).is_none_or(is_good) {
                continue;
            }
            let good = Schedule::constant(Shape::IDEAL);
            let pair = self.add_pair(good.clone(), good, true);
            if let Some(place) = self.clients.get_mut(client) {
                *place = pair;
            }
        }
    }

    /// Other lines, or the same again from their beginning.
    pub fn change(&mut self, now: Duration, lines: Lines) {
        // Who shares what was settled when clients came.
        self.lines = Lines {
            is_shared: self.lines.is_shared,
            ..lines
        };
        self.began = now;
        for pair in self.pairs.iter_mut().filter(|pair| !pair.is_good) {
            let (down, up) = (self.lines.down.clone(), self.lines.up.clone());
            pair.down.reschedule(now, down.delayed_by(now));
            pair.up.reschedule(now, up.delayed_by(now));
        }
    }

    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    pub fn take(&mut self, now: Duration, client: usize, direction: Direction, datagram: &[u8]) {
        let pair = self.clients.get(client).copied();
        let Some(pair) = pair.and_then(|pair| self.pairs.get_mut(pair)) else {
            return;
        };
        let link = match direction {
            Direction::Down => &mut pair.down,
            Direction::Up => &mut pair.up,
        };
        let fate = link.send(now, datagram.len());
        self.stats.sent(now, direction, datagram.len(), fate);
        for at in fate.arrivals() {
            let parcel = Parcel {
                client,
                direction,
                datagram: datagram.to_vec(),
            };
            if self.flight.push(at, parcel).is_err() {
                self.stats.overflows += 1;
            }
        }
    }

    pub fn next_due(&self) -> Option<Duration> {
        self.flight.next_due()
    }

    /// The next datagram that has come through by now.
    pub fn pop_due(&mut self, now: Duration) -> Option<Parcel> {
        let (at, parcel) = self.flight.pop_due(now)?;
        self.stats
            .arrived(at, parcel.direction, parcel.datagram.len());
        Some(parcel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn lines(kbps: u64, is_shared: bool) -> Lines {
        let shape = Shape {
            overhead: 0,
            ..Shape::limited(kbps * 1000, 500 * MS, 10 * MS)
        };
        Lines {
            down: Schedule::constant(shape),
            up: Schedule::constant(Shape::delayed(5 * MS)),
            is_shared,
        }
    }

    fn arrivals(relay: &mut Relay) -> Vec<(Duration, usize, Direction)> {
        let mut found = Vec::new();
        while let Some(at) = relay.next_due() {
            let parcel = relay.pop_due(at).unwrap();
            found.push((at, parcel.client, parcel.direction));
        }
        found
    }

    #[test]
    fn own_lines_do_not_wait_for_each_other_and_a_shared_one_does() {
        for (is_shared, second) in [(false, 110 * MS), (true, 210 * MS)] {
            let mut relay = Relay::new(lines(80, is_shared), 1);
            let [a, b] = [0, 1].map(|_| relay.add_client().unwrap());
            // 1,000 bytes take 100 ms.
            relay.take(Duration::ZERO, a, Direction::Down, &[0; 1000]);
            relay.take(Duration::ZERO, b, Direction::Down, &[0; 1000]);
            relay.take(Duration::ZERO, b, Direction::Up, &[0; 1000]);
            let expected = [
                (5 * MS, b, Direction::Up),
                (110 * MS, a, Direction::Down),
                (second, b, Direction::Down),
            ];
            assert_eq!(arrivals(&mut relay), expected);
        }
    }

    #[test]
    fn other_lines_count_from_when_they_come() {
        let mut relay = Relay::new(lines(80, false), 1);
        let client = relay.add_client().unwrap();
        let mut faster = lines(800, true);
        faster.down = faster
            .down
            .then(1000 * MS, *lines(8, false).down.at(Duration::ZERO));
        relay.change(5000 * MS, faster);
        relay.take(5500 * MS, client, Direction::Down, &[0; 1000]);
        relay.take(6500 * MS, client, Direction::Down, &[0; 1000]);
        let times: Vec<_> = arrivals(&mut relay).iter().map(|found| found.0).collect();
        assert_eq!(times, [5520 * MS, 7510 * MS]);
        assert!(!relay.lines().is_shared, "they had lines of their own");
    }

    #[test]
    fn who_is_spared_stays_so() {
        for is_shared in [false, true] {
            let mut relay = Relay::new(lines(80, is_shared), 1);
            let early = relay.add_client().unwrap();
            relay.spare();
            relay.spare();
            let late = relay.add_client().unwrap();
            relay.change(Duration::ZERO, lines(8, is_shared));
            relay.take(Duration::ZERO, early, Direction::Down, &[0; 1000]);
            relay.take(Duration::ZERO, late, Direction::Down, &[0; 1000]);
            let expected = [
                (Duration::ZERO, early, Direction::Down),
                (1010 * MS, late, Direction::Down),
            ];
            assert_eq!(arrivals(&mut relay), expected);
        }
    }

    #[test]
    fn clients_and_datagrams_are_bounded() {
        let mut relay = Relay::new(lines(1_000_000, false), 1);
        for _ in 0..MAX_CLIENTS {
            assert!(relay.add_client().is_some());
        }
        assert_eq!(relay.add_client(), None);
        assert_eq!(relay.stats.refused_clients, 1);
        for _ in 0..=MAX_IN_FLIGHT {
            relay.take(Duration::ZERO, 0, Direction::Up, &[1]);
        }
        assert_eq!(relay.stats.overflows, 1);
    }
}
