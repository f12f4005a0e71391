use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn class(name: &str) -> Arc<str> {
    name.into()
}

/// Room for a hundred people in classes of more than ten.
fn hundred() -> Reservations {
    let profile = ClassProfile::default();
    let capacity = Load {
        packets_per_second: profile.cost(100).packets_per_second,
        ..Load::UNLIMITED
    };
    Reservations::new(capacity, profile, 12)
}

#[test]
fn the_first_person_takes_a_share_for_the_class_and_the_last_gives_it_back() {
    let now = Instant::now();
    let mut book = hundred();
    book.arrive(now, &class("a")).unwrap();
    assert_eq!((book.size("a"), book.share()), (12, 0.12));
    for _ in 1..20 {
        book.arrive(now, &class("a")).unwrap();
    }
    assert_eq!((book.size("a"), book.share()), (20, 0.2));
    for _ in 0..19 {
        book.leave(now, &class("a"));
    }
    assert_eq!(book.size("a"), 12);
    book.leave(now, &class("a"));
    book.leave(now, &class("a"));
    assert!(book.is_empty());
    assert_eq!(book.taken(), Load::NONE);
}

#[test]
fn new_classes_are_refused_before_people_of_those_that_run() {
    let now = Instant::now();
    let mut book = hundred();
    for room in 0..7 {
        book.arrive(now, &class(&room.to_string())).unwrap();
    }
    assert_eq!(book.arrive(now, &class("late")), Err(Full));
    assert!(!book.holds("late"));
    let mut more = 0;
    while book.arrive(now, &class("0")).is_ok() {
        more += 1;
    }
    // Eleven of its own places, and the sixteen that are left.
    assert_eq!(more, 11 + 16);
    assert!(book.share() <= 1.0);
}

#[test]
fn those_who_did_not_come_are_not_expected_for_ever() {
    let now = Instant::now();
    let mut book = hundred();
    book.arrive(now, &class("a")).unwrap();
    assert_eq!(book.settle_at(), Some(now + SETTLE_AFTER));
    book.settle(now + SETTLE_AFTER / 2);
    assert_eq!(book.size("a"), 12);
    book.settle(now + SETTLE_AFTER);
    assert_eq!((book.size("a"), book.settle_at()), (3, None));
    for _ in 0..8 {
        book.arrive(now + SETTLE_AFTER, &class("a")).unwrap();
    }
    assert_eq!(book.size("a"), 12);
    book.arrive(now + SETTLE_AFTER, &class("a")).unwrap();
    assert_eq!(book.size("a"), 12);
}

#[test]
fn an_announced_class_holds_its_places_until_its_time_has_passed() {
    let now = Instant::now();
    let mut book = hundred();
    book.hold(now, &class("a"), 30, now + 15 * MINUTE);
    assert_eq!(book.share(), 0.3);
    // The teacher looks in early, and leaves again.
    book.arrive(now, &class("a")).unwrap();
    book.leave(now, &class("a"));
    assert_eq!(book.size("a"), 30);
    book.hold(now, &class("a"), 20, now + 5 * MINUTE);
    assert_eq!(book.size("a"), 30);
    book.settle(now + 14 * MINUTE);
    assert_eq!(book.size("a"), 30);
    book.settle(now + 15 * MINUTE);
    assert!(book.is_empty());
    assert_eq!(book.share(), 0.0);
}

#[test]
fn a_class_that_runs_may_be_announced_and_the_announcement_taken_back() {
    let now = Instant::now();
    let mut book = hundred();
    book.arrive(now, &class("a")).unwrap();
    book.hold(now, &class("a"), 30, now + 15 * MINUTE);
    assert_eq!((book.size("a"), book.share()), (30, 0.3));
    book.release(now, &class("a"));
    assert_eq!(book.size("a"), 3);
    book.leave(now, &class("a"));
    assert!(book.is_empty());
    book.hold(now, &class("b"), 30, now + MINUTE);
    book.release(now, &class("b"));
    assert!(book.is_empty());
    assert_eq!(book.taken(), Load::NONE);
}

#[test]
fn what_is_booked_for_the_next_hour_is_not_given_to_others() {
    let now = Instant::now();
    let mut book = hundred();
    book.set_booked_ahead(ClassProfile::default().cost(80));
    assert_eq!(book.arrive(now, &class("other")), Err(Full));
    // What begins of it does not count twice.
    book.hold(now, &class("a"), 40, now + MINUTE);
    assert_eq!(book.share(), 0.8);
    book.arrive(now, &class("a")).unwrap();
    book.set_booked_ahead(Load::NONE);
    assert_eq!(book.share(), 0.4);
    book.arrive(now, &class("other")).unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(u8),
    Leave(u8),
    Hold(u8, u32),
    Release(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..9_u8).prop_map(Step::Arrive),
        3 => (0..9_u8).prop_map(Step::Leave),
        1 => (0..9_u8, 0..60_u32).prop_map(|(room, size)| Step::Hold(room, size)),
        1 => (0..9_u8).prop_map(Step::Release),
        2 => (0..90_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// The totals are the sums of the shares, no class holds less than who is there, and without
    /// announcements nothing is promised beyond the capacity.
    #[test]
    fn totals_are_right_whatever_happens(
        steps in proptest::collection::vec(step(), 0..400),
        announcing in any::<bool>(),
    ) {
        let mut now = Instant::now();
        let mut book = hundred();
        let mut people: HashMap<u8, u32> = HashMap::new();
        for step in steps {
            match step {
                Step::Arrive(room) => {
                    if book.arrive(now, &class(&room.to_string())).is_ok() {
                        *people.entry(room).or_default() += 1;
                    }
                }
                Step::Leave(room) => {
                    if let Some(count @ 1..) = people.get_mut(&room) {
                        *count -= 1;
                        book.leave(now, &class(&room.to_string()));
                    }
                }
                Step::Hold(room, size) if announcing => {
                    book.hold(now, &class(&room.to_string()), size, now + MINUTE);
                }
                Step::Release(room) if announcing => {
                    book.release(now, &class(&room.to_string()));
                }
                Step::Hold(..) | Step::Release(_) => {}
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    book.settle(now);
                }
            }
            let profile = ClassProfile::default();
            let sum = book.classes.values().fold(Load::NONE, |sum, share| {
                sum.plus(profile.cost(share.size))
            });
            prop_assert_eq!(book.taken(), sum);
            for (room, count) in &people {
                prop_assert!(book.size(&room.to_string()) >= *count);
            }
            if !announcing {
                prop_assert!(book.share() <= 1.0);
            }
        }
    }
}
