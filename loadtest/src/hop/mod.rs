//! `link`: an emulated line as a UDP hop between clients of any kind, browsers too, and a node.
//!
//! Clients send to the hop, as the node announces the hop's address for its own (`media.announce`
//! with a port). Each client gets a line of its own, or all share one; towards the node each has a
//! socket of its own, so that the node tells them apart.
//!
//! [`relay`] decides what becomes of datagrams, without sockets and clocks; [`sockets`] drives it.

pub mod args;
mod control;
mod relay;
mod sockets;
mod stats;

use args::{Lines, LinkArgs};
use sockets::Sockets;
use stats::HopSummary;

/// Runs until the time is over, standard input says `quit`, or a signal comes.
///
/// # Errors
/// A socket cannot be had.
pub fn run(args: &LinkArgs) -> anyhow::Result<HopSummary> {
    let lines = Lines::of(args)?;
    let mut sockets = Sockets::bind(args, lines)?;
    eprintln!(
        "forwarding UDP from {} to {} through \"{}\"",
        args.listen,
        args.to,
        args.name()
    );
    sockets.run()
}
