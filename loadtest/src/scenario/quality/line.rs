//! The emulated way between one client's socket and the client: a line of its own, perhaps behind
//! one it shares with others.

use std::net::SocketAddr;
use std::time::Duration;

use firstbell_linksim::{Arrivals, Fate, Flight, Link};

/// Datagrams on their way at once, each direction; more are dropped.
const MAX_IN_FLIGHT: usize = 16_384;

pub struct Line {
    /// Place among the shared links.
    pub shared: Option<usize>,
    pub down: Link,
    pub up: Link,
    arriving: Flight<(SocketAddr, Vec<u8>)>,
    leaving: Flight<(SocketAddr, Vec<u8>)>,
}

impl Line {
    pub fn new(shared: Option<usize>, down: Link, up: Link) -> Self {
        Self {
            shared,
            down,
            up,
            arriving: Flight::new(MAX_IN_FLIGHT),
            leaving: Flight::new(MAX_IN_FLIGHT),
        }
    }

    /// A datagram came out of the socket, from the node.
    pub fn receive(
        &mut self,
        now: Duration,
        shared: &mut [Link],
        from: SocketAddr,
        datagram: &[u8],
    ) -> Fate {
        let shared = self.shared.and_then(|index| shared.get_mut(index));
        let fate = match shared.map(|link| link.send(now, datagram.len())) {
            None => self.down.send(now, datagram.len()),
            // What comes out of the shared line keeps its order, so it may go into the other one
            // already.
            Some(Fate::Arrives { at, queued }) => {
                beyond(self.down.send(at.first, datagram.len()), queued)
            }
            Some(gone) => gone,
        };
        for at in fate.arrivals() {
            // What does not fit is lost; a line that holds so much is not one of ours.
            let _ = self.arriving.push(at, (from, datagram.to_vec()));
        }
        fate
    }

    /// A datagram is to be sent to the node.
    pub fn send(&mut self, now: Duration, to: SocketAddr, datagram: &[u8]) {
        for at in self.up.send(now, datagram.len()).arrivals() {
            let _ = self.leaving.push(at, (to, datagram.to_vec()));
        }
    }

    pub fn next_arrival(&self) -> Option<Duration> {
        self.arriving.next_due()
    }

    pub fn next_departure(&self) -> Option<Duration> {
        self.leaving.next_due()
    }

    pub fn pop_arrival(&mut self, now: Duration) -> Option<(SocketAddr, Vec<u8>)> {
        self.arriving.pop_due(now).map(|(_, what)| what)
    }

    pub fn pop_departure(&mut self, now: Duration) -> Option<(SocketAddr, Vec<u8>)> {
        self.leaving.pop_due(now).map(|(_, what)| what)
    }
}

/// The fate on the second of two lines, with the time waited before the first.
fn beyond(fate: Fate, before: Duration) -> Fate {
    match fate {
        Fate::Arrives { at, queued } => Fate::Arrives {
            at: Arrivals {
                first: at.first,
                copy: at.copy,
            },
            queued: queued + before,
        },
        Fate::Lost { queued } => Fate::Lost {
            queued: queued + before,
        },
        Fate::Dropped => Fate::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use firstbell_linksim::{Schedule, Shape};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_shared_line_comes_before_the_own_one() {
        let shape = Shape {
            overhead: 0,
            ..Shape::limited(80_000, 1_000 * MS, 5 * MS)
        };
        let mut shared = [Link::new(1, Schedule::constant(shape))];
        let ideal = || Link::new(2, Schedule::constant(Shape::IDEAL));
        let far = Link::new(3, Schedule::constant(Shape::delayed(100 * MS)));
        let mut near = Line::new(Some(0), ideal(), ideal());
        let mut far = Line::new(Some(0), far, ideal());
        let node: SocketAddr = "192.0.2.1:9".parse().unwrap();
        // 1,000 bytes take 100 ms.
        near.receive(Duration::ZERO, &mut shared, node, &[0; 1000]);
        let fate = far.receive(Duration::ZERO, &mut shared, node, &[0; 1000]);
        assert_eq!(fate.queued(), Some(100 * MS));
        assert_eq!(near.next_arrival(), Some(105 * MS));
        assert_eq!(far.next_arrival(), Some(305 * MS));
        assert_eq!(far.pop_arrival(304 * MS), None);
        assert!(far.pop_arrival(305 * MS).is_some());
        near.send(MS, node, b"up");
        assert_eq!(near.next_departure(), Some(MS));
        assert_eq!(near.pop_departure(MS), Some((node, b"up".to_vec())));
    }
}
