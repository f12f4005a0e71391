//! A camera in one size or three, as browsers encode and pace it: frames of uneven lengths around a
//! rate, keyframes when asked for, three temporal layers where it is simulcast, lost packets again
//! as RTX.

use std::collections::VecDeque;
use std::time::Duration;

use firstbell_linksim::Random;

use crate::client::payload::{self, HEADER_LEN, Kind, Stamp};
use crate::client::rtp::RtpHead;
use crate::client::sdp;
use crate::client::vp8::{DESCRIPTOR_LEN, Descriptor, FrameHeader, PICTURE_ID_MODULUS};

use super::offer::{REPAIRED_RID_ID, RID_ID};

pub const FRAMES_PER_SECOND: u32 = 25;
const INTERVAL: Duration = Duration::from_millis(1000 / FRAMES_PER_SECOND as u64);
const TICKS: u32 = 90_000 / FRAMES_PER_SECOND;
/// Longest media payload of a packet, descriptor apart.
const MAX_PAYLOAD: usize = 1100;
/// A keyframe is so many times as long as another frame.
const KEYFRAME_FACTOR: f64 = 4.0;
/// Keyframes asked for more often than this are one.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);
/// Frames differ in length by up to this share.
const UNEVEN: f64 = 0.2;
/// Share of what was sent too much that the next frame is shorter by; and how short it may get.
const PAYBACK: f64 = 0.15;
const SHORTEST: f64 = 0.5;
/// Packets leave at this many times the encoder's rate.
const PACING_FACTOR: f64 = 2.5;
/// Packets kept for retransmission, of each encoding.
const HISTORY: usize = 512;
/// Further behind than this, the source goes on from now.
const MAX_BEHIND: Duration = Duration::from_millis(500);
/// Temporal layer and "refers to the base layer only" of the frames after each keyframe.
const TEMPORAL: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];
/// The Y bit in the descriptor's last byte (RFC 7741 §4.2).
const LAYER_SYNC: u8 = 0x20;

/// One size of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub rid: &'static str,
    pub width: u16,
    pub height: u16,
    pub bits_per_second: u32,
}

/// Those of the page's camera.
pub const SIZES: [Size; 3] = [
    Size {
        rid: "q",
        width: 320,
        height: 180,
        bits_per_second: 120_000,
    },
    Size {
        rid: "h",
        width: 640,
        height: 360,
        bits_per_second: 400_000,
    },
    Size {
        rid: "f",
        width: 1280,
        height: 720,
        bits_per_second: 1_200_000,
    },
];

/// A packet without what is only known when it leaves.
#[derive(Clone, Debug)]
struct Planned {
    encoding: usize,
    is_repeat: bool,
    head: RtpHead,
    payload: Vec<u8>,
}

struct Encoding {
    size: Size,
    ssrc: u32,
    rtx_ssrc: u32,
    sequence: u16,
    rtx_sequence: u16,
    picture_id: u16,
    tl0_pic_idx: u8,
    counter: u32,
    is_active: bool,
    keyframe_wanted: bool,
    last_keyframe: Option<Duration>,
    /// Frames since the last keyframe.
    position: usize,
    /// Bytes sent beyond the rate.
    debt: f64,
    /// The pacer is busy with earlier packets until then.
    paced_until: Duration,
    history: VecDeque<(u16, RtpHead, Vec<u8>)>,
    figures: EncodingFigures,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodingFigures {
    pub packets: u32,
    pub octets: u32,
    pub keyframes: u64,
    pub keyframe_requests: u64,
    pub retransmitted: u64,
}

pub struct Camera {
    encodings: Vec<Encoding>,
    /// Streams are told apart by RID.
    is_simulcast: bool,
    room: u32,
    client: u32,
    random: Random,
    timestamp: u32,
    due: Duration,
    paced: VecDeque<(Duration, Planned)>,
}

impl Camera {
    /// `rids`: the encodings agreed on; none: the largest alone.
    pub fn new(
        now: Duration,
        seed: u64,
        rids: &[&'static str],
        first_ssrc: u32,
        (room, client): (u32, u32),
    ) -> Self {
        let mut random = Random::stream(seed, 12);
        let sizes = SIZES.iter().filter(|size| match rids {
            [] => size.rid == "f",
            rids => rids.contains(&size.rid),
        });
        let encodings = (0..)
            .zip(sizes)
            .map(|(index, size)| Encoding {
                size: *size,
                ssrc: first_ssrc + 2 * index,
                rtx_ssrc: first_ssrc + 2 * index + 1,
                sequence: random.next_u64() as u16,
                rtx_sequence: random.next_u64() as u16,
                picture_id: random.next_u64() as u16 % PICTURE_ID_MODULUS,
                tl0_pic_idx: random.next_u64() as u8,
                counter: 0,
                is_active: true,
                keyframe_wanted: true,
                last_keyframe: None,
                position: 0,
                debt: 0.0,
                paced_until: Duration::ZERO,
                history: VecDeque::new(),
                figures: EncodingFigures::default(),
            })
            .collect();
        Self {
            encodings,
            is_simulcast: !rids.is_empty(),
            room,
            client,
            timestamp: random.next_u64() as u32,
            random,
            due: now,
            paced: VecDeque::new(),
        }
    }

    pub fn due(&self) -> Duration {
        let paced = self.paced.front().map(|(at, _)| *at);
        paced.map_or(self.due, |paced| paced.min(self.due))
    }

    pub fn rtp_time(&self, now: Duration) -> u32 {
        let ahead = self.due.saturating_sub(now).as_micros() * 9 / 100;
        self.timestamp.wrapping_sub(ahead as u32)
    }

    /// What has been sent under each SSRC.
    pub fn figures(&self) -> impl Iterator<Item = (&'static str, u32, EncodingFigures)> {
        self.encodings
            .iter()
            .map(|encoding| (encoding.size.rid, encoding.ssrc, encoding.figures))
    }

    pub fn request_keyframe(&mut self, ssrc: u32) {
        if let Some(encoding) = self.encodings.iter_mut().find(|e| e.ssrc == ssrc) {
            encoding.keyframe_wanted = true;
            encoding.figures.keyframe_requests += 1;
        }
    }

    /// Only these are watched; the others stop, and begin again with a keyframe. A source without
    /// RIDs is watched if any entry is there.
    pub fn set_watched(&mut self, rids: &[String]) {
        for encoding in &mut self.encodings {
            let is_watched = match self.is_simulcast {
                true => rids.iter().any(|rid| rid == encoding.size.rid),
                false => !rids.is_empty(),
            };
            encoding.keyframe_wanted |= is_watched && !encoding.is_active;
            encoding.is_active = is_watched;
        }
    }

    /// Puts lost packets in line again (RFC 4588).
    pub fn retransmit(&mut self, now: Duration, ssrc: u32, lost: &[u16]) {
        let found = self.encodings.iter_mut().enumerate();
        let Some((index, encoding)) = found.into_iter().find(|(_, e)| e.ssrc == ssrc) else {
            return;
        };
        for number in lost {
            let kept = encoding.history.iter().find(|kept| kept.0 == *number);
            let Some((_, head, payload)) = kept else {
                continue;
            };
            let mut repeated = number.to_be_bytes().to_vec();
            repeated.extend_from_slice(payload);
            let head = RtpHead {
                payload_type: sdp::VP8_RTX,
                sequence: encoding.rtx_sequence,
                ssrc: encoding.rtx_ssrc,
                ..*head
            };
            encoding.rtx_sequence = encoding.rtx_sequence.wrapping_add(1);
            encoding.figures.retransmitted += 1;
            let planned = Planned {
                encoding: index,
                is_repeat: true,
                head,
                payload: repeated,
            };
            self.paced.push_front((now, planned));
        }
    }

    /// Encodes what is due.
    pub fn produce(&mut self, now: Duration) {
        let behind = now.saturating_sub(self.due);
        if behind > MAX_BEHIND {
            let missed = (behind.as_micros() / INTERVAL.as_micros()) as u32;
            self.due += INTERVAL * missed;
            self.timestamp = self.timestamp.wrapping_add(TICKS * missed);
        }
        while self.due <= now {
            for index in 0..self.encodings.len() {
                self.encode(index);
            }
            // Encodings leave side by side.
            self.paced.make_contiguous().sort_by_key(|(at, _)| *at);
            self.timestamp = self.timestamp.wrapping_add(TICKS);
            self.due += INTERVAL;
        }
    }

    fn encode(&mut self, index: usize) {
        let (captured, timestamp, is_simulcast) = (self.due, self.timestamp, self.is_simulcast);
        let uneven = 1.0 + UNEVEN * (2.0 * self.random.unit() - 1.0);
        let Some(encoding) = self.encodings.get_mut(index).filter(|e| e.is_active) else {
            return;
        };
        let keyframe = encoding.take_keyframe(captured);
        let length = encoding.frame_len(keyframe, uneven);
        let (temporal_id, layer_sync) = encoding.next_temporal(is_simulcast);
        let packets = length.div_ceil(MAX_PAYLOAD);
        for part in 0..packets {
            let descriptor = Descriptor {
                starts_frame: part == 0,
                picture_id: encoding.picture_id,
                tl0_pic_idx: encoding.tl0_pic_idx,
                temporal_id,
            };
            let mut payload = Vec::with_capacity(MAX_PAYLOAD + 32);
            descriptor.write(&mut payload);
            if let Some(last) = payload.last_mut().filter(|_| layer_sync) {
                *last |= LAYER_SYNC;
            }
            let stamp = Stamp {
                kind: Kind::Video,
                room: self.room,
                publisher: self.client,
                counter: encoding.counter,
                sent_us: captured.as_micros() as u64,
            };
            encoding.fill(&stamp, part == 0, keyframe, length / packets, &mut payload);
            let head = RtpHead {
                marker: part + 1 == packets,
                payload_type: sdp::VP8,
                sequence: encoding.sequence,
                timestamp,
                ssrc: encoding.ssrc,
            };
            encoding.remember(head, &payload);
            let leaves = encoding.pace(captured, payload.len());
            let planned = Planned {
                encoding: index,
                is_repeat: false,
                head,
                payload,
            };
            self.paced.push_back((leaves, planned));
        }
        encoding.picture_id = (encoding.picture_id + 1) % PICTURE_ID_MODULUS;
    }

    /// Writes the next packet that is due.
    pub fn write(
        &mut self,
        now: Duration,
        transport_sequence: impl FnOnce() -> Option<u16>,
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        if self.paced.front().is_none_or(|(at, _)| *at > now) {
            return false;
        }
        let Some((_, planned)) = self.paced.pop_front() else {
            return false;
        };
        let rid = self
            .encodings
            .get(planned.encoding)
            .filter(|_| self.is_simulcast)
            .map(|encoding| encoding.size.rid);
        let transport = transport_sequence().map(u16::to_be_bytes);
        let mut extensions: Vec<(u8, &[u8])> = vec![(sdp::MID_ID, sdp::CAMERA_MID.as_bytes())];
        if let Some(rid) = rid {
            let id = if planned.is_repeat {
                REPAIRED_RID_ID
            } else {
                RID_ID
            };
            extensions.push((id, rid.as_bytes()));
        }
        if let Some(transport) = &transport {
            extensions.push((sdp::TRANSPORT_SEQUENCE_ID, transport));
        }
        planned.head.write(&extensions, out);
        out.extend_from_slice(&planned.payload);
        true
    }
}

impl Encoding {
    fn take_keyframe(&mut self, now: Duration) -> bool {
        let is_soon = |last: Duration| now.saturating_sub(last) < KEYFRAME_INTERVAL;
        if !self.keyframe_wanted || self.last_keyframe.is_some_and(is_soon) {
            return false;
        }
        self.keyframe_wanted = false;
        self.last_keyframe = Some(now);
        self.position = 0;
        self.figures.keyframes += 1;
        true
    }

    /// Around the rate; what a keyframe takes more, the next frames take less.
    fn frame_len(&mut self, keyframe: bool, uneven: f64) -> usize {
        let even = f64::from(self.size.bits_per_second / 8 / FRAMES_PER_SECOND);
        let wanted = match keyframe {
            true => even * KEYFRAME_FACTOR,
            false => (even * uneven - self.debt * PAYBACK).max(even * SHORTEST),
        };
        self.debt += wanted - even;
        wanted as usize
    }

    /// When a packet of this frame leaves.
    fn pace(&mut self, captured: Duration, len: usize) -> Duration {
        let leaves = self.paced_until.max(captured);
        let rate = f64::from(self.size.bits_per_second) / 8.0 * PACING_FACTOR;
        self.paced_until = leaves + Duration::from_secs_f64(len as f64 / rate);
        leaves
    }

    fn next_temporal(&mut self, is_simulcast: bool) -> (u8, bool) {
        let (temporal_id, layer_sync) = match is_simulcast {
            true => TEMPORAL[self.position % TEMPORAL.len()],
            false => (0, false),
        };
        self.position += 1;
        if temporal_id == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        (temporal_id, layer_sync)
    }

    fn fill(
        &mut self,
        stamp: &Stamp,
        is_first: bool,
        keyframe: bool,
        length: usize,
        out: &mut Vec<u8>,
    ) {
        let mut header = Vec::new();
        if is_first {
            let frame = match keyframe {
                true => FrameHeader::Keyframe {
                    width: self.size.width,
                    height: self.size.height,
                },
                false => FrameHeader::Delta,
            };
            frame.write(length as u32, &mut header);
        }
        out.extend_from_slice(&header);
        let rest = length.saturating_sub(DESCRIPTOR_LEN + header.len());
        payload::write(stamp, &header, rest.max(HEADER_LEN), out);
        self.counter += 1;
    }

    fn remember(&mut self, head: RtpHead, payload: &[u8]) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history
            .push_back((head.sequence, head, payload.to_vec()));
        self.sequence = self.sequence.wrapping_add(1);
        self.figures.packets += 1;
        self.figures.octets = self.figures.octets.wrapping_add(payload.len() as u32);
    }
}

#[cfg(test)]
#[path = "camera_tests.rs"]
mod tests;
