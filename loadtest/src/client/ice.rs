//! A small controlling ICE agent (RFC 8445) against an ICE-lite node: checks every remote candidate
//! from its one socket, nominates the first that answers (regular nomination), then keeps consent
//! (RFC 7675). Sans-IO. STUN by `rtc::stun`, which the node does not use on this path.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::Rng;
use rtc::stun::attributes::{
    ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId,
};
use rtc::stun::textattrs::TextAttribute;
use rtc::stun::xoraddr::XorMappedAddress;

use super::crypto::Crypto;
use super::outbox::Outbox;

/// Between two checks of one candidate, until it answers.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Between two consent checks, times a random factor of 0.8 to 1.2 (RFC 7675 §5.1).
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Without an answer for this long the path is dead (RFC 7675 §5.1).
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Candidates beyond these are not checked.
const MAX_CANDIDATES: usize = 16;
/// Transactions remembered per candidate; older answers are ignored.
const MAX_TRANSACTIONS: usize = 32;
/// Priority of a peer-reflexive candidate of the first component (RFC 8445 §5.1.2).
const PEER_REFLEXIVE_PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub ufrag: String,
    pub password: String,
}

impl Credentials {
    pub fn random() -> Self {
        Self {
            ufrag: random_text(8),
            password: random_text(24),
        }
    }
}

fn random_text(len: usize) -> String {
    let mut random = rand::rng();
    (0..len)
        .map(|_| char::from(random.sample(rand::distr::Alphanumeric)))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceEvent {
    /// The nominated path answers: DTLS may begin.
    Selected(SocketAddr),
    ConsentLost,
}

#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    answered: bool,
    transactions: Vec<([u8; 12], bool /* with USE-CANDIDATE */)>,
}

pub struct IceAgent {
    local: Credentials,
    remote: Credentials,
    crypto: Crypto,
    tie_breaker: u64,
    candidates: Vec<Candidate>,
    nominating: Option<usize>,
    selected: Option<SocketAddr>,
    next_check: Instant,
    last_answer: Instant,
    /// Answers that did not verify: a fault of the node.
    pub refused_answers: u64,
    /// Binding errors the node sent.
    pub errors: u64,
    pub checks_sent: u64,
}

impl IceAgent {
    pub fn new(
        now: Instant,
        crypto: Crypto,
        local: Credentials,
        remote: Credentials,
        candidates: &[SocketAddr],
    ) -> Self {
        let candidates = candidates
            .iter()
            .take(MAX_CANDIDATES)
            .map(|address| Candidate {
                address: *address,
                answered: false,
                transactions: Vec::new(),
            })
            .collect();
        Self {
            local,
            remote,
            crypto,
            tie_breaker: rand::rng().random(),
            candidates,
            nominating: None,
            selected: None,
            next_check: now,
            last_answer: now,
            refused_answers: 0,
            errors: 0,
            checks_sent: 0,
        }
    }

    pub fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// A consent check now, for clients that do not read the answers.
    pub fn refresh_consent(&mut self, out: &mut Outbox) {
        let selected = self.selected;
        let index = self
            .candidates
            .iter()
            .position(|candidate| Some(candidate.address) == selected);
        if let Some(index) = index {
            self.check(index, false, out);
        }
    }

    pub fn poll_timeout(&self) -> Instant {
        self.next_check
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<IceEvent> {
        if now < self.next_check {
            return None;
        }
        if let Some(selected) = self.selected {
            if now.duration_since(self.last_answer) >= CONSENT_TIMEOUT {
                self.next_check = now + CONSENT_TIMEOUT;
                return Some(IceEvent::ConsentLost);
            }
            let factor = rand::rng().random_range(0.8..1.2);
            self.next_check = now + CONSENT_INTERVAL.mul_f64(factor);
            if let Some(index) = self.candidates.iter().position(|c| c.address == selected) {
                self.check(index, false, out);
            }
            return None;
        }
        self.next_check = now + CHECK_INTERVAL;
        match self.nominating {
            Some(index) => self.check(index, true, out),
            None => {
                for index in 0..self.candidates.len() {
                    self.check(index, false, out);
                }
            }
        }
        None
    }

    fn check(&mut self, index: usize, nominate: bool, out: &mut Outbox) {
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        let Some(candidate) = self.candidates.get_mut(index) else {
            return;
        };
        let transaction = TransactionId::new();
        let mut message = Message::new();
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            self.remote.password.clone(),
            self.crypto.operations(),
        );
        let head: [Box<dyn Setter>; 3] = [
            Box::new(transaction),
            Box::new(BINDING_REQUEST),
            Box::new(TextAttribute::new(ATTR_USERNAME, username)),
        ];
        if message.build(&head).is_err() {
            return;
        }
        message.add(ATTR_PRIORITY, &PEER_REFLEXIVE_PRIORITY.to_be_bytes());
        message.add(ATTR_ICE_CONTROLLING, &self.tie_breaker.to_be_bytes());
        if nominate {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        if integrity.add_to(&mut message).is_err() || FINGERPRINT.add_to(&mut message).is_err() {
            return;
        }
        if candidate.transactions.len() == MAX_TRANSACTIONS {
            candidate.transactions.remove(0);
        }
        candidate.transactions.push((transaction.0, nominate));
        self.checks_sent += 1;
        out.push(candidate.address, &message.raw);
    }

    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Option<IceEvent> {
        let mut message = Message::new();
        if message.unmarshal_binary(datagram).is_err() {
            self.refused_answers += 1;
            return None;
        }
        if message.typ == BINDING_REQUEST {
            self.answer(from, &mut message, out);
            return None;
        }
        if message.typ == BINDING_ERROR {
            self.errors += 1;
            return None;
        }
        if message.typ != BINDING_SUCCESS {
            return None;
        }
        self.handle_success(now, from, &mut message, out)
    }

    fn handle_success(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &mut Message,
        out: &mut Outbox,
    ) -> Option<IceEvent> {
        let id = message.transaction_id.0;
        let found = self
            .candidates
            .iter_mut()
            .enumerate()
            .find_map(|(index, candidate)| {
                let at = candidate
                    .transactions
                    .iter()
                    .position(|(known, _)| *known == id)?;
                Some((
                    index,
                    candidate.address,
                    candidate.transactions.remove(at).1,
                ))
            });
        let (index, address, nominated) = found?;
        if !self.is_authentic(from, address, message) {
            self.refused_answers += 1;
            return None;
        }
        self.last_answer = now;
        if let Some(candidate) = self.candidates.get_mut(index) {
            candidate.answered = true;
        }
        if self.selected.is_some() {
            return None;
        }
        if nominated {
            self.selected = Some(address);
            self.next_check = now + CONSENT_INTERVAL;
            return Some(IceEvent::Selected(address));
        }
        if self.nominating.is_none() {
            self.nominating = Some(index);
            self.next_check = now + CHECK_INTERVAL;
            self.check(index, true, out);
        }
        None
    }

    /// Symmetric (RFC 8445 §7.2.5.2.1), with integrity by the node's password, a fingerprint, and
    /// a mapped address.
    fn is_authentic(&self, from: SocketAddr, sent_to: SocketAddr, message: &mut Message) -> bool {
        from == sent_to
            && FINGERPRINT.check(message).is_ok()
            && XorMappedAddress::default().get_from(message).is_ok()
            && MessageIntegrity::check(
                message,
                self.remote.password.as_bytes(),
                self.crypto.operations(),
            )
            .is_ok()
    }

    /// A full agent answers checks too, though an ICE-lite node sends none.
    fn answer(&mut self, from: SocketAddr, request: &mut Message, out: &mut Outbox) {
        let key = self.local.password.as_bytes();
        if MessageIntegrity::check(request, key, self.crypto.operations()).is_err() {
            self.refused_answers += 1;
            return;
        }
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            self.local.password.clone(),
            self.crypto.operations(),
        );
        let mut response = Message::new();
        let setters: [Box<dyn Setter + '_>; 5] = [
            Box::new(request.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(XorMappedAddress {
                ip: from.ip(),
                port: from.port(),
            }),
            Box::new(integrity),
            Box::new(FINGERPRINT),
        ];
        if response.build(&setters).is_ok() {
            out.push(from, &response.raw);
        }
    }
}

#[cfg(test)]
mod tests;
