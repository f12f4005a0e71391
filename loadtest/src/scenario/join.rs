//! `join`: rooms fill up, everybody publishes and verifies what the slots bring, all leave.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use hyper::Uri;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::client::crypto::Crypto;
use crate::client::driver::Driver;
use crate::client::media::VideoShape;
use crate::client::sdp;
use crate::node::{NodeOptions, NodeUnderTest, find_binary};
use crate::report::{ParticipantReport, Summary};
use crate::token::TokenSource;

use super::crowd::{Crowd, PROGRESS_INTERVAL};
use super::run::{FullRate, Names, Phase, Publishers, Run};

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
    #[arg(long, value_name = "N", alias = "video-publishers")]
    pub cameras: Option<u32>,
    /// Microphones a room; without it everybody has one
    #[arg(long, value_name = "N")]
    pub voices: Option<u32>,
    /// Nobody publishes: what the slots show comes from others (browsers), whose packets are
    /// decrypted and counted but not verified
    #[arg(long, conflicts_with_all = ["cameras", "voices"])]
    pub listen_only: bool,
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
    let (sender, phase) = watch::channel(Phase::Playing(FullRate::All));
    let crowd = Crowd::new(prepare(args, &server, phase)?, sender, args.rooms as usize);
    let progress = progress_bar(args, total);
    let mut reports = play(args, crowd, &progress).await;
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
    let of_all = |wanted: Option<u32>| match wanted {
        _ if args.listen_only => 0,
        wanted => wanted.unwrap_or(args.participants) as usize,
    };
    Ok(Run {
        start: Instant::now(),
        websocket_url: websocket_url(server)?,
        tokens,
        room_prefix: args.room_prefix.clone(),
        seats: args.participants as usize,
        publishers: Publishers {
            voices: of_all(args.voices),
            cameras: of_all(args.cameras),
        },
        video_slots: sdp::VIDEO_SLOTS,
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

async fn play(args: &JoinArgs, mut crowd: Crowd, progress: &ProgressBar) -> Vec<ParticipantReport> {
    crowd
        .enter(args.joins_per_second, |crowd| {
            progress.set_message(crowd.status());
        })
        .await;
    let playing = Instant::now();
    while playing.elapsed() < Duration::from_secs(args.seconds) {
        progress.set_position(playing.elapsed().as_secs());
        progress.set_message(crowd.status());
        sleep(PROGRESS_INTERVAL).await;
    }
    crowd.leave().await
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
