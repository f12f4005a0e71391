//! A join, from the offer to the two hand-overs.

use dashmap::Entry;
use firstbell_signaling::plane::{
    MediaError, MediaJoin, MediaJoined, MediaPriority, MediaSession, MediaWarning, SlotKind,
};
use rand::Rng;
use rand::distr::Alphanumeric;

use super::{Origin, Plane, SessionEntry, media_source, participant, permissions, room};
use crate::media::MediaKind;
use crate::shard::{Command, JoinParticipant};
use crate::wire::sdp::{
    self, AnswerParams, IceCredentials, Negotiated, RestartParams, SdpError, SdpWarning,
    SessionPlan,
};

/// RFC 8839 §5.4: at least 4 and 22 characters. Longer ufrags make a guessed one hopeless.
const UFRAG_CHARACTERS: usize = 8;
const PASSWORD_CHARACTERS: usize = 24;
const CNAME_CHARACTERS: usize = 16;

impl Plane {
    pub(super) fn join_now(&self, join: &MediaJoin) -> Result<MediaJoined, MediaError> {
        let offer = sdp::parse_offer(&join.offer).map_err(bad_offer)?;
        let shard = self
            .placement()
            .take(join.room, join.session)
            .map_err(|_| MediaError::Overloaded)?;
        let joined = self.negotiate_and_hand_over(join, &offer, shard);
        if joined.is_err() {
            self.placement().release(join.session);
        }
        joined
    }

    fn negotiate_and_hand_over(
        &self,
        join: &MediaJoin,
        offer: &sdp::Offer,
        shard: usize,
    ) -> Result<MediaJoined, MediaError> {
        let local_ice = fresh_credentials();
        let (origin, negotiated) = self.negotiate(offer, &local_ice, shard)?;
        if negotiated.session.is_empty() {
            return Err(MediaError::UnsupportedMedia);
        }
        let joined = describe(&negotiated);
        let plan = negotiated.session;
        // The entry is there before anybody can send events about it, and the pool knows the
        // participant before the shard can see its first datagram.
        match self.sessions.entry(join.session) {
            Entry::Occupied(_) => return Err(MediaError::Overloaded),
            Entry::Vacant(place) => {
                place.insert(SessionEntry {
                    shard,
                    plan: plan.clone(),
                    origin,
                });
            }
        }
        let handed_over = self.hand_over(join, shard, local_ice, plan);
        if handed_over.is_err() {
            self.handshake.remove(participant(join.session));
            self.sessions.remove(&join.session);
        }
        handed_over.map(|()| joined)
    }

    fn hand_over(
        &self,
        join: &MediaJoin,
        shard: usize,
        local_ice: IceCredentials,
        plan: SessionPlan,
    ) -> Result<(), MediaError> {
        let who = participant(join.session);
        self.handshake
            .register(who, shard, plan.dtls_role, plan.remote_fingerprints.clone())
            .map_err(|_| MediaError::Overloaded)?;
        let command = Command::Join(Box::new(JoinParticipant {
            room: room(join.room),
            participant: who,
            plan,
            local_ice,
            permissions: permissions(join.permissions),
            leading: join.priority == MediaPriority::Leading,
            spread_over: self.placement().others(join.room, shard),
        }));
        self.shards[shard]
            .handle
            .send(command)
            .map_err(|_| MediaError::Overloaded)
    }

    pub(super) fn restart_now(
        &self,
        session: MediaSession,
        text: &str,
    ) -> Result<String, MediaError> {
        let offer = sdp::parse_offer(text).map_err(bad_offer)?;
        let mut entry = self
            .sessions
            .get_mut(&session)
            .ok_or(MediaError::UnknownSession)?;
        let local = fresh_credentials();
        let restarted = sdp::renegotiate_restart(
            &offer,
            &entry.plan,
            RestartParams {
                session_id: entry.origin.session_id,
                session_version: entry.origin.session_version + 1,
                ice: &local,
                candidates: &self.shards[entry.shard].candidates,
                fingerprint: &self.fingerprint,
                cname: &entry.origin.cname,
            },
        )
        .map_err(bad_offer)?;
        let command = Command::RestartIce {
            participant: participant(session),
            local,
            remote: restarted.remote_ice.clone(),
        };
        self.shards[entry.shard]
            .handle
            .send(command)
            .map_err(|_| MediaError::Overloaded)?;
        entry.origin.session_version += 1;
        entry.plan.remote_ice = restarted.remote_ice;
        Ok(restarted.answer)
    }

    fn negotiate(
        &self,
        offer: &sdp::Offer,
        ice: &IceCredentials,
        shard: usize,
    ) -> Result<(Origin, Negotiated), MediaError> {
        let mut random = rand::rng();
        let origin = Origin {
            session_id: random.random::<u64>() >> 2,
            session_version: 1,
            cname: characters(CNAME_CHARACTERS),
        };
        let params = AnswerParams {
            session_id: origin.session_id,
            ice,
            candidates: &self.shards[shard].candidates,
            fingerprint: &self.fingerprint,
            setup_preference: self.setup_preference,
            cname: &origin.cname,
            next_ssrc: &mut || random.random(),
        };
        let negotiated = sdp::negotiate(offer, params).map_err(bad_offer)?;
        Ok((origin, negotiated))
    }
}

fn bad_offer(error: SdpError) -> MediaError {
    match error {
        SdpError::NoUsableMedia => MediaError::UnsupportedMedia,
        other => MediaError::BadOffer(other.to_string()),
    }
}

fn describe(negotiated: &Negotiated) -> MediaJoined {
    let plan = &negotiated.session;
    MediaJoined {
        answer: negotiated.answer.clone(),
        publish: plan
            .publish
            .iter()
            .map(|line| (line.mid.as_str().to_owned(), media_source(line.source)))
            .collect(),
        slots: plan
            .slots
            .iter()
            .map(|line| (line.mid.as_str().to_owned(), slot_kind(line.kind)))
            .collect(),
        warnings: negotiated.warnings.iter().copied().map(warning).collect(),
    }
}

fn slot_kind(kind: MediaKind) -> SlotKind {
    match kind {
        MediaKind::Audio => SlotKind::Audio,
        MediaKind::Video => SlotKind::Video,
    }
}

fn warning(warning: SdpWarning) -> MediaWarning {
    match warning {
        SdpWarning::AudioCodecUnsupported => MediaWarning::AudioCodecUnsupported,
        SdpWarning::VideoCodecUnsupported => MediaWarning::VideoCodecUnsupported,
    }
}

fn fresh_credentials() -> IceCredentials {
    IceCredentials {
        ufrag: characters(UFRAG_CHARACTERS),
        password: characters(PASSWORD_CHARACTERS),
    }
}

fn characters(count: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(count)
        .map(char::from)
        .collect()
}
