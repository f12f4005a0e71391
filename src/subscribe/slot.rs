//! One outgoing m-line of a participant, onto which a track is mapped.

use super::TrackKey;
use super::egress::{self, EgressBody, EgressExtensions, EgressLink, EgressPacket, RtpSink};
use super::history::{History, Recall, RunOffsets};
use super::picture_numbers::{PictureNumbers, PictureOffsets};
use super::rewriter::{Numbers, Placed, Rewriter};
use crate::media::{Codec, MediaKind};
use crate::publish::{CachedPacket, Ingress, PublisherClock, SenderClock};
use crate::transport::SendArena;
use crate::wire::rtcp::{ReportBlock, SenderReport, ntp_from_epoch};
use crate::wire::sdp::{SlotCodec, SlotLine};
use std::time::{Duration, Instant};

/// Retransmissions a slot sends within one [`BUDGET_INTERVAL`]; a receiver that asks for more
/// (each NACK may name thousands) has to ask again.
pub const MAX_RETRANSMISSIONS: u32 = 128;
pub const BUDGET_INTERVAL: Duration = Duration::from_millis(100);

/// A longer round trip than this is a wrong report.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(10);

/// Where a slot's numbering begins; each random (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug)]
pub struct SlotSeed {
    pub sequence: u16,
    pub timestamp: u32,
    pub picture_id: u16,
    pub rtx_sequence: u16,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    Sent,
    /// Padding alone; left out without a trace in the numbering.
    Skipped,
    /// The slot cannot start with this packet. Ask for a keyframe.
    WaitingForKeyframe,
    /// Nothing is assigned, or the packet is from before the switch.
    Refused,
    /// Numbered, but the arena is full or the path is closed; a NACK can still bring it.
    NotQueued,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retransmitted {
    Sent,
    /// Never sent, or too long ago.
    Unknown,
    NoRtx,
    /// Sent less than a round trip ago, or more than [`MAX_RETRANSMISSIONS`] asked for.
    TooSoon,
    /// The arena is full or the path is closed.
    NotQueued,
}

#[derive(Clone, Copy, Debug)]
struct Assigned {
    track: TrackKey,
    codec: SlotCodec,
    pictures: PictureOffsets,
}

/// The RTX stream of a slot (RFC 4588), with its own numbering.
#[derive(Debug)]
struct Rtx {
    ssrc: u32,
    next_index: u64,
    history: History,
    budget_since: Instant,
    spent: u32,
}

impl Rtx {
    fn spend(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.budget_since) >= BUDGET_INTERVAL {
            self.budget_since = now;
            self.spent = 0;
        }
        self.spent += 1;
        self.spent <= MAX_RETRANSMISSIONS
    }
}

#[derive(Debug)]
pub struct Slot {
    kind: MediaKind,
    ssrc: u32,
    codecs: Vec<SlotCodec>,
    extensions: EgressExtensions,
    assigned: Option<Assigned>,
    rewriter: Rewriter,
    pictures: PictureNumbers,
    rtx: Option<Box<Rtx>>,
    round_trip: Option<Duration>,
    packets: u32,
    octets: u32,
}

impl Slot {
    pub fn new(now: Instant, line: &SlotLine, seed: SlotSeed) -> Self {
        // Audio is not retransmitted: it would come too late.
        let rtx_ssrc = line.rtx_ssrc.filter(|_| line.kind == MediaKind::Video);
        Self {
            kind: line.kind,
            ssrc: line.ssrc,
            codecs: line.codecs.clone(),
            extensions: EgressExtensions::new(&line.extensions),
            assigned: None,
            rewriter: Rewriter::new(seed.sequence, seed.timestamp),
            pictures: PictureNumbers::new(seed.picture_id),
            rtx: rtx_ssrc.map(|ssrc| {
                Box::new(Rtx {
                    ssrc,
                    next_index: u64::from(seed.rtx_sequence % super::rewriter::MAX_FIRST_SEQUENCE),
                    history: History::new(now),
                    budget_since: now,
                    spent: 0,
                })
            }),
            round_trip: None,
            packets: 0,
            octets: 0,
        }
    }

    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub fn rtx_ssrc(&self) -> Option<u32> {
        self.rtx.as_ref().map(|rtx| rtx.ssrc)
    }

    pub fn supports(&self, codec: Codec) -> bool {
        self.codec(codec).is_some()
    }

    fn codec(&self, codec: Codec) -> Option<SlotCodec> {
        self.codecs.iter().copied().find(|own| own.codec == codec)
    }

    /// Maps `track` onto the slot. Audio goes on with its next packet, video with its next
    /// keyframe. Without effect if it is mapped already; false if the slot does not support
    /// `codec`.
    pub fn assign(&mut self, track: TrackKey, codec: Codec) -> bool {
        let Some(codec) = self.codec(codec) else {
            return false;
        };
        if self.shows() != Some(track) {
            self.rewriter.end();
            self.assigned = Some(Assigned {
                track,
                codec,
                pictures: PictureOffsets::default(),
            });
        }
        true
    }

    pub fn clear(&mut self) {
        self.rewriter.end();
        self.assigned = None;
    }

    pub fn shows(&self) -> Option<TrackKey> {
        self.assigned.map(|assigned| assigned.track)
    }

    /// A video track is mapped and waits for a keyframe to start with.
    pub fn needs_keyframe(&self) -> bool {
        self.kind == MediaKind::Video && self.assigned.is_some() && !self.rewriter.is_running()
    }

    /// Latest round trip to the participant, by its receiver reports.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Sends a packet of the mapped track. `wall`: the node's wall clock, since 1970.
    pub fn forward<S: RtpSink>(
        &mut self,
        wall: Duration,
        packet: &Ingress<'_>,
        link: &mut EgressLink<'_, S>,
        out: &mut SendArena,
    ) -> Forwarded {
        let Some(assigned) = self.assigned else {
            return Forwarded::Refused;
        };
        if assigned.codec.codec != packet.codec {
            return Forwarded::Refused;
        }
        let is_padding = self.kind == MediaKind::Video && packet.payload.is_empty();
        if is_padding && self.rewriter.skip(packet.index) {
            return Forwarded::Skipped;
        }
        let placed = self
            .rewriter
            .place(packet.index, packet.timestamp, packet.arrival);
        let (numbers, begins) = match placed {
            Placed::At(numbers) => (numbers, false),
            Placed::Refused => return Forwarded::Refused,
            Placed::NeedsBegin => {
                self.rewriter.end();
                if !can_begin(packet) {
                    return Forwarded::WaitingForKeyframe;
                }
                (self.begin(packet), true)
            }
        };
        self.send(wall, packet, numbers, begins, link, out)
    }

    /// Switches to the source of `packet`.
    fn begin(&mut self, packet: &Ingress<'_>) -> Numbers {
        let clock_rate = packet.codec.clock_rate();
        let numbers =
            self.rewriter
                .begin(packet.index, packet.timestamp, packet.arrival, clock_rate);
        let Some(assigned) = &mut self.assigned else {
            return numbers;
        };
        if packet.codec == Codec::Vp8 {
            assigned.pictures = self.pictures.begin(packet.payload);
        }
        if let Some(rtx) = &mut self.rtx {
            rtx.history.begin(RunOffsets {
                track: assigned.track,
                codec: packet.codec,
                timestamp: numbers.timestamp.wrapping_sub(packet.timestamp),
                pictures: assigned.pictures,
            });
        }
        numbers
    }

    fn send<S: RtpSink>(
        &mut self,
        wall: Duration,
        packet: &Ingress<'_>,
        numbers: Numbers,
        begins: bool,
        link: &mut EgressLink<'_, S>,
        out: &mut SendArena,
    ) -> Forwarded {
        let Some(assigned) = self.assigned else {
            return Forwarded::Refused;
        };
        let is_padding = self.kind == MediaKind::Video && packet.payload.is_empty();
        let body = if is_padding {
            EgressBody::Padding
        } else {
            EgressBody::Media {
                original_sequence: None,
                payload: packet.payload,
                codec: packet.codec,
                pictures: assigned.pictures,
                padding: match self.kind {
                    MediaKind::Audio => 0,
                    MediaKind::Video => egress::equalising(packet.payload.len()),
                },
            }
        };
        let egress = EgressPacket {
            index: numbers.index,
            // A new source's first audio packet begins a talkspurt (RFC 3551 §4.1).
            marker: packet.marker || (begins && self.kind == MediaKind::Audio),
            payload_type: assigned.codec.payload_type,
            timestamp: numbers.timestamp,
            ssrc: self.ssrc,
            level: packet.level,
            body,
        };
        if packet.codec == Codec::Vp8 && numbers.is_newest {
            self.pictures.on_sent(assigned.pictures, packet.payload);
        }
        if let Some(rtx) = &mut self.rtx {
            rtx.history
                .record(packet.arrival, numbers.index, packet.index, numbers.skipped);
        }
        if !egress::send(wall, self.extensions, &egress, link, out) {
            return Forwarded::NotQueued;
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        Forwarded::Sent
    }

    /// Answers a NACK for one sequence number of this slot, by RTX. `find` looks an ingress
    /// index up in a track's packet cache; the track may no longer be the mapped one.
    pub fn retransmit<'p, S: RtpSink>(
        &mut self,
        now: Instant,
        wall: Duration,
        lost: u16,
        find: impl FnOnce(TrackKey, u64) -> Option<CachedPacket<'p>>,
        link: &mut EgressLink<'_, S>,
        out: &mut SendArena,
    ) -> Retransmitted {
        let Some(rtx) = &mut self.rtx else {
            return Retransmitted::NoRtx;
        };
        let remembered = match rtx.history.recall(now, lost, self.round_trip) {
            Recall::Found(remembered) => remembered,
            Recall::Unknown => return Retransmitted::Unknown,
            Recall::TooSoon => return Retransmitted::TooSoon,
        };
        let run = remembered.run;
        let payload_type = self
            .codecs
            .iter()
            .find(|own| own.codec == run.codec)
            .and_then(|own| own.rtx_payload_type);
        let Some(payload_type) = payload_type else {
            return Retransmitted::NoRtx;
        };
        let Some(packet) = find(run.track, remembered.ingress) else {
            return Retransmitted::Unknown;
        };
        if !rtx.spend(now) {
            return Retransmitted::TooSoon;
        }
        let index = rtx.next_index;
        // Used up even if the packet is not queued: it may have been sealed.
        rtx.next_index += 1;
        let egress = EgressPacket {
            index,
            marker: packet.marker,
            payload_type,
            timestamp: packet.timestamp.wrapping_add(run.timestamp),
            ssrc: rtx.ssrc,
            level: None,
            body: EgressBody::Media {
                original_sequence: Some(lost),
                payload: packet.payload,
                codec: run.codec,
                pictures: run.pictures,
                padding: 0,
            },
        };
        if egress::send(wall, self.extensions, &egress, link, out) {
            Retransmitted::Sent
        } else {
            Retransmitted::NotQueued
        }
    }

    /// Our report on this slot's stream, on the node's wall clock; `None` while nothing plays.
    /// `clock` is the mapped track's, `publisher` its publisher's.
    pub fn sender_report(
        &self,
        now: Instant,
        wall: Duration,
        clock: &SenderClock,
        publisher: &PublisherClock,
    ) -> Option<SenderReport> {
        let offset = self.rewriter.timestamp_offset()?;
        let captured = clock.rtp_at(now, wall, publisher)?;
        Some(SenderReport {
            ssrc: self.ssrc,
            ntp: ntp_from_epoch(wall),
            rtp_timestamp: captured.wrapping_add(offset),
            packet_count: self.packets,
            octet_count: self.octets,
            reports: Vec::new(),
        })
    }

    /// A report of the participant on this slot's stream arrived: the round trip by RFC 3550
    /// §6.4.1, for the sender reports carry the node's wall clock.
    pub fn on_receiver_report(&mut self, wall: Duration, report: &ReportBlock) {
        if report.ssrc != self.ssrc || report.last_sr == 0 {
            return;
        }
        let arrival = (ntp_from_epoch(wall) >> 16) as u32;
        let units = arrival
            .wrapping_sub(report.last_sr)
            .wrapping_sub(report.delay_since_last_sr);
        let round_trip = Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16);
        if round_trip <= MAX_ROUND_TRIP {
            self.round_trip = Some(round_trip);
        }
    }
}

/// Whether a receiver can start with this packet.
fn can_begin(packet: &Ingress<'_>) -> bool {
    match packet.codec.kind() {
        MediaKind::Audio => true,
        MediaKind::Video => packet.keyframe && packet.starts_frame,
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
