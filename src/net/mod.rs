//! Drives one shard on one pinned thread: batched UDP, commands in, events out.

pub mod udp;
