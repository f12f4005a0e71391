//! What the media plane tells, in people's terms.

use super::actor::Room;
use super::people::{Member, RawSlot};
use crate::message::{MediaState, ParticipantId, ServerMessage, SlotMapping, SlotTrack};
use crate::plane::{EventScope, MediaEvent, MediaSession, MediaSource};

/// Speakers told at most; the plane names the loudest few.
const MAX_SPEAKERS: usize = 16;

impl Room {
    pub fn media_event(&mut self, event: MediaEvent) {
        if let EventScope::Session(session) = event.scope()
            && let Some(pending) = self.pending.get_mut(&session)
        {
            return pending.keep(event);
        }
        match event {
            MediaEvent::Connected { session } => self.media_state(session, MediaState::Connected),
            MediaEvent::Ended { session, why } => {
                tracing::debug!(
                    room = self.handle.id.0,
                    session = session.0,
                    ?why,
                    "media ended"
                );
                self.media_state(session, MediaState::Lost);
            }
            MediaEvent::Slots { session, slots } => self.map_slots(session, slots),
            MediaEvent::Speakers { sessions, .. } => {
                self.speakers.clear();
                self.speakers.extend(sessions.iter().take(MAX_SPEAKERS));
                let participants = self.speaking();
                self.broadcast(&ServerMessage::Speakers { participants });
            }
            MediaEvent::Layers {
                session,
                source,
                active,
            } => self.watch_layers(session, source, active),
            MediaEvent::Line { session, line } => self.line_changed(session, line),
        }
    }

    fn map_slots(&mut self, session: MediaSession, mut slots: Vec<RawSlot>) {
        let Some(member) = self.people.by_session_mut(session) else {
            return;
        };
        slots.resize(member.media.slots.len(), None);
        member.media.mapping = slots;
        let id = member.id.clone();
        self.send_slots(&id);
    }

    fn watch_layers(&mut self, session: MediaSession, source: MediaSource, active: Vec<String>) {
        let Some(member) = self.people.by_session_mut(session) else {
            return;
        };
        let layers = &mut member.media.layers;
        layers.retain(|(former, _)| *former != source);
        layers.push((source, active.clone()));
        if let Some(outbox) = member.outbox() {
            let source = source.into();
            outbox.tell(ServerMessage::Layers { source, active });
        }
    }

    /// What a client on a new socket may have missed.
    pub fn tell_layers_and_line(&mut self, participant: &str) {
        let Some(member) = self.people.get_mut(participant) else {
            return;
        };
        let line = member.media.line.take_all();
        let Some(outbox) = member.outbox() else {
            return;
        };
        for (source, active) in &member.media.layers {
            outbox.tell(ServerMessage::Layers {
                source: (*source).into(),
                active: active.clone(),
            });
        }
        if let Some(line) = line {
            outbox.tell(ServerMessage::Line(line.into()));
        }
    }

    fn media_state(&mut self, session: MediaSession, state: MediaState) {
        let Some(member) = self.people.by_session_mut(session) else {
            return;
        };
        member.media.state = Some(state);
        if let Some(outbox) = member.outbox() {
            outbox.tell(ServerMessage::Connection { state });
        }
    }

    fn send_slots(&self, participant: &str) {
        let outbox = self.people.get(participant).and_then(Member::outbox);
        if let Some(outbox) = outbox {
            let mapping = self.mapping_of(participant);
            outbox.tell(ServerMessage::Slots { mapping });
        }
    }

    /// The plane may map a new session before its join is answered; until then the others were
    /// told of an empty slot.
    pub fn resend_slots_that_show(&self, session: MediaSession) {
        for member in self.people.iter() {
            let shows = member.media.mapping.iter().flatten();
            if shows.into_iter().any(|(shown, _)| *shown == session) {
                self.send_slots(&member.id);
            }
        }
    }

    /// A person's slots. Sessions whose person has left are shown as empty.
    pub fn mapping_of(&self, participant: &str) -> Vec<SlotMapping> {
        let Some(member) = self.people.get(participant) else {
            return Vec::new();
        };
        let media = &member.media;
        let slots = media.slots.iter().zip(&media.mapping);
        slots
            .map(|(line, shows)| SlotMapping {
                mid: line.mid.clone(),
                shows: shows.and_then(|(session, source)| {
                    Some(SlotTrack {
                        participant: self.people.id_by_session(session)?.clone(),
                        source: source.into(),
                    })
                }),
            })
            .collect()
    }

    pub fn speaking(&self) -> Vec<ParticipantId> {
        self.speakers
            .iter()
            .filter_map(|session| self.people.id_by_session(*session).cloned())
            .collect()
    }
}
