//! What a participant sends of one source: frames or audio packets, retransmissions, reports.
//! Headers are written here byte by byte, independently of the node's writer.

use std::collections::VecDeque;
use std::time::Duration;

use firstbell::media::{MediaKind, ParticipantId, Source};
use firstbell::wire::rtcp::{ReportBlock, SenderReport, ntp_from_epoch};
use rand::Rng;
use rand::rngs::StdRng;

use crate::plan::{Dialect, mid_of, ssrc_of};
use crate::truth::{Truth, Vp8Numbers};

const FRAME_INTERVAL: Duration = Duration::from_millis(50);
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// Packets that can be sent again.
const HISTORY: usize = 300;
/// L1T3: the temporal layers of four frames.
const TEMPORAL_LAYERS: [u8; 4] = [0, 2, 1, 2];

/// A plain packet to seal: its index is `ROC << 16 | sequence number`.
pub struct Outgoing {
    pub index: u64,
    pub header_len: usize,
    pub packet: Vec<u8>,
}

/// Header extensions that change with every packet.
pub struct Stamp {
    pub now: Duration,
    pub transport_sequence: u16,
}

/// One payload under its sequence number.
struct Sent {
    index: u64,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

pub struct Sender {
    pub source: Source,
    participant: ParticipantId,
    dialect: Dialect,
    pub ssrc: u32,
    /// When the next frame or packet is due; `None` while nothing is sent.
    pub due: Option<Duration>,
    /// -dBov of the audio level extension.
    pub level: u8,
    next_index: u64,
    next_rtx_index: u64,
    first_timestamp: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    number: u32,
    temporal_place: usize,
    keyframe_wanted: bool,
    history: VecDeque<Sent>,
    /// Waiting to be sent within this tick.
    fresh: Vec<Sent>,
    pub packets: u32,
    octets: u32,
    pub keyframes: usize,
    pub keyframe_requests: Vec<Duration>,
    pub retransmitted: usize,
    /// What the node last reported.
    pub reception: Option<ReportBlock>,
}

impl Sender {
    pub fn new(participant: ParticipantId, source: Source, rng: &mut StdRng) -> Self {
        Self {
            source,
            participant,
            dialect: Dialect::of(participant),
            ssrc: ssrc_of(participant, source),
            due: None,
            level: 127,
            // The sequence number wraps a few seconds in, and so do the picture numbers.
            next_index: rng.random_range(0xFE80..0xFFA0),
            next_rtx_index: rng.random_range(0..0x8000),
            first_timestamp: rng.random(),
            picture_id: rng.random_range(0x7F80..0x8000),
            tl0_pic_idx: rng.random(),
            number: 0,
            temporal_place: 0,
            keyframe_wanted: true,
            history: VecDeque::new(),
            fresh: Vec::new(),
            packets: 0,
            octets: 0,
            keyframes: 0,
            keyframe_requests: Vec::new(),
            retransmitted: 0,
            reception: None,
        }
    }

    pub fn rtx_ssrc(&self) -> u32 {
        self.ssrc + 1
    }

    pub fn start(&mut self, now: Duration) {
        // Whole milliseconds, see `Truth::captured`.
        let next = Duration::from_millis(now.as_millis() as u64 + 1);
        self.due.get_or_insert(next);
        self.keyframe_wanted = true;
    }

    pub fn stop(&mut self) {
        self.due = None;
    }

    pub fn request_keyframe(&mut self, now: Duration) {
        self.keyframe_wanted = true;
        self.keyframe_requests.push(now);
    }

    /// Makes what is due, then gives it packet by packet.
    pub fn produce(&mut self, now: Duration, rng: &mut StdRng) {
        let Some(due) = self.due.filter(|due| *due <= now) else {
            return;
        };
        if self.source.kind() == MediaKind::Video {
            self.due = Some(due + FRAME_INTERVAL);
            self.encode_frame(due, rng);
        } else {
            self.due = Some(due + AUDIO_INTERVAL);
            let truth = self.truth(due, 0, 1, false);
            let mut payload = Vec::new();
            truth.write(rng.random_range(40..90), &mut payload);
            self.push(due, false, payload);
        }
        self.number += 1;
    }

    fn encode_frame(&mut self, captured: Duration, rng: &mut StdRng) {
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        self.keyframes += usize::from(keyframe);
        if keyframe {
            self.temporal_place = 0;
        }
        let temporal_id = TEMPORAL_LAYERS[self.temporal_place];
        self.temporal_place = (self.temporal_place + 1) % TEMPORAL_LAYERS.len();
        self.picture_id = (self.picture_id + 1) & 0x7FFF;
        if temporal_id == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        let parts = if keyframe {
            rng.random_range(5..9)
        } else {
            rng.random_range(1..5)
        };
        for part in 0..parts {
            let truth = self.truth(captured, part, parts, keyframe);
            let numbers = Vp8Numbers {
                picture_id: self.picture_id,
                tl0_pic_idx: self.tl0_pic_idx,
                temporal_id,
                starts_frame: part == 0,
            };
            let mut payload = Vec::new();
            numbers.write(&truth, rng.random_range(100..1000), &mut payload);
            self.push(captured, part + 1 == parts, payload);
        }
    }

    fn truth(&self, captured: Duration, part: u8, parts: u8, keyframe: bool) -> Truth {
        Truth {
            publisher: self.participant.0,
            source: self.source,
            number: self.number,
            part,
            parts,
            keyframe,
            captured,
        }
    }

    fn push(&mut self, captured: Duration, marker: bool, payload: Vec<u8>) {
        self.fresh.push(Sent {
            index: self.next_index,
            timestamp: self.timestamp_at(captured),
            marker,
            payload,
        });
        self.next_index += 1;
    }

    fn timestamp_at(&self, at: Duration) -> u32 {
        let rate = match self.source.kind() {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        };
        let ticks = at.as_micros() * rate / 1_000_000;
        self.first_timestamp.wrapping_add(ticks as u32)
    }

    /// The next packet made by [`produce`](Self::produce).
    pub fn next_packet(&mut self, mut stamp: impl FnMut() -> Stamp) -> Option<Outgoing> {
        if self.fresh.is_empty() {
            return None;
        }
        let sent = self.fresh.remove(0);
        self.packets += 1;
        self.octets += sent.payload.len() as u32;
        let payload_type = match self.source.kind() {
            MediaKind::Audio => self.dialect.opus,
            MediaKind::Video => self.dialect.vp8,
        };
        let (ssrc, index) = (self.ssrc, sent.index);
        let mut packet = self.header(&sent, payload_type, ssrc, index, &stamp());
        let header_len = packet.len();
        packet.extend_from_slice(&sent.payload);
        if self.source.kind() == MediaKind::Video {
            self.history.push_back(sent);
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
        Some(Outgoing {
            index,
            header_len,
            packet,
        })
    }

    /// Answers a NACK for one packet (RFC 4588).
    pub fn retransmit(&mut self, lost: u16, stamp: Stamp) -> Option<Outgoing> {
        let sent = self.history.iter().find(|sent| sent.index as u16 == lost)?;
        let index = self.next_rtx_index;
        let mut packet = self.header(sent, self.dialect.rtx, self.rtx_ssrc(), index, &stamp);
        let header_len = packet.len();
        packet.extend_from_slice(&lost.to_be_bytes());
        packet.extend_from_slice(&sent.payload);
        self.next_rtx_index += 1;
        self.retransmitted += 1;
        Some(Outgoing {
            index,
            header_len,
            packet,
        })
    }

    /// A bandwidth probe: an RTX packet of padding alone, as Chromium sends them.
    pub fn probe(&mut self, stamp: Stamp) -> Option<Outgoing> {
        let sent = self.history.back()?;
        let index = self.next_rtx_index;
        let mut packet = self.header(sent, self.dialect.rtx, self.rtx_ssrc(), index, &stamp);
        let header_len = packet.len();
        packet[0] |= 0x20;
        packet.extend_from_slice(&[0; 199]);
        packet.push(200);
        self.next_rtx_index += 1;
        Some(Outgoing {
            index,
            header_len,
            packet,
        })
    }

    fn header(
        &self,
        sent: &Sent,
        payload_type: u8,
        ssrc: u32,
        index: u64,
        stamp: &Stamp,
    ) -> Vec<u8> {
        let mut packet = vec![0x90, u8::from(sent.marker) << 7 | payload_type];
        packet.extend_from_slice(&(index as u16).to_be_bytes());
        packet.extend_from_slice(&sent.timestamp.to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        let mut extensions = Vec::new();
        let mut extend = |id: u8, data: &[u8]| {
            extensions.push(id << 4 | (data.len() as u8 - 1));
            extensions.extend_from_slice(data);
        };
        let dialect = self.dialect;
        let send_time = ((stamp.now.as_micros() << 18) / 1_000_000) as u32 & 0xFF_FFFF;
        extend(dialect.abs_send_time, &send_time.to_be_bytes()[1..]);
        let transport_sequence = stamp.transport_sequence.to_be_bytes();
        extend(dialect.transport_sequence, &transport_sequence);
        if !dialect.announces_ssrcs {
            extend(dialect.mid, mid_of(self.source).as_bytes());
        }
        if self.source.kind() == MediaKind::Audio {
            extend(dialect.audio_level, &[0x80 | self.level]);
        }
        while extensions.len() % 4 != 0 {
            extensions.push(0);
        }
        packet.extend_from_slice(&[0xBE, 0xDE, 0, (extensions.len() / 4) as u8]);
        packet.extend_from_slice(&extensions);
        packet
    }

    /// `clock`: the participant's own wall clock at `now`.
    pub fn report(&self, now: Duration, clock: Duration) -> Option<SenderReport> {
        (self.packets > 0 && self.due.is_some()).then(|| SenderReport {
            ssrc: self.ssrc,
            ntp: ntp_from_epoch(clock),
            rtp_timestamp: self.timestamp_at(now),
            packet_count: self.packets,
            octet_count: self.octets,
            reports: Vec::new(),
        })
    }
}
