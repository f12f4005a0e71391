//! Telling apart what shares one UDP port (RFC 7983, RFC 5761).

use thiserror::Error;

/// What a datagram claims to be by its first bytes. Nothing else of it has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramKind {
    Stun,
    Dtls,
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP.
    Rtcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DemuxError {
    #[error("empty datagram")]
    Empty,
    #[error("one byte cannot tell RTP from RTCP")]
    TooShort,
    /// A first byte that RFC 7983 leaves unassigned, or gives to ZRTP or TURN channels.
    #[error("first byte {0} belongs to no protocol spoken here")]
    Unassigned(u8),
}

/// Classifies by the first byte (RFC 7983 §7) and, for RTP and RTCP, the second (RFC 5761 §4).
pub fn demux(datagram: &[u8]) -> Result<DatagramKind, DemuxError> {
    match datagram {
        [] => Err(DemuxError::Empty),
        [0..=3, ..] => Ok(DatagramKind::Stun),
        [20..=63, ..] => Ok(DatagramKind::Dtls),
        [128..=191, 192..=223, ..] => Ok(DatagramKind::Rtcp),
        [128..=191, _, ..] => Ok(DatagramKind::Rtp),
        [128..=191] => Err(DemuxError::TooShort),
        [first, ..] => Err(DemuxError::Unassigned(*first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_has_one_answer() {
        for first in 0..=255u8 {
            let expected = match first {
                0..=3 => Ok(DatagramKind::Stun),
                20..=63 => Ok(DatagramKind::Dtls),
                128..=191 => Ok(DatagramKind::Rtp),
                other => Err(DemuxError::Unassigned(other)),
            };
            assert_eq!(demux(&[first, 0]), expected);
        }
        assert_eq!(demux(&[]), Err(DemuxError::Empty));
        assert_eq!(demux(&[0x80]), Err(DemuxError::TooShort));
    }

    #[test]
    fn rtcp_is_told_by_the_second_byte() {
        assert_eq!(demux(&[0x80, 191]), Ok(DatagramKind::Rtp));
        assert_eq!(demux(&[0x80, 192]), Ok(DatagramKind::Rtcp));
        assert_eq!(demux(&[0x81, 223]), Ok(DatagramKind::Rtcp));
        assert_eq!(demux(&[0x80, 224]), Ok(DatagramKind::Rtp));
        // Payload type 111 with the marker bit: 239, still RTP.
        assert_eq!(demux(&[0x90, 0x80 | 111]), Ok(DatagramKind::Rtp));
    }
}
