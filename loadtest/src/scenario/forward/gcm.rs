//! SRTP with AEAD_AES_128_GCM (RFC 7714), sealing out of place: what a generator and a bare
//! forwarder can afford per packet. Keys come from a real handshake or are made up.

use anyhow::{Context, bail};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, UnboundCipherKey};

use crate::client::srtp::Side;

pub const TAG_LEN: usize = 16;
const KEY_LEN: usize = 16;
const SALT_LEN: usize = 12;
/// Labels of RFC 3711 §4.3.2.
const LABEL_RTP_KEY: u8 = 0;
const LABEL_RTP_SALT: u8 = 2;

/// One direction of one path.
pub struct Gcm {
    key: LessSafeKey,
    salt: [u8; SALT_LEN],
}

/// What we seal with and what we open with.
pub struct GcmPair {
    pub outbound: Gcm,
    pub inbound: Gcm,
}

impl GcmPair {
    /// From exported keying material in the order of RFC 5764 §4.2.
    ///
    /// # Errors
    /// Too little material.
    pub fn new(side: Side, material: &[u8]) -> anyhow::Result<Self> {
        let Some((keys, salts)) = material.split_at_checked(2 * KEY_LEN) else {
            bail!("{} bytes of SRTP keys are too few", material.len());
        };
        let salts = salts.get(..2 * SALT_LEN).context("no SRTP salts")?;
        let (client_key, server_key) = keys.split_at(KEY_LEN);
        let (client_salt, server_salt) = salts.split_at(SALT_LEN);
        let client = Gcm::from_master(client_key, client_salt)?;
        let server = Gcm::from_master(server_key, server_salt)?;
        Ok(match side {
            Side::Client => Self {
                outbound: client,
                inbound: server,
            },
            Side::Server => Self {
                outbound: server,
                inbound: client,
            },
        })
    }
}

impl Gcm {
    /// Derives the session key and salt for RTP.
    ///
    /// # Errors
    /// Wrong lengths.
    pub fn from_master(key: &[u8], salt: &[u8]) -> anyhow::Result<Self> {
        let session_key = derive(key, salt, LABEL_RTP_KEY)?;
        let session_salt = derive(key, salt, LABEL_RTP_SALT)?;
        let salt = session_salt.first_chunk().copied().context("no salt")?;
        let key = UnboundKey::new(&AES_128_GCM, &session_key)
            .ok()
            .context("no AES key")?;
        Ok(Self {
            key: LessSafeKey::new(key),
            salt,
        })
    }

    /// RFC 7714 §8.1; `index`: roll-over counter and sequence number, 48 bits.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut iv = [0; SALT_LEN];
        iv[2..6].copy_from_slice(&ssrc.to_be_bytes());
        iv[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in iv.iter_mut().zip(self.salt) {
            *byte ^= salt;
        }
        Nonce::assume_unique_for_key(iv)
    }

    /// Seals `payload` behind `header`, both already apart: `out` gets the header and the sealed
    /// payload and must be as long as these and the tag. `false`: it is not.
    pub fn seal(
        &self,
        ssrc: u32,
        index: u64,
        header: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> bool {
        let Some((head, sealed)) = out.split_at_mut_checked(header.len()) else {
            return false;
        };
        let Some((body, tag)) = sealed.split_at_mut_checked(payload.len()) else {
            return false;
        };
        head.copy_from_slice(header);
        self.key
            .seal_out_of_place_scatter(
                self.nonce(ssrc, index),
                Aad::from(header),
                payload,
                body,
                &[],
                tag,
            )
            .is_ok()
    }

    /// Opens what follows the first `header_len` bytes of `packet`, in place. `None`: not authentic.
    pub fn open<'a>(
        &self,
        ssrc: u32,
        index: u64,
        header_len: usize,
        packet: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let (header, sealed) = packet.split_at_mut_checked(header_len)?;
        let opened = self
            .key
            .open_in_place(self.nonce(ssrc, index), Aad::from(&*header), sealed);
        opened.ok().map(|plain| &*plain)
    }
}

/// AES-CM key derivation (RFC 3711 §4.3.3, RFC 7714 §11): one block is enough for either output.
fn derive(key: &[u8], salt: &[u8], label: u8) -> anyhow::Result<[u8; 16]> {
    let mut block = [0; 16];
    block
        .get_mut(..salt.len())
        .context("the SRTP salt is too long")?
        .copy_from_slice(salt);
    block[7] ^= label;
    let key = UnboundCipherKey::new(&AES_128, key)
        .ok()
        .context("no AES key")?;
    let cipher = EncryptingKey::ecb(key).ok().context("no AES")?;
    cipher.encrypt(&mut block).ok().context("no AES block")?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use dimpl::SrtpProfile;

    use super::*;
    use crate::client::crypto::Crypto;
    use crate::client::rtp::RtpHead;
    use crate::client::srtp::Srtp;

    #[test]
    fn agrees_with_another_implementation() {
        let material: Vec<u8> = (0..56).map(|byte| byte * 3).collect();
        let profile = SrtpProfile::AEAD_AES_128_GCM;
        let mut foreign =
            Srtp::new(Side::Server, profile, &material, &Crypto::new().unwrap()).unwrap();
        let own = GcmPair::new(Side::Client, &material).unwrap();
        let mut header = Vec::new();
        let head = RtpHead {
            marker: true,
            payload_type: 96,
            sequence: 77,
            timestamp: 5,
            ssrc: 0xABCD_EF01,
        };
        head.write(&[(3, &[1, 2])], &mut header);
        let mut sealed = vec![0; header.len() + 5 + TAG_LEN];
        assert!(
            own.outbound
                .seal(head.ssrc, 77, &header, b"media", &mut sealed)
        );
        let opened = foreign.open_rtp(&sealed).unwrap();
        assert_eq!(opened[header.len()..], *b"media");
        let mut back = foreign.seal_rtp(&opened).unwrap();
        let plain = own
            .inbound
            .open(head.ssrc, 77, header.len(), &mut back)
            .unwrap();
        assert_eq!(plain, b"media");
        assert!(
            own.inbound
                .open(head.ssrc, 78, header.len(), &mut sealed)
                .is_none()
        );
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(GcmPair::new(Side::Client, &[0; 55]).is_err());
        let gcm = Gcm::from_master(&[1; 16], &[2; 12]).unwrap();
        assert!(!gcm.seal(1, 1, &[0; 12], b"12345", &mut [0; 32]));
    }
}
