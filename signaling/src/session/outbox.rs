//! What a room holds of a session: the way to its socket.

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{mpsc, watch};

use crate::message::{ErrorCode, ParticipantId, ServerMessage};
use crate::room::RoomHandle;

/// Messages that wait for one socket at most. Full: the client reads too slowly; its session ends
/// with `timeout`, and it may resume on a new socket.
pub(crate) const OUTBOX_CAPACITY: usize = 256;

/// One WebSocket connection, unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub u64);

pub(crate) enum Outgoing {
    Message(ServerMessage),
    /// The same message for many, encoded once.
    Shared {
        label: &'static str,
        text: Utf8Bytes,
    },
    /// The session has a seat now; the message tells the client.
    Seated {
        room: RoomHandle,
        participant: ParticipantId,
        message: ServerMessage,
    },
    /// The door stayed shut.
    Refused(ServerMessage),
    /// The socket closes after this.
    Last(ServerMessage),
}

/// The session is gone, or is about to end because its queue is full.
#[derive(Debug)]
pub(crate) struct Unsent;

#[derive(Clone)]
pub(crate) struct Outbox {
    pub connection: ConnectionId,
    queue: mpsc::Sender<Outgoing>,
    end: watch::Sender<Option<ErrorCode>>,
}

/// The session's side of its [`Outbox`].
pub(crate) struct Inbox {
    pub queue: mpsc::Receiver<Outgoing>,
    pub end: watch::Receiver<Option<ErrorCode>>,
}

impl Outbox {
    pub fn new(connection: ConnectionId) -> (Self, Inbox) {
        let (queue, queue_end) = mpsc::channel(OUTBOX_CAPACITY);
        let (end, end_end) = watch::channel(None);
        let outbox = Self {
            connection,
            queue,
            end,
        };
        let inbox = Inbox {
            queue: queue_end,
            end: end_end,
        };
        (outbox, inbox)
    }

    /// Queues without waiting. A full queue ends the session.
    pub fn send(&self, outgoing: Outgoing) -> Result<(), Unsent> {
        match self.queue.try_send(outgoing) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.end(ErrorCode::Timeout);
                Err(Unsent)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Unsent),
        }
    }

    /// As [`Outbox::send`], where it does not matter whether anybody is there: a lost socket is
    /// told to the room by its session.
    pub fn tell(&self, message: ServerMessage) {
        let _ = self.send(Outgoing::Message(message));
    }

    /// Ends the session past its queue. The first reason stands.
    pub fn end(&self, code: ErrorCode) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            if first {
                *end = Some(code);
            }
            first
        });
    }

    pub fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }
}
