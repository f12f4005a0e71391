use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rtc::crypto::RTCCryptoProvider;
use rtc::crypto::providers::AwsLcRsProvider;
use rtc::dtls::crypto::Certificate;

use super::*;
use crate::transport::SrtpProfile;
use crate::transport::srtp::{KeyingRole, SrtpInbound, SrtpOutbound};
use crate::wire::sdp::{DtlsRole, Fingerprint, HashAlgorithm};

static OURS: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate().unwrap()));
static THEIRS: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate().unwrap()));

const ROLES: [DtlsRole; 2] = [DtlsRole::Client, DtlsRole::Server];

fn opposite(role: DtlsRole) -> DtlsRole {
    match role {
        DtlsRole::Client => DtlsRole::Server,
        DtlsRole::Server => DtlsRole::Client,
    }
}

fn engine(identity: &Arc<Identity>, role: DtlsRole, expected: &Fingerprint) -> RtcDtls {
    RtcDtls::new(Arc::clone(identity), role, vec![expected.clone()])
}

fn engines(role: DtlsRole) -> (RtcDtls, RtcDtls) {
    (
        engine(&OURS, role, THEIRS.fingerprint()),
        engine(&THEIRS, opposite(role), OURS.fingerprint()),
    )
}

/// What both said, after at most a virtual minute. `lose` says of each datagram, counted from 0,
/// whether the network loses it.
fn run(
    a: &mut (dyn DtlsEngine + 'static),
    b: &mut (dyn DtlsEngine + 'static),
    mut lose: impl FnMut(usize) -> bool,
) -> (Vec<DtlsOutcome>, Vec<DtlsOutcome>) {
    let mut now = Instant::now();
    let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
    let mut sent = 0;
    a.start(now);
    b.start(now);
    for _ in 0..300 {
        let mut quiet = true;
        for a_to_b in [true, false] {
            let (from, to) = if a_to_b {
                (&mut *a, &mut *b)
            } else {
                (&mut *b, &mut *a)
            };
            while let Some(datagram) = from.poll_transmit() {
                quiet = false;
                sent += 1;
                if !lose(sent - 1) {
                    let _ = to.handle_datagram(now, &datagram);
                }
            }
        }
        from_a.extend(std::iter::from_fn(|| a.poll_outcome()));
        from_b.extend(std::iter::from_fn(|| b.poll_outcome()));
        if quiet {
            if !from_a.is_empty() && !from_b.is_empty() {
                break;
            }
            now += Duration::from_millis(250);
            a.handle_timeout(now);
            b.handle_timeout(now);
        }
    }
    (from_a, from_b)
}

fn keys(outcomes: Vec<DtlsOutcome>) -> SrtpKeys {
    match <[DtlsOutcome; 1]>::try_from(outcomes) {
        Ok([DtlsOutcome::Established(keys)]) => *keys,
        other => panic!("no keys but {other:?}"),
    }
}

/// What one seals the other opens, both ways.
fn assert_keys_fit(a: &SrtpKeys, b: &SrtpKeys) {
    assert_eq!(a.profile, b.profile);
    for (from, to) in [(a, b), (b, a)] {
        let mut outbound = SrtpOutbound::new(from.profile, &from.outbound).unwrap();
        let mut inbound = SrtpInbound::new(to.profile, &to.inbound).unwrap();
        let plain = [0x80, 201, 0, 2, 0, 0, 0, 1, 5, 6, 7, 8];
        let mut sealed = [0; 64];
        let len = outbound.seal_rtcp(&plain, &mut sealed).unwrap();
        let len = inbound.open_rtcp(&mut sealed[..len]).unwrap();
        assert_eq!(sealed[..len], plain);
    }
}

#[test]
fn both_roles_agree_on_gcm_keys() {
    for role in ROLES {
        let (mut ours, mut theirs) = engines(role);
        let (ours, theirs) = run(&mut ours, &mut theirs, |_| false);
        let (ours, theirs) = (keys(ours), keys(theirs));
        assert_eq!(ours.profile, SrtpProfile::Aes128Gcm);
        assert_keys_fit(&ours, &theirs);
    }
}

/// Each of the first twelve datagrams lost in turn: the flights are repeated.
#[test]
fn survives_the_loss_of_any_datagram() {
    for role in ROLES {
        for lost in 0..12 {
            let (mut ours, mut theirs) = engines(role);
            let (ours, theirs) = run(&mut ours, &mut theirs, |at| at == lost);
            assert_keys_fit(&keys(ours), &keys(theirs));
        }
    }
}

#[test]
fn another_certificate_than_the_offers_gives_no_keys() {
    let stranger = Identity::generate().unwrap();
    for role in ROLES {
        let mut ours = engine(&OURS, role, stranger.fingerprint());
        let mut theirs = engine(&THEIRS, opposite(role), OURS.fingerprint());
        let (ours, _) = run(&mut ours, &mut theirs, |_| false);
        assert!(
            matches!(
                ours[..],
                [DtlsOutcome::Failed(DtlsFailure::FingerprintMismatch)]
            ),
            "{role:?}: {ours:?}"
        );
    }
}

#[test]
fn an_rsa_participant_gets_in_in_either_role() {
    let provider = AwsLcRsProvider::new();
    let certificate = Certificate::generate_self_signed_with_alg(
        vec!["rsa".to_owned()],
        &rcgen::PKCS_RSA_SHA256,
        provider.crypto(),
    )
    .unwrap();
    let rsa = Arc::new(Identity::from_certificate(&certificate).unwrap());
    for role in ROLES {
        let mut ours = engine(&OURS, role, rsa.fingerprint());
        let mut theirs = engine(&rsa, opposite(role), OURS.fingerprint());
        let (ours, theirs) = run(&mut ours, &mut theirs, |_| false);
        assert_keys_fit(&keys(ours), &keys(theirs));
    }
}

#[test]
fn a_silent_participant_times_out() {
    let mut ours = engine(&OURS, DtlsRole::Client, THEIRS.fingerprint());
    let mut nobody = engine(&THEIRS, DtlsRole::Server, OURS.fingerprint());
    let (ours, theirs) = run(&mut ours, &mut nobody, |_| true);
    assert!(matches!(
        ours[..],
        [DtlsOutcome::Failed(DtlsFailure::TimedOut)]
    ));
    assert!(theirs.is_empty());
}

#[test]
fn nothing_begins_without_a_client_hello() {
    let now = Instant::now();
    let mut server = engine(&OURS, DtlsRole::Server, THEIRS.fingerprint());
    let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40];
    assert_eq!(
        server.handle_datagram(now, &alert),
        Err(DtlsError::NotStarted)
    );
    let mut client = engine(&OURS, DtlsRole::Client, THEIRS.fingerprint());
    assert_eq!(
        client.handle_datagram(now, &alert),
        Err(DtlsError::NotStarted)
    );
    assert!(client.poll_transmit().is_none() && server.poll_transmit().is_none());
}

/// The attack: forged plaintext records on an established association.
#[test]
fn forged_plaintext_does_not_end_an_established_association() {
    for role in ROLES {
        let (mut ours, mut theirs) = engines(role);
        let (outcomes, _) = run(&mut ours, &mut theirs, |_| false);
        keys(outcomes);
        let now = Instant::now() + Duration::from_secs(60);
        for body in [[2, 40], [1, 0], [2, 0]] {
            let mut alert = vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2];
            alert.extend_from_slice(&body);
            let _ = ours.handle_datagram(now, &alert);
            assert!(ours.poll_outcome().is_none(), "{role:?} {body:?}");
        }
        // The genuine close_notify does end it.
        theirs.end(now, DtlsOutcome::PeerClosed);
        let mut last = None;
        while let Some(datagram) = theirs.poll_transmit() {
            last = Some(datagram);
        }
        ours.handle_datagram(now, &last.unwrap()).unwrap();
        assert!(matches!(ours.poll_outcome(), Some(DtlsOutcome::PeerClosed)));
    }
}

/// A second implementation behind the same trait.
struct Dimpl {
    dtls: dimpl::Dtls,
    is_client: bool,
    expected: Fingerprint,
    timeout: Option<Instant>,
    transmits: Vec<Vec<u8>>,
    outcome: Option<DtlsOutcome>,
}

impl Dimpl {
    fn new(role: DtlsRole, expected: Fingerprint) -> (Self, Fingerprint) {
        let certificate = dimpl::certificate::generate_self_signed_certificate().unwrap();
        let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, &certificate.certificate);
        let config = Arc::new(dimpl::Config::builder().build().unwrap());
        let mut dtls = dimpl::Dtls::new_12(config, certificate, Instant::now());
        let is_client = role == DtlsRole::Client;
        dtls.set_active(is_client);
        let peer = Self {
            dtls,
            is_client,
            expected,
            timeout: None,
            transmits: Vec::new(),
            outcome: None,
        };
        (peer, fingerprint)
    }

    fn drain(&mut self) {
        let mut buffer = vec![0; 4096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                dimpl::Output::Packet(packet) => self.transmits.push(packet.to_vec()),
                dimpl::Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return;
                }
                dimpl::Output::PeerCert(der) => assert!(self.expected.matches(der)),
                dimpl::Output::KeyingMaterial(material, profile) => {
                    let profile = match profile {
                        dimpl::SrtpProfile::AEAD_AES_128_GCM => SrtpProfile::Aes128Gcm,
                        dimpl::SrtpProfile::AES128_CM_SHA1_80 => SrtpProfile::Aes128CmHmacSha1_80,
                        other => panic!("{other:?}"),
                    };
                    let role = if self.is_client {
                        KeyingRole::DtlsClient
                    } else {
                        KeyingRole::DtlsServer
                    };
                    let keys = SrtpKeys::from_keying_material(profile, role, &material);
                    self.outcome = Some(DtlsOutcome::Established(Box::new(keys.unwrap())));
                }
                _ => {}
            }
        }
    }
}

impl DtlsEngine for Dimpl {
    fn start(&mut self, now: Instant) {
        self.dtls.handle_timeout(now).unwrap();
        self.drain();
    }

    fn handle_datagram(&mut self, _now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        self.dtls.handle_packet(datagram).unwrap();
        self.drain();
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.dtls.handle_timeout(now).unwrap();
        self.drain();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.transmits.is_empty()).then(|| self.transmits.remove(0))
    }

    fn poll_outcome(&mut self) -> Option<DtlsOutcome> {
        self.outcome.take()
    }
}

#[test]
fn interoperates_with_dimpl_in_either_role() {
    for role in ROLES {
        let (mut theirs, fingerprint) = Dimpl::new(opposite(role), OURS.fingerprint().clone());
        let mut ours = engine(&OURS, role, &fingerprint);
        let (ours, theirs) = run(&mut ours, &mut theirs, |_| false);
        let (ours, theirs) = (keys(ours), keys(theirs));
        assert_eq!(ours.profile, SrtpProfile::Aes128Gcm);
        assert_keys_fit(&ours, &theirs);
    }
}
