//! Named lines: those of the load tester's quality scenarios, and a few to try things on.
//!
//! What is wrong with a line is wrong downstream, where a receiver suffers from it: upstream only
//! the delay is the same, and the rate where the whole line is narrow.

use std::time::Duration;

use crate::loss::Loss;
use crate::schedule::Schedule;
use crate::shape::Shape;

/// Packets that wait longer than this are dropped on lines where the queue itself is under test:
/// long, as in many homes' routers, so that whoever fills it is seen.
const LONG_QUEUE: Duration = Duration::from_secs(1);
/// RFC 8867 §5's queue.
const QUEUE: Duration = Duration::from_millis(300);
const DELAY: Duration = Duration::from_millis(25);

/// From a share of the run on, in thousandths.
type Step = (u32, Shape);

#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub about: &'static str,
    /// How long a run takes for all its changes to be seen.
    pub seconds: u64,
    /// All users of the hop or the scenario are behind one line.
    pub is_shared: bool,
    pub first: Shape,
    pub later: &'static [Step],
    pub up: Shape,
}

impl Profile {
    pub fn find(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// Downstream over a run of this length.
    pub fn down(&self, total: Duration) -> Schedule {
        self.later.iter().fold(
            Schedule::constant(self.first),
            |schedule, (share, shape)| schedule.then(total * *share / 1000, *shape),
        )
    }

    pub fn up(&self) -> Schedule {
        Schedule::constant(self.up)
    }
}

const fn constant(name: &'static str, about: &'static str, first: Shape, up: Shape) -> Profile {
    Profile {
        name,
        about,
        seconds: 60,
        is_shared: false,
        first,
        later: &[],
        up,
    }
}

const UP: Shape = Shape::delayed(DELAY);
const NARROW: Shape = Shape::limited(60_000, LONG_QUEUE, DELAY);
const WIDE: Shape = Shape::limited(3_000_000, LONG_QUEUE, DELAY);
const HALF: Shape = Shape::limited(500_000, LONG_QUEUE, DELAY);

/// Bursts of two packets on average, three in ten lost: p = 3/14, r = 1/2.
const BURSTY: Loss = Loss::Bursts {
    to_bad: 3.0 / 14.0,
    to_good: 0.5,
    in_good: 0.0,
    in_bad: 1.0,
};

pub static PROFILES: &[Profile] = &[
    constant("good", "10 ms each way and nothing else", GOOD, GOOD),
    Profile {
        seconds: 70,
        later: &[(286, HALF), (571, WIDE)],
        ..constant(
            "variable-capacity",
            "3 Mb/s, then 0.5, then 3 again (RFC 8867 §5.1)",
            WIDE,
            UP,
        )
    },
    Profile {
        is_shared: true,
        ..constant(
            "shared-link",
            "1.6 Mb/s for all behind it",
            Shape::limited(1_600_000, LONG_QUEUE, DELAY),
            UP,
        )
    },
    Profile {
        is_shared: true,
        ..constant(
            "competing-flow",
            "2 Mb/s, shared with a download (RFC 8867 §5.6)",
            Shape::limited(2_000_000, QUEUE, DELAY),
            UP,
        )
    },
    Profile {
        is_shared: true,
        ..constant(
            "rtt-unfairness",
            "4 Mb/s for all behind it, whose ways differ (RFC 8867 §5.5)",
            Shape::limited(4_000_000, LONG_QUEUE, Duration::ZERO),
            Shape::IDEAL,
        )
    },
    constant(
        "loss-5",
        "5 % of the packets lost, 100 ms round trip",
        lossy(0.05, 50),
        Shape::delayed(Duration::from_millis(50)),
    ),
    constant(
        "loss-10",
        "10 % of the packets lost, 50 ms round trip",
        lossy(0.10, 25),
        UP,
    ),
    constant(
        "loss-30-bursty",
        "30 % lost in bursts of two on average, 50 ms round trip",
        Shape::delayed(DELAY).with_loss(BURSTY),
        UP,
    ),
    Profile {
        seconds: 70,
        later: &[(143, NARROW), (571, WIDE)],
        ..constant("narrow-60k", "3 Mb/s, then 60 kb/s, then 3 Mb/s", WIDE, UP)
    },
    constant(
        "one-of-ten",
        "300 kb/s with 10 % loss",
        Shape::limited(300_000, LONG_QUEUE, DELAY).with_loss(Loss::Random { share: 0.1 }),
        UP,
    ),
    constant(
        "wireless",
        "A classroom's wireless network: 20 Mb/s, jitter, short bursts of loss",
        Shape {
            jitter: Duration::from_millis(15),
            loss: Loss::Bursts {
                to_bad: 0.005,
                to_good: 0.4,
                in_good: 0.001,
                in_bad: 0.8,
            },
            reorder: 0.002,
            reorder_by: Duration::from_millis(10),
            ..Shape::limited(20_000_000, QUEUE, Duration::from_millis(8))
        },
        Shape::limited(10_000_000, QUEUE, Duration::from_millis(8)),
    ),
];

const GOOD: Shape = Shape::delayed(Duration::from_millis(10));

const fn lossy(share: f64, delay_ms: u64) -> Shape {
    Shape::delayed(Duration::from_millis(delay_ms)).with_loss(Loss::Random { share })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for profile in PROFILES {
            let found = Profile::find(profile.name).unwrap();
            assert!(std::ptr::eq(found, profile), "{} twice", profile.name);
            assert!(profile.later.is_sorted_by_key(|(share, _)| *share));
            assert!(profile.first.loss.mean() < 0.5);
        }
        assert!(Profile::find("none").is_none());
        assert!((BURSTY.mean() - 0.3).abs() < 1e-9);
    }

    #[test]
    fn changes_come_at_shares_of_the_run() {
        let profile = Profile::find("variable-capacity").unwrap();
        let down = profile.down(Duration::from_secs(100));
        let rates = [0, 28, 29, 57, 58].map(|s| down.at(Duration::from_secs(s)).rate);
        assert_eq!(
            rates,
            [3_000_000, 3_000_000, 500_000, 500_000, 3_000_000].map(Some)
        );
        assert_eq!(profile.up().at(Duration::ZERO), &UP);
    }
}
