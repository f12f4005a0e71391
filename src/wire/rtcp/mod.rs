//! RTCP (RFC 3550 §6) as typed values: reports, descriptions and feedback, parsed from and written
//! to compound packets. Reduced-size packets (RFC 5506) are taken like any other.

use std::time::Duration;

use thiserror::Error;

mod congestion_feedback;
mod description;
mod feedback;
mod reader;
mod report;
#[cfg(test)]
mod tests;
mod transport_feedback;

pub use congestion_feedback::{
    Arrival, CongestionFeedback, MAX_PACKETS_PER_STREAM, StreamFeedback,
};
pub use description::{Goodbye, SourceDescription, SourceDescriptionChunk};
pub use feedback::{
    FullIntraRequest, FullIntraRequestEntry, MAX_FULL_INTRA_ENTRIES, MAX_LOST_PER_NACK, Nack,
    PictureLossIndication, ReceiverEstimatedMaximumBitrate,
};
pub use report::{ReceiverReport, ReportBlock, SenderReport};
pub use transport_feedback::{
    MAX_TRANSPORT_FEEDBACK_STATUSES, REFERENCE_TIME_UNIT, TransportFeedback,
};

use reader::Reader;

/// Packets in one compound; a datagram with more is refused.
pub const MAX_COMPOUND_PACKETS: usize = 64;
/// Report blocks, chunks or sources that the five-bit count of one packet can announce. When
/// writing, further ones are left out.
pub const MAX_COUNT: usize = 31;

const VERSION: u8 = 2;
const HEADER_LEN: usize = 4;

/// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
mod packet_type {
    pub const SENDER_REPORT: u8 = 200;
    pub const RECEIVER_REPORT: u8 = 201;
    pub const SOURCE_DESCRIPTION: u8 = 202;
    pub const GOODBYE: u8 = 203;
    pub const TRANSPORT_FEEDBACK: u8 = 205;
    pub const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Feedback message types (RFC 4585 §6.2, §6.3; RFC 5104 §4.3.1; draft-alvestrand-rmcat-remb;
/// draft-holmer-rmcat-transport-wide-cc-extensions; RFC 8888 §3.1).
mod format {
    pub const NACK: u8 = 1;
    pub const CONGESTION_CONTROL: u8 = 11;
    pub const TRANSPORT_WIDE: u8 = 15;
    pub const PICTURE_LOSS: u8 = 1;
    pub const FULL_INTRA_REQUEST: u8 = 4;
    pub const APPLICATION: u8 = 15;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtcpError {
    #[error("no RTCP packet")]
    Empty,
    #[error("RTCP version {0}, expected 2")]
    Version(u8),
    #[error("a packet runs past the end of the compound")]
    TruncatedCompound,
    #[error("more than {MAX_COMPOUND_PACKETS} packets in a compound")]
    TooManyPackets,
    #[error("padding count is zero, too large, or not in the last packet")]
    Padding,
    #[error("packet of type {0} is shorter than what it announces")]
    Truncated(u8),
    #[error("feedback about more packets than it may cover")]
    TooManyStatuses,
    #[error("transport feedback with the reserved packet status")]
    ReservedStatus,
}

/// One RTCP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rtcp {
    SenderReport(SenderReport),
    ReceiverReport(ReceiverReport),
    SourceDescription(SourceDescription),
    Goodbye(Goodbye),
    Nack(Nack),
    PictureLossIndication(PictureLossIndication),
    FullIntraRequest(FullIntraRequest),
    ReceiverEstimatedMaximumBitrate(ReceiverEstimatedMaximumBitrate),
    TransportFeedback(TransportFeedback),
    CongestionFeedback(CongestionFeedback),
    /// Well-formed but of no interest; `format` is the five bits behind the padding bit. Not
    /// written.
    Other {
        packet_type: u8,
        format: u8,
    },
}

/// Parses a decrypted datagram. One malformed packet refuses the whole of it: what follows it
/// cannot be trusted to be where it seems.
pub fn parse_compound(bytes: &[u8]) -> Result<Vec<Rtcp>, RtcpError> {
    if bytes.is_empty() {
        return Err(RtcpError::Empty);
    }
    let mut packets = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if packets.len() == MAX_COMPOUND_PACKETS {
            return Err(RtcpError::TooManyPackets);
        }
        let (packet, behind) = split_packet(rest)?;
        packets.push(parse_packet(packet)?);
        rest = behind;
    }
    Ok(packets)
}

/// One packet of a compound, padding stripped.
struct RawPacket<'a> {
    packet_type: u8,
    /// Count or feedback format.
    format: u8,
    body: &'a [u8],
}

fn split_packet(bytes: &[u8]) -> Result<(RawPacket<'_>, &[u8]), RtcpError> {
    let &[b0, packet_type, l0, l1] = bytes.first_chunk().ok_or(RtcpError::TruncatedCompound)?;
    if b0 >> 6 != VERSION {
        return Err(RtcpError::Version(b0 >> 6));
    }
    let len = HEADER_LEN + 4 * usize::from(u16::from_be_bytes([l0, l1]));
    let (packet, behind) = bytes
        .split_at_checked(len)
        .ok_or(RtcpError::TruncatedCompound)?;
    let mut body = packet.get(HEADER_LEN..).unwrap_or_default();
    if b0 & 0x20 != 0 {
        // RFC 3550 §6.4.1: only the last packet of a compound may be padded.
        let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
        let end = body.len().checked_sub(padding);
        let kept = end.and_then(|end| body.get(..end));
        body = kept
            .filter(|_| padding > 0 && behind.is_empty())
            .ok_or(RtcpError::Padding)?;
    }
    let raw = RawPacket {
        packet_type,
        format: b0 & 0x1F,
        body,
    };
    Ok((raw, behind))
}

fn parse_packet(packet: RawPacket<'_>) -> Result<Rtcp, RtcpError> {
    let RawPacket {
        packet_type,
        format,
        body,
    } = packet;
    let mut reader = Reader::new(body, RtcpError::Truncated(packet_type));
    let count = usize::from(format);
    Ok(match (packet_type, format) {
        (packet_type::SENDER_REPORT, _) => {
            Rtcp::SenderReport(SenderReport::parse(&mut reader, count)?)
        }
        (packet_type::RECEIVER_REPORT, _) => {
            Rtcp::ReceiverReport(ReceiverReport::parse(&mut reader, count)?)
        }
        (packet_type::SOURCE_DESCRIPTION, _) => {
            Rtcp::SourceDescription(SourceDescription::parse(&mut reader, count)?)
        }
        (packet_type::GOODBYE, _) => Rtcp::Goodbye(Goodbye::parse(&mut reader, count)?),
        (packet_type::TRANSPORT_FEEDBACK, format::NACK) => Rtcp::Nack(Nack::parse(&mut reader)?),
        (packet_type::TRANSPORT_FEEDBACK, format::TRANSPORT_WIDE) => {
            Rtcp::TransportFeedback(TransportFeedback::parse(&mut reader)?)
        }
        (packet_type::TRANSPORT_FEEDBACK, format::CONGESTION_CONTROL) => {
            Rtcp::CongestionFeedback(CongestionFeedback::parse(&mut reader)?)
        }
        (packet_type::PAYLOAD_FEEDBACK, format::PICTURE_LOSS) => {
            Rtcp::PictureLossIndication(PictureLossIndication::parse(&mut reader)?)
        }
        (packet_type::PAYLOAD_FEEDBACK, format::FULL_INTRA_REQUEST) => {
            Rtcp::FullIntraRequest(FullIntraRequest::parse(&mut reader)?)
        }
        (packet_type::PAYLOAD_FEEDBACK, format::APPLICATION) => {
            match ReceiverEstimatedMaximumBitrate::parse(&mut reader)? {
                Some(remb) => Rtcp::ReceiverEstimatedMaximumBitrate(remb),
                None => Rtcp::Other {
                    packet_type,
                    format,
                },
            }
        }
        _ => Rtcp::Other {
            packet_type,
            format,
        },
    })
}

/// Appends the packets to `out`, in order, without padding. Lists longer than their packet can
/// hold are cut, as each type says.
pub fn write_compound(packets: &[Rtcp], out: &mut Vec<u8>) {
    for packet in packets {
        write_packet(packet, out);
    }
}

fn write_packet(packet: &Rtcp, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend([0; HEADER_LEN]);
    let (packet_type, format) = match packet {
        Rtcp::SenderReport(report) => (packet_type::SENDER_REPORT, report.write(out)),
        Rtcp::ReceiverReport(report) => (packet_type::RECEIVER_REPORT, report.write(out)),
        Rtcp::SourceDescription(sdes) => (packet_type::SOURCE_DESCRIPTION, sdes.write(out)),
        Rtcp::Goodbye(goodbye) => (packet_type::GOODBYE, goodbye.write(out)),
        Rtcp::Nack(nack) => {
            nack.write(out);
            (packet_type::TRANSPORT_FEEDBACK, format::NACK)
        }
        Rtcp::TransportFeedback(feedback) => {
            feedback.write(out);
            (packet_type::TRANSPORT_FEEDBACK, format::TRANSPORT_WIDE)
        }
        Rtcp::CongestionFeedback(feedback) => {
            feedback.write(out);
            (packet_type::TRANSPORT_FEEDBACK, format::CONGESTION_CONTROL)
        }
        Rtcp::PictureLossIndication(pli) => {
            pli.write(out);
            (packet_type::PAYLOAD_FEEDBACK, format::PICTURE_LOSS)
        }
        Rtcp::FullIntraRequest(fir) => {
            fir.write(out);
            (packet_type::PAYLOAD_FEEDBACK, format::FULL_INTRA_REQUEST)
        }
        Rtcp::ReceiverEstimatedMaximumBitrate(remb) => {
            remb.write(out);
            (packet_type::PAYLOAD_FEEDBACK, format::APPLICATION)
        }
        Rtcp::Other { .. } => {
            out.truncate(start);
            return;
        }
    };
    let body = out.len() - start - HEADER_LEN;
    out.resize(start + HEADER_LEN + body.next_multiple_of(4), 0);
    let words = (body.div_ceil(4)) as u16;
    let [l0, l1] = words.to_be_bytes();
    if let Some(header) = out.get_mut(start..start + HEADER_LEN) {
        header.copy_from_slice(&[VERSION << 6 | format, packet_type, l0, l1]);
    }
}

/// Seconds from the NTP epoch, 1900, to the Unix epoch (RFC 868).
const NTP_EPOCH_OFFSET: u64 = 2_208_988_800;

/// The NTP timestamp of a time since the Unix epoch: 32.32 fixed point seconds, era wrapped away.
pub fn ntp_from_epoch(since_epoch: Duration) -> u64 {
    let seconds = since_epoch.as_secs().wrapping_add(NTP_EPOCH_OFFSET);
    let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32) | fraction
}
