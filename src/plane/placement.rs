//! Which shard a session lives on: a room stays on one while it is small enough for one, a new
//! room goes to the shard with the fewest participants, and a large room spreads.
//!
//! A place is taken when it is given, not when load is measured: simultaneous class starts that all
//! see yesterday's load would pile onto one shard.

use std::collections::HashMap;

use firstbell_signaling::plane::{MediaRoom, MediaSession};

use crate::room::relay::MAX_PEERS;

/// Shards one room is spread over at most: one, and all the peers it can have.
const MAX_SHARDS_PER_ROOM: usize = MAX_PEERS + 1;

/// What a shard takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacementLimits {
    /// Participants on one shard.
    pub max_per_shard: usize,
    /// Participants of one room on one shard, while another shard can take the next.
    pub spread_above: usize,
}

/// Owner of the map from rooms to shards and from sessions to rooms.
#[derive(Debug)]
pub struct Placement {
    /// Participants placed on each shard.
    load: Vec<usize>,
    limits: PlacementLimits,
    /// Keyed by room; gone with its last session. Participants of the room by shard, none empty.
    rooms: HashMap<MediaRoom, Vec<RoomShare>>,
    /// Keyed by session, so that releasing needs nothing else.
    sessions: HashMap<MediaSession, (MediaRoom, usize)>,
}

/// The part of a room that is on one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoomShare {
    shard: usize,
    participants: usize,
}

/// Every shard that could take the session is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Placement {
    /// # Panics
    /// Never; a node without shards refuses everything.
    pub fn new(shards: usize, limits: PlacementLimits) -> Self {
        Self {
            load: vec![0; shards],
            limits,
            rooms: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// Takes a place for `session`.
    ///
    /// # Errors
    /// The shard is full, or the session has a place already.
    pub fn take(&mut self, room: MediaRoom, session: MediaSession) -> Result<usize, Full> {
        if self.sessions.contains_key(&session) {
            return Err(Full);
        }
        let shares = self.rooms.get(&room).map_or(&[][..], Vec::as_slice);
        let shard = choose(shares, &self.load, self.limits).ok_or(Full)?;
        self.load[shard] += 1;
        self.sessions.insert(session, (room, shard));
        let shares = self.rooms.entry(room).or_default();
        match shares.iter_mut().find(|share| share.shard == shard) {
            Some(share) => share.participants += 1,
            None => shares.push(RoomShare {
                shard,
                participants: 1,
            }),
        }
        Ok(shard)
    }

    /// Shards other than `shard` with people of the room.
    pub fn others(&self, room: MediaRoom, shard: usize) -> Vec<usize> {
        let shares = self.rooms.get(&room).into_iter().flatten();
        shares
            .map(|share| share.shard)
            .filter(|other| *other != shard)
            .collect()
    }

    /// Gives a place back. Unknown sessions are ignored.
    pub fn release(&mut self, session: MediaSession) {
        let Some((room, shard)) = self.sessions.remove(&session) else {
            return;
        };
        self.load[shard] -= 1;
        let Some(shares) = self.rooms.get_mut(&room) else {
            return;
        };
        if let Some(share) = shares.iter_mut().find(|share| share.shard == shard) {
            share.participants -= 1;
        }
        shares.retain(|share| share.participants > 0);
        if shares.is_empty() {
            self.rooms.remove(&room);
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.sessions.is_empty() && self.load.iter().all(|&n| n == 0)
    }
}

/// The shard for a room's next participant; `None`: all are full.
///
/// A room of up to `spread_above` people is on one shard, for a packet that need not be relayed is
/// cheaper. A larger one fills one shard after the other up to that number, and then all evenly.
fn choose(shares: &[RoomShare], load: &[usize], limits: PlacementLimits) -> Option<usize> {
    let has_room = |shard: usize| {
        let taken = load.get(shard);
        taken.is_some_and(|taken| *taken < limits.max_per_shard)
    };
    let fullest = shares
        .iter()
        .filter(|share| share.participants < limits.spread_above && has_room(share.shard))
        // The first of equals.
        .max_by_key(|share| (share.participants, std::cmp::Reverse(share.shard)));
    if let Some(share) = fullest {
        return Some(share.shard);
    }
    let is_on = |shard: usize| shares.iter().any(|share| share.shard == shard);
    let may_spread = shares.len() < MAX_SHARDS_PER_ROOM;
    let fresh = (0..load.len()).filter(|&shard| may_spread && !is_on(shard) && has_room(shard));
    let known = (0..load.len()).filter(|&shard| is_on(shard) && has_room(shard));
    least_loaded(fresh, load).or_else(|| least_loaded(known, load))
}

/// The one with the smallest load, the first of equals.
fn least_loaded(shards: impl Iterator<Item = usize>, load: &[usize]) -> Option<usize> {
    shards.min_by_key(|&shard| load.get(shard).copied())
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
