//! One client's secured way to the node: ICE, then DTLS, then SRTP both ways. Sans-IO.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use dimpl::{Config, DtlsCertificate};

use crate::client::crypto::Crypto;
use crate::client::dtls::{DtlsAssociation, DtlsError, DtlsTurn};
use crate::client::ice::{Credentials, IceAgent, IceEvent};
use crate::client::outbox::Outbox;
use crate::client::sdp::Answer;
use crate::client::srtp::Srtp;

/// What a datagram was, once opened.
#[derive(Debug)]
pub enum Opened {
    Rtp(BytesMut),
    Rtcp(BytesMut),
    /// Neither authentic nor anything this client expects.
    Faulty,
    Handled(Option<PathEvent>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathEvent {
    Secured,
    Failed(String),
}

pub struct SecurePath {
    ice: IceAgent,
    dtls: DtlsAssociation,
    srtp: Option<Srtp>,
    has_failed: bool,
}

impl SecurePath {
    pub fn new(
        now: Instant,
        answer: &Answer,
        local_ice: Credentials,
        certificate: DtlsCertificate,
        dtls: Arc<Config>,
        crypto: Crypto,
    ) -> Self {
        Self {
            ice: IceAgent::new(
                now,
                crypto.clone(),
                local_ice,
                answer.ice.clone(),
                &answer.candidates,
            ),
            dtls: DtlsAssociation::new(
                now,
                answer.side,
                dtls,
                certificate,
                answer.fingerprint.clone(),
                crypto,
            ),
            srtp: None,
            has_failed: false,
        }
    }

    pub fn is_secured(&self) -> bool {
        self.srtp.is_some() && !self.has_failed
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.has_failed {
            return None;
        }
        let ice = self.ice.poll_timeout();
        Some(self.dtls.poll_timeout().map_or(ice, |dtls| dtls.min(ice)))
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<PathEvent> {
        if self.ice.poll_timeout() <= now
            && self.ice.handle_timeout(now, out) == Some(IceEvent::ConsentLost)
        {
            return self.fail("the node no longer answers ICE checks".into());
        }
        if self.dtls.poll_timeout().is_some_and(|at| at <= now) {
            let turn = self.dtls.handle_timeout(now);
            return self.turn(turn, out);
        }
        None
    }

    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Opened {
        // RFC 7983, RFC 5761 §4.
        match datagram {
            [0..=3, ..] => match self.ice.handle_datagram(now, from, datagram, out) {
                Some(IceEvent::Selected(_)) => {
                    let turn = self.dtls.start(now);
                    Opened::Handled(self.turn(turn, out))
                }
                _ => Opened::Handled(None),
            },
            [20..=63, ..] => {
                let turn = self.dtls.handle_datagram(now, datagram);
                Opened::Handled(self.turn(turn, out))
            }
            [128..=191, second, ..] => {
                let Some(srtp) = &mut self.srtp else {
                    return Opened::Handled(None);
                };
                let opened = match (192..=223).contains(second) {
                    true => srtp.open_rtcp(datagram).map(Opened::Rtcp),
                    false => srtp.open_rtp(datagram).map(Opened::Rtp),
                };
                opened.unwrap_or(Opened::Faulty)
            }
            _ => Opened::Faulty,
        }
    }

    fn turn(&mut self, turn: Result<DtlsTurn, DtlsError>, out: &mut Outbox) -> Option<PathEvent> {
        let turn = match turn {
            Ok(turn) => turn,
            Err(error) => return self.fail(error.to_string()),
        };
        let to = self.ice.selected()?;
        for datagram in &turn.transmit {
            out.push(to, datagram);
        }
        let (srtp, _) = turn.keys?;
        self.srtp = Some(srtp);
        Some(PathEvent::Secured)
    }

    fn fail(&mut self, why: String) -> Option<PathEvent> {
        if self.has_failed {
            return None;
        }
        self.has_failed = true;
        Some(PathEvent::Failed(why))
    }

    pub fn send_rtp(&mut self, packet: &[u8], out: &mut Outbox) {
        if let (Some(srtp), Some(to)) = (&mut self.srtp, self.ice.selected())
            && let Ok(sealed) = srtp.seal_rtp(packet)
        {
            out.push(to, &sealed);
        }
    }

    pub fn send_rtcp(&mut self, packet: &[u8], out: &mut Outbox) {
        if let (Some(srtp), Some(to)) = (&mut self.srtp, self.ice.selected())
            && let Ok(sealed) = srtp.seal_rtcp(packet)
        {
            out.push(to, &sealed);
        }
    }

    /// Goodbye.
    pub fn close(&mut self, out: &mut Outbox) {
        if let Some(to) = self.ice.selected() {
            for datagram in self.dtls.close().transmit {
                out.push(to, &datagram);
            }
        }
    }
}
