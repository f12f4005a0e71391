//! One published source: packets in, with their place in the stream; feedback to the publisher.

mod relayed;

pub use relayed::relayed_ssrc;

use super::index_window::{IndexRefused, Order};
use super::keyframe_requests::KeyframeRequests;
use super::nack_list::{NackList, Repair};
use super::packet_cache::{CachedPacket, PacketCache};
use super::receive_window::{Accepted, ReceiveWindow, reported_sequence};
use super::reception::Reception;
use super::sender_clock::{PublisherClock, SenderClock};
use crate::media::{Codec, MediaKind, Source};
use crate::wire::codec::{self, vp8};
use crate::wire::extensions::{AudioLevel, ExtensionKind};
use crate::wire::rtcp::{
    FullIntraRequest, FullIntraRequestEntry, Nack, PictureLossIndication, ReportBlock, Rtcp,
    SenderReport,
};
use crate::wire::rtp::RtpHeader;
use crate::wire::sdp::{Feedback, PublishLine};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Our SSRC in feedback and receiver reports. We send no media under it; 1 is what browsers use
/// that only receive.
pub const NODE_SSRC: u32 = 1;

/// A video track without packets for this long is not live.
pub const VIDEO_SILENCE: Duration = Duration::from_secs(2);

/// An audio track likewise; with discontinuous transmission (DTX) pauses are normal.
pub const AUDIO_SILENCE: Duration = Duration::from_secs(5);

/// Why a packet of a track was not taken. Each is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum TrackDrop {
    #[error("the packet has been received before")]
    Duplicate,
    #[error("the packet is older than the receive window")]
    TooOld,
    #[error("the payload is malformed")]
    MalformedPayload,
    #[error("the payload type was not negotiated")]
    UnknownPayloadType,
    #[error("the SSRC is not the track's")]
    UnknownSsrc,
    #[error("a retransmission without payload: a bandwidth probe")]
    EmptyRtx,
    #[error("a retransmission before the first packet of the stream")]
    EarlyRtx,
}

impl TrackDrop {
    pub const ALL: [TrackDrop; 7] = [
        TrackDrop::Duplicate,
        TrackDrop::TooOld,
        TrackDrop::MalformedPayload,
        TrackDrop::UnknownPayloadType,
        TrackDrop::UnknownSsrc,
        TrackDrop::EmptyRtx,
        TrackDrop::EarlyRtx,
    ];

    /// Name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            TrackDrop::Duplicate => "duplicate",
            TrackDrop::TooOld => "too_old",
            TrackDrop::MalformedPayload => "malformed_payload",
            TrackDrop::UnknownPayloadType => "unknown_payload_type",
            TrackDrop::UnknownSsrc => "unknown_ssrc",
            TrackDrop::EmptyRtx => "empty_rtx",
            TrackDrop::EarlyRtx => "early_rtx",
        }
    }
}

impl From<IndexRefused> for TrackDrop {
    fn from(refused: IndexRefused) -> Self {
        match refused {
            IndexRefused::Duplicate => TrackDrop::Duplicate,
            IndexRefused::TooOld => TrackDrop::TooOld,
        }
    }
}

/// An accepted packet, on its way to the slots.
#[derive(Clone, Copy, Debug)]
pub struct Ingress<'a> {
    /// Extended sequence number; unique and in the order of sending.
    pub index: u64,
    pub timestamp: u32,
    pub marker: bool,
    /// Without padding. Of video, empty: a packet of padding alone.
    pub payload: &'a [u8],
    pub codec: Codec,
    /// The payload begins a keyframe.
    pub keyframe: bool,
    pub starts_frame: bool,
    pub level: Option<AudioLevel>,
    pub arrival: Instant,
}

/// What only video has.
#[derive(Debug)]
struct VideoState {
    nacks: Option<NackList>,
    cache: PacketCache,
    keyframes: KeyframeRequests,
    fir_sequence: u8,
}

#[derive(Debug)]
pub struct Track {
    source: Source,
    codec: Codec,
    payload_type: u8,
    rtx_payload_type: Option<u8>,
    ssrc: Option<u32>,
    rtx_ssrc: Option<u32>,
    level_extension: Option<u8>,
    feedback: Feedback,
    window: ReceiveWindow,
    reception: Reception,
    clock: SenderClock,
    /// Timestamp of the newest packet.
    newest_timestamp: Option<u32>,
    last_packet: Option<Instant>,
    /// Middle 32 bits of the last sender report's NTP time, and its arrival.
    last_report: Option<(u32, Instant)>,
    video: Option<Box<VideoState>>,
}

impl Track {
    pub fn new(now: Instant, line: &PublishLine) -> Self {
        let video = (line.codec.kind() == MediaKind::Video).then(|| {
            Box::new(VideoState {
                nacks: line.feedback.nack.then(NackList::new),
                cache: PacketCache::new(),
                keyframes: KeyframeRequests::new(),
                fir_sequence: 0,
            })
        });
        Self {
            source: line.source,
            codec: line.codec,
            payload_type: line.payload_type,
            rtx_payload_type: line.rtx_payload_type,
            ssrc: line.ssrc,
            rtx_ssrc: line.rtx_ssrc,
            level_extension: line.extensions.get(ExtensionKind::AudioLevel),
            feedback: line.feedback,
            window: ReceiveWindow::new(),
            reception: Reception::new(now, line.codec.clock_rate()),
            clock: SenderClock::new(line.codec.clock_rate()),
            newest_timestamp: None,
            last_packet: None,
            last_report: None,
            video,
        }
    }

    pub fn source(&self) -> Source {
        self.source
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// SSRC of the media: announced, or learnt from the first packet.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    pub fn rtx_ssrc(&self) -> Option<u32> {
        self.rtx_ssrc
    }

    /// Maps this track's RTP timestamps to the node's wall clock.
    pub fn clock(&self) -> &SenderClock {
        &self.clock
    }

    /// Takes a decrypted packet of the media or of its RTX stream, told apart by payload type.
    /// A bad packet changes nothing.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        header: &RtpHeader,
        packet: &'a [u8],
    ) -> Result<Ingress<'a>, TrackDrop> {
        let payload = header
            .payload(packet)
            .map_err(|_| TrackDrop::MalformedPayload)?;
        let (accepted, payload) = if header.payload_type == self.payload_type {
            (self.receive_media(now, header, payload)?, payload)
        } else if Some(header.payload_type) == self.rtx_payload_type {
            self.receive_rtx(header, payload)?
        } else {
            return Err(TrackDrop::UnknownPayloadType);
        };
        let is_newest = !matches!(accepted.order, Order::Late);
        let starts_frame = self.starts_frame(is_newest, header.timestamp, payload);
        if is_newest {
            self.newest_timestamp = Some(header.timestamp);
            self.clock.on_packet(now, header.timestamp);
        }
        let ingress = Ingress {
            index: accepted.index,
            timestamp: header.timestamp,
            marker: header.marker,
            payload,
            codec: self.codec,
            keyframe: !payload.is_empty() && codec::is_keyframe(self.codec, payload),
            starts_frame,
            level: self.level(header, packet),
            arrival: now,
        };
        self.keep_video(now, accepted, &ingress);
        self.last_packet = Some(now);
        Ok(ingress)
    }

    fn receive_media(
        &mut self,
        now: Instant,
        header: &RtpHeader,
        payload: &[u8],
    ) -> Result<Accepted, TrackDrop> {
        if self.ssrc.is_some_and(|ssrc| ssrc != header.ssrc) {
            return Err(TrackDrop::UnknownSsrc);
        }
        check_payload(self.codec, payload)?;
        let accepted = self.window.insert(header.sequence_number);
        // Late packets and duplicates count as received (RFC 3550 §A.3).
        self.reception.record(now, header.timestamp);
        let accepted = accepted?;
        self.ssrc = Some(header.ssrc);
        Ok(accepted)
    }

    /// RFC 4588 §4: the original sequence number, then the original payload.
    fn receive_rtx<'a>(
        &mut self,
        header: &RtpHeader,
        payload: &'a [u8],
    ) -> Result<(Accepted, &'a [u8]), TrackDrop> {
        if self.rtx_ssrc.is_some_and(|ssrc| ssrc != header.ssrc) {
            return Err(TrackDrop::UnknownSsrc);
        }
        if payload.is_empty() {
            return Err(TrackDrop::EmptyRtx);
        }
        let (original, payload) = payload
            .split_first_chunk::<2>()
            .ok_or(TrackDrop::MalformedPayload)?;
        check_payload(self.codec, payload)?;
        if self.window.highest().is_none() {
            return Err(TrackDrop::EarlyRtx);
        }
        let accepted = self.window.insert(u16::from_be_bytes(*original))?;
        self.rtx_ssrc = Some(header.ssrc);
        Ok((accepted, payload))
    }

    fn starts_frame(&self, is_newest: bool, timestamp: u32, payload: &[u8]) -> bool {
        match self.codec {
            Codec::Opus => true,
            Codec::Vp8 => {
                vp8::PayloadDescriptor::parse(payload).is_ok_and(|vp8| vp8.starts_frame())
            }
            // Nothing in an H264 payload marks a frame's first packet. A late packet is only taken
            // for one if it carries the parameter sets or slice a decoder starts with.
            Codec::H264 if is_newest => self.newest_timestamp != Some(timestamp),
            Codec::H264 => codec::is_keyframe(Codec::H264, payload),
        }
    }

    fn level(&self, header: &RtpHeader, packet: &[u8]) -> Option<AudioLevel> {
        let wanted = self.level_extension?;
        let (_, data) = header.extensions(packet).find(|(id, _)| *id == wanted)?;
        AudioLevel::parse(data)
    }

    fn keep_video(&mut self, now: Instant, accepted: Accepted, ingress: &Ingress<'_>) {
        let was_silent = !self.is_live(now);
        let Some(video) = &mut self.video else {
            return;
        };
        if was_silent {
            video.keyframes.on_resumed();
        }
        if let Some(nacks) = &mut video.nacks {
            let repair = match accepted.order {
                Order::Newest { skipped } => nacks.on_gap(now, accepted.index, skipped),
                Order::First => Repair::Possible,
                Order::Late => {
                    nacks.on_arrival(accepted.index);
                    Repair::Possible
                }
            };
            if repair == Repair::NeedsKeyframe {
                video.keyframes.request(now);
            }
        }
        if ingress.keyframe {
            video.keyframes.on_keyframe();
        }
        video.cache.insert(
            now,
            CachedPacket {
                index: ingress.index,
                timestamp: ingress.timestamp,
                marker: ingress.marker,
                payload: ingress.payload,
            },
        );
    }

    /// Someone needs a keyframe. [`poll_feedback`](Self::poll_feedback) asks the publisher, once
    /// a second for all who wait, until one arrives. Without effect on audio.
    pub fn request_keyframe(&mut self, now: Instant) {
        if let Some(video) = &mut self.video {
            video.keyframes.request(now);
        }
    }

    /// Appends what is due towards the publisher: a NACK, a PLI or FIR.
    pub fn poll_feedback(&mut self, now: Instant, out: &mut Vec<Rtcp>) {
        let (Some(video), Some(media_ssrc)) = (&mut self.video, self.ssrc) else {
            return;
        };
        if let Some(nacks) = &mut video.nacks {
            let mut lost = Vec::new();
            if nacks.poll(now, &mut lost) == Repair::NeedsKeyframe {
                video.keyframes.request(now);
            }
            if !lost.is_empty() {
                out.push(Rtcp::Nack(Nack {
                    sender_ssrc: NODE_SSRC,
                    media_ssrc,
                    lost,
                }));
            }
        }
        if video.keyframes.poll(now) {
            out.push(keyframe_request(
                self.feedback,
                media_ssrc,
                &mut video.fir_sequence,
            ));
        }
    }

    /// When [`poll_feedback`](Self::poll_feedback) next has something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let video = self.video.as_ref()?;
        self.ssrc?;
        let nacks = video.nacks.as_ref().and_then(NackList::due);
        [nacks, video.keyframes.due()].into_iter().flatten().min()
    }

    /// Closes a reporting interval; `None` before the first packet.
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let (ssrc, first, highest) = (self.ssrc?, self.window.first()?, self.window.highest()?);
        let report = self.reception.report(first, highest);
        let (last_sr, delay_since_last_sr) = self.last_report.map_or((0, 0), |(ntp, arrival)| {
            (
                ntp,
                units_of_65536th(now.saturating_duration_since(arrival)),
            )
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: report.fraction_lost,
            cumulative_lost: report.cumulative_lost,
            highest_sequence: reported_sequence(highest),
            jitter: report.jitter,
            last_sr,
            delay_since_last_sr,
        })
    }

    /// The publisher's report on this track's stream arrived, at `since_epoch` of the node's wall
    /// clock. Reports on other streams (RTX has its own) are ignored.
    pub fn on_sender_report(
        &mut self,
        now: Instant,
        since_epoch: Duration,
        report: &SenderReport,
        publisher: &mut PublisherClock,
    ) {
        if self.ssrc != Some(report.ssrc) {
            return;
        }
        self.last_report = Some(((report.ntp >> 16) as u32, now));
        if self.clock.on_report(now, report.ntp, report.rtp_timestamp) {
            publisher.on_report(since_epoch, report.ntp);
        }
    }

    /// A packet for retransmission; always `None` of audio.
    pub fn cached(&self, index: u64) -> Option<CachedPacket<'_>> {
        self.video.as_ref()?.cache.get(index)
    }

    /// Whether packets have come lately: within [`VIDEO_SILENCE`] or [`AUDIO_SILENCE`].
    pub fn is_live(&self, now: Instant) -> bool {
        let silence = match self.codec.kind() {
            MediaKind::Audio => AUDIO_SILENCE,
            MediaKind::Video => VIDEO_SILENCE,
        };
        self.last_packet
            .is_some_and(|last| now.saturating_duration_since(last) <= silence)
    }
}

/// Refuses what a slot could not rewrite.
fn check_payload(codec: Codec, payload: &[u8]) -> Result<(), TrackDrop> {
    let malformed = codec == Codec::Vp8
        && !payload.is_empty()
        && vp8::PayloadDescriptor::parse(payload).is_err();
    if malformed {
        return Err(TrackDrop::MalformedPayload);
    }
    Ok(())
}

/// PLI for publishers that offered it, else FIR, each time a new one (RFC 5104 §4.3.1.1).
fn keyframe_request(feedback: Feedback, media_ssrc: u32, fir_sequence: &mut u8) -> Rtcp {
    if feedback.pli || !feedback.fir {
        return Rtcp::PictureLossIndication(PictureLossIndication {
            sender_ssrc: NODE_SSRC,
            media_ssrc,
        });
    }
    *fir_sequence = fir_sequence.wrapping_add(1);
    Rtcp::FullIntraRequest(FullIntraRequest {
        sender_ssrc: NODE_SSRC,
        media_ssrc: 0,
        entries: vec![FullIntraRequestEntry {
            ssrc: media_ssrc,
            sequence: *fir_sequence,
        }],
    })
}

/// The unit of "delay since last SR" (RFC 3550 §6.4.1).
fn units_of_65536th(delay: Duration) -> u32 {
    u32::try_from((delay.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
