//! The other shards that have people of the room.

use std::time::{Duration, Instant};

use crate::media::ParticipantId;

/// Other shards one room may be spread to; one bit each in a [`PeerSet`]. Placement keeps below it;
/// a shard beyond it would not hear from this one.
pub const MAX_PEERS: usize = 63;

/// A shard that is said to have people of the room, and does not say so itself, is asked again
/// after this long, then after twice as long, and so on: it may only be about to open the room.
const FIRST_PATIENCE: Duration = Duration::from_millis(10);
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);

/// Some of the peers, by their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerSet(u64);

impl PeerSet {
    pub fn insert(&mut self, place: usize) {
        self.0 |= bit(place);
    }

    pub fn remove(&mut self, place: usize) {
        self.0 &= !bit(place);
    }

    pub fn contains(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(place)
        })
    }
}

fn bit(place: usize) -> u64 {
    u32::try_from(place)
        .ok()
        .and_then(|place| 1_u64.checked_shl(place))
        .unwrap_or(0)
}

/// Whether the peer knows that there are people here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    /// To be said; `asks` until the peer is known to have people too.
    Due {
        asks: bool,
    },
    /// Said, and not answered yet.
    Awaited {
        again_at: Instant,
    },
    Done,
}

#[derive(Debug)]
pub struct Peer {
    pub shard: usize,
    /// When the room was opened over there; `None` until it said hello.
    since: Option<u64>,
    greeting: Greeting,
    patience: Duration,
    /// People who left and were known there. At most as many as it was told of.
    pub gone: Vec<ParticipantId>,
}

impl Peer {
    fn new(shard: usize) -> Self {
        Self {
            shard,
            since: None,
            greeting: Greeting::Due { asks: true },
            patience: FIRST_PATIENCE,
            gone: Vec::new(),
        }
    }

    /// Whether a hello is to be said now, and whether it asks for one.
    pub fn due_greeting(&self) -> Option<bool> {
        match self.greeting {
            Greeting::Due { asks } => Some(asks),
            Greeting::Awaited { .. } | Greeting::Done => None,
        }
    }

    pub fn greeted(&mut self, now: Instant) {
        if let Greeting::Due { asks } = self.greeting {
            self.greeting = match asks {
                true => Greeting::Awaited {
                    again_at: now + self.patience,
                },
                false => Greeting::Done,
            };
            self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        }
    }

    /// It has said hello, so it knows, or will soon, what is written to it.
    pub fn is_present(&self) -> bool {
        self.since.is_some()
    }
}

/// The table of peers. A place stays the same while its peer is there.
#[derive(Debug, Default)]
pub struct Peers {
    places: Vec<Option<Peer>>,
}

impl Peers {
    pub fn get(&self, place: usize) -> Option<&Peer> {
        self.places.get(place)?.as_ref()
    }

    pub fn get_mut(&mut self, place: usize) -> Option<&mut Peer> {
        self.places.get_mut(place)?.as_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, &Peer)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(place, peer)| Some((place, peer.as_ref()?)))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Peer)> {
        let places = self.places.iter_mut().enumerate();
        places.filter_map(|(place, peer)| Some((place, peer.as_mut()?)))
    }

    pub fn is_empty(&self) -> bool {
        self.places.iter().all(Option::is_none)
    }

    pub fn place_of(&self, shard: usize) -> Option<usize> {
        self.iter()
            .find(|(_, peer)| peer.shard == shard)
            .map(|(place, _)| place)
    }

    /// Those that have said hello.
    pub fn present(&self) -> PeerSet {
        let mut present = PeerSet::default();
        for (place, peer) in self.iter() {
            if peer.is_present() {
                present.insert(place);
            }
        }
        present
    }

    /// The place of a shard, known before or new; `None` when the table is full.
    pub fn add(&mut self, shard: usize) -> Option<usize> {
        if let Some(place) = self.place_of(shard) {
            return Some(place);
        }
        let free = self.places.iter().position(Option::is_none);
        let place = free.unwrap_or(self.places.len());
        if place >= MAX_PEERS {
            return None;
        }
        if place == self.places.len() {
            self.places.push(None);
        }
        if let Some(free) = self.places.get_mut(place) {
            *free = Some(Peer::new(shard));
        }
        Some(place)
    }

    pub fn remove(&mut self, place: usize) {
        if let Some(peer) = self.places.get_mut(place) {
            *peer = None;
        }
    }

    /// A hello came. True: the room was opened over there since the last one, so that all known of
    /// it is void.
    pub fn on_hello(&mut self, place: usize, since: u64, asks: bool) -> bool {
        let Some(peer) = self.get_mut(place) else {
            return false;
        };
        peer.greeting = match peer.greeting {
            _ if asks => Greeting::Due { asks: false },
            Greeting::Due { asks: false } => Greeting::Due { asks: false },
            _ => Greeting::Done,
        };
        peer.patience = FIRST_PATIENCE;
        peer.since.replace(since) != Some(since)
    }

    /// Greetings that were not answered in time become due again.
    pub fn look_for_silence(&mut self, now: Instant) {
        for (_, peer) in self.iter_mut() {
            if let Greeting::Awaited { again_at } = peer.greeting
                && again_at <= now
            {
                peer.greeting = Greeting::Due { asks: true };
            }
        }
    }

    /// When [`look_for_silence`](Self::look_for_silence) next finds something.
    pub fn due(&self) -> Option<Instant> {
        let awaited = self.iter().filter_map(|(_, peer)| match peer.greeting {
            Greeting::Awaited { again_at } => Some(again_at),
            Greeting::Due { .. } | Greeting::Done => None,
        });
        awaited.min()
    }

    /// Whether no peer that is present has had the room for longer than shard `own`, which has
    /// it `since`. Of all shards that know each other exactly one finds so.
    pub fn is_oldest(&self, own: usize, since: u64) -> bool {
        self.iter().all(|(_, peer)| {
            peer.since
                .is_none_or(|theirs| (since, own) < (theirs, peer.shard))
        })
    }

    /// Entries, for the test that nothing is left behind.
    pub fn entries(&self) -> usize {
        self.iter().map(|(_, peer)| 1 + peer.gone.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sets_of_places() {
        let mut set = PeerSet::default();
        for place in [0, 5, 62, 5] {
            set.insert(place);
        }
        set.insert(64);
        set.remove(0);
        let mut other = PeerSet::default();
        other.insert(1);
        assert_eq!(set.iter().collect::<Vec<_>>(), [5, 62]);
        assert_eq!(set.union(other).iter().collect::<Vec<_>>(), [1, 5, 62]);
        assert!(PeerSet::default().is_empty() && !set.is_empty());
    }

    #[test]
    fn places_are_kept_reused_and_bounded() {
        let mut peers = Peers::default();
        let places: Vec<_> = (1..=MAX_PEERS).map(|shard| peers.add(shard)).collect();
        assert_eq!(places[62], Some(62));
        assert_eq!(peers.add(500), None, "full");
        assert_eq!(peers.add(7), Some(6), "known");
        peers.remove(3);
        assert_eq!(peers.place_of(4), None);
        assert_eq!(peers.add(500), Some(3));
        assert_eq!(peers.entries(), MAX_PEERS);
    }

    #[test]
    fn a_hello_is_said_again_until_it_is_answered() {
        let start = Instant::now();
        let mut peers = Peers::default();
        let place = peers.add(1).unwrap();
        let mut said = Vec::new();
        for ms in 0..3_000 {
            let now = start + Duration::from_millis(ms);
            peers.look_for_silence(now);
            let peer = peers.get_mut(place).unwrap();
            if peer.due_greeting() == Some(true) {
                peer.greeted(now);
                said.push(ms);
            }
        }
        assert_eq!(said, [0, 10, 30, 70, 150, 310, 630, 1_270, 2_270]);
        assert!(peers.on_hello(place, 50, false));
        assert!(peers.present().iter().eq([place]));
        assert_eq!(peers.due(), None);
        assert_eq!(peers.get(place).unwrap().due_greeting(), None);
    }

    #[test]
    fn who_asks_is_answered_once_and_a_new_opening_is_noticed() {
        let now = Instant::now();
        let mut peers = Peers::default();
        let place = peers.add(1).unwrap();
        assert!(peers.on_hello(place, 50, true));
        assert!(!peers.on_hello(place, 50, true), "the same, asked twice");
        let peer = peers.get_mut(place).unwrap();
        assert_eq!(peer.due_greeting(), Some(false), "an answer asks nothing");
        peer.greeted(now);
        assert_eq!(peer.due_greeting(), None);
        assert!(peers.on_hello(place, 51, true));
        assert!(!peers.on_hello(9, 51, true), "nobody there");
    }

    #[test]
    fn of_all_that_know_each_other_one_is_the_oldest() {
        let opened = [30, 10, 10, 20];
        let oldest: Vec<_> = (0..opened.len())
            .filter(|&own| {
                let mut peers = Peers::default();
                for (shard, &since) in opened.iter().enumerate().filter(|(at, _)| *at != own) {
                    let place = peers.add(shard).unwrap();
                    peers.on_hello(place, since, false);
                }
                peers.add(77);
                peers.is_oldest(own, opened[own])
            })
            .collect();
        assert_eq!(oldest, [1]);
    }
}
