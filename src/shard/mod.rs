//! Sans-IO root of the core: owns rooms, routes datagrams; commands in, events out.
//!
//! ```text
//! datagram -> Directory (address, ufrag) -> Connection -> STUN answered
//!                                                     |-> DTLS  -> HandshakeInput
//!                                                     |-> RTP   -> Room::handle_rtp
//!                                                     '-> RTCP  -> Room::handle_rtcp
//! Command -> join, leave, keys, wants, permissions, mute, ICE restart
//! time    -> TimerQueue (participants, rooms) -> reports, feedback, consent, speakers
//! another shard -> handle_relay -> Room (of a room that is spread over both)
//! end of a loop turn -> slot assignment of the rooms that changed; news for other shards
//! ```
//!
//! One shard belongs to one thread. The driver (`net`, or a simulation) calls
//! [`Shard::handle_datagram`], [`Shard::handle_command`], [`Shard::handle_relay`] and
//! [`Shard::handle_timeout`] as things happen, then [`Shard::end_turn`], then carries the
//! [`Shard::relay_outbox`] to the other shards, polls events and handshake inputs, sends the arena
//! and sleeps until [`Shard::poll_timeout`]. The same calls with the same seed and times give the
//! same bytes.

mod command;
mod commands;
mod config;
mod counters;
mod datagrams;
mod directory;
mod event;
mod outbox;
mod relay;
mod timeouts;
mod timers;

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rustc_hash::FxHashMap;
use slab::Slab;

pub use command::{Command, JoinParticipant};
pub use config::ShardConfig;
pub use counters::Counters;
pub use event::{EndReason, Event, HandshakeInput};
pub use timers::TimerQueue;

use crate::media::{ParticipantId, RoomId};
pub use crate::room::relay::{MAX_MESSAGE_BYTES, RelayCounters, RelayMessage, RelayOutbox};
use crate::room::{Room, Turn};
use crate::transport::SendArena;
pub use crate::transport::dtls::HandshakeOutput;
use directory::Directory;
use outbox::{Outbox, StateNews};
use relay::Relay;

pub struct Shard {
    config: ShardConfig,
    rng: StdRng,
    /// A moment on both clocks, to tell one from the other.
    started: (Instant, Duration),
    directory: Directory,
    rooms: Slab<Room>,
    room_keys: FxHashMap<RoomId, usize>,
    /// Keys of the directory.
    participant_timers: TimerQueue,
    /// Keys of `rooms`.
    room_timers: TimerQueue,
    /// Keys of rooms with slots to assign at the turn's end; no key twice.
    dirty_rooms: Vec<usize>,
    outbox: Outbox,
    relay: Relay,
    counters: Counters,
}

impl Shard {
    /// `seed` feeds all that is random (where numberings begin); `since_epoch` is the wall clock
    /// at `now`, since 1970.
    pub fn new(config: ShardConfig, seed: [u8; 32], now: Instant, since_epoch: Duration) -> Self {
        Self {
            outbox: Outbox::new(&config),
            relay: Relay::new(&config),
            config,
            rng: StdRng::from_seed(seed),
            started: (now, since_epoch),
            directory: Directory::default(),
            rooms: Slab::new(),
            room_keys: FxHashMap::default(),
            participant_timers: TimerQueue::default(),
            room_timers: TimerQueue::default(),
            dirty_rooms: Vec::new(),
            counters: Counters::default(),
        }
    }

    pub fn config(&self) -> &ShardConfig {
        &self.config
    }

    /// Once per turn of the driver's loop, after datagrams, commands and timeouts: assigns the
    /// slots of the rooms that changed, and writes what other shards have to know.
    pub fn end_turn(&mut self, now: Instant, out: &mut SendArena) {
        while let Some(key) = self.dirty_rooms.pop() {
            self.with_room(key, now, out, |room, turn| room.assign(turn));
            self.settle(key);
        }
        self.flush_relay(now, out);
    }

    /// When [`Shard::handle_timeout`] is next due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let participants = self.participant_timers.next();
        [participants, self.room_timers.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next event. Lifecycle first; slots and speakers as they are now.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.outbox.pop_lifecycle() {
            return Some(event);
        }
        while let Some(news) = self.outbox.pop_state() {
            let event = match news {
                StateNews::Slots(id) => self.slots_event(id),
                StateNews::Speakers(room) => self.speakers_event(room),
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// The next message for the handshake pool. To be polled until `None` in every turn.
    pub fn poll_handshake(&mut self) -> Option<HandshakeInput> {
        self.outbox.pop_handshake()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Entries in all tables that a participant or room adds to, without the queues of lifecycle
    /// events and handshake inputs: 0 when nobody is here.
    pub fn table_entries(&self) -> usize {
        let rooms: usize = self.rooms.iter().map(|(_, room)| 1 + room.entries()).sum();
        rooms
            + self.directory.table_entries()
            + self.room_keys.len()
            + self.participant_timers.len()
            + self.room_timers.len()
            + self.dirty_rooms.len()
            + self.outbox.state_len()
            + self.relay.entries()
    }

    fn slots_event(&self, participant: ParticipantId) -> Option<Event> {
        let entry = self.directory.get(self.directory.by_id(participant)?)?;
        let seated = self.rooms.get(entry.room)?.participant(entry.seat)?;
        let slots = seated
            .places
            .iter()
            .map(|place| place.slot.shows())
            .map(|shows| shows.map(|track| (track.participant, track.source)))
            .collect();
        Some(Event::Slots { participant, slots })
    }

    fn speakers_event(&self, id: RoomId) -> Option<Event> {
        let room = self.rooms.get(*self.room_keys.get(&id)?)?;
        Some(Event::Speakers {
            room: id,
            participants: room.speakers(),
        })
    }

    fn wall(&self, now: Instant) -> Duration {
        let (started, since_epoch) = self.started;
        since_epoch + now.saturating_duration_since(started)
    }

    /// Calls into a room, and counts what that writes.
    fn with_room<T>(
        &mut self,
        key: usize,
        now: Instant,
        out: &mut SendArena,
        call: impl FnOnce(&mut Room, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let wall = self.wall(now);
        let room = self.rooms.get_mut(key)?;
        let before = (out.queued().len(), out.used());
        let mut turn = Turn {
            now,
            wall,
            out,
            counters: &mut self.counters.forwarding,
            relay: &mut self.relay.outbox,
            relay_counters: &mut self.counters.relay,
        };
        let result = call(room, &mut turn);
        self.count_out(before, out);
        Some(result)
    }

    fn count_out(&mut self, (datagrams, bytes): (usize, usize), out: &SendArena) {
        self.counters.datagrams_out += out.queued().len().saturating_sub(datagrams) as u64;
        self.counters.bytes_out += out.used().saturating_sub(bytes) as u64;
    }

    /// After a call into a room: takes over what the call changed. Cheap when nothing did.
    fn settle(&mut self, key: usize) {
        let Some(room) = self.rooms.get_mut(key) else {
            return;
        };
        while let Some(seat) = room.take_woken() {
            if let Some(participant) = room.participant(seat) {
                let key = participant.key;
                self.participant_timers
                    .set(key, room.participant_timeout(seat));
            }
        }
        self.room_timers.set(key, room.poll_timeout());
        if room.is_dirty() && !self.dirty_rooms.contains(&key) {
            self.dirty_rooms.push(key);
        }
        if room.has_relay_pending() {
            self.relay.on_pending(key);
        }
        if room.take_speakers_changed() {
            self.outbox.push_state(StateNews::Speakers(room.id()));
        }
        if room.take_any_slots_changed() {
            for participant in room.take_slots_changed() {
                self.outbox.push_state(StateNews::Slots(participant));
            }
        }
    }
}
