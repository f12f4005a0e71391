//! One participant's secured path: ICE-lite, DTLS, SRTP, and the connection that owns them.

mod send_arena;
pub mod srtp;

pub use send_arena::{QueuedDatagram, SendArena};
pub use srtp::{SrtpKeys, SrtpProfile};
