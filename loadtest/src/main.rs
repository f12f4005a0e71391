//! Load tester for Firstbell: participants without browsers that join over real WebSockets, speak
//! real ICE, DTLS and SRTP, and verify every packet they receive.
//!
//! Shares no code with the node or its signalling: what they get wrong together, no test would see.
//! [`scenario`] says what happens, [`client`] is one participant, [`verify`] judges what it
//! receives, [`report`] sums up.

mod client;
mod hop;
mod node;
mod playout;
mod report;
mod scenario;
mod token;
mod verify;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

use hop::args::LinkArgs;
use scenario::forward::{self, args::ForwardArgs};
use scenario::join::{self, JoinArgs};
use scenario::memory::{self, args::MemoryArgs};
use scenario::quality::{self, args::QualityArgs};

/// Exit status: everything clean.
const CLEAN: u8 = 0;
/// Exit status: the node failed the test.
const UNCLEAN: u8 = 1;
/// Exit status: no test took place (wrong usage, no node).
const NO_TEST: u8 = 2;

/// Load tester for Firstbell.
///
/// Exit status: 0 when nothing failed, was corrupted, misrouted or lost, and every threshold was
/// met; 1 otherwise; 2 when the test could not take place.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Rooms fill up; everybody publishes a voice and a camera and verifies what it receives
    Join(JoinArgs),
    /// What a forwarded packet costs the node, how many fit through a core, how long they take
    Forward(ForwardArgs),
    /// What a participant takes of the node's memory, idle and active, and leaves behind
    Memory(MemoryArgs),
    /// What people hear and see behind emulated lines, against thresholds
    Quality(QualityArgs),
    /// An emulated line between clients of any kind and a node, as a UDP hop
    Link(LinkArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error")),
        )
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return NO_TEST.into();
        }
    };
    let done = match cli.scenario {
        Scenario::Join(args) => runtime
            .block_on(join::run(&args))
            .map(|summary| show(&summary, args.json, summary.is_clean())),
        Scenario::Forward(args) => runtime
            .block_on(Box::pin(forward::run(&args)))
            .map(|summary| show(&summary, args.json, summary.is_clean())),
        Scenario::Memory(args) => runtime
            .block_on(Box::pin(memory::run(&args)))
            .map(|summary| show(&summary, args.json, summary.is_clean())),
        Scenario::Quality(args) => runtime
            .block_on(Box::pin(quality::run(&args)))
            .map(|report| {
                let code = show(&report, args.json, report.passed);
                if report.is_too_busy {
                    NO_TEST.into()
                } else {
                    code
                }
            }),
        Scenario::Link(args) => hop::run(&args).map(|summary| show(&summary, args.json, true)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        NO_TEST.into()
    })
}

/// The summary, as asked for, on stdout.
fn show<S: Serialize + Display>(summary: &S, json: bool, is_clean: bool) -> ExitCode {
    if json {
        match serde_json::to_string(summary) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: {error}"),
        }
    } else {
        println!("{summary}");
    }
    if is_clean {
        CLEAN.into()
    } else {
        UNCLEAN.into()
    }
}
