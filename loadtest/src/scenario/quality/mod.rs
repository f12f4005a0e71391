//! `quality`: what people hear and see behind lines of all kinds, by scenarios with thresholds.
//!
//! A publisher on a good line and receivers behind emulated ones join a real node over real
//! WebSockets, ICE, DTLS and SRTP. [`plan`] says who stands where, [`rig`] brings them together,
//! [`stage`] runs them behind their lines, [`client`] is one of them, [`monitor`] writes down what
//! each receiver got, [`verdict`] says what that is worth.

pub mod args;
mod camera;
mod client;
mod competitor;
mod line;
mod monitor;
mod offer;
mod path;
mod plan;
mod plot;
mod priority;
mod receiver;
mod report;
mod reports;
mod rig;
mod seat;
mod stage;
mod verdict;
mod voice;

use std::time::Duration;

use anyhow::{Context, bail};

use crate::node::{NodeOptions, NodeUnderTest, find_binary};

use args::QualityArgs;
use report::{ClassReport, QualityReport};
use rig::Door;
use stage::Outcome;

/// Media threads of the node under test.
const SHARDS: usize = 1;
/// A tester later than this at its 99th percentile measures itself.
const MAX_LAG_MS: f64 = 50.0;

/// Runs the scenario. An error is one of the set-up, not of the node's behaviour.
///
/// # Errors
/// No node, or nobody got in.
pub async fn run(args: &QualityArgs) -> anyhow::Result<QualityReport> {
    let profile = args.scenario.profile()?;
    let seconds = args.length()?;
    let total = Duration::from_secs(seconds);
    priority::raise();
    let binary = find_binary(args.node_binary.as_deref())?;
    let options = NodeOptions {
        shards: Some(SHARDS),
        ..NodeOptions::default()
    };
    let mut node = NodeUnderTest::start(&binary, &options).await?;
    let door = Door::new(&node.server, args.seed, usize::from(args.red_depth))?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut agreements = Vec::new();
    let classes = plan::classes(args.scenario, profile, total);
    for class in &classes {
        let played = Box::pin(rig::play(&door, class, total)).await;
        if !node.is_running() {
            bail!("the node ended during the test:\n{}", node.log_tail());
        }
        let (agreed, outcome) = played?;
        outcomes.push(outcome);
        agreements.push(agreed);
    }
    let lag = outcomes.iter().map(|outcome| outcome.lag.p99);
    let is_too_busy = lag.fold(0.0, f64::max) > MAX_LAG_MS;
    let checks = verdict::judge(args.scenario, profile, total, &outcomes);
    let classes = classes
        .iter()
        .zip(agreements)
        .zip(outcomes)
        .map(|((class, agreed), outcome)| ClassReport::new(&class.room, agreed, outcome))
        .collect();
    let report = QualityReport {
        scenario: args.scenario.name(),
        about: profile.about,
        seconds,
        seed: args.seed,
        is_too_busy,
        passed: checks.iter().all(|check| check.passed),
        checks,
        classes,
    };
    if let Some(file) = &args.plot {
        std::fs::write(file, plot::svg(&report))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report)
}
