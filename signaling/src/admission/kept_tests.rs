use rand::SeedableRng;

use super::*;
use crate::admission::queue::Rank;

const SECOND: Duration = Duration::from_secs(1);

fn person(name: &str) -> Person {
    ("7b".into(), name.into())
}

fn standing(order: u64) -> Standing {
    Standing {
        rank: Rank::Ordinary,
        order,
    }
}

struct Desk {
    kept: KeptPlaces,
    rng: StdRng,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        Self {
            kept: KeptPlaces::default(),
            rng: StdRng::seed_from_u64(7),
            now: Instant::now(),
        }
    }

    fn keep(&mut self, name: &str, order: u64) -> Option<String> {
        let (person, standing) = (person(name), standing(order));
        self.kept
            .keep(self.now, person, standing, 10 * SECOND, &mut self.rng)
    }

    fn reclaim(&mut self, name: &str, ticket: Option<&str>) -> Option<u64> {
        let (class, identity) = person(name);
        let standing = self.kept.reclaim(self.now, &class, &identity, ticket)?;
        Some(standing.order)
    }
}

#[test]
fn a_place_is_found_by_its_ticket_or_by_its_person_and_once() {
    let mut desk = Desk::new();
    let anna = desk.keep("anna", 1).unwrap();
    let ben = desk.keep("ben", 2).unwrap();
    assert_ne!(anna, ben);
    assert_eq!(desk.reclaim("somebody", Some(&anna)), Some(1));
    assert_eq!(desk.reclaim("anna", Some(&anna)), None);
    assert_eq!(desk.reclaim("ben", None), Some(2));
    assert_eq!(desk.reclaim("ben", Some(&ben)), None);
    assert!(desk.kept.is_empty() && desk.kept.expiry.is_empty() && desk.kept.by_person.is_empty());
}

#[test]
fn a_ticket_for_another_class_is_worth_nothing() {
    let mut desk = Desk::new();
    let ticket = desk.keep("anna", 1).unwrap();
    let other = desk
        .kept
        .reclaim(desk.now, &"8c".into(), &"anna".into(), Some(&ticket));
    assert_eq!(other, None);
    assert_eq!(desk.reclaim("anna", Some("nonsense")), Some(1));
}

#[test]
fn a_place_is_kept_longer_than_a_client_waits_and_then_forgotten() {
    let mut desk = Desk::new();
    desk.keep("anna", 1);
    desk.keep("ben", 2);
    desk.now += 15 * SECOND;
    assert_eq!(desk.reclaim("anna", None), Some(1));
    desk.now += GRACE;
    assert_eq!(desk.reclaim("ben", None), None);
    assert!(desk.kept.is_empty() && desk.kept.by_person.is_empty());
}

#[test]
fn one_person_has_one_place() {
    let mut desk = Desk::new();
    let first = desk.keep("anna", 1).unwrap();
    desk.keep("anna", 5);
    assert_eq!(desk.kept.len(), 1);
    assert_eq!(desk.reclaim("ben", Some(&first)), None);
    assert_eq!(desk.reclaim("anna", None), Some(5));
}

#[test]
fn places_are_bounded() {
    let mut desk = Desk::new();
    for order in 0..MAX_KEPT as u64 {
        assert!(desk.keep(&order.to_string(), order).is_some());
    }
    assert_eq!(desk.keep("one more", 0), None);
    // Somebody who has a place may go on having it.
    assert!(desk.keep("7", 7).is_some());
    desk.now += 60 * SECOND;
    let expired = std::iter::from_fn(|| desk.kept.expire(desk.now)).count();
    assert_eq!(expired, MAX_KEPT);
    assert!(desk.keep("one more", 0).is_some());
}

#[test]
fn those_sent_away_together_are_asked_back_one_after_the_other() {
    let mut desk = Desk::new();
    let (free_in, takes) = (4 * SECOND, SECOND / 100);
    let mut back: Vec<_> = (0..2000)
        .map(|_| {
            let now = desk.now;
            desk.kept.retry_after(now, free_in, takes, &mut desk.rng)
        })
        .collect();
    assert!(
        back.iter()
            .all(|after| *after >= SOONEST && *after <= LATEST)
    );
    back.sort_unstable();
    // Two thousand at a hundred a second: no second sees many more come back than are let in.
    let busiest = (0..60)
        .map(|second| {
            let second = second * SECOND;
            let in_it = |after: &&Duration| **after >= second && **after < second + SECOND;
            back.iter().filter(in_it).count()
        })
        .max();
    assert!(busiest.unwrap() <= 170, "{busiest:?}");
}
