//! Carries messages between the shards' threads: a queue for each pair, a bell for each thread.
//!
//! A thread copies what its shard wrote into the queues once per loop turn, then rings the bells of
//! those it wrote to; a bell that was rung and not yet heard costs nothing more.

mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

use crate::shard::RelayOutbox;
use queue::{Reader, Writer, queue};

/// Wakes one shard's thread.
struct Bell {
    rung: AtomicBool,
    waker: Arc<Waker>,
}

impl Bell {
    fn ring(&self) {
        // A lost wake-up costs at most the driver's longest sleep.
        if !self.rung.swap(true, Ordering::AcqRel) {
            let _ = self.waker.wake();
        }
    }

    /// Whether it was rung. To be asked before the queues are looked at, so that what is written
    /// after that rings anew.
    fn heard(&self) -> bool {
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel)
    }
}

struct Outlet {
    writer: Writer,
    bell: Arc<Bell>,
}

/// One shard's ends of all its queues.
#[derive(Default)]
pub struct RelayPorts {
    /// By the shard it leads to; `None` to itself.
    to: Vec<Option<Outlet>>,
    /// With the shard it comes from.
    from: Vec<(usize, Reader)>,
    bell: Option<Arc<Bell>>,
    /// Where the next look at the queues begins, so that none is always last.
    first: usize,
    /// The last look ended before all was read.
    unread: bool,
    /// Times a queue took no more.
    pub blocked: u64,
}

/// The ports of shards that are woken by `wakers`, in their order. `messages`: that may wait on one
/// way.
pub fn ports(wakers: &[Arc<Waker>], messages: usize) -> Vec<RelayPorts> {
    let bells: Vec<_> = wakers
        .iter()
        .map(|waker| {
            Arc::new(Bell {
                rung: AtomicBool::new(false),
                waker: waker.clone(),
            })
        })
        .collect();
    let mut ports: Vec<_> = bells
        .iter()
        .map(|bell| RelayPorts {
            bell: Some(bell.clone()),
            ..RelayPorts::default()
        })
        .collect();
    for from in 0..ports.len() {
        for (to, bell) in bells.iter().enumerate() {
            if from == to {
                ports[from].to.push(None);
                continue;
            }
            let (writer, reader) = queue(messages);
            ports[from].to.push(Some(Outlet {
                writer,
                bell: bell.clone(),
            }));
            ports[to].from.push((from, reader));
        }
    }
    ports
}

impl RelayPorts {
    /// Whether the last [`take`](Self::take) left something.
    pub fn has_unread(&self) -> bool {
        self.unread
    }

    /// Gives up to `most` messages that came, with the shard they are from.
    pub fn take(&mut self, most: usize, mut each: impl FnMut(usize, &[u8])) {
        let heard = self.bell.as_ref().is_some_and(|bell| bell.heard());
        if !heard && !self.unread {
            return;
        }
        let mut left = most;
        let queues = self.from.len();
        for step in 0..queues {
            let Some((from, reader)) = self.from.get_mut((self.first + step) % queues) else {
                break;
            };
            while left > 0 && reader.pop(|message| each(*from, message)) {
                left -= 1;
            }
            reader.release();
        }
        self.first = self.first.wrapping_add(1);
        // Should the last one just have been read, the next look finds nothing.
        self.unread = left == 0;
    }

    /// Carries over what waits, as far as the queues take it.
    pub fn send(&mut self, outbox: &mut RelayOutbox) {
        if outbox.is_empty() {
            return;
        }
        for (to, outlet) in self.to.iter_mut().enumerate() {
            let Some(outlet) = outlet else {
                continue;
            };
            let mut taken = 0;
            for message in outbox.messages(to) {
                if !outlet.writer.push(message) {
                    self.blocked += 1;
                    break;
                }
                taken += 1;
            }
            if taken > 0 {
                outlet.writer.publish();
                outlet.bell.ring();
                outbox.discard(to, taken);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token};

    use super::*;
    use crate::media::{ParticipantId, RoomId};
    use crate::shard::RelayMessage;

    fn wakers(count: usize) -> (Vec<Poll>, Vec<Arc<Waker>>) {
        (0..count)
            .map(|_| {
                let poll = Poll::new().unwrap();
                let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
                (poll, waker)
            })
            .unzip()
    }

    fn write(outbox: &mut RelayOutbox, to: usize, number: u64) {
        let participant = ParticipantId(number);
        assert!(outbox.push(to, RoomId(1), &RelayMessage::Gone { participant }));
    }

    fn taken(ports: &mut RelayPorts, most: usize) -> Vec<(usize, u8)> {
        let mut taken = Vec::new();
        ports.take(most, |from, message| {
            taken.push((from, *message.last().unwrap()))
        });
        taken
    }

    #[test]
    fn messages_reach_the_shard_they_are_for_and_all_get_their_turn() {
        let (_polls, wakers) = wakers(3);
        let mut ports = ports(&wakers, 8);
        for from in [0, 1] {
            let mut outbox = RelayOutbox::new(3, 10_000);
            for number in 0..5 {
                write(&mut outbox, 2, number);
            }
            write(&mut outbox, 1 - from, 77);
            ports[from].send(&mut outbox);
            assert!(outbox.is_empty());
        }
        assert_eq!(taken(&mut ports[1], 9), [(0, 77)]);
        assert_eq!(taken(&mut ports[0], 9), [(1, 77)]);
        let first = taken(&mut ports[2], 4);
        assert_eq!(first, [(0, 0), (0, 1), (0, 2), (0, 3)]);
        assert!(ports[2].has_unread());
        let second = taken(&mut ports[2], 4);
        assert_eq!(second, [(1, 0), (1, 1), (1, 2), (1, 3)]);
        assert_eq!(taken(&mut ports[2], 4), [(0, 4), (1, 4)]);
        assert!(!ports[2].has_unread());
    }

    #[test]
    fn what_a_full_queue_does_not_take_stays_and_follows() {
        let (_polls, wakers) = wakers(2);
        let mut ports = ports(&wakers, 4);
        let mut outbox = RelayOutbox::new(2, 10_000);
        for number in 0..10 {
            write(&mut outbox, 1, number);
        }
        let mut all = Vec::new();
        for round in 0..3 {
            ports[0].send(&mut outbox);
            assert_eq!(ports[0].blocked, [1, 2, 2][round]);
            all.extend(taken(&mut ports[1], 100));
        }
        assert!(outbox.is_empty());
        assert!(all.iter().map(|(_, number)| *number).eq(0..10));
    }

    #[test]
    fn a_bell_wakes_once_until_it_is_heard() {
        let (mut polls, wakers) = wakers(2);
        let mut ports = ports(&wakers, 64);
        let mut outbox = RelayOutbox::new(2, 10_000);
        let mut woken = || {
            let mut events = mio::Events::with_capacity(4);
            let wait = Some(std::time::Duration::ZERO);
            polls[1].poll(&mut events, wait).unwrap();
            !events.is_empty()
        };
        let mut send = |ports: &mut Vec<RelayPorts>| {
            write(&mut outbox, 1, 1);
            ports[0].send(&mut outbox);
        };
        send(&mut ports);
        assert!(woken());
        send(&mut ports);
        assert!(!woken(), "it was rung already");
        assert_eq!(taken(&mut ports[1], 9).len(), 2);
        assert!(taken(&mut ports[1], 9).is_empty());
        send(&mut ports);
        assert!(woken());
    }
}
