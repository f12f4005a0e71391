//! SRTP both ways by `rtc::srtp` (RFC 3711, RFC 7714), foreign to the node's own.
//!
//! A load client may use it on network input: it only ever listens to the node under test, and a
//! forged packet that costs it memory would be a finding.

use bytes::BytesMut;
use dimpl::SrtpProfile;
use rtc::shared::error::Error;
use rtc::srtp::context::Context;
use rtc::srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc::srtp::protection_profile::ProtectionProfile;

use super::crypto::Crypto;

const REPLAY_WINDOW: usize = 1024;

/// Which side of the DTLS handshake we were; decides whose half of the keys is whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

pub struct Srtp {
    inbound: Context,
    outbound: Context,
}

#[derive(Debug, thiserror::Error)]
pub enum SrtpSetupError {
    #[error("SRTP profile {0} is not known here")]
    Profile(SrtpProfile),
    #[error("DTLS exported {0} bytes of keys, too few for the profile")]
    KeyLength(usize),
    #[error(transparent)]
    Context(#[from] Error),
}

impl Srtp {
    /// `material` in the order of RFC 5764 §4.2: client key, server key, client salt, server salt.
    ///
    /// # Errors
    /// An unknown profile or too little material.
    pub fn new(
        side: Side,
        profile: SrtpProfile,
        material: &[u8],
        crypto: &Crypto,
    ) -> Result<Self, SrtpSetupError> {
        let profile = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            other => return Err(SrtpSetupError::Profile(other)),
        };
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let slice = |from: usize, len: usize| {
            material
                .get(from..from + len)
                .ok_or(SrtpSetupError::KeyLength(material.len()))
        };
        let client = (slice(0, key)?, slice(2 * key, salt)?);
        let server = (slice(key, key)?, slice(2 * key + salt, salt)?);
        let (outbound, inbound) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        let context = |(key, salt): (&[u8], &[u8])| {
            Context::new(
                key,
                salt,
                profile,
                Some(srtp_replay_protection(REPLAY_WINDOW)),
                Some(srtcp_replay_protection(REPLAY_WINDOW)),
                crypto.operations(),
            )
        };
        Ok(Self {
            inbound: context(inbound)?,
            outbound: context(outbound)?,
        })
    }

    /// # Errors
    /// Not authentic, a replay, or malformed.
    pub fn open_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.inbound.decrypt_rtp(packet)
    }

    /// # Errors
    /// Not authentic, a replay, or malformed.
    pub fn open_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.inbound.decrypt_rtcp(packet)
    }

    /// # Errors
    /// Malformed, or the key is used up.
    pub fn seal_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.outbound.encrypt_rtp(packet)
    }

    /// # Errors
    /// Malformed, or the key is used up.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.outbound.encrypt_rtcp(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rtp::RtpHead;

    fn pair(profile: SrtpProfile) -> (Srtp, Srtp) {
        let crypto = Crypto::new().unwrap();
        let material: Vec<u8> = (0..profile.keying_material_len())
            .map(|i| i as u8)
            .collect();
        (
            Srtp::new(Side::Client, profile, &material, &crypto).unwrap(),
            Srtp::new(Side::Server, profile, &material, &crypto).unwrap(),
        )
    }

    #[test]
    fn both_profiles_work_both_ways_and_refuse_changes_and_replays() {
        for profile in [
            SrtpProfile::AEAD_AES_128_GCM,
            SrtpProfile::AES128_CM_SHA1_80,
        ] {
            let (mut client, mut server) = pair(profile);
            let mut packet = Vec::new();
            let head = RtpHead {
                marker: false,
                payload_type: 96,
                sequence: 9,
                timestamp: 1,
                ssrc: 5,
            };
            head.write(&[(1, &[3])], &mut packet);
            packet.extend_from_slice(b"media");
            let sealed = client.seal_rtp(&packet).unwrap();
            let mut broken = sealed.to_vec();
            *broken.last_mut().unwrap() ^= 1;
            assert!(server.open_rtp(&broken).is_err());
            assert_eq!(server.open_rtp(&sealed).unwrap(), packet);
            assert!(server.open_rtp(&sealed).is_err(), "a replay was taken");
            let back = server.seal_rtp(&packet).unwrap();
            assert!(server.open_rtp(&back).is_err(), "own packets were taken");
            assert_eq!(client.open_rtp(&back).unwrap(), packet);
            let report = [0x80, 201, 0, 1, 0, 0, 0, 5];
            let sealed = server.seal_rtcp(&report).unwrap();
            assert_eq!(client.open_rtcp(&sealed).unwrap(), &report[..]);
        }
    }

    #[test]
    fn short_key_material_is_refused() {
        let crypto = Crypto::new().unwrap();
        let made = Srtp::new(
            Side::Client,
            SrtpProfile::AEAD_AES_128_GCM,
            &[0; 55],
            &crypto,
        );
        assert!(matches!(made, Err(SrtpSetupError::KeyLength(55))));
    }
}
