use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_rate_is_the_nominal_one_until_it_proves_slower() {
    let start = Instant::now();
    let mut rate = ServiceRate::new(6400.0);
    assert_eq!(rate.time_of(6400), SECOND);
    rate.observe(start, 0, false);
    for second in 1..60 {
        rate.observe(start + second * SECOND, 3200, true);
    }
    let slow = rate.units_per_second();
    assert!((3200.0..4000.0).contains(&slow), "{slow}");
    // An hour without anybody is no slowness.
    rate.observe(start + 3600 * SECOND, 0, false);
    assert_eq!(rate.units_per_second(), slow);
    for second in 3601..3660 {
        rate.observe(start + second * SECOND, 64_000, true);
    }
    assert_eq!(rate.units_per_second(), 6400.0);
    rate.set_nominal(640.0);
    assert_eq!(rate.time_of(6400), 10 * SECOND);
}

#[test]
fn everybody_is_told_at_once_and_then_of_changes_only() {
    let start = Instant::now();
    let first = tell(start, None, 9, 4 * SECOND).unwrap();
    assert_eq!((first.position, first.eta), (9, 4 * SECOND));
    let soon = start + SECOND / 2;
    assert_eq!(tell(soon, Some(&first), 3, SECOND), None);
    // The clock runs as told: nothing to say.
    let later = start + SECOND;
    assert_eq!(tell(later, Some(&first), 9, 3 * SECOND), None);
    let next = tell(later, Some(&first), 7, 3 * SECOND).unwrap();
    assert_eq!((next.position, next.eta), (7, 3 * SECOND));
    let faster = tell(later, Some(&first), 9, SECOND).unwrap();
    assert_eq!(faster.eta, SECOND);
}

#[test]
fn what_was_told_stands_while_it_is_honest() {
    let start = Instant::now();
    let first = tell(start, None, 9, 4 * SECOND).unwrap();
    let later = start + SECOND;
    // Three seconds remain; others came in between, within what a promise allows.
    assert_eq!(tell(later, Some(&first), 12, 4 * SECOND), None);
    let risen = tell(later, Some(&first), 30, 6 * SECOND).unwrap();
    assert_eq!((risen.position, risen.eta), (30, 6 * SECOND));
}

proptest! {
    /// Whatever the estimates: what is told is honest by them, and rises only where it must.
    #[test]
    fn what_is_told_is_honest_and_monotone_where_it_can_be(
        estimates in proptest::collection::vec((1..500_u32, 0..60_000_u64), 1..60),
    ) {
        let mut now = Instant::now();
        let mut last: Option<Told> = None;
        for (position, estimate) in estimates {
            let estimate = Duration::from_millis(estimate);
            let told = tell(now, last.as_ref(), position, estimate);
            let stands = told.or(last).unwrap();
            let remaining = stands.remaining(now);
            prop_assert!(estimate <= remaining + remaining / 2 + SLACK + UNNOTICED);
            if let (Some(told), Some(last)) = (told, last) {
                let before = last.remaining(now);
                let rises = told.eta > before || told.position > last.position;
                prop_assert!(!rises || estimate > before + before / 2 + SLACK);
            }
            last = Some(stands);
            now += TELL_EVERY;
        }
    }
}
