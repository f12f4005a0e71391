//! Feedback about losses and bitrates: NACK and PLI (RFC 4585 §6), FIR (RFC 5104 §4.3.1), REMB
//! (draft-alvestrand-rmcat-remb-03 §2.2).

use super::RtcpError;
use super::reader::Reader;

/// Sequence numbers taken from or written into one NACK; further ones are left out, and asked for
/// again if they are still missed.
pub const MAX_LOST_PER_NACK: usize = 1024;

/// Packets of one stream asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nack {
    pub sender_ssrc: u32,
    pub media_ssrc: u32,
    /// Sequence numbers; packs best in ascending order. At most [`MAX_LOST_PER_NACK`].
    pub lost: Vec<u16>,
}

/// Numbers a pair names beside its first one, by a bit each.
const BITMASK_REACH: u16 = 16;

impl Nack {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        let mut nack = Self {
            sender_ssrc: reader.u32()?,
            media_ssrc: reader.u32()?,
            lost: Vec::new(),
        };
        while reader.remaining() > 0 {
            let first = reader.u16()?;
            let mask = reader.u16()?;
            let named = (0..BITMASK_REACH)
                .filter(|bit| mask & (1 << bit) != 0)
                .map(|bit| first.wrapping_add(bit + 1));
            let room = MAX_LOST_PER_NACK - nack.lost.len();
            nack.lost
                .extend(std::iter::once(first).chain(named).take(room));
        }
        Ok(nack)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.sender_ssrc.to_be_bytes());
        out.extend(self.media_ssrc.to_be_bytes());
        let mut lost = self.lost.iter().copied().take(MAX_LOST_PER_NACK).peekable();
        while let Some(first) = lost.next() {
            let mut mask = 0u16;
            let reachable = |next: &u16| (1..=BITMASK_REACH).contains(&next.wrapping_sub(first));
            while let Some(next) = lost.next_if(reachable) {
                mask |= 1 << (next.wrapping_sub(first) - 1);
            }
            out.extend(first.to_be_bytes());
            out.extend(mask.to_be_bytes());
        }
    }
}

/// The decoder of one stream lost its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLossIndication {
    pub sender_ssrc: u32,
    pub media_ssrc: u32,
}

impl PictureLossIndication {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        Ok(Self {
            sender_ssrc: reader.u32()?,
            media_ssrc: reader.u32()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.sender_ssrc.to_be_bytes());
        out.extend(self.media_ssrc.to_be_bytes());
    }
}

/// Streams that must send a keyframe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullIntraRequest {
    pub sender_ssrc: u32,
    /// Unused, 0; the entries name the streams.
    pub media_ssrc: u32,
    /// At most [`MAX_FULL_INTRA_ENTRIES`]; further ones are ignored and not written.
    pub entries: Vec<FullIntraRequestEntry>,
}

/// No participant publishes more streams than this.
pub const MAX_FULL_INTRA_ENTRIES: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIntraRequestEntry {
    pub ssrc: u32,
    /// Counts requests; a repetition has the same number.
    pub sequence: u8,
}

impl FullIntraRequest {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        let mut fir = Self {
            sender_ssrc: reader.u32()?,
            media_ssrc: reader.u32()?,
            entries: Vec::new(),
        };
        while reader.remaining() > 0 && fir.entries.len() < MAX_FULL_INTRA_ENTRIES {
            let ssrc = reader.u32()?;
            let [sequence, _, _, _] = reader.array()?;
            fir.entries.push(FullIntraRequestEntry { ssrc, sequence });
        }
        Ok(fir)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.sender_ssrc.to_be_bytes());
        out.extend(self.media_ssrc.to_be_bytes());
        for entry in self.entries.iter().take(MAX_FULL_INTRA_ENTRIES) {
            out.extend(entry.ssrc.to_be_bytes());
            out.extend([entry.sequence, 0, 0, 0]);
        }
    }
}

/// What a receiver believes it can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverEstimatedMaximumBitrate {
    pub sender_ssrc: u32,
    /// Bits per second. Written with 18 significant bits, rounded down.
    pub bitrate: u64,
    /// The streams it covers; at most 255 are written.
    pub ssrcs: Vec<u32>,
}

const REMB_NAME: [u8; 4] = *b"REMB";
const REMB_MANTISSA_BITS: u32 = 18;

impl ReceiverEstimatedMaximumBitrate {
    /// `None` for application-layer feedback of another name.
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Option<Self>, RtcpError> {
        let sender_ssrc = reader.u32()?;
        let _media_ssrc = reader.u32()?;
        if reader.remaining() < REMB_NAME.len() || reader.array()? != REMB_NAME {
            return Ok(None);
        }
        let count = reader.u8()?;
        let packed = reader.u24()?;
        let exponent = packed >> REMB_MANTISSA_BITS;
        let mantissa = u64::from(packed & ((1 << REMB_MANTISSA_BITS) - 1));
        let bitrate = match mantissa.leading_zeros() >= exponent {
            true => mantissa << exponent,
            false => u64::MAX,
        };
        let ssrcs = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        Ok(Some(Self {
            sender_ssrc,
            bitrate,
            ssrcs,
        }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let bits = u64::BITS - self.bitrate.leading_zeros();
        let exponent = bits.saturating_sub(REMB_MANTISSA_BITS);
        let mantissa = (self.bitrate >> exponent) as u32;
        let [_, p0, p1, p2] = (exponent << REMB_MANTISSA_BITS | mantissa).to_be_bytes();
        let ssrcs = self.ssrcs.iter().take(usize::from(u8::MAX));
        out.extend(self.sender_ssrc.to_be_bytes());
        out.extend([0; 4]);
        out.extend(REMB_NAME);
        out.extend([ssrcs.len() as u8, p0, p1, p2]);
        for ssrc in ssrcs {
            out.extend(ssrc.to_be_bytes());
        }
    }
}
