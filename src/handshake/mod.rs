//! The DTLS worker pool in front of the shards: public-key work off the media threads.
//!
//! ```text
//! plane --register--> HandshakeHandle --+ bounded  +--> thread: RtcDtls per participant, timers
//! shard --begin, datagram, remove-------+ channels +         |
//! shard <--HandshakeSink::deliver: Transmit, Established, Failed, PeerClosed--+
//! ```
//!
//! A participant belongs to one thread for its whole life, chosen by its id. After the keys were
//! handed out its association stays, to repeat the last flight and to hear close_notify.

mod counters;
mod pool;
mod worker;

use std::time::Duration;

use thiserror::Error;

use crate::media::ParticipantId;

pub use crate::transport::dtls::{DtlsFailure, HandshakeOutput};
pub use counters::HandshakeCounters;
pub use pool::{HandshakeConfig, HandshakeHandle, HandshakePool, MAX_WAITING};

/// From the beginning of a handshake to its end.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);

/// Participants of one thread. A registration beyond is refused with [`Full`].
pub const MAX_ASSOCIATIONS: usize = 16_384;

/// Where a shard takes what the pool has for its participants.
pub trait HandshakeSink: Send + Sync {
    /// Must not block. What comes back was refused: datagrams are then dropped (DTLS repeats
    /// them), results are offered again shortly after.
    fn deliver(
        &self,
        participant: ParticipantId,
        output: HandshakeOutput,
    ) -> Result<(), HandshakeOutput>;
}

/// The pool has no room: too many participants, or the queue of the participant's thread is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the handshake pool is full")]
pub struct Full;
