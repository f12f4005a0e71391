//! What all participants of a run share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dimpl::Config;
use tokio::sync::watch;

use crate::client::crypto::Crypto;
use crate::client::driver::Driver;
use crate::client::media::VideoShape;
use crate::client::pace::Pace;
use crate::token::TokenSource;
use crate::verify::slot::Content;

/// Where a run stands; participants follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Joining and playing.
    Playing(FullRate),
    /// Sources are silent; what is under way may arrive.
    Draining,
    /// Count and leave.
    Ending,
}

/// Which rooms send all they have; the others send a trickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullRate {
    All,
    Rooms { first: usize, count: usize },
}

impl FullRate {
    pub const NONE: Self = FullRate::Rooms { first: 0, count: 0 };

    pub fn pace(self, room: usize) -> Pace {
        let is_full = match self {
            FullRate::All => true,
            FullRate::Rooms { first, count } => (first..first + count).contains(&room),
        };
        if is_full { Pace::Full } else { Pace::Trickle }
    }
}

/// Who of each room publishes: so many from the first seat on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publishers {
    pub voices: usize,
    pub cameras: usize,
}

impl Publishers {
    /// Without any, what slots show comes from elsewhere.
    pub fn content(self) -> Content {
        if self.voices == 0 && self.cameras == 0 {
            Content::Foreign
        } else {
            Content::Stamped
        }
    }
}

pub struct Run {
    pub start: Instant,
    pub websocket_url: String,
    pub tokens: TokenSource,
    pub room_prefix: String,
    pub seats: usize,
    pub publishers: Publishers,
    pub video_slots: usize,
    pub video: VideoShape,
    pub join_timeout: Duration,
    pub dtls: Arc<Config>,
    pub crypto: Crypto,
    pub driver: Driver,
    pub names: Names,
    pub phase: watch::Receiver<Phase>,
}

/// Numbers for the node's participant ids, so that packets can carry them.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<String, u32>>);

impl Names {
    /// The number of an id, the same each time; ids never seen get a new one.
    pub fn number(&self, participant: &str) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.get(participant) {
            return *number;
        }
        let number = known.len() as u32 + 1;
        known.insert(participant.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let names = Names::default();
        let (first, second) = (names.number("a"), names.number("b"));
        assert_ne!(first, second);
        assert_eq!(names.number("a"), first);
    }

    #[test]
    fn rooms_take_turns() {
        let turn = FullRate::Rooms { first: 2, count: 2 };
        let paces: Vec<Pace> = (0..5).map(|room| turn.pace(room)).collect();
        let (full, trickle) = (Pace::Full, Pace::Trickle);
        assert_eq!(paces, [trickle, trickle, full, full, trickle]);
        assert_eq!(FullRate::All.pace(7), full);
    }
}
