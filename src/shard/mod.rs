//! Sans-IO root of the core: owns rooms, routes datagrams; commands in, events out.

mod config;
mod event;
mod timers;

pub use config::ShardConfig;
pub use event::{EndReason, Event, HandshakeInput};
pub use timers::TimerQueue;
