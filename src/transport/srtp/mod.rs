//! SRTP and SRTCP (RFC 3711, RFC 7714): opening and sealing in place.
//!
//! [`SrtpInbound`] opens what a participant sends, [`SrtpOutbound`] seals what it receives.
//! Nothing is remembered about a packet before its authentication tag was verified.

mod cipher;
mod inbound;
mod key_derivation;
mod outbound;
mod replay;
#[cfg(test)]
mod tests;

use thiserror::Error;
use zeroize::Zeroize;

pub use inbound::{MAX_SRTP_STREAMS, SrtpInbound};
pub use outbound::SrtpOutbound;

/// The most bytes sealing adds to a packet: a GCM tag (16) and, for SRTCP, the index word (4).
pub const MAX_SRTP_OVERHEAD: usize = 20;

/// Bytes of every profile's master key (128-bit AES).
pub const MASTER_KEY_LEN: usize = 16;

/// Bytes of the longest master salt; GCM's 12 are padded with zeroes (RFC 7714 §11).
const PADDED_SALT_LEN: usize = 14;

/// The protection profiles the node speaks, in its order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// `SRTP_AEAD_AES_128_GCM` (RFC 7714): a quarter of the CPU time of the other.
    Aes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80` (RFC 5764 §4.1.2): mandatory for WebRTC endpoints.
    Aes128CmHmacSha1_80,
}

impl SrtpProfile {
    /// Bytes of one master salt.
    pub fn salt_len(self) -> usize {
        match self {
            SrtpProfile::Aes128Gcm => 12,
            SrtpProfile::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// Bytes to export from DTLS: two master keys and two master salts (RFC 5764 §4.2).
    pub fn keying_material_len(self) -> usize {
        2 * (MASTER_KEY_LEN + self.salt_len())
    }

    /// Bytes sealing adds to an RTP packet.
    pub fn rtp_overhead(self) -> usize {
        match self {
            SrtpProfile::Aes128Gcm => 16,
            SrtpProfile::Aes128CmHmacSha1_80 => 10,
        }
    }

    /// Bytes sealing adds to an RTCP compound: the tag and the index word.
    pub fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// One direction's master key and salt. Wiped on drop; `Debug` shows nothing of it.
pub struct MasterKey {
    key: [u8; MASTER_KEY_LEN],
    /// Padded with zeroes on the right when the profile's salt is shorter.
    salt: [u8; PADDED_SALT_LEN],
}

impl MasterKey {
    /// `None` when `key` is not 16 bytes or `salt` not [`SrtpProfile::salt_len`] bytes.
    pub fn new(profile: SrtpProfile, key: &[u8], salt: &[u8]) -> Option<Self> {
        if salt.len() != profile.salt_len() {
            return None;
        }
        let mut padded = [0; PADDED_SALT_LEN];
        padded.get_mut(..salt.len())?.copy_from_slice(salt);
        Some(Self {
            key: key.try_into().ok()?,
            salt: padded,
        })
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MasterKey(..)")
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

/// Which end of the DTLS association the keys are for (RFC 5764 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyingRole {
    DtlsClient,
    DtlsServer,
}

/// What a finished handshake hands to the [`Connection`](crate::transport::Connection).
#[derive(Debug)]
pub struct SrtpKeys {
    pub profile: SrtpProfile,
    /// Opens what the participant sends.
    pub inbound: MasterKey,
    /// Seals what the participant receives.
    pub outbound: MasterKey,
}

impl SrtpKeys {
    /// Splits exported keying material: client key, server key, client salt, server salt
    /// (RFC 5764 §4.2). `role` is our own. `None` when the length is not
    /// [`SrtpProfile::keying_material_len`].
    pub fn from_keying_material(
        profile: SrtpProfile,
        role: KeyingRole,
        material: &[u8],
    ) -> Option<Self> {
        if material.len() != profile.keying_material_len() {
            return None;
        }
        let (keys, salts) = material.split_at_checked(2 * MASTER_KEY_LEN)?;
        let (client_key, server_key) = keys.split_at_checked(MASTER_KEY_LEN)?;
        let (client_salt, server_salt) = salts.split_at_checked(profile.salt_len())?;
        let client = MasterKey::new(profile, client_key, client_salt)?;
        let server = MasterKey::new(profile, server_key, server_salt)?;
        let (inbound, outbound) = match role {
            KeyingRole::DtlsClient => (server, client),
            KeyingRole::DtlsServer => (client, server),
        };
        Some(Self {
            profile,
            inbound,
            outbound,
        })
    }
}

/// Why a packet was not opened or not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SrtpError {
    #[error("packet is shorter than its header and authentication tag")]
    TooShort,
    #[error("authentication tag does not verify")]
    Authentication,
    #[error("packet was received before or is older than the replay window")]
    Replay,
    #[error("the participant uses more than {MAX_SRTP_STREAMS} SSRCs")]
    TooManyStreams,
    #[error("SRTCP packet is not encrypted")]
    Unencrypted,
    #[error("buffer has no room for the authentication tag")]
    NoRoom,
    #[error("packet's sequence number is not the low half of its index")]
    IndexMismatch,
    #[error("all packet indices of this key are used")]
    Exhausted,
    #[error("the cryptographic library refused the operation")]
    Library,
}
