//! Sealing what a participant receives.

use super::cipher::{ENCRYPTED_FLAG, RTCP_CLEAR_LEN, SessionCiphers};
use super::{MasterKey, SrtpError, SrtpProfile};

/// The largest RTP packet index: 32 bits of roll-over counter, 16 of sequence number.
const MAX_RTP_INDEX: u64 = (1 << 48) - 1;

/// Seals RTP and RTCP in one direction of one association.
///
/// The RTP index is the caller's: for one SSRC it must never repeat with different bytes, since
/// under GCM a repeated nonce reveals the authentication key. The callers number monotonically
/// per SSRC from one 64-bit counter and answer NACKs under the RTX stream's own numbering. The
/// SRTCP index is counted here, over all SSRCs.
pub struct SrtpOutbound {
    profile: SrtpProfile,
    ciphers: SessionCiphers,
    next_rtcp_index: u32,
}

impl SrtpOutbound {
    pub fn new(profile: SrtpProfile, master: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self {
            profile,
            ciphers: SessionCiphers::derive(profile, master)?,
            next_rtcp_index: 1,
        })
    }

    pub fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Seals the RTP packet in `buffer[..packet_len]` in place and appends the tag; returns the
    /// length of the SRTP packet.
    ///
    /// `index` is `ROC << 16 | sequence number` (48 bits); its low half must be the sequence
    /// number in the header, or nothing is sealed. `header_len` counts fixed header, CSRCs and
    /// extension block. `buffer` must be [`SrtpProfile::rtp_overhead`] longer than the packet.
    pub fn seal_rtp(
        &self,
        index: u64,
        header_len: usize,
        packet_len: usize,
        buffer: &mut [u8],
    ) -> Result<usize, SrtpError> {
        if index > MAX_RTP_INDEX {
            return Err(SrtpError::Exhausted);
        }
        let header = buffer.first_chunk::<12>().ok_or(SrtpError::TooShort)?;
        if header_len < header.len() {
            return Err(SrtpError::TooShort);
        }
        if u16::from_be_bytes([header[2], header[3]]) != index as u16 {
            return Err(SrtpError::IndexMismatch);
        }
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        self.ciphers
            .rtp
            .seal_rtp(ssrc, index, header_len, packet_len, buffer)
    }

    /// Seals the RTCP compound `plain` into `out`; returns the length of the SRTCP packet.
    /// `out` must be [`SrtpProfile::rtcp_overhead`] longer than `plain`.
    pub fn seal_rtcp(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, SrtpError> {
        let index = self.next_rtcp_index;
        if index & ENCRYPTED_FLAG != 0 {
            return Err(SrtpError::Exhausted);
        }
        let clear = plain
            .first_chunk::<RTCP_CLEAR_LEN>()
            .ok_or(SrtpError::TooShort)?;
        let ssrc = u32::from_be_bytes([clear[4], clear[5], clear[6], clear[7]]);
        out.get_mut(..plain.len())
            .ok_or(SrtpError::NoRoom)?
            .copy_from_slice(plain);
        // Counted even when sealing fails below: an index is never used twice.
        self.next_rtcp_index = index + 1;
        self.ciphers.rtcp.seal_rtcp(ssrc, index, plain.len(), out)
    }
}

#[cfg(test)]
impl SrtpOutbound {
    pub fn set_next_rtcp_index_for_test(&mut self, index: u32) {
        self.next_rtcp_index = index;
    }
}
