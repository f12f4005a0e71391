//! A picture as a browser would show it: packets become frames, frames are decoded when what they
//! refer to was, and shown when their time has come; and from that, freezes.
//!
//! VP8 (RFC 7741): a keyframe refers to nothing, a base layer's frame to the base layer's before it
//! (TL0PICIDX), another one to its own base layer's frame, and unless it is marked as a point to
//! change layers, to the frame just before it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::freeze::FreezeDetector;
use super::lateness::{Lateness, LatenessConfig};
use super::unwrap::Unwrap32;

/// Frames waiting for packets or their time; the oldest goes when there are more.
const MAX_FRAMES: usize = 128;
/// The picture waits no longer than this for what is late, however late all is.
const MAX_DELAY: Duration = Duration::from_millis(500);
/// Without anything decoded for this long, although packets come, a keyframe is asked for.
const STALLED: Duration = Duration::from_secs(3);
/// A keyframe that is needed is asked for this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(200);
/// Packets stopped this long ago: nobody sends, so nothing is asked for.
const QUIET: Duration = Duration::from_millis(500);
const PICTURE_ID_MODULUS: u16 = 1 << 15;

const LATENESS: LatenessConfig = LatenessConfig {
    bucket: Duration::from_millis(10),
    quantile: 0.95,
    forget: 0.99,
    window: Duration::from_secs(10),
};

/// What a packet says about its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoPacket {
    /// Extended.
    pub number: i64,
    pub timestamp: u32,
    pub marker: bool,
    pub starts_frame: bool,
    pub picture_id: u16,
    pub tl0_pic_idx: u8,
    pub temporal_id: u8,
    /// The Y bit: refers to the base layer only.
    pub layer_sync: bool,
    /// Of a keyframe's first packet: its height.
    pub keyframe: Option<u16>,
}

#[derive(Clone, Debug)]
struct Frame {
    packet: VideoPacket,
    first: Option<i64>,
    last: Option<i64>,
    keyframe: Option<u16>,
    numbers: BTreeSet<i64>,
    is_complete: bool,
}

impl Frame {
    fn check_complete(&self) -> bool {
        match (self.first, self.last) {
            (Some(first), Some(last)) => self.numbers.len() as i64 == last - first + 1,
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Decoded {
    timestamp: i64,
    picture_id: u16,
    tl0_pic_idx: u8,
}

/// Whether a whole frame can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decodable {
    Now,
    /// Not before its time is up: one before it may still come.
    WhenDue,
    No,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VideoFigures {
    pub frames: u64,
    pub keyframes: u64,
    pub freezes: u32,
    pub frozen: Duration,
    pub keyframe_requests: u64,
}

pub struct VideoPlayout {
    timestamps: Unwrap32,
    frames: BTreeMap<i64, Frame>,
    decoded: Option<Decoded>,
    needs_keyframe: bool,
    is_paused: bool,
    lateness: Lateness,
    last_shown: Duration,
    last_decoded: Option<Duration>,
    last_packet: Option<Duration>,
    last_request: Option<Duration>,
    freezes: FreezeDetector,
    keyframes: u64,
    keyframe_requests: u64,
    /// Height of what is shown, and when it changed.
    heights: Vec<(Duration, u16)>,
    /// Number of the first packet of the newest keyframe that was decoded.
    keyframe_number: Option<i64>,
}

impl Default for VideoPlayout {
    fn default() -> Self {
        Self {
            timestamps: Unwrap32::default(),
            frames: BTreeMap::new(),
            decoded: None,
            needs_keyframe: true,
            is_paused: false,
            lateness: Lateness::new(LATENESS),
            last_shown: Duration::ZERO,
            last_decoded: None,
            last_packet: None,
            last_request: None,
            freezes: FreezeDetector::default(),
            keyframes: 0,
            keyframe_requests: 0,
            heights: Vec::new(),
            keyframe_number: None,
        }
    }
}

impl VideoPlayout {
    pub fn insert(&mut self, now: Duration, packet: VideoPacket) {
        self.last_packet = Some(now);
        let timestamp = self.timestamps.extend(packet.timestamp);
        if self
            .decoded
            .is_some_and(|decoded| timestamp <= decoded.timestamp)
        {
            return;
        }
        if self.frames.len() == MAX_FRAMES && !self.frames.contains_key(&timestamp) {
            self.frames.pop_first();
        }
        let frame = self.frames.entry(timestamp).or_insert_with(|| Frame {
            packet,
            first: None,
            last: None,
            keyframe: None,
            numbers: BTreeSet::new(),
            is_complete: false,
        });
        frame.numbers.insert(packet.number);
        if packet.starts_frame {
            frame.first = Some(packet.number);
            frame.keyframe = packet.keyframe;
        }
        if packet.marker {
            frame.last = Some(packet.number);
        }
        if !frame.is_complete && frame.check_complete() {
            frame.is_complete = true;
            self.lateness.observe(now, media_us(timestamp));
        }
        self.advance(now);
    }

    /// Decodes what can be decoded now.
    pub fn advance(&mut self, now: Duration) {
        while let Some(timestamp) = self.decodable(now) {
            if let Some(frame) = self.frames.remove(&timestamp) {
                self.decode(now, timestamp, &frame);
            }
            self.frames = self.frames.split_off(&timestamp);
        }
    }

    /// The first frame that can be decoded now.
    fn decodable(&self, now: Duration) -> Option<i64> {
        self.frames.iter().find_map(|(timestamp, frame)| {
            let can = match self.judge(frame) {
                Decodable::Now => true,
                Decodable::WhenDue => self.due(*timestamp) <= now,
                Decodable::No => false,
            };
            can.then_some(*timestamp)
        })
    }

    fn judge(&self, frame: &Frame) -> Decodable {
        if !frame.is_complete {
            return Decodable::No;
        }
        let Some(last) = self.decoded.filter(|_| !self.needs_keyframe) else {
            return match frame.keyframe {
                Some(_) => Decodable::Now,
                None => Decodable::No,
            };
        };
        let packet = &frame.packet;
        let follows = packet.picture_id == (last.picture_id + 1) % PICTURE_ID_MODULUS;
        let is_referred_to = match packet.temporal_id {
            _ if frame.keyframe.is_some() => true,
            0 => packet.tl0_pic_idx == last.tl0_pic_idx.wrapping_add(1),
            _ => packet.tl0_pic_idx == last.tl0_pic_idx && (packet.layer_sync || follows),
        };
        match (is_referred_to, follows) {
            (true, true) => Decodable::Now,
            (true, false) => Decodable::WhenDue,
            (false, _) => Decodable::No,
        }
    }

    fn decode(&mut self, now: Duration, timestamp: i64, frame: &Frame) {
        self.decoded = Some(Decoded {
            timestamp,
            picture_id: frame.packet.picture_id,
            tl0_pic_idx: frame.packet.tl0_pic_idx,
        });
        self.last_decoded = Some(now);
        let shown = self.due(timestamp).max(now).max(self.last_shown);
        self.last_shown = shown;
        self.freezes.on_frame(shown);
        if let Some(height) = frame.keyframe {
            self.needs_keyframe = false;
            self.keyframes += 1;
            self.keyframe_number = frame.first;
            if self.height() != Some(height) {
                self.heights.push((shown, height));
            }
        }
    }

    /// When a frame is to be shown: as long after the fastest of late as nearly all need.
    fn due(&self, timestamp: i64) -> Duration {
        let media = media_us(timestamp);
        let fastest = media + self.lateness.fastest().unwrap_or(-media);
        Duration::from_micros(fastest.max(0) as u64) + self.lateness.target().min(MAX_DELAY)
    }

    /// When [`Self::advance`] may have something to do.
    pub fn next_due(&self) -> Option<Duration> {
        let waiting = self
            .frames
            .iter()
            .filter(|(_, frame)| self.judge(frame) == Decodable::WhenDue);
        waiting.map(|(timestamp, _)| self.due(*timestamp)).min()
    }

    /// What was missing will not come: only a keyframe helps if a frame needs it.
    pub fn give_up(&mut self) {
        let is_stuck = self
            .frames
            .values()
            .any(|frame| self.judge(frame) == Decodable::No);
        self.needs_keyframe |= is_stuck;
    }

    /// Whether to ask for a keyframe now.
    pub fn poll_keyframe_request(&mut self, now: Duration) -> bool {
        let since = |at: Option<Duration>| at.map(|at| now.saturating_sub(at));
        if self.is_paused || since(self.last_packet).is_none_or(|quiet| quiet > QUIET) {
            return false;
        }
        self.needs_keyframe |= since(self.last_decoded).is_some_and(|since| since > STALLED);
        let is_due = self.needs_keyframe
            && since(self.last_request).is_none_or(|since| since >= KEYFRAME_INTERVAL);
        if is_due {
            self.last_request = Some(now);
            self.keyframe_requests += 1;
        }
        is_due
    }

    /// Nothing is to be shown for a while, or something is again. Nothing is asked for meanwhile.
    pub fn pause(&mut self, paused: bool) {
        self.is_paused = paused;
        self.freezes.pause(paused);
        self.last_decoded = None;
    }

    /// The first packet of the newest keyframe: what was before is not needed.
    pub fn keyframe_number(&self) -> Option<i64> {
        self.keyframe_number
    }

    pub fn height(&self) -> Option<u16> {
        self.heights.last().map(|(_, height)| *height)
    }

    pub fn heights(&self) -> &[(Duration, u16)] {
        &self.heights
    }

    /// When the newest frame was shown, or will be.
    pub fn last_shown(&self) -> Option<Duration> {
        self.decoded.map(|_| self.last_shown)
    }

    pub fn figures(&self) -> VideoFigures {
        VideoFigures {
            frames: self.freezes.frames,
            keyframes: self.keyframes,
            freezes: self.freezes.freezes,
            frozen: self.freezes.frozen,
            keyframe_requests: self.keyframe_requests,
        }
    }

    /// Figures begin now.
    pub fn reset(&mut self, now: Duration) {
        self.freezes.reset(now);
        self.keyframes = 0;
        self.keyframe_requests = 0;
        let height = self.height();
        self.heights.clear();
        self.heights.extend(height.map(|height| (now, height)));
    }

    /// The run is over.
    pub fn finish(&mut self, now: Duration) {
        self.advance(now);
        self.freezes.finish(now);
    }
}

/// Microseconds of a timestamp of 90 kHz.
fn media_us(timestamp: i64) -> i64 {
    timestamp * 100 / 9
}

#[cfg(test)]
#[path = "video_tests.rs"]
mod tests;
