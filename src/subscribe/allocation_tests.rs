use proptest::prelude::*;

use super::*;

const fn layer(kbps: u64, height: u16) -> LayerOption {
    LayerOption {
        bps: kbps * 1000,
        height: Some(height),
    }
}

const CAMERA: [LayerOption; 3] = [layer(120, 180), layer(400, 360), layer(1200, 720)];
const SCREEN: [LayerOption; 1] = [layer(800, 1080)];

fn demand(priority: Priority, options: &[LayerOption]) -> Demand<'_> {
    Demand {
        priority,
        shown_height: None,
        options,
        current: None,
        may_rise: true,
    }
}

fn choices(kbps: u64, demands: &[Demand<'_>]) -> Vec<Choice> {
    allocate(kbps * 1000, 40_000, demands).choices
}

#[test]
fn a_wide_line_carries_everything() {
    let demands = [
        demand(Priority::Stage, &CAMERA),
        demand(Priority::Thumbnail, &CAMERA),
        demand(Priority::Screen, &SCREEN),
    ];
    let all = allocate(10_000_000, 40_000, &demands);
    assert_eq!(
        all.choices,
        [Choice::Layer(2), Choice::Layer(2), Choice::Layer(0)]
    );
    assert_eq!(all.video_bps, 3_200_000);
    assert_eq!(all.delivery, Delivery::Full);
    assert_eq!(all.wanted_bps, 3_680_000 + 40_000);
}

#[test]
fn a_narrow_line_carries_audio_alone_and_says_so() {
    let demands = [
        demand(Priority::Stage, &CAMERA),
        demand(Priority::Thumbnail, &CAMERA),
    ];
    let off = allocate(60_000, 40_000, &demands);
    assert_eq!(off.choices, [Choice::Off(OffReason::Narrow); 2]);
    assert_eq!((off.video_bps, off.delivery), (0, Delivery::Off));
    assert!(
        off.wanted_bps > 2_400_000,
        "there is something to probe for"
    );
    // Less than the voices: nothing underflows.
    assert_eq!(allocate(0, 40_000, &demands).video_bps, 0);
}

#[test]
fn the_stage_is_usable_before_thumbnails_come_and_good_after_them() {
    let demands = [
        demand(Priority::Thumbnail, &CAMERA),
        demand(Priority::Stage, &CAMERA),
    ];
    use Choice::Layer;
    let narrow = Choice::Off(OffReason::Narrow);
    assert_eq!(choices(40 + 138, &demands), [narrow, Layer(0)]);
    assert_eq!(choices(40 + 470, &demands), [narrow, Layer(1)]);
    assert_eq!(choices(40 + 540, &demands), [Layer(0), Layer(1)]);
    assert_eq!(choices(40 + 1450, &demands), [Layer(0), Layer(2)]);
    assert_eq!(choices(40 + 1700, &demands), [Layer(1), Layer(2)]);
}

#[test]
fn a_heavy_screen_that_does_not_fit_leaves_the_line_to_others() {
    let demands = [
        demand(Priority::Screen, &SCREEN),
        demand(Priority::Stage, &CAMERA),
    ];
    let narrow = Choice::Off(OffReason::Narrow);
    assert_eq!(choices(640, &demands), [narrow, Choice::Layer(1)]);
    let wide = allocate(1_000_000, 40_000, &demands);
    assert_eq!(wide.choices, [Choice::Layer(0), Choice::Layer(0)]);
    assert_eq!(wide.delivery, Delivery::Reduced);
}

#[test]
fn a_tile_gets_no_more_rows_than_it_shows() {
    let mut tile = demand(Priority::Thumbnail, &CAMERA);
    for (height, expected) in [
        (90, Choice::Layer(0)),
        (180, Choice::Layer(0)),
        (181, Choice::Layer(1)),
        (2000, Choice::Layer(2)),
        (0, Choice::Off(OffReason::Hidden)),
    ] {
        tile.shown_height = Some(height);
        let alone = allocate(5_000_000, 0, &[tile]);
        assert_eq!(alone.choices, [expected], "{height}");
        assert_eq!(alone.delivery, Delivery::Full, "{height}");
    }
    let dead = demand(Priority::Stage, &[]);
    assert_eq!(choices(5000, &[dead]), [Choice::Off(OffReason::NotLive)]);
}

#[test]
fn temporal_layers_of_one_height_are_all_worth_having() {
    let options = [
        layer(60, 180),
        layer(120, 180),
        layer(250, 360),
        layer(400, 360),
    ];
    let mut tile = demand(Priority::Thumbnail, &options);
    tile.shown_height = Some(170);
    assert_eq!(choices(2000, &[tile]), [Choice::Layer(1)]);
}

#[test]
fn rising_needs_a_margin_and_staying_does_not() {
    let mut tile = demand(Priority::Stage, &CAMERA);
    tile.current = Some(1);
    assert_eq!(choices(40 + 400, &[tile]), [Choice::Layer(1)]);
    assert_eq!(choices(40 + 1200, &[tile]), [Choice::Layer(1)]);
    assert_eq!(choices(40 + 1320, &[tile]), [Choice::Layer(2)]);
    tile.may_rise = false;
    assert_eq!(choices(5000, &[tile]), [Choice::Layer(1)]);
    assert_eq!(choices(40 + 399, &[tile]), [Choice::Layer(0)]);
}

fn any_priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(&Priority::ALL[..])
}

#[derive(Clone, Debug)]
struct OwnedDemand {
    priority: Priority,
    shown_height: Option<u16>,
    options: Vec<LayerOption>,
    current: Option<usize>,
    may_rise: bool,
}

impl OwnedDemand {
    fn borrow(&self) -> Demand<'_> {
        Demand {
            priority: self.priority,
            shown_height: self.shown_height,
            options: &self.options,
            current: self.current,
            may_rise: self.may_rise,
        }
    }
}

fn any_demand() -> impl Strategy<Value = OwnedDemand> {
    let option = (1_000u64..3_000_000, prop::option::of(1u16..1200));
    (
        any_priority(),
        prop::option::of(0u16..1200),
        prop::collection::vec(option, 0..6),
        prop::option::of(0usize..6),
        any::<bool>(),
    )
        .prop_map(|(priority, shown_height, options, current, may_rise)| {
            let options: Vec<_> = options
                .into_iter()
                .map(|(bps, height)| LayerOption { bps, height })
                .collect();
            OwnedDemand {
                priority,
                shown_height,
                current: current.filter(|&place| place < options.len()),
                options,
                may_rise,
            }
        })
}

/// The order in which slots get their first picture, and where each ends: what more target must
/// never make worse. Compared from the most important slot on.
fn in_order_of_importance(demands: &[OwnedDemand], choices: &[Choice]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|&place| demands[place].priority);
    let levels = order.iter().map(|&place| match choices[place] {
        Choice::Layer(level) => level + 1,
        Choice::Off(_) => 0,
    });
    levels.collect()
}

proptest! {
    #[test]
    fn the_sum_stays_within_the_target(
        demands in prop::collection::vec(any_demand(), 0..12),
        target in 0u64..6_000_000,
        audio in 0u64..200_000,
    ) {
        let borrowed: Vec<_> = demands.iter().map(OwnedDemand::borrow).collect();
        let all = allocate(target, audio, &borrowed);
        let sum: u64 = all.choices.iter().zip(&demands).map(|(choice, demand)| match choice {
            Choice::Layer(level) => demand.options[*level].bps,
            Choice::Off(_) => 0,
        }).sum();
        prop_assert!(sum <= all.video_bps, "a cheaper better layer costs what the worse one did");
        prop_assert!(all.video_bps == 0 || all.video_bps + audio <= target);
        for (choice, demand) in all.choices.iter().zip(&demands) {
            match choice {
                Choice::Layer(_) => prop_assert!(demand.shown_height != Some(0)),
                Choice::Off(OffReason::Hidden) => prop_assert_eq!(demand.shown_height, Some(0)),
                Choice::Off(OffReason::NotLive) => prop_assert!(demand.options.is_empty()),
                Choice::Off(OffReason::Narrow) => prop_assert!(!demand.options.is_empty()),
            }
        }
    }

    /// One slot alone never falls when the target grows.
    #[test]
    fn one_slot_is_monotone_in_the_target(
        demand in any_demand(), target in 0u64..4_000_000, more in 0u64..2_000_000,
    ) {
        let level = |target| match allocate(target, 0, &[demand.borrow()]).choices[0] {
            Choice::Layer(level) => level + 1,
            Choice::Off(_) => 0,
        };
        prop_assert!(level(target) <= level(target + more));
    }

    /// The most important slot never falls when the target grows, whatever the others want; and
    /// what all get together in the order of the ladder never gets worse.
    #[test]
    fn the_first_slot_is_monotone_in_the_target(
        demands in prop::collection::vec(any_demand(), 1..8),
        target in 0u64..4_000_000, more in 0u64..2_000_000,
    ) {
        let mut demands = demands;
        demands.sort_by_key(|demand| demand.priority);
        // With a single level each there is one round, and the ladder is the order of importance.
        for demand in &mut demands {
            demand.options.truncate(1);
            demand.current = demand.current.filter(|&place| place == 0);
        }
        let borrowed: Vec<_> = demands.iter().map(OwnedDemand::borrow).collect();
        let levels = |target| {
            in_order_of_importance(&demands, &allocate(target, 0, &borrowed).choices)
        };
        prop_assert!(levels(target) <= levels(target + more));
    }

    /// What is given is given again when nothing changed but that it is current now.
    #[test]
    fn an_allocation_is_stable(
        demands in prop::collection::vec(any_demand(), 0..8), target in 0u64..4_000_000,
    ) {
        let mut demands = demands;
        let first = {
            let borrowed: Vec<_> = demands.iter().map(OwnedDemand::borrow).collect();
            allocate(target, 0, &borrowed)
        };
        for (demand, choice) in demands.iter_mut().zip(&first.choices) {
            demand.current = match choice {
                Choice::Layer(level) => Some(*level),
                Choice::Off(_) => None,
            };
        }
        let borrowed: Vec<_> = demands.iter().map(OwnedDemand::borrow).collect();
        let second = allocate(target, 0, &borrowed);
        let kept = |all: &Allocation| all.choices.iter().map(|choice| match choice {
            Choice::Layer(level) => level + 1,
            Choice::Off(_) => 0,
        }).collect::<Vec<_>>();
        let (before, after) = (kept(&first), kept(&second));
        prop_assert_eq!(before, after);
    }
}
