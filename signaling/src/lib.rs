//! Rooms of people: wire messages, sessions, tokens, roles and the way in.
//!
//! This crate knows nothing of packets. It talks to the packet-forwarding core through the
//! [`plane::MediaPlane`] trait, which it owns and the node implements.

pub mod message;
pub mod plane;
