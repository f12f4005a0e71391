//! What a run over several media threads found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::rig::Relayed;
use crate::report::verdict;

/// Packets a second at saturation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// One media thread.
    pub one_shard_packets_per_second: f64,
    /// All of them.
    pub packets_per_second: f64,
    pub gain: f64,
}

/// What subscribers that read got of what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivery {
    pub expected: u64,
    pub received: u64,
    /// Gaps in sequence numbers.
    pub missing: u64,
    pub repeated: u64,
    /// Packets opened and compared, and those of them that were not as sent.
    pub sampled: u64,
    pub corrupted: u64,
}

impl Delivery {
    pub fn is_exact(self) -> bool {
        self.received == self.expected && self.missing + self.repeated + self.corrupted == 0
    }
}

/// CPU time per forwarded packet.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ThreadFigures {
    /// All media threads at work, or the room spread over them.
    pub cpu_ns_per_packet: f64,
    /// One thread at work, or the room on one.
    pub one_shard_cpu_ns_per_packet: f64,
    /// The former over the latter, in each pair, and their median.
    pub cpu_ratio: f64,
    pub cpu_ratios: Vec<f64>,
    /// Of each thread, by its own CPU time and what it forwarded.
    pub cpu_ns_per_packet_by_thread: Vec<f64>,
    /// Packets a second, with all threads at work.
    pub offered_pps: f64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct ShardsSummary {
    pub scenario: &'static str,
    /// `shards`: a room on each media thread; `spread-shards`: one room over all.
    pub mode: &'static str,
    pub profile: &'static str,
    /// Of a room.
    pub subscribers: usize,
    pub shards: usize,
    /// By the node's own count.
    pub people_by_thread: Vec<u64>,
    #[serde(flatten)]
    pub figures: ThreadFigures,
    pub rates: Option<Rates>,
    /// Why there are no rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_rates: Option<String>,
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Between media threads, while that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relayed>,
    /// Copies that crossed over for each packet sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_copies_per_packet: Option<f64>,
    /// Share of all that was sent that the node did not forward, by its own counters.
    pub loss: f64,
    pub node_drops: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl ShardsSummary {
    pub fn is_clean(&self) -> bool {
        let relay_adds_up = self.relay.is_none_or(|relay| {
            relay.packets_out > 0
                && relay.packets_in + relay.repeated == relay.packets_out + relay.resent
        });
        self.failure.is_none() && self.delivery.is_exact() && self.loss <= 0.0 && relay_adds_up
    }

    fn write_relay(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(relay), Some(copies)) = (self.relay, self.relay_copies_per_packet) else {
            return Ok(());
        };
        writeln!(
            f,
            "  relay         {} out, {} in, {copies:.3} copies a packet; {} dropped, {} resent, \
             {} repeated, {} keyframe requests",
            relay.packets_out,
            relay.packets_in,
            relay.queue_full,
            relay.resent,
            relay.repeated,
            relay.keyframe_requests
        )
    }
}

impl fmt::Display for ShardsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, figures, delivery) = (self.shards, &self.figures, self.delivery);
        let (one, all) = match self.mode {
            "shards" => ("one thread at work", "all threads at work"),
            _ => ("room on one thread", "room spread over all"),
        };
        writeln!(
            f,
            "forward: {}, {} subscribers a room, {threads} media threads with {:?} people",
            self.profile, self.subscribers, self.people_by_thread
        )?;
        writeln!(
            f,
            "  CPU per forwarded packet, at {:.0} pps",
            figures.offered_pps
        )?;
        writeln!(
            f,
            "    {one:<20} {:>6.0} ns",
            figures.one_shard_cpu_ns_per_packet
        )?;
        writeln!(
            f,
            "    {all:<20} {:>6.0} ns, {:.2} times as much; by thread {:.0?}",
            figures.cpu_ns_per_packet, figures.cpu_ratio, figures.cpu_ns_per_packet_by_thread
        )?;
        if let Some(rates) = self.rates {
            writeln!(
                f,
                "  packets/s     {:.0} on one thread, {:.0} on {threads}: {:.2} times",
                rates.one_shard_packets_per_second, rates.packets_per_second, rates.gain
            )?;
        }
        if let Some(why) = &self.no_rates {
            writeln!(f, "  no rates: {why}")?;
        }
        self.write_relay(f)?;
        for (reason, count) in &self.node_drops {
            writeln!(f, "  node dropped {count:>10}  {reason}")?;
        }
        writeln!(
            f,
            "  {} of {} packets arrived; {} missing, {} repeated, {} of {} sampled corrupted",
            delivery.received,
            delivery.expected,
            delivery.missing,
            delivery.repeated,
            delivery.corrupted,
            delivery.sampled
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

    fn clean() -> ShardsSummary {
        ShardsSummary {
            mode: "spread-shards",
            shards: 2,
            delivery: Delivery {
                expected: 10,
                received: 10,
                ..Delivery::default()
            },
            relay: Some(Relayed {
                packets_out: 5,
                packets_in: 5,
                ..Relayed::default()
            }),
            relay_copies_per_packet: Some(1.0),
            ..ShardsSummary::default()
        }
    }

    #[test]
    fn whatever_is_lost_or_doubled_makes_it_unclean() {
        assert!(clean().is_clean());
        let spoil: [fn(&mut ShardsSummary); 8] = [
            |summary| summary.delivery.received -= 1,
            |summary| summary.delivery.missing = 1,
            |summary| summary.delivery.repeated = 1,
            |summary| summary.delivery.corrupted = 1,
            |summary| summary.loss = 0.001,
            |summary| summary.failure = Some("ended".into()),
            |summary| summary.relay.as_mut().unwrap().packets_in = 4,
            |summary| summary.relay = Some(Relayed::default()),
        ];
        for (which, spoil) in spoil.into_iter().enumerate() {
            let mut summary = clean();
            spoil(&mut summary);
            assert!(!summary.is_clean(), "{which}");
            assert!(summary.to_string().ends_with("NOT CLEAN"));
        }
    }

    #[test]
    fn the_agreed_keys_are_in_the_json() {
        let json = serde_json::to_value(clean()).unwrap();
        for key in [
            "cpu_ns_per_packet",
            "one_shard_cpu_ns_per_packet",
            "cpu_ratio",
            "cpu_ns_per_packet_by_thread",
            "people_by_thread",
            "rates",
            "received",
            "missing",
            "repeated",
            "corrupted",
            "relay_copies_per_packet",
            "loss",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["relay"]["packets_out"], 5);
    }
}
