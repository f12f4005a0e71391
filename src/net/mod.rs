//! Drives one shard on one pinned thread: batched UDP, commands in, events out.
//!
//! The only place where the core meets a clock and a socket. One loop turn reads what waits (commands
//! first, then what other shards relay, then datagrams in batches), lets the shard think, sends
//! everything it queued, and hands its events on. Nothing here blocks but the wait for the next
//! datagram, command, relayed message or timeout.

mod counters;
mod driver;
mod handle;
mod relay;
mod udp;

pub use counters::{BUCKET_LABELS, DatagramBuckets, NetCounters, ReceiveCounters, SendCounters};
pub use driver::{DriverConfig, Prepared, ShardSink, connect, prepare};
pub use handle::{Overloaded, ShardHandle};
pub use udp::{ReceiveBatch, SendQueue, SocketOptions, UdpSocket};
