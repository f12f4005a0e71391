//! Thousands of joins against the real admission and placement code, in virtual time.
//!
//! `cargo test -p firstbell-signaling --test admission_storm -- --nocapture` prints the figures.

mod storm;

use std::time::Duration;

use firstbell_signaling::AdmissionConfig;
use firstbell_signaling::admission::capacity::{ClassProfile, Load};
use proptest::prelude::*;
use storm::report::{
    admissions, assert_even, broken_promises, failed, progress_fairness, refusals, summary, untold,
    wait_fairness, wait_quantile,
};
use storm::world::World;
use storm::{around_the_bell, school, sized_school, within};

const SECOND: Duration = Duration::from_secs(1);

/// Longer than a person notices.
const NOTICED: Duration = Duration::from_millis(100);

/// A node with room for `people` in classes of more than ten, that lets in so many per second.
fn node(people: u32, joins_per_second: u32) -> AdmissionConfig {
    AdmissionConfig {
        joins_per_second,
        burst: (joins_per_second / 4).max(30),
        capacity: Load {
            packets_per_second: ClassProfile::default().cost(people).packets_per_second,
            ..Load::UNLIMITED
        },
        ..AdmissionConfig::default()
    }
}

/// What holds in every storm: nobody is lost or kept in the dark, no word on a wait is broken, no
/// node carries more than it can.
fn assert_sound(name: &str, world: &World) {
    println!("{name}: {}", summary(world));
    assert_eq!(failed(world), 0);
    assert_eq!(untold(world, NOTICED), 0);
    assert_eq!(broken_promises(world), []);
    assert!(!world.people.iter().any(|person| person.refused_late));
    let fullest = &world.fullest;
    assert!(fullest.iter().all(|share| *share <= 1.0), "{fullest:?}");
}

/// From `from` on, at least nine tenths of the rate come in every second, until all are in.
fn assert_goodput(world: &World, from: usize, joins_per_second: usize) {
    let admissions = admissions(world);
    let last = admissions.len() - 1;
    for (second, count) in admissions.iter().enumerate().take(last).skip(from) {
        let least = joins_per_second * 9 / 10;
        assert!(
            *count >= least,
            "{count} in second {second}: {admissions:?}"
        );
    }
}

#[test]
fn a_thousand_classes_of_thirty_in_a_minute_over_eight_nodes() {
    let plans = school(1000, 30, 1, within(60 * SECOND));
    let mut world = World::new(8, &node(4400, 100), plans, 1);
    world.run(600 * SECOND);
    assert_sound("in a minute", &world);
    assert_eq!(refusals(&world), 0);
    assert!(wait_quantile(&world, 1.0) < SECOND);
    assert_even(&world.spread(), 0.1);
}

#[test]
fn the_same_around_a_bell_when_nodes_are_slower_than_the_crowd() {
    let plans = school(1000, 30, 2, around_the_bell(60 * SECOND));
    let mut world = World::new(8, &node(4400, 100), plans, 2);
    world.run(600 * SECOND);
    assert_sound("around a bell", &world);
    assert_eq!(refusals(&world), 0);
    assert!(wait_fairness(&world) >= 0.95 && progress_fairness(&world) >= 0.95);
    assert_even(&world.spread(), 0.1);
}

/// All classes begin before any node has reported any load.
#[test]
fn load_that_is_reported_late_does_not_pile_classes_onto_one_node() {
    for announced in [false, true] {
        let first_second = |rng: &mut _| within(SECOND)(rng);
        let plans = sized_school(1000, 20..=40, 3, first_second);
        let mut world = World::new(8, &node(4400, 2000), plans, 3);
        if announced {
            world.announce_all();
        }
        world.run(600 * SECOND);
        assert_sound("load reported late", &world);
        assert_even(&world.spread(), 0.1);
    }
}

#[test]
fn a_thousand_within_a_second_to_one_node() {
    let plans = school(40, 25, 4, within(SECOND));
    let mut world = World::new(1, &AdmissionConfig::default(), plans, 4);
    world.run(600 * SECOND);
    assert_sound("within a second", &world);
    assert_eq!(refusals(&world), 0);
    assert!(wait_quantile(&world, 1.0) < 3 * SECOND);
    // The first hundred come in without a wait, whatever their class: that weighs in a mean wait of
    // half a second.
    assert!(wait_fairness(&world) >= 0.93 && progress_fairness(&world) >= 0.95);
}

#[test]
fn three_times_what_a_node_takes_is_worked_off_within_ten_seconds() {
    let plans = school(50, 30, 5, within(5 * SECOND));
    let mut world = World::new(1, &node(20_000, 100), plans, 5);
    world.run(600 * SECOND);
    assert_sound("three times for 5 s", &world);
    assert_goodput(&world, 0, 100);
    assert!(world.now <= 15 * SECOND, "{:?}", world.now);
    assert!(wait_fairness(&world) >= 0.95);
}

/// Far more than may wait, for 20 s, and then half of what the node takes. The excess is
/// worked off at the full rate, by places that were kept, and nothing remains of it.
#[test]
fn a_long_overload_leaves_no_lasting_damage() {
    let mut plans = school(200, 30, 6, within(20 * SECOND));
    let mut later = school(50, 30, 7, within(30 * SECOND));
    for plan in &mut later {
        plan.at += 20 * SECOND;
        plan.class = format!("late {}", plan.class).into();
    }
    plans.extend(later);
    let people = plans.len();
    let mut world = World::new(1, &node(20_000, 100), plans, 6);
    world.run(600 * SECOND);
    assert_sound("three times for 20 s", &world);
    assert_goodput(&world, 0, 100);
    // Who is sent away comes back to a place: hardly anybody is sent away twice.
    let tries = |tries: usize| {
        let more = |person: &&storm::world::Person| person.refused_at.len() >= tries;
        world.people.iter().filter(more).count()
    };
    assert!(tries(1) > people / 10, "the queue was never full");
    assert!(tries(2) < people / 100 && tries(4) == 0, "{}", tries(2));
    assert!(
        world
            .people
            .iter()
            .all(|p| p.refused_at.is_empty() || p.had_place)
    );
    assert!(wait_fairness(&world) >= 0.95);
}

/// Ten times what a small node takes, and nothing after it: the clients' retries do not feed on
/// themselves.
#[test]
fn retries_do_not_keep_an_overload_alive() {
    let plans = school(70, 30, 8, within(10 * SECOND));
    let mut world = World::new(1, &node(20_000, 20), plans, 8);
    world.run(900 * SECOND);
    assert_sound("ten times", &world);
    assert_goodput(&world, 0, 20);
    let most = world.people.iter().map(|p| p.refused_at.len()).max();
    assert!(most.unwrap() <= 4, "{most:?}");
}

/// More people than a node can carry at all: it fills, and no further.
#[test]
fn a_node_fills_to_its_capacity_and_not_beyond() {
    let plans = school(30, 30, 9, within(10 * SECOND));
    let mut world = World::new(1, &node(300, 400), plans, 9);
    world.run(600 * SECOND);
    let full = world.fullest[0];
    println!("a full node: {full:.3} of its capacity");
    assert!((0.9..=1.0).contains(&full), "{full}");
    assert!(failed(&world) >= 600);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 30,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// In any storm: who is told a wait waits no longer than half as much again and a second, is
    /// let in, and is let in once.
    #[test]
    fn words_on_waits_are_kept_in_any_storm(
        classes in 1..60_usize,
        smallest in 1..30_usize,
        spread in 0..40_usize,
        joins_per_second in 10..200_u32,
        over in 1..20_u32,
        bell in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let sizes = smallest..=smallest + spread;
        let over = over * SECOND;
        let plans = if bell {
            sized_school(classes, sizes, seed, around_the_bell(over))
        } else {
            sized_school(classes, sizes, seed, within(over))
        };
        let mut world = World::new(1, &node(20_000, joins_per_second), plans, seed);
        world.run(3600 * SECOND);
        prop_assert_eq!(failed(&world), 0);
        prop_assert_eq!(untold(&world, NOTICED), 0);
        prop_assert_eq!(broken_promises(&world), []);
        let busiest = admissions(&world).into_iter().max().unwrap_or(0);
        let most = joins_per_second + (joins_per_second / 4).max(30);
        prop_assert!(busiest <= most as usize, "{} in a second", busiest);
    }
}
