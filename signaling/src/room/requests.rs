//! What people ask once they are in. Each request is answered exactly once, through the outbox of
//! the connection it came from.

use tokio::time::timeout;

use super::Ask;
use super::actor::{PlaneAnswer, Room};
use super::entry::PLANE_PATIENCE;
use super::people::Member;
use crate::message::{ErrorCode, Publishing, ServerMessage};
use crate::plane::{MediaError, MediaSession, MediaSource};
use crate::session::outbox::{ConnectionId, Outgoing};
use crate::translate::{error_code, is_live};

impl Room {
    pub fn ask(&mut self, participant: &str, connection: ConnectionId, re: u32, ask: Ask) {
        let Some(outbox) = self
            .people
            .get(participant)
            .filter(|member| member.is_on(connection))
            .and_then(Member::outbox)
            .cloned()
        else {
            // That connection was replaced or removed: its `ended` answers everything.
            return;
        };
        let answer = match ask {
            Ask::Wants(wants) => self.set_wants(participant, wants),
            Ask::Publishing(publishing) => {
                self.set_publishing(participant, publishing);
                Ok(())
            }
            Ask::Restart { offer } => match self.restart(participant, connection, re, offer) {
                Ok(()) => return,
                Err(code) => Err(code),
            },
            Ask::Leave => {
                self.remove(participant);
                let _ = outbox.send(Outgoing::Last(ServerMessage::Ok { re }));
                return;
            }
        };
        outbox.tell(match answer {
            Ok(()) => ServerMessage::Ok { re },
            Err(code) => ServerMessage::error(Some(re), code),
        });
    }

    fn set_publishing(&mut self, participant: &str, publishing: Publishing) {
        let Some(member) = self.people.get_mut(participant) else {
            return;
        };
        let before = std::mem::replace(&mut member.publishing, publishing);
        if before == publishing {
            return;
        }
        self.touch(participant);
        let Some(member) = self.people.get(participant) else {
            return;
        };
        for source in &member.media.sources {
            let live = is_live(publishing, *source);
            if is_live(before, *source) != live {
                self.tell_muted(member, *source, !live);
            }
        }
    }

    /// Only a hint: without it, slots are freed after a silence.
    pub fn tell_muted(&self, member: &Member, source: MediaSource, muted: bool) {
        let told = self
            .node
            .plane
            .set_muted(member.media.session, source, muted);
        if let Err(error) = told {
            tracing::debug!(participant = member.id, %error, "plane not told of a mute");
        }
    }

    fn restart(
        &mut self,
        participant: &str,
        connection: ConnectionId,
        re: u32,
        offer: String,
    ) -> Result<(), ErrorCode> {
        let Some(member) = self.people.get_mut(participant) else {
            return Err(ErrorCode::NotJoined);
        };
        if member.restarting {
            return Err(ErrorCode::Overloaded);
        }
        member.restarting = true;
        let session = member.media.session;
        let participant = participant.to_owned();
        let plane = self.node.plane.clone();
        self.answers.push(Box::pin(async move {
            let answer = timeout(PLANE_PATIENCE, plane.restart(session, offer)).await;
            let result = answer.unwrap_or(Err(MediaError::Overloaded));
            PlaneAnswer::Restarted {
                participant,
                session,
                connection,
                re,
                result,
            }
        }));
        Ok(())
    }

    pub fn plane_restarted(
        &mut self,
        participant: &str,
        session: MediaSession,
        connection: ConnectionId,
        re: u32,
        result: Result<String, MediaError>,
    ) {
        let Some(member) = self.people.get_mut(participant) else {
            return;
        };
        if member.media.session == session {
            member.restarting = false;
        }
        let Some(outbox) = member.outbox().filter(|o| o.connection == connection) else {
            return;
        };
        outbox.tell(match result {
            Ok(answer) => ServerMessage::Restarted { re, answer },
            Err(error) => ServerMessage::Error {
                re: Some(re),
                code: error_code(&error),
                message: error.to_string(),
            },
        });
    }
}
