//! The queues between the shards of a simulated node: in order, nothing lost, but bounded, and a
//! busy shard leaves what is for it waiting.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How the shards of a node are connected.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// Messages that may wait on one way.
    pub capacity: usize,
    /// Shares in thousandths: messages before which the reading shard is busy for
    /// [`STALL`], so that those behind it wait.
    pub stalls: u32,
}

/// As long as a shard may be busy with other things at its worst.
const STALL: Duration = Duration::from_millis(120);

impl Links {
    pub const IDEAL: Self = Self {
        capacity: 1024,
        stalls: 0,
    };

    /// Queues that are full now and then.
    pub const NARROW: Self = Self {
        capacity: 8,
        stalls: 5,
    };
}

#[derive(Default)]
struct Way {
    messages: VecDeque<Vec<u8>>,
    /// When the last one arrives: none overtakes another.
    last_at: Duration,
}

pub struct Relays {
    pub links: Links,
    dice: StdRng,
    ways: BTreeMap<(usize, usize), Way>,
    /// Times a way had no room.
    pub full: usize,
}

impl Relays {
    pub fn new(seed: u64, links: Links) -> Self {
        Self {
            links,
            dice: StdRng::seed_from_u64(seed ^ 0x5e1a),
            ways: BTreeMap::new(),
            full: 0,
        }
    }

    /// Takes a message; when it arrives, or `None` if there is no room.
    pub fn push(&mut self, now: Duration, way: (usize, usize), message: &[u8]) -> Option<Duration> {
        let links = self.links;
        let way = self.ways.entry(way).or_default();
        if way.messages.len() >= links.capacity {
            self.full += 1;
            return None;
        }
        let mut delay = Duration::from_micros(self.dice.random_range(20..400));
        if self.dice.random_range(0..1000) < links.stalls {
            delay += STALL;
        }
        way.last_at = way.last_at.max(now + delay);
        way.messages.push_back(message.to_vec());
        Some(way.last_at)
    }

    /// The message that arrives now.
    pub fn pop(&mut self, way: (usize, usize)) -> Option<Vec<u8>> {
        self.ways.get_mut(&way)?.messages.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.ways.values().all(|way| way.messages.is_empty())
    }
}
