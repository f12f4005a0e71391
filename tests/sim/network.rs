//! The network between a participant and the node: one emulated line each, seeded.

use std::time::Duration;

use firstbell_linksim::{Link, Loss, Schedule, Shape};

/// A wire: in order, nothing lost.
pub const WIRE: Shape = Shape::delayed(Duration::from_millis(10));

/// A classroom's wireless network on a bad day.
pub const WIRELESS: Shape = Shape {
    loss: Loss::Random { share: 0.02 },
    duplicate: 0.01,
    reorder: 0.02,
    reorder_by: Duration::from_millis(30),
    jitter: Duration::from_millis(4),
    jitter_reorders: true,
    ..Shape::delayed(Duration::from_millis(15))
};

/// Nothing comes through.
pub const CUT: Shape = WIRE.with_loss(Loss::Random { share: 1.0 });

/// How both directions of a participant's line are.
#[derive(Clone, Debug)]
pub struct Path {
    pub up: Schedule,
    pub down: Schedule,
}

impl Path {
    pub fn new(up: Shape, down: Shape) -> Self {
        Self {
            up: Schedule::constant(up),
            down: Schedule::constant(down),
        }
    }

    pub fn ideal() -> Self {
        Self::new(WIRE, WIRE)
    }

    pub fn wireless() -> Self {
        Self::new(WIRELESS, WIRELESS)
    }
}

/// One participant's line in use.
pub struct Line {
    pub up: Link,
    pub down: Link,
}

impl Line {
    /// Dice of its own: what others send does not change what happens here.
    pub fn new(seed: u64, path: Path) -> Self {
        Self {
            up: Link::new(seed, path.up),
            down: Link::new(!seed, path.down),
        }
    }

    pub fn reschedule(&mut self, now: Duration, path: Path) {
        self.up.reschedule(now, path.up);
        self.down.reschedule(now, path.down);
    }
}
