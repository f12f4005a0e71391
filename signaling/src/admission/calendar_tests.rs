use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60;
const NOW: u64 = 1_800_000_000;

fn lesson(class: &str, starts_at: u64, minutes: u64, expected: u32) -> Lesson {
    Lesson {
        class: class.into(),
        starts_at,
        ends_at: starts_at + minutes * MINUTE,
        expected,
    }
}

/// Room for `people` in classes of more than ten, as far as announcements may fill it.
fn room_for(people: u32) -> Load {
    let packets = ClassProfile::default().cost(people).packets_per_second;
    Load {
        packets_per_second: (packets as f64 / NEW_CLASS_SHARE).ceil() as u64,
        ..Load::UNLIMITED
    }
}

fn announce(calendar: &mut Calendar, lesson: Lesson) -> Result<bool, NotAnnounced> {
    calendar.announce(NOW, lesson, room_for(100), &ClassProfile::default())
}

#[test]
fn a_time_is_full_when_its_lessons_together_are() {
    let mut calendar = Calendar::default();
    let eight = NOW + 600 * MINUTE;
    assert_eq!(
        announce(&mut calendar, lesson("a", eight, 45, 50)),
        Ok(true)
    );
    assert_eq!(
        announce(&mut calendar, lesson("b", eight + 40 * MINUTE, 45, 50)),
        Ok(true)
    );
    let across = lesson("c", eight + 30 * MINUTE, 45, 20);
    assert_eq!(announce(&mut calendar, across), Err(NotAnnounced::Full));
    // After one has ended there is room, and at another time all of it.
    let after = lesson("c", eight + 45 * MINUTE, 45, 50);
    assert_eq!(announce(&mut calendar, after), Ok(true));
    let tomorrow = lesson("c", eight + 24 * 60 * MINUTE, 45, 100);
    assert_eq!(announce(&mut calendar, tomorrow), Ok(true));
    assert_eq!(calendar.len(), 4);
}

#[test]
fn announcing_again_replaces_and_a_refusal_leaves_what_was() {
    let mut calendar = Calendar::default();
    let start = NOW + 60 * MINUTE;
    announce(&mut calendar, lesson("a", start, 45, 60)).unwrap();
    assert_eq!(
        announce(&mut calendar, lesson("a", start, 45, 90)),
        Ok(false)
    );
    let too_large = lesson("a", start, 45, 101);
    assert_eq!(announce(&mut calendar, too_large), Err(NotAnnounced::Full));
    let kept: Vec<_> = calendar.iter().map(|lesson| lesson.expected).collect();
    assert_eq!(kept, [90]);
    let id = lesson("a", start, 1, 1).id();
    assert_eq!(calendar.cancel(id).unwrap().0.expected, 90);
    assert_eq!(calendar.cancel(id), None);
    assert!(calendar.is_empty() && calendar.starts.is_empty());
}

#[test]
fn what_is_no_lesson_is_refused() {
    let mut calendar = Calendar::default();
    let backwards = Lesson {
        ends_at: NOW + 1,
        ..lesson("a", NOW + 2, 0, 5)
    };
    for bad in [
        lesson("a", NOW + MINUTE, 45, 0),
        lesson("a", NOW - 45 * MINUTE, 45, 5),
        lesson("a", NOW + MINUTE, 0, 5),
        lesson("a", NOW + FARTHEST + 1, 45, 5),
        lesson("a", NOW, 25 * 60, 5),
        lesson("a", u64::MAX - 5_000, 45, 5),
        backwards,
    ] {
        let refused = announce(&mut calendar, bad.clone());
        assert_eq!(refused, Err(NotAnnounced::NoLesson), "{bad:?}");
    }
    announce(&mut calendar, lesson("a", NOW - 5 * MINUTE, 45, 5)).unwrap();
}

#[test]
fn lessons_begin_once_a_little_early_and_are_forgotten_after_their_end() {
    let mut calendar = Calendar::default();
    let start = NOW + 60 * MINUTE;
    announce(&mut calendar, lesson("a", start, 45, 30)).unwrap();
    announce(&mut calendar, lesson("b", start + 1, 45, 30)).unwrap();
    assert_eq!(calendar.begin(start - EARLY - 1), []);
    assert_eq!(calendar.begin(start - EARLY), [lesson("a", start, 45, 30)]);
    assert_eq!(calendar.begin(start), [lesson("b", start + 1, 45, 30)]);
    // Announced anew, it begins anew: perhaps with more people.
    announce(&mut calendar, lesson("a", start, 45, 40)).unwrap();
    assert_eq!(calendar.begin(start), [lesson("a", start, 45, 40)]);
    calendar.begin(start + 45 * MINUTE);
    assert_eq!(calendar.len(), 1);
    calendar.begin(start + 46 * MINUTE);
    assert!(calendar.is_empty() && calendar.starts.is_empty());
}

#[test]
fn places_are_firm_no_longer_than_the_lesson() {
    assert_eq!(lesson("a", NOW, 45, 3).firm_until(), NOW + NO_SHOW_AFTER);
    assert_eq!(lesson("a", NOW, 10, 3).firm_until(), NOW + 10 * MINUTE);
}

proptest! {
    /// The most that is booked is what counting minute by minute gives.
    #[test]
    fn the_most_booked_is_the_highest_minute(
        lessons in proptest::collection::vec((0..20_u8, 0..300_u64, 1..120_u64, 1..40_u32), 0..40),
        from in 0..300_u64,
        length in 1..120_u64,
    ) {
        let profile = ClassProfile::default();
        let mut calendar = Calendar::default();
        for (class, start, minutes, expected) in lessons {
            let lesson = lesson(&class.to_string(), NOW + start * MINUTE, minutes, expected);
            calendar.announce(NOW, lesson, Load::UNLIMITED, &profile).unwrap();
        }
        let (from, to) = (NOW + from * MINUTE, NOW + (from + length) * MINUTE);
        let at = |minute: u64| {
            calendar
                .iter()
                .filter(|lesson| lesson.starts_at <= minute && minute < lesson.ends_at)
                .fold(Load::NONE, |sum, lesson| sum.plus(profile.cost(lesson.expected)))
        };
        let highest = (from..to)
            .step_by(60)
            .map(at)
            .fold(Load::NONE, Load::most);
        let booked = calendar.most_booked(from, to, &profile);
        prop_assert_eq!(booked, highest);
        let whole = calendar.most_booked(0, u64::MAX, &profile);
        let everywhere = (NOW..NOW + 500 * MINUTE).step_by(60).map(at).fold(Load::NONE, Load::most);
        prop_assert_eq!(whole, everywhere);
    }
}
