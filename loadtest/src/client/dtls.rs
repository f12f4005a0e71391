//! One DTLS association by `dimpl`, which shares no code with the node's DTLS.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};

use super::crypto::Crypto;
use super::srtp::{Side, Srtp, SrtpSetupError};

/// Longest datagram of a handshake; the state machine says when it needs more.
const OUTPUT_LEN: usize = 2048;

#[derive(Debug, thiserror::Error)]
pub enum DtlsError {
    #[error("DTLS: {0}")]
    Protocol(dimpl::Error),
    #[error("the node's certificate does not have the fingerprint of its answer")]
    Fingerprint,
    #[error("keys came before the node's certificate")]
    NoCertificate,
    #[error(transparent)]
    Srtp(#[from] SrtpSetupError),
    #[error("the node closed the association")]
    Closed,
}

/// `a=fingerprint`: what the node's certificate must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub hash: Hash,
    pub digest: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Fingerprint {
    fn matches(&self, certificate: &[u8]) -> bool {
        let algorithm = match self.hash {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, certificate).as_ref() == self.digest
    }
}

/// `AA:BB:...` of a certificate's SHA-256, for the offer.
pub fn fingerprint_text(certificate: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, certificate);
    let bytes: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    bytes.join(":")
}

pub struct DtlsAssociation {
    dtls: Dtls,
    side: Side,
    crypto: Crypto,
    expected: Fingerprint,
    certificate_seen: bool,
    timeout: Option<Instant>,
    buffer: Vec<u8>,
    started: bool,
}

/// What a turn of the association brought.
#[derive(Default)]
pub struct DtlsTurn {
    pub transmit: Vec<Vec<u8>>,
    /// Keys, once, with the profile the node chose.
    pub keys: Option<(Srtp, SrtpProfile)>,
    /// What the keys were made from, in the order of RFC 5764 §4.2.
    pub material: Option<Vec<u8>>,
}

impl DtlsAssociation {
    pub fn new(
        now: Instant,
        side: Side,
        config: Arc<Config>,
        certificate: DtlsCertificate,
        expected: Fingerprint,
        crypto: Crypto,
    ) -> Self {
        let mut dtls = Dtls::new_12(config, certificate, now);
        dtls.set_active(side == Side::Client);
        Self {
            dtls,
            side,
            crypto,
            expected,
            certificate_seen: false,
            timeout: None,
            buffer: vec![0; OUTPUT_LEN],
            started: false,
        }
    }

    /// The path is up: the client side speaks first.
    ///
    /// # Errors
    /// See [`DtlsError`].
    pub fn start(&mut self, now: Instant) -> Result<DtlsTurn, DtlsError> {
        self.started = true;
        self.dtls.handle_timeout(now).map_err(DtlsError::Protocol)?;
        self.turn()
    }

    /// # Errors
    /// See [`DtlsError`].
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<DtlsTurn, DtlsError> {
        self.dtls.handle_timeout(now).map_err(DtlsError::Protocol)?;
        let mut turn = self.turn()?;
        self.dtls
            .handle_packet(datagram)
            .map_err(DtlsError::Protocol)?;
        let mut after = self.turn()?;
        turn.transmit.append(&mut after.transmit);
        turn.keys = turn.keys.or(after.keys);
        turn.material = turn.material.or(after.material);
        Ok(turn)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeout.filter(|_| self.started)
    }

    /// # Errors
    /// See [`DtlsError`].
    pub fn handle_timeout(&mut self, now: Instant) -> Result<DtlsTurn, DtlsError> {
        self.dtls.handle_timeout(now).map_err(DtlsError::Protocol)?;
        self.turn()
    }

    /// A `close_notify` for the node.
    pub fn close(&mut self) -> DtlsTurn {
        if self.dtls.close().is_err() {
            return DtlsTurn::default();
        }
        self.turn().unwrap_or_default()
    }

    fn turn(&mut self) -> Result<DtlsTurn, DtlsError> {
        let mut turn = DtlsTurn::default();
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(packet) => turn.transmit.push(packet.to_vec()),
                Output::BufferTooSmall { needed } => self.buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return Ok(turn);
                }
                Output::PeerCert(certificate) => {
                    if !self.expected.matches(certificate) {
                        return Err(DtlsError::Fingerprint);
                    }
                    self.certificate_seen = true;
                }
                Output::KeyingMaterial(material, profile) => {
                    if !self.certificate_seen {
                        return Err(DtlsError::NoCertificate);
                    }
                    let srtp = Srtp::new(self.side, profile, &material, &self.crypto)?;
                    turn.keys = Some((srtp, profile));
                    turn.material = Some(material.to_vec());
                }
                Output::CloseNotify => return Err(DtlsError::Closed),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(certificate: &DtlsCertificate) -> Fingerprint {
        let digest = digest::digest(&digest::SHA256, &certificate.certificate);
        Fingerprint {
            hash: Hash::Sha256,
            digest: digest.as_ref().to_vec(),
        }
    }

    fn associate(trusting: bool) -> Result<(Srtp, Srtp), DtlsError> {
        let now = Instant::now();
        let config = Arc::new(Config::default());
        let crypto = Crypto::new().unwrap();
        let generate = || dimpl::certificate::generate_self_signed_certificate().unwrap();
        let (ours, theirs) = (generate(), generate());
        let expected_server = if trusting {
            expected(&theirs)
        } else {
            expected(&ours)
        };
        let make = |side, certificate: &DtlsCertificate, expected| {
            DtlsAssociation::new(
                now,
                side,
                config.clone(),
                certificate.clone(),
                expected,
                crypto.clone(),
            )
        };
        let mut client = make(Side::Client, &ours, expected_server);
        let mut server = make(Side::Server, &theirs, expected(&ours));
        server.start(now)?;
        let mut to_server = client.start(now)?.transmit;
        let (mut client_keys, mut server_keys) = (None, None);
        for _ in 0..20 {
            let mut to_client = Vec::new();
            for datagram in to_server.drain(..) {
                let turn = server.handle_datagram(now, &datagram)?;
                to_client.extend(turn.transmit);
                server_keys = server_keys.or(turn.keys);
            }
            for datagram in to_client {
                let turn = client.handle_datagram(now, &datagram)?;
                to_server.extend(turn.transmit);
                client_keys = client_keys.or(turn.keys);
            }
        }
        Ok((client_keys.unwrap().0, server_keys.unwrap().0))
    }

    #[test]
    fn two_ends_agree_on_keys() {
        let (mut client, mut server) = associate(true).unwrap();
        let report = [0x80, 201, 0, 1, 0, 0, 0, 5];
        let sealed = client.seal_rtcp(&report).unwrap();
        assert_eq!(server.open_rtcp(&sealed).unwrap(), &report[..]);
    }

    #[test]
    fn another_certificate_than_the_answers_is_refused() {
        assert!(matches!(associate(false), Err(DtlsError::Fingerprint)));
    }

    #[test]
    fn fingerprint_text_is_upper_case_and_colon_separated() {
        let text = fingerprint_text(b"certificate");
        assert_eq!(text.len(), 32 * 3 - 1);
        assert!(
            text.chars()
                .all(|c| c == ':' || c.is_ascii_digit() || ('A'..='F').contains(&c))
        );
    }
}
