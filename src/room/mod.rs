//! The forwarding scope: participants, speakers, slot assignment, routes.

mod permissions;

pub use permissions::{MAX_PINNED, Permissions, Wants};
