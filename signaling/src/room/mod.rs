//! A room of people. One task owns all of a room's state and never waits for anything but its
//! mailbox, its answers from the media plane and its timers.
//!
//! - [`actor`]: the task: what it waits for, and its end
//! - [`entry`]: join, takeover after a page reload, resume
//! - [`requests`]: what people ask once they are in
//! - [`wants`]: what they wish to see
//! - [`media`]: what the media plane tells, in people's terms
//! - [`line`]: how often of that people hear of their lines
//! - [`people`]: who is here
//! - [`roster`]: batches what the others are told of them

mod actor;
mod entry;
mod line;
mod media;
mod people;
mod requests;
mod roster;
mod wants;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::door::Pass;
use crate::message::{ErrorCode, ParticipantId, Publishing, ResumeTicket, ServerMessage};
use crate::node::Node;
use crate::plane::{MediaEvent, MediaRoom};
use crate::quota::Permit;
use crate::session::outbox::{ConnectionId, Outbox, Outgoing};
use crate::token::Grant;
pub(crate) use wants::Wants;

/// Commands that wait for one room at most. Full: requests are answered `overloaded`, and media
/// events wait a moment, then are dropped and counted.
pub(crate) const ROOM_MAILBOX: usize = 1024;

/// The way to a room's task.
#[derive(Clone)]
pub(crate) struct RoomHandle {
    pub id: MediaRoom,
    pub name: Arc<str>,
    pub mailbox: mpsc::Sender<RoomCommand>,
}

pub(crate) enum RoomCommand {
    Join(Box<Join>),
    Resume(Resume),
    Ask {
        participant: ParticipantId,
        connection: ConnectionId,
        re: u32,
        ask: Ask,
    },
    /// The socket is gone without a farewell.
    Lost {
        participant: ParticipantId,
        connection: ConnectionId,
    },
    Media(MediaEvent),
    /// The node gives another service: everybody is told.
    Service,
    /// Everybody out: the node stops.
    Drain,
}

/// Who wants in, and where the answer goes.
pub(crate) struct Entrant {
    pub outbox: Outbox,
    pub re: u32,
    /// When the request came.
    pub since: Instant,
}

pub(crate) struct Join {
    pub entrant: Entrant,
    pub grant: Grant,
    pub offer: String,
    pub publishing: Publishing,
    /// Of an earlier session, to take its place.
    pub ticket: Option<ResumeTicket>,
    /// Of a place in the queue that was kept.
    pub place: Option<String>,
    /// The door has let this one in.
    pub pass: Option<Pass>,
}

pub(crate) struct Resume {
    pub entrant: Entrant,
    pub ticket: ResumeTicket,
}

/// Requests of people who are in.
pub(crate) enum Ask {
    Wants(Wants),
    Publishing(Publishing),
    Restart { offer: String },
    Leave,
}

impl RoomHandle {
    /// A new room's handle and the mailbox its task will read.
    pub fn new(id: MediaRoom, name: &str) -> (Self, mpsc::Receiver<RoomCommand>) {
        let (mailbox, receiver) = mpsc::channel(ROOM_MAILBOX);
        let handle = Self {
            id,
            name: name.into(),
            mailbox,
        };
        (handle, receiver)
    }

    /// Starts the room's task, which lives until the last person has left.
    pub fn start(&self, node: Arc<Node>, commands: mpsc::Receiver<RoomCommand>, place: Permit) {
        let room = actor::Room::new(node, self.clone(), place);
        tokio::spawn(room.run(commands));
    }
}

impl Entrant {
    /// Turns the entrant away. Final answer.
    pub fn refuse(&self, node: &Node, code: ErrorCode) {
        self.refuse_because(node, code, code.sentence().to_owned());
    }

    pub fn refuse_because(&self, node: &Node, code: ErrorCode, message: String) {
        let refused = ServerMessage::Refused {
            re: self.re,
            code,
            message,
            retry_after_ms: node.retry_after_ms(code),
            place: None,
        };
        self.send_refusal(node, code, refused);
    }

    /// Turns the entrant away at the door, perhaps with a place to come back to. Final answer.
    pub fn send_away(
        &self,
        node: &Node,
        code: ErrorCode,
        retry_after_ms: Option<u32>,
        place: Option<String>,
    ) {
        let refused = ServerMessage::Refused {
            re: self.re,
            code,
            message: code.sentence().to_owned(),
            retry_after_ms,
            place,
        };
        self.send_refusal(node, code, refused);
    }

    fn send_refusal(&self, node: &Node, code: ErrorCode, refused: ServerMessage) {
        self.count(node, code.as_str());
        // Nobody there: nobody to tell.
        let _ = self.outbox.send(Outgoing::Refused(refused));
    }

    pub fn count(&self, node: &Node, result: &str) {
        node.metrics.joins.with_label_values(&[result]).inc();
        let latency = self.since.elapsed();
        node.metrics.join_latency.observe(latency.as_secs_f64());
    }
}
