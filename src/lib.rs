//! The Firstbell node: the packet-forwarding core and what drives it.
//!
//! Everything from [`wire`] to [`shard`] is sans-IO: state machines that take datagrams, commands
//! and `now`, and give datagrams, events and the next timeout. [`net`] and [`handshake`] own the
//! sockets, clocks and threads. `ARCHITECTURE.md` has the map and the rules.

pub mod config;
pub mod congestion;
pub mod handshake;
pub mod media;
pub mod net;
pub mod page;
pub mod plane;
pub mod publish;
pub mod reclaim;
pub mod room;
pub mod server;
pub mod shard;
pub mod subscribe;
pub mod telemetry;
pub mod tls;
pub mod transport;
pub mod wire;
