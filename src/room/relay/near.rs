//! Of the people here, what the other shards get to know and to forward.

use std::time::Instant;

use super::message::{PublisherState, RelayMessage, SourceSet, TrackState};
use super::{PeerSet, Room, RoomRelay};
use crate::media::{ParticipantId, Source};
use crate::publish::Ingress;
use crate::room::Turn;
use crate::room::publisher::Publisher;

impl Room {
    /// Somebody here changed in a way that others have to know.
    pub(in crate::room) fn on_publisher_changed(&mut self, seat: usize) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        let present = relay.peers.present();
        if let Some(Some(publisher)) = self.publishers.get_mut(seat)
            && self.seats.get(seat).is_some()
        {
            mark_stale(relay, publisher, seat, present);
        }
    }

    /// A peer that knows nothing has to be told of everybody.
    pub(super) fn tell_of_everybody(&mut self, place: usize) {
        let mut peer = PeerSet::default();
        peer.insert(place);
        let Some(relay) = &mut self.relay else {
            return;
        };
        for (seat, _) in self.seats.iter() {
            if let Some(Some(publisher)) = self.publishers.get_mut(seat) {
                mark_stale(relay, publisher, seat, peer);
            }
        }
    }

    /// Somebody here has left.
    pub(in crate::room) fn on_publisher_left(&mut self, seat: usize, id: ParticipantId) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        relay.stale.retain(|stale| *stale != seat);
        let told = self.publishers.get(seat).and_then(Option::as_ref);
        let told = told.map_or(PeerSet::default(), |publisher| publisher.relayed_to.told);
        for place in told.iter() {
            if let Some(peer) = relay.peers.get_mut(place) {
                peer.gone.push(id);
                relay.pending = true;
            }
        }
    }

    /// Writes a packet of somebody here for each shard that needs it: those where a slot shows
    /// the track, and, while the voice is active, all, for it may be about to be heard there.
    pub(in crate::room) fn relay_packet(
        &self,
        turn: &mut Turn<'_>,
        seat: usize,
        source: Source,
        packet: &Ingress<'_>,
    ) {
        let (Some(relay), Some(publisher)) = (&self.relay, self.publisher(seat)) else {
            return;
        };
        let is_live = publisher
            .published(source)
            .is_some_and(|published| published.live);
        let Some(participant) = self.seats.who(seat).filter(|_| is_live) else {
            return;
        };
        let relayed_to = &publisher.relayed_to;
        let mut to = relayed_to.wanted[source as usize];
        if source == Source::Microphone && self.speakers.is_active(seat, turn.now) {
            to = to.union(relayed_to.told);
        }
        let message = RelayMessage::Media {
            participant,
            source,
            packet: *packet,
        };
        for place in to.iter() {
            let Some(peer) = relay.peers.get(place) else {
                continue;
            };
            match turn.relay.push(peer.shard, self.id, &message) {
                true => turn.relay_counters.packets_out += 1,
                false => turn.relay_counters.packets_dropped += 1,
            }
        }
    }

    /// Writes what has changed since the peers were told. What finds no room stays for the next
    /// time: [`RoomRelay::has_pending`] then remains true.
    pub fn flush_relay(&mut self, turn: &mut Turn<'_>) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        relay.pending = false;
        let mut ready = PeerSet::default();
        for (place, peer) in relay.peers.iter_mut() {
            let greeting = peer.due_greeting().map(|asks| RelayMessage::Hello {
                since: self.opened,
                asks,
            });
            if let Some(greeting) = greeting {
                if !turn.write(peer.shard, self.id, &greeting) {
                    relay.pending = true;
                    continue;
                }
                peer.greeted(turn.now);
            }
            if !peer.is_present() {
                continue;
            }
            while let Some(&participant) = peer.gone.last() {
                if !turn.write(peer.shard, self.id, &RelayMessage::Gone { participant }) {
                    break;
                }
                peer.gone.pop();
            }
            if peer.gone.is_empty() {
                ready.insert(place);
            } else {
                relay.pending = true;
            }
        }
        self.flush_publishers(turn, ready);
        self.flush_wants(turn, ready);
    }

    /// Tells the peers in `ready` of everybody of whom they know too little.
    fn flush_publishers(&mut self, turn: &mut Turn<'_>, ready: PeerSet) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        let (seats, publishers, speakers) = (&self.seats, &mut self.publishers, &self.speakers);
        let (id, peers) = (self.id, &relay.peers);
        relay.stale.retain(|&seat| {
            let (Some(participant), Some(Some(publisher))) =
                (seats.get(seat), publishers.get_mut(seat))
            else {
                return false;
            };
            let spoke = speakers.last_spoke(seat);
            let state = RelayMessage::Publisher(PublisherState {
                participant: participant.id,
                leading: participant.leading,
                spoke_before: spoke.map(|at| turn.now.saturating_duration_since(at)),
                permissions: publisher.permissions(),
                clock: *publisher.clock(),
                tracks: Source::ALL.map(|source| state_of(turn.now, publisher, source)),
            });
            for place in publisher.relayed_to.stale.iter() {
                let Some(peer) = peers.get(place) else {
                    publisher.relayed_to.forget(place);
                    continue;
                };
                if ready.contains(place) && turn.write(peer.shard, id, &state) {
                    publisher.relayed_to.stale.remove(place);
                    publisher.relayed_to.told.insert(place);
                }
            }
            !publisher.relayed_to.stale.is_empty()
        });
        relay.pending |= !relay.stale.is_empty();
    }

    /// A peer says which tracks of somebody here it wants.
    pub(super) fn on_wants(&mut self, place: usize, participant: ParticipantId, wants: SourceSet) {
        let Some(publisher) = self.publisher_here(participant) else {
            return;
        };
        for source in Source::ALL {
            let wanted = &mut publisher.relayed_to.wanted[source as usize];
            match wants.contains(source) {
                true => wanted.insert(place),
                false => wanted.remove(place),
            }
        }
    }

    /// A peer misses packets of a track here; what the cache has is written again.
    pub(super) fn on_nacked(
        &mut self,
        turn: &mut Turn<'_>,
        shard: usize,
        (participant, source): (ParticipantId, Source),
        lost: &[[u8; 2]],
    ) {
        turn.relay_counters.nacked_in += lost.len() as u64;
        let id = self.id;
        let Some(publisher) = self.publisher_here(participant) else {
            return;
        };
        let Some(published) = publisher.published(source) else {
            return;
        };
        for sequence in lost {
            let sequence = u16::from_be_bytes(*sequence);
            // Not here either, or not yet: it goes out when the publisher sends it again.
            let Some(packet) = published.track.cached_ingress(turn.now, sequence) else {
                continue;
            };
            let message = RelayMessage::Media {
                participant,
                source,
                packet,
            };
            match turn.relay.push(shard, id, &message) {
                true => turn.relay_counters.resent += 1,
                false => turn.relay_counters.packets_dropped += 1,
            }
        }
    }

    /// What somebody here publishes; nothing for people elsewhere.
    pub(super) fn publisher_here(&mut self, participant: ParticipantId) -> Option<&mut Publisher> {
        let &seat = self.by_id.get(&participant)?;
        self.seats.get(seat)?;
        self.publisher_mut(seat)
    }
}

fn mark_stale(relay: &mut RoomRelay, publisher: &mut Publisher, seat: usize, peers: PeerSet) {
    if peers.is_empty() {
        return;
    }
    publisher.relayed_to.stale = publisher.relayed_to.stale.union(peers);
    if !relay.stale.contains(&seat) {
        relay.stale.push(seat);
    }
    relay.pending = true;
}

fn state_of(now: Instant, publisher: &Publisher, source: Source) -> Option<TrackState> {
    let published = publisher.published(source)?;
    Some(TrackState {
        codec: published.track.codec(),
        muted: published.muted,
        live: published.live,
        live_for: now.saturating_duration_since(published.live_since),
        report: published.track.clock().last_report(),
    })
}
