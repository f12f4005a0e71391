//! What waits to be carried to other shards.
//!
//! The core writes here; whoever drives the shard carries messages over, oldest first, and
//! discards what was taken. What is not taken stays: nothing written here is lost.

use super::message::{MAX_MESSAGE_BYTES, RelayMessage, encode};
use crate::media::RoomId;

/// One queue for each other shard. Its memory is taken with the first message to that shard and
/// kept.
#[derive(Debug)]
pub struct RelayOutbox {
    queues: Vec<Queue>,
    /// Bytes that may wait for one shard. A packet that does not fit is dropped and counted; state
    /// is written when there is room again.
    max_bytes: usize,
    /// Messages in all queues.
    waiting: usize,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    used: usize,
    /// Where each message ends.
    ends: Vec<usize>,
}

/// A shorter message than this counts as this long, so that the number of messages is bounded by
/// their bytes.
const LEAST_BYTES: usize = 32;

/// One part in so many is left for state: packets alone must not keep it waiting for ever.
const STATE_SHARE: usize = 8;

impl RelayOutbox {
    /// For a node of `shards` shards.
    pub fn new(shards: usize, max_bytes: usize) -> Self {
        Self {
            queues: std::iter::repeat_with(Queue::default)
                .take(shards)
                .collect(),
            max_bytes,
            waiting: 0,
        }
    }

    /// Writes a message for shard `to`. False: there is no room, or no such shard.
    pub fn push(&mut self, to: usize, room: RoomId, message: &RelayMessage<'_>) -> bool {
        let Some(queue) = self.queues.get_mut(to) else {
            return false;
        };
        if queue.bytes.is_empty() {
            queue.bytes = vec![0; self.max_bytes];
            queue.ends = Vec::with_capacity(self.max_bytes / LEAST_BYTES);
        }
        if queue.ends.len() == queue.ends.capacity() {
            return false;
        }
        let limit = match message {
            RelayMessage::Media { .. } => self.max_bytes - self.max_bytes / STATE_SHARE,
            _ => self.max_bytes,
        };
        let end = limit.min(queue.used + MAX_MESSAGE_BYTES);
        let Some(free) = queue.bytes.get_mut(queue.used..end) else {
            return false;
        };
        let Some(len) = encode(room, message, free) else {
            return false;
        };
        queue.used += len;
        queue.ends.push(queue.used);
        self.waiting += 1;
        true
    }

    /// Whether nothing waits for any shard.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Shards that something waits for.
    pub fn waiting(&self) -> impl Iterator<Item = usize> {
        let queues = self.queues.iter().enumerate();
        queues.filter_map(|(to, queue)| (!queue.ends.is_empty()).then_some(to))
    }

    /// What waits for shard `to`, oldest first.
    pub fn messages(&self, to: usize) -> impl Iterator<Item = &[u8]> {
        let queue = self.queues.get(to);
        queue.into_iter().flat_map(|queue| {
            let starts = std::iter::once(0).chain(queue.ends.iter().copied());
            let places = starts.zip(queue.ends.iter().copied());
            places.filter_map(|(start, end)| queue.bytes.get(start..end))
        })
    }

    /// The `count` oldest messages to shard `to` were taken.
    pub fn discard(&mut self, to: usize, count: usize) {
        let Some(queue) = self.queues.get_mut(to) else {
            return;
        };
        let count = count.min(queue.ends.len());
        let Some(&taken) = count.checked_sub(1).and_then(|last| queue.ends.get(last)) else {
            return;
        };
        self.waiting -= count;
        queue.bytes.copy_within(taken..queue.used, 0);
        queue.used -= taken;
        queue.ends.drain(..count);
        for end in &mut queue.ends {
            *end -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::media::{Codec, ParticipantId, Source};
    use crate::publish::Ingress;
    use crate::room::relay::message::decode;

    fn gone(number: u64) -> RelayMessage<'static> {
        RelayMessage::Gone {
            participant: ParticipantId(number),
        }
    }

    fn numbers(outbox: &RelayOutbox, to: usize) -> Vec<u64> {
        let now = Instant::now();
        outbox
            .messages(to)
            .map(|bytes| match decode(bytes, now).unwrap() {
                (RoomId(7), RelayMessage::Gone { participant }) => participant.0,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_full_queue_refuses_and_the_others_do_not() {
        let mut outbox = RelayOutbox::new(3, 100);
        let fitting = (0..)
            .take_while(|&n| outbox.push(1, RoomId(7), &gone(n)))
            .count();
        assert_eq!(fitting, 3, "as many as their counted length allows");
        assert!(outbox.push(2, RoomId(7), &gone(9)));
        assert!(!outbox.push(3, RoomId(7), &gone(9)), "no such shard");
        assert_eq!(outbox.waiting().collect::<Vec<_>>(), [1, 2]);
        outbox.discard(1, 1);
        assert!(outbox.push(1, RoomId(7), &gone(50)));
        assert_eq!(numbers(&outbox, 1), [1, 2, 50]);
        outbox.discard(9, 1);
        outbox.discard(1, 99);
        assert!(!outbox.is_empty());
        outbox.discard(2, 1);
        assert!(outbox.is_empty());
    }

    #[test]
    fn packets_leave_room_for_state() {
        let mut outbox = RelayOutbox::new(2, 8_000);
        let payload = [0; 100];
        let packet = RelayMessage::Media {
            participant: ParticipantId(1),
            source: Source::Microphone,
            packet: Ingress {
                index: 1,
                timestamp: 1,
                marker: false,
                payload: &payload,
                codec: Codec::Opus,
                keyframe: false,
                starts_frame: true,
                level: None,
                arrival: Instant::now(),
            },
        };
        while outbox.push(1, RoomId(7), &packet) {}
        let states = (0..100).take_while(|&n| outbox.push(1, RoomId(7), &gone(n)));
        assert!(states.count() >= 1_000 / 17);
    }

    proptest! {
        /// Against a plain list: what was accepted comes out once and in order, however it is
        /// taken.
        #[test]
        fn what_was_accepted_comes_out_once_and_in_order(
            takes in prop::collection::vec((0usize..9, 0usize..9), 1..80),
        ) {
            let mut outbox = RelayOutbox::new(2, 300);
            let (mut next, mut waiting) = (0, Vec::new());
            for (pushes, taken) in takes {
                for _ in 0..pushes {
                    if outbox.push(1, RoomId(7), &gone(next)) {
                        waiting.push(next);
                    }
                    next += 1;
                }
                prop_assert!(waiting.len() <= 300 / LEAST_BYTES);
                prop_assert_eq!(numbers(&outbox, 1), waiting.clone());
                outbox.discard(1, taken);
                waiting.drain(..taken.min(waiting.len()));
                prop_assert_eq!(numbers(&outbox, 1), waiting.clone());
            }
        }
    }
}
