//! The whole of SRTP against RFC vectors, a foreign implementation, and hostile orders.

use std::collections::HashSet;

use proptest::prelude::*;
use rtc::crypto::RTCCryptoProvider;
use rtc::crypto::providers::AwsLcRsProvider;
use rtc::srtp::context::Context;
use rtc::srtp::protection_profile::ProtectionProfile;

use super::cipher::Cipher;
use super::*;
use crate::wire::rtp::RtpHeader;

const PROFILES: [SrtpProfile; 2] = [SrtpProfile::Aes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

const KEY: [u8; 16] = [7; 16];

fn salt(profile: SrtpProfile) -> Vec<u8> {
    (0..profile.salt_len() as u8)
        .map(|byte| byte ^ 0x5A)
        .collect()
}

fn master(profile: SrtpProfile) -> MasterKey {
    MasterKey::new(profile, &KEY, &salt(profile)).unwrap()
}

fn pair(profile: SrtpProfile) -> (SrtpOutbound, SrtpInbound) {
    (
        SrtpOutbound::new(profile, &master(profile)).unwrap(),
        SrtpInbound::new(profile, &master(profile)).unwrap(),
    )
}

fn foreign(profile: SrtpProfile) -> Context {
    let named = match profile {
        SrtpProfile::Aes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpProfile::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    let provider = AwsLcRsProvider::new();
    Context::new(&KEY, &salt(profile), named, None, None, provider.crypto()).unwrap()
}

/// A packet with one CSRC and a one-byte extension block, so that a wrong header length shows.
fn rtp(ssrc: u32, sequence_number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x91, 0x60];
    packet.extend_from_slice(&sequence_number.to_be_bytes());
    packet.extend_from_slice(&(u32::from(sequence_number) * 960).to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[1, 2, 3, 4]);
    packet.extend_from_slice(&[0xBE, 0xDE, 0, 1, 0x10, 0x55, 0, 0]);
    packet.extend_from_slice(payload);
    packet
}

fn receiver_report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    // A second packet, so that there is something to encrypt: PLI.
    packet.extend_from_slice(&[0x81, 206, 0, 2]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[9, 9, 9, 9]);
    packet
}

fn seal(outbound: &SrtpOutbound, index: u64, plain: &[u8]) -> Vec<u8> {
    let header = RtpHeader::parse(plain).unwrap();
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + MAX_SRTP_OVERHEAD, 0);
    let len = outbound
        .seal_rtp(index, header.len, plain.len(), &mut buffer)
        .unwrap();
    buffer.truncate(len);
    buffer
}

fn seal_rtcp(outbound: &mut SrtpOutbound, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0; plain.len() + MAX_SRTP_OVERHEAD];
    let len = outbound.seal_rtcp(plain, &mut out).unwrap();
    out.truncate(len);
    out
}

fn open(inbound: &mut SrtpInbound, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = sealed.to_vec();
    let header = RtpHeader::parse(&packet).unwrap();
    let len = inbound.open_rtp(&header, &mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

fn open_rtcp(inbound: &mut SrtpInbound, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = sealed.to_vec();
    let len = inbound.open_rtcp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

/// RFC 7714 §16.1.1 and §16.1.2: session key and salt given, not derived.
#[test]
fn gcm_rtp_vector() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
         69736120 696e2070 61727465 73207472 6573",
    );
    let sealed = hex(
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
         0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
    let cipher = rfc_7714_cipher();
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + 16, 0);
    let len = cipher
        .seal_rtp(0x5501_a0b2, 0xf17b, 12, plain.len(), &mut buffer)
        .unwrap();
    assert_eq!(buffer[..len], sealed);
    let len = cipher
        .open_rtp(0x5501_a0b2, 0xf17b, 12, &mut buffer)
        .unwrap();
    assert_eq!(buffer[..len], plain);
}

/// RFC 7714 §17.1 and §17.2.
#[test]
fn gcm_rtcp_vector() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let sealed = hex(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
         c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
         45d9eade 800005d4",
    );
    let cipher = rfc_7714_cipher();
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + 20, 0);
    let len = cipher
        .seal_rtcp(0x4d61_7273, 0x5d4, plain.len(), &mut buffer)
        .unwrap();
    assert_eq!(buffer[..len], sealed);
    assert_eq!(cipher.rtcp_index_word(&buffer).unwrap(), 0x8000_05d4);
    let len = cipher.open_rtcp(0x4d61_7273, 0x5d4, &mut buffer).unwrap();
    assert_eq!(buffer[..len], plain);
}

fn rfc_7714_cipher() -> Cipher {
    Cipher::gcm_for_test(
        &hex("000102030405060708090a0b0c0d0e0f"),
        hex("517569642070726f2071756f").try_into().unwrap(),
    )
}

#[test]
fn agrees_with_a_foreign_implementation_both_ways() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let (mut theirs_in, mut theirs_out) = (foreign(profile), foreign(profile));
        // Across a wrap of the sequence number, with payloads from empty to full.
        for step in 0..200_u64 {
            let index = 65_400 + step;
            let payload = vec![step as u8; (step as usize * 7) % 1180];
            let plain = rtp(77, index as u16, &payload);
            let sealed = seal(&outbound, index, &plain);
            assert_eq!(sealed.len(), plain.len() + profile.rtp_overhead());
            assert_eq!(theirs_in.decrypt_rtp(&sealed).unwrap(), plain);
            let sealed = theirs_out.encrypt_rtp(&plain).unwrap();
            assert_eq!(
                open(&mut inbound, &sealed).unwrap(),
                plain,
                "{profile:?} {step}"
            );

            let plain = receiver_report(78);
            let sealed = seal_rtcp(&mut outbound, &plain);
            assert_eq!(sealed.len(), plain.len() + profile.rtcp_overhead());
            assert_eq!(theirs_in.decrypt_rtcp(&sealed).unwrap(), plain);
            let sealed = theirs_out.encrypt_rtcp(&plain).unwrap();
            assert_eq!(open_rtcp(&mut inbound, &sealed).unwrap(), plain);
        }
        assert_eq!(inbound.streams(), 2);
    }
}

/// The attack: RTCP in the clear with E=0 and any tag, which an implementation that trusts the
/// bit under AES-CM passes on.
#[test]
fn refuses_unencrypted_rtcp() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let mut forged = receiver_report(5);
        forged.extend_from_slice(&[0, 0, 0, 1]);
        forged.extend_from_slice(&[0; 10]);
        if profile == SrtpProfile::Aes128Gcm {
            forged.extend_from_slice(&[0, 0, 0, 1]);
        }
        assert_eq!(
            open_rtcp(&mut inbound, &forged),
            Err(SrtpError::Unencrypted),
            "{profile:?}"
        );
        assert_eq!(inbound.streams(), 0);
        let genuine = seal_rtcp(&mut outbound, &receiver_report(5));
        assert!(open_rtcp(&mut inbound, &genuine).is_ok());
    }
}

/// The attack: a flood of packets, each with an SSRC of its own and a worthless tag.
#[test]
fn forged_ssrcs_leave_no_state() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        open(&mut inbound, &seal(&outbound, 1, &rtp(42, 1, b"first"))).unwrap();
        open_rtcp(
            &mut inbound,
            &seal_rtcp(&mut outbound, &receiver_report(42)),
        )
        .unwrap();
        assert_eq!(inbound.streams(), 2);
        let forged_rtcp = seal_rtcp(&mut outbound, &receiver_report(42));
        for ssrc in 1000..101_000_u32 {
            let mut forged = rtp(ssrc, 1, &[0; 40]);
            let header = RtpHeader::parse(&forged).unwrap();
            assert_eq!(
                inbound.open_rtp(&header, &mut forged),
                Err(SrtpError::Authentication)
            );
            let mut forged = forged_rtcp.clone();
            forged[4..8].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(
                inbound.open_rtcp(&mut forged),
                Err(SrtpError::Authentication)
            );
        }
        assert_eq!(inbound.streams(), 2);
        open(&mut inbound, &seal(&outbound, 2, &rtp(42, 2, b"second"))).unwrap();
    }
}

#[test]
fn an_authentic_participant_cannot_use_more_ssrcs_than_the_bound() {
    let (outbound, mut inbound) = pair(SrtpProfile::Aes128Gcm);
    for ssrc in 0..MAX_SRTP_STREAMS as u32 {
        open(&mut inbound, &seal(&outbound, 1, &rtp(ssrc, 1, b"x"))).unwrap();
    }
    assert_eq!(
        open(&mut inbound, &seal(&outbound, 1, &rtp(9999, 1, b"x"))),
        Err(SrtpError::TooManyStreams)
    );
    assert_eq!(inbound.streams(), MAX_SRTP_STREAMS);
    open(&mut inbound, &seal(&outbound, 2, &rtp(3, 2, b"x"))).unwrap();
}

#[test]
fn a_forged_packet_does_not_move_the_window() {
    for profile in PROFILES {
        let (outbound, mut inbound) = pair(profile);
        open(&mut inbound, &seal(&outbound, 100, &rtp(1, 100, b"a"))).unwrap();
        let mut forged = seal(&outbound, 30_000, &rtp(1, 30_000, b"b"));
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert_eq!(open(&mut inbound, &forged), Err(SrtpError::Authentication));
        // Had the forged one moved the window, this would be too old.
        open(&mut inbound, &seal(&outbound, 101, &rtp(1, 101, b"c"))).unwrap();
    }
}

#[test]
fn replayed_rtcp_is_refused() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let sealed: Vec<_> = (0..200)
            .map(|_| seal_rtcp(&mut outbound, &receiver_report(5)))
            .collect();
        open_rtcp(&mut inbound, &sealed[150]).unwrap();
        assert_eq!(
            open_rtcp(&mut inbound, &sealed[150]),
            Err(SrtpError::Replay)
        );
        open_rtcp(&mut inbound, &sealed[149]).unwrap();
        assert_eq!(open_rtcp(&mut inbound, &sealed[10]), Err(SrtpError::Replay));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let sealed = seal(&outbound, 9, &rtp(1, 9, b"payload"));
        // Byte 0 decides how the header parses; the rest must be covered by the tag.
        for byte in 1..sealed.len() {
            let mut forged = sealed.clone();
            forged[byte] ^= 0x20;
            if let Ok(header) = RtpHeader::parse(&forged) {
                assert!(
                    inbound.open_rtp(&header, &mut forged).is_err(),
                    "byte {byte}"
                );
            }
        }
        let sealed = seal_rtcp(&mut outbound, &receiver_report(1));
        for byte in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[byte] ^= 0x20;
            assert!(inbound.open_rtcp(&mut forged).is_err(), "RTCP byte {byte}");
        }
        assert_eq!(inbound.streams(), 0);
    }
}

#[test]
fn truncated_packets_are_errors() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let sealed = seal(&outbound, 9, &rtp(1, 9, b"payload"));
        for len in 12..sealed.len() {
            let mut cut = sealed[..len].to_vec();
            if let Ok(header) = RtpHeader::parse(&cut) {
                assert!(inbound.open_rtp(&header, &mut cut).is_err(), "{len}");
            }
        }
        let sealed = seal_rtcp(&mut outbound, &receiver_report(1));
        for len in 0..sealed.len() {
            assert!(inbound.open_rtcp(&mut sealed[..len].to_vec()).is_err());
        }
    }
}

#[test]
fn sealing_refuses_what_would_endanger_the_key() {
    let (mut outbound, _) = pair(SrtpProfile::Aes128Gcm);
    let mut packet = rtp(1, 9, b"x");
    let len = packet.len();
    packet.resize(len + MAX_SRTP_OVERHEAD, 0);
    let seal = |index, header_len, len, buffer: &mut [u8]| {
        outbound.seal_rtp(index, header_len, len, buffer)
    };
    assert_eq!(seal(8, 24, len, &mut packet), Err(SrtpError::IndexMismatch));
    assert_eq!(
        seal(1 << 48 | 9, 24, len, &mut packet),
        Err(SrtpError::Exhausted)
    );
    assert_eq!(
        seal(9, 24, len, &mut packet[..len + 15]),
        Err(SrtpError::NoRoom)
    );
    assert_eq!(seal(9, len + 1, len, &mut packet), Err(SrtpError::TooShort));
    assert!(seal(9, 24, len, &mut packet).is_ok());

    outbound.set_next_rtcp_index_for_test(u32::MAX >> 1);
    seal_rtcp(&mut outbound, &receiver_report(1));
    assert_eq!(
        outbound.seal_rtcp(&receiver_report(1), &mut [0; 100]),
        Err(SrtpError::Exhausted)
    );
}

#[test]
fn keying_material_is_split_by_role() {
    let profile = SrtpProfile::Aes128CmHmacSha1_80;
    let material: Vec<u8> = (0..60).collect();
    let ours = SrtpKeys::from_keying_material(profile, KeyingRole::DtlsServer, &material).unwrap();
    let theirs =
        SrtpKeys::from_keying_material(profile, KeyingRole::DtlsClient, &material).unwrap();
    assert_eq!(ours.inbound.key, material[..16]);
    assert_eq!(ours.outbound.key, material[16..32]);
    assert_eq!(ours.inbound.salt, material[32..46]);
    assert_eq!(theirs.outbound.key, ours.inbound.key);
    assert_eq!(theirs.inbound.salt, ours.outbound.salt);
    assert!(
        SrtpKeys::from_keying_material(profile, KeyingRole::DtlsServer, &material[1..]).is_none()
    );
    assert!(!format!("{ours:?}").contains("16"), "keys are not printed");
}

proptest! {
    /// Reordering within the window, duplicates, losses, and wraps of the sequence number: each
    /// packet is delivered exactly once and intact.
    #[test]
    fn delivers_each_packet_once(
        start in 0_u64..0x7FFF,
        steps in prop::collection::vec((0_u64..3000, 0_u64..60), 1..120),
    ) {
        let (outbound, mut inbound) = pair(SrtpProfile::Aes128Gcm);
        let (mut head, mut delivered) = (start, HashSet::new());
        for (advance, back) in steps {
            head += advance;
            let index = head.saturating_sub(back).max(start);
            let plain = rtp(3, index as u16, &index.to_be_bytes());
            let result = open(&mut inbound, &seal(&outbound, index, &plain));
            if delivered.insert(index) {
                prop_assert_eq!(result, Ok(plain));
            } else {
                prop_assert_eq!(result, Err(SrtpError::Replay));
            }
        }
    }

    /// Arbitrary bytes never open and never panic.
    #[test]
    fn arbitrary_bytes_never_open(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for profile in PROFILES {
            let (_, mut inbound) = pair(profile);
            if let Ok(header) = RtpHeader::parse(&bytes) {
                prop_assert!(inbound.open_rtp(&header, &mut bytes.clone()).is_err());
            }
            prop_assert!(inbound.open_rtcp(&mut bytes).is_err());
            prop_assert_eq!(inbound.streams(), 0);
        }
    }
}
