//! One participant's connection: tells datagrams apart, keeps the path, opens and seals.
//!
//! ```text
//! datagram -> demux -> STUN -> IceLite ---> answers, events
//!                   -> DTLS, only from a validated address, rate bounded -> handshake pool
//!                   -> SRTP/SRTCP, only from a validated address -> SrtpInbound -> plaintext
//! plaintext -> SrtpOutbound -> SendArena, to the selected address
//! ```

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::ice_lite::{IceEvent, IceLite};
use super::srtp::{MAX_SRTP_OVERHEAD, SrtpInbound, SrtpKeys, SrtpOutbound};
use super::token_bucket::TokenBucket;
use super::{DropReason, PathHint, SendArena};
use crate::wire::demux::{DatagramKind, demux};
use crate::wire::rtp::RtpHeader;
use crate::wire::sdp::IceCredentials;

/// DTLS datagrams passed on at once, and per second after: a handshake with every flight
/// repeated seven times stays below. More is dropped, so that one participant cannot fill the
/// handshake pool's queue.
const DTLS_BURST: u32 = 96;
const DTLS_PER_SECOND: u32 = 16;

/// Events kept for [`Connection::poll_event`]. Callers poll after every call, and no call makes
/// more than this; older ones would be lost first.
const MAX_EVENTS: usize = 2 * super::ice_lite::MAX_VALIDATED;

#[derive(Debug)]
pub struct ConnectionConfig {
    pub local_ice: IceCredentials,
    pub remote_ice: IceCredentials,
}

/// What a datagram turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Handled here (STUN).
    Nothing,
    /// For the handshake pool.
    Dtls(&'a [u8]),
    /// An authenticated, decrypted RTP packet and its header.
    Rtp { header: RtpHeader, packet: &'a [u8] },
    /// An authenticated, decrypted RTCP compound.
    Rtcp(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// The address passed a check: datagrams from it belong to this connection.
    Validated(SocketAddr),
    /// The address is no longer this connection's.
    Forgotten(SocketAddr),
    /// The participant nominated its first path: begin the handshake if we are its client.
    Selected(SocketAddr),
    /// The participant nominated another path by an authenticated check; media follows at once.
    Moved(SocketAddr),
    /// The participant has not confirmed its path for 30 s; nothing is sent any more.
    ConsentExpired,
    /// No path within 30 s of the start.
    NeverConnected,
}

struct Srtp {
    inbound: SrtpInbound,
    outbound: SrtpOutbound,
}

pub struct Connection {
    ice: IceLite,
    /// Set by the first nomination, for good.
    was_selected: bool,
    /// Validated address of the latest DTLS datagram, where the answer goes before nomination.
    dtls_source: Option<SocketAddr>,
    dtls_budget: TokenBucket,
    srtp: Option<Box<Srtp>>,
    /// Where in the send arena this participant's datagrams of the current flush are linked.
    path: PathHint,
    events: VecDeque<ConnectionEvent>,
}

impl Connection {
    pub fn new(now: Instant, config: ConnectionConfig) -> Self {
        Self {
            ice: IceLite::new(now, config.local_ice, &config.remote_ice),
            was_selected: false,
            dtls_source: None,
            dtls_budget: TokenBucket::new(now, DTLS_BURST, DTLS_PER_SECOND),
            srtp: None,
            path: PathHint::default(),
            events: VecDeque::new(),
        }
    }

    /// Handles a datagram from `source`. STUN is answered into `out`; SRTP is opened in place.
    ///
    /// # Errors
    /// Why the datagram was dropped; nothing has changed then.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &'a mut [u8],
        out: &mut SendArena,
    ) -> Result<Received<'a>, DropReason> {
        match demux(datagram).map_err(|_| DropReason::UnknownProtocol)? {
            DatagramKind::Stun => {
                let (was_selected, events) = (&mut self.was_selected, &mut self.events);
                self.ice
                    .handle_check(now, source, datagram, out, &mut |event| {
                        push_event(events, connection_event(event, was_selected));
                    })?;
                Ok(Received::Nothing)
            }
            _ if !self.ice.is_validated(source) => Err(DropReason::UnvalidatedSource),
            DatagramKind::Dtls => {
                if !self.dtls_budget.take(now) {
                    return Err(DropReason::DtlsFlood);
                }
                self.dtls_source = Some(source);
                Ok(Received::Dtls(datagram))
            }
            DatagramKind::Rtp => self.open_rtp(datagram),
            DatagramKind::Rtcp => self.open_rtcp(datagram),
        }
    }

    fn open_rtp<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Received<'a>, DropReason> {
        let srtp = self.srtp.as_mut().ok_or(DropReason::NoKeys)?;
        let malformed = DropReason::MalformedRtp;
        let header = RtpHeader::parse(datagram).map_err(|_| malformed)?;
        let len = srtp
            .inbound
            .open_rtp(&header, datagram)
            .map_err(|error| DropReason::from_srtp(error, malformed))?;
        let packet = datagram.get(..len).ok_or(malformed)?;
        Ok(Received::Rtp { header, packet })
    }

    fn open_rtcp<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Received<'a>, DropReason> {
        let srtp = self.srtp.as_mut().ok_or(DropReason::NoKeys)?;
        let malformed = DropReason::MalformedRtcp;
        let len = srtp
            .inbound
            .open_rtcp(datagram)
            .map_err(|error| DropReason::from_srtp(error, malformed))?;
        datagram.get(..len).map(Received::Rtcp).ok_or(malformed)
    }

    /// Media flows after this. Called once, with the keys of a finished handshake whose
    /// certificate matched; a second call replaces the keys and forgets the replay windows. Should
    /// the cryptographic library refuse them, [`has_keys`](Self::has_keys) stays false.
    pub fn install_keys(&mut self, keys: SrtpKeys) {
        let inbound = SrtpInbound::new(keys.profile, &keys.inbound);
        let outbound = SrtpOutbound::new(keys.profile, &keys.outbound);
        self.srtp = match (inbound, outbound) {
            (Ok(inbound), Ok(outbound)) => Some(Box::new(Srtp { inbound, outbound })),
            _ => None,
        };
    }

    pub fn has_keys(&self) -> bool {
        self.srtp.is_some()
    }

    /// The next event since the last call, oldest first. Poll until `None` after every
    /// [`receive`](Self::receive) of STUN and every [`handle_timeout`](Self::handle_timeout).
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// Where media goes: the nominated address, `None` without one or without consent.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.ice.selected()
    }

    /// Whether `address` passed a connectivity check within the last 30 s.
    pub fn is_validated(&self, address: SocketAddr) -> bool {
        self.ice.is_validated(address)
    }

    /// SSRCs with receiving state, at most twice
    /// [`MAX_SRTP_STREAMS`](super::srtp::MAX_SRTP_STREAMS).
    pub fn inbound_streams(&self) -> usize {
        self.srtp.as_ref().map_or(0, |srtp| srtp.inbound.streams())
    }

    /// Writes an RTP packet straight into `out` and seals it there. Returns whether it was queued.
    ///
    /// `write` gets at least `max_len` bytes and returns the lengths of header and packet, or
    /// `None` to send nothing. `index` is `ROC << 16 | sequence number` of the packet written; it
    /// must never repeat for its SSRC (see [`SrtpOutbound`]).
    pub fn send_rtp(
        &mut self,
        index: u64,
        max_len: usize,
        out: &mut SendArena,
        write: impl FnOnce(&mut [u8]) -> Option<(usize, usize)>,
    ) -> bool {
        let (Some(destination), Some(srtp)) = (self.ice.selected(), self.srtp.as_mut()) else {
            return false;
        };
        let max_len_sealed = max_len + MAX_SRTP_OVERHEAD;
        out.push_hinted(&mut self.path, destination, max_len_sealed, |buffer| {
            let (header_len, packet_len) = write(buffer.get_mut(..max_len)?)?;
            srtp.outbound
                .seal_rtp(index, header_len, packet_len, buffer)
                .ok()
        })
    }

    /// Seals an RTCP compound into `out`. Returns whether it was queued.
    pub fn send_rtcp(&mut self, plain_compound: &[u8], out: &mut SendArena) -> bool {
        let (Some(destination), Some(srtp)) = (self.ice.selected(), self.srtp.as_mut()) else {
            return false;
        };
        let max_len = plain_compound.len() + MAX_SRTP_OVERHEAD;
        out.push_hinted(&mut self.path, destination, max_len, |buffer| {
            srtp.outbound.seal_rtcp(plain_compound, buffer).ok()
        })
    }

    /// Queues a DTLS datagram: to the selected address; before nomination to where the
    /// participant's DTLS came from, or to its first validated address. Returns whether it was
    /// queued.
    pub fn send_dtls(&mut self, datagram: &[u8], out: &mut SendArena) -> bool {
        let destination = self.ice.selected().or_else(|| {
            self.dtls_source
                .filter(|source| self.ice.is_validated(*source))
                .or_else(|| self.ice.first_validated())
        });
        destination.is_some_and(|destination| out.push(destination, datagram))
    }

    /// New ICE credentials on both sides; media keeps its path until the participant's first
    /// check with them.
    pub fn restart_ice(&mut self, now: Instant, local: IceCredentials, remote: IceCredentials) {
        self.ice.restart(now, local, &remote);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ice.poll_timeout()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let (was_selected, events) = (&mut self.was_selected, &mut self.events);
        self.ice.handle_timeout(now, &mut |event| {
            push_event(events, connection_event(event, was_selected));
        });
    }
}

fn connection_event(event: IceEvent, was_selected: &mut bool) -> ConnectionEvent {
    match event {
        IceEvent::Validated(address) => ConnectionEvent::Validated(address),
        IceEvent::Forgotten(address) => ConnectionEvent::Forgotten(address),
        IceEvent::Nominated(address) if std::mem::replace(was_selected, true) => {
            ConnectionEvent::Moved(address)
        }
        IceEvent::Nominated(address) => ConnectionEvent::Selected(address),
        IceEvent::ConsentExpired => ConnectionEvent::ConsentExpired,
        IceEvent::NeverConnected => ConnectionEvent::NeverConnected,
    }
}

fn push_event(events: &mut VecDeque<ConnectionEvent>, event: ConnectionEvent) {
    if events.len() >= MAX_EVENTS {
        events.pop_front();
    }
    events.push_back(event);
}
