//! The way in: join, takeover after a page reload, resume.
//!
//! A join takes its place first, then asks the media plane, and changes the room only when the
//! plane has answered: whoever is replaced stays until then, and a join that fails changes nothing.

use std::time::Duration;

use tokio::time::timeout;

use super::actor::{PlaneAnswer, Room};
use super::line::Line;
use super::people::{Link, Media, Member};
use super::wants::Wants;
use super::{Entrant, Join, Resume};
use crate::door::Pass;
use crate::ids;
use crate::message::{
    ErrorCode, MediaState, ParticipantId, Person, PublishLine, Publishing, ResumeTicket, RoomState,
    ServerMessage, SlotLine,
};
use crate::node::millis;
use crate::plane::{MediaError, MediaEvent, MediaJoin, MediaJoined, MediaSession, SlotKind};
use crate::quota::Permit;
use crate::session::outbox::Outgoing;
use crate::token::Grant;
use crate::translate::{error_code, is_live, permissions, priority, service_level};

/// Longest SDP offer, in bytes. Longer: `bad_offer`.
const MAX_OFFER_BYTES: usize = 128 * 1024;

/// The plane's answer is awaited this long: it answers at once, were it only `Overloaded`.
pub(super) const PLANE_PATIENCE: Duration = Duration::from_secs(5);

/// Media events of a session that come before its join is answered: one of each kind, and for
/// each of four sources its layers. Beyond that the oldest are dropped.
const MAX_EARLY_EVENTS: usize = 8;

/// A join that waits for the media plane.
pub(super) struct Pending {
    entrant: Entrant,
    participant: ParticipantId,
    grant: Grant,
    publishing: Publishing,
    /// Nobody's place becomes free by this join.
    adds_person: bool,
    early: Vec<MediaEvent>,
    place: Permit,
    pass: Option<Pass>,
}

impl Pending {
    pub fn keep(&mut self, event: MediaEvent) {
        self.early.retain(|former| !event.replaces(former));
        if self.early.len() >= MAX_EARLY_EVENTS {
            self.early.remove(0);
        }
        self.early.push(event);
    }
}

/// How a join relates to who is here.
enum Relation {
    New,
    /// With a good ticket: the same participant goes on.
    TakesOver(ParticipantId),
    /// The same person without a ticket: the former session will end.
    Replaces,
}

impl Room {
    pub fn join(&mut self, join: Join) {
        match self.reserve(&join) {
            Ok((relation, place)) => self.ask_plane(join, relation, place),
            Err(code) => join.entrant.refuse(&self.node, code),
        }
    }

    /// Decides whether there is a place, and takes it.
    fn reserve(&self, join: &Join) -> Result<(Relation, Permit), ErrorCode> {
        if self.node.is_draining() {
            return Err(ErrorCode::Draining);
        }
        if join.offer.len() > MAX_OFFER_BYTES {
            return Err(ErrorCode::BadOffer);
        }
        let max = self.node.config.limits.max_participants_per_room;
        // Also bounds joins that replace somebody: a person could send any number of them.
        if self.pending.len() >= max {
            return Err(ErrorCode::Overloaded);
        }
        let relation = self.relation(join);
        if !matches!(relation, Relation::New) {
            return Ok((relation, self.node.people.take_over()));
        }
        let arriving = self.pending.values().filter(|p| p.adds_person).count();
        if self.people.len() + arriving >= max {
            return Err(ErrorCode::RoomFull);
        }
        let place = self.node.people.take().ok_or(ErrorCode::NodeFull)?;
        Ok((relation, place))
    }

    fn relation(&self, join: &Join) -> Relation {
        let ticket = join.ticket.as_ref();
        if let Some(member) = ticket.and_then(|ticket| self.holder(ticket))
            && member.grant.identity == join.grant.identity
        {
            return Relation::TakesOver(member.id.clone());
        }
        match self.people.id_by_identity(&join.grant.identity) {
            Some(_) => Relation::Replaces,
            None => Relation::New,
        }
    }

    /// Whose ticket this is.
    fn holder(&self, ticket: &ResumeTicket) -> Option<&Member> {
        self.people
            .get(&ticket.participant)
            .filter(|member| ids::secrets_match(&member.secret, &ticket.secret))
    }

    fn ask_plane(&mut self, join: Join, relation: Relation, place: Permit) {
        let session = self.node.mint_session();
        let adds_person = matches!(relation, Relation::New);
        let participant = match relation {
            Relation::TakesOver(participant) => participant,
            Relation::New | Relation::Replaces => ids::participant_id(),
        };
        self.node.directory.add_session(session, &self.handle);
        let request = MediaJoin {
            room: self.handle.id,
            session,
            offer: join.offer,
            permissions: permissions(join.grant.role),
            priority: priority(join.grant.role),
        };
        let plane = self.node.plane.clone();
        self.answers.push(Box::pin(async move {
            let answer = timeout(PLANE_PATIENCE, plane.join(request)).await;
            let result = answer.unwrap_or(Err(MediaError::Overloaded));
            PlaneAnswer::Joined { session, result }
        }));
        let pending = Pending {
            entrant: join.entrant,
            participant,
            grant: join.grant,
            publishing: join.publishing,
            adds_person,
            early: Vec::new(),
            place,
            pass: join.pass,
        };
        self.pending.insert(session, pending);
    }

    pub fn plane_joined(&mut self, session: MediaSession, result: Result<MediaJoined, MediaError>) {
        let Some(pending) = self.pending.remove(&session) else {
            return;
        };
        let joined = match result {
            Ok(joined) => joined,
            Err(error) => {
                // Where the answer came too late, the plane may have the session all the same.
                self.end_media(session);
                pending
                    .entrant
                    .refuse_because(&self.node, error_code(&error), error.to_string());
                return;
            }
        };
        if self.node.is_draining() {
            self.end_media(session);
            pending.entrant.refuse(&self.node, ErrorCode::Draining);
        } else if pending.entrant.outbox.is_gone() {
            // No ticket reached anybody: nobody can come back for this place.
            self.end_media(session);
            pending.entrant.count(&self.node, "abandoned");
        } else {
            self.seat(pending, session, joined);
        }
    }

    /// The join succeeds: the former session of the person goes, the new one is told everything.
    fn seat(&mut self, pending: Pending, session: MediaSession, joined: MediaJoined) {
        let Pending {
            entrant,
            participant,
            grant,
            publishing,
            early,
            place,
            pass,
            ..
        } = pending;
        let rejoined = self.displace(&participant, &grant.identity, &entrant);
        let ticket = ResumeTicket {
            participant: participant.clone(),
            secret: ids::ticket_secret(),
        };
        let media = Media {
            session,
            sources: joined.publish.iter().map(|(_, source)| *source).collect(),
            slots: slot_lines(&joined),
            mapping: vec![None; joined.slots.len()],
            state: None,
            layers: Vec::new(),
            line: Line::default(),
        };
        self.people.insert(Member {
            id: participant.clone(),
            grant,
            secret: ticket.secret.clone(),
            publishing,
            link: Link::Attached(entrant.outbox.clone()),
            media,
            wants: Wants::default(),
            restarting: false,
            _place: place,
            _pass: pass,
        });
        self.node.directory.add_person(&participant, &self.handle);
        self.touch(&participant);
        let message = self.joined_message(entrant.re, ticket, joined);
        entrant.count(&self.node, if rejoined { "rejoined" } else { "joined" });
        self.seated(&entrant, &participant, message);
        self.mute_silent(&participant, publishing);
        self.renew_wants_for(&participant);
        for event in early {
            self.media_event(event);
        }
        self.resend_slots_that_show(session);
    }

    /// Ends the sessions that a join of `identity` as `participant` displaces. True if the
    /// participant was here before.
    fn displace(&mut self, participant: &str, identity: &str, entrant: &Entrant) -> bool {
        let end = |former: &Member| {
            if let Some(outbox) = former.outbox()
                && outbox.connection != entrant.outbox.connection
            {
                outbox.end(ErrorCode::Replaced);
            }
        };
        let former = self.people.remove(participant);
        if let Some(former) = &former {
            self.end_media(former.media.session);
            end(former);
        }
        if let Some(other) = self.people.id_by_identity(identity).cloned()
            && let Some(other) = self.remove(&other)
        {
            end(&other);
        }
        former.is_some()
    }

    fn seated(&mut self, entrant: &Entrant, participant: &str, message: ServerMessage) {
        // A session that ends after this finds it in its queue and reports itself lost.
        let sent = entrant.outbox.send(Outgoing::Seated {
            room: self.handle.clone(),
            participant: participant.to_owned(),
            message,
        });
        if sent.is_err() {
            self.lost(participant, entrant.outbox.connection);
        }
    }

    fn joined_message(
        &mut self,
        re: u32,
        ticket: ResumeTicket,
        joined: MediaJoined,
    ) -> ServerMessage {
        let slots = slot_lines(&joined);
        ServerMessage::Joined {
            re,
            participant: ticket.participant.clone(),
            mapping: self.mapping_of(&ticket.participant),
            ticket,
            answer: joined.answer,
            publish: joined
                .publish
                .into_iter()
                .map(|(mid, source)| PublishLine {
                    mid,
                    source: source.into(),
                })
                .collect(),
            slots,
            roster: self.whole_roster(),
            speakers: self.speaking(),
            room: self.room_state(),
            warnings: joined.warnings.into_iter().map(Into::into).collect(),
            heartbeat_ms: self.node.heartbeat_ms(),
            resume_ms: millis(self.node.config.resume_window),
        }
    }

    pub fn resume(&mut self, resume: &Resume) {
        let Resume { entrant, ticket } = resume;
        if self.node.is_draining() {
            return entrant.refuse(&self.node, ErrorCode::Draining);
        }
        let Some(participant) = self.holder(ticket).map(|member| member.id.clone()) else {
            return entrant.refuse(&self.node, ErrorCode::ResumeUnknown);
        };
        let Some(member) = self.people.get_mut(&participant) else {
            return entrant.refuse(&self.node, ErrorCode::ResumeUnknown);
        };
        // The server may not have noticed yet that the former socket is dead.
        if let Some(former) = member.outbox() {
            former.end(ErrorCode::Replaced);
        }
        member.link = Link::Attached(entrant.outbox.clone());
        let state = member.media.state;
        self.touch(&participant);
        let message = ServerMessage::Resumed {
            re: entrant.re,
            mapping: self.mapping_of(&participant),
            roster: self.whole_roster(),
            speakers: self.speaking(),
            room: self.room_state(),
        };
        entrant.count(&self.node, "resumed");
        self.seated(entrant, &participant, message);
        if state == Some(MediaState::Lost) {
            entrant.outbox.tell(ServerMessage::Connection {
                state: MediaState::Lost,
            });
        }
        self.tell_layers_and_line(&participant);
    }

    fn whole_roster(&mut self) -> Vec<Person> {
        self.roster.given_out();
        let mut roster: Vec<_> = self.people.iter().map(Member::person).collect();
        roster.sort_by(|a, b| a.participant.cmp(&b.participant));
        roster
    }

    pub fn room_state(&self) -> RoomState {
        let max = self.node.config.limits.max_participants_per_room;
        RoomState {
            room: self.handle.name.to_string(),
            max_participants: u32::try_from(max).unwrap_or(u32::MAX),
            service: service_level(self.node.door.step()),
        }
    }

    /// Tells the plane which sources start silent.
    fn mute_silent(&self, participant: &str, publishing: Publishing) {
        let Some(member) = self.people.get(participant) else {
            return;
        };
        for source in &member.media.sources {
            if !is_live(publishing, *source) {
                self.tell_muted(member, *source, true);
            }
        }
    }
}

fn slot_lines(joined: &MediaJoined) -> Vec<SlotLine> {
    let line = |(mid, kind): &(String, SlotKind)| SlotLine {
        mid: mid.clone(),
        kind: (*kind).into(),
    };
    joined.slots.iter().map(line).collect()
}
