//! What a run came to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::world::{Person, World};

/// 1: all alike; 1/n: one has everything (Jain, Chiu and Hawe, 1984).
pub fn jain(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    if squares == 0.0 {
        return 1.0;
    }
    sum * sum / (count * squares)
}

pub fn failed(world: &World) -> usize {
    let failed = |person: &&Person| person.admitted_at.is_none();
    world.people.iter().filter(failed).count()
}

pub fn refusals(world: &World) -> usize {
    world.people.iter().map(|p| p.refused_at.len()).sum()
}

/// The value below which this share of all waits lies.
pub fn wait_quantile(world: &World, share: f64) -> Duration {
    let mut waits: Vec<_> = world.people.iter().filter_map(Person::wait).collect();
    waits.sort_unstable();
    let at = (waits.len() as f64 * share) as usize;
    waits[at.min(waits.len() - 1)]
}

/// People let in, by second.
pub fn admissions(world: &World) -> Vec<usize> {
    let mut seconds = vec![0; world.now.as_secs() as usize + 1];
    for at in world.people.iter().filter_map(|p| p.admitted_at) {
        seconds[at.as_secs() as usize] += 1;
    }
    seconds
}

/// One value for each class, from the people of it.
pub fn by_class(world: &World, value: impl Fn(&[&Person]) -> f64) -> Vec<f64> {
    let mut classes: BTreeMap<Arc<str>, Vec<&Person>> = BTreeMap::new();
    for person in &world.people {
        let class = person.plan.class.clone();
        classes.entry(class).or_default().push(person);
    }
    classes.values().map(|people| value(people)).collect()
}

/// Jain's index of the classes' mean waits; waits too short to be noticed count alike.
pub fn wait_fairness(world: &World) -> f64 {
    let mean = |people: &[&Person]| {
        let waits = people.iter().filter_map(|person| person.wait());
        waits.map(|wait| wait.as_secs_f64()).sum::<f64>() / people.len() as f64
    };
    jain(by_class(world, mean).into_iter().map(|mean| mean.max(0.05)))
}

/// Jain's index of how many of each class are in at the moment when half of all are.
pub fn progress_fairness(world: &World) -> f64 {
    let mut times: Vec<_> = world.people.iter().filter_map(|p| p.admitted_at).collect();
    times.sort_unstable();
    let half = times[times.len() / 2];
    let inside = |people: &[&Person]| {
        let before = |person: &&&Person| person.admitted_at.is_some_and(|at| at <= half);
        people.iter().filter(before).count() as f64
    };
    jain(by_class(world, inside))
}

/// Every word on a wait that was not kept: told, took.
pub fn broken_promises(world: &World) -> Vec<(Duration, Duration)> {
    let mut broken = Vec::new();
    for person in &world.people {
        let Some(admitted_at) = person.admitted_at else {
            continue;
        };
        for (at, told) in &person.told {
            let took = admitted_at - *at;
            if took > told.eta.mul_f64(1.5) + Duration::from_secs(1) {
                broken.push((told.eta, took));
            }
        }
    }
    broken
}

/// People who waited longer than `unnoticed` in their last try and were not told within it.
pub fn untold(world: &World, unnoticed: Duration) -> usize {
    let untold = |person: &&Person| {
        let until = person.admitted_at.unwrap_or(world.now);
        let first = person.told.first().map_or(until, |(at, _)| *at);
        first - person.asked_at > unnoticed
    };
    world.people.iter().filter(untold).count()
}

/// The highest and the lowest lie within `share` of even.
pub fn assert_even(spread: &[u32], share: f64) {
    let even = f64::from(spread.iter().sum::<u32>()) / spread.len() as f64;
    let off = |people: &u32| (f64::from(*people) / even - 1.0).abs();
    assert!(
        spread.iter().all(|people| off(people) <= share),
        "{spread:?}"
    );
}

/// How what was told compares to what it took, at these shares of all that was told.
fn told_over_took<const N: usize>(world: &World, shares: [f64; N]) -> Option<[f64; N]> {
    let mut ratios = Vec::new();
    for person in &world.people {
        let Some(admitted_at) = person.admitted_at else {
            continue;
        };
        for (at, told) in &person.told {
            let took = (admitted_at - *at).as_secs_f64();
            // Shorter ones are told as exactly, and say little as a ratio.
            if took >= 1.0 {
                ratios.push(told.eta.as_secs_f64() / took);
            }
        }
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let last = ratios.len().checked_sub(1)?;
    Some(shares.map(|share| ratios[((last as f64) * share) as usize]))
}

pub fn summary(world: &World) -> String {
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| wait_quantile(world, share).as_secs_f64());
    let told = told_over_took(world, [0.01, 0.5, 0.99])
        .map(|told| format!("{:.2} {:.2} {:.2}", told[0], told[1], told[2]));
    format!(
        "{} people, {} failed, {} refusals; wait p50 {p50:.1} p99 {p99:.1} most {most:.1} s; \
         fairness {:.3} by wait, {:.3} at half; told over took, p1 p50 p99: {}; \
         in by node {:?}, all in at {:.1} s",
        world.people.len(),
        failed(world),
        refusals(world),
        wait_fairness(world),
        progress_fairness(world),
        told.unwrap_or_else(|| "nobody waited".into()),
        world.spread(),
        world.now.as_secs_f64(),
    )
}
