//! A room whose people live on several shards.
//!
//! Each of these shards has a room of the same id for the people it has. The others' people sit in
//! it too, as publishers without a connection:
//!
//! ```text
//! here (near.rs)                                   there (far.rs)
//! packet -> slots here
//!      '--> Media ------------------------------>  Track -> slots there
//! join, mute, permission, report -> Publisher -->  seat, tracks, clock
//! wanted by shard <------------------- Wants ----  a slot shows it, or none any more
//! Track::request_keyframe <---------- Keyframe --  a slot waits, all who wait together
//! packet cache <------------------------ Nack ---  the relay was full
//! ```
//!
//! A packet goes to a shard once, and only when something there needs it: a track that a slot
//! shows, or a voice that is active and so may be about to be heard. State goes as a whole and
//! again until it was taken; that is why a peer's knowledge is kept as "stale", not as a list of
//! changes.

mod counters;
mod far;
mod message;
mod near;
mod outbox;
mod peers;

use std::time::Instant;

pub use counters::RelayCounters;
pub use message::{
    MAX_MESSAGE_BYTES, MAX_NACKED, PublisherState, RelayMessage, SourceSet, TrackState, decode,
    encode,
};
pub use outbox::RelayOutbox;
pub use peers::{MAX_PEERS, PeerSet};

use super::Room;
use crate::media::{ParticipantId, Source};
use peers::Peers;

/// People on other shards that one room knows. More than that are not shown here, and counted:
/// whoever lets them join has the lower bound.
pub const MAX_REMOTE_PARTICIPANTS: usize = 16_384;

/// Somebody who is on another shard.
#[derive(Debug)]
pub struct Remote {
    pub id: ParticipantId,
    pub leading: bool,
    /// Place of the peer they are on.
    pub peer: usize,
    /// The tracks that their shard was told we want.
    wants: SourceSet,
    /// Of these, the ones of which no packet came since.
    fresh: SourceSet,
}

/// What the other shards know, and want, of somebody here.
#[derive(Clone, Copy, Debug, Default)]
pub struct RelayedTo {
    /// Peers that were told of the publisher.
    told: PeerSet,
    /// Peers that know nothing of it yet, or something that has changed.
    stale: PeerSet,
    /// By source, the peers that want the track.
    wanted: [PeerSet; Source::ALL.len()],
}

impl RelayedTo {
    fn forget(&mut self, place: usize) {
        self.told.remove(place);
        self.stale.remove(place);
        for wanted in &mut self.wanted {
            wanted.remove(place);
        }
    }
}

/// What a spread room has beyond others.
#[derive(Debug)]
pub struct RoomRelay {
    /// This shard.
    own: usize,
    peers: Peers,
    /// Seats of people here of whom some peer has to be told.
    stale: Vec<usize>,
    /// Routes to tracks elsewhere may have changed since their shards were told.
    wants_stale: bool,
    /// When a track elsewhere has something to ask for; never later than that.
    feedback_due: Option<Instant>,
    /// Something is to be written to the outbox.
    pending: bool,
    /// No peer has the room for longer: this shard names the room's speakers.
    names_speakers: bool,
}

impl RoomRelay {
    fn new(own: usize) -> Self {
        Self {
            own,
            peers: Peers::default(),
            stale: Vec::new(),
            wants_stale: false,
            feedback_due: None,
            pending: false,
            names_speakers: true,
        }
    }

    /// When [`Room::relay_timeout`](super::Room) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.peers.due(), self.feedback_due]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn has_pending(&self) -> bool {
        self.pending
    }

    pub fn names_speakers(&self) -> bool {
        self.names_speakers
    }

    /// Routes to somebody elsewhere changed.
    pub fn on_routes_changed(&mut self) {
        self.wants_stale = true;
        self.pending = true;
    }

    /// A track elsewhere has something to ask for at `due`.
    pub fn expedite(&mut self, due: Option<Instant>) {
        self.feedback_due = [self.feedback_due, due].into_iter().flatten().min();
    }

    /// Shards that may know of the room here.
    pub fn shards(&self) -> impl Iterator<Item = usize> {
        self.peers.iter().map(|(_, peer)| peer.shard)
    }

    /// Entries, for the test that nothing is left behind.
    pub fn entries(&self) -> usize {
        self.peers.entries() + self.stale.len()
    }
}

impl Room {
    /// Meets the other shards that have people of the room; `own` is this one.
    pub fn spread(&mut self, own: usize, others: &[usize]) {
        for &shard in others.iter().filter(|&&shard| shard != own) {
            self.add_peer(own, shard);
        }
    }

    fn add_peer(&mut self, own: usize, shard: usize) -> Option<usize> {
        let relay = self
            .relay
            .get_or_insert_with(|| Box::new(RoomRelay::new(own)));
        let place = relay.peers.add(shard)?;
        relay.pending = true;
        Some(place)
    }

    /// Forgets what was known of a peer, and what it knew and wanted.
    fn forget_peer(&mut self, place: usize) {
        let remotes = self.seats.remotes();
        let theirs: Vec<usize> = remotes
            .filter(|(_, remote)| remote.peer == place)
            .map(|(seat, _)| seat)
            .collect();
        for seat in theirs {
            self.remove_remote(seat);
        }
        for publisher in self.publishers.iter_mut().flatten() {
            publisher.relayed_to.forget(place);
        }
        if let Some(peer) = self
            .relay
            .as_mut()
            .and_then(|relay| relay.peers.get_mut(place))
        {
            peer.gone.clear();
        }
    }

    fn remove_remote(&mut self, seat: usize) {
        if let Some(remote) = self.seats.remove_remote(seat) {
            self.vacate(seat, remote.id);
        }
    }

    /// Looks anew whether this shard names the speakers. Whoever begins to says at once who they
    /// are: it may be that nobody does otherwise.
    fn look_who_names_speakers(&mut self) {
        let opened = self.opened;
        if let Some(relay) = &mut self.relay {
            let names = relay.peers.is_oldest(relay.own, opened);
            let did = std::mem::replace(&mut relay.names_speakers, names);
            self.speakers_changed |= names && !did;
        }
    }
}
