//! Rooms of people: wire messages, sessions, tokens, roles and the way in.
//!
//! This crate knows nothing of packets. It talks to the packet-forwarding core through the
//! [`plane::MediaPlane`] trait, which it owns and the node implements.

#![allow(dead_code)] // Until the sessions land.

pub mod config;
pub mod message;
pub mod name;
pub mod plane;
pub mod server;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod token;

mod http;
mod ids;
mod metrics;
mod node;

pub use config::{Limits, SignalingConfig, TokenKey};
pub use node::SetupError;
pub use server::Server;
