//! Of the people on other shards, what is shown here, and what is asked of their shards for it.

use std::time::Instant;

use arrayvec::ArrayVec;

use super::message::{MAX_NACKED, PublisherState, RelayMessage, SourceSet};
use super::{MAX_REMOTE_PARTICIPANTS, PeerSet, Remote, Room};
use crate::media::{ParticipantId, RoomId, Source};
use crate::publish::{Ingress, relayed_ssrc};
use crate::room::Turn;
use crate::room::publisher::Publisher;
use crate::subscribe::TrackKey;
use crate::wire::rtcp::Rtcp;

impl Room {
    /// Takes a message about this room from shard `from`; `own` is this shard.
    pub fn handle_relay(
        &mut self,
        turn: &mut Turn<'_>,
        (own, from): (usize, usize),
        message: &RelayMessage<'_>,
    ) {
        if let RelayMessage::Hello { since, asks } = *message {
            self.on_hello((own, from), since, asks);
            return;
        }
        let relay = self.relay.as_ref();
        let Some(place) = relay.and_then(|relay| relay.peers.place_of(from)) else {
            let is_media = matches!(message, RelayMessage::Media { .. });
            turn.relay_counters.packets_unknown += u64::from(is_media);
            return;
        };
        match *message {
            RelayMessage::Hello { .. } => {}
            RelayMessage::Bye => self.on_bye(place),
            RelayMessage::Publisher(state) => self.on_publisher(turn, place, &state),
            RelayMessage::Gone { participant } => {
                if let Some(seat) = self.seat_of_remote(place, participant) {
                    self.remove_remote(seat);
                }
            }
            RelayMessage::Wants {
                participant,
                sources,
            } => self.on_wants(place, participant, sources),
            RelayMessage::Keyframe {
                participant,
                source,
            } => {
                turn.relay_counters.keyframe_requests_in += 1;
                if self.publisher_here(participant).is_some() {
                    let track = TrackKey {
                        participant,
                        source,
                    };
                    self.request_keyframe(turn.now, track);
                }
            }
            RelayMessage::Nack {
                participant,
                source,
                lost,
            } => self.on_nacked(turn, from, (participant, source), lost),
            RelayMessage::Media {
                participant,
                source,
                packet,
            } => match self.seat_of_remote(place, participant) {
                Some(seat) => self.on_relayed_packet(turn, seat, source, packet),
                None => turn.relay_counters.packets_unknown += 1,
            },
        }
    }

    fn on_hello(&mut self, (own, from): (usize, usize), since: u64, asks: bool) {
        let Some(place) = self.add_peer(own, from) else {
            return;
        };
        let Some(relay) = &mut self.relay else {
            return;
        };
        if relay.peers.on_hello(place, since, asks) {
            self.forget_peer(place);
            self.tell_of_everybody(place);
            self.look_who_names_speakers();
        }
    }

    fn on_bye(&mut self, place: usize) {
        self.forget_peer(place);
        if let Some(relay) = &mut self.relay {
            relay.peers.remove(place);
        }
        self.look_who_names_speakers();
        // The room is as others are again.
        if self
            .relay
            .as_ref()
            .is_some_and(|relay| relay.peers.is_empty())
        {
            self.relay = None;
        }
    }

    fn seat_of_remote(&self, place: usize, participant: ParticipantId) -> Option<usize> {
        let &seat = self.by_id.get(&participant)?;
        let remote = self.seats.remote(seat)?;
        (remote.peer == place).then_some(seat)
    }

    /// Seats somebody elsewhere, or takes over what changed.
    fn on_publisher(&mut self, turn: &mut Turn<'_>, place: usize, state: &PublisherState) {
        let now = turn.now;
        let known = self.by_id.contains_key(&state.participant);
        let seat = match self.seat_of_remote(place, state.participant) {
            Some(seat) => seat,
            None if !known && self.seats.len_everywhere() < MAX_REMOTE_PARTICIPANTS => {
                self.seat_remote(now, place, state)
            }
            None => {
                turn.relay_counters.refused += 1;
                return;
            }
        };
        if let Some(remote) = self.seats.remote_mut(seat) {
            remote.leading = state.leading;
        }
        let Some(publisher) = self.publisher_mut(seat) else {
            return;
        };
        let was_heard = is_heard(publisher);
        let has_changed = publisher.take_over(now, state);
        if was_heard && !is_heard(publisher) {
            self.speakers.hush(seat);
        }
        // A report of a clock changes nothing of who is shown.
        if has_changed || !known {
            self.mark_all_dirty();
        }
    }

    fn seat_remote(&mut self, now: Instant, place: usize, state: &PublisherState) -> usize {
        let seat = self.seats.insert_remote(Remote {
            id: state.participant,
            leading: state.leading,
            peer: place,
            wants: SourceSet::default(),
            fresh: SourceSet::default(),
        });
        self.set_publisher(seat, Publisher::relayed(state.permissions, now));
        self.by_id.insert(state.participant, seat);
        if let Some(before) = state.spoke_before
            && let Some(spoke) = now.checked_sub(before)
        {
            self.speakers.remember(seat, now, spoke);
        }
        seat
    }

    fn on_relayed_packet(
        &mut self,
        turn: &mut Turn<'_>,
        seat: usize,
        source: Source,
        packet: Ingress<'_>,
    ) {
        let mut goes_on = true;
        if let Some(remote) = self.seats.remote_mut(seat) {
            goes_on = !remote.fresh.contains(source);
            remote.fresh.remove(source);
        }
        let Some(publisher) = self.publisher_mut(seat) else {
            return;
        };
        let Some(published) = publisher.published_mut(source) else {
            turn.relay_counters.packets_unknown += 1;
            return;
        };
        let is_heard = !published.muted;
        let Ok(ingress) = published.track.receive_relayed(turn.now, packet, goes_on) else {
            turn.relay_counters.packets_repeated += 1;
            return;
        };
        let due = published.track.poll_timeout();
        turn.relay_counters.packets_in += 1;
        if let Some(relay) = &mut self.relay {
            relay.expedite(due);
        }
        if source == Source::Microphone && is_heard {
            self.note_voice(turn.now, seat, &ingress);
        }
        self.forward(turn, seat, source, &ingress);
    }

    /// Packets that subscribers here miss, of tracks that may be elsewhere.
    pub(in crate::room) fn ask_elsewhere(&mut self, now: Instant, missed: &[(TrackKey, u64)]) {
        for &(track, index) in missed {
            let seat = self.by_id.get(&track.participant).copied();
            let Some(seat) = seat.filter(|seat| self.seats.remote(*seat).is_some()) else {
                continue;
            };
            let Some(published) = self.published_mut(seat, track.source) else {
                continue;
            };
            published.track.on_missed(now, index);
            let due = published.track.poll_timeout();
            if let Some(relay) = &mut self.relay {
                relay.expedite(due);
            }
        }
    }

    /// Does what is due by time.
    pub fn relay_timeout(&mut self, turn: &mut Turn<'_>) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        if relay.peers.due().is_some_and(|due| due <= turn.now) {
            relay.peers.look_for_silence(turn.now);
            relay.pending = true;
        }
        if relay.feedback_due.is_some_and(|due| due <= turn.now) {
            relay.feedback_due = None;
            self.ask_peers(turn);
        }
    }

    /// Writes what tracks elsewhere have to ask for: what would be RTCP to a publisher here.
    fn ask_peers(&mut self, turn: &mut Turn<'_>) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        let mut feedback = Vec::new();
        for (seat, remote) in self.seats.remotes() {
            let Some(Some(publisher)) = self.publishers.get_mut(seat) else {
                continue;
            };
            feedback.clear();
            publisher.poll_feedback(turn.now, &mut feedback);
            relay.expedite(publisher.poll_timeout());
            let Some(peer) = relay.peers.get(remote.peer) else {
                continue;
            };
            for rtcp in &feedback {
                ask(turn, self.id, peer.shard, remote.id, rtcp);
            }
        }
    }

    /// Tells the peers in `ready` which of their tracks the slots here show, as far as that has
    /// changed.
    pub(super) fn flush_wants(&mut self, turn: &mut Turn<'_>, ready: PeerSet) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        if !std::mem::take(&mut relay.wants_stale) {
            return;
        }
        for (seat, remote) in self.seats.remotes_mut() {
            let mut sources = SourceSet::default();
            for source in Source::ALL {
                if !self.routes.of(seat, source).is_empty() {
                    sources.insert(source);
                }
            }
            if sources == remote.wants {
                continue;
            }
            let wants = RelayMessage::Wants {
                participant: remote.id,
                sources,
            };
            let peer = relay.peers.get(remote.peer);
            let peer = peer.filter(|_| ready.contains(remote.peer));
            if peer.is_some_and(|peer| turn.write(peer.shard, self.id, &wants)) {
                let gained = sources.without(remote.wants);
                remote.fresh = remote.fresh.union(gained);
                remote.wants = sources;
            } else {
                relay.wants_stale = true;
                relay.pending = true;
            }
        }
    }
}

fn is_heard(publisher: &Publisher) -> bool {
    let microphone = publisher.published(Source::Microphone);
    microphone.is_some_and(|published| !published.muted) && publisher.allows(Source::Microphone)
}

/// One request of a relayed track, as a message to its shard.
fn ask(turn: &mut Turn<'_>, room: RoomId, shard: usize, participant: ParticipantId, rtcp: &Rtcp) {
    let source_of = |ssrc| {
        Source::ALL
            .into_iter()
            .find(|source| relayed_ssrc(*source) == ssrc)
    };
    match rtcp {
        Rtcp::PictureLossIndication(request) => {
            if let Some(source) = source_of(request.media_ssrc) {
                let message = RelayMessage::Keyframe {
                    participant,
                    source,
                };
                // Without room it is asked for again, as one that was not answered.
                turn.relay.push(shard, room, &message);
                turn.relay_counters.keyframe_requests_out += 1;
            }
        }
        Rtcp::Nack(nack) => {
            let Some(source) = source_of(nack.media_ssrc) else {
                return;
            };
            for lost in nack.lost.chunks(MAX_NACKED) {
                let lost: ArrayVec<[u8; 2], MAX_NACKED> =
                    lost.iter().map(|sequence| sequence.to_be_bytes()).collect();
                let message = RelayMessage::Nack {
                    participant,
                    source,
                    lost: &lost,
                };
                turn.relay.push(shard, room, &message);
                turn.relay_counters.nacked_out += lost.len() as u64;
            }
        }
        _ => {}
    }
}
