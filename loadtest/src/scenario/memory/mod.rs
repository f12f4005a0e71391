//! `memory`: what a participant takes of the node's memory, idle and active, and leaves behind.

pub mod args;
mod reading;
pub mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::client::crypto::Crypto;
use crate::client::driver::Driver;
use crate::client::media::VideoShape;
use crate::client::sdp;
use crate::node::{NodeOptions, NodeUnderTest, find_binary};
use crate::report::Summary;
use crate::token::{self, TokenSource};

use super::crowd::{Crowd, PROGRESS_INTERVAL};
use super::forward::metrics;
use super::join::websocket_url;
use super::run::{FullRate, Names, Phase, Publishers, Run};
use args::MemoryArgs;
use reading::Reading;
use report::{Limits, MemorySummary, Stage};

/// Who comes first, so that what a node takes once is not put down to participants.
const WARM_UP: usize = 25;
/// After the last has left, before memory is read: a node that stands empty has the time to tidy up.
const TIDY: Duration = Duration::from_secs(6);
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
/// Open files of the node and of this program, each: two sockets a participant, and some more.
const FILES_PER_PARTICIPANT: u64 = 3;
const MORE_FILES: u64 = 200;

/// Who comes, and what they do.
#[derive(Clone, Copy, Debug)]
struct Plan {
    name: &'static str,
    rooms: usize,
    seats: usize,
    active: bool,
}

/// Runs the scenario. An error is one of the set-up, or a node that did not live through it.
///
/// # Errors
/// No node, no sockets.
pub async fn run(args: &MemoryArgs) -> anyhow::Result<MemorySummary> {
    let (rooms, seats) = (args.rooms(), args.seats());
    let participants = rooms * seats;
    allow_files(participants as u64 * FILES_PER_PARTICIPANT + MORE_FILES);
    let options = NodeOptions {
        capacity: participants,
        ..NodeOptions::default()
    };
    let binary = find_binary(args.node_binary.as_deref())?;
    let mut test = Test {
        args,
        node: NodeUnderTest::start(&binary, &options).await?,
        progress: progress_bar(args),
    };
    let plan = |name, rooms, seats, active| Plan {
        name,
        rooms,
        seats,
        active,
    };
    let (_, empty, _) = Box::pin(test.play(plan("warm-up", 1, WARM_UP, true))).await?;
    let mut summary = MemorySummary {
        scenario: "memory",
        participants,
        limits: Limits {
            idle: args.max_idle_bytes,
            active: args.max_active_bytes,
            left: args.max_left,
        },
        empty,
        audio_slots_wanted: sdp::AUDIO_SLOTS.min(seats - 1),
        video_slots_wanted: (args.video_slots as usize).min(seats - 1),
        ..MemorySummary::default()
    };
    for plan in [
        plan("idle, alone", participants, 1, false),
        plan("idle, in classes", rooms, seats, false),
        plan("active", rooms, seats, true),
    ] {
        let (with, after, found) = Box::pin(test.play(plan)).await?;
        let stage = Stage::of(plan.name, plan.rooms, [empty, with, after], &found);
        summary.add(stage, found, plan.active);
    }
    test.progress.finish_and_clear();
    let metrics = token::metrics(&test.node.server).await?;
    summary.node_drops = metrics::by_label(&metrics, "firstbell_shard_drops_total", "reason");
    Ok(summary)
}

struct Test<'a> {
    args: &'a MemoryArgs,
    node: NodeUnderTest,
    progress: ProgressBar,
}

impl Test<'_> {
    /// Everybody comes, stays and leaves. The node's memory with them and after them.
    async fn play(&mut self, plan: Plan) -> anyhow::Result<(Reading, Reading, Summary)> {
        let (sender, phase) = watch::channel(Phase::Playing(FullRate::NONE));
        let run = self.prepare(plan, phase)?;
        let mut crowd = Crowd::new(run, sender, plan.rooms);
        let progress = self.progress.clone();
        let show = |crowd: &Crowd| {
            progress.set_message(format!("{}: {}", plan.name, crowd.status()));
            progress.tick();
        };
        crowd.enter(self.args.joins_per_second, show).await;
        if plan.active {
            self.take_turns(&crowd, plan).await;
        } else {
            self.wait(&crowd, plan, self.args.idle_seconds).await;
        }
        let with = self.read().await?;
        let found = Summary::of("memory", &crowd.leave().await);
        sleep(TIDY).await;
        let after = self.read().await?;
        Ok((with, after, found))
    }

    fn prepare(&self, plan: Plan, phase: watch::Receiver<Phase>) -> anyhow::Result<Run> {
        let publishing = if plan.active { plan.seats } else { 0 };
        Ok(Run {
            start: Instant::now(),
            websocket_url: websocket_url(&self.node.server)?,
            tokens: TokenSource::DevDoor {
                server: self.node.server.clone(),
            },
            room_prefix: plan.name.replace([' ', ','], ""),
            seats: plan.seats,
            publishers: Publishers {
                voices: publishing,
                cameras: publishing,
            },
            video_slots: self.args.video_slots as usize,
            video: VideoShape {
                bits_per_second: self.args.video_kbps * 1000,
                frames_per_second: self.args.video_fps,
            },
            join_timeout: JOIN_TIMEOUT,
            dtls: Arc::new(dimpl::Config::builder().build().context("DTLS")?),
            crypto: Crypto::new()?,
            driver: Driver::start(1)?,
            names: Names::default(),
            phase,
        })
    }

    /// Room after room sends all it has.
    async fn take_turns(&self, crowd: &Crowd, plan: Plan) {
        let count = self.args.full_rooms as usize;
        for first in (0..plan.rooms).step_by(count) {
            crowd.set_phase(Phase::Playing(FullRate::Rooms { first, count }));
            self.wait(crowd, plan, self.args.turn_seconds).await;
        }
        crowd.set_phase(Phase::Playing(FullRate::NONE));
    }

    async fn wait(&self, crowd: &Crowd, plan: Plan, seconds: f64) {
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < seconds {
            let status = crowd.status();
            self.progress
                .set_message(format!("{}: {status}", plan.name));
            self.progress.tick();
            sleep(PROGRESS_INTERVAL).await;
        }
    }

    async fn read(&mut self) -> anyhow::Result<Reading> {
        if !self.node.is_running() {
            anyhow::bail!("the node ended:\n{}", self.node.log_tail());
        }
        Reading::steady(self.node.pid()).await
    }
}

fn progress_bar(args: &MemoryArgs) -> ProgressBar {
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

/// Asks for so many open files, here and, by inheritance, in the node. What is not granted shows as
/// failed joins.
fn allow_files(count: u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes the one struct it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0
        && limit.rlim_cur < count
    {
        limit.rlim_cur = count.min(limit.rlim_max);
        // SAFETY: the kernel reads the one struct it is given.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}
