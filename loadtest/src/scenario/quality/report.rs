//! The scenario's report, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::report::verdict;

use super::monitor::ReceiverResult;
use super::rig::Agreed;
use super::seat::PublisherResult;
use super::stage::{Lag, Outcome};
use super::verdict::{Check, Relation};

/// One class of the scenario.
#[derive(Debug, Serialize)]
pub struct ClassReport {
    pub class: String,
    /// What the node took of the publisher's offer.
    pub agreed: Agreed,
    pub publisher: PublisherResult,
    pub competitor_kbps: Option<f64>,
    pub tester_lag_ms: Lag,
    pub receivers: Vec<ReceiverResult>,
}

impl ClassReport {
    pub fn new(class: &str, agreed: Agreed, outcome: Outcome) -> Self {
        Self {
            class: class.to_owned(),
            agreed,
            publisher: outcome.publisher,
            competitor_kbps: outcome.competitor_kbps,
            tester_lag_ms: outcome.lag,
            receivers: outcome.receivers,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct QualityReport {
    pub scenario: &'static str,
    pub about: &'static str,
    pub seconds: u64,
    pub seed: u64,
    /// The tester was so late that the figures may be its own: no verdict.
    pub is_too_busy: bool,
    pub passed: bool,
    pub checks: Vec<Check>,
    pub classes: Vec<ClassReport>,
}

impl fmt::Display for QualityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "quality: {}, {} s", self.scenario, self.seconds)?;
        for class in &self.classes {
            class.fmt(f)?;
        }
        for check in &self.checks {
            let relation = match check.relation {
                Relation::AtMost => "<=",
                Relation::AtLeast => ">=",
            };
            let figure = check
                .figure
                .map_or("never".to_owned(), |figure| format!("{figure:.2}"));
            writeln!(
                f,
                "  {:<6} {:<42} {:>9} {:<5} (limit {relation} {})",
                if check.passed { "passed" } else { "MISSED" },
                check.name,
                figure,
                check.unit,
                check.limit
            )?;
        }
        if self.is_too_busy {
            return write!(f, "  no verdict: this machine is too busy to measure");
        }
        write!(f, "  {}", verdict(self.passed))
    }
}

impl fmt::Display for ClassReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rids = match self.agreed.rids.as_slice() {
            [] => "one size".to_owned(),
            rids => format!("sizes {}", rids.join(" ")),
        };
        writeln!(
            f,
            "  class \"{}\": camera in {rids}, voice {} RED, {} keyframes made, {} asked for",
            self.class,
            if self.agreed.red { "with" } else { "without" },
            self.publisher.keyframes,
            self.publisher.keyframe_requests
        )?;
        if let Some(kbps) = self.competitor_kbps {
            writeln!(f, "    download {kbps:.0} kb/s")?;
        }
        writeln!(
            f,
            "    {:<14}{:>8}{:>8}{:>8}{:>8}{:>9}{:>8}{:>9}{:>8}{:>8}",
            "receiver",
            "sent",
            "came",
            "q p95",
            "frames",
            "freezes",
            "frozen",
            "conceal",
            "gap",
            "height"
        )?;
        for receiver in &self.receivers {
            let height = receiver.heights.last().map_or(0, |(_, height)| *height);
            writeln!(
                f,
                "    {:<14}{:>8.0}{:>8.0}{:>8.0}{:>8}{:>9}{:>7.1}%{:>8.2}%{:>8.0}{:>8}",
                receiver.name,
                receiver.sent_kbps,
                receiver.arrived_kbps,
                receiver.queue_ms_p95,
                receiver.frames,
                receiver.freezes,
                receiver.frozen_share * 100.0,
                receiver.concealed_share * 100.0,
                receiver.longest_audio_gap_ms,
                height
            )?;
        }
        writeln!(
            f,
            "    (rates in kb/s, queue and gap in ms; this program was late by {:.1} ms at p99)",
            self.tester_lag_ms.p99
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_what_was_missed() {
        let check = Check {
            name: "longest audio gap",
            unit: "ms",
            figure: None,
            relation: Relation::AtMost,
            limit: 200.0,
            passed: false,
        };
        let outcome = Outcome {
            receivers: vec![ReceiverResult {
                name: "receiver".into(),
                ..ReceiverResult::default()
            }],
            competitor_kbps: Some(900.0),
            ..Outcome::default()
        };
        let report = QualityReport {
            scenario: "loss-5",
            about: "a",
            seconds: 60,
            seed: 1,
            is_too_busy: false,
            passed: false,
            checks: vec![check],
            classes: vec![ClassReport::new("alone", Agreed::default(), outcome)],
        };
        let text = report.to_string();
        assert!(text.contains("MISSED longest audio gap") && text.contains("never"));
        assert!(text.ends_with("NOT CLEAN"));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["checks"][0]["figure"], serde_json::Value::Null);
        assert_eq!(json["checks"][0]["relation"], "at_most");
        assert_eq!(json["classes"][0]["receivers"][0]["name"], "receiver");
        assert_eq!(json["passed"], false);
    }
}
