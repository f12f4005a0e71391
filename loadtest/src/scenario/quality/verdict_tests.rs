use super::*;
use crate::scenario::quality::seat::PublisherResult;

fn seconds(count: u64, of: impl Fn(u64) -> Second) -> Vec<Second> {
    (0..count)
        .map(|second| Second {
            second,
            ..of(second)
        })
        .collect()
}

fn outcome(receivers: Vec<ReceiverResult>) -> Outcome {
    Outcome {
        receivers,
        ..Outcome::default()
    }
}

fn judge_one(scenario: ScenarioName, total: u64, receiver: ReceiverResult) -> Vec<Check> {
    let profile = scenario.profile().unwrap();
    let outcomes = [outcome(vec![receiver])];
    judge(scenario, profile, Duration::from_secs(total), &outcomes)
}

fn missed(checks: &[Check]) -> Vec<&str> {
    let missed = checks.iter().filter(|check| !check.passed);
    missed.map(|check| check.name).collect()
}

/// 70 s of which 20 to 40 are narrow.
fn adaptive() -> ReceiverResult {
    ReceiverResult {
        queue_ms_p95: 120.0,
        longest_audio_gap_ms: 60.0,
        heights: vec![(0.0, 720), (21.4, 360), (44.0, 720)],
        seconds: seconds(70, |second| Second {
            arrived_kbps: match second {
                0..20 => 1300.0,
                20..44 => 430.0,
                _ => 1250.0,
            },
            ..Second::default()
        }),
        ..ReceiverResult::default()
    }
}

#[test]
fn variable_capacity_is_about_queue_sound_and_layers() {
    let scenario = ScenarioName::VariableCapacity;
    let checks = judge_one(scenario, 70, adaptive());
    assert!(missed(&checks).is_empty(), "{checks:#?}");
    let figure = |index: usize| checks[index].figure.unwrap();
    // The changes come at thousandths of the run.
    assert!((figure(2) - (21.4 - 20.02)).abs() < 1e-6);
    assert!((figure(3) - (46.0 - 39.97)).abs() < 1e-6);
    // A node that does nothing.
    let stubborn = ReceiverResult {
        queue_ms_p95: 990.0,
        longest_audio_gap_ms: 900.0,
        heights: vec![(0.0, 720)],
        seconds: seconds(70, |second| Second {
            arrived_kbps: if (20..40).contains(&second) {
                480.0
            } else {
                1300.0
            },
            ..Second::default()
        }),
        ..ReceiverResult::default()
    };
    let checks = judge_one(scenario, 70, stubborn);
    assert_eq!(
        missed(&checks),
        [
            "queueing delay p95",
            "longest audio gap",
            "lower layer after the drop"
        ]
    );
    assert_eq!(checks[2].figure, None);
    // One that never comes back.
    let mut low = adaptive();
    for second in low.seconds.iter_mut().skip(40) {
        second.arrived_kbps = 430.0;
    }
    let checks = judge_one(scenario, 70, low);
    assert_eq!(missed(&checks), ["90 % of the rate back after the rise"]);
}

#[test]
fn a_shared_line_is_to_be_shared_and_used() {
    let scenario = ScenarioName::SharedLink;
    let receiver = |kbps: f64| ReceiverResult {
        seconds: seconds(60, |_| Second {
            arrived_kbps: kbps,
            ..Second::default()
        }),
        ..ReceiverResult::default()
    };
    let judge_rates = |a, b| {
        let outcomes = [outcome(vec![receiver(a), receiver(b)])];
        let profile = scenario.profile().unwrap();
        judge(scenario, profile, Duration::from_secs(60), &outcomes)
    };
    assert!(missed(&judge_rates(450.0, 500.0)).is_empty());
    assert_eq!(
        missed(&judge_rates(1300.0, 200.0)),
        ["least share of the greatest"]
    );
    assert_eq!(missed(&judge_rates(100.0, 100.0)), ["line used"]);
}

#[test]
fn losses_have_their_limits() {
    let receiver = |freezes, frozen_share, concealed_share| ReceiverResult {
        freezes,
        frozen_share,
        concealed_share,
        ..ReceiverResult::default()
    };
    let count = |scenario, receiver| missed(&judge_one(scenario, 120, receiver)).len();
    assert_eq!(count(ScenarioName::Loss5, receiver(2, 0.01, 0.9)), 0);
    assert_eq!(count(ScenarioName::Loss5, receiver(3, 0.011, 0.0)), 2);
    assert_eq!(count(ScenarioName::Loss10, receiver(9, 0.9, 0.01)), 0);
    assert_eq!(count(ScenarioName::Loss10, receiver(0, 0.0, 0.0101)), 1);
    assert_eq!(count(ScenarioName::Loss30Bursty, receiver(9, 0.9, 0.05)), 0);
    assert_eq!(
        count(ScenarioName::Loss30Bursty, receiver(0, 0.0, 0.051)),
        1
    );
}

#[test]
fn a_narrow_line_is_for_the_voice_and_the_page_is_told() {
    let scenario = ScenarioName::Narrow60k;
    let off = |second: u64| (12..42).contains(&second);
    let told = ReceiverResult {
        seconds: seconds(70, |second| Second {
            concealed: if second == 10 { 0.5 } else { 0.0 },
            video_sent_kbps: if off(second) { 0.0 } else { 400.0 },
            frames: if off(second) { 0 } else { 25 },
            ..Second::default()
        }),
        line_words: [("off", 12.0), ("reduced", 42.5), ("full", 50.0)]
            .map(|(word, at)| (word.to_owned(), vec![at]))
            .into(),
        ..ReceiverResult::default()
    };
    assert!(missed(&judge_one(scenario, 70, told.clone())).is_empty());
    let silent = ReceiverResult {
        line_words: [].into(),
        seconds: seconds(70, |_| Second {
            concealed: 0.04,
            video_sent_kbps: 1200.0,
            ..Second::default()
        }),
        ..told
    };
    assert_eq!(missed(&judge_one(scenario, 70, silent)).len(), 5);
}

#[test]
fn the_nine_must_not_feel_the_one() {
    let scenario = ScenarioName::OneOfTen;
    let profile = scenario.profile().unwrap();
    let class = |height: u16, freezes, keyframes, made| Outcome {
        publisher: PublisherResult {
            keyframes: made,
            ..PublisherResult::default()
        },
        ..outcome(vec![
            ReceiverResult {
                freezes,
                keyframes,
                frames: 1500,
                seconds: seconds(60, |_| Second {
                    height: Some(height),
                    ..Second::default()
                }),
                ..ReceiverResult::default()
            };
            MANY
        ])
    };
    let judge_both = |with| {
        let outcomes = [class(720, 1, 2, 10), with];
        judge(scenario, profile, Duration::from_secs(60), &outcomes)
    };
    assert!(missed(&judge_both(class(720, 1, 2, 12))).is_empty());
    let checks = judge_both(class(360, 3, 9, 40));
    assert_eq!(missed(&checks).len(), 4, "{checks:#?}");
}

#[test]
fn whoever_was_thrown_out_or_got_damage_fails_the_test() {
    let receiver = ReceiverResult {
        corrupted: 1,
        failure: Some("gone".into()),
        ..ReceiverResult::default()
    };
    let checks = judge_one(ScenarioName::Loss10, 60, receiver);
    assert_eq!(missed(&checks), ["packets damaged", "receivers thrown out"]);
}
