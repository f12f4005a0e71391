use std::time::Duration;

use super::*;
use crate::transport::srtp::KeyingRole;
use crate::transport::{CONSENT_TIMEOUT, SrtpProfile};
use crate::wire::stun::{BindingRequest, IceRole, write_binding_request};

const PASSWORD: &str = "serverpasswordserverpassword";

fn credentials(ufrag: &str) -> IceCredentials {
    IceCredentials {
        ufrag: ufrag.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

fn keys(role: KeyingRole, profile: SrtpProfile) -> SrtpKeys {
    let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
    SrtpKeys::from_keying_material(profile, role, &material).unwrap()
}

/// A connection and the far end's seals.
struct Fixture {
    connection: Connection,
    far: SrtpOutbound,
    far_inbound: SrtpInbound,
    now: Instant,
    out: SendArena,
}

const CLIENT: u16 = 1000;
const ATTACKER: u16 = 6666;

impl Fixture {
    fn new(profile: SrtpProfile) -> Self {
        let now = Instant::now();
        let config = ConnectionConfig {
            local_ice: credentials("server"),
            remote_ice: credentials("client"),
        };
        let far = keys(KeyingRole::DtlsClient, profile);
        Self {
            connection: Connection::new(now, config),
            far: SrtpOutbound::new(profile, &far.outbound).unwrap(),
            far_inbound: SrtpInbound::new(profile, &far.inbound).unwrap(),
            now,
            out: SendArena::new(1 << 16, 256),
        }
    }

    fn established(profile: SrtpProfile) -> Self {
        let mut fixture = Self::new(profile);
        fixture.check(CLIENT, true, PASSWORD).unwrap();
        fixture
            .connection
            .install_keys(keys(KeyingRole::DtlsServer, profile));
        fixture.drain_events();
        fixture.out.clear();
        fixture
    }

    fn check(&mut self, port: u16, nominate: bool, password: &str) -> Result<(), DropReason> {
        let request = BindingRequest {
            transaction_id: [3; 12],
            remote_ufrag: "server",
            local_ufrag: "client",
            priority: 1,
            role: IceRole::Controlling(1),
            use_candidate: nominate,
            password: password.as_bytes(),
        };
        let mut buffer = [0; 256];
        let len = write_binding_request(&mut buffer, &request).unwrap();
        self.receive(port, &buffer[..len]).map(drop)
    }

    /// What [`Connection::receive`] says, with the plaintext copied out.
    fn receive(&mut self, port: u16, datagram: &[u8]) -> Result<Option<Vec<u8>>, DropReason> {
        let mut datagram = datagram.to_vec();
        let received =
            self.connection
                .receive(self.now, address(port), &mut datagram, &mut self.out)?;
        Ok(match received {
            Received::Nothing => None,
            Received::Dtls(bytes) | Received::Rtcp(bytes) => Some(bytes.to_vec()),
            Received::Rtp { packet, .. } => Some(packet.to_vec()),
        })
    }

    fn drain_events(&mut self) -> Vec<ConnectionEvent> {
        std::iter::from_fn(|| self.connection.poll_event()).collect()
    }

    fn sealed_rtp(&self, index: u64) -> Vec<u8> {
        let mut packet = vec![0; 100 + MAX_SRTP_OVERHEAD];
        rtp_into(&mut packet, index);
        let len = self.far.seal_rtp(index, 12, 100, &mut packet).unwrap();
        packet.truncate(len);
        packet
    }

    fn sealed_rtcp(&mut self) -> Vec<u8> {
        let mut out = [0; 64];
        let len = self.far.seal_rtcp(&RTCP, &mut out).unwrap();
        out[..len].to_vec()
    }

    fn sent(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let sent = self
            .out
            .datagrams()
            .map(|(to, bytes)| (to, bytes.to_vec()))
            .collect();
        self.out.clear();
        sent
    }
}

const RTCP: [u8; 16] = [0x81, 206, 0, 3, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8];
const CLIENT_HELLO: [u8; 16] = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3];

fn rtp_into(buffer: &mut [u8], index: u64) -> (usize, usize) {
    buffer[..100].fill(0x42);
    buffer[..2].copy_from_slice(&[0x80, 96]);
    buffer[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    buffer[8..12].copy_from_slice(&[0, 0, 0, 9]);
    (12, 100)
}

const PROFILES: [SrtpProfile; 2] = [SrtpProfile::Aes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];

#[test]
fn media_flows_both_ways_once_there_are_path_and_keys() {
    for profile in PROFILES {
        let mut fixture = Fixture::new(profile);
        assert!(
            !fixture
                .connection
                .send_dtls(&CLIENT_HELLO, &mut fixture.out)
        );
        fixture.check(CLIENT, false, PASSWORD).unwrap();
        fixture.sent();
        assert!(
            fixture
                .connection
                .send_dtls(&CLIENT_HELLO, &mut fixture.out)
        );
        assert_eq!(
            fixture.sent()[0].0,
            address(CLIENT),
            "DTLS before nomination"
        );
        assert_eq!(fixture.connection.remote(), None);
        fixture.check(CLIENT, true, PASSWORD).unwrap();
        assert_eq!(
            fixture.drain_events(),
            [
                ConnectionEvent::Validated(address(CLIENT)),
                ConnectionEvent::Selected(address(CLIENT)),
            ]
        );
        fixture.sent();
        let packet = fixture.sealed_rtp(7);
        assert_eq!(fixture.receive(CLIENT, &packet), Err(DropReason::NoKeys));
        assert!(!fixture.connection.send_rtcp(&RTCP, &mut fixture.out));
        fixture
            .connection
            .install_keys(keys(KeyingRole::DtlsServer, profile));

        let mut plain = vec![0; 100];
        rtp_into(&mut plain, 7);
        assert_eq!(fixture.receive(CLIENT, &packet), Ok(Some(plain.clone())));
        assert_eq!(fixture.receive(CLIENT, &packet), Err(DropReason::Replay));
        let packet = fixture.sealed_rtcp();
        assert_eq!(fixture.receive(CLIENT, &packet), Ok(Some(RTCP.to_vec())));

        let (connection, out) = (&mut fixture.connection, &mut fixture.out);
        assert!(connection.send_rtp(7, 100, out, |buffer| Some(rtp_into(buffer, 7))));
        assert!(!connection.send_rtp(8, 100, out, |_| None));
        assert!(connection.send_rtcp(&RTCP, out));
        let mut sent = fixture.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|(to, _)| *to == address(CLIENT)));
        let header = RtpHeader::parse(&sent[0].1).unwrap();
        let len = fixture
            .far_inbound
            .open_rtp(&header, &mut sent[0].1)
            .unwrap();
        assert_eq!(sent[0].1[..len], plain);
        let len = fixture.far_inbound.open_rtcp(&mut sent[1].1).unwrap();
        assert_eq!(sent[1].1[..len], RTCP);
    }
}

/// The attack: a ClientHello, RTP and RTCP from an address that passed no check, before and
/// after the connection is up. Genuine packets, so that only the address can be the reason.
#[test]
fn nothing_from_an_unvalidated_address_has_an_effect() {
    let mut fixture = Fixture::new(SrtpProfile::Aes128Gcm);
    for datagram in [CLIENT_HELLO.to_vec(), fixture.sealed_rtp(1)] {
        assert_eq!(
            fixture.receive(ATTACKER, &datagram),
            Err(DropReason::UnvalidatedSource)
        );
    }
    assert!(fixture.sent().is_empty());
    assert!(
        !fixture
            .connection
            .send_dtls(&CLIENT_HELLO, &mut fixture.out)
    );

    let mut fixture = Fixture::established(SrtpProfile::Aes128Gcm);
    let rtp = fixture.sealed_rtp(1);
    let rtcp = fixture.sealed_rtcp();
    for datagram in [&CLIENT_HELLO[..], &rtp, &rtcp] {
        assert_eq!(
            fixture.receive(ATTACKER, datagram),
            Err(DropReason::UnvalidatedSource)
        );
    }
    assert_eq!(fixture.connection.remote(), Some(address(CLIENT)));
    assert_eq!(fixture.connection.inbound_streams(), 0);
    assert_eq!(fixture.drain_events(), []);
    assert!(fixture.sent().is_empty());
    // The very same packets are accepted from where they belong: no window moved.
    assert!(fixture.receive(CLIENT, &rtp).is_ok());
    assert!(fixture.receive(CLIENT, &rtcp).is_ok());
}

#[test]
fn the_path_moves_only_after_an_authenticated_check() {
    let mut fixture = Fixture::established(SrtpProfile::Aes128Gcm);
    let (connection, out) = (&mut fixture.connection, &mut fixture.out);
    assert!(connection.send_rtp(1, 100, out, |buffer| Some(rtp_into(buffer, 1))));
    fixture.sent();

    assert_eq!(
        fixture.check(ATTACKER, true, "notthepasswordnotthepassword"),
        Err(DropReason::BadIntegrity)
    );
    assert_eq!(
        fixture.receive(ATTACKER, &fixture.sealed_rtp(5)),
        Err(DropReason::UnvalidatedSource)
    );
    assert_eq!(fixture.connection.remote(), Some(address(CLIENT)));
    assert_eq!(fixture.drain_events(), []);

    let moved = 2000;
    fixture.check(moved, false, PASSWORD).unwrap();
    assert_eq!(fixture.connection.remote(), Some(address(CLIENT)));
    fixture.check(moved, true, PASSWORD).unwrap();
    assert_eq!(
        fixture.drain_events(),
        [
            ConnectionEvent::Validated(address(moved)),
            ConnectionEvent::Moved(address(moved)),
        ]
    );
    fixture.sent();
    let (connection, out) = (&mut fixture.connection, &mut fixture.out);
    assert!(connection.send_rtp(2, 100, out, |buffer| Some(rtp_into(buffer, 2))));
    assert_eq!(fixture.sent()[0].0, address(moved));
    // Packets still under way from the old address are not lost.
    let late = fixture.sealed_rtp(6);
    assert!(fixture.receive(CLIENT, &late).is_ok());
}

/// The attack: RTCP in the clear, E=0, from a validated address.
#[test]
fn forged_unencrypted_rtcp_is_dropped() {
    let mut fixture = Fixture::established(SrtpProfile::Aes128CmHmacSha1_80);
    let mut forged = RTCP.to_vec();
    forged.extend_from_slice(&[0, 0, 0, 1]);
    forged.extend_from_slice(&[0; 10]);
    assert_eq!(
        fixture.receive(CLIENT, &forged),
        Err(DropReason::UnencryptedRtcp)
    );
    assert_eq!(fixture.connection.inbound_streams(), 0);
}

/// The attack: 100,000 packets with SSRCs of their own, from a validated address.
#[test]
fn forged_ssrcs_leave_no_state() {
    for profile in PROFILES {
        let mut fixture = Fixture::established(profile);
        let mut packet = fixture.sealed_rtp(1);
        fixture.receive(CLIENT, &packet).unwrap();
        for ssrc in 100..100_100_u32 {
            packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(fixture.receive(CLIENT, &packet), Err(DropReason::SrtpAuth));
        }
        assert_eq!(fixture.connection.inbound_streams(), 1);
        let packet = fixture.sealed_rtp(2);
        assert!(fixture.receive(CLIENT, &packet).is_ok());
    }
}

#[test]
fn a_flood_of_dtls_is_cut_off() {
    let mut fixture = Fixture::established(SrtpProfile::Aes128Gcm);
    let passed = (0..10_000)
        .filter(|_| fixture.receive(CLIENT, &CLIENT_HELLO).is_ok())
        .count();
    assert_eq!(passed, DTLS_BURST as usize);
    assert_eq!(
        fixture.receive(CLIENT, &CLIENT_HELLO),
        Err(DropReason::DtlsFlood)
    );
    let packet = fixture.sealed_rtp(1);
    assert!(
        fixture.receive(CLIENT, &packet).is_ok(),
        "media is not held up"
    );
    fixture.now += Duration::from_secs(1);
    assert!(fixture.receive(CLIENT, &CLIENT_HELLO).is_ok());
}

#[test]
fn nothing_is_sent_without_consent() {
    let mut fixture = Fixture::established(SrtpProfile::Aes128Gcm);
    assert_eq!(
        fixture.connection.poll_timeout(),
        Some(fixture.now + CONSENT_TIMEOUT)
    );
    fixture.now += CONSENT_TIMEOUT;
    fixture.connection.handle_timeout(fixture.now);
    assert_eq!(
        fixture.drain_events(),
        [
            ConnectionEvent::Forgotten(address(CLIENT)),
            ConnectionEvent::ConsentExpired,
        ]
    );
    let (connection, out) = (&mut fixture.connection, &mut fixture.out);
    assert!(!connection.send_rtp(1, 100, out, |buffer| Some(rtp_into(buffer, 1))));
    assert!(!connection.send_rtcp(&RTCP, out));
    assert!(!connection.send_dtls(&CLIENT_HELLO, out));
    let packet = fixture.sealed_rtp(1);
    assert_eq!(
        fixture.receive(CLIENT, &packet),
        Err(DropReason::UnvalidatedSource)
    );
    fixture.check(CLIENT, true, PASSWORD).unwrap();
    assert!(fixture.receive(CLIENT, &packet).is_ok(), "back again");
}

#[test]
fn malformed_datagrams_have_their_reasons() {
    let mut fixture = Fixture::established(SrtpProfile::Aes128Gcm);
    let cases: [(&[u8], DropReason); 6] = [
        (&[], DropReason::UnknownProtocol),
        (&[255, 1, 2], DropReason::UnknownProtocol),
        (&[0, 1, 0, 0], DropReason::MalformedStun),
        (&[0x80, 96, 0], DropReason::MalformedRtp),
        (&[0x80, 200, 0], DropReason::MalformedRtcp),
        (
            &[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1],
            DropReason::MalformedRtp,
        ),
    ];
    for (datagram, reason) in cases {
        assert_eq!(
            fixture.receive(CLIENT, datagram),
            Err(reason),
            "{datagram:?}"
        );
    }
}
