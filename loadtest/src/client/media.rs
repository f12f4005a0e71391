//! What a client publishes: a voice and a camera, shaped like Opus and VP8, verifiable.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::Rng;

use super::pace::Pace;
use super::payload::{self, HEADER_LEN, Kind, Stamp};
use super::rtp::RtpHead;
use super::sdp;
use super::vp8::{DESCRIPTOR_LEN, Descriptor, FrameHeader, PICTURE_ID_MODULUS};

const AUDIO_TICKS_PER_MS: u128 = 48;
/// An Opus packet of 20 ms at 32 kb/s.
const AUDIO_LEN: usize = 80;
const VIDEO_CLOCK: u64 = 90_000;
/// Longest media payload of a packet, descriptor apart.
const MAX_VIDEO_LEN: usize = 1100;
/// A keyframe is so many times as long as another frame.
const KEYFRAME_FACTOR: usize = 3;
/// Keyframes asked for more often than this are one.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);
/// Video packets kept for retransmission, about 3 s.
const HISTORY: usize = 256;
/// A source that fell behind by more than this skips ahead instead of bursting.
const MAX_BEHIND: Duration = Duration::from_secs(1);
/// Who speaks changes this often.
const TURN: Duration = Duration::from_secs(4);

/// Who and where this client is, for stamps, and the clock of the run.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub room: u32,
    pub client: u32,
    /// Place within the room and size of the room, for taking turns in speaking.
    pub seat: u32,
    pub seats: u32,
    pub run_start: Instant,
}

impl Origin {
    fn stamp(&self, kind: Kind, counter: u32, now: Instant) -> Stamp {
        let sent = now.saturating_duration_since(self.run_start);
        Stamp {
            kind,
            room: self.room,
            publisher: self.client,
            counter,
            sent_us: sent.as_micros() as u64,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct VideoShape {
    pub bits_per_second: u32,
    pub frames_per_second: u32,
}

impl Default for VideoShape {
    fn default() -> Self {
        Self {
            bits_per_second: 300_000,
            frames_per_second: 25,
        }
    }
}

/// Loudness as RFC 6464 has it: 0 loudest, 127 silence; and whether it is voice.
///
/// One of the room speaks, two murmur, the others are quiet; each turn moves on by one seat, so who
/// is loudest changes all the time and each client is heard.
pub fn level(origin: &Origin, now: Instant) -> (u8, bool) {
    let turn = now.saturating_duration_since(origin.run_start).as_millis() / TURN.as_millis();
    let seats = origin.seats.max(1);
    let speaker = (turn % u128::from(seats)) as u32;
    let jitter = rand::rng().random_range(0..6);
    match (origin.seat + seats - speaker) % seats {
        0 => (18 + jitter, true),
        1 | 2 => (38 + jitter, true),
        other => (70 + (other % 30) as u8 + jitter, false),
    }
}

pub struct AudioSource {
    origin: Origin,
    pub ssrc: u32,
    sequence: u16,
    timestamp: u32,
    counter: u32,
    due: Instant,
    pub octets: u32,
    pub pace: Pace,
    with_level: bool,
}

impl AudioSource {
    pub fn new(now: Instant, origin: Origin, ssrc: u32, with_level: bool) -> Self {
        let mut random = rand::rng();
        Self {
            origin,
            ssrc,
            sequence: random.random(),
            timestamp: random.random(),
            counter: 0,
            due: now + Pace::Full.voice_interval().mul_f64(random.random()),
            octets: 0,
            pace: Pace::Full,
            with_level,
        }
    }

    pub fn due(&self) -> Instant {
        self.due
    }

    pub fn packets(&self) -> u32 {
        self.counter
    }

    /// RTP time of `now`, for sender reports.
    pub fn rtp_time(&self, now: Instant) -> u32 {
        let ahead = self.due.saturating_duration_since(now).as_micros() * 48 / 1000;
        self.timestamp.wrapping_sub(ahead as u32)
    }

    /// Writes the packet that is due into `out`.
    pub fn write(&mut self, now: Instant, out: &mut Vec<u8>) {
        out.clear();
        let interval = self.pace.voice_interval();
        let ticks = (interval.as_millis() * AUDIO_TICKS_PER_MS) as u32;
        if now.saturating_duration_since(self.due) > MAX_BEHIND {
            let missed = ((now - self.due).as_micros() / interval.as_micros()) as u32;
            self.due += interval * missed;
            self.timestamp = self.timestamp.wrapping_add(ticks * missed);
        }
        let (level, voice) = level(&self.origin, now);
        let level = [level | if voice { 0x80 } else { 0 }];
        let head = RtpHead {
            marker: self.counter == 0,
            payload_type: sdp::OPUS,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let extensions: &[(u8, &[u8])] = if self.with_level {
            &[(sdp::AUDIO_LEVEL_ID, &level)]
        } else {
            &[]
        };
        head.write(extensions, out);
        payload::write(
            &self.origin.stamp(Kind::Audio, self.counter, now),
            &[],
            AUDIO_LEN,
            out,
        );
        self.octets = self.octets.wrapping_add(AUDIO_LEN as u32);
        self.counter += 1;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.due += interval;
    }
}

pub struct VideoSource {
    origin: Origin,
    /// At the full pace.
    shape: VideoShape,
    pub pace: Pace,
    pub ssrc: u32,
    pub rtx_ssrc: u32,
    sequence: u16,
    rtx_sequence: u16,
    timestamp: u32,
    counter: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    due: Instant,
    keyframe_wanted: bool,
    last_keyframe: Option<Instant>,
    history: VecDeque<(u16, Vec<u8>)>,
    pub octets: u32,
    pub keyframes: u64,
    pub retransmitted: u64,
}

impl VideoSource {
    pub fn new(now: Instant, origin: Origin, shape: VideoShape, ssrc: u32, rtx_ssrc: u32) -> Self {
        let mut random = rand::rng();
        let interval = Duration::from_secs(1) / shape.frames_per_second.max(1);
        Self {
            origin,
            shape,
            pace: Pace::Full,
            ssrc,
            rtx_ssrc,
            sequence: random.random(),
            rtx_sequence: random.random(),
            timestamp: random.random(),
            counter: 0,
            picture_id: random.random_range(0..PICTURE_ID_MODULUS),
            tl0_pic_idx: random.random(),
            due: now + interval.mul_f64(random.random()),
            keyframe_wanted: true,
            last_keyframe: None,
            history: VecDeque::with_capacity(HISTORY),
            octets: 0,
            keyframes: 0,
            retransmitted: 0,
        }
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.pace.camera(self.shape).frames_per_second.max(1)
    }

    fn ticks(&self) -> u32 {
        let frames = self.pace.camera(self.shape).frames_per_second.max(1);
        (VIDEO_CLOCK / u64::from(frames)) as u32
    }

    pub fn due(&self) -> Instant {
        self.due
    }

    pub fn packets(&self) -> u32 {
        self.counter
    }

    pub fn rtp_time(&self, now: Instant) -> u32 {
        let ahead = self.due.saturating_duration_since(now).as_micros() * 9 / 100;
        self.timestamp.wrapping_sub(ahead as u32)
    }

    pub fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    fn is_keyframe_due(&self, now: Instant) -> bool {
        self.keyframe_wanted
            && self
                .last_keyframe
                .is_none_or(|last| now.duration_since(last) >= KEYFRAME_INTERVAL)
    }

    /// Writes the frame that is due, packet by packet.
    pub fn write_frame(&mut self, now: Instant, mut send: impl FnMut(&[u8])) {
        if now.saturating_duration_since(self.due) > MAX_BEHIND {
            let missed = ((now - self.due).as_micros() / self.interval().as_micros()) as u32;
            self.due += self.interval() * missed;
            self.timestamp = self.timestamp.wrapping_add(self.ticks() * missed);
        }
        let keyframe = self.is_keyframe_due(now);
        if keyframe {
            self.keyframe_wanted = false;
            self.last_keyframe = Some(now);
            self.keyframes += 1;
        }
        let shape = self.pace.camera(self.shape);
        let frame_len = (shape.bits_per_second / 8 / shape.frames_per_second.max(1)) as usize
            * if keyframe { KEYFRAME_FACTOR } else { 1 };
        // Two packets a frame at least: a frame is more than a packet.
        let packets = frame_len.div_ceil(MAX_VIDEO_LEN).max(2);
        for index in 0..packets {
            let place = Place {
                first: index == 0,
                last: index + 1 == packets,
                keyframe,
            };
            let packet = self.packet(now, place, frame_len / packets);
            send(&packet);
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back((self.sequence, packet));
            self.sequence = self.sequence.wrapping_add(1);
            self.counter += 1;
        }
        self.picture_id = (self.picture_id + 1) % PICTURE_ID_MODULUS;
        self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.ticks());
        self.due += self.interval();
    }

    fn packet(&mut self, now: Instant, place: Place, length: usize) -> Vec<u8> {
        let mut packet = Vec::with_capacity(length + 64);
        let head = RtpHead {
            marker: place.last,
            payload_type: sdp::VP8,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        head.write(&[(sdp::MID_ID, sdp::CAMERA_MID.as_bytes())], &mut packet);
        let descriptor = Descriptor {
            starts_frame: place.first,
            picture_id: self.picture_id,
            tl0_pic_idx: self.tl0_pic_idx,
            temporal_id: 0,
        };
        descriptor.write(&mut packet);
        let mut header = Vec::new();
        if place.first {
            let frame = if place.keyframe {
                FrameHeader::Keyframe {
                    width: 640,
                    height: 360,
                }
            } else {
                FrameHeader::Delta
            };
            frame.write(length as u32, &mut header);
            packet.extend_from_slice(&header);
        }
        let stamp = self.origin.stamp(Kind::Video, self.counter, now);
        let rest = length
            .saturating_sub(DESCRIPTOR_LEN + header.len())
            .max(HEADER_LEN);
        payload::write(&stamp, &header, rest, &mut packet);
        self.octets = self.octets.wrapping_add(length as u32);
        packet
    }

    /// The packet again on the RTX stream (RFC 4588): original number, then the payload.
    pub fn retransmission(&mut self, lost: u16, out: &mut Vec<u8>) -> bool {
        out.clear();
        let found = self.history.iter().find(|(sequence, _)| *sequence == lost);
        let Some((_, original)) = found else {
            return false;
        };
        let Some(rtp) = super::rtp::Rtp::read(original) else {
            return false;
        };
        let head = RtpHead {
            marker: rtp.marker,
            payload_type: sdp::VP8_RTX,
            sequence: self.rtx_sequence,
            timestamp: rtp.timestamp,
            ssrc: self.rtx_ssrc,
        };
        head.write(&[(sdp::MID_ID, sdp::CAMERA_MID.as_bytes())], out);
        out.extend_from_slice(&lost.to_be_bytes());
        out.extend_from_slice(rtp.payload);
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        self.retransmitted += 1;
        true
    }
}

#[derive(Clone, Copy)]
struct Place {
    first: bool,
    last: bool,
    keyframe: bool,
}

#[cfg(test)]
mod tests {
    use super::super::rtp::Rtp;
    use super::*;

    fn origin(seat: u32) -> Origin {
        Origin {
            room: 1,
            client: 5,
            seat,
            seats: 5,
            run_start: Instant::now(),
        }
    }

    #[test]
    fn video_frames_are_whole_and_recoverable() {
        let now = Instant::now();
        let mut source = VideoSource::new(now, origin(0), VideoShape::default(), 7, 8);
        let mut frames: Vec<Vec<Vec<u8>>> = Vec::new();
        for frame in 0..100 {
            let mut packets = Vec::new();
            source.write_frame(now + Duration::from_millis(40 * frame), |packet| {
                packets.push(packet.to_vec());
            });
            frames.push(packets);
        }
        let mut picture = None;
        for (index, packets) in frames.iter().enumerate() {
            assert!(packets.len() >= 2);
            for (place, packet) in packets.iter().enumerate() {
                assert!(packet.len() <= 1200);
                let rtp = Rtp::read(packet).unwrap();
                assert_eq!(rtp.marker, place + 1 == packets.len());
                let (descriptor, len) = Descriptor::read(rtp.payload).unwrap();
                assert_eq!(descriptor.starts_frame, place == 0);
                if place == 0 {
                    let next = picture.map_or(descriptor.picture_id, |p| (p + 1) % (1 << 15));
                    assert_eq!(descriptor.picture_id, next);
                    picture = Some(next);
                    let (header, _) = FrameHeader::read(&rtp.payload[len..]).unwrap();
                    let keyframe = matches!(header, FrameHeader::Keyframe { .. });
                    assert_eq!(keyframe, index == 0, "keyframes only when asked for");
                }
            }
        }
        let wanted = Rtp::read(&frames[60][1]).unwrap();
        let mut again = Vec::new();
        assert!(source.retransmission(wanted.sequence, &mut again));
        let rtx = Rtp::read(&again).unwrap();
        assert_eq!((rtx.ssrc, rtx.payload_type), (8, sdp::VP8_RTX));
        assert_eq!(rtx.payload[..2], wanted.sequence.to_be_bytes());
        assert_eq!(&rtx.payload[2..], wanted.payload);
        assert!(!source.retransmission(wanted.sequence.wrapping_add(1000), &mut again));
    }

    #[test]
    fn a_keyframe_comes_when_asked_for_but_not_too_often() {
        let now = Instant::now();
        let mut source = VideoSource::new(now, origin(0), VideoShape::default(), 7, 8);
        for frame in 0..50 {
            source.request_keyframe();
            source.write_frame(now + Duration::from_millis(40 * frame), |_| {});
        }
        assert_eq!(source.keyframes, 7, "2 s at one in 300 ms");
    }

    #[test]
    fn every_seat_gets_to_speak() {
        for seat in 0..5 {
            let origin = origin(seat);
            let spoke = (0..5).any(|turn| {
                let (loudness, voice) = level(&origin, origin.run_start + TURN * turn);
                voice && loudness < 25
            });
            assert!(spoke, "seat {seat}");
        }
    }

    #[test]
    fn audio_counts_and_times_go_on() {
        let now = Instant::now();
        let mut source = AudioSource::new(now, origin(0), 3, true);
        let mut packet = Vec::new();
        let mut before: Option<(u16, u32)> = None;
        for counter in 0..10 {
            source.write(source.due(), &mut packet);
            let rtp = Rtp::read(&packet).unwrap();
            assert!(rtp.extension(sdp::AUDIO_LEVEL_ID).is_some());
            assert_eq!(payload::read(&[], rtp.payload).unwrap().counter, counter);
            if let Some((sequence, timestamp)) = before {
                assert_eq!(rtp.sequence, sequence.wrapping_add(1));
                assert_eq!(rtp.timestamp, timestamp.wrapping_add(960));
            }
            before = Some((rtp.sequence, rtp.timestamp));
        }
    }

    #[test]
    fn a_trickle_counts_and_times_on_with_few_packets() {
        let start = Instant::now();
        let mut audio = AudioSource::new(start, origin(0), 3, true);
        let mut video = VideoSource::new(start, origin(0), VideoShape::default(), 7, 8);
        (audio.pace, video.pace) = (Pace::Trickle, Pace::Trickle);
        let mut packet = Vec::new();
        let (mut voices, mut pieces, mut times) = (0, 0, Vec::new());
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            while audio.due() <= now {
                audio.write(now, &mut packet);
                times.push(Rtp::read(&packet).unwrap().timestamp);
                voices += 1;
            }
            while video.due() <= now {
                video.write_frame(now, |_| pieces += 1);
            }
        }
        assert!((25..=26).contains(&voices), "{voices}");
        assert!((20..=22).contains(&pieces), "{pieces}");
        let steps = times.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        assert!(steps.into_iter().all(|step| step == 19_200));
    }
}
