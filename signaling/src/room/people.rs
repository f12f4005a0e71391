//! Who is in a room, found by participant, by identity and by media session.

use std::collections::HashMap;

use tokio::time::Instant;

use super::line::Line;
use super::wants::Wants;
use crate::door::Pass;
use crate::message::{MediaState, ParticipantId, Person, Publishing, SlotLine};
use crate::plane::{MediaSession, MediaSource};
use crate::quota::Permit;
use crate::session::outbox::{ConnectionId, Outbox};
use crate::token::Grant;
use crate::translate::line_quality;

/// What a slot shows, in the plane's terms.
pub(super) type RawSlot = Option<(MediaSession, MediaSource)>;

/// One person in the room.
pub(super) struct Member {
    pub id: ParticipantId,
    pub grant: Grant,
    /// Of the resume ticket; another one after each join.
    pub secret: String,
    pub publishing: Publishing,
    pub link: Link,
    pub media: Media,
    pub wants: Wants,
    /// An ICE restart waits for the plane's answer; one at a time.
    pub restarting: bool,
    /// Counts the person; given back with the member.
    pub _place: Permit,
    /// Keeps the person's place in the class; given back with the member.
    pub _pass: Option<Pass>,
}

/// The way to the person.
pub(super) enum Link {
    Attached(Outbox),
    /// The socket is lost; until then the person may resume.
    Lost {
        until: Instant,
    },
}

/// The person's media session.
pub(super) struct Media {
    pub session: MediaSession,
    pub sources: Vec<MediaSource>,
    pub slots: Vec<SlotLine>,
    /// By slot, no longer than `slots`.
    pub mapping: Vec<RawSlot>,
    /// `None` until the path is up or lost for the first time.
    pub state: Option<MediaState>,
    /// The encodings somebody watches, by source, as the plane last said; one entry a source.
    pub layers: Vec<(MediaSource, Vec<String>)>,
    pub line: Line,
}

impl Member {
    pub fn outbox(&self) -> Option<&Outbox> {
        match &self.link {
            Link::Attached(outbox) => Some(outbox),
            Link::Lost { .. } => None,
        }
    }

    pub fn is_on(&self, connection: ConnectionId) -> bool {
        self.outbox().is_some_and(|o| o.connection == connection)
    }

    pub fn person(&self) -> Person {
        Person {
            participant: self.id.clone(),
            name: self.grant.name.clone(),
            role: self.grant.role,
            publishing: self.publishing,
            present: matches!(self.link, Link::Attached(_)),
            line: line_quality(self.media.line.now),
        }
    }
}

/// At most `max_participants_per_room` members; the indexes hold one entry for each.
#[derive(Default)]
pub(super) struct People {
    members: HashMap<ParticipantId, Member>,
    by_identity: HashMap<String, ParticipantId>,
    by_session: HashMap<MediaSession, ParticipantId>,
}

impl People {
    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn get(&self, id: &str) -> Option<&Member> {
        self.members.get(id)
    }

    /// Not for changing the identity or the session: the indexes would not follow.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.get_mut(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub fn id_by_identity(&self, identity: &str) -> Option<&ParticipantId> {
        self.by_identity.get(identity)
    }

    pub fn by_session_mut(&mut self, session: MediaSession) -> Option<&mut Member> {
        let id = self.by_session.get(&session)?;
        self.members.get_mut(id)
    }

    pub fn id_by_session(&self, session: MediaSession) -> Option<&ParticipantId> {
        self.by_session.get(&session)
    }

    /// Adds a member whose id and identity nobody here has.
    pub fn insert(&mut self, member: Member) {
        let id = &member.id;
        self.by_identity
            .insert(member.grant.identity.clone(), id.clone());
        self.by_session.insert(member.media.session, id.clone());
        self.members.insert(id.clone(), member);
    }

    pub fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.by_identity.remove(&member.grant.identity);
        self.by_session.remove(&member.media.session);
        Some(member)
    }

    /// The first moment at which somebody may no longer resume.
    pub fn next_expiry(&self) -> Option<Instant> {
        let until = |member: &Member| match member.link {
            Link::Lost { until } => Some(until),
            Link::Attached(_) => None,
        };
        self.members.values().filter_map(until).min()
    }

    /// Those whose time to resume is over.
    pub fn expired(&self, now: Instant) -> Vec<ParticipantId> {
        self.members
            .values()
            .filter(|m| matches!(m.link, Link::Lost { until } if until <= now))
            .map(|m| m.id.clone())
            .collect()
    }
}
