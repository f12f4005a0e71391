//! One WebSocket: one task that reads, writes and keeps time for it.
//!
//! - [`decode`]: text to requests
//! - [`rate_limit`]: how much one socket may ask
//! - [`outbox`]: what a room holds of the session
//! - [`requests`]: what becomes of a request

pub(crate) mod decode;
pub(crate) mod outbox;
mod rate_limit;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::message::{ErrorCode, ParticipantId, ServerMessage};
use crate::node::Node;
use crate::quota::Permit;
use crate::room::{RoomCommand, RoomHandle};
use crate::wire::encode;
use outbox::{Inbox, Outbox, Outgoing};
use rate_limit::RateLimit;

/// A connection joins or resumes within this time, and again after each refusal.
const ENTER_WITHIN: Duration = Duration::from_secs(10);

/// One message to a client that does not read; then the session ends with `timeout`.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// For the farewell: the last message, and the client's own close.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

/// Why a session is over.
enum Exit {
    /// The client is told.
    Ended(ErrorCode),
    /// Everything is said.
    Done,
    /// Nobody is there to tell.
    Gone,
}

/// Where the person behind the socket is.
enum Place {
    Outside {
        enter_by: Instant,
    },
    /// A join or resume waits for its answer.
    Entering,
    Inside {
        room: RoomHandle,
        participant: ParticipantId,
    },
}

struct Session {
    node: Arc<Node>,
    outbox: Outbox,
    place: Place,
    rate: RateLimit,
    garbage: u32,
    throttled: u32,
    last_heard: Instant,
    /// When `last_heard` is too long ago.
    silence: Duration,
    /// How long the door may let somebody wait.
    longest_wait: Duration,
}

/// Serves one socket until it is over. `_place` counts it.
pub(crate) async fn run(mut socket: WebSocket, node: Arc<Node>, _place: Permit) {
    let now = Instant::now();
    let (outbox, mut inbox) = Outbox::new(node.mint_connection());
    let mut session = Session {
        silence: node.config.heartbeat.mul_f64(2.5),
        longest_wait: node.config.admission.max_wait * 2,
        node,
        outbox,
        place: Place::Outside {
            enter_by: now + ENTER_WITHIN,
        },
        rate: RateLimit::new(now),
        garbage: 0,
        throttled: 0,
        last_heard: now,
    };
    let exit = session.serve(&mut socket, &mut inbox).await;
    session.part(inbox).await;
    session.farewell(socket, exit).await;
}

impl Session {
    async fn serve(&mut self, socket: &mut WebSocket, inbox: &mut Inbox) -> Exit {
        let mut draining = self.node.draining();
        loop {
            let deadline = self.deadline();
            let step = tokio::select! {
                biased;
                code = ended(&mut inbox.end) => Err(Exit::Ended(code)),
                () = drained(&mut draining) => Err(Exit::Ended(ErrorCode::Draining)),
                () = sleep_until(deadline) => Err(Exit::Ended(ErrorCode::Timeout)),
                Some(outgoing) = inbox.queue.recv() => {
                    self.forward(socket, &mut inbox.end, outgoing).await
                }
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.receive(socket, &mut inbox.end, message).await,
                    Some(Err(_)) | None => Err(Exit::Gone),
                },
            };
            if let Err(exit) = step {
                return exit;
            }
        }
    }

    fn deadline(&self) -> Instant {
        match self.place {
            Place::Outside { enter_by } => enter_by,
            // Who waits to be let in has nothing to say.
            Place::Entering => self.last_heard + self.silence + self.longest_wait,
            Place::Inside { .. } => self.last_heard + self.silence,
        }
    }

    /// Writes what a room sent, and learns from it where the person is.
    async fn forward(
        &mut self,
        socket: &mut WebSocket,
        end: &mut watch::Receiver<Option<ErrorCode>>,
        outgoing: Outgoing,
    ) -> Result<(), Exit> {
        match outgoing {
            Outgoing::Message(message) => self.write(socket, end, &message).await,
            Outgoing::Shared { label, text } => {
                self.count_out(label);
                write_text(socket, end, text).await
            }
            Outgoing::Seated {
                room,
                participant,
                message,
            } => {
                self.place = Place::Inside { room, participant };
                self.write(socket, end, &message).await
            }
            Outgoing::Refused(message) => {
                if matches!(self.place, Place::Entering) {
                    self.place = Place::Outside {
                        enter_by: Instant::now() + ENTER_WITHIN,
                    };
                }
                self.write(socket, end, &message).await
            }
            Outgoing::Last(message) => {
                self.write(socket, end, &message).await?;
                Err(Exit::Done)
            }
        }
    }

    async fn write(
        &self,
        socket: &mut WebSocket,
        end: &mut watch::Receiver<Option<ErrorCode>>,
        message: &ServerMessage,
    ) -> Result<(), Exit> {
        self.count_out(message.label());
        if let Some(code) = message.code() {
            self.count_error(code);
        }
        match encode(message) {
            Some(text) => write_text(socket, end, text).await,
            None => Err(Exit::Ended(ErrorCode::Internal)),
        }
    }

    /// Tells the room that the socket is gone, also if the seat is still in the queue.
    async fn part(&mut self, mut inbox: Inbox) {
        inbox.queue.close();
        self.node.door.vanish(self.outbox.connection);
        while let Ok(outgoing) = inbox.queue.try_recv() {
            if let Outgoing::Seated {
                room, participant, ..
            } = outgoing
            {
                self.place = Place::Inside { room, participant };
            }
        }
        if let Place::Inside { room, participant } = &self.place {
            let lost = RoomCommand::Lost {
                participant: participant.clone(),
                connection: self.outbox.connection,
            };
            // A closed room has nobody left to lose.
            let _ = room.mailbox.send(lost).await;
        }
    }

    async fn farewell(&self, mut socket: WebSocket, exit: Exit) {
        let code = match exit {
            Exit::Gone => return,
            Exit::Done => None,
            Exit::Ended(code) => Some(code),
        };
        let last = async {
            if let Some(code) = code {
                let message = code.sentence().to_owned();
                let ended = ServerMessage::Ended { code, message };
                self.count_out(ended.label());
                self.count_error(code);
                if let Some(text) = encode(&ended) {
                    socket.send(Message::Text(text)).await?;
                }
            }
            socket.send(Message::Close(None)).await?;
            // What the client has sent is read and dropped, or its end of the connection would be
            // reset before it has read the farewell.
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        // Who does not listen misses it.
        let _ = timeout(FAREWELL_PATIENCE, last).await;
    }

    fn count_out(&self, label: &str) {
        let messages = &self.node.metrics.messages;
        messages.with_label_values(&[label, "out"]).inc();
    }

    fn count_error(&self, code: ErrorCode) {
        let errors = &self.node.metrics.errors;
        errors.with_label_values(&[code.as_str()]).inc();
    }
}

/// Resolves when somebody ends the session from outside.
async fn ended(end: &mut watch::Receiver<Option<ErrorCode>>) -> ErrorCode {
    // The session holds a sender itself, so that waiting cannot fail.
    match end.wait_for(Option::is_some).await {
        Ok(code) => (*code).unwrap_or(ErrorCode::Internal),
        Err(_) => ErrorCode::Internal,
    }
}

async fn drained(draining: &mut watch::Receiver<bool>) {
    // The node outlives its sessions, so that waiting cannot fail.
    let _ = draining.wait_for(|draining| *draining).await;
}

async fn write_text(
    socket: &mut WebSocket,
    end: &mut watch::Receiver<Option<ErrorCode>>,
    text: Utf8Bytes,
) -> Result<(), Exit> {
    let send = timeout(WRITE_PATIENCE, socket.send(Message::Text(text)));
    tokio::select! {
        biased;
        sent = send => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Exit::Gone),
            Err(_) => Err(Exit::Ended(ErrorCode::Timeout)),
        },
        code = ended(end) => Err(Exit::Ended(code)),
    }
}
