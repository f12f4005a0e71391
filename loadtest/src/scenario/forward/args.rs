//! The options of `forward`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::traffic::Profile;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SinkChoice {
    /// Nobody reads: what is left is the sender's cost
    Unread,
    /// One thread reads everything and checks it
    Read,
    /// Both, one after the other
    Both,
}

/// Several media threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// A room on each.
    Rooms(usize),
    /// One room over all.
    Spread(usize),
}

/// One node with one media thread on core 0, real publishers and subscribers, the tester on core 1.
/// The node's CPU time per forwarded packet is set against that of a bare forwarding loop on the
/// same core, in turns within one run: the ratio holds where absolute figures do not.
#[derive(Args, Clone, Debug)]
pub struct ForwardArgs {
    /// Who gets every packet
    #[arg(long, default_value_t = 30, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub subscribers: u32,
    /// What is published
    #[arg(long, value_enum, default_value_t = Profile::Frames)]
    pub profile: Profile,
    /// Whether subscribers' sockets are read while CPU time is measured
    #[arg(long, value_enum, default_value_t = SinkChoice::Both)]
    pub sinks: SinkChoice,
    /// Pairs of phases, ideal forwarder and node, for each kind of sinks
    #[arg(long, default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pairs: u32,
    /// Length of a phase
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", value_parser = seconds)]
    pub phase_seconds: f64,
    /// Length of each step of the search for saturation
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", value_parser = seconds)]
    pub step_seconds: f64,
    /// Rate at which the search begins, packets a second to all subscribers together
    #[arg(long, default_value_t = 50_000.0, value_name = "PACKETS_PER_S", value_parser = rate)]
    pub start_rate: f64,
    /// Rate of the phases as a share of what the search finds
    #[arg(long, default_value_t = 0.6, value_name = "SHARE", value_parser = share)]
    pub load: f64,
    /// Rate of the phases and of the delay, instead of a search
    #[arg(long, value_name = "PACKETS_PER_S", value_parser = rate)]
    pub rate: Option<f64>,
    /// A smoke test: one short pair each at a low rate and no search; fails on loss and corruption
    /// only, never on speed
    #[arg(long)]
    pub quick: bool,
    /// Node's segmented sends off (media.gso)
    #[arg(long)]
    pub no_gso: bool,
    /// Node's batched calls off (media.mmsg)
    #[arg(long)]
    pub no_mmsg: bool,
    /// A second node without either, in turns with the first; reports what batching gains
    #[arg(long, conflicts_with_all = ["no_gso", "no_mmsg"])]
    pub compare_batching: bool,
    /// Media threads of the node, each with a room of its own: what a packet costs when one of them
    /// works and when all do. Needs no ideal forwarder and no search
    #[arg(long, default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub shards: u32,
    /// Media threads that one room is spread over: whether everything arrives once, and what a packet
    /// costs beside a room on one thread
    #[arg(long, default_value_t = 1, value_name = "N", conflicts_with = "shards",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub spread_shards: u32,
    /// Node to start; without it `firstbell` beside this program, built if it is missing
    #[arg(long, value_name = "FILE")]
    pub node_binary: Option<PathBuf>,
    /// Draw delay and loss over the rate, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// The summary as one JSON object on stdout, and no progress bar
    #[arg(long)]
    pub json: bool,
}

/// Rate of a smoke test: a tenth of what a slow machine does.
const QUICK_RATE: f64 = 20_000.0;
const QUICK_PHASE: f64 = 1.0;

impl ForwardArgs {
    /// What several media threads are to be measured by.
    pub fn threads(&self) -> Option<Threads> {
        match (self.shards, self.spread_shards) {
            (1, 1) => None,
            (1, spread) => Some(Threads::Spread(spread as usize)),
            (rooms, _) => Some(Threads::Rooms(rooms as usize)),
        }
    }

    /// # Errors
    /// Options that do not go together.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.threads().is_some() && (self.compare_batching || self.plot.is_some()) {
            bail!("--compare-batching and --plot are for one media thread");
        }
        if let Some(Threads::Spread(threads)) = self.threads()
            && self.subscribers < threads as u32
        {
            bail!("--spread-shards {threads} needs as many subscribers");
        }
        Ok(())
    }

    /// The fixed rate, if there is one.
    pub fn fixed_rate(&self) -> Option<f64> {
        self.rate.or_else(|| self.quick.then_some(QUICK_RATE))
    }

    pub fn pairs(&self) -> u32 {
        if self.quick { 1 } else { self.pairs }
    }

    pub fn phase(&self) -> Duration {
        let seconds = if self.quick {
            QUICK_PHASE
        } else {
            self.phase_seconds
        };
        Duration::from_secs_f64(seconds)
    }

    pub fn step(&self) -> Duration {
        let seconds = if self.quick {
            QUICK_PHASE
        } else {
            self.step_seconds
        };
        Duration::from_secs_f64(seconds)
    }

    pub fn wants(&self, sinks: SinkChoice) -> bool {
        self.sinks == sinks || self.sinks == SinkChoice::Both
    }
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("not a number from {least} to {most}")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.2, 3600.0)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 100.0, 100_000_000.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.05, 0.95)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ForwardArgs,
    }

    fn parsed(line: &[&str]) -> Result<ForwardArgs, clap::Error> {
        let words = std::iter::once("forward").chain(line.iter().copied());
        Line::try_parse_from(words).map(|line| line.args)
    }

    #[test]
    fn defaults_search_and_measure_both_kinds_of_sinks() {
        let args = parsed(&[]).unwrap();
        assert!(args.check().is_ok());
        assert_eq!(args.fixed_rate(), None);
        assert!(args.wants(SinkChoice::Read) && args.wants(SinkChoice::Unread));
        assert!(
            !parsed(&["--sinks", "read"])
                .unwrap()
                .wants(SinkChoice::Unread)
        );
    }

    #[test]
    fn quick_is_quick() {
        let args = parsed(&["--quick"]).unwrap();
        assert_eq!((args.pairs(), args.phase()), (1, Duration::from_secs(1)));
        assert!(args.fixed_rate().is_some());
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let spread = ["--spread-shards", "2"];
        let plotted = parsed(&["--spread-shards", "2", "--plot", "x.svg"]).unwrap();
        assert!(plotted.check().is_err());
        let lonely = parsed(&["--spread-shards", "2", "--subscribers", "1"]).unwrap();
        assert!(lonely.check().is_err());
        assert!(parsed(&["--shards", "2", "--spread-shards", "2"]).is_err());
        assert_eq!(parsed(&spread).unwrap().threads(), Some(Threads::Spread(2)));
        assert_eq!(parsed(&[]).unwrap().threads(), None);
        assert!(parsed(&["--load", "1.5"]).is_err());
        assert!(parsed(&["--compare-batching", "--no-gso"]).is_err());
    }
}
