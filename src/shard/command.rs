//! What the plane and the handshake pool tell a shard.

use crate::media::{ParticipantId, RoomId, Source};
use crate::room::{Permissions, Wants};
use crate::transport::dtls::HandshakeOutput;
use crate::wire::sdp::{IceCredentials, SessionPlan};

/// Commands about participants that are not here are ignored: they left meanwhile.
#[derive(Debug)]
pub enum Command {
    /// Seats a participant; its room is opened with the first and closed with the last. A refused
    /// join is answered with [`Event::Ended`](super::Event::Ended).
    Join(Box<JoinParticipant>),
    Leave {
        participant: ParticipantId,
    },
    /// From the handshake pool.
    Handshake {
        participant: ParticipantId,
        output: HandshakeOutput,
    },
    Wants {
        participant: ParticipantId,
        wants: Wants,
    },
    Permissions {
        participant: ParticipantId,
        permissions: Permissions,
    },
    /// The client says it stopped or resumed sending `source`. Its slots are freed at once; after
    /// a resumption they are filled again with the first packet.
    Muted {
        participant: ParticipantId,
        source: Source,
        muted: bool,
    },
    /// ICE restart (RFC 8445 §9). The path in use stays until a check with the new credentials.
    RestartIce {
        participant: ParticipantId,
        local: IceCredentials,
        remote: IceCredentials,
    },
}

/// A negotiated session to carry out.
#[derive(Clone, Debug)]
pub struct JoinParticipant {
    pub room: RoomId,
    pub participant: ParticipantId,
    pub plan: SessionPlan,
    /// As in the answer. The ufrag routes the first check: unique on the shard.
    pub local_ice: IceCredentials,
    pub permissions: Permissions,
    /// Teachers and co-teachers keep a video slot whoever speaks.
    pub leading: bool,
    /// Other shards that have people of the room: it is spread.
    pub spread_over: Vec<usize>,
}
