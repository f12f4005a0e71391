//! The forwarding scope: participants, speakers, slot assignment, routes.
//!
//! ```text
//! publisher's packet -> Publisher::receive -> Track -> Ingress
//!                         |-> Speakers (audio level)          mark the room dirty
//!                         '-> Routes -> each subscriber's Slot -> its Connection -> SendArena
//! once per turn, when dirty: snapshot -> assignment (pure) -> Slot::assign, Routes
//! RTCP: feedback.rs in, reports.rs out
//! ```
//!
//! A room belongs to one shard. Of rooms of the same id on other shards it knows what the relay
//! brings (`relay/`): publishers whose packets come from there. It tells the shard what changed by
//! flags that the shard collects after each call: dirty, woken participants, changed speakers, news
//! for other shards.

pub mod assignment;
mod counters;
mod feedback;
mod forward;
mod participant;
mod permissions;
mod publisher;
pub mod relay;
mod reports;
mod routes;
mod seats;
mod slots;
mod speakers;
mod streams;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rustc_hash::FxHashMap;

pub use counters::{ForwardingCounters, MediaDrop};
pub use participant::{NewParticipant, Participant, REPORT_INTERVAL};
pub use permissions::{MAX_PINNED, MAX_TILES, Permissions, Tile, Wants};
pub use speakers::MAX_SPEAKERS;
pub use streams::MAX_STREAMS;

use crate::media::{MediaKind, ParticipantId, RoomId, Source};
use crate::subscribe::TrackKey;
use crate::transport::SendArena;
use publisher::{Published, Publisher};
use relay::{RelayCounters, RelayMessage, RelayOutbox, RoomRelay};
use routes::Routes;
use seats::Seats;
use speakers::Speakers;

/// What every call into a room works with.
pub struct Turn<'a> {
    pub now: Instant,
    /// The node's wall clock at `now`, since 1970.
    pub wall: Duration,
    pub out: &'a mut SendArena,
    pub counters: &'a mut ForwardingCounters,
    /// Towards other shards.
    pub relay: &'a mut RelayOutbox,
    pub relay_counters: &'a mut RelayCounters,
}

impl Turn<'_> {
    /// Writes state for another shard. False: there is no room, try again.
    fn write(&mut self, shard: usize, room: RoomId, state: &RelayMessage<'_>) -> bool {
        let written = self.relay.push(shard, room, state);
        self.relay_counters.states_out += u64::from(written);
        written
    }
}

pub struct Room {
    id: RoomId,
    /// The shard's wall clock at the room's opening, nanoseconds since 1970.
    opened: u64,
    /// The subscribing half of each participant, and the seat numbers.
    seats: Seats,
    /// The publishing half, by seat. Apart from `seats`, so that a packet or a packet cache can
    /// be read here while subscribers are written there.
    publishers: Vec<Option<Publisher>>,
    by_id: FxHashMap<ParticipantId, usize>,
    routes: Routes,
    speakers: Speakers,
    audio_dirty: bool,
    video_dirty: bool,
    speakers_changed: bool,
    any_slots_changed: bool,
    next_tick: Option<Instant>,
    /// Seats whose deadline may have moved; at most one entry per seat until drained.
    woken: Vec<usize>,
    /// Only while other shards have people of the room too.
    relay: Option<Box<RoomRelay>>,
}

impl Room {
    /// `wall`: the node's wall clock, since 1970.
    pub fn new(id: RoomId, wall: Duration) -> Self {
        Self {
            id,
            opened: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            seats: Seats::default(),
            publishers: Vec::new(),
            by_id: FxHashMap::default(),
            routes: Routes::default(),
            speakers: Speakers::default(),
            audio_dirty: false,
            video_dirty: false,
            speakers_changed: false,
            any_slots_changed: false,
            next_tick: None,
            woken: Vec::new(),
            relay: None,
        }
    }

    pub fn id(&self) -> RoomId {
        self.id
    }

    /// People whose connection is here.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    pub fn participant(&self, seat: usize) -> Option<&Participant> {
        self.seats.get(seat)
    }

    pub fn participant_mut(&mut self, seat: usize) -> Option<&mut Participant> {
        self.seats.get_mut(seat)
    }

    /// Seats a participant. The caller sees to it that the id is not in the room.
    pub fn join(&mut self, now: Instant, join: NewParticipant<'_>, rng: &mut StdRng) -> usize {
        let id = join.id;
        let publisher = Publisher::new(now, &join.plan.publish, join.permissions);
        let seat = self.seats.insert(Participant::new(now, join, rng));
        self.set_publisher(seat, publisher);
        self.by_id.insert(id, seat);
        self.mark_all_dirty();
        self.wake(seat);
        self.on_publisher_changed(seat);
        seat
    }

    fn set_publisher(&mut self, seat: usize, publisher: Publisher) {
        if self.publishers.len() <= seat {
            self.publishers.resize_with(seat + 1, || None);
        }
        self.publishers[seat] = Some(publisher);
    }

    /// Removes a participant and every trace of it.
    pub fn leave(&mut self, seat: usize) -> Option<Participant> {
        let participant = self.seats.remove(seat)?;
        self.on_publisher_left(seat, participant.id);
        self.vacate(seat, participant.id);
        Some(participant)
    }

    /// Removes what is left of whoever had a seat.
    fn vacate(&mut self, seat: usize, id: ParticipantId) {
        self.by_id.remove(&id);
        if let Some(publisher) = self.publishers.get_mut(seat) {
            *publisher = None;
        }
        for route in self.routes.remove_seat(seat) {
            if let Some(subscriber) = self.seats.get_mut(route.seat)
                && let Some(place) = subscriber.places.get_mut(route.slot)
            {
                place.slot.clear();
                subscriber.slots_changed = true;
                self.any_slots_changed = true;
            }
        }
        if self.speakers.speaking().contains(&seat) {
            self.speakers_changed = true;
        }
        self.speakers.remove(seat);
        self.woken.retain(|&woken| woken != seat);
        self.mark_all_dirty();
        if let Some(relay) = &mut self.relay {
            // Those that the leaver was shown may be wanted by nobody here any more.
            relay.on_routes_changed();
        }
    }

    pub fn set_permissions(&mut self, seat: usize, permissions: Permissions) {
        if let Some(publisher) = self.publisher_mut(seat) {
            publisher.set_permissions(permissions);
            self.mark_all_dirty();
            self.on_publisher_changed(seat);
        }
    }

    pub fn set_wants(&mut self, seat: usize, mut wants: Wants) {
        if let Some(participant) = self.seats.get_mut(seat) {
            wants.pinned.truncate(MAX_PINNED);
            wants.tiles.truncate(MAX_TILES);
            participant.wants = wants;
            self.video_dirty = true;
        }
    }

    pub fn set_muted(&mut self, now: Instant, seat: usize, source: Source, muted: bool) {
        let Some(publisher) = self.publisher_mut(seat) else {
            return;
        };
        let allowed = publisher.allows(source);
        let Some(published) = publisher.published_mut(source) else {
            return;
        };
        if published.muted == muted {
            return;
        }
        published.muted = muted;
        published.live = !muted && allowed && published.track.is_live(now);
        published.live_since = now;
        if muted && source == Source::Microphone {
            self.speakers.hush(seat);
        }
        self.mark_dirty(source.kind());
        self.on_publisher_changed(seat);
    }

    /// The participant's path is up and secured: from now on its slots are filled.
    pub fn set_connected(&mut self, now: Instant, seat: usize) {
        if let Some(participant) = self.seats.get_mut(seat) {
            participant.next_report = now + REPORT_INTERVAL;
            self.mark_all_dirty();
            self.wake(seat);
        }
    }

    /// The next moment at which anything of the participant at `seat` is due.
    pub fn participant_timeout(&self, seat: usize) -> Option<Instant> {
        let participant = self.seats.get(seat)?;
        let connection = participant.connection.poll_timeout();
        if !participant.is_connected() {
            return connection;
        }
        let feedback = self.publisher(seat).and_then(Publisher::poll_timeout);
        let report = Some(participant.next_report);
        [connection, feedback, report].into_iter().flatten().min()
    }

    /// The moment at which [`Room::handle_room_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.relay {
            None => self.next_tick,
            Some(relay) => [self.next_tick, relay.poll_timeout()]
                .into_iter()
                .flatten()
                .min(),
        }
    }

    /// Does what is due for the room as a whole.
    pub fn handle_room_timeout(&mut self, turn: &mut Turn<'_>) {
        self.tick(turn.now);
        self.relay_timeout(turn);
    }

    /// Looks anew who speaks.
    fn tick(&mut self, now: Instant) {
        if self.next_tick.is_none_or(|at| at > now) {
            return;
        }
        if self.speakers.tick(now) {
            self.speakers_changed = true;
            self.video_dirty = true;
        }
        // Loudness moves even when the speakers stay.
        self.audio_dirty = true;
        self.next_tick = self
            .speakers
            .needs_ticks(now)
            .then_some(now + speakers::TICK);
    }

    /// Who speaks, loudest first.
    pub fn speakers(&self) -> Vec<ParticipantId> {
        let seats = self.speakers.speaking().iter();
        seats.filter_map(|&seat| self.seats.who(seat)).collect()
    }

    /// Whether the speakers changed since this was last asked. Of a spread room's shards only one
    /// says so.
    pub fn take_speakers_changed(&mut self) -> bool {
        let changed = std::mem::take(&mut self.speakers_changed);
        changed
            && self
                .relay
                .as_ref()
                .is_none_or(|relay| relay.names_speakers())
    }

    /// Whether [`Room::flush_relay`] has something to do.
    pub fn has_relay_pending(&self) -> bool {
        self.relay.as_ref().is_some_and(|relay| relay.has_pending())
    }

    /// Shards that may know of the room here.
    pub fn peer_shards(&self) -> impl Iterator<Item = usize> {
        self.relay.iter().flat_map(|relay| relay.shards())
    }

    /// Takes the seats whose deadlines may have moved, with their shard keys.
    pub fn take_woken(&mut self) -> Option<usize> {
        self.woken.pop()
    }

    /// Whether any participant's slots changed since this was last asked.
    pub fn take_any_slots_changed(&mut self) -> bool {
        std::mem::take(&mut self.any_slots_changed)
    }

    /// Participants whose slots changed since this was last asked.
    pub fn take_slots_changed(&mut self) -> impl Iterator<Item = ParticipantId> + '_ {
        let seats = self.seats.iter_mut();
        seats.filter_map(|(_, participant)| {
            std::mem::take(&mut participant.slots_changed).then_some(participant.id)
        })
    }

    /// Whether [`Room::assign`] has something to do.
    pub fn is_dirty(&self) -> bool {
        self.audio_dirty || self.video_dirty
    }

    /// Entries in all tables, for the test that nothing is left behind.
    pub fn entries(&self) -> usize {
        let relay = self.relay.as_ref().map_or(0, |relay| relay.entries());
        self.seats.len_everywhere()
            + self.by_id.len()
            + self.routes.len()
            + self.woken.len()
            + relay
    }

    fn mark_dirty(&mut self, kind: MediaKind) {
        match kind {
            MediaKind::Audio => self.audio_dirty = true,
            MediaKind::Video => self.video_dirty = true,
        }
    }

    fn mark_all_dirty(&mut self) {
        self.audio_dirty = true;
        self.video_dirty = true;
    }

    fn wake(&mut self, seat: usize) {
        if !self.woken.contains(&seat) {
            self.woken.push(seat);
        }
    }

    fn publisher(&self, seat: usize) -> Option<&Publisher> {
        self.publishers.get(seat)?.as_ref()
    }

    fn publisher_mut(&mut self, seat: usize) -> Option<&mut Publisher> {
        self.publishers.get_mut(seat)?.as_mut()
    }

    fn published_mut(&mut self, seat: usize, source: Source) -> Option<&mut Published> {
        self.publisher_mut(seat)?.published_mut(source)
    }

    fn request_keyframe(&mut self, now: Instant, track: TrackKey) {
        let Some(&seat) = self.by_id.get(&track.participant) else {
            return;
        };
        let Some(published) = self.published_mut(seat, track.source) else {
            return;
        };
        published.track.request_keyframe(now);
        let due = published.track.poll_timeout();
        match &mut self.relay {
            Some(relay) if self.seats.remote(seat).is_some() => relay.expedite(due),
            _ => self.wake(seat),
        }
    }
}
