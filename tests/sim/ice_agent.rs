//! A full, controlling ICE agent with one candidate: checks, nominates at once, keeps consent.

use std::net::SocketAddr;
use std::time::Duration;

use firstbell::wire::sdp::IceCredentials;
use firstbell::wire::stun::{self, BindingRequest, IceRole, StunClass};
use rand::Rng;
use rand::rngs::StdRng;

const IMPATIENT: Duration = Duration::from_millis(50);
const CONSENT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct IceAgent {
    local: IceCredentials,
    remote: IceCredentials,
    /// When the next check is due; `None`: it has fallen silent.
    pub due: Option<Duration>,
    is_confirmed: bool,
    pending: Vec<[u8; 12]>,
    /// Of the generations before: answers may still be on their way.
    stale: Vec<[u8; 12]>,
    /// Right answers so far.
    pub answers: usize,
}

impl IceAgent {
    pub fn new(now: Duration, local: IceCredentials, remote: IceCredentials) -> Self {
        Self {
            local,
            remote,
            due: Some(now),
            is_confirmed: false,
            pending: Vec::new(),
            stale: Vec::new(),
            answers: 0,
        }
    }

    pub fn restart(&mut self, now: Duration, local: IceCredentials, remote: IceCredentials) {
        let fresh = Self::new(now, local, remote);
        let old = std::mem::replace(self, fresh);
        self.stale = [old.stale, old.pending].concat();
        self.answers = old.answers;
    }

    /// The own address may have changed: check at `at` instead of when it was due.
    pub fn check_again(&mut self, at: Duration) {
        self.due = Some(at);
    }

    /// A check, and when the next is due.
    pub fn check(&mut self, now: Duration, rng: &mut StdRng) -> Vec<u8> {
        let interval = if self.is_confirmed {
            CONSENT
        } else {
            IMPATIENT
        };
        self.due = Some(now + interval);
        let transaction_id: [u8; 12] = rng.random();
        self.pending.push(transaction_id);
        binding_request(transaction_id, &self.local, &self.remote)
    }

    pub fn on_answer(&mut self, own: SocketAddr, datagram: &[u8]) -> Result<(), String> {
        let message = stun::parse(datagram).map_err(|error| format!("STUN: {error}"))?;
        let transaction_id = message.transaction_id();
        if self.stale.contains(&transaction_id) {
            return Ok(());
        }
        if !self.pending.contains(&transaction_id) {
            return Err("an answer to no check".to_owned());
        }
        if message.class() != StunClass::Success {
            return Err(format!("a check was refused: {:?}", message.error_code()));
        }
        if !message.verify_integrity(self.remote.password.as_bytes()) {
            return Err("an answer without integrity".to_owned());
        }
        if message.xor_mapped_address() != Some(own) {
            return Err(format!("mapped address {:?}", message.xor_mapped_address()));
        }
        self.answers += 1;
        self.is_confirmed = true;
        Ok(())
    }
}

pub fn binding_request(
    transaction_id: [u8; 12],
    local: &IceCredentials,
    remote: &IceCredentials,
) -> Vec<u8> {
    let mut out = vec![0; 512];
    let request = BindingRequest {
        transaction_id,
        remote_ufrag: &remote.ufrag,
        local_ufrag: &local.ufrag,
        priority: 0x6e00_1eff,
        role: IceRole::Controlling(0x1234_5678),
        use_candidate: true,
        password: remote.password.as_bytes(),
    };
    let len = stun::write_binding_request(&mut out, &request).unwrap();
    out.truncate(len);
    out
}
