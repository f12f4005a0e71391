use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn cpu(media_cpu: f64) -> Pressure {
    Pressure {
        media_cpu,
        ..Pressure::default()
    }
}

/// The steps after one measurement a second.
fn run(pressures: impl IntoIterator<Item = Pressure>) -> Vec<Step> {
    let mut now = Instant::now();
    let mut ladder = Ladder::default();
    let observe = |pressure: Pressure| {
        now += SECOND;
        ladder.observe(now, &pressure)
    };
    pressures.into_iter().map(observe).collect()
}

#[test]
fn it_goes_up_at_once_as_far_as_asked_and_down_step_by_step() {
    let up = run([cpu(0.3), cpu(0.97)]);
    assert_eq!(up, [Step::Full, Step::Queue]);
    let calm = std::iter::once(cpu(0.97)).chain(std::iter::repeat_n(cpu(0.1), 60));
    let mut steps = run(calm);
    assert_eq!(steps[10], Step::Queue);
    assert_eq!(steps[11], Step::AudioOnly);
    steps.dedup();
    let mut down = Step::ALL;
    down.reverse();
    assert_eq!(steps, down);
}

#[test]
fn a_pressure_within_the_hysteresis_keeps_the_step() {
    let steady = std::iter::once(cpu(0.81)).chain(std::iter::repeat_n(cpu(0.72), 100));
    assert!(run(steady).iter().all(|step| *step == Step::SpeakersOnly));
    // A single high measurement starts the calm anew.
    let calm = |high: usize| (0..25).map(move |at| cpu(if at % high == 0 { 0.81 } else { 0.1 }));
    assert!(run(calm(9)).iter().all(|step| *step == Step::SpeakersOnly));
    assert_eq!(run(calm(30))[11], Step::ThumbnailsLimited);
}

#[test]
fn people_who_wait_take_no_pictures_from_those_who_are_in() {
    let waiting = Pressure {
        admission_queue: 1.0,
        ..Pressure::default()
    };
    assert_eq!(Step::asked_by(&waiting), Step::AudioFirst);
    for full in [
        cpu(1.0),
        Pressure {
            send_backlog: 1.0,
            ..Pressure::default()
        },
        Pressure {
            handshake_queue: 1.0,
            ..Pressure::default()
        },
    ] {
        assert_eq!(Step::asked_by(&full), Step::Queue);
    }
    assert_eq!(Step::asked_by(&cpu(f64::NAN)), Step::Full);
}

#[test]
fn every_step_gives_less_than_the_one_before() {
    for (upper, lower) in Step::ALL.iter().zip(&Step::ALL[1..]) {
        assert!(upper < lower && lower.below() == *upper);
        let (more, less) = (upper.service(), lower.service());
        let shares = (upper.admission_share(), lower.admission_share());
        assert!(more != less || shares.0 > shares.1);
        assert!(more.video_after <= less.video_after && shares.0 >= shares.1);
    }
    assert_eq!(Step::Full.below(), Step::Full);
}

fn pressure() -> impl Strategy<Value = Pressure> {
    [0.0..1.2_f64, 0.0..1.2, 0.0..1.2, 0.0..1.2].prop_map(|[cpu, backlog, handshakes, waiting]| {
        Pressure {
            media_cpu: cpu,
            send_backlog: backlog,
            handshake_queue: handshakes,
            admission_queue: waiting,
        }
    })
}

fn changes(steps: &[Step], mut is: impl FnMut(Step, Step) -> bool) -> usize {
    steps.windows(2).filter(|pair| is(pair[0], pair[1])).count()
}

proptest! {
    /// However the pressure jumps about, the ladder goes down at most once in `DOWN_AFTER`.
    #[test]
    fn it_does_not_flap(pressures in proptest::collection::vec(pressure(), 2..300)) {
        let steps = run(pressures.clone());
        let downs = changes(&steps, |before, after| after < before);
        prop_assert!(downs <= steps.len() / DOWN_AFTER.as_secs() as usize);
        // And it is never on a step lower than what is asked of it now.
        for (step, pressure) in steps.iter().zip(&pressures) {
            prop_assert!(*step >= Step::asked_by(pressure));
        }
    }

    /// A constant pressure is answered with a constant step, after the way down to it.
    #[test]
    fn a_constant_pressure_has_one_answer(first in pressure(), then in pressure()) {
        let after = std::iter::once(first).chain(std::iter::repeat_n(then, 200));
        let steps = run(after);
        let ups = changes(&steps, |before, after| after > before);
        prop_assert!(ups <= 1);
        let settled = &steps[60..];
        prop_assert_eq!(changes(settled, |before, after| before != after), 0);
        // A little noise, less than the hysteresis, changes nothing either.
        let noisy = (0..200).map(|at| then.plus(if at % 2 == 0 { 0.0 } else { 0.08 }));
        let noisy = run(noisy);
        prop_assert_eq!(changes(&noisy[2..], |before, after| after > before), 0);
    }

    /// More pressure never gives more service.
    #[test]
    fn it_is_monotone_in_pressure(
        both in proptest::collection::vec((pressure(), 0.0..0.5_f64), 1..300),
    ) {
        let lower = run(both.iter().map(|(pressure, _)| *pressure));
        let higher = run(both.iter().map(|(pressure, more)| pressure.plus(*more)));
        for (at, (lower, higher)) in lower.iter().zip(&higher).enumerate() {
            prop_assert!(lower <= higher, "at {}: {:?} above {:?}", at, lower, higher);
        }
    }
}
