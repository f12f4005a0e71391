//! The two protection profiles' transforms, given a packet's index. No state beyond keys.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::key_derivation::{Label, derive};
use super::{MasterKey, SrtpError, SrtpProfile};

/// Bytes of the fixed RTCP header and sender SSRC, which SRTCP leaves in the clear.
pub(super) const RTCP_CLEAR_LEN: usize = 8;
/// Bytes of the SRTCP index word.
pub(super) const INDEX_WORD_LEN: usize = 4;
/// The E bit of the SRTCP index word.
pub(super) const ENCRYPTED_FLAG: u32 = 1 << 31;

const GCM_TAG_LEN: usize = 16;
const HMAC_TAG_LEN: usize = 10;
/// Bytes of the session authentication key of HMAC-SHA1 (RFC 3711 §8.2).
const HMAC_KEY_LEN: usize = 20;

/// Session keys of one direction: one cipher for RTP, one for RTCP.
pub(super) struct SessionCiphers {
    pub rtp: Cipher,
    pub rtcp: Cipher,
}

impl SessionCiphers {
    pub fn derive(profile: SrtpProfile, master: &MasterKey) -> Result<Self, SrtpError> {
        let rtp = Cipher::derive(
            profile,
            master,
            [
                Label::RtpEncryption,
                Label::RtpAuthentication,
                Label::RtpSalt,
            ],
        )?;
        let rtcp = Cipher::derive(
            profile,
            master,
            [
                Label::RtcpEncryption,
                Label::RtcpAuthentication,
                Label::RtcpSalt,
            ],
        )?;
        Ok(Self { rtp, rtcp })
    }
}

pub(super) enum Cipher {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    CmHmac {
        /// Boxed, like the other: together two kilobytes that GCM associations need not carry.
        key: Box<EncryptingKey>,
        salt: [u8; 14],
        authentication: Box<hmac::Key>,
    },
}

impl Cipher {
    fn derive(
        profile: SrtpProfile,
        master: &MasterKey,
        [encryption, authentication, salt]: [Label; 3],
    ) -> Result<Self, SrtpError> {
        let key = derive::<16>(master, encryption)?;
        match profile {
            SrtpProfile::Aes128Gcm => Ok(Cipher::Gcm {
                key: UnboundKey::new(&AES_128_GCM, key.as_slice())
                    .map(LessSafeKey::new)
                    .map_err(|_| SrtpError::Library)?,
                salt: *derive::<12>(master, salt)?,
            }),
            SrtpProfile::Aes128CmHmacSha1_80 => Ok(Cipher::CmHmac {
                key: UnboundCipherKey::new(&AES_128, key.as_slice())
                    .and_then(EncryptingKey::ctr)
                    .map(Box::new)
                    .map_err(|_| SrtpError::Library)?,
                salt: *derive::<14>(master, salt)?,
                authentication: Box::new(hmac::Key::new(
                    hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                    derive::<HMAC_KEY_LEN>(master, authentication)?.as_slice(),
                )),
            }),
        }
    }

    pub fn tag_len(&self) -> usize {
        match self {
            Cipher::Gcm { .. } => GCM_TAG_LEN,
            Cipher::CmHmac { .. } => HMAC_TAG_LEN,
        }
    }

    /// Seals `buffer[header_len..packet_len]` and writes the tag behind it. Returns the length
    /// of the SRTP packet.
    pub fn seal_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header_len: usize,
        packet_len: usize,
        buffer: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let sealed_len = packet_len + self.tag_len();
        let packet = buffer.get_mut(..sealed_len).ok_or(SrtpError::NoRoom)?;
        let (plain, tag) = packet
            .split_at_mut_checked(packet_len)
            .ok_or(SrtpError::NoRoom)?;
        match self {
            Cipher::Gcm { key, salt } => {
                let (header, payload) = plain
                    .split_at_mut_checked(header_len)
                    .ok_or(SrtpError::TooShort)?;
                let sealed = key
                    .seal_in_place_separate_tag(
                        gcm_nonce(salt, ssrc, index),
                        Aad::from(&*header),
                        payload,
                    )
                    .map_err(|_| SrtpError::Library)?;
                tag.copy_from_slice(sealed.as_ref());
            }
            Cipher::CmHmac {
                key,
                salt,
                authentication,
            } => {
                let payload = plain.get_mut(header_len..).ok_or(SrtpError::TooShort)?;
                counter_mode(key, salt, ssrc, index, payload)?;
                let full = hmac_tag(authentication, plain, &roll_over_counter(index));
                tag.copy_from_slice(truncated(&full)?);
            }
        }
        Ok(sealed_len)
    }

    /// Verifies and opens an SRTP packet in place. Returns the length of the RTP packet.
    pub fn open_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let plain_len = packet
            .len()
            .checked_sub(self.tag_len())
            .filter(|len| *len >= header_len)
            .ok_or(SrtpError::TooShort)?;
        let (sealed, tag) = packet
            .split_at_mut_checked(plain_len)
            .ok_or(SrtpError::TooShort)?;
        match self {
            Cipher::Gcm { key, salt } => {
                let (header, payload) = sealed
                    .split_at_mut_checked(header_len)
                    .ok_or(SrtpError::TooShort)?;
                key.open_in_place_separate_tag(
                    gcm_nonce(salt, ssrc, index),
                    Aad::from(&*header),
                    tag,
                    payload,
                )
                .map_err(|_| SrtpError::Authentication)?;
            }
            Cipher::CmHmac {
                key,
                salt,
                authentication,
            } => {
                let full = hmac_tag(authentication, sealed, &roll_over_counter(index));
                verify_slices_are_equal(truncated(&full)?, tag)
                    .map_err(|_| SrtpError::Authentication)?;
                let payload = sealed.get_mut(header_len..).ok_or(SrtpError::TooShort)?;
                counter_mode(key, salt, ssrc, index, payload)?;
            }
        }
        Ok(plain_len)
    }

    /// Seals the RTCP compound in `buffer[..plain_len]`; tag and index word go behind it.
    /// Returns the length of the SRTCP packet.
    pub fn seal_rtcp(
        &self,
        ssrc: u32,
        index: u32,
        plain_len: usize,
        buffer: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let sealed_len = plain_len + self.tag_len() + INDEX_WORD_LEN;
        let packet = buffer.get_mut(..sealed_len).ok_or(SrtpError::NoRoom)?;
        let (plain, trailer) = packet
            .split_at_mut_checked(plain_len)
            .ok_or(SrtpError::NoRoom)?;
        let word = (ENCRYPTED_FLAG | index).to_be_bytes();
        match self {
            Cipher::Gcm { key, salt } => {
                let (tag, word_out) = trailer
                    .split_at_mut_checked(GCM_TAG_LEN)
                    .ok_or(SrtpError::NoRoom)?;
                let (clear, payload) = plain
                    .split_at_mut_checked(RTCP_CLEAR_LEN)
                    .ok_or(SrtpError::TooShort)?;
                let sealed = key
                    .seal_in_place_separate_tag(
                        gcm_nonce(salt, ssrc, u64::from(index)),
                        Aad::from(rtcp_aad(clear, word)),
                        payload,
                    )
                    .map_err(|_| SrtpError::Library)?;
                tag.copy_from_slice(sealed.as_ref());
                word_out.copy_from_slice(&word);
            }
            Cipher::CmHmac {
                key,
                salt,
                authentication,
            } => {
                let payload = plain.get_mut(RTCP_CLEAR_LEN..).ok_or(SrtpError::TooShort)?;
                counter_mode(key, salt, ssrc, u64::from(index), payload)?;
                let full = hmac_tag(authentication, plain, &word);
                let (word_out, tag) = trailer
                    .split_at_mut_checked(INDEX_WORD_LEN)
                    .ok_or(SrtpError::NoRoom)?;
                word_out.copy_from_slice(&word);
                tag.copy_from_slice(truncated(&full)?);
            }
        }
        Ok(sealed_len)
    }

    /// The index word of an SRTCP packet: behind the tag for GCM (RFC 7714 §9.2), before it
    /// otherwise (RFC 3711 §3.4). Not authenticated yet.
    pub fn rtcp_index_word(&self, packet: &[u8]) -> Result<u32, SrtpError> {
        let behind = match self {
            Cipher::Gcm { .. } => 0,
            Cipher::CmHmac { .. } => HMAC_TAG_LEN,
        };
        packet
            .len()
            .checked_sub(behind + INDEX_WORD_LEN)
            .and_then(|start| packet.get(start..)?.first_chunk::<INDEX_WORD_LEN>())
            .map(|word| u32::from_be_bytes(*word))
            .ok_or(SrtpError::TooShort)
    }

    /// Verifies and opens an SRTCP packet whose E bit is set. Returns the length of the compound.
    pub fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let plain_len = packet
            .len()
            .checked_sub(self.tag_len() + INDEX_WORD_LEN)
            .filter(|len| *len >= RTCP_CLEAR_LEN)
            .ok_or(SrtpError::TooShort)?;
        let (sealed, trailer) = packet
            .split_at_mut_checked(plain_len)
            .ok_or(SrtpError::TooShort)?;
        let word = (ENCRYPTED_FLAG | index).to_be_bytes();
        match self {
            Cipher::Gcm { key, salt } => {
                let tag = trailer.get(..GCM_TAG_LEN).ok_or(SrtpError::TooShort)?;
                let (clear, payload) = sealed
                    .split_at_mut_checked(RTCP_CLEAR_LEN)
                    .ok_or(SrtpError::TooShort)?;
                key.open_in_place_separate_tag(
                    gcm_nonce(salt, ssrc, u64::from(index)),
                    Aad::from(rtcp_aad(clear, word)),
                    tag,
                    payload,
                )
                .map_err(|_| SrtpError::Authentication)?;
            }
            Cipher::CmHmac {
                key,
                salt,
                authentication,
            } => {
                let tag = trailer.get(INDEX_WORD_LEN..).ok_or(SrtpError::TooShort)?;
                let full = hmac_tag(authentication, sealed, &word);
                verify_slices_are_equal(truncated(&full)?, tag)
                    .map_err(|_| SrtpError::Authentication)?;
                let payload = sealed
                    .get_mut(RTCP_CLEAR_LEN..)
                    .ok_or(SrtpError::TooShort)?;
                counter_mode(key, salt, ssrc, u64::from(index), payload)?;
            }
        }
        Ok(plain_len)
    }
}

/// RFC 7714 §8.1 for RTP (48-bit index) and §9.1 for RTCP (31-bit index): both are the salt
/// over two zero bytes, the SSRC and the index in six bytes.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = [0_u8; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..12].copy_from_slice(&index.to_be_bytes()[2..]);
    for (byte, salt) in nonce.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// AES-CM with the counter block of RFC 3711 §4.1.1; encrypting and decrypting are the same.
fn counter_mode(
    key: &EncryptingKey,
    salt: &[u8; 14],
    ssrc: u32,
    index: u64,
    payload: &mut [u8],
) -> Result<(), SrtpError> {
    if payload.is_empty() {
        return Ok(());
    }
    let mut counter = [0_u8; 16];
    counter[4..8].copy_from_slice(&ssrc.to_be_bytes());
    counter[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
    for (byte, salt) in counter.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    key.less_safe_encrypt(
        payload,
        EncryptionContext::Iv128(FixedLength::from(counter)),
    )
    .map(drop)
    .map_err(|_| SrtpError::Library)
}

fn hmac_tag(key: &hmac::Key, authenticated: &[u8], suffix: &[u8; 4]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(authenticated);
    context.update(suffix);
    context.sign()
}

fn truncated(tag: &hmac::Tag) -> Result<&[u8], SrtpError> {
    tag.as_ref().get(..HMAC_TAG_LEN).ok_or(SrtpError::Library)
}

/// The upper 32 bits of the index, which HMAC covers behind the packet (RFC 3711 §4.2).
fn roll_over_counter(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// What GCM authenticates besides the payload of an SRTCP packet (RFC 7714 §9.2).
fn rtcp_aad(clear: &[u8], word: [u8; INDEX_WORD_LEN]) -> [u8; RTCP_CLEAR_LEN + INDEX_WORD_LEN] {
    let mut aad = [0; RTCP_CLEAR_LEN + INDEX_WORD_LEN];
    for (byte, from) in aad.iter_mut().zip(clear.iter().chain(&word)) {
        *byte = *from;
    }
    aad
}

#[cfg(test)]
impl Cipher {
    /// The RFC 7714 vectors give session keys, not master keys.
    pub fn gcm_for_test(key: &[u8], salt: [u8; 12]) -> Self {
        Cipher::Gcm {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap()),
            salt,
        }
    }
}
