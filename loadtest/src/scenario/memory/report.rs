//! What a run of `memory` found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::report::{Summary, verdict};

use super::reading::Reading;

/// Bytes a participant may take, and the share of an active one's that may stay.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Limits {
    pub idle: u64,
    pub active: u64,
    pub left: f64,
}

/// A number of participants came, stayed and left.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    pub name: &'static str,
    pub rooms: usize,
    pub participants: usize,
    pub with: Reading,
    pub after: Reading,
    /// Against the empty node.
    pub bytes_per_participant: u64,
    pub bytes_left_per_participant: u64,
    /// Slots that brought something, on average.
    pub audio_slots_used: f64,
    pub video_slots_used: f64,
    pub packets_received: u64,
}

impl Stage {
    pub fn of(
        name: &'static str,
        rooms: usize,
        [empty, with, after]: [Reading; 3],
        summary: &Summary,
    ) -> Self {
        let each = summary.participants.max(1) as u64;
        let over = |reading: Reading| reading.own().saturating_sub(empty.own()) / each;
        let mean = |slots: usize| slots as f64 / each as f64;
        Self {
            name,
            rooms,
            participants: summary.participants,
            with,
            after,
            bytes_per_participant: over(with),
            bytes_left_per_participant: over(after),
            audio_slots_used: mean(summary.audio_slots_used),
            video_slots_used: mean(summary.video_slots_used),
            packets_received: summary.packets_received,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct MemorySummary {
    pub scenario: &'static str,
    pub participants: usize,
    pub limits: Limits,
    /// The larger of the two ways of being idle.
    pub bytes_per_idle_participant: u64,
    pub bytes_per_active_participant: u64,
    /// Of what the active took, after they have left.
    pub share_left: f64,
    /// Warm: a class had come, played and left.
    pub empty: Reading,
    pub stages: Vec<Stage>,
    /// Slots an active participant should get something on.
    pub audio_slots_wanted: usize,
    pub video_slots_wanted: usize,
    /// Datagrams the node dropped in the whole run, by its own reasons.
    pub node_drops: BTreeMap<String, u64>,
    pub failed: usize,
    pub corrupted: u64,
    pub failures: BTreeMap<String, usize>,
}

impl MemorySummary {
    pub fn add(&mut self, stage: Stage, summary: Summary, is_active: bool) {
        let bytes = stage.bytes_per_participant;
        if is_active {
            self.bytes_per_active_participant = bytes;
            self.share_left = stage.bytes_left_per_participant as f64 / bytes.max(1) as f64;
        } else {
            self.bytes_per_idle_participant = self.bytes_per_idle_participant.max(bytes);
        }
        let is_starved = stage.audio_slots_used < self.audio_slots_wanted as f64
            || stage.video_slots_used < self.video_slots_wanted as f64;
        if is_active && is_starved {
            self.failed += 1;
            let what = "slots of active participants stayed empty";
            *self.failures.entry(what.into()).or_default() += 1;
        }
        self.stages.push(stage);
        self.failed += summary.failed;
        self.corrupted += summary.corrupted;
        for (why, count) in summary.failures {
            *self.failures.entry(why).or_default() += count;
        }
    }

    /// Each figure that has a limit: its name, itself and the limit as text, and whether it is kept.
    fn judged(&self) -> [(&'static str, String, bool); 3] {
        let bytes =
            |bytes: u64, limit: u64| (format!("{bytes} bytes each of {limit}"), bytes <= limit);
        let (idle, is_idle_kept) = bytes(self.bytes_per_idle_participant, self.limits.idle);
        let (active, is_active_kept) = bytes(self.bytes_per_active_participant, self.limits.active);
        let left = format!(
            "{:.0} % of the active's bytes, of {:.0} %",
            self.share_left * 100.0,
            self.limits.left * 100.0
        );
        [
            ("idle", idle, is_idle_kept),
            ("active", active, is_active_kept),
            ("left", left, self.share_left <= self.limits.left),
        ]
    }

    /// Within all limits, and everybody took part.
    pub fn is_clean(&self) -> bool {
        let is_kept = self.judged().iter().all(|(.., kept)| *kept);
        self.failed == 0 && self.corrupted == 0 && is_kept
    }
}

impl fmt::Display for MemorySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |reading: &Reading| reading.own() as f64 / 1e6;
        writeln!(f, "memory: {} participants", self.participants)?;
        writeln!(
            f,
            "  {:<16}{:>7}{:>9}{:>12}{:>11}{:>12}",
            "", "rooms", "MB", "bytes each", "MB after", "slots used"
        )?;
        writeln!(
            f,
            "  {:<16}{:>7}{:>9.1}",
            "empty",
            0,
            megabytes(&self.empty)
        )?;
        for stage in &self.stages {
            writeln!(
                f,
                "  {:<16}{:>7}{:>9.1}{:>12}{:>11.1}{:>6.1} +{:>4.1}",
                stage.name,
                stage.rooms,
                megabytes(&stage.with),
                stage.bytes_per_participant,
                megabytes(&stage.after),
                stage.audio_slots_used,
                stage.video_slots_used,
            )?;
        }
        for (reason, count) in &self.node_drops {
            writeln!(f, "  {count:>6}  dropped by the node: {reason}")?;
        }
        for (failure, count) in &self.failures {
            writeln!(f, "  {count:>6}  {failure}")?;
        }
        for (name, figure, is_kept) in self.judged() {
            let missed = if is_kept { "" } else { "  MISSED" };
            writeln!(f, "  {name:<8}{figure}{missed}")?;
        }
        write!(f, "  {}", verdict(self.is_clean()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        idle: 100,
        active: 300,
        left: 0.1,
    };

    fn reading(bytes: u64) -> Reading {
        Reading {
            private_dirty: bytes,
            ..Reading::default()
        }
    }

    /// Two participants, who take and leave so many bytes each.
    fn with(active: bool, bytes: u64, left: u64, slots: usize) -> MemorySummary {
        let mut found = MemorySummary {
            limits: LIMITS,
            audio_slots_wanted: 4,
            ..MemorySummary::default()
        };
        let summary = Summary {
            participants: 2,
            audio_slots_used: slots * 2,
            ..Summary::default()
        };
        let readings = [1000, 1000 + 2 * bytes, 1000 + 2 * left].map(reading);
        found.add(Stage::of("stage", 1, readings, &summary), summary, active);
        found
    }

    #[test]
    fn each_limit_is_one() {
        assert!(with(false, 100, 99, 0).is_clean());
        assert!(!with(false, 101, 10, 0).is_clean());
        assert!(with(true, 300, 30, 4).is_clean());
        assert!(!with(true, 301, 30, 4).is_clean());
        assert!(!with(true, 300, 31, 4).is_clean());
        let missed = with(true, 301, 31, 4).to_string();
        assert!(missed.contains("301 bytes each of 300  MISSED"), "{missed}");
        assert!(missed.ends_with("NOT CLEAN"));
    }

    #[test]
    fn who_is_shown_less_than_the_slots_is_not_active() {
        let starved = with(true, 300, 10, 3);
        assert!(!starved.is_clean());
        assert!(starved.to_string().contains("stayed empty"));
    }
}
