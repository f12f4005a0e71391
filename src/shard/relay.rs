//! Between this shard and the others: messages in, the outbox, and last words of closed rooms.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Shard, ShardConfig};
use crate::media::RoomId;
use crate::room::Room;
use crate::room::relay::{RelayMessage, RelayOutbox, decode};
use crate::transport::SendArena;

#[derive(Debug)]
pub struct Relay {
    pub outbox: RelayOutbox,
    /// Keys of rooms with something to write; no key twice.
    pending: VecDeque<usize>,
    /// Rooms that were closed here, and the shards that have yet to hear of it. Bounded by
    /// `max_farewells` and the peers of the rooms that are open.
    farewells: Vec<(usize, RoomId)>,
    max_farewells: usize,
}

impl Relay {
    pub fn new(config: &ShardConfig) -> Self {
        Self {
            outbox: RelayOutbox::new(config.shards, config.max_relay_bytes),
            pending: VecDeque::new(),
            farewells: Vec::new(),
            max_farewells: config.max_rooms,
        }
    }

    pub fn on_pending(&mut self, room: usize) {
        if !self.pending.contains(&room) {
            self.pending.push_back(room);
        }
    }

    /// The room with this key is closed.
    pub fn forget(&mut self, room: usize) {
        self.pending.retain(|pending| *pending != room);
    }

    pub fn say_farewell(&mut self, shard: usize, room: RoomId) {
        self.farewells.push((shard, room));
    }

    /// The room is open again: its hello says all that the farewells would, and they must not
    /// come after it.
    fn recall_farewells(&mut self, room: &Room) {
        if self.farewells.is_empty() {
            return;
        }
        let id = room.id();
        for shard in room.peer_shards() {
            self.farewells.retain(|farewell| *farewell != (shard, id));
        }
    }

    /// Another shard does not keep up with us: no further room may be opened, whose farewell would
    /// have to wait too.
    pub fn has_too_many_farewells(&self) -> bool {
        self.farewells.len() >= self.max_farewells
    }

    pub fn entries(&self) -> usize {
        self.pending.len() + self.farewells.len()
    }
}

impl Shard {
    /// Takes a message of shard `from`, in the order it was written there.
    pub fn handle_relay(&mut self, now: Instant, from: usize, message: &[u8], out: &mut SendArena) {
        let Some((room, message)) = decode(message, now) else {
            self.counters.relay.refused += 1;
            return;
        };
        let is_media = matches!(message, RelayMessage::Media { .. });
        self.counters.relay.states_in += u64::from(!is_media);
        // Closed here, or not open yet: whoever has something to say asks again.
        let Some(&key) = self.room_keys.get(&room) else {
            self.counters.relay.packets_unknown += u64::from(is_media);
            return;
        };
        let own = self.config.index;
        self.with_room(key, now, out, |room, turn| {
            room.handle_relay(turn, (own, from), &message);
        });
        self.settle(key);
    }

    /// Messages for the other shards.
    pub fn relay_outbox(&self) -> &RelayOutbox {
        &self.relay.outbox
    }

    /// The same, to be carried over in every turn as far as they fit.
    pub fn relay_outbox_mut(&mut self) -> &mut RelayOutbox {
        &mut self.relay.outbox
    }

    /// Writes what the other shards have to know, as far as there is room for it.
    pub(super) fn flush_relay(&mut self, now: Instant, out: &mut SendArena) {
        for _ in 0..self.relay.pending.len() {
            let Some(key) = self.relay.pending.pop_front() else {
                break;
            };
            if let Some(room) = self.rooms.get(key) {
                self.relay.recall_farewells(room);
            }
            self.with_room(key, now, out, |room, turn| room.flush_relay(turn));
            // What found no room makes it pending again.
            self.settle(key);
        }
        let (outbox, counters) = (&mut self.relay.outbox, &mut self.counters.relay);
        self.relay.farewells.retain(|&(shard, room)| {
            let written = outbox.push(shard, room, &RelayMessage::Bye);
            counters.states_out += u64::from(written);
            !written
        });
    }
}
