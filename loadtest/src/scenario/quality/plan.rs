//! Who takes part in a scenario, behind which lines.

use std::time::Duration;

use firstbell_linksim::{Loss, Profile, Schedule, Shape};

use super::args::ScenarioName;

/// Ways of the receivers behind one line, as in RFC 8867 §5.5.
const WAYS_MS: [u64; 5] = [10, 25, 50, 100, 150];
/// The download begins after this share of the run.
const COMPETITOR_BEGINS: f64 = 0.25;
/// Receivers where one of many suffers.
pub const MANY: usize = 10;

/// One receiver's own line.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverPlan {
    pub name: String,
    pub shared: Option<usize>,
    pub down: Schedule,
    pub up: Schedule,
}

/// One class: a publisher on a good line, and receivers.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassPlan {
    pub room: String,
    pub receivers: Vec<ReceiverPlan>,
    /// Lines that receivers share.
    pub shared: Vec<Schedule>,
    /// See [`Shared::competitor`](super::stage::Shared).
    pub competitor: Option<(f64, Duration)>,
}

/// The line as before the beginning: so fast and so long, but nothing is lost, so that everybody
/// gets in and the node has learnt what the line carries.
pub fn before(schedule: &Schedule) -> Schedule {
    let first = *schedule.at(Duration::ZERO);
    Schedule::constant(first.with_loss(Loss::None))
}

pub fn good() -> Schedule {
    Schedule::constant(Profile::find("good").map_or(Shape::IDEAL, |profile| profile.first))
}

/// The classes of a scenario, one after the other.
pub fn classes(scenario: ScenarioName, profile: &Profile, total: Duration) -> Vec<ClassPlan> {
    let down = profile.down(total);
    let receiver = |name: String, shared, down: &Schedule, up: &Schedule| ReceiverPlan {
        name,
        shared,
        down: down.clone(),
        up: up.clone(),
    };
    let class = |room: &str, receivers, shared| ClassPlan {
        room: room.to_owned(),
        receivers,
        shared,
        competitor: None,
    };
    let ideal = Schedule::constant(Shape::IDEAL);
    match scenario {
        ScenarioName::SharedLink => {
            let receivers = ["first", "second"]
                .map(|name| receiver(name.into(), Some(0), &ideal, &profile.up()));
            vec![class("shared", receivers.into(), vec![down])]
        }
        ScenarioName::CompetingFlow => {
            let receivers = vec![receiver("receiver".into(), Some(0), &ideal, &profile.up())];
            let way_back = profile.up.delay;
            vec![ClassPlan {
                competitor: Some((COMPETITOR_BEGINS, way_back)),
                ..class("competing", receivers, vec![down])
            }]
        }
        ScenarioName::RttUnfairness => {
            let receivers = WAYS_MS.map(|ms| {
                let way = Schedule::constant(Shape::delayed(Duration::from_millis(ms)));
                receiver(format!("{ms} ms"), Some(0), &way, &way)
            });
            vec![class("rtt", receivers.into(), vec![down])]
        }
        ScenarioName::OneOfTen => {
            let many = |last_down: &Schedule, last_up: &Schedule| {
                (1..=MANY)
                    .map(|number| {
                        let (down, up) = match number == MANY {
                            true => (last_down.clone(), last_up.clone()),
                            false => (good(), good()),
                        };
                        receiver(format!("receiver {number}"), None, &down, &up)
                    })
                    .collect()
            };
            vec![
                class("all-good", many(&good(), &good()), Vec::new()),
                class("one-bad", many(&down, &profile.up()), Vec::new()),
            ]
        }
        _ => vec![class(
            "alone",
            vec![receiver("receiver".into(), None, &down, &profile.up())],
            Vec::new(),
        )],
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_scenario_has_receivers_behind_its_line() {
        for scenario in ScenarioName::value_variants() {
            let profile = scenario.profile().unwrap();
            let classes = classes(*scenario, profile, Duration::from_secs(100));
            for class in &classes {
                assert!(!class.receivers.is_empty());
                for receiver in &class.receivers {
                    let shared = receiver.shared.map(|index| class.shared[index].clone());
                    assert_eq!(shared.is_some(), profile.is_shared, "{scenario:?}");
                }
            }
            let last = classes.last().unwrap();
            let receiver = last.receivers.last().unwrap();
            let line = receiver
                .shared
                .map_or(&receiver.down, |index| &last.shared[index]);
            assert_eq!(line.at(Duration::ZERO), &profile.first);
        }
    }

    #[test]
    fn nothing_is_lost_before_the_beginning() {
        let profile = ScenarioName::Loss30Bursty.profile().unwrap();
        let schedule = before(&profile.down(Duration::from_secs(60)));
        let shape = schedule.at(Duration::from_secs(9));
        assert_eq!((shape.loss, shape.delay), (Loss::None, profile.first.delay));
        assert_eq!(schedule.changes().count(), 0);
    }
}
