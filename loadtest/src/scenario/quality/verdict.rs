//! What each scenario demands, and whether it was met. Pure: from what receivers got to a list of
//! checks.

use std::time::Duration;

use firstbell_linksim::Profile;
use serde::Serialize;

use super::args::ScenarioName;
use super::monitor::{ReceiverResult, Second};
use super::plan::MANY;
use super::stage::Outcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    AtMost,
    AtLeast,
}

/// One demand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub unit: &'static str,
    /// `null`: it never happened.
    pub figure: Option<f64>,
    pub relation: Relation,
    pub limit: f64,
    pub passed: bool,
}

fn at_most(name: &'static str, unit: &'static str, figure: Option<f64>, limit: f64) -> Check {
    Check {
        name,
        unit,
        figure,
        relation: Relation::AtMost,
        limit,
        passed: figure.is_some_and(|figure| figure <= limit),
    }
}

fn at_least(name: &'static str, unit: &'static str, figure: Option<f64>, limit: f64) -> Check {
    Check {
        name,
        unit,
        figure,
        relation: Relation::AtLeast,
        limit,
        passed: figure.is_some_and(|figure| figure >= limit),
    }
}

/// When a line changes, in seconds since the beginning.
struct Changes(Vec<f64>);

impl Changes {
    fn of(profile: &Profile, total: Duration) -> Self {
        let down = profile.down(total);
        Self(down.changes().map(|at| at.as_secs_f64()).collect())
    }

    fn nth(&self, index: usize) -> f64 {
        self.0.get(index).copied().unwrap_or(f64::MAX)
    }
}

/// All demands of a scenario on the outcomes of its classes.
pub fn judge(
    scenario: ScenarioName,
    profile: &Profile,
    total: Duration,
    outcomes: &[Outcome],
) -> Vec<Check> {
    let Some(outcome) = outcomes.last() else {
        return Vec::new();
    };
    let changes = Changes::of(profile, total);
    let mut checks = match scenario {
        ScenarioName::VariableCapacity => variable_capacity(&changes, outcome),
        ScenarioName::SharedLink => shared(profile, outcome, "least share of the greatest", 0.5),
        ScenarioName::CompetingFlow => competing_flow(profile, outcome),
        ScenarioName::RttUnfairness => shared(profile, outcome, "least share of the greatest", 0.4),
        ScenarioName::Loss5 => loss_5(total, outcome),
        ScenarioName::Loss10 => concealment(outcome, 0.01),
        ScenarioName::Loss30Bursty => concealment(outcome, 0.05),
        ScenarioName::Narrow60k => narrow(&changes, outcome),
        ScenarioName::OneOfTen => one_of_ten(outcomes),
    };
    checks.extend(soundness(outcomes));
    checks
}

/// What holds in every scenario.
fn soundness(outcomes: &[Outcome]) -> [Check; 2] {
    let receivers = || outcomes.iter().flat_map(|outcome| &outcome.receivers);
    let corrupted: u64 = receivers().map(|receiver| receiver.corrupted).sum();
    let gone = receivers().filter(|r| r.failure.is_some()).count();
    [
        at_most("packets damaged", "", Some(corrupted as f64), 0.0),
        at_most("receivers thrown out", "", Some(gone as f64), 0.0),
    ]
}

fn worst(outcome: &Outcome, of: impl Fn(&ReceiverResult) -> f64) -> Option<f64> {
    outcome.receivers.iter().map(of).reduce(f64::max)
}

fn queue(outcome: &Outcome) -> Check {
    let p95 = worst(outcome, |receiver| receiver.queue_ms_p95);
    at_most("queueing delay p95", "ms", p95, 300.0)
}

fn audio_gap(outcome: &Outcome) -> Check {
    let gap = worst(outcome, |receiver| receiver.longest_audio_gap_ms);
    at_most("longest audio gap", "ms", gap, 200.0)
}

fn frozen(outcome: &Outcome, limit: f64) -> Check {
    let share = worst(outcome, |receiver| receiver.frozen_share * 100.0);
    at_most("frozen time", "%", share, limit * 100.0)
}

fn concealment(outcome: &Outcome, limit: f64) -> Vec<Check> {
    let share = worst(outcome, |receiver| receiver.concealed_share * 100.0);
    vec![at_most("audio concealed", "%", share, limit * 100.0)]
}

fn variable_capacity(changes: &Changes, outcome: &Outcome) -> Vec<Check> {
    let receiver = outcome.receivers.first();
    let (drop, rise) = (changes.nth(0), changes.nth(1));
    let lower = receiver.and_then(|receiver| lower_after(receiver, drop));
    let back = receiver.and_then(|receiver| back_after(receiver, drop, rise, 0.9));
    vec![
        queue(outcome),
        audio_gap(outcome),
        at_most("lower layer after the drop", "s", lower, 2.0),
        at_most("90 % of the rate back after the rise", "s", back, 10.0),
    ]
}

/// How long after `drop` a smaller picture than before was shown.
fn lower_after(receiver: &ReceiverResult, drop: f64) -> Option<f64> {
    let before = receiver.heights.iter().take_while(|(at, _)| *at <= drop);
    let before = before.last()?.1;
    let after = receiver.heights.iter().filter(|(at, _)| *at > drop);
    let lower = after.into_iter().find(|(_, height)| *height < before)?;
    Some(lower.0 - drop)
}

/// How long after `rise` what arrived, over two seconds, was this share of what it was on average
/// in the last five before `drop`. `None`: never.
fn back_after(receiver: &ReceiverResult, drop: f64, rise: f64, share: f64) -> Option<f64> {
    let rate = |from: f64, to: f64| mean_rate(&receiver.seconds, from, to);
    let before = rate(drop - 5.0, drop)?;
    let first = rise.ceil() as usize;
    (first..receiver.seconds.len().saturating_sub(1)).find_map(|second| {
        let begins = second as f64;
        let is_back = rate(begins, begins + 2.0)? >= before * share;
        is_back.then_some(begins + 2.0 - rise)
    })
}

/// kb/s that arrived in the whole seconds within.
fn mean_rate(seconds: &[Second], from: f64, to: f64) -> Option<f64> {
    let within = seconds.iter().filter(|second| {
        let begins = second.second as f64;
        begins >= from && begins + 1.0 <= to
    });
    let rates: Vec<f64> = within.map(|second| second.arrived_kbps).collect();
    (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
}

/// Rates in the second half, when all have found theirs.
fn settled_rates(outcome: &Outcome) -> Vec<f64> {
    let rate = |receiver: &ReceiverResult| {
        let length = receiver.seconds.len() as f64;
        mean_rate(&receiver.seconds, length / 2.0, length).unwrap_or(0.0)
    };
    outcome.receivers.iter().map(rate).collect()
}

fn shared(
    profile: &Profile,
    outcome: &Outcome,
    fairness_name: &'static str,
    fairness: f64,
) -> Vec<Check> {
    let rates = settled_rates(outcome);
    let greatest = rates.iter().copied().fold(0.0, f64::max);
    let least = rates.iter().copied().fold(f64::MAX, f64::min);
    let capacity = profile.first.rate.unwrap_or(0) as f64 / 1000.0;
    let used = rates.iter().sum::<f64>() / capacity;
    vec![
        queue(outcome),
        audio_gap(outcome),
        at_least(
            fairness_name,
            "",
            (greatest > 0.0).then_some(least / greatest),
            fairness,
        ),
        at_least("line used", "%", Some(used * 100.0), 50.0),
        frozen(outcome, 0.02),
    ]
}

fn competing_flow(profile: &Profile, outcome: &Outcome) -> Vec<Check> {
    let video = outcome.receivers.first().map(|receiver| {
        let half = receiver.seconds.len() / 2;
        let rates = receiver.seconds.iter().skip(half);
        let rates: Vec<f64> = rates.map(|second| second.video_sent_kbps).collect();
        rates.iter().sum::<f64>() / rates.len().max(1) as f64
    });
    let capacity = profile.first.rate.unwrap_or(0) as f64 / 1000.0;
    let download = outcome.competitor_kbps.map(|kbps| kbps / capacity * 100.0);
    vec![
        audio_gap(outcome),
        at_most(
            "audio concealed",
            "%",
            worst(outcome, |receiver| receiver.concealed_share * 100.0),
            2.0,
        ),
        at_least("picture beside the download", "kb/s", video, 100.0),
        at_least("download's share of the line", "%", download, 20.0),
        frozen(outcome, 0.05),
    ]
}

fn loss_5(total: Duration, outcome: &Outcome) -> Vec<Check> {
    let minutes = total.as_secs_f64() / 60.0;
    let freezes = worst(outcome, |receiver| f64::from(receiver.freezes) / minutes);
    vec![
        at_most("freezes a minute", "", freezes, 1.0),
        frozen(outcome, 0.01),
    ]
}

/// Until the node has said and done what a narrow line needs.
const OFF_WITHIN: f64 = 5.0;

fn narrow(changes: &Changes, outcome: &Outcome) -> Vec<Check> {
    let Some(receiver) = outcome.receivers.first() else {
        return Vec::new();
    };
    let (drop, rise) = (changes.nth(0), changes.nth(1));
    let during = |second: &&Second| {
        let begins = second.second as f64;
        begins >= drop && begins + 1.0 <= rise
    };
    let seconds: Vec<&Second> = receiver.seconds.iter().filter(during).collect();
    let concealed = seconds.iter().map(|second| second.concealed).sum::<f64>();
    let concealed = concealed / seconds.len().max(1) as f64;
    let late = seconds
        .iter()
        .filter(|second| second.second as f64 >= drop + OFF_WITHIN);
    let video = late.map(|second| second.video_sent_kbps).reduce(f64::max);
    let after = |word: &str, from: f64, to: f64| {
        let times = receiver.line_words.get(word)?;
        let first = times.iter().find(|at| (from..to).contains(*at))?;
        Some(first - from)
    };
    let is_back = |second: &&Second| second.second as f64 >= rise && second.frames > 0;
    let back = receiver.seconds.iter().find(is_back);
    let back = back.map(|second| second.second as f64 + 1.0 - rise);
    vec![
        at_most(
            "audio concealed while narrow",
            "%",
            Some(concealed * 100.0),
            3.0,
        ),
        at_most(
            "picture sent from 5 s after the drop on",
            "kb/s",
            video,
            1.0,
        ),
        at_most(
            "told that video is off after",
            "s",
            after("off", drop, rise),
            OFF_WITHIN,
        ),
        at_most("picture back after the rise", "s", back, 10.0),
        at_most(
            "told that video is back after",
            "s",
            [
                after("full", rise, f64::MAX),
                after("reduced", rise, f64::MAX),
            ]
            .into_iter()
            .flatten()
            .reduce(f64::min),
            10.0,
        ),
    ]
}

/// The nine on good lines, without and with the one on the bad line beside them.
fn one_of_ten(outcomes: &[Outcome]) -> Vec<Check> {
    let [without, with] = outcomes else {
        return Vec::new();
    };
    let nine = |outcome: &Outcome, of: &dyn Fn(&ReceiverResult) -> f64| {
        let receivers = outcome.receivers.iter().take(MANY - 1);
        let figures: Vec<f64> = receivers.map(of).collect();
        (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
    };
    let change = |of: &dyn Fn(&ReceiverResult) -> f64| Some(nine(with, of)? - nine(without, of)?);
    let height = |receiver: &ReceiverResult| {
        let heights = receiver.seconds.iter().filter_map(|second| second.height);
        let heights: Vec<f64> = heights.map(f64::from).collect();
        heights.iter().sum::<f64>() / heights.len().max(1) as f64
    };
    let frames = |receiver: &ReceiverResult| receiver.frames as f64;
    let lower = nine(without, &height).zip(nine(with, &height));
    let fewer = nine(without, &frames).zip(nine(with, &frames));
    let fallen = |(before, after): (f64, f64)| (before - after) / before.max(1.0) * 100.0;
    let made = |outcome: &Outcome| outcome.publisher.keyframes as f64;
    vec![
        at_most("the nine's picture smaller by", "%", lower.map(fallen), 2.0),
        at_most("the nine's frames fewer by", "%", fewer.map(fallen), 2.0),
        at_most(
            "the nine's freezes, each, more by",
            "",
            change(&|receiver| f64::from(receiver.freezes)),
            0.5,
        ),
        at_most(
            "the nine's keyframes, each, more by",
            "",
            change(&|receiver| receiver.keyframes as f64),
            1.0,
        ),
        at_most(
            "the nine's concealed sound more by",
            "%",
            change(&|receiver| receiver.concealed_share * 100.0),
            0.2,
        ),
        at_most(
            "keyframes made, all sizes, more by",
            "",
            Some(made(with) - made(without)),
            3.0,
        ),
    ]
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
