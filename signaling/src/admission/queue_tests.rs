use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn standing(rank: Rank, order: u64) -> Standing {
    Standing { rank, order }
}

fn push(queue: &mut FairQueue, client: u64, class: &str, work: JoinWork) {
    let standing = standing(Rank::Ordinary, client);
    queue.push(Client(client), &class.into(), standing, work);
}

fn ordinary(queue: &mut FairQueue, client: u64, class: &str) {
    push(queue, client, class, JoinWork::ORDINARY);
}

/// Lets everybody in and gives their order.
fn drain(queue: &mut FairQueue, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| {
        let (client, _) = queue.head(now)?;
        assert!(queue.take(client));
        Some(client.0)
    })
    .collect()
}

#[test]
fn the_quantum_is_an_ordinary_join() {
    assert_eq!(QUANTUM, signed(JoinWork::ORDINARY));
}

#[test]
fn classes_take_turns_whatever_their_size() {
    let mut queue = FairQueue::default();
    for client in 0..6 {
        ordinary(&mut queue, client, "large");
    }
    ordinary(&mut queue, 10, "small");
    ordinary(&mut queue, 20, "third");
    ordinary(&mut queue, 11, "small");
    assert_eq!(queue.line("large"), (6, 6 * 64));
    let first = Some((Client(0), JoinWork::ORDINARY));
    assert_eq!(queue.head(Instant::now()), first);
    assert_eq!(queue.head(Instant::now()), first);
    assert_eq!(
        drain(&mut queue, Instant::now()),
        [0, 10, 20, 1, 11, 2, 3, 4, 5]
    );
    assert_eq!((queue.len(), queue.units()), (0, 0));
    assert_eq!(queue.head(Instant::now()), None);
    assert!(queue.lines.is_empty() && queue.turns.is_empty());
}

#[test]
fn teachers_come_first_in_their_class_and_only_there() {
    let mut queue = FairQueue::default();
    for client in 0..3 {
        ordinary(&mut queue, client, "a");
        ordinary(&mut queue, 10 + client, "b");
    }
    let teacher = standing(Rank::Leading, 99);
    queue.push(Client(99), &"b".into(), teacher, JoinWork::ORDINARY);
    assert_eq!(drain(&mut queue, Instant::now()), [0, 99, 1, 10, 2, 11, 12]);
}

#[test]
fn dear_joins_wait_until_their_class_has_saved_for_them() {
    let mut queue = FairQueue::default();
    for client in 0..2 {
        push(&mut queue, client, "dear", JoinWork::of_offer(96 * 1024));
    }
    for client in 10..16 {
        ordinary(&mut queue, client, "cheap");
    }
    assert_eq!(
        drain(&mut queue, Instant::now()),
        [10, 11, 0, 12, 13, 14, 1, 15]
    );
}

#[test]
fn a_kept_place_is_before_those_who_came_later() {
    let mut queue = FairQueue::default();
    for client in 5..8 {
        ordinary(&mut queue, client, "a");
    }
    let kept = standing(Rank::Ordinary, 6);
    queue.push(Client(100), &"a".into(), kept, JoinWork::ORDINARY);
    // Nobody's standing is taken away: the newcomer with the same one comes right after.
    assert_eq!(drain(&mut queue, Instant::now()), [5, 6, 7, 100]);
    let mut queue = FairQueue::default();
    for client in [5, 7, 8] {
        ordinary(&mut queue, client, "a");
    }
    queue.push(Client(100), &"a".into(), kept, JoinWork::ORDINARY);
    assert_eq!(drain(&mut queue, Instant::now()), [5, 100, 7, 8]);
}

#[test]
fn a_promise_that_is_due_goes_first_and_the_class_pays_for_it() {
    let now = Instant::now();
    let mut queue = FairQueue::default();
    for client in 0..4 {
        ordinary(&mut queue, client, "a");
        ordinary(&mut queue, 10 + client, "b");
    }
    queue.promise(Client(3), now);
    queue.promise(Client(2), now + Duration::from_secs(9));
    queue.promise(Client(3), now + Duration::from_secs(9));
    assert_eq!(queue.promised(Client(3)), Some(now));
    // Class a gives up its next turn, and no more.
    assert_eq!(drain(&mut queue, now), [3, 10, 0, 11, 1, 12, 2, 13]);
}

#[test]
fn promises_cannot_bring_a_class_far_ahead() {
    let now = Instant::now();
    let mut queue = FairQueue::default();
    for client in 0..100 {
        ordinary(&mut queue, client, "early");
        queue.promise(Client(client), now);
        ordinary(&mut queue, 1000 + client, "late");
    }
    let order = drain(&mut queue, now);
    let mut ahead = 0_i64;
    for client in order.iter().take(150) {
        ahead += if *client < 1000 { 1 } else { -1 };
        assert!(ahead <= 18, "{ahead}");
    }
}

#[test]
fn who_vanishes_costs_the_class_nothing() {
    let mut queue = FairQueue::default();
    for client in 0..3 {
        ordinary(&mut queue, client, "a");
        ordinary(&mut queue, 10 + client, "b");
    }
    queue.promise(Client(0), Instant::now());
    assert!(queue.remove(Client(0)));
    assert!(!queue.remove(Client(0)) && !queue.take(Client(0)));
    queue.promise(Client(0), Instant::now());
    assert_eq!(drain(&mut queue, Instant::now()), [1, 10, 2, 11, 12]);
    assert!(queue.promises.is_empty());
}

#[test]
fn those_who_are_away_count_and_are_not_let_in() {
    let mut queue = FairQueue::default();
    let class: Arc<str> = "a".into();
    let away = standing(Rank::Ordinary, 2);
    queue.send_away(&class, away, JoinWork::ORDINARY);
    queue.send_away(&class, away, JoinWork::ORDINARY);
    assert!(queue.has_class("a") && queue.is_empty());
    assert_eq!(queue.head(Instant::now()), None);
    for client in [1, 3] {
        ordinary(&mut queue, client, "a");
    }
    let depths: Vec<_> = queue.order().iter().map(|turn| turn.depth).collect();
    assert_eq!(depths, [64, 3 * 64]);
    assert_eq!(queue.classes().next(), Some((&class, 3 * 64)));
    assert_eq!(drain(&mut queue, Instant::now()), [1, 3]);
    assert!(queue.has_class("a"));
    queue.forget_away("a", away);
    queue.forget_away("a", away);
    assert!(!queue.has_class("a") && queue.lines.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Push {
        class: u8,
        leading: bool,
        offer: usize,
    },
    Take,
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push =
        (0..6_u8, any::<bool>(), 0..200_000_usize).prop_map(|(class, leading, offer)| Step::Push {
            class,
            leading,
            offer,
        });
    let step = prop_oneof![
        3 => push,
        2 => Just(Step::Take),
        1 => (0..500_usize).prop_map(Step::Remove),
    ];
    proptest::collection::vec(step, 0..300)
}

proptest! {
    /// The order told is the order kept; sums are right; nobody is lost or let in twice.
    #[test]
    fn the_order_foretold_is_the_order_of_admission(steps in steps()) {
        let now = Instant::now();
        let mut queue = FairQueue::default();
        let mut waiting: Vec<u64> = Vec::new();
        for (client, step) in (0..).zip(steps) {
            match step {
                Step::Push { class, leading, offer } => {
                    let rank = if leading { Rank::Leading } else { Rank::Ordinary };
                    let class: Arc<str> = class.to_string().into();
                    let work = JoinWork::of_offer(offer);
                    queue.push(Client(client), &class, standing(rank, client), work);
                    waiting.push(client);
                }
                Step::Take => {
                    if let Some((client, _)) = queue.head(now) {
                        prop_assert!(queue.take(client));
                        waiting.retain(|other| *other != client.0);
                    }
                }
                Step::Remove(index) if !waiting.is_empty() => {
                    let client = waiting.remove(index % waiting.len());
                    prop_assert!(queue.remove(Client(client)));
                }
                Step::Remove(_) => {}
            }
            prop_assert_eq!(queue.len(), waiting.len());
        }
        let order = queue.order();
        let foretold: Vec<_> = order.iter().map(|turn| turn.client.0).collect();
        let deepest = queue.classes().map(|(_, units)| units).max().unwrap_or(0);
        prop_assert_eq!(order.iter().map(|turn| turn.depth).max().unwrap_or(0), deepest);
        prop_assert_eq!(queue.classes().map(|(_, units)| units).sum::<u64>(), queue.units());
        let drained = drain(&mut queue, now);
        prop_assert_eq!(&drained, &foretold);
        let mut sorted = drained;
        sorted.sort_unstable();
        prop_assert_eq!(sorted, waiting);
        prop_assert_eq!(queue.units(), 0);
    }

    /// While two classes both wait, neither gets more than a dear join ahead of the other.
    #[test]
    fn no_class_gets_ahead_of_another_that_waits(
        sizes in proptest::collection::vec(1..40_u64, 2..8),
        offers in proptest::collection::vec(0..200_000_usize, 16),
    ) {
        let mut queue = FairQueue::default();
        let mut client = 0;
        let mut left: HashMap<Arc<str>, (u64, u64)> = HashMap::new();
        for (class, size) in sizes.iter().enumerate() {
            let class: Arc<str> = class.to_string().into();
            for _ in 0..*size {
                let work = JoinWork::of_offer(offers[client as usize % offers.len()]);
                queue.push(Client(client), &class, standing(Rank::Ordinary, client), work);
                client += 1;
            }
            left.insert(class, (*size, 0));
        }
        let now = Instant::now();
        while let Some((client, work)) = queue.head(now) {
            let class = queue.seats[&client].class.clone();
            queue.take(client);
            let entry = left.get_mut(&class).unwrap();
            *entry = (entry.0 - 1, entry.1 + work.units());
            let waiting: Vec<_> = left.values().filter(|(size, _)| *size > 0).collect();
            let most = waiting.iter().map(|(_, units)| *units).max().unwrap_or(0);
            let least = waiting.iter().map(|(_, units)| *units).min().unwrap_or(0);
            let bound = JoinWork::MOST.units() + JoinWork::ORDINARY.units();
            prop_assert!(most - least <= bound, "{} ahead of {}", most, least);
        }
    }
}
