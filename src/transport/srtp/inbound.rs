//! Opening what a participant sends.

use super::cipher::{ENCRYPTED_FLAG, RTCP_CLEAR_LEN, SessionCiphers};
use super::replay::ReplayWindow;
use super::{MasterKey, SrtpError, SrtpProfile};
use crate::wire::rtp::RtpHeader;

/// SSRCs one participant may use for RTP, and likewise for RTCP: four sources with three
/// simulcast layers and their RTX streams, and as many again for restarted encoders. A packet
/// of a further SSRC is refused even when authentic, since forgetting an old stream would let
/// its packets be replayed.
pub const MAX_SRTP_STREAMS: usize = 48;

/// RTP packets remembered per stream: 1024, a second of 8 Mbit/s.
const RTP_WINDOW_WORDS: usize = 16;
/// SRTCP packets remembered per stream: 128.
const RTCP_WINDOW_WORDS: usize = 2;

/// Opens RTP and RTCP in one direction of one association.
pub struct SrtpInbound {
    ciphers: SessionCiphers,
    rtp: Streams<RTP_WINDOW_WORDS>,
    rtcp: Streams<RTCP_WINDOW_WORDS>,
}

impl SrtpInbound {
    pub fn new(profile: SrtpProfile, master: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self {
            ciphers: SessionCiphers::derive(profile, master)?,
            rtp: Streams::default(),
            rtcp: Streams::default(),
        })
    }

    /// Verifies and opens an SRTP packet in place; returns the length of the RTP packet.
    ///
    /// `header` is the packet's own, parsed before opening (it is sent in the clear). On an
    /// error the packet's payload is unspecified and no state has changed.
    pub fn open_rtp(&mut self, header: &RtpHeader, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let stream = self.rtp.find(header.ssrc);
        let index = match stream.and_then(|at| self.rtp.windows.get(at)) {
            Some(window) => {
                let index = estimate_index(window.highest(), header.sequence_number)
                    .filter(|index| window.is_fresh(*index));
                index.ok_or(SrtpError::Replay)?
            }
            None => u64::from(header.sequence_number),
        };
        let len = self
            .ciphers
            .rtp
            .open_rtp(header.ssrc, index, header.len, packet)?;
        self.rtp.accept(stream, header.ssrc, index)?;
        Ok(len)
    }

    /// Verifies and opens an SRTCP packet in place; returns the length of the RTCP compound.
    ///
    /// A packet whose E bit is not set is refused under every profile: WebRTC always encrypts
    /// (RFC 8827 §6.5), and a peer that accepts E=0 lets the bit choose the treatment.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let clear = packet
            .first_chunk::<RTCP_CLEAR_LEN>()
            .ok_or(SrtpError::TooShort)?;
        let ssrc = u32::from_be_bytes([clear[4], clear[5], clear[6], clear[7]]);
        let word = self.ciphers.rtcp.rtcp_index_word(packet)?;
        if word & ENCRYPTED_FLAG == 0 {
            return Err(SrtpError::Unencrypted);
        }
        let index = word & !ENCRYPTED_FLAG;
        let stream = self.rtcp.find(ssrc);
        if let Some(window) = stream.and_then(|at| self.rtcp.windows.get(at))
            && !window.is_fresh(u64::from(index))
        {
            return Err(SrtpError::Replay);
        }
        let len = self.ciphers.rtcp.open_rtcp(ssrc, index, packet)?;
        self.rtcp.accept(stream, ssrc, u64::from(index))?;
        Ok(len)
    }

    /// SSRCs with state, RTP and RTCP together.
    pub fn streams(&self) -> usize {
        self.rtp.ssrcs.len() + self.rtcp.ssrcs.len()
    }
}

/// Replay windows by SSRC, found by scanning: a participant has a handful.
struct Streams<const WORDS: usize> {
    ssrcs: Vec<u32>,
    windows: Vec<ReplayWindow<WORDS>>,
}

impl<const WORDS: usize> Default for Streams<WORDS> {
    fn default() -> Self {
        Self {
            ssrcs: Vec::new(),
            windows: Vec::new(),
        }
    }
}

impl<const WORDS: usize> Streams<WORDS> {
    fn find(&self, ssrc: u32) -> Option<usize> {
        self.ssrcs.iter().position(|known| *known == ssrc)
    }

    /// Remembers an authenticated packet, making the stream's state if it is the first.
    fn accept(&mut self, at: Option<usize>, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        if let Some(window) = at.and_then(|at| self.windows.get_mut(at)) {
            window.accept(index);
            return Ok(());
        }
        if self.ssrcs.len() >= MAX_SRTP_STREAMS {
            return Err(SrtpError::TooManyStreams);
        }
        self.ssrcs.push(ssrc);
        self.windows.push(ReplayWindow::new(index));
        Ok(())
    }
}

/// The index nearest to `highest` whose low half is `sequence_number` (RFC 3711 appendix A).
/// `None` before the stream's first index.
fn estimate_index(highest: u64, sequence_number: u16) -> Option<u64> {
    let ahead = sequence_number.wrapping_sub(highest as u16) as i16;
    highest.checked_add_signed(i64::from(ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_the_nearest_index() {
        assert_eq!(estimate_index(0x1_FFFF, 0), Some(0x2_0000));
        assert_eq!(estimate_index(0x2_0000, 0xFFFF), Some(0x1_FFFF));
        assert_eq!(estimate_index(5, 0xFFFF), None, "before the stream began");
        assert_eq!(estimate_index(0x1_0000, 0x7FFF), Some(0x1_7FFF));
    }
}
