//! `forward`: what a forwarded packet costs the node, against a bare forwarding loop on the same
//! core; how many fit through one core; how long they take.

pub mod args;
mod cpu;
mod gcm;
mod generator;
mod ideal;
pub(super) mod metrics;
mod peer;
mod phases;
mod plot;
pub mod report;
mod rig;
mod search;
mod shards;
pub mod shards_report;
mod sinks;
mod traffic;
mod udp;

use std::fmt;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use rand::Rng;
use serde::Serialize;

use crate::node::{NodeOptions, find_binary};

use args::{ForwardArgs, SinkChoice};
use cpu::Cores;
use gcm::Gcm;
use generator::{Generator, Outlet};
use ideal::{Ideal, Out};
use phases::{Bare, CpuFigures, Turn};
use report::{Delay, ForwardSummary};
use rig::{Layout, Rig};
use shards_report::ShardsSummary;
use traffic::Profile;

/// Share of the found rate at which delay is measured.
const DELAY_LOAD: f64 = 0.7;
/// A media thread that waits for its core for more than this share of the time is not alone.
const SHARED: f64 = 0.05;
/// Frames enough for a camera that fell silent to be shown again.
const REVIVAL: Duration = Duration::from_millis(1500);
/// SSRCs of the ideal forwarder's subscribers begin here; the node's are random.
const IDEAL_SSRC: u32 = 0x1DEA_0000;

/// What was asked for.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Summary {
    OneThread(Box<ForwardSummary>),
    Threads(Box<ShardsSummary>),
}

impl Summary {
    pub fn is_clean(&self) -> bool {
        match self {
            Summary::OneThread(summary) => summary.is_clean(),
            Summary::Threads(summary) => summary.is_clean(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Summary::OneThread(summary) => summary.fmt(f),
            Summary::Threads(summary) => summary.fmt(f),
        }
    }
}

/// Runs the scenario. An error is one of the set-up, or a node that did not live through it.
///
/// # Errors
/// No node, no second core, refused joins.
pub async fn run(args: &ForwardArgs) -> anyhow::Result<Summary> {
    args.check()?;
    if let Some(threads) = args.threads() {
        let summary = Box::pin(shards::run(args, threads)).await?;
        return Ok(Summary::Threads(Box::new(summary)));
    }
    let summary = Box::pin(run_one_thread(args)).await?;
    Ok(Summary::OneThread(Box::new(summary)))
}

/// The tester's threads are off the cores of the node from here on.
fn take_cores(media_threads: usize) -> anyhow::Result<Cores> {
    let cores = Cores::choose(media_threads)
        .context("this takes two cores: one of them for the node alone")?;
    cores.confine_tester()?;
    Ok(cores)
}

async fn run_one_thread(args: &ForwardArgs) -> anyhow::Result<ForwardSummary> {
    let cores = take_cores(1)?;
    let progress = progress_bar(args);
    progress.set_message("joining");
    let binary = find_binary(args.node_binary.as_deref())?;
    let batching = |on: bool| (!on).then_some(false);
    let options = |gso: bool, mmsg: bool| NodeOptions {
        capacity: args.subscribers as usize + args.profile.publishers().len(),
        shards: Some(1),
        pinned: true,
        gso: batching(gso),
        mmsg: batching(mmsg),
        spread_above: None,
    };
    let layout = Layout {
        profile: args.profile,
        rooms: 1,
        subscribers: args.subscribers as usize,
    };
    let start = |options| {
        let binary = binary.clone();
        async move { Box::pin(Rig::start(&binary, &options, layout)).await }
    };
    let rig = start(options(!args.no_gso, !args.no_mmsg)).await?;
    let unbatched = if args.compare_batching {
        Some(start(options(false, false)).await?)
    } else {
        None
    };
    let bare = bare(args.profile, &rig, cores)?;
    let bench = Bench {
        args: args.clone(),
        rig,
        unbatched,
        bare,
        progress,
    };
    tokio::task::spawn_blocking(move || bench.measure()).await?
}

fn progress_bar(args: &ForwardArgs) -> ProgressBar {
    // indicatif draws on stderr, and only on a terminal.
    let bar = if args.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    let style = ProgressStyle::with_template("{spinner} {elapsed}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

/// The ideal forwarder sends to the same sockets as the node does.
fn bare(profile: Profile, rig: &Rig, cores: Cores) -> anyhow::Result<Bare> {
    let mut random = rand::rng();
    let mut keys = || (random.random::<[u8; 16]>(), random.random::<[u8; 12]>());
    let outs = rig
        .sinks
        .addresses()?
        .into_iter()
        .zip(IDEAL_SSRC..)
        .map(|(to, ssrc)| {
            let (key, salt) = keys();
            Ok(Out {
                to,
                gcm: Gcm::from_master(&key, &salt)?,
                ssrc,
                index: 0,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    let (key, salt) = keys();
    let ideal = Ideal::new(
        Gcm::from_master(&key, &salt)?,
        outs,
        profile.frame_by_frame(),
    )?;
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0")?);
    let outlets = profile
        .publishers()
        .iter()
        .map(|_| {
            Ok(Outlet {
                socket: socket.clone(),
                to: ideal.address(),
                gcm: Gcm::from_master(&key, &salt)?,
                transport_sequence: 0,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    let ssrcs: Vec<u32> = (1..).take(profile.streams().len()).collect();
    Ok(Bare {
        generator: Generator::new(profile, &ssrcs, outlets),
        ideal,
        cores,
    })
}

struct Bench {
    args: ForwardArgs,
    rig: Rig,
    unbatched: Option<Rig>,
    bare: Bare,
    progress: ProgressBar,
}

impl Bench {
    /// Everything, on the calling thread, which becomes the generator's.
    fn measure(mut self) -> anyhow::Result<ForwardSummary> {
        cpu::sleep_exactly();
        let mut summary = ForwardSummary {
            scenario: "forward",
            profile: self.args.profile.name(),
            subscribers: self.rig.subscribers,
            quick: self.args.quick,
            ..ForwardSummary::default()
        };
        let settled = self.settle();
        let has_settled = settled.is_ok();
        let done = settled.and_then(|()| self.measure_all(&mut summary));
        self.progress.finish_and_clear();
        if let Err(error) = done {
            let is_the_nodes = !has_settled || self.rig.check().is_err();
            if !is_the_nodes {
                return Err(error);
            }
            summary.failure = Some(format!("{error:#}"));
        }
        if let Some(file) = &self.args.plot {
            let title = format!("{}, {} subscribers", summary.profile, summary.subscribers);
            std::fs::write(file, plot::svg(&title, &summary.saturation))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(summary)
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        self.rig.settle()?;
        if let Some(unbatched) = &mut self.unbatched {
            unbatched.settle()?;
            // Its cameras fell silent meanwhile and begin anew, with keyframes.
            self.rig.rest(REVIVAL);
        }
        Ok(())
    }

    fn measure_all(&mut self, summary: &mut ForwardSummary) -> anyhow::Result<()> {
        let rate = self.rate(summary)?;
        self.delay(summary)?;
        // The search may have lost packets: from here on none may be.
        let before = self.rig.account()?;
        if self.args.wants(SinkChoice::Unread) {
            self.rig.sinks.leave_unread()?;
            summary.unread_sinks = Some(self.pairs("unread", rate)?);
        }
        if self.args.wants(SinkChoice::Read) {
            self.rig.sinks.read()?;
            summary.read_sinks = Some(self.pairs("read", rate)?);
        }
        let after = self.rig.account()?;
        let expected = after.expected - before.expected;
        let forwarded = after.forwarded - before.forwarded;
        tracing::debug!(expected, forwarded, "the node's own count");
        let unforwarded = expected.saturating_sub(forwarded) as f64 / expected.max(1) as f64;
        summary.loss = summary.loss.max(unforwarded);
        summary.node_drops = after.drops;
        let counts = self.rig.sinks.counts();
        summary.corrupted = counts.corrupted;
        summary.sampled = counts.sampled;
        Ok(())
    }

    /// The rate of the phases: as given, or a share of what the search finds.
    fn rate(&mut self, summary: &mut ForwardSummary) -> anyhow::Result<f64> {
        if let Some(rate) = self.args.fixed_rate() {
            return Ok(rate);
        }
        let (start, step) = (self.args.start_rate, self.args.step());
        let Self {
            rig,
            unbatched,
            progress,
            ..
        } = self;
        let show = |step: &phases::Step| {
            progress.set_message(format!(
                "saturation: {:.0} packets/s, loss {:.2} %",
                step.offered_pps,
                step.loss * 100.0
            ));
            progress.tick();
        };
        rig.sinks.read()?;
        rig.sinks.measure_delay(true)?;
        let keep = || unbatched.iter_mut().for_each(Rig::keep_alive);
        let (found, steps) = phases::saturation(rig, start, step, keep, show)?;
        rig.sinks.measure_delay(false)?;
        let best = steps
            .iter()
            .filter(|step| step.passed)
            .max_by(|a, b| a.forwarded_pps.total_cmp(&b.forwarded_pps));
        summary.packets_per_cpu_second = best.map(|step| step.forwarded_pps / step.cpu.max(1e-9));
        summary.core_was_shared = steps.iter().any(|step| step.waited > SHARED);
        summary.saturation = steps;
        summary.packets_per_second_per_core = found;
        let mut limit = found.context("even the slowest rate of the search was too much")?;
        if let Some(unbatched) = unbatched {
            unbatched.sinks.read()?;
            let (found, _) = phases::saturation(unbatched, start, step, || rig.keep_alive(), show)?;
            summary.unbatched_packets_per_second_per_core = found;
            limit = limit.min(found.unwrap_or(limit));
        }
        Ok(limit * self.args.load)
    }

    fn delay(&mut self, summary: &mut ForwardSummary) -> anyhow::Result<()> {
        let found = summary
            .packets_per_second_per_core
            .map(|rate| rate * DELAY_LOAD);
        let Some(rate) = found.or(self.args.fixed_rate()) else {
            return Ok(());
        };
        self.progress.set_message("delay");
        let Self {
            rig,
            unbatched,
            args,
            ..
        } = self;
        rig.sinks.read()?;
        rig.sinks.measure_delay(true)?;
        let keep = || unbatched.iter_mut().for_each(Rig::keep_alive);
        let (step, delay) = phases::step(rig, rate, args.step(), keep)?;
        rig.sinks.measure_delay(false)?;
        summary.added_delay_us = Delay::of(&delay);
        summary.added_delay_at_pps = Some(step.offered_pps);
        summary.loss = step.never_arrived;
        Ok(())
    }

    /// Ideal and node in turns.
    fn pairs(&mut self, kind: &str, rate: f64) -> anyhow::Result<CpuFigures> {
        let phase = self.args.phase();
        let subscribers = self.rig.subscribers;
        let before = self.rig.account()?;
        if let Some(unbatched) = &mut self.unbatched {
            if kind == "unread" {
                unbatched.sinks.leave_unread()?;
            } else {
                unbatched.sinks.read()?;
            }
        }
        let mut turns = Vec::new();
        for pair in 1..=self.args.pairs() {
            self.progress.set_message(format!(
                "{kind} sinks: pair {pair} of {}",
                self.args.pairs()
            ));
            self.progress.tick();
            let Self {
                rig,
                unbatched,
                bare,
                ..
            } = self;
            let ideal = bare.phase(rate, phase, subscribers, || {
                rig.keep_alive();
                unbatched.iter_mut().for_each(Rig::keep_alive);
            })?;
            let keep = || unbatched.iter_mut().for_each(Rig::keep_alive);
            let node = phases::node_phase(rig, rate, phase, keep)?;
            let unbatched = match unbatched {
                Some(unbatched) => Some(phases::node_phase(unbatched, rate, phase, || {
                    rig.keep_alive()
                })?),
                None => None,
            };
            turns.push(Turn {
                ideal,
                node,
                unbatched,
            });
            self.rig.rest(Duration::from_millis(100));
        }
        let after = self.rig.account()?;
        let expected = (after.expected - before.expected).max(1);
        let delivered = (after.forwarded - before.forwarded) as f64 / expected as f64;
        Ok(CpuFigures::of(&turns, delivered))
    }
}
