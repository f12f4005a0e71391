//! What a run found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::phases::{CpuFigures, LOSS_LIMIT, Step};
use crate::report::verdict;

/// Microseconds from just before the publisher's send call to the arrival in the subscriber's
/// socket: loopback both ways and the node between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Delay {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
}

impl Delay {
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
        })
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct ForwardSummary {
    pub scenario: &'static str,
    pub profile: &'static str,
    pub subscribers: usize,
    /// Unread sinks.
    #[serde(flatten)]
    pub unread_sinks: Option<CpuFigures>,
    pub read_sinks: Option<CpuFigures>,
    /// Highest rate with less than 0.5 % loss, one media thread, read sinks.
    pub packets_per_second_per_core: Option<f64>,
    /// Of the step that found it: packets for each second of CPU time, whatever else ran.
    pub packets_per_cpu_second: Option<f64>,
    /// Something else had the node's core during the search: its rate is too low.
    pub core_was_shared: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unbatched_packets_per_second_per_core: Option<f64>,
    pub added_delay_us: Option<Delay>,
    /// Rate at which that was measured.
    pub added_delay_at_pps: Option<f64>,
    /// Share of the packets below saturation that did not arrive.
    pub loss: f64,
    /// Sampled packets that did not open or were not as sent.
    pub corrupted: u64,
    /// Packets opened and compared.
    pub sampled: u64,
    pub saturation: Vec<Step>,
    /// Datagrams the node dropped in the whole run, by its own reasons; an overloaded search step
    /// drops some.
    pub node_drops: BTreeMap<String, u64>,
    /// The node or a session ended during the test, or its streams reached not everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// A smoke test: nothing at all may be lost.
    #[serde(skip)]
    pub quick: bool,
}

impl ForwardSummary {
    pub fn is_clean(&self) -> bool {
        let limit = if self.quick { 0.0 } else { LOSS_LIMIT };
        self.failure.is_none() && self.corrupted == 0 && self.loss <= limit
    }
}

impl ForwardSummary {
    /// Saturation and delay.
    fn write_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.saturation.is_empty() {
            writeln!(
                f,
                "  saturation    offered  forwarded    loss %  p99 us   cpu %"
            )?;
        }
        for step in &self.saturation {
            writeln!(
                f,
                "            {:>11.0}{:>11.0}{:>10.2}{:>8}{:>8.0}",
                step.offered_pps,
                step.forwarded_pps,
                step.loss * 100.0,
                step.delay_p99_us
                    .map_or_else(|| "?".into(), |us| us.to_string()),
                step.cpu * 100.0,
            )?;
        }
        if let Some(rate) = self.packets_per_second_per_core {
            writeln!(f, "  packets/s/core {rate:>8.0}")?;
        }
        if let Some(rate) = self.packets_per_cpu_second {
            writeln!(f, "  packets a second of CPU time {rate:.0}")?;
        }
        if self.core_was_shared {
            writeln!(
                f,
                "  something else ran on the node's core: saturation and delay are worse than its own"
            )?;
        }
        if let Some(rate) = self.unbatched_packets_per_second_per_core {
            writeln!(f, "   without batching {rate:>5.0}")?;
        }
        if let (Some(delay), Some(rate)) = (self.added_delay_us, self.added_delay_at_pps) {
            writeln!(
                f,
                "  delay us      p50 {}, p99 {}, p99.9 {} at {rate:.0} pps (send call to arrival)",
                delay.p50, delay.p99, delay.p999
            )?;
        }
        Ok(())
    }
}

fn write_figures(f: &mut fmt::Formatter<'_>, name: &str, figures: &CpuFigures) -> fmt::Result {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "?".into(), |share| format!("{:.0}", share * 100.0))
    };
    writeln!(
        f,
        "  {name:<12}{:>10.0}{:>8} %{:>10.0}{:>8} %{:>10.2}{:>10.0}",
        figures.cpu_ns_per_packet,
        percent(figures.cpu_user_share),
        figures.ideal_cpu_ns_per_packet,
        percent(figures.ideal_user_share),
        figures.ratio_to_ideal,
        figures.offered_pps,
    )?;
    if let (Some(gain), Some(ns)) = (figures.batching_gain, figures.unbatched_cpu_ns_per_packet) {
        writeln!(
            f,
            "              batching gains {gain:.2} times: {ns:.0} ns a packet without"
        )?;
    }
    Ok(())
}

impl fmt::Display for ForwardSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "forward: {}, {} subscribers",
            self.profile, self.subscribers
        )?;
        writeln!(
            f,
            "  CPU           node ns    user  ideal ns    user     ratio   at pps"
        )?;
        if let Some(figures) = &self.unread_sinks {
            write_figures(f, "unread sinks", figures)?;
        }
        if let Some(figures) = &self.read_sinks {
            write_figures(f, "read sinks", figures)?;
        }
        self.write_limits(f)?;
        for (reason, count) in &self.node_drops {
            writeln!(f, "  node dropped {count:>10}  {reason}")?;
        }
        writeln!(
            f,
            "  loss {:.4} %, {} of {} sampled packets corrupted",
            self.loss * 100.0,
            self.corrupted,
            self.sampled
        )?;
        if let Some(failure) = &self.failure {
            writeln!(f, "  failed: {failure}")?;
        }
        write!(f, "  {}", verdict(self.is_clean()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> CpuFigures {
        CpuFigures {
            cpu_ns_per_packet: 2500.0,
            ideal_cpu_ns_per_packet: 1250.0,
            ratio_to_ideal: 0.5,
            ..CpuFigures::default()
        }
    }

    #[test]
    fn the_agreed_keys_are_in_the_json() {
        let summary = ForwardSummary {
            scenario: "forward",
            profile: "frames",
            subscribers: 30,
            unread_sinks: Some(figures()),
            read_sinks: Some(figures()),
            added_delay_us: Some(Delay {
                p50: 1,
                p99: 2,
                p999: 3,
            }),
            saturation: vec![Step::default()],
            ..ForwardSummary::default()
        };
        let json = serde_json::to_value(&summary).unwrap();
        for key in [
            "cpu_ns_per_packet",
            "cpu_user_share",
            "ideal_cpu_ns_per_packet",
            "ratio_to_ideal",
            "packets_per_second_per_core",
            "loss",
            "profile",
            "subscribers",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["ratio_to_ideal"], 0.5);
        assert_eq!(json["read_sinks"]["ratio_to_ideal"], 0.5);
        assert_eq!(json["added_delay_us"]["p999"], 3);
        for key in [
            "offered_pps",
            "forwarded_pps",
            "loss",
            "delay_p99_us",
            "cpu",
        ] {
            assert!(json["saturation"][0].get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn loss_and_corruption_fail_and_slowness_does_not() {
        let clean = ForwardSummary::default();
        assert!(clean.is_clean());
        let some_loss = ForwardSummary {
            loss: 0.001,
            ..clean.clone()
        };
        assert!(some_loss.is_clean());
        assert!(
            !ForwardSummary {
                quick: true,
                ..some_loss
            }
            .is_clean()
        );
        assert!(
            !ForwardSummary {
                loss: 0.01,
                ..clean.clone()
            }
            .is_clean()
        );
        let failed = ForwardSummary {
            failure: Some("ended".into()),
            ..clean.clone()
        };
        assert!(!failed.is_clean());
        let corrupted = ForwardSummary {
            corrupted: 1,
            ..clean
        };
        assert!(corrupted.to_string().ends_with("NOT CLEAN"));
    }
}
