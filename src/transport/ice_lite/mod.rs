//! ICE-lite (RFC 8445 §2.4, §7.3): answers connectivity checks, learns where the participant is
//! reachable from authenticated ones alone, and stops sending when consent ends (RFC 7675).
//!
//! A lite agent never sends checks and is always controlled, so the participant decides which
//! path is used by nominating it.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use super::{DropReason, SendArena};
use crate::wire::sdp::IceCredentials;
use crate::wire::stun::{self, IceRole, StunClass};

/// Without an authenticated check for this long, nothing is sent to an address any more
/// (RFC 7675 §5.1); the same time is given to the first check.
pub const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Addresses of one participant that passed a check within [`CONSENT_TIMEOUT`]. When full, the
/// one heard from longest ago, never the selected one, is forgotten.
pub const MAX_VALIDATED: usize = 8;

/// Room for any answer; what is sent is never longer than the check it answers.
const MAX_ANSWER_LEN: usize = 128;

const ROLE_CONFLICT: (u16, &str) = (487, "Role Conflict");
const UNKNOWN_ATTRIBUTE: (u16, &str) = (420, "Unknown Attribute");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IceEvent {
    /// The address may now be heard.
    Validated(SocketAddr),
    /// The address is no longer valid.
    Forgotten(SocketAddr),
    /// The participant nominated this address: media goes there from now on.
    Nominated(SocketAddr),
    /// No check on the selected address within [`CONSENT_TIMEOUT`].
    ConsentExpired,
    /// No nominated check within [`CONSENT_TIMEOUT`] from the start.
    NeverConnected,
}

#[derive(Debug)]
struct Validated {
    address: SocketAddr,
    last_check: Instant,
}

/// Whose checks are accepted.
#[derive(Debug)]
struct Generation {
    local: IceCredentials,
    /// Fragment the participant's checks carry behind ours.
    remote_ufrag: String,
}

impl Generation {
    fn authenticates(&self, message: &stun::StunMessage<'_>) -> bool {
        message
            .username()
            .is_some_and(|(local, remote)| local == self.local.ufrag && remote == self.remote_ufrag)
            && message.verify_integrity(self.local.password.as_bytes())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Nothing nominated yet.
    Waiting {
        since: Instant,
    },
    Selected {
        address: SocketAddr,
    },
    /// Never connected, or consent ended. A new nomination revives it.
    Lost,
}

#[derive(Debug)]
pub(super) struct IceLite {
    current: Generation,
    /// The generation before a restart, until a check of the new one arrives (RFC 8445 §9).
    previous: Option<Generation>,
    validated: ArrayVec<Validated, MAX_VALIDATED>,
    path: Path,
}

impl IceLite {
    pub fn new(now: Instant, local: IceCredentials, remote: &IceCredentials) -> Self {
        Self {
            current: Generation {
                local,
                remote_ufrag: remote.ufrag.clone(),
            },
            previous: None,
            validated: ArrayVec::new(),
            path: Path::Waiting { since: now },
        }
    }

    /// Where media goes; `None` before nomination and after consent ended.
    pub fn selected(&self) -> Option<SocketAddr> {
        match self.path {
            Path::Selected { address } => Some(address),
            Path::Waiting { .. } | Path::Lost => None,
        }
    }

    pub fn is_validated(&self, address: SocketAddr) -> bool {
        self.validated.iter().any(|known| known.address == address)
    }

    pub fn first_validated(&self) -> Option<SocketAddr> {
        self.validated.first().map(|known| known.address)
    }

    /// New credentials for both sides. Media keeps its path, and checks with the old credentials
    /// still count, until the first check with the new ones.
    pub fn restart(&mut self, now: Instant, local: IceCredentials, remote: &IceCredentials) {
        let fresh = Generation {
            local,
            remote_ufrag: remote.ufrag.clone(),
        };
        let replaced = std::mem::replace(&mut self.current, fresh);
        // A generation that was never used is not worth keeping over the one in use.
        if self.previous.is_none() {
            self.previous = Some(replaced);
        }
        if self.selected().is_none() {
            self.path = Path::Waiting { since: now };
        }
    }

    /// Handles a STUN datagram and answers into `out`. What is not authentic is answered with
    /// nothing and changes nothing.
    ///
    /// # Errors
    /// The reason for which the datagram was dropped.
    pub fn handle_check(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
        out: &mut SendArena,
        events: &mut impl FnMut(IceEvent),
    ) -> Result<(), DropReason> {
        let message = stun::parse(datagram).map_err(|_| DropReason::MalformedStun)?;
        if message.class() != StunClass::Request || message.method() != stun::BINDING {
            return Err(DropReason::UnexpectedStun);
        }
        // RFC 8445 §7.1.1: every check carries a FINGERPRINT.
        if !message.has_fingerprint() {
            return Err(DropReason::MalformedStun);
        }
        let is_current = self.current.authenticates(&message);
        let authentic = if is_current {
            &self.current
        } else {
            self.previous
                .as_ref()
                .filter(|generation| generation.authenticates(&message))
                .ok_or(DropReason::BadIntegrity)?
        };
        let password = authentic.local.password.as_bytes();
        let refusal = refusal(&message);
        answer(&message, source, password, refusal, datagram.len(), out)?;
        if refusal.is_some() {
            return Ok(());
        }
        if is_current {
            self.previous = None;
        }
        self.validate(now, source, events);
        if message.use_candidate() && self.selected() != Some(source) {
            self.path = Path::Selected { address: source };
            events(IceEvent::Nominated(source));
        }
        Ok(())
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let waiting = match self.path {
            Path::Waiting { since } => Some(since),
            Path::Selected { .. } | Path::Lost => None,
        };
        self.validated
            .iter()
            .map(|known| known.last_check)
            .chain(waiting)
            .min()
            .map(|since| since + CONSENT_TIMEOUT)
    }

    pub fn handle_timeout(&mut self, now: Instant, events: &mut impl FnMut(IceEvent)) {
        let expired = |since: Instant| now.saturating_duration_since(since) >= CONSENT_TIMEOUT;
        let mut at = 0;
        while let Some(known) = self.validated.get(at) {
            if expired(known.last_check) {
                let gone = self.validated.remove(at);
                events(IceEvent::Forgotten(gone.address));
            } else {
                at += 1;
            }
        }
        match self.path {
            Path::Selected { address } if !self.is_validated(address) => {
                self.path = Path::Lost;
                events(IceEvent::ConsentExpired);
            }
            Path::Waiting { since } if expired(since) => {
                self.path = Path::Lost;
                events(IceEvent::NeverConnected);
            }
            Path::Selected { .. } | Path::Waiting { .. } | Path::Lost => {}
        }
    }

    fn validate(&mut self, now: Instant, source: SocketAddr, events: &mut impl FnMut(IceEvent)) {
        if let Some(known) = self.validated.iter_mut().find(|v| v.address == source) {
            known.last_check = now;
            return;
        }
        if self.validated.is_full() {
            let selected = self.selected();
            let oldest = self
                .validated
                .iter()
                .enumerate()
                .filter(|(_, known)| Some(known.address) != selected)
                .min_by_key(|(_, known)| known.last_check)
                .map(|(at, _)| at);
            if let Some(at) = oldest {
                let gone = self.validated.remove(at);
                events(IceEvent::Forgotten(gone.address));
            }
        }
        let fresh = Validated {
            address: source,
            last_check: now,
        };
        if self.validated.try_push(fresh).is_ok() {
            events(IceEvent::Validated(source));
        }
    }
}

/// Which error an authentic check gets, if any.
fn refusal(message: &stun::StunMessage<'_>) -> Option<(u16, &'static str)> {
    if !message.unknown_required().is_empty() {
        return Some(UNKNOWN_ATTRIBUTE);
    }
    // RFC 8445 §7.3.1.1: both believe to be controlled. A lite agent cannot take the other role,
    // so the participant must, whatever the tie-breakers.
    matches!(message.role(), Some(IceRole::Controlled(_))).then_some(ROLE_CONFLICT)
}

/// Queues the answer to an authentic check. A full arena loses it like the network would.
fn answer(
    message: &stun::StunMessage<'_>,
    source: SocketAddr,
    password: &[u8],
    refusal: Option<(u16, &str)>,
    request_len: usize,
    out: &mut SendArena,
) -> Result<(), DropReason> {
    let transaction_id = message.transaction_id();
    let mut buffer = [0; MAX_ANSWER_LEN];
    let written = match refusal {
        None => stun::write_binding_success(&mut buffer, &transaction_id, source, password),
        Some((code, text)) => {
            stun::write_binding_error(&mut buffer, &transaction_id, code, text, Some(password))
        }
    };
    let answer = written
        .filter(|len| *len <= request_len)
        .and_then(|len| buffer.get(..len))
        .ok_or(DropReason::ShortCheck)?;
    out.push(source, answer);
    Ok(())
}
