//! Datagrams in.

use std::net::SocketAddr;
use std::time::Instant;

use super::{EndReason, Event, HandshakeInput, Shard};
use crate::transport::{ConnectionEvent, DropReason, Received, SendArena};
use crate::wire::demux::{DatagramKind, demux};
use crate::wire::stun;

impl Shard {
    /// Takes one datagram, which is decrypted in place. Writes at most one datagram for every
    /// slot of the sender's room that shows the packet's track, or a few answers.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
        out: &mut SendArena,
    ) {
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += datagram.len() as u64;
        if let Err(reason) = self.route(now, source, datagram, out) {
            self.counters.count_drop(reason);
        }
    }

    fn route(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
        out: &mut SendArena,
    ) -> Result<(), DropReason> {
        let key = self.owner(source, datagram)?;
        let entry = self.directory.get(key).ok_or(DropReason::Unroutable)?;
        let (room_key, seat, id) = (entry.room, entry.seat, entry.id);
        let participant = self
            .rooms
            .get_mut(room_key)
            .and_then(|room| room.participant_mut(seat))
            .ok_or(DropReason::Unroutable)?;
        let before = (out.queued().len(), out.used());
        match participant.connection.receive(now, source, datagram, out)? {
            Received::Nothing => {
                self.count_out(before, out);
                self.after_check(now, key);
            }
            Received::Dtls(datagram) => {
                if !self.outbox.push_datagram(id, datagram) {
                    self.counters.handshake_datagrams_dropped += 1;
                }
            }
            Received::Rtp { header, packet } => {
                let deadline = self.with_room(room_key, now, out, |room, turn| {
                    room.handle_rtp(turn, seat, &header, packet)
                });
                if let Some(deadline) = deadline.flatten() {
                    self.participant_timers.expedite(key, deadline);
                }
                self.settle(room_key);
            }
            Received::Rtcp(compound) => {
                self.with_room(room_key, now, out, |room, turn| {
                    room.handle_rtcp(turn, seat, compound);
                });
                self.settle(room_key);
            }
        }
        Ok(())
    }

    /// Whose datagram this is. A check goes where its ufrag says, which only the participant
    /// knows; all else by its address.
    fn owner(&mut self, source: SocketAddr, datagram: &[u8]) -> Result<usize, DropReason> {
        let by_address = self.directory.by_address(source);
        let is_check = match demux(datagram) {
            Ok(kind) => kind == DatagramKind::Stun,
            Err(_) => false,
        };
        if !is_check {
            return by_address.ok_or(DropReason::Unroutable);
        }
        let by_ufrag =
            stun::peek_local_ufrag(datagram).and_then(|ufrag| self.directory.by_ufrag(ufrag));
        let key = by_ufrag.or(by_address).ok_or(DropReason::Unroutable)?;
        // Source addresses can be forged, and one participant must not cut another off: an
        // address that carries somebody's media is theirs until they leave or fall silent.
        if let Some(holder) = by_address.filter(|&holder| holder != key)
            && self.is_path_of(holder, source)
        {
            self.counters.addresses_taken += 1;
            return Err(DropReason::Unroutable);
        }
        Ok(key)
    }

    fn is_path_of(&self, key: usize, address: SocketAddr) -> bool {
        let participant = self.directory.get(key).and_then(|entry| {
            let room = self.rooms.get(entry.room)?;
            room.participant(entry.seat)
        });
        participant.is_some_and(|participant| participant.connection.remote() == Some(address))
    }

    /// After a check or a timeout: takes over what the connection has to say.
    pub(super) fn after_check(&mut self, now: Instant, key: usize) {
        let Some(entry) = self.directory.get(key) else {
            return;
        };
        let (room_key, seat, id) = (entry.room, entry.seat, entry.id);
        let mut end = None;
        while let Some(event) = self
            .rooms
            .get_mut(room_key)
            .and_then(|room| room.participant_mut(seat))
            .and_then(|participant| participant.connection.poll_event())
        {
            match event {
                ConnectionEvent::Validated(address) => self.directory.add_address(key, address),
                ConnectionEvent::Forgotten(address) => self.directory.remove_address(key, address),
                ConnectionEvent::Selected(_) => {
                    self.outbox.push_handshake(HandshakeInput::Begin(id));
                    self.announce_if_connected(now, key);
                }
                ConnectionEvent::Moved(_) => {}
                ConnectionEvent::ConsentExpired => end = Some(EndReason::ConsentExpired),
                ConnectionEvent::NeverConnected => end = Some(EndReason::NeverConnected),
            }
        }
        if let Some(why) = end {
            self.end(key, why);
        }
    }

    /// Says `Connected` once the path is up and the keys are there, whichever comes last.
    pub(super) fn announce_if_connected(&mut self, now: Instant, key: usize) {
        let Some(entry) = self.directory.get_mut(key) else {
            return;
        };
        let (room_key, seat, participant) = (entry.room, entry.seat, entry.id);
        let Some(room) = self.rooms.get_mut(room_key) else {
            return;
        };
        let is_connected = room
            .participant(seat)
            .is_some_and(|seated| seated.is_connected());
        if !is_connected || std::mem::replace(&mut entry.announced, true) {
            return;
        }
        room.set_connected(now, seat);
        self.outbox.push_lifecycle(Event::Connected { participant });
        self.settle(room_key);
    }
}
