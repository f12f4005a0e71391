//! The real core in virtual time: a shard, simulated participants, and a network that loses,
//! delays, reorders and duplicates by a seed.
//!
//! ```text
//! scenarios (media, people, speakers, path, hostile) -> World -> Shard
//!                                     judge <- Client <-/
//! ```
//!
//! The participants speak STUN, SRTP, RTP and RTCP of their own, and the judgement of what they
//! receive shares no numbering with the node. Only DTLS is left out: keys are handed over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // test support

mod allocations;
mod client;
mod ice_agent;
mod judge;
mod network;
mod plan;
mod receiver;
mod relay;
mod sender;
mod truth;
mod world;

mod hostile;
mod media;
mod path;
mod people;
mod speakers;
mod spread;
