//! From what each client saw to one summary, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::client::session::SessionTally;
use crate::verify::fault::{FaultClass, Faults};

/// Longest time a histogram tells apart.
const MAX_MICROSECONDS: u64 = 120_000_000;

/// An empty histogram of microseconds, 1 % exact.
pub fn delays() -> Histogram<u64> {
    Histogram::new_with_max(MAX_MICROSECONDS, 2).unwrap_or_else(|_| {
        // The bounds above are constants within the library's range.
        unreachable!("constant bounds")
    })
}

/// How one participant fared.
#[derive(Debug, Default)]
pub struct ParticipantReport {
    /// From the start of its join, without waiting for its turn.
    pub joined_after: Option<Duration>,
    pub secured_after: Option<Duration>,
    pub first_audio_after: Option<Duration>,
    pub first_video_after: Option<Duration>,
    pub srtp_profile: Option<String>,
    pub tally: Option<SessionTally>,
    /// Why it counts as failed.
    pub failure: Option<String>,
}

/// Milliseconds.
#[derive(Debug, Default, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        let ms = |microseconds: u64| microseconds as f64 / 1000.0;
        Some(Self {
            p50: ms(histogram.value_at_quantile(0.50)),
            p95: ms(histogram.value_at_quantile(0.95)),
            p99: ms(histogram.value_at_quantile(0.99)),
            max: ms(histogram.max()),
        })
    }
}

#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub scenario: &'static str,
    pub rooms: usize,
    pub participants: usize,
    pub seconds: u64,
    /// Participants that got in, with media secured.
    pub joins: usize,
    /// Participants that did not, or that were thrown out, or whose media never came or stopped.
    pub failed: usize,
    /// Packets that were damaged, out of their stream's order, or not decryptable.
    pub corrupted: u64,
    /// Packets of another room, of another source than the slot shows, or one's own.
    pub misrouted: u64,
    /// Packets that never came, retransmissions included.
    pub lost: u64,
    pub join_ms: Option<Percentiles>,
    pub secured_ms: Option<Percentiles>,
    pub first_audio_ms: Option<Percentiles>,
    pub first_video_ms: Option<Percentiles>,
    /// From a publisher's socket to a receiver's.
    pub delay_ms: Option<Percentiles>,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub bytes_received: u64,
    pub audio_verified: u64,
    pub video_verified: u64,
    pub rtx_sent: u64,
    pub rtx_received: u64,
    pub nacks_sent: u64,
    pub keyframe_requests: u64,
    pub sender_reports: u64,
    pub slot_switches: u64,
    /// Slots that brought something, of all participants together.
    pub audio_slots_used: usize,
    pub video_slots_used: usize,
    pub stalled_slots: u64,
    pub faults: Faults,
    pub failures: BTreeMap<String, usize>,
    pub srtp_profiles: BTreeMap<String, usize>,
}

impl Summary {
    pub fn of(scenario: &'static str, reports: &[ParticipantReport]) -> Self {
        let mut summary = Self {
            scenario,
            participants: reports.len(),
            ..Self::default()
        };
        let mut times = [delays(), delays(), delays(), delays()];
        let mut delay = delays();
        for report in reports {
            summary.joins += usize::from(report.secured_after.is_some());
            let found = [
                report.joined_after,
                report.secured_after,
                report.first_audio_after,
                report.first_video_after,
            ];
            for (histogram, time) in times.iter_mut().zip(found) {
                if let Some(time) = time {
                    histogram.saturating_record(time.as_micros() as u64);
                }
            }
            if let Some(profile) = &report.srtp_profile {
                *summary.srtp_profiles.entry(profile.clone()).or_default() += 1;
            }
            if let Some(failure) = &report.failure {
                summary.failed += 1;
                *summary.failures.entry(failure.clone()).or_default() += 1;
            }
            if let Some(tally) = &report.tally {
                summary.add_tally(tally);
                let _ = delay.add(&tally.delay_us);
            }
        }
        summary.corrupted = summary.faults.sum(FaultClass::Corrupted);
        summary.misrouted = summary.faults.sum(FaultClass::Misrouted);
        summary.lost = summary.faults.lost;
        summary.stalled_slots = summary.faults.stalled;
        summary.join_ms = Percentiles::of(&times[0]);
        summary.secured_ms = Percentiles::of(&times[1]);
        summary.first_audio_ms = Percentiles::of(&times[2]);
        summary.first_video_ms = Percentiles::of(&times[3]);
        summary.delay_ms = Percentiles::of(&delay);
        summary
    }

    fn add_tally(&mut self, tally: &SessionTally) {
        self.packets_sent += tally.packets_sent;
        self.packets_received += tally.packets_received;
        self.bytes_received += tally.bytes_received;
        self.audio_verified += tally.audio_received;
        self.video_verified += tally.video_received;
        self.rtx_sent += tally.rtx_sent;
        self.rtx_received += tally.rtx_received;
        self.nacks_sent += tally.nacks_sent;
        self.keyframe_requests += tally.keyframe_requests_received;
        self.sender_reports += tally.sender_reports_received;
        self.slot_switches += tally.switches;
        self.audio_slots_used += tally.audio_slots_used;
        self.video_slots_used += tally.video_slots_used;
        self.faults.merge(&tally.faults);
    }

    /// Nothing failed, was corrupted, misrouted or lost.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.corrupted == 0 && self.misrouted == 0 && self.lost == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} rooms, {} participants, {} s",
            self.scenario, self.rooms, self.participants, self.seconds
        )?;
        writeln!(f, "  joins      {:>10}", self.joins)?;
        writeln!(f, "  failed     {:>10}", self.failed)?;
        for (failure, count) in &self.failures {
            writeln!(f, "             {count:>10}  {failure}")?;
        }
        writeln!(f, "  corrupted  {:>10}", self.corrupted)?;
        writeln!(f, "  misrouted  {:>10}", self.misrouted)?;
        for fault in crate::verify::fault::Fault::ALL {
            let count = self.faults.count(fault);
            if count > 0 {
                writeln!(f, "             {count:>10}  {}", fault.name())?;
            }
        }
        writeln!(f, "  lost       {:>10}", self.lost)?;
        writeln!(
            f,
            "  packets    {:>10} sent, {} received ({} audio and {} video verified, {} RTX)",
            self.packets_sent,
            self.packets_received,
            self.audio_verified,
            self.video_verified,
            self.rtx_received
        )?;
        writeln!(
            f,
            "  slots      {:>10} switches, {} keyframe requests, {} NACKs, {} RTX sent",
            self.slot_switches, self.keyframe_requests, self.nacks_sent, self.rtx_sent
        )?;
        for (profile, count) in &self.srtp_profiles {
            writeln!(f, "  SRTP       {count:>10}  {profile}")?;
        }
        writeln!(f, "  in ms             p50       p95       p99       max")?;
        for (name, times) in [
            ("join", &self.join_ms),
            ("secured", &self.secured_ms),
            ("1st audio", &self.first_audio_ms),
            ("1st video", &self.first_video_ms),
            ("delay", &self.delay_ms),
        ] {
            if let Some(times) = times {
                writeln!(
                    f,
                    "  {name:<10} {:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                    times.p50, times.p95, times.p99, times.max
                )?;
            }
        }
        write!(f, "  {}", verdict(self.is_clean()))
    }
}

/// The last line of every scenario's summary.
pub fn verdict(is_clean: bool) -> &'static str {
    if is_clean { "clean" } else { "NOT CLEAN" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_four_makes_it_unclean() {
        assert!(Summary::default().is_clean());
        for unclean in [
            Summary {
                failed: 1,
                ..Summary::default()
            },
            Summary {
                corrupted: 1,
                ..Summary::default()
            },
            Summary {
                misrouted: 1,
                ..Summary::default()
            },
            Summary {
                lost: 1,
                ..Summary::default()
            },
        ] {
            assert!(!unclean.is_clean());
            assert!(unclean.to_string().ends_with("NOT CLEAN"));
        }
    }

    #[test]
    fn the_agreed_keys_are_in_the_json() {
        let reports = [
            ParticipantReport {
                joined_after: Some(Duration::from_millis(12)),
                secured_after: Some(Duration::from_millis(30)),
                ..ParticipantReport::default()
            },
            ParticipantReport {
                failure: Some("refused".into()),
                ..ParticipantReport::default()
            },
        ];
        let json = serde_json::to_value(Summary::of("join", &reports)).unwrap();
        assert_eq!(json["joins"], 1);
        assert_eq!(json["failed"], 1);
        for key in ["corrupted", "misrouted", "lost"] {
            assert_eq!(json[key], 0, "{key}");
        }
        assert_eq!(json["failures"]["refused"], 1);
        assert!(json["join_ms"]["p50"].as_f64().unwrap() >= 12.0);
        assert!(json["faults"]["undecryptable"].is_number());
    }
}
