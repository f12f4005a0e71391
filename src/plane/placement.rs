//! Which shard a room lives on.
//!
//! A place is taken when it is given, not when load is measured: simultaneous class starts that all
//! see yesterday's load would pile onto one shard.

use std::collections::HashMap;

use firstbell_signaling::plane::{MediaRoom, MediaSession};

/// Owner of the map from rooms to shards and from sessions to rooms.
#[derive(Debug)]
pub struct Placement {
    /// Participants placed on each shard.
    load: Vec<usize>,
    max_per_shard: usize,
    /// Keyed by room; gone with its last session.
    rooms: HashMap<MediaRoom, RoomPlace>,
    /// Keyed by session, so that releasing needs nothing else.
    sessions: HashMap<MediaSession, MediaRoom>,
}

#[derive(Debug)]
struct RoomPlace {
    shard: usize,
    participants: usize,
}

/// Every shard that could take the session is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Placement {
    /// # Panics
    /// Never; a node without shards refuses everything.
    pub fn new(shards: usize, max_per_shard: usize) -> Self {
        Self {
            load: vec![0; shards],
            max_per_shard,
            rooms: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// Takes a place for `session`: on its room's shard, or for a new room on the least loaded.
    ///
    /// # Errors
    /// That shard is full, or the session has a place already.
    pub fn take(&mut self, room: MediaRoom, session: MediaSession) -> Result<usize, Full> {
        if self.sessions.contains_key(&session) {
            return Err(Full);
        }
        let shard = match self.rooms.get(&room) {
            Some(place) => place.shard,
            None => least_loaded(&self.load).ok_or(Full)?,
        };
        if self.load[shard] >= self.max_per_shard {
            return Err(Full);
        }
        self.load[shard] += 1;
        self.sessions.insert(session, room);
        self.rooms
            .entry(room)
            .or_insert(RoomPlace {
                shard,
                participants: 0,
            })
            .participants += 1;
        Ok(shard)
    }

    /// Gives a place back. Unknown sessions are ignored.
    pub fn release(&mut self, session: MediaSession) {
        let Some(room) = self.sessions.remove(&session) else {
            return;
        };
        let Some(place) = self.rooms.get_mut(&room) else {
            return;
        };
        self.load[place.shard] -= 1;
        place.participants -= 1;
        if place.participants == 0 {
            self.rooms.remove(&room);
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.sessions.is_empty() && self.load.iter().all(|&n| n == 0)
    }
}

/// Index of the smallest load, the first of equals.
fn least_loaded(load: &[usize]) -> Option<usize> {
    load.iter()
        .enumerate()
        .min_by_key(|&(_, &load)| load)
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(placement: &mut Placement, room: u64, session: u64) -> Result<usize, Full> {
        placement.take(MediaRoom(room), MediaSession(session))
    }

    #[test]
    fn rooms_spread_and_their_people_stay_together() {
        let mut placement = Placement::new(2, 10);
        assert_eq!(take(&mut placement, 1, 1), Ok(0));
        assert_eq!(take(&mut placement, 2, 2), Ok(1));
        assert_eq!(take(&mut placement, 1, 3), Ok(0));
        assert_eq!(
            take(&mut placement, 3, 4),
            Ok(1),
            "shard 1 has fewer people"
        );
    }

    #[test]
    fn a_full_shard_refuses_and_takes_again_after_a_leave() {
        let mut placement = Placement::new(1, 2);
        assert!(take(&mut placement, 1, 1).is_ok());
        assert!(take(&mut placement, 1, 2).is_ok());
        assert_eq!(take(&mut placement, 1, 3), Err(Full));
        assert_eq!(
            take(&mut placement, 1, 2),
            Err(Full),
            "a session has one place"
        );
        placement.release(MediaSession(1));
        placement.release(MediaSession(1));
        assert!(take(&mut placement, 1, 3).is_ok());
    }

    #[test]
    fn nothing_is_left_when_all_have_left() {
        let mut placement = Placement::new(3, 100);
        for session in 0..100 {
            take(&mut placement, session % 7, session).unwrap();
        }
        for session in 0..100 {
            placement.release(MediaSession(session));
        }
        assert!(placement.is_empty());
    }

    #[test]
    fn classes_that_start_together_spread_evenly() {
        let mut placement = Placement::new(4, 10_000);
        for room in 0..400 {
            take(&mut placement, room, room).unwrap();
        }
        assert_eq!(placement.load, [100; 4]);
    }
}
