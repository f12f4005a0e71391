//! One packet onto a participant's secured path: header built anew, payload rewritten, sealed in
//! the send arena.

use super::picture_numbers::PictureOffsets;
use crate::media::Codec;
use crate::transport::{Connection, SendArena};
use crate::wire::extensions::{AudioLevel, ExtensionKind, ExtensionMap, abs_send_time};
use crate::wire::rtp::{FIXED_HEADER_LEN, RtpWrite};
use arrayvec::ArrayVec;
use std::time::Duration;

/// Bytes the longest header of ours takes: fixed part, and three extensions in the two-byte form.
const MAX_HEADER_LEN: usize = FIXED_HEADER_LEN + 4 + 16;

/// Position of the padding bit (RFC 3550 §5.1).
const PADDING_BIT: u8 = 0x20;

/// Video leaves in packets whose payload is a multiple of this many bytes, the rest filled with RTP
/// padding. An encoder cuts a frame into packets that differ by a byte or two; only equal ones can
/// leave in one message with segmentation offload (docs/performance.md). Costs half of it per packet,
/// about one per cent.
const PAYLOAD_STEP: usize = 16;

/// What a stream reports when its source sends no audio level: silence, so that headers keep
/// their length.
const NO_LEVEL: AudioLevel = AudioLevel {
    voice: false,
    level: 127,
};

/// Takes one plain RTP packet to be sealed and sent; the connection in the node.
pub trait RtpSink {
    /// Has `write` put a packet of at most `max_len` bytes into `out`, where it returns the
    /// lengths of header and packet, and seals it under `index`. Returns whether it was queued.
    fn send_rtp(
        &mut self,
        index: u64,
        max_len: usize,
        out: &mut SendArena,
        write: impl FnOnce(&mut [u8]) -> Option<(usize, usize)>,
    ) -> bool;
}

impl RtpSink for Connection {
    fn send_rtp(
        &mut self,
        index: u64,
        max_len: usize,
        out: &mut SendArena,
        write: impl FnOnce(&mut [u8]) -> Option<(usize, usize)>,
    ) -> bool {
        Connection::send_rtp(self, index, max_len, out, write)
    }
}

/// The path to one participant, shared by its slots.
#[derive(Debug)]
pub struct EgressLink<'a, S: RtpSink> {
    pub connection: &'a mut S,
    /// Next transport-wide sequence number.
    pub transport_sequence: &'a mut u64,
}

/// Ids of the extensions a slot writes, in every packet: equal headers make equal packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct EgressExtensions {
    abs_send_time: Option<u8>,
    transport_sequence: Option<u8>,
    audio_level: Option<u8>,
}

impl EgressExtensions {
    pub fn new(extensions: &ExtensionMap) -> Self {
        Self {
            abs_send_time: extensions.get(ExtensionKind::AbsSendTime),
            transport_sequence: extensions.get(ExtensionKind::TransportSequence),
            audio_level: extensions.get(ExtensionKind::AudioLevel),
        }
    }
}

/// A packet to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct EgressPacket<'a> {
    pub index: u64,
    pub marker: bool,
    pub payload_type: u8,
    pub timestamp: u32,
    pub ssrc: u32,
    pub level: Option<AudioLevel>,
    pub body: EgressBody<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum EgressBody<'a> {
    Media {
        /// In front of the payload of a retransmission (RFC 4588 §4).
        original_sequence: Option<u16>,
        /// As published.
        payload: &'a [u8],
        codec: Codec,
        pictures: PictureOffsets,
        /// Bytes behind the payload, the last of which counts them; 0 to 255.
        padding: u8,
    },
    /// One byte of padding: fills a sequence number that carries nothing.
    Padding,
}

impl EgressBody<'_> {
    fn len(&self) -> usize {
        match self {
            EgressBody::Media {
                original_sequence,
                payload,
                padding,
                ..
            } => payload.len() + original_sequence.map_or(0, |_| 2) + usize::from(*padding),
            EgressBody::Padding => 1,
        }
    }

    fn has_padding(&self) -> bool {
        match self {
            EgressBody::Media { padding, .. } => *padding > 0,
            EgressBody::Padding => true,
        }
    }

    /// Writes all of `out`, which is [`len`](Self::len) bytes.
    fn write(&self, out: &mut [u8]) -> Option<()> {
        match self {
            EgressBody::Padding => *out.first_mut()? = 1,
            EgressBody::Media {
                original_sequence,
                payload,
                codec,
                pictures,
                padding,
            } => {
                let (head, rest) = out.split_at_mut_checked(original_sequence.map_or(0, |_| 2))?;
                if let Some(sequence) = original_sequence {
                    head.copy_from_slice(&sequence.to_be_bytes());
                }
                let (media, filling) = rest.split_at_mut_checked(payload.len())?;
                media.copy_from_slice(payload);
                if *codec == Codec::Vp8 {
                    pictures.apply(media);
                }
                if let Some((count, zeroes)) = filling.split_last_mut() {
                    zeroes.fill(0);
                    *count = *padding;
                }
            }
        }
        Some(())
    }
}

/// The padding that a payload of `len` bytes of video is sent with.
pub(super) fn equalising(len: usize) -> u8 {
    (len.next_multiple_of(PAYLOAD_STEP) - len) as u8
}

/// Sends one packet; whether it was queued. The transport-wide number is used up only if it was,
/// for the receiver would report a missing one as lost on the way.
pub(super) fn send<S: RtpSink>(
    wall: Duration,
    ids: EgressExtensions,
    packet: &EgressPacket<'_>,
    link: &mut EgressLink<'_, S>,
    out: &mut SendArena,
) -> bool {
    let send_time = abs_send_time(wall);
    let transport_sequence = (*link.transport_sequence as u16).to_be_bytes();
    let level = [packet.level.unwrap_or(NO_LEVEL).to_byte()];
    let mut extensions: ArrayVec<(u8, &[u8]), 3> = ArrayVec::new();
    if let Some(id) = ids.abs_send_time {
        extensions.push((id, &send_time));
    }
    if let Some(id) = ids.transport_sequence {
        extensions.push((id, &transport_sequence));
    }
    if let Some(id) = ids.audio_level {
        extensions.push((id, &level));
    }
    let header = RtpWrite {
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence_number: packet.index as u16,
        timestamp: packet.timestamp,
        ssrc: packet.ssrc,
    };
    let max_len = MAX_HEADER_LEN + packet.body.len();
    let is_queued = link
        .connection
        .send_rtp(packet.index, max_len, out, |buffer| {
            let header_len = header.write(&extensions, buffer)?;
            if packet.body.has_padding() {
                *buffer.first_mut()? |= PADDING_BIT;
            }
            let packet_len = header_len + packet.body.len();
            packet.body.write(buffer.get_mut(header_len..packet_len)?)?;
            Some((header_len, packet_len))
        });
    if is_queued && ids.transport_sequence.is_some() {
        *link.transport_sequence += 1;
    }
    is_queued
}
