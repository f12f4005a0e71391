//! The network between a participant and the node: seeded loss, delay, reordering, duplication.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// One direction of one participant's path. Shares are in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub loss: u32,
    pub duplication: u32,
    /// Packets that take up to [`REORDERING`] longer than the others.
    pub reordering: u32,
    pub delay: Duration,
    /// Uniform, on top of `delay`; packets closer together than this overtake each other.
    pub jitter: Duration,
}

const REORDERING: Duration = Duration::from_millis(30);

impl Link {
    /// A wire: in order, nothing lost.
    pub const IDEAL: Self = Self {
        loss: 0,
        duplication: 0,
        reordering: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };

    /// A classroom's wireless network on a bad day.
    pub const WIRELESS: Self = Self {
        loss: 20,
        duplication: 10,
        reordering: 20,
        delay: Duration::from_millis(15),
        jitter: Duration::from_millis(4),
    };

    /// Nothing comes through.
    pub const CUT: Self = Self {
        loss: 1000,
        ..Self::IDEAL
    };

    /// After which times copies of one packet arrive: none, one or two.
    pub fn deliveries(&self, rng: &mut StdRng) -> Vec<Duration> {
        // The same draws for every packet, so that one link's shares do not shift another's.
        let [lost, duplicated, reordered] = [self.loss, self.duplication, self.reordering]
            .map(|share| rng.random_range(0..1000) < share);
        let mut delay = || self.delay + self.jitter.mul_f64(rng.random_range(0.0..1.0));
        let (mut first, second) = (delay(), delay());
        let late = REORDERING.mul_f64(rng.random_range(0.1..1.0));
        if reordered {
            first += late;
        }
        match (lost, duplicated) {
            (true, _) => Vec::new(),
            (false, false) => vec![first],
            (false, true) => vec![first, second],
        }
    }
}

/// Both directions.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    pub up: Link,
    pub down: Link,
}

impl Path {
    pub const IDEAL: Self = Self::both(Link::IDEAL);
    pub const WIRELESS: Self = Self::both(Link::WIRELESS);

    pub const fn both(link: Link) -> Self {
        Self {
            up: link,
            down: link,
        }
    }
}
