//! One participant's secured path: ICE-lite, DTLS, SRTP, and the connection that owns them.

mod connection;
mod drop_reason;
pub mod dtls;
mod ice_lite;
mod send_arena;
pub mod srtp;
mod token_bucket;

pub use connection::{Connection, ConnectionConfig, ConnectionEvent, Received};
pub use drop_reason::DropReason;
pub use ice_lite::{CONSENT_TIMEOUT, MAX_VALIDATED};
pub use send_arena::{PathHint, QueuedDatagram, SendArena, SendPath};
pub use srtp::{SrtpKeys, SrtpProfile};
