//! `--shards N`: as many rooms as media threads, to see that a packet costs the same whether one
//! thread works or all do. `--spread-shards N`: one room over all of them, to see that everybody
//! gets everything once, and what that costs beside the same room on one thread.

use std::time::Duration;

use indicatif::ProgressBar;

use super::args::{ForwardArgs, SinkChoice, Threads};
use super::cpu::{self, Cores};
use super::phases::{self, Phase};
use super::rig::{Layout, Rig};
use super::search::median;
use super::shards_report::{Delivery, Rates, ShardsSummary, ThreadFigures};
use super::{progress_bar, take_cores};
use crate::node::{NodeOptions, find_binary};

/// Packets a second to all subscribers of a room, where none is given: half of what one core of a
/// slow machine does with single packets.
const RATE: f64 = 100_000.0;
/// What is under way at the end of a stretch arrives within this.
const GRACE: Duration = Duration::from_millis(300);

/// # Errors
/// No node, no second core, refused joins.
pub async fn run(args: &ForwardArgs, threads: Threads) -> anyhow::Result<ShardsSummary> {
    let count = match threads {
        Threads::Rooms(count) | Threads::Spread(count) => count,
    };
    // Before this process is confined to some of them.
    let cores = Cores::count();
    take_cores(count)?;
    let progress = progress_bar(args);
    progress.set_message("joining");
    let binary = find_binary(args.node_binary.as_deref())?;
    let start = |shards: usize, rooms: usize, spread_above: Option<usize>| {
        let batching = |off: bool| off.then_some(false);
        let options = NodeOptions {
            capacity: rooms * (args.subscribers as usize + args.profile.publishers().len()),
            shards: Some(shards),
            pinned: true,
            gso: batching(args.no_gso),
            mmsg: batching(args.no_mmsg),
            spread_above,
        };
        let layout = Layout {
            profile: args.profile,
            rooms,
            subscribers: args.subscribers as usize,
        };
        let binary = binary.clone();
        async move { Box::pin(Rig::start(&binary, &options, layout)).await }
    };
    let (rig, alone) = match threads {
        Threads::Rooms(_) => (start(count, count, None).await?, None),
        // From the second person on the room is spread.
        Threads::Spread(_) => (
            start(count, 1, Some(1)).await?,
            Some(start(1, 1, None).await?),
        ),
    };
    let bench = Bench {
        args: args.clone(),
        threads: count,
        cores,
        rig,
        alone,
        progress,
    };
    tokio::task::spawn_blocking(move || bench.measure()).await?
}

struct Bench {
    args: ForwardArgs,
    threads: usize,
    /// Of the machine.
    cores: usize,
    rig: Rig,
    /// The room on one thread, to be set beside the spread one.
    alone: Option<Rig>,
    progress: ProgressBar,
}

/// One thread at work, then all.
struct Pair {
    one: Phase,
    all: Phase,
    /// CPU nanoseconds of each thread in `all`.
    by_thread: Vec<u64>,
}

impl Bench {
    fn measure(mut self) -> anyhow::Result<ShardsSummary> {
        cpu::sleep_exactly();
        let mut summary = ShardsSummary {
            scenario: "forward",
            mode: if self.alone.is_some() {
                "spread-shards"
            } else {
                "shards"
            },
            profile: self.args.profile.name(),
            subscribers: self.rig.subscribers,
            shards: self.threads,
            ..ShardsSummary::default()
        };
        let done = self.measure_all(&mut summary);
        self.progress.finish_and_clear();
        if let Err(error) = done {
            let alone_failed = self.alone.as_mut().is_some_and(|rig| rig.check().is_err());
            let has_settled = !summary.people_by_thread.is_empty();
            if has_settled && self.rig.check().is_ok() && !alone_failed {
                return Err(error);
            }
            summary.failure = Some(format!("{error:#}"));
        }
        Ok(summary)
    }

    fn measure_all(&mut self, summary: &mut ShardsSummary) -> anyhow::Result<()> {
        self.progress.set_message("settling");
        self.rig.settle()?;
        if let Some(alone) = &mut self.alone {
            alone.settle()?;
            // Its cameras fell silent meanwhile and begin anew, with keyframes.
            self.rig.rest(super::REVIVAL);
            self.rig.settle()?;
        }
        summary.people_by_thread = self.rig.people_by_thread()?;
        self.check_places(&summary.people_by_thread)?;
        let rate = self.args.fixed_rate().unwrap_or(RATE);
        self.deliver(rate, summary)?;
        if self.args.wants(SinkChoice::Unread) {
            self.rig.sinks.leave_unread()?;
            if let Some(alone) = &mut self.alone {
                alone.sinks.leave_unread()?;
            }
        }
        let pairs = self.pairs(rate)?;
        summary.figures = figures(&pairs, &self.shares(&summary.people_by_thread));
        self.rates(summary)
    }

    /// People are where this measurement expects them: evenly, on all threads.
    fn check_places(&self, people: &[u64]) -> anyhow::Result<()> {
        let (least, most) = (people.iter().min(), people.iter().max());
        let apart = if self.alone.is_some() { 1 } else { 0 };
        let is_even = least
            .zip(most)
            .is_some_and(|(least, most)| *least > 0 && most - least <= apart);
        anyhow::ensure!(is_even, "people are not spread evenly: {people:?}");
        Ok(())
    }

    /// By thread, the part of all forwarded packets that it forwards.
    fn shares(&self, people: &[u64]) -> Vec<f64> {
        let publishers = self.args.profile.publishers().len();
        let viewers = |(thread, people): (usize, &u64)| {
            // They come first, to each thread in turn; with a room on each they are on all alike.
            let theirs = match self.alone {
                Some(_) => (thread..publishers).step_by(self.threads).len(),
                None => publishers,
            };
            people.saturating_sub(theirs as u64) as f64
        };
        let viewers: Vec<f64> = people.iter().enumerate().map(viewers).collect();
        let all: f64 = viewers.iter().sum();
        viewers.iter().map(|of| of / all.max(1.0)).collect()
    }

    /// Everything is read and counted.
    fn deliver(&mut self, rate: f64, summary: &mut ShardsSummary) -> anyhow::Result<()> {
        self.progress.set_message("counting what arrives");
        let Self {
            rig, alone, args, ..
        } = self;
        rig.sinks.read()?;
        rig.account()?;
        let (relayed, sent, counts) = (rig.relayed()?, rig.sent, rig.sinks.counts());
        let keep = || alone.iter_mut().for_each(Rig::keep_alive);
        rig.send(rate, 2 * args.phase(), keep);
        let account = rig.account()?;
        std::thread::sleep(GRACE);
        let arrived = rig.sinks.counts().since(counts);
        let packets = rig.sent - sent;
        summary.delivery = Delivery {
            expected: packets * rig.subscribers as u64,
            received: arrived.packets,
            missing: arrived.missing,
            repeated: arrived.repeated,
            sampled: arrived.sampled,
            corrupted: arrived.corrupted,
        };
        let lost = account.expected.saturating_sub(account.forwarded);
        summary.loss = lost as f64 / account.expected.max(1) as f64;
        summary.node_drops = account.drops;
        if alone.is_some() {
            let relayed = rig.relayed()?.since(relayed);
            summary.relay = Some(relayed);
            summary.relay_copies_per_packet =
                Some(relayed.packets_out as f64 / packets.max(1) as f64);
        }
        rig.check()
    }

    fn pairs(&mut self, rate: f64) -> anyhow::Result<Vec<Pair>> {
        let (phase, count) = (self.args.phase(), self.args.pairs());
        let mut pairs = Vec::new();
        for number in 1..=count {
            self.progress
                .set_message(format!("pair {number} of {count}"));
            self.progress.tick();
            let one = self.one(rate, phase)?;
            let Self { rig, alone, .. } = self;
            let before = rig.cpu_by_thread()?;
            let keep = || alone.iter_mut().for_each(Rig::keep_alive);
            let all = phases::node_phase(rig, rate, phase, keep)?;
            let after = rig.cpu_by_thread()?.into_iter().zip(before);
            pairs.push(Pair {
                one,
                all,
                by_thread: after
                    .map(|(after, before)| after.since(before).on_cpu_ns)
                    .collect(),
            });
            self.rig.rest(Duration::from_millis(100));
        }
        Ok(pairs)
    }

    /// A phase with one thread at work; afterwards all are to be again.
    fn one(&mut self, rate: f64, phase: Duration) -> anyhow::Result<Phase> {
        let Self {
            rig,
            alone,
            threads,
            ..
        } = self;
        if let Some(alone) = alone {
            return phases::node_phase(alone, rate, phase, || rig.keep_alive());
        }
        rig.only_rooms(1);
        let done = phases::node_phase(rig, rate, phase, || {});
        rig.only_rooms(*threads);
        done
    }

    /// Saturation, where the tester has a core that no media thread uses.
    fn rates(&mut self, summary: &mut ShardsSummary) -> anyhow::Result<()> {
        let cores = self.cores;
        if self.args.fixed_rate().is_some() {
            summary.no_rates = Some("the rate was given".into());
            return Ok(());
        }
        if cores <= self.threads {
            summary.no_rates = Some(format!(
                "{} media threads and the tester share {cores} cores, so the rate would be the \
                 tester's; what a packet costs has to show that the threads do not hinder each other",
                self.threads
            ));
            return Ok(());
        }
        self.progress.set_message("saturation");
        let (start, step) = (self.args.start_rate, self.args.step());
        let Self {
            rig,
            alone,
            threads,
            ..
        } = self;
        rig.sinks.read()?;
        let one = match alone {
            Some(alone) => {
                alone.sinks.read()?;
                phases::saturation(alone, start, step, || rig.keep_alive(), |_| {})?.0
            }
            None => {
                rig.only_rooms(1);
                phases::saturation(rig, start, step, || {}, |_| {})?.0
            }
        };
        rig.only_rooms(*threads);
        let keep = || alone.iter_mut().for_each(Rig::keep_alive);
        let all = phases::saturation(rig, start, step, keep, |_| {})?.0;
        summary.rates = one.zip(all).map(|(one, all)| Rates {
            one_shard_packets_per_second: one,
            packets_per_second: all,
            gain: all / one.max(1.0),
        });
        Ok(())
    }
}

/// `shares`: by thread, the part of all forwarded packets that it forwards.
fn figures(pairs: &[Pair], shares: &[f64]) -> ThreadFigures {
    let median_of = |of: &dyn Fn(&Pair) -> f64| {
        let values: Vec<f64> = pairs.iter().map(of).collect();
        median(&values).unwrap_or(0.0)
    };
    let ratio = |pair: &Pair| pair.all.ns_per_packet() / pair.one.ns_per_packet().max(1e-9);
    let by_thread = shares.iter().enumerate().map(|(thread, share)| {
        median_of(&|pair| {
            let ns = pair.by_thread.get(thread).copied().unwrap_or(0);
            ns as f64 / (pair.all.packets as f64 * share).max(1.0)
        })
    });
    ThreadFigures {
        cpu_ns_per_packet: median_of(&|pair| pair.all.ns_per_packet()),
        one_shard_cpu_ns_per_packet: median_of(&|pair| pair.one.ns_per_packet()),
        cpu_ratio: median_of(&ratio),
        cpu_ratios: pairs.iter().map(ratio).collect(),
        cpu_ns_per_packet_by_thread: by_thread.collect(),
        offered_pps: median_of(&|pair| pair.all.offered),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cpu::CpuTime;
    use super::*;

    fn phase(ns: u64, packets: u64) -> Phase {
        Phase {
            cpu: CpuTime {
                on_cpu_ns: ns * packets,
                ..CpuTime::default()
            },
            packets,
            offered: packets as f64,
        }
    }

    #[test]
    fn figures_are_medians_over_pairs_and_threads_pay_for_what_they_forward() {
        let pair = |one, all| Pair {
            one: phase(one, 100),
            all: phase(all, 200),
            by_thread: vec![all * 150, all * 50],
        };
        let pairs = [pair(1000, 1100), pair(1000, 1000), pair(2000, 4000)];
        let figures = figures(&pairs, &[0.75, 0.25]);
        assert!((figures.cpu_ratio - 1.1).abs() < 1e-9);
        assert!((figures.one_shard_cpu_ns_per_packet - 1000.0).abs() < 1e-9);
        assert!((figures.cpu_ns_per_packet - 1100.0).abs() < 1e-9);
        for thread in &figures.cpu_ns_per_packet_by_thread {
            assert!((thread - 1100.0).abs() < 1e-9, "{figures:?}");
        }
        assert!((figures.offered_pps - 200.0).abs() < 1e-9);
    }
}
