//! What becomes of a client's message.

use axum::extract::ws::{Message, WebSocket};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::decode::{decode, id_of};
use super::{Exit, Place, Session};
use crate::message::{ClientMessage, ErrorCode, Publishing, Request, ResumeTicket, ServerMessage};
use crate::room::{Ask, Entrant, Join, Resume, RoomCommand, Wants};
use crate::token::unix_now;

/// Messages that cannot be understood, in a connection's life; one more ends it.
const MAX_GARBAGE: u32 = 10;

/// Messages over the rate limit since the last one within it; one more ends the connection.
const MAX_THROTTLED: u32 = 100;

/// What a request comes to at once.
enum Outcome {
    /// The room answers, or the plane through it.
    Later,
    Answer(ServerMessage),
    Last(ServerMessage),
}

impl Session {
    pub(super) async fn receive(
        &mut self,
        socket: &mut WebSocket,
        end: &mut watch::Receiver<Option<ErrorCode>>,
        message: Message,
    ) -> Result<(), Exit> {
        let now = Instant::now();
        self.last_heard = now;
        let (bytes, text) = match &message {
            Message::Text(text) => (text.len(), Some(text.as_str())),
            Message::Binary(bytes) => (bytes.len(), None),
            // The library answers pings.
            Message::Ping(bytes) | Message::Pong(bytes) => {
                if self.rate.admit(now, bytes.len()) {
                    return Ok(());
                }
                return self.throttle();
            }
            Message::Close(_) => return Err(Exit::Gone),
        };
        if bytes > self.node.config.limits.max_message_bytes {
            return Err(Exit::Ended(ErrorCode::TooLarge));
        }
        if !self.rate.admit(now, bytes) {
            self.throttle()?;
            let limited = ServerMessage::error(text.and_then(id_of), ErrorCode::RateLimited);
            return self.write(socket, end, &limited).await;
        }
        self.throttled = 0;
        let decoded = text.map_or(Err(None), |text| decode(text).map_err(|bad| bad.id));
        let message = match decoded {
            Ok(message) => message,
            Err(id) => {
                self.count_in("unknown");
                self.garbage += 1;
                if self.garbage > MAX_GARBAGE {
                    return Err(Exit::Ended(ErrorCode::BadMessage));
                }
                let bad = ServerMessage::error(id, ErrorCode::BadMessage);
                return self.write(socket, end, &bad).await;
            }
        };
        self.count_in(message.request.label());
        match self.request(message) {
            Outcome::Later => Ok(()),
            Outcome::Answer(answer) => self.write(socket, end, &answer).await,
            Outcome::Last(answer) => {
                self.write(socket, end, &answer).await?;
                Err(Exit::Done)
            }
        }
    }

    fn throttle(&mut self) -> Result<(), Exit> {
        self.throttled += 1;
        if self.throttled > MAX_THROTTLED {
            return Err(Exit::Ended(ErrorCode::RateLimited));
        }
        Ok(())
    }

    fn request(&mut self, message: ClientMessage) -> Outcome {
        let ClientMessage { id, request } = message;
        let ask = match request {
            Request::Ping {} => return Outcome::Answer(ServerMessage::Ok { re: id }),
            Request::Join {
                room,
                token,
                offer,
                client: _,
                resume,
                place,
                publishing,
            } => {
                let claim = Claim {
                    room,
                    token,
                    offer,
                    ticket: resume,
                    place,
                    publishing,
                };
                return self.join(id, claim);
            }
            Request::Resume { ticket } => return self.resume(id, ticket),
            Request::Wants {
                pinned,
                max_video,
                tiles,
            } => Ask::Wants(Wants {
                pinned,
                max_video,
                tiles,
            }),
            Request::Publishing { publishing } => Ask::Publishing(publishing),
            Request::Restart { offer } => Ask::Restart { offer },
            Request::Leave {} => Ask::Leave,
        };
        self.ask(id, ask)
    }

    fn ask(&self, re: u32, ask: Ask) -> Outcome {
        let (room, participant) = match &self.place {
            Place::Inside { room, participant } => (room, participant),
            // A join on its way finds nobody here, and leaves no trace.
            Place::Entering if matches!(ask, Ask::Leave) => {
                return Outcome::Last(ServerMessage::Ok { re });
            }
            Place::Entering | Place::Outside { .. } => {
                return Outcome::Answer(ServerMessage::error(Some(re), ErrorCode::NotJoined));
            }
        };
        let sent = room.mailbox.try_send(RoomCommand::Ask {
            participant: participant.clone(),
            connection: self.outbox.connection,
            re,
            ask,
        });
        let code = match sent {
            Ok(()) => return Outcome::Later,
            Err(TrySendError::Full(_)) => ErrorCode::Overloaded,
            Err(TrySendError::Closed(_)) => ErrorCode::NotJoined,
        };
        Outcome::Answer(ServerMessage::error(Some(re), code))
    }

    fn entrant(&self, re: u32) -> Entrant {
        Entrant {
            outbox: self.outbox.clone(),
            re,
            since: Instant::now(),
        }
    }

    fn join(&mut self, re: u32, claim: Claim) -> Outcome {
        if !self.may_join(&claim) {
            return Outcome::Answer(ServerMessage::error(Some(re), ErrorCode::AlreadyJoined));
        }
        if matches!(self.place, Place::Outside { .. }) {
            self.place = Place::Entering;
        }
        let entrant = self.entrant(re);
        let verified = self
            .node
            .keyring
            .verify(&claim.token, &claim.room, unix_now());
        match verified {
            Ok(grant) => self.node.enter(Box::new(Join {
                entrant,
                grant,
                offer: claim.offer,
                publishing: claim.publishing,
                ticket: claim.ticket,
                place: claim.place,
                pass: None,
            })),
            Err(error) => entrant.refuse_because(&self.node, error.code(), error.to_string()),
        }
        Outcome::Later
    }

    /// Who is in may join again only in the own place, with new media after the old was lost.
    fn may_join(&self, claim: &Claim) -> bool {
        match &self.place {
            Place::Outside { .. } => true,
            Place::Entering => false,
            Place::Inside { room, participant } => {
                let own = |ticket: &ResumeTicket| ticket.participant == *participant;
                *room.name == *claim.room && claim.ticket.as_ref().is_some_and(own)
            }
        }
    }

    fn resume(&mut self, re: u32, ticket: ResumeTicket) -> Outcome {
        if !matches!(self.place, Place::Outside { .. }) {
            return Outcome::Answer(ServerMessage::error(Some(re), ErrorCode::AlreadyJoined));
        }
        self.place = Place::Entering;
        let entrant = self.entrant(re);
        self.node.resume(Resume { entrant, ticket });
        Outcome::Later
    }

    fn count_in(&self, label: &str) {
        let messages = &self.node.metrics.messages;
        messages.with_label_values(&[label, "in"]).inc();
    }
}

/// A join as asked, not verified yet.
struct Claim {
    room: String,
    token: String,
    offer: String,
    ticket: Option<ResumeTicket>,
    place: Option<String>,
    publishing: Publishing,
}
