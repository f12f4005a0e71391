//! The measurements themselves: pairs of phases for CPU time, steps for saturation and delay.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::cpu::{Cores, CpuTime};
use super::generator::Generator;
use super::ideal::Ideal;
use super::rig::Rig;
use super::search::{Search, median};

/// What is under way at the end of a phase may arrive within this; what comes later is lost, or
/// would be if the rate went on.
const GRACE: Duration = Duration::from_millis(50);
/// After an overload the node may have this long to work off its backlog.
const RECOVERY: Duration = Duration::from_secs(5);
/// A thread that ran or waited for less than this within [`GRACE`] has nothing queued.
const IDLE_NS: u64 = 2_000_000;
/// A step passes with less loss than this.
pub const LOSS_LIMIT: f64 = 0.005;

/// CPU time of one phase.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    pub cpu: CpuTime,
    /// To all subscribers together.
    pub packets: u64,
    /// Packets a second.
    pub offered: f64,
}

impl Phase {
    pub fn ns_per_packet(&self) -> f64 {
        self.cpu.on_cpu_ns as f64 / self.packets.max(1) as f64
    }
}

/// The bare forwarder and what sends to it.
pub struct Bare {
    pub ideal: Ideal,
    pub generator: Generator,
    pub cores: Cores,
}

impl Bare {
    /// One phase at `rate` packets a second to all of `rig`'s subscribers; `keep` runs meanwhile.
    ///
    /// # Errors
    /// The core cannot be had, or packets were refused.
    pub fn phase(
        &mut self,
        rate: f64,
        duration: Duration,
        subscribers: usize,
        mut keep: impl FnMut(),
    ) -> anyhow::Result<Phase> {
        let (ideal, generator, cores) = (&mut self.ideal, &mut self.generator, self.cores);
        ideal.drain()?;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| ideal.run(cores, &stop));
            let sent = generator.run(rate / subscribers.max(1) as f64, duration, |_| keep());
            std::thread::sleep(GRACE);
            stop.store(true, Ordering::Relaxed);
            let done = thread
                .join()
                .map_err(|_| anyhow!("the ideal forwarder panicked"))??;
            if done.refused > 0 {
                return Err(anyhow!(
                    "the ideal forwarder refused {} packets",
                    done.refused
                ));
            }
            Ok(Phase {
                cpu: done.cpu,
                packets: done.packets,
                offered: sent.offered(subscribers),
            })
        })
    }
}

/// One phase of the node; `keep` runs meanwhile. All packets sent are taken for forwarded: the
/// caller looks at what was lost afterwards.
///
/// # Errors
/// The node has ended.
pub fn node_phase(
    rig: &mut Rig,
    rate: f64,
    duration: Duration,
    keep: impl FnMut(),
) -> anyhow::Result<Phase> {
    let before = rig.cpu()?;
    let sent = rig.send(rate, duration, keep);
    let cpu = idle(rig)?.since(before);
    rig.check()?;
    Ok(Phase {
        cpu,
        packets: sent.packets * rig.subscribers as u64,
        offered: sent.offered(rig.subscribers),
    })
}

/// Waits until the node has worked off what is queued, and gives its CPU time: cutting a backlog
/// off would make its packets free.
fn idle(rig: &Rig) -> anyhow::Result<CpuTime> {
    let start = Instant::now();
    let mut before = rig.cpu()?;
    loop {
        std::thread::sleep(GRACE);
        let now = rig.cpu()?;
        let used = now.since(before);
        let is_idle = used.on_cpu_ns + used.waiting_ns < IDLE_NS;
        if is_idle || start.elapsed() > RECOVERY {
            return Ok(now);
        }
        before = now;
    }
}

/// CPU figures for one kind of sinks. Shares and losses are 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CpuFigures {
    pub cpu_ns_per_packet: f64,
    pub cpu_user_share: Option<f64>,
    pub ideal_cpu_ns_per_packet: f64,
    pub ideal_user_share: Option<f64>,
    /// The ideal's time over the node's, 1 at best: median over the pairs.
    pub ratio_to_ideal: f64,
    /// Of each pair.
    pub ratios: Vec<f64>,
    pub offered_pps: f64,
    /// Median of the unbatched node's time over the batched one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batching_gain: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unbatched_cpu_ns_per_packet: Option<f64>,
}

/// Phases that were measured in one turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub ideal: Phase,
    pub node: Phase,
    pub unbatched: Option<Phase>,
}

impl CpuFigures {
    /// `delivered`: the share of what was sent that the node forwarded, by its own counters.
    pub fn of(turns: &[Turn], delivered: f64) -> Self {
        let of = |value: &dyn Fn(&Turn) -> f64| {
            let values: Vec<f64> = turns.iter().map(value).collect();
            (median(&values).unwrap_or(0.0), values)
        };
        let node = |turn: &Turn| turn.node.ns_per_packet() / delivered.max(0.01);
        let ideal = |turn: &Turn| turn.ideal.ns_per_packet();
        let share = |cpu: &dyn Fn(&Turn) -> CpuTime| {
            let all = turns
                .iter()
                .map(cpu)
                .fold(CpuTime::default(), CpuTime::plus);
            all.user_share()
        };
        let (ratio_to_ideal, ratios) = of(&|turn| ideal(turn) / node(turn).max(1e-9));
        let unbatched: Vec<f64> = turns
            .iter()
            .filter_map(|turn| Some(turn.unbatched?.ns_per_packet()))
            .collect();
        let gains: Vec<f64> = unbatched
            .iter()
            .zip(turns)
            .map(|(off, turn)| off / node(turn).max(1e-9))
            .collect();
        Self {
            cpu_ns_per_packet: of(&node).0,
            cpu_user_share: share(&|turn| turn.node.cpu),
            ideal_cpu_ns_per_packet: of(&ideal).0,
            ideal_user_share: share(&|turn| turn.ideal.cpu),
            ratio_to_ideal,
            ratios,
            offered_pps: of(&|turn| turn.node.offered).0,
            batching_gain: median(&gains),
            unbatched_cpu_ns_per_packet: median(&unbatched),
        }
    }
}

/// One step of the search.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Step {
    pub offered_pps: f64,
    pub forwarded_pps: f64,
    /// Share of the packets that had not arrived when the step ended.
    pub loss: f64,
    /// Share of the packets that never arrived, however long they had.
    pub never_arrived: f64,
    pub delay_p99_us: Option<u64>,
    /// Share of its core that the media thread used.
    pub cpu: f64,
    /// Share of the time that something else had the core while the media thread had work: on a
    /// shared machine the step shows less than the node can do.
    pub waited: f64,
    pub passed: bool,
}

/// Offers `rate` for `duration` to subscribers that read, and measures delay too.
///
/// # Errors
/// The node has ended.
pub fn step(
    rig: &mut Rig,
    rate: f64,
    duration: Duration,
    keep: impl FnMut(),
) -> anyhow::Result<(Step, Histogram<u64>)> {
    let before = rig.sinks.counts();
    let cpu = rig.cpu()?;
    rig.sinks.take_delay();
    let sent = rig.send(rate, duration, keep);
    std::thread::sleep(GRACE);
    let cpu = rig.cpu()?.since(cpu);
    let arrived = rig.sinks.counts().since(before).packets;
    let delay = rig.sinks.take_delay().unwrap_or_else(crate::report::delays);
    recover(rig)?;
    let expected = sent.packets * rig.subscribers as u64;
    let seconds = sent.elapsed.as_secs_f64();
    let share = |arrived| expected.saturating_sub(arrived) as f64 / expected.max(1) as f64;
    let loss = share(arrived);
    let never_arrived = share(rig.sinks.counts().since(before).packets);
    let step = Step {
        offered_pps: sent.offered(rig.subscribers),
        forwarded_pps: arrived as f64 / seconds,
        loss,
        never_arrived,
        delay_p99_us: (!delay.is_empty()).then(|| delay.value_at_quantile(0.99)),
        cpu: cpu.on_cpu_ns as f64 / 1e9 / seconds,
        waited: cpu.waiting_ns as f64 / 1e9 / seconds,
        passed: loss <= LOSS_LIMIT && sent.packets > sent.skipped * 50,
    };
    Ok((step, delay))
}

/// Waits until nothing arrives any more.
fn recover(rig: &mut Rig) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut last = rig.sinks.counts().packets;
    while start.elapsed() < RECOVERY {
        std::thread::sleep(Duration::from_millis(100));
        let now = rig.sinks.counts().packets;
        if now == last {
            break;
        }
        last = now;
    }
    rig.check()
}

/// Searches the highest rate that loses less than [`LOSS_LIMIT`]; gives it with all steps.
///
/// # Errors
/// The node has ended.
pub fn saturation(
    rig: &mut Rig,
    start: f64,
    duration: Duration,
    mut keep: impl FnMut(),
    mut on_step: impl FnMut(&Step),
) -> anyhow::Result<(Option<f64>, Vec<Step>)> {
    let mut search = Search::from(start);
    let mut steps: Vec<Step> = Vec::new();
    while let Some(rate) = search.next() {
        let (step, _) = step(rig, rate, duration, &mut keep)?;
        search.record(step.passed);
        on_step(&step);
        steps.push(step);
        rig.rest(Duration::from_millis(200));
    }
    // What was forwarded, not what was asked for: the generator may have sent a little less.
    let best = steps
        .iter()
        .filter(|step| step.passed)
        .map(|step| step.forwarded_pps);
    Ok((best.max_by(f64::total_cmp), steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(ns: u64, packets: u64) -> Phase {
        let cpu = CpuTime {
            on_cpu_ns: ns * packets,
            waiting_ns: 0,
            user_ticks: 1,
            system_ticks: 3,
        };
        Phase {
            cpu,
            packets,
            offered: packets as f64,
        }
    }

    #[test]
    fn figures_are_medians_over_pairs() {
        let turn = |ideal, node, off| Turn {
            ideal: phase(ideal, 10),
            node: phase(node, 10),
            unbatched: Some(phase(off, 10)),
        };
        let turns = [
            turn(1000, 2000, 4000),
            turn(1000, 1250, 2500),
            turn(900, 9000, 9000),
        ];
        let figures = CpuFigures::of(&turns, 1.0);
        assert!((figures.cpu_ns_per_packet - 2000.0).abs() < 1e-6);
        assert!((figures.ideal_cpu_ns_per_packet - 1000.0).abs() < 1e-6);
        assert!((figures.ratio_to_ideal - 0.5).abs() < 1e-6);
        assert!((figures.batching_gain.unwrap() - 2.0).abs() < 1e-6);
        assert_eq!(figures.cpu_user_share, Some(0.25));
        let half = CpuFigures::of(&turns, 0.5);
        assert!(
            (half.cpu_ns_per_packet - 4000.0).abs() < 1e-6,
            "only half was forwarded"
        );
    }

    #[test]
    fn without_a_second_node_there_is_no_gain() {
        let turn = Turn {
            ideal: phase(1, 1),
            node: phase(1, 1),
            unbatched: None,
        };
        assert_eq!(CpuFigures::of(&[turn], 1.0).batching_gain, None);
    }
}
