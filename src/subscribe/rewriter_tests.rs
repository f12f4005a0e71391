use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RATE: u32 = 90_000;

fn at(placed: Placed) -> Numbers {
    match placed {
        Placed::At(numbers) => numbers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn gaps_stay_gaps_within_a_source_and_vanish_across_sources() {
    let start = Instant::now();
    let mut rewriter = Rewriter::new(100, 5_000);
    assert_eq!(rewriter.place(70_000, 1, start), Placed::NeedsBegin);
    let first = rewriter.begin(70_000, 1, start, RATE);
    assert_eq!((first.index, first.timestamp), (100, 5_000));
    let third = at(rewriter.place(70_003, 3_001, start));
    assert_eq!(
        (third.index, third.timestamp, third.skipped),
        (103, 8_000, 2)
    );
    let late = at(rewriter.place(70_001, 1, start));
    assert_eq!((late.index, late.timestamp, late.skipped), (101, 5_000, 0));
    assert_eq!(rewriter.place(70_001, 1, start), Placed::Refused);
    let other = rewriter.begin(1_000_000, 77, start, RATE);
    assert_eq!(other.index, 104);
    assert_eq!(
        rewriter.place(70_002, 1, start),
        Placed::Refused,
        "before the switch"
    );
    assert_eq!(
        rewriter.place(999_999, 1, start),
        Placed::Refused,
        "before the first"
    );
}

#[test]
fn timestamps_advance_by_real_time_across_sources() {
    let start = Instant::now();
    let mut rewriter = Rewriter::new(0, u32::MAX - 10);
    rewriter.begin(1 << 16, 500, start, RATE);
    let second = rewriter.begin(9 << 16, 123_456, start + Duration::from_millis(1500), RATE);
    assert_eq!(second.timestamp, (u32::MAX - 10).wrapping_add(135_000));
    // At the same instant they still differ.
    let third = rewriter.begin(5 << 16, 1, start + Duration::from_millis(1500), RATE);
    assert_eq!(third.timestamp.wrapping_sub(second.timestamp), 1_800);
    // Late packets do not turn the clock of the next switch back.
    at(rewriter.place((5 << 16) + 9, 90_001, start + Duration::from_millis(2500)));
    at(rewriter.place((5 << 16) + 1, 1, start + Duration::from_millis(2600)));
    let fourth = rewriter.begin(1 << 16, 0, start + Duration::from_millis(2600), RATE);
    assert_eq!(fourth.timestamp.wrapping_sub(third.timestamp), 99_000);
}

#[test]
fn padding_is_left_out_unless_its_number_is_spoken_for() {
    let now = Instant::now();
    let mut rewriter = Rewriter::new(10, 0);
    rewriter.begin(100, 0, now, RATE);
    assert!(rewriter.skip(101));
    assert!(!rewriter.skip(101), "not the newest any more");
    assert_eq!(at(rewriter.place(102, 0, now)).index, 11);
    // 103 is missing, 104 padding: 105 comes after one missing number.
    assert!(rewriter.skip(104));
    let after = at(rewriter.place(105, 0, now));
    assert_eq!((after.index, after.skipped), (13, 0));
    assert_eq!(at(rewriter.place(103, 0, now)).index, 12);
    assert_eq!(rewriter.place(104, 0, now), Placed::Refused);
    // 106 late, after 107: it has a number.
    assert_eq!(at(rewriter.place(107, 0, now)).index, 15);
    assert!(!rewriter.skip(106));
    assert_eq!(at(rewriter.place(106, 0, now)).index, 14);
}

#[test]
fn a_number_left_free_by_a_switch_after_padding_is_given_once() {
    let now = Instant::now();
    let mut rewriter = Rewriter::new(10, 0);
    rewriter.begin(100, 0, now, RATE);
    // 101 missing, 102 padding, then 101 late takes number 11; the next source goes on behind it.
    assert!(rewriter.skip(102));
    assert_eq!(at(rewriter.place(101, 0, now)).index, 11);
    assert_eq!(rewriter.begin(5, 0, now, RATE).index, 12);
}

#[test]
fn a_leap_needs_a_new_beginning() {
    let now = Instant::now();
    let mut rewriter = Rewriter::new(0, 0);
    rewriter.begin(100, 0, now, RATE);
    assert_eq!(at(rewriter.place(100 + MAX_GAP, 0, now)).index, MAX_GAP);
    assert_eq!(
        rewriter.place(101 + 2 * MAX_GAP, 0, now),
        Placed::NeedsBegin
    );
    assert!(!rewriter.skip(101 + 2 * MAX_GAP));
    assert_eq!(
        rewriter.begin(101 + 2 * MAX_GAP, 0, now, RATE).index,
        MAX_GAP + 1
    );
    rewriter.end();
    assert_eq!(
        rewriter.place(102 + 2 * MAX_GAP, 0, now),
        Placed::NeedsBegin
    );
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The next packet of the source; so many before it are missing until sent late.
    Packet {
        gap: u8,
    },
    Padding {
        gap: u8,
    },
    /// The packet this far behind the newest, again or for the first time.
    Late {
        back: u16,
    },
    Switch {
        source: u8,
        leap: u16,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![4 => Just(0u8), 1 => 0u8..5];
    let step = prop_oneof![
        10 => gap.clone().prop_map(|gap| Step::Packet { gap }),
        3 => gap.prop_map(|gap| Step::Padding { gap }),
        5 => prop_oneof![0u16..6, 0u16..1500].prop_map(|back| Step::Late { back }),
        1 => (0u8..3, 0u16..3).prop_map(|(source, leap)| Step::Switch { source, leap }),
    ];
    prop::collection::vec(step, 1..800)
}

/// What the test knows of the source being forwarded.
struct Source {
    next: u64,
    /// Egress index by ingress index since the last switch.
    sent: BTreeMap<u64, u64>,
    /// Left out since the last switch.
    skipped: BTreeSet<u64>,
}

proptest! {
    #[test]
    fn unique_monotone_and_gap_faithful(first in any::<u16>(), steps in steps()) {
        let now = Instant::now();
        let mut rewriter = Rewriter::new(first, 0);
        let mut given = BTreeSet::new();
        let mut positions = [1 << 16, 5 << 16, 9 << 16u64];
        let mut current = 0usize;
        let mut source = Source { next: positions[0], sent: BTreeMap::new(), skipped: BTreeSet::new() };
        for step in steps {
            match step {
                Step::Packet { gap } => {
                    let ingress = source.next + u64::from(gap);
                    source.next = ingress + 1;
                    let numbers = if rewriter.is_running() {
                        at(rewriter.place(ingress, 0, now))
                    } else {
                        let numbers = rewriter.begin(ingress, 0, now, RATE);
                        let behind = given.last().map(|last| last + 1);
                        prop_assert_eq!(behind.unwrap_or(numbers.index), numbers.index);
                        numbers
                    };
                    prop_assert!(given.insert(numbers.index), "given twice");
                    source.sent.insert(ingress, numbers.index);
                }
                Step::Padding { gap } => {
                    let ingress = source.next + u64::from(gap);
                    source.next = ingress + 1;
                    if rewriter.skip(ingress) {
                        source.skipped.insert(ingress);
                    }
                }
                Step::Late { back } => {
                    let ingress = source.next.saturating_sub(1 + u64::from(back));
                    match rewriter.place(ingress, 0, now) {
                        Placed::At(numbers) => {
                            prop_assert!(given.insert(numbers.index), "given twice");
                            source.sent.insert(ingress, numbers.index);
                        }
                        Placed::Refused => {}
                        Placed::NeedsBegin => prop_assert!(!rewriter.is_running()),
                    }
                }
                Step::Switch { source: to, leap } => {
                    positions[current] = source.next;
                    current = usize::from(to);
                    rewriter.end();
                    source = Source {
                        next: positions[current] + u64::from(leap) * 7_000,
                        sent: BTreeMap::new(),
                        skipped: BTreeSet::new(),
                    };
                }
            }
            // Order and gaps of the current source are those of its ingress, less the padding.
            let mut pairs = source.sent.iter();
            if let Some((first_ingress, first_egress)) = pairs.next() {
                let (mut before_in, mut before_out) = (*first_ingress, *first_egress);
                for (ingress, egress) in pairs {
                    let left_out = source.skipped.range(before_in..*ingress).count() as u64;
                    prop_assert_eq!(egress - before_out, ingress - before_in - left_out);
                    (before_in, before_out) = (*ingress, *egress);
                }
            }
        }
    }
}
