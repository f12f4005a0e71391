//! `join`: rooms fill up, everybody publishes and verifies what the slots bring, all leave.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use hyper::Uri;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::client::crypto::Crypto;
use crate::client::driver::Driver;
use crate::client::media::VideoShape;
use crate::node::{NodeOptions, NodeUnderTest, find_binary};
use crate::report::{ParticipantReport, Summary};
use crate::token::TokenSource;
use crate::verify::window::LOSS_AFTER;

use super::participant::{Arrivals, Seat, mark_deprived, participate, patience};
use super::run::{Names, Phase, Run};

const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Args, Clone, Debug)]
pub struct JoinArgs {
    /// Rooms to fill
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,
    /// Participants a room
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub participants: u32,
    /// How long everybody plays once all are in
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Node to test, as http://host:port; without it one is started and stopped here
    #[arg(long)]
    pub server: Option<Uri>,
    /// Make tokens with the HS256 secret in this file; without it the node's development door is
    /// asked (POST /v1/dev/token)
    #[arg(long, value_name = "FILE")]
    pub token_secret_file: Option<PathBuf>,
    /// Node to start; without it `firstbell` beside this program, built if it is missing
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub node_binary: Option<PathBuf>,
    /// Cameras a room; without it everybody has one
    #[arg(long, value_name = "N")]
    pub video_publishers: Option<u32>,
    /// Bit rate of a camera
    #[arg(long, default_value_t = 300, value_name = "KBIT_PER_S",
          value_parser = clap::value_parser!(u32).range(20..=20_000))]
    pub video_kbps: u32,
    /// Frame rate of a camera
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub video_fps: u32,
    /// New joins a second
    #[arg(long, default_value_t = 50.0, value_name = "N")]
    pub joins_per_second: f64,
    /// A join, and then its media path, may take so many seconds
    #[arg(long, default_value_t = 20)]
    pub join_timeout: u64,
    /// Threads for media
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Rooms are called <PREFIX>-0, <PREFIX>-1, ...
    #[arg(long, default_value = "load", value_name = "PREFIX")]
    pub room_prefix: String,
    /// The summary as one JSON object on stdout, and no progress bar
    #[arg(long)]
    pub json: bool,
}

/// Runs the scenario. An error is one of the set-up, not of the node's behaviour.
///
/// # Errors
/// No node, no tokens, no sockets.
pub async fn run(args: &JoinArgs) -> anyhow::Result<Summary> {
    let total = args.rooms as usize * args.participants as usize;
    let mut node = match &args.server {
        Some(_) => None,
        None => {
            let binary = find_binary(args.node_binary.as_deref())?;
            let options = NodeOptions {
                capacity: total,
                ..NodeOptions::default()
            };
            Some(NodeUnderTest::start(&binary, &options).await?)
        }
    };
    let server = match (&args.server, &node) {
        (Some(server), _) => server.clone(),
        (None, Some(node)) => node.server.clone(),
        (None, None) => anyhow::bail!("no node"),
    };
    let (sender, phase) = watch::channel(Phase::Playing);
    let run = Arc::new(prepare(args, &server, phase)?);
    let progress = progress_bar(args, total);
    let mut reports = play(args, &run, &sender, &progress).await;
    progress.finish_and_clear();
    if let Some(node) = &mut node
        && !node.is_running()
    {
        let log = node.log_tail();
        tracing::error!("the node ended during the test:\n{log}");
        for report in &mut reports {
            report
                .failure
                .get_or_insert_with(|| "the node ended during the test".into());
        }
    }
    drop(node);
    let mut summary = Summary::of("join", &reports);
    summary.rooms = args.rooms as usize;
    summary.seconds = args.seconds;
    Ok(summary)
}

fn prepare(args: &JoinArgs, server: &Uri, phase: watch::Receiver<Phase>) -> anyhow::Result<Run> {
    let tokens = match &args.token_secret_file {
        Some(file) => TokenSource::secret_file(file)?,
        None => TokenSource::DevDoor {
            server: server.clone(),
        },
    };
    Ok(Run {
        start: Instant::now(),
        websocket_url: websocket_url(server)?,
        tokens,
        room_prefix: args.room_prefix.clone(),
        seats: args.participants as usize,
        video_publishers: args.video_publishers.unwrap_or(args.participants) as usize,
        video: VideoShape {
            bits_per_second: args.video_kbps * 1000,
            frames_per_second: args.video_fps,
        },
        join_timeout: Duration::from_secs(args.join_timeout),
        // Costs a millisecond to make: one for all.
        dtls: Arc::new(dimpl::Config::builder().build().context("DTLS")?),
        crypto: Crypto::new()?,
        driver: Driver::start(args.threads)?,
        names: Names::default(),
        phase,
    })
}

pub(super) fn websocket_url(server: &Uri) -> anyhow::Result<String> {
    let authority = server
        .authority()
        .context("the server address has no host")?;
    let scheme = match server.scheme_str() {
        Some("http") => "ws",
        Some("https") => "wss",
        _ => anyhow::bail!("the server address must begin with http:// or https://"),
    };
    Ok(format!("{scheme}://{authority}/v1/ws"))
}

fn progress_bar(args: &JoinArgs, total: usize) -> ProgressBar {
    // indicatif draws on stderr, and only on a terminal.
    let bar = if args.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(0)
    };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_length(args.seconds);
    bar.set_message(format!("0/{total} joined"));
    bar
}

async fn play(
    args: &JoinArgs,
    run: &Arc<Run>,
    phase: &watch::Sender<Phase>,
    progress: &ProgressBar,
) -> Vec<ParticipantReport> {
    let seats = seats(args);
    let arrivals = Arc::new(Arrivals::default());
    let mut tasks = JoinSet::new();
    let gap = Duration::from_secs_f64(1.0 / args.joins_per_second.max(0.01));
    let start = tokio::time::Instant::now();
    for (index, seat) in seats.iter().enumerate() {
        sleep_until(start + gap * index as u32).await;
        show(run, &arrivals, seats.len(), progress);
        let (run, seat, arrivals) = (run.clone(), *seat, arrivals.clone());
        tasks.spawn(async move {
            (
                seat.number,
                Box::pin(participate(run, seat, arrivals)).await,
            )
        });
    }
    let everybody = async {
        while arrived(&arrivals) < seats.len() {
            show(run, &arrivals, seats.len(), progress);
            sleep(PROGRESS_INTERVAL).await;
        }
    };
    let _ = timeout(patience(run.join_timeout), everybody).await;
    let playing = Instant::now();
    while playing.elapsed() < Duration::from_secs(args.seconds) {
        progress.set_position(playing.elapsed().as_secs());
        show(run, &arrivals, seats.len(), progress);
        sleep(PROGRESS_INTERVAL).await;
    }
    phase.send_replace(Phase::Draining);
    sleep(LOSS_AFTER + Duration::from_millis(500)).await;
    phase.send_replace(Phase::Ending);
    let mut reports: Vec<ParticipantReport> =
        seats.iter().map(|_| ParticipantReport::default()).collect();
    while let Some(done) = tasks.join_next().await {
        if let Ok((number, report)) = done
            && let Some(place) = reports.get_mut(number)
        {
            *place = report;
        }
    }
    for report in &mut reports {
        if report.secured_after.is_none() && report.failure.is_none() {
            report.failure = Some("its task ended".into());
        }
    }
    mark_deprived(&mut reports, &seats, run.video_publishers);
    reports
}

/// Room after room is filled row by row: first one in each, then the next.
fn seats(args: &JoinArgs) -> Vec<Seat> {
    (0..args.participants as usize)
        .flat_map(|seat| (0..args.rooms as usize).map(move |room| (room, seat)))
        .enumerate()
        .map(|(number, (room, seat))| Seat { number, room, seat })
        .collect()
}

fn arrived(arrivals: &Arrivals) -> usize {
    arrivals.secured.load(Ordering::Relaxed) + arrivals.failed.load(Ordering::Relaxed)
}

fn show(run: &Run, arrivals: &Arrivals, total: usize, progress: &ProgressBar) {
    let secured = arrivals.secured.load(Ordering::Relaxed);
    let failed = arrivals.failed.load(Ordering::Relaxed);
    let packets = run.driver.progress.packets.load(Ordering::Relaxed);
    let failed = if failed > 0 {
        format!(", {failed} failed")
    } else {
        String::new()
    };
    progress.set_message(format!(
        "{secured}/{total} joined{failed}, {packets} packets"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websocket_is_beside_the_server() {
        let url = |server: &str| websocket_url(&server.parse().unwrap());
        assert_eq!(
            url("http://localhost:8080").unwrap(),
            "ws://localhost:8080/v1/ws"
        );
        assert_eq!(
            url("https://school.example").unwrap(),
            "wss://school.example/v1/ws"
        );
        assert!(url("ftp://x").is_err());
        assert!(url("localhost:8080").is_err());
    }
}
