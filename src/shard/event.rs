//! What a shard says to the plane and to the handshake pool.

use crate::media::{ParticipantId, RoomId, Source};

/// State and lifecycle news, in the order of [`Shard::poll_event`](super::Shard::poll_event).
///
/// `Slots` and `Speakers` are whole state, built when polled: a slow reader gets fewer of them,
/// never stale or lost ones. Poll only when the event can be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The path is up and secured. Once per participant.
    Connected { participant: ParticipantId },
    /// The participant is gone, with everything it held. Last event of a participant; not sent
    /// after [`Command::Leave`](super::Command::Leave).
    Ended {
        participant: ParticipantId,
        why: EndReason,
    },
    /// The whole mapping of one participant's slots, by slot index.
    Slots {
        participant: ParticipantId,
        slots: Vec<Option<(ParticipantId, Source)>>,
    },
    /// Who speaks in a room, loudest first.
    Speakers {
        room: RoomId,
        participants: Vec<ParticipantId>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// No authenticated connectivity check for 30 s (RFC 7675).
    ConsentExpired,
    /// No connectivity check before the deadline for the first.
    NeverConnected,
    /// DTLS failed, or the certificate did not match the offer.
    HandshakeFailed,
    /// The peer sent close_notify.
    PeerClosed,
    /// The join was refused: a bound of [`ShardConfig`](super::ShardConfig) is reached.
    ShardFull,
    /// The join was refused: its participant id or ICE ufrag is taken.
    Conflict,
}

/// What the handshake pool must be told, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeInput {
    /// The ICE path is up; as DTLS client, start.
    Begin(ParticipantId),
    /// One DTLS datagram from an address that passed a connectivity check.
    Datagram(ParticipantId, Vec<u8>),
    /// The participant is gone. Comes for every joined participant exactly once.
    Remove(ParticipantId),
}
