//! Rooms of people: wire messages, sessions, tokens, roles and the way in.
//!
//! This crate knows nothing of packets. It talks to the packet-forwarding core through the
//! [`plane::MediaPlane`] trait, which it owns and the node implements.
//!
//! A WebSocket is one task (`session`), a room is one task (`room`); they talk by bounded queues:
//! sessions put commands into a room's mailbox, rooms put messages into a session's outbox. A room
//! is the only owner of its people. `node` holds what all share, `directory` finds rooms, and
//! `dispatch` carries the media plane's events to them. Between session and room every join passes
//! the `door`, which decides nothing itself: [`admission`] does, and is pure.

pub mod admission;
pub mod config;
pub mod message;
pub mod name;
pub mod placement;
pub mod plane;
pub mod server;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod token;

mod announce;
mod directory;
mod dispatch;
mod door;
mod http;
mod ids;
mod labels;
mod metrics;
mod node;
mod quota;
mod room;
mod session;
mod stable_hash;
mod translate;
mod wire;

pub use config::{AdmissionConfig, Limits, SignalingConfig, TokenKey};
pub use node::SetupError;
pub use server::Server;
