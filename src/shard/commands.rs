//! Commands in: joining, leaving, and what changes in between.

use std::time::Instant;

use super::outbox::StateNews;
use super::{Command, EndReason, Event, HandshakeInput, HandshakeOutput, JoinParticipant, Shard};
use crate::media::ParticipantId;
use crate::room::{NewParticipant, Room};
use crate::transport::{Connection, ConnectionConfig, SendArena};
use crate::wire::sdp::IceCredentials;

impl Shard {
    pub fn handle_command(&mut self, now: Instant, command: Command, out: &mut SendArena) {
        match command {
            Command::Join(join) => self.join(now, *join),
            Command::Leave { participant } => {
                if let Some(key) = self.directory.by_id(participant) {
                    self.remove(key);
                }
            }
            Command::Handshake {
                participant,
                output,
            } => self.on_handshake(now, participant, output, out),
            Command::Wants { participant, wants } => {
                self.in_room(participant, |room, seat| room.set_wants(seat, wants));
            }
            Command::Permissions {
                participant,
                permissions,
            } => self.in_room(participant, |room, seat| {
                room.set_permissions(seat, permissions);
            }),
            Command::Muted {
                participant,
                source,
                muted,
            } => self.in_room(participant, |room, seat| {
                room.set_muted(now, seat, source, muted);
            }),
            Command::RestartIce {
                participant,
                local,
                remote,
            } => self.restart_ice(now, participant, local, remote),
        }
    }

    fn join(&mut self, now: Instant, join: JoinParticipant) {
        if let Err(why) = self.may_join(&join) {
            self.counters.joins_refused += 1;
            let refusal = Event::Ended {
                participant: join.participant,
                why,
            };
            if !self.outbox.push_refusal(refusal) {
                self.counters.events_dropped += 1;
            }
            if why == EndReason::ShardFull {
                let remove = HandshakeInput::Remove(join.participant);
                self.outbox.push_handshake(remove);
            }
            return;
        }
        let wall = self.wall(now);
        let room_key = match self.room_keys.get(&join.room) {
            Some(&key) => key,
            None => {
                let key = self.rooms.insert(Room::new(join.room, wall));
                self.room_keys.insert(join.room, key);
                key
            }
        };
        let Some(room) = self.rooms.get_mut(room_key) else {
            return;
        };
        let ufrag = join.local_ice.ufrag.clone();
        let connection = Connection::new(
            now,
            ConnectionConfig {
                local_ice: join.local_ice,
                remote_ice: join.plan.remote_ice.clone(),
            },
        );
        let participant = NewParticipant {
            id: join.participant,
            key: self.directory.next_key(),
            plan: &join.plan,
            connection,
            permissions: join.permissions,
            leading: join.leading,
        };
        let seat = room.join(now, participant, &mut self.rng);
        room.spread(self.config.index, &join.spread_over);
        self.directory
            .insert(join.participant, room_key, seat, ufrag);
        self.counters.joins += 1;
        self.count_members();
        self.settle(room_key);
    }

    fn may_join(&self, join: &JoinParticipant) -> Result<(), EndReason> {
        if self.directory.has(join.participant, &join.local_ice.ufrag) {
            return Err(EndReason::Conflict);
        }
        let room = self
            .room_keys
            .get(&join.room)
            .and_then(|&key| self.rooms.get(key));
        let has_room = match room {
            Some(room) => room.len() < self.config.max_participants_per_room,
            None => self.rooms.len() < self.config.max_rooms,
        };
        let fits = self.directory.len() < self.config.max_participants;
        let has_farewells = room.is_none() && self.relay.has_too_many_farewells();
        if !has_room || !fits || has_farewells || !self.outbox.accepts_joins() {
            return Err(EndReason::ShardFull);
        }
        Ok(())
    }

    fn on_handshake(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        output: HandshakeOutput,
        out: &mut SendArena,
    ) {
        let Some(key) = self.directory.by_id(participant) else {
            return;
        };
        let Some(entry) = self.directory.get(key) else {
            return;
        };
        let (room, seat) = (entry.room, entry.seat);
        match output {
            HandshakeOutput::Transmit(datagram) => {
                self.with_room(room, now, out, |room, turn| {
                    if let Some(seated) = room.participant_mut(seat) {
                        seated.connection.send_dtls(&datagram, turn.out);
                    }
                });
            }
            HandshakeOutput::Established(keys) => {
                let installed = self.with_room(room, now, out, |room, _| {
                    room.participant_mut(seat).is_some_and(|seated| {
                        seated.connection.install_keys(*keys);
                        seated.connection.has_keys()
                    })
                });
                if installed == Some(true) {
                    self.announce_if_connected(now, key);
                } else {
                    self.end(key, EndReason::HandshakeFailed);
                }
            }
            HandshakeOutput::Failed(_) => self.end(key, EndReason::HandshakeFailed),
            HandshakeOutput::PeerClosed => self.end(key, EndReason::PeerClosed),
        }
    }

    fn restart_ice(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        local: IceCredentials,
        remote: IceCredentials,
    ) {
        let Some(key) = self.directory.by_id(participant) else {
            return;
        };
        // A ufrag of somebody else cannot be routed; the participant keeps its path as it is.
        if !self.directory.add_ufrag(key, local.ufrag.clone()) {
            return;
        }
        self.in_room(participant, |room, seat| {
            if let Some(seated) = room.participant_mut(seat) {
                seated.connection.restart_ice(now, local, remote);
            }
        });
        self.reset_timer(key);
    }

    fn in_room(&mut self, participant: ParticipantId, call: impl FnOnce(&mut Room, usize)) {
        let entry = self
            .directory
            .by_id(participant)
            .and_then(|key| self.directory.get(key));
        let Some((room_key, seat)) = entry.map(|entry| (entry.room, entry.seat)) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(room_key) {
            call(room, seat);
            self.settle(room_key);
        }
    }

    /// Removes a participant that did not leave by itself, and says so.
    pub(super) fn end(&mut self, key: usize, why: EndReason) {
        if let Some(participant) = self.remove(key) {
            self.outbox
                .push_lifecycle(Event::Ended { participant, why });
        }
    }

    /// Removes a participant with every trace of it; its room with the last one.
    fn remove(&mut self, key: usize) -> Option<ParticipantId> {
        let entry = self.directory.remove(key)?;
        self.participant_timers.remove(key);
        self.outbox.forget(StateNews::Slots(entry.id));
        self.outbox.push_handshake(HandshakeInput::Remove(entry.id));
        let room = self.rooms.get_mut(entry.room)?;
        room.leave(entry.seat);
        if room.is_empty() {
            let id = room.id();
            for shard in room.peer_shards() {
                self.relay.say_farewell(shard, id);
            }
            self.rooms.remove(entry.room);
            self.relay.forget(entry.room);
            self.room_keys.remove(&id);
            self.room_timers.remove(entry.room);
            self.dirty_rooms.retain(|&dirty| dirty != entry.room);
            self.outbox.forget(StateNews::Speakers(id));
        } else {
            self.settle(entry.room);
        }
        self.count_members();
        Some(entry.id)
    }

    fn count_members(&mut self) {
        self.counters.participants = self.directory.len() as u64;
        self.counters.rooms = self.rooms.len() as u64;
    }
}
