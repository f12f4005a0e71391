//! Join storms in virtual time: the node's own admission and placement code, and clients that
//! behave as the SDK's.

// What fails in a helper fails the test; each test uses its own part.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

pub mod client;
pub mod report;
pub mod world;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use world::Plan;

/// `classes` of `people` each, the first of them a teacher, at times that `when` draws.
pub fn school(
    classes: usize,
    people: usize,
    seed: u64,
    when: impl FnMut(&mut StdRng) -> Duration,
) -> Vec<Plan> {
    sized_school(classes, people..=people, seed, when)
}

/// The same with classes of different sizes.
pub fn sized_school(
    classes: usize,
    sizes: RangeInclusive<usize>,
    seed: u64,
    mut when: impl FnMut(&mut StdRng) -> Duration,
) -> Vec<Plan> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut plans = Vec::new();
    for number in 0..classes {
        let class: Arc<str> = format!("class {number}").into();
        for person in 0..rng.random_range(sizes.clone()) {
            plans.push(Plan {
                at: when(&mut rng),
                class: class.clone(),
                leading: person == 0,
            });
        }
    }
    plans
}

/// Evenly within `time`.
pub fn within(time: Duration) -> impl FnMut(&mut StdRng) -> Duration {
    move |rng| time.mul_f64(rng.random())
}

/// As at a bell: within `time`, most of them in the few seconds around its third.
pub fn around_the_bell(time: Duration) -> impl FnMut(&mut StdRng) -> Duration {
    move |rng| {
        // The mean of several draws gathers around the middle; the bell is at a third.
        let draws: f64 = (0..6).map(|_| rng.random::<f64>()).sum::<f64>() / 6.0;
        time.mul_f64(draws * 2.0 / 3.0)
    }
}
