//! The task of a room.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::entry::Pending;
use super::line::LineBatch;
use super::people::{Link, Member, People};
use super::roster::RosterBatch;
use super::{RoomCommand, RoomHandle};
use crate::message::{ErrorCode, ParticipantId, ServerMessage};
use crate::node::Node;
use crate::plane::{MediaError, MediaJoined, MediaSession};
use crate::quota::Permit;
use crate::session::outbox::{ConnectionId, Outgoing};
use crate::wire::encode;

/// What the media plane answered.
pub(super) enum PlaneAnswer {
    Joined {
        session: MediaSession,
        result: Result<MediaJoined, MediaError>,
    },
    Restarted {
        participant: ParticipantId,
        session: MediaSession,
        connection: ConnectionId,
        re: u32,
        result: Result<String, MediaError>,
    },
}

pub(super) struct Room {
    pub node: Arc<Node>,
    pub handle: RoomHandle,
    pub people: People,
    /// Joins that wait for the plane; bounded in `entry`.
    pub pending: HashMap<MediaSession, Pending>,
    /// At most one for each pending join and one restart for each person.
    pub answers: FuturesUnordered<BoxFuture<'static, PlaneAnswer>>,
    pub roster: RosterBatch,
    pub lines: LineBatch,
    /// Loudest first, as the plane last said.
    pub speakers: Vec<MediaSession>,
    _place: Permit,
}

impl Room {
    pub fn new(node: Arc<Node>, handle: RoomHandle, place: Permit) -> Self {
        Self {
            node,
            handle,
            people: People::default(),
            pending: HashMap::new(),
            answers: FuturesUnordered::new(),
            roster: RosterBatch::default(),
            lines: LineBatch::default(),
            speakers: Vec::new(),
            _place: place,
        }
    }

    pub async fn run(mut self, mut commands: mpsc::Receiver<RoomCommand>) {
        tracing::debug!(room = self.handle.id.0, "room opened");
        loop {
            let deadline = self.deadline();
            let wake = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => break,
                },
                Some(answer) = self.answers.next() => self.handle_answer(answer),
                () = wake => {}
            }
            self.handle_time(Instant::now());
            if self.people.is_empty() && self.pending.is_empty() {
                break;
            }
        }
        self.close(commands);
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.roster.due(),
            self.lines.due(),
            self.people.next_expiry(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn handle_command(&mut self, command: RoomCommand) {
        match command {
            RoomCommand::Join(join) => self.join(*join),
            RoomCommand::Resume(resume) => self.resume(&resume),
            RoomCommand::Ask {
                participant,
                connection,
                re,
                ask,
            } => self.ask(&participant, connection, re, ask),
            RoomCommand::Lost {
                participant,
                connection,
            } => self.lost(&participant, connection),
            RoomCommand::Media(event) => self.media_event(event),
            RoomCommand::Service => self.broadcast(&ServerMessage::Room {
                room: self.room_state(),
            }),
            RoomCommand::Drain => self.drain(),
        }
    }

    fn handle_answer(&mut self, answer: PlaneAnswer) {
        match answer {
            PlaneAnswer::Joined { session, result } => self.plane_joined(session, result),
            PlaneAnswer::Restarted {
                participant,
                session,
                connection,
                re,
                result,
            } => self.plane_restarted(&participant, session, connection, re, result),
        }
    }

    fn handle_time(&mut self, now: Instant) {
        for participant in self.people.expired(now) {
            tracing::debug!(room = self.handle.id.0, participant, "not resumed in time");
            self.remove(&participant);
        }
        if self.lines.due().is_some_and(|due| due <= now) {
            self.tell_lines(now);
        }
        if self.roster.due().is_some_and(|due| due <= now) {
            let people = &self.people;
            let delta = self.roster.take(|id| people.get(id).map(Member::person));
            if let Some(delta) = delta {
                self.broadcast(&delta);
            }
        }
    }

    /// The socket of `connection` is gone: from now on the person may resume.
    pub fn lost(&mut self, participant: &str, connection: ConnectionId) {
        let until = Instant::now() + self.node.config.resume_window;
        let Some(member) = self.people.get_mut(participant) else {
            return;
        };
        if member.is_on(connection) {
            member.link = Link::Lost { until };
            self.touch(participant);
        }
    }

    fn drain(&mut self) {
        let everybody: Vec<_> = self.people.iter().map(|m| m.id.clone()).collect();
        for participant in everybody {
            if let Some(member) = self.remove(&participant)
                && let Some(outbox) = member.outbox()
            {
                outbox.end(ErrorCode::Draining);
            }
        }
    }

    /// Removes a person and the media. What the person hears is the caller's part.
    pub fn remove(&mut self, participant: &str) -> Option<Member> {
        let member = self.people.remove(participant)?;
        self.end_media(member.media.session);
        self.node
            .directory
            .forget_person(participant, self.handle.id);
        self.touch(participant);
        Some(member)
    }

    pub fn end_media(&self, session: MediaSession) {
        self.node.plane.leave(session);
        self.node.directory.forget_session(session);
    }

    /// Tells the others of `participant` with the next roster message.
    pub fn touch(&mut self, participant: &str) {
        self.roster.touch(Instant::now(), participant);
    }

    /// To everybody with a socket, encoded once.
    pub fn broadcast(&self, message: &ServerMessage) {
        let Some(text) = encode(message) else { return };
        for outbox in self.people.iter().filter_map(Member::outbox) {
            // Who is gone will be reported lost.
            let _ = outbox.send(Outgoing::Shared {
                label: message.label(),
                text: text.clone(),
            });
        }
    }

    /// The last person has left: no new command finds the room, and those on their way go to the
    /// next room of this name.
    fn close(self, mut commands: mpsc::Receiver<RoomCommand>) {
        self.node.directory.forget_room(&self.handle);
        commands.close();
        while let Ok(command) = commands.try_recv() {
            match command {
                RoomCommand::Join(join) => self.node.bring(join),
                RoomCommand::Resume(resume) => {
                    resume.entrant.refuse(&self.node, ErrorCode::ResumeUnknown);
                }
                RoomCommand::Ask { .. }
                | RoomCommand::Lost { .. }
                | RoomCommand::Media(_)
                | RoomCommand::Service
                | RoomCommand::Drain => {}
            }
        }
        tracing::debug!(room = self.handle.id.0, "room closed");
    }
}
