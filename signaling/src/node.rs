//! What every session and room of one node shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::Registry;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::watch;

use crate::config::SignalingConfig;
use crate::directory::Directory;
use crate::door::Door;
use crate::message::ErrorCode;
use crate::metrics::Metrics;
use crate::plane::{MediaPlane, MediaRoom, MediaSession};
use crate::quota::Quota;
use crate::room::{Join, Resume, RoomCommand};
use crate::session::outbox::ConnectionId;
use crate::token::{Keyring, KeyringError};

/// A join that meets a closing room tries the next room of that name, this often at most.
const MAX_ROOM_TRIES: usize = 3;

/// When to try again: a place in a room, or on the node, is free when somebody leaves.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(15);

/// When to try again at an overloaded node.
const OVERLOADED_RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Keys(#[from] KeyringError),
    #[error("metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

pub(crate) struct Node {
    pub config: SignalingConfig,
    pub plane: Arc<dyn MediaPlane>,
    pub keyring: Keyring,
    pub metrics: Metrics,
    pub registry: Registry,
    pub directory: Directory,
    pub door: Arc<Door>,
    pub people: Quota,
    pub rooms: Quota,
    pub sockets: Quota,
    draining: watch::Sender<bool>,
    /// The last of the rooms, sessions and connections named so far.
    minted: AtomicU64,
}

impl Node {
    pub fn new(
        config: SignalingConfig,
        plane: Arc<dyn MediaPlane>,
        registry: &Registry,
    ) -> Result<Self, SetupError> {
        let keyring = if config.token_keys.is_empty() && config.dev_mode {
            Keyring::random(config.token_leeway)?
        } else {
            Keyring::new(&config.token_keys, config.token_leeway)?
        };
        let metrics = Metrics::new(registry)?;
        let limits = &config.limits;
        Ok(Self {
            keyring,
            people: Quota::new(limits.max_participants, metrics.participants.clone()),
            rooms: Quota::new(limits.max_rooms, metrics.rooms.clone()),
            sockets: Quota::new(limits.max_sockets, metrics.sockets.clone()),
            metrics,
            registry: registry.clone(),
            directory: Directory::default(),
            door: Arc::new(Door::new(&config, registry)?),
            config,
            plane,
            draining: watch::Sender::new(false),
            minted: AtomicU64::new(0),
        })
    }

    /// A join comes: it passes the door, at once or after a wait, or is refused.
    pub fn enter(self: &Arc<Self>, join: Box<Join>) {
        if self.is_draining() {
            return join.entrant.refuse(self, ErrorCode::Draining);
        }
        self.door.arrive(self, join);
    }

    /// Brings a join that has passed the door to its room, or refuses it.
    pub fn bring(self: &Arc<Self>, mut join: Box<Join>) {
        if self.is_draining() {
            return join.entrant.refuse(self, ErrorCode::Draining);
        }
        for _ in 0..MAX_ROOM_TRIES {
            let Some(room) = self.directory.room(self, &join.grant.room) else {
                return join.entrant.refuse(self, ErrorCode::NodeFull);
            };
            match room.mailbox.try_send(RoomCommand::Join(join)) {
                Ok(()) => return,
                Err(TrySendError::Closed(RoomCommand::Join(back))) => join = back,
                Err(TrySendError::Full(RoomCommand::Join(back))) => {
                    return back.entrant.refuse(self, ErrorCode::Overloaded);
                }
                Err(_) => return,
            }
        }
        join.entrant.refuse(self, ErrorCode::Overloaded);
    }

    /// Brings a resume to the person's room, or refuses it.
    pub fn resume(&self, resume: Resume) {
        let Some(room) = self.directory.room_of_person(&resume.ticket.participant) else {
            let draining = self.is_draining();
            let code = if draining {
                ErrorCode::Draining
            } else {
                ErrorCode::ResumeUnknown
            };
            return resume.entrant.refuse(self, code);
        };
        match room.mailbox.try_send(RoomCommand::Resume(resume)) {
            Err(TrySendError::Full(RoomCommand::Resume(back))) => {
                back.entrant.refuse(self, ErrorCode::Overloaded);
            }
            Err(TrySendError::Closed(RoomCommand::Resume(back))) => {
                back.entrant.refuse(self, ErrorCode::ResumeUnknown);
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// After how long a refusal with `code` is worth another try.
    pub fn retry_after_ms(&self, code: ErrorCode) -> Option<u32> {
        let after = match code {
            ErrorCode::RoomFull | ErrorCode::NodeFull => FULL_RETRY_AFTER,
            ErrorCode::Overloaded => OVERLOADED_RETRY_AFTER,
            ErrorCode::Draining => self.config.drain_retry_after,
            _ => return None,
        };
        Some(millis(after))
    }

    pub fn start_draining(&self) {
        self.draining.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Becomes true once.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    pub fn heartbeat_ms(&self) -> u32 {
        millis(self.config.heartbeat)
    }

    fn mint(&self) -> u64 {
        self.minted.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn mint_session(&self) -> MediaSession {
        MediaSession(self.mint())
    }

    pub fn mint_room(&self) -> MediaRoom {
        MediaRoom(self.mint())
    }

    pub fn mint_connection(&self) -> ConnectionId {
        ConnectionId(self.mint())
    }
}

/// Whole milliseconds as the wire carries them; 49 days at most.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
