//! Congestion control feedback (RFC 8888 §3.1): when the packets of each stream arrived.

use super::RtcpError;
use super::reader::Reader;

/// Packets of one stream that one report may cover (RFC 8888 §3.1). More cannot be written, and
/// announcing more is an error.
pub const MAX_PACKETS_PER_STREAM: usize = 16_384;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CongestionFeedback {
    pub sender_ssrc: u32,
    pub streams: Vec<StreamFeedback>,
    /// When the feedback was made: the middle 32 bits of an NTP timestamp, of the receiver's clock.
    pub report_timestamp: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFeedback {
    pub ssrc: u32,
    /// RTP sequence number of the first of `arrivals`.
    pub begin_sequence: u16,
    /// One for each sequence number from `begin_sequence`; `None` is not received.
    pub arrivals: Vec<Option<Arrival>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Explicit congestion notification, two bits.
    pub ecn: u8,
    /// Before the report timestamp, in 1/1024 s. `None` when it is more than 8 s, or not known.
    pub offset: Option<u16>,
}

const RECEIVED: u16 = 0x8000;
const ECN_SHIFT: u32 = 13;
const ECN_MASK: u16 = 3;
const OFFSET_MASK: u16 = 0x1FFF;
/// Largest offset with a meaning; the two above are "over range" and "not available".
const MAX_OFFSET: u16 = 0x1FFD;
const NO_OFFSET: u16 = 0x1FFF;

/// Bytes of the report timestamp at the end.
const TIMESTAMP_LEN: usize = 4;

impl CongestionFeedback {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        let sender_ssrc = reader.u32()?;
        let mut streams = Vec::new();
        // The bytes of the datagram bound both lists: eight a stream, two a packet.
        while reader.remaining() > TIMESTAMP_LEN {
            streams.push(StreamFeedback::parse(reader)?);
        }
        Ok(Self {
            sender_ssrc,
            streams,
            report_timestamp: reader.u32()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.sender_ssrc.to_be_bytes());
        for stream in &self.streams {
            stream.write(out);
        }
        out.extend(self.report_timestamp.to_be_bytes());
    }
}

impl StreamFeedback {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        let ssrc = reader.u32()?;
        let begin_sequence = reader.u16()?;
        let count = usize::from(reader.u16()?);
        if count > MAX_PACKETS_PER_STREAM {
            return Err(RtcpError::TooManyStatuses);
        }
        // Before memory is taken for them: they must be there.
        let blocks = reader.bytes(2 * count)?;
        let arrivals = blocks
            .chunks_exact(2)
            .map(|block| Arrival::from_block(block.iter().fold(0, |b, &a| b << 8 | u16::from(a))))
            .collect();
        // An odd number of blocks is filled up to a whole word.
        reader.bytes(2 * (count % 2))?;
        Ok(Self {
            ssrc,
            begin_sequence,
            arrivals,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let kept = self.arrivals.len().min(MAX_PACKETS_PER_STREAM);
        out.extend(self.ssrc.to_be_bytes());
        out.extend(self.begin_sequence.to_be_bytes());
        out.extend((kept as u16).to_be_bytes());
        for arrival in self.arrivals.iter().take(kept) {
            out.extend(arrival.map_or(0, Arrival::to_block).to_be_bytes());
        }
        if !kept.is_multiple_of(2) {
            out.extend([0, 0]);
        }
    }
}

impl Arrival {
    fn from_block(block: u16) -> Option<Self> {
        let offset = block & OFFSET_MASK;
        (block & RECEIVED != 0).then(|| Self {
            ecn: (block >> ECN_SHIFT & ECN_MASK) as u8,
            offset: (offset <= MAX_OFFSET).then_some(offset),
        })
    }

    fn to_block(self) -> u16 {
        let offset = self
            .offset
            .map_or(NO_OFFSET, |offset| offset.min(MAX_OFFSET));
        RECEIVED | (u16::from(self.ecn) & ECN_MASK) << ECN_SHIFT | offset
    }
}
