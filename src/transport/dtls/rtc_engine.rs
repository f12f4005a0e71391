//! [`DtlsEngine`] over `rtc::dtls`.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::shared::TransportProtocol;
use rtc::shared::error::Error as LibraryError;

use super::client_hello::{preferred_profile, starts_client_hello};
use super::guard::Guard;
use super::identity::Identity;
use super::{DtlsEngine, DtlsError, DtlsFailure, DtlsOutcome};
use crate::transport::srtp::{KeyingRole, SrtpKeys, SrtpProfile};
use crate::wire::sdp::{DtlsRole, Fingerprint};

/// The library keys associations by remote address. Ours belongs to a participant, wherever it
/// moves, so it always hears the same one.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// RFC 5764 §4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// As client before [`DtlsEngine::start`], as server before a ClientHello.
    Idle,
    Handshaking,
    /// Repeats its last flight when asked and waits for close_notify.
    Established,
    /// Failed or closed. Hears nothing.
    Ended,
}

pub struct RtcDtls {
    endpoint: Endpoint,
    identity: Arc<Identity>,
    role: DtlsRole,
    /// Of the participant's offer; one of them must name its certificate.
    fingerprints: Vec<Fingerprint>,
    guard: Guard,
    phase: Phase,
    outcome: Option<DtlsOutcome>,
}

impl RtcDtls {
    pub fn new(identity: Arc<Identity>, role: DtlsRole, fingerprints: Vec<Fingerprint>) -> Self {
        Self {
            endpoint: Endpoint::new(PEER, TransportProtocol::UDP, None),
            identity,
            role,
            fingerprints,
            guard: Guard::default(),
            phase: Phase::Idle,
            outcome: None,
        }
    }

    pub(super) fn end(&mut self, now: Instant, outcome: DtlsOutcome) {
        self.phase = Phase::Ended;
        // Says goodbye and forgets the association.
        self.endpoint.stop(now, PEER);
        self.outcome = Some(outcome);
    }

    fn complete(&mut self, now: Instant) {
        let outcome = match self.keys() {
            Ok(keys) => {
                self.phase = Phase::Established;
                self.outcome = Some(DtlsOutcome::Established(Box::new(keys)));
                return;
            }
            Err(failure) => DtlsOutcome::Failed(failure),
        };
        self.end(now, outcome);
    }

    /// The keys of the finished handshake, once the certificate is known to be the offer's.
    fn keys(&self) -> Result<SrtpKeys, DtlsFailure> {
        let state = self
            .endpoint
            .get_connection_state(PEER)
            .ok_or(DtlsFailure::Protocol)?;
        let certificate = state
            .peer_certificates
            .first()
            .ok_or(DtlsFailure::NoCertificate)?;
        let is_named = |fingerprint: &Fingerprint| fingerprint.matches(certificate);
        if !self.fingerprints.iter().any(is_named) {
            return Err(DtlsFailure::FingerprintMismatch);
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::Aes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::Aes128CmHmacSha1_80,
            _ => return Err(DtlsFailure::NoSrtpProfile),
        };
        let role = match self.role {
            DtlsRole::Client => KeyingRole::DtlsClient,
            DtlsRole::Server => KeyingRole::DtlsServer,
        };
        let material = state
            .export_keying_material(EXPORTER_LABEL, &[], profile.keying_material_len())
            .map_err(|_| DtlsFailure::Protocol)?;
        SrtpKeys::from_keying_material(profile, role, material.as_ref())
            .ok_or(DtlsFailure::Protocol)
    }

    /// An error of the library ends a handshake, and an established association only when it is
    /// an alert that was authenticated.
    fn on_error(&mut self, now: Instant, error: &LibraryError) {
        match self.phase {
            Phase::Established if *error == LibraryError::ErrAlertFatalOrClose => {
                self.end(now, DtlsOutcome::PeerClosed);
            }
            Phase::Handshaking => self.end(now, DtlsOutcome::Failed(failure(error))),
            Phase::Idle | Phase::Established | Phase::Ended => {}
        }
    }
}

impl DtlsEngine for RtcDtls {
    fn start(&mut self, now: Instant) {
        if self.phase != Phase::Idle || self.role != DtlsRole::Client {
            return;
        }
        self.phase = Phase::Handshaking;
        let config = self.identity.client_config();
        if let Err(error) = self.endpoint.connect(now, PEER, config, None) {
            self.on_error(now, &error);
        }
    }

    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        match (self.phase, self.role) {
            (Phase::Ended, _) => return Err(DtlsError::Ended),
            (Phase::Idle, DtlsRole::Client) => return Err(DtlsError::NotStarted),
            (Phase::Idle, DtlsRole::Server) if !starts_client_hello(datagram) => {
                return Err(DtlsError::NotStarted);
            }
            (Phase::Idle | Phase::Handshaking | Phase::Established, _) => {}
        }
        self.guard.admit(datagram)?;
        if self.phase == Phase::Idle {
            self.phase = Phase::Handshaking;
            let config = self.identity.server_config(preferred_profile(datagram));
            self.endpoint.set_server_config(Some(config));
        }
        match self
            .endpoint
            .read(now, PEER, None, BytesMut::from(datagram))
        {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => self.complete(now),
                        EndpointEvent::PeerClosed => self.end(now, DtlsOutcome::PeerClosed),
                        // The guard lets no application data through.
                        _ => {}
                    }
                }
            }
            Err(error) => self.on_error(now, &error),
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.phase != Phase::Handshaking {
            return;
        }
        if let Err(error) = self.endpoint.handle_timeout(PEER, now) {
            // All repetitions of a flight went unanswered.
            let failure = match error {
                LibraryError::ErrInvalidFsmTransition => DtlsFailure::TimedOut,
                _ => failure(&error),
            };
            self.end(now, DtlsOutcome::Failed(failure));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (self.phase == Phase::Handshaking)
            .then(|| self.endpoint.poll_timeout(&PEER))
            .flatten()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.endpoint
            .poll_transmit()
            .map(|transmit| transmit.message.to_vec())
    }

    fn poll_outcome(&mut self) -> Option<DtlsOutcome> {
        self.outcome.take()
    }
}

fn failure(error: &LibraryError) -> DtlsFailure {
    match error {
        LibraryError::ErrServerNoMatchingSrtpProfile
        | LibraryError::ErrClientNoMatchingSrtpProfile
        | LibraryError::ErrRequestedButNoSrtpExtension => DtlsFailure::NoSrtpProfile,
        LibraryError::ErrClientCertificateRequired => DtlsFailure::NoCertificate,
        _ => DtlsFailure::Protocol,
    }
}
