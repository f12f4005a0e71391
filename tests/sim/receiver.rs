//! What a participant receives in one slot: reordering, loss detection, NACK, reports. Everything
//! that arrived is kept, for `judge` to look at.

use std::collections::BTreeMap;
use std::time::Duration;

use firstbell::media::MediaKind;
use firstbell::wire::rtcp::{ReportBlock, SenderReport};
use firstbell::wire::rtp::RtpHeader;
use firstbell::wire::sdp::SlotLine;

use crate::truth::{Truth, Vp8Numbers};

/// A packet may be this late before it is asked for again, and then how often.
const PATIENCE: Duration = Duration::from_millis(15);
const NACK_INTERVAL: Duration = Duration::from_millis(60);
/// A packet still missing after this is given up, and a keyframe asked for.
const GIVE_UP: Duration = Duration::from_millis(1_000);
/// Without a picture, a keyframe is asked for this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(200);

/// A packet as it arrived, first by whichever way.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub at: Duration,
    pub timestamp: u32,
    pub marker: bool,
    pub by_rtx: bool,
    /// Later ones were there before it.
    pub was_missing: bool,
    pub content: Content,
}

#[derive(Clone, Copy, Debug)]
pub enum Content {
    Audio {
        truth: Truth,
        level: Option<u8>,
    },
    Video {
        truth: Truth,
        numbers: Vp8Numbers,
    },
    /// Fills a number that carries nothing.
    Padding,
}

impl Content {
    pub fn truth(&self) -> Option<Truth> {
        match self {
            Content::Audio { truth, .. } | Content::Video { truth, .. } => Some(*truth),
            Content::Padding => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Duration,
    ask_at: Duration,
}

pub struct Receiver {
    pub line: SlotLine,
    /// By sequence number, extended over its wraps.
    pub packets: BTreeMap<u64, Arrived>,
    missing: BTreeMap<u64, Missing>,
    /// Since when and until when packets were missing that then came.
    pub recoveries: Vec<(Duration, Duration)>,
    /// Packets that never came and that a decoder would have needed: from the first whole
    /// keyframe on.
    pub given_up: usize,
    /// First packet of the keyframe from which on nothing was given up.
    pub decodable_from: Option<u64>,
    /// When that keyframe was complete.
    pub decodable_since: Option<Duration>,
    /// Frames before this number are beyond repair.
    floor: u64,
    keyframe_due: Option<Duration>,
    /// Sender reports of the node: arrival, NTP in seconds, RTP timestamp.
    pub reports: Vec<(Duration, f64, u32)>,
    last_report: Option<(u32, Duration)>,
    /// Packets in the media stream that had been there already by RTX, or the other way.
    pub redundant: usize,
}

impl Receiver {
    pub fn new(line: SlotLine) -> Self {
        Self {
            line,
            packets: BTreeMap::new(),
            missing: BTreeMap::new(),
            recoveries: Vec::new(),
            given_up: 0,
            decodable_from: None,
            decodable_since: None,
            floor: 0,
            keyframe_due: None,
            reports: Vec::new(),
            last_report: None,
            redundant: 0,
        }
    }

    /// Takes a decrypted packet of the media or the RTX stream.
    pub fn on_rtp(
        &mut self,
        now: Duration,
        header: &RtpHeader,
        packet: &[u8],
        level_id: u8,
    ) -> Result<(), String> {
        let payload = header.payload(packet).map_err(|error| error.to_string())?;
        let codec = self.line.codecs[0];
        let is_rtx = Some(header.ssrc) == self.line.rtx_ssrc;
        let expected_type = if is_rtx {
            codec.rtx_payload_type
        } else {
            Some(codec.payload_type)
        };
        if expected_type != Some(header.payload_type) {
            return Err(format!(
                "payload type {} in {:?}",
                header.payload_type, self.line.mid
            ));
        }
        let (sequence, payload) = match is_rtx {
            false => (header.sequence_number, payload),
            true => {
                let (original, payload) = payload.split_at_checked(2).ok_or("RTX without OSN")?;
                (u16::from_be_bytes([original[0], original[1]]), payload)
            }
        };
        let level = header
            .extensions(packet)
            .find(|(id, _)| *id == level_id)
            .map(|(_, data)| data[0] & 0x7f);
        let arrived = Arrived {
            at: now,
            timestamp: header.timestamp,
            marker: header.marker,
            by_rtx: is_rtx,
            was_missing: false,
            content: self.content(payload, level)?,
        };
        self.insert(sequence, arrived)
    }

    fn content(&self, payload: &[u8], level: Option<u8>) -> Result<Content, String> {
        let content = match self.line.kind {
            _ if payload.is_empty() => Some(Content::Padding),
            MediaKind::Audio => Truth::read(payload).map(|truth| Content::Audio { truth, level }),
            MediaKind::Video => {
                Vp8Numbers::read(payload).map(|(numbers, truth)| Content::Video { truth, numbers })
            }
        };
        content.ok_or_else(|| format!("a corrupted payload in {:?}", self.line.mid))
    }

    fn insert(&mut self, sequence: u16, mut arrived: Arrived) -> Result<(), String> {
        let now = arrived.at;
        let highest = self.packets.last_key_value().map(|(highest, _)| *highest);
        let index = match highest {
            None => (1 << 16) + u64::from(sequence),
            Some(highest) => {
                let ahead = sequence.wrapping_sub(highest as u16) as i16;
                highest.saturating_add_signed(i64::from(ahead))
            }
        };
        if let Some(known) = self.packets.get(&index) {
            // One number carries one thing, whichever way it comes.
            let same = known.content.truth() == arrived.content.truth()
                && known.timestamp == arrived.timestamp
                && known.marker == arrived.marker;
            self.redundant += 1;
            return same
                .then_some(())
                .ok_or_else(|| format!("two packets numbered {index}: {known:?} {arrived:?}"));
        }
        if let Some(highest) = highest
            && self.line.kind == MediaKind::Video
        {
            for lost in highest + 1..index {
                let ask_at = now + PATIENCE;
                self.missing.insert(lost, Missing { since: now, ask_at });
            }
        }
        if let Some(missing) = self.missing.remove(&index) {
            self.recoveries.push((missing.since, now));
            arrived.was_missing = true;
        }
        let content = arrived.content;
        self.packets.insert(index, arrived);
        self.look_for_keyframe(now, index, content);
        Ok(())
    }

    fn look_for_keyframe(&mut self, now: Duration, index: u64, content: Content) {
        let Content::Video { truth, .. } = content else {
            return;
        };
        if self.decodable_from.is_some() {
            return;
        }
        self.keyframe_due.get_or_insert(now + KEYFRAME_INTERVAL);
        let start = index - u64::from(truth.part);
        let mut numbers = start..start + u64::from(truth.parts);
        let is_part = |number| {
            let packet = self.packets.get(&number);
            packet
                .and_then(|packet| packet.content.truth())
                .is_some_and(|other| other.is_same_frame(&truth))
        };
        if truth.keyframe && start >= self.floor && numbers.all(is_part) {
            self.decodable_from = Some(start);
            self.decodable_since = Some(now);
            self.keyframe_due = None;
        }
    }

    /// The first number that is missing and may still come.
    pub fn first_missing(&self) -> Option<u64> {
        self.missing.keys().next().copied()
    }

    /// When something is to be asked for.
    pub fn due(&self) -> Option<Duration> {
        let missing = self.missing.values().map(|missing| missing.ask_at);
        missing.chain(self.keyframe_due).min()
    }

    /// Sequence numbers to ask for now.
    pub fn poll_lost(&mut self, now: Duration) -> Vec<u16> {
        let (given_up, floor) = (&mut self.given_up, &mut self.floor);
        let (before, from) = (*floor, self.decodable_from);
        self.missing.retain(|index, missing| {
            let keep = now < missing.since + GIVE_UP;
            if !keep {
                *given_up += usize::from(from.is_some_and(|from| from <= *index));
                *floor = index + 1;
            }
            keep
        });
        if self.floor > before && from.is_none_or(|from| from < self.floor) {
            self.decodable_from = None;
            self.keyframe_due = Some(now);
        }
        let mut lost = Vec::new();
        for (index, missing) in &mut self.missing {
            if missing.ask_at <= now {
                missing.ask_at = now + NACK_INTERVAL;
                lost.push(*index as u16);
            }
        }
        lost
    }

    /// Whether to ask for a keyframe now.
    pub fn poll_keyframe(&mut self, now: Duration) -> bool {
        let is_due = self.keyframe_due.is_some_and(|due| due <= now);
        if is_due {
            self.keyframe_due = Some(now + KEYFRAME_INTERVAL);
        }
        is_due
    }

    pub fn on_sender_report(&mut self, now: Duration, report: &SenderReport) {
        let seconds = report.ntp as f64 / 4_294_967_296.0;
        self.reports.push((now, seconds, report.rtp_timestamp));
        self.last_report = Some(((report.ntp >> 16) as u32, now));
    }

    pub fn report_block(&self, now: Duration) -> Option<ReportBlock> {
        let (highest, _) = self.packets.last_key_value()?;
        let (last_sr, delay) = self.last_report.map_or((0, 0), |(ntp, at)| {
            (ntp, (((now - at).as_nanos() << 16) / 1_000_000_000) as u32)
        });
        Some(ReportBlock {
            ssrc: self.line.ssrc,
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_sequence: *highest as u32,
            jitter: 0,
            last_sr,
            delay_since_last_sr: delay,
        })
    }
}
