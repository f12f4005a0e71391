//! Implements signalling's media plane over the shards and the handshake pool.
//!
//! A join is pure work on the caller's thread (read the offer, choose a shard, write the answer) and
//! two bounded hand-overs: the handshake pool learns whom to expect, the shard what to forward. The
//! answer leaves only when both took it. Events come back through [`EventPump`].

mod addresses;
mod events;
mod join;
mod metrics;
mod net_metrics;
mod placement;
mod relay_metrics;

use std::sync::Mutex;

use dashmap::DashMap;
use firstbell_signaling::plane as media;
use firstbell_signaling::plane::{
    BoxFuture, MediaError, MediaJoin, MediaJoined, MediaPermissions, MediaPlane, MediaRoom,
    MediaSession, MediaSource, MediaTile, MediaWants,
};

pub use addresses::candidates;
pub use events::{EventPump, NodeEvent, SinkToPlane};
pub use metrics::NodeMetrics;
pub use placement::PlacementLimits;

use crate::handshake::HandshakeHandle;
use crate::media::{ParticipantId, RoomId, Source};
use crate::net::ShardHandle;
use crate::room::{Permissions, Tile, Wants};
use crate::shard::Command;
use crate::wire::sdp::{Candidate, DtlsRole, Fingerprint, SessionPlan};
use placement::Placement;

/// One shard as the plane knows it.
pub struct ShardSeat {
    pub handle: ShardHandle,
    /// What candidates say, best first.
    pub candidates: Vec<Candidate>,
}

/// The media plane of this node.
pub struct Plane {
    shards: Vec<ShardSeat>,
    handshake: HandshakeHandle,
    fingerprint: Fingerprint,
    /// The role this node takes where the client leaves it to us.
    setup_preference: DtlsRole,
    /// Who lives where. Touched once a join and once a leave; never by the media threads.
    placement: Mutex<Placement>,
    sessions: DashMap<MediaSession, SessionEntry>,
}

/// What is kept of a session on this side of the queue.
struct SessionEntry {
    shard: usize,
    /// What was negotiated; an ICE restart is checked against it.
    plan: SessionPlan,
    origin: Origin,
}

/// What the answers of one session have in common (RFC 8866 §5.2, RFC 7022).
struct Origin {
    session_id: u64,
    session_version: u64,
    cname: String,
}

impl Plane {
    pub fn new(
        shards: Vec<ShardSeat>,
        limits: PlacementLimits,
        handshake: HandshakeHandle,
        fingerprint: Fingerprint,
        setup_preference: DtlsRole,
    ) -> Self {
        let placement = Placement::new(shards.len(), limits);
        Self {
            shards,
            handshake,
            fingerprint,
            setup_preference,
            placement: Mutex::new(placement),
            sessions: DashMap::new(),
        }
    }

    /// How many are here now.
    pub fn participants(&self) -> usize {
        self.sessions.len()
    }

    fn placement(&self) -> std::sync::MutexGuard<'_, Placement> {
        // Placement's methods leave it whole even where they panic: take it over.
        self.placement
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn shard_of(&self, session: MediaSession) -> Result<&ShardHandle, MediaError> {
        let entry = self
            .sessions
            .get(&session)
            .ok_or(MediaError::UnknownSession)?;
        Ok(&self.shards[entry.shard].handle)
    }

    fn command(&self, session: MediaSession, command: Command) -> Result<(), MediaError> {
        self.shard_of(session)?
            .send(command)
            .map_err(|_| MediaError::Overloaded)
    }

    /// Forgets a session on this side; gives its shard if it was known.
    fn forget(&self, session: MediaSession) -> Option<usize> {
        let (_, entry) = self.sessions.remove(&session)?;
        self.placement().release(session);
        self.handshake.remove(participant(session));
        Some(entry.shard)
    }
}

impl MediaPlane for Plane {
    fn join(&self, join: MediaJoin) -> BoxFuture<'_, Result<MediaJoined, MediaError>> {
        Box::pin(async move { self.join_now(&join) })
    }

    fn restart(
        &self,
        session: MediaSession,
        offer: String,
    ) -> BoxFuture<'_, Result<String, MediaError>> {
        Box::pin(async move { self.restart_now(session, &offer) })
    }

    fn leave(&self, session: MediaSession) {
        let Some(shard) = self.forget(session) else {
            return;
        };
        // A leave must not be lost: a full queue is retried from a task of its own.
        let handle = self.shards[shard].handle.clone();
        let command = move || Command::Leave {
            participant: participant(session),
        };
        if handle.send(command()).is_err() {
            tokio::spawn(async move {
                while handle.send(command()).is_err() {
                    tokio::time::sleep(LEAVE_RETRY).await;
                }
            });
        }
    }

    fn set_wants(&self, session: MediaSession, wants: MediaWants) -> Result<(), MediaError> {
        let wants = Wants {
            pinned: wants.pinned.into_iter().map(participant).collect(),
            max_video: wants.max_video,
            tiles: wants.tiles.into_iter().map(tile).collect(),
        };
        self.command(
            session,
            Command::Wants {
                participant: participant(session),
                wants,
            },
        )
    }

    fn set_permissions(
        &self,
        session: MediaSession,
        granted: MediaPermissions,
    ) -> Result<(), MediaError> {
        let permissions = permissions(granted);
        self.command(
            session,
            Command::Permissions {
                participant: participant(session),
                permissions,
            },
        )
    }

    fn set_muted(
        &self,
        session: MediaSession,
        source: MediaSource,
        muted: bool,
    ) -> Result<(), MediaError> {
        let source = self::source(source);
        self.command(
            session,
            Command::Muted {
                participant: participant(session),
                source,
                muted,
            },
        )
    }
}

const LEAVE_RETRY: std::time::Duration = std::time::Duration::from_millis(20);

fn participant(session: MediaSession) -> ParticipantId {
    ParticipantId(session.0)
}

fn session(participant: ParticipantId) -> MediaSession {
    MediaSession(participant.0)
}

fn room(room: MediaRoom) -> RoomId {
    RoomId(room.0)
}

fn permissions(granted: MediaPermissions) -> Permissions {
    Permissions {
        microphone: granted.microphone,
        camera: granted.camera,
        screen: granted.screen,
    }
}

fn tile(tile: MediaTile) -> Tile {
    Tile {
        participant: participant(tile.session),
        source: source(tile.source),
        height: tile.height,
    }
}

fn source(source: MediaSource) -> Source {
    match source {
        MediaSource::Microphone => Source::Microphone,
        MediaSource::Camera => Source::Camera,
        MediaSource::Screen => Source::Screen,
        MediaSource::ScreenAudio => Source::ScreenAudio,
    }
}

fn media_source(source: Source) -> media::MediaSource {
    match source {
        Source::Microphone => MediaSource::Microphone,
        Source::Camera => MediaSource::Camera,
        Source::Screen => MediaSource::Screen,
        Source::ScreenAudio => MediaSource::ScreenAudio,
    }
}
