//! What publishers send: streams of a profile, packet by packet, verifiable at the other end.
//!
//! Every packet is as long as the profile says, sealed, whatever its place in the frame, so that
//! equal packets can leave in one segmented send. Its payload carries the time of sending, which
//! a node passes on unchanged, and bytes that every receiver knows.

use clap::ValueEnum;

use crate::client::rtp::RtpHead;
use crate::client::sdp;
use crate::client::vp8::{
    DESCRIPTOR_LEN, Descriptor, FrameHeader, KEYFRAME_HEADER_LEN, PICTURE_ID_MODULUS,
};

use super::gcm::TAG_LEN;

/// Bytes of the stamp: time, stream, counter.
const STAMP_LEN: usize = 16;
/// Where it begins in a video payload, whatever frame header is in front.
const VIDEO_STAMP_AT: usize = DESCRIPTOR_LEN + KEYFRAME_HEADER_LEN;
/// Sealed lengths of voice packets, in turn: Opus with a variable bit rate.
const VOICE_LENGTHS: [usize; 7] = [132, 100, 148, 120, 160, 112, 140];
/// RFC 6464: loud, with voice; the same all the time, so that nobody's slot changes.
const VOICE_LEVEL: u8 = 0x80 | 20;
const VIDEO_CLOCK: u64 = 90_000;
const AUDIO_CLOCK: u64 = 48_000;
const LONGEST: usize = 1500;

/// What follows the stamp in every payload.
static FILLER: [u8; LONGEST] = filler();

const fn filler() -> [u8; LONGEST] {
    let mut bytes = [0; LONGEST];
    let (mut at, mut state) = (0, 0x2545_F491_u32);
    while at < LONGEST {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[at] = (state >> 24) as u8;
        at += 1;
    }
    bytes
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// One camera: frames of five 1200-byte packets
    Frames,
    /// A class: a teacher's camera of 1.2 Mb/s, eight thumbnails of 150 kb/s, three voices
    Class,
}

/// What one publisher publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherPlan {
    pub camera: bool,
    pub microphone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Packets a frame and sealed bytes of each.
    Camera {
        packets: usize,
        length: usize,
    },
    Voice,
}

/// One stream at the profile's natural speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPlan {
    pub publisher: usize,
    pub shape: Shape,
    /// Between two frames.
    pub interval_ns: u64,
}

const FRAMES_CAMERA: Shape = Shape::Camera {
    packets: 5,
    length: 1200,
};
const TEACHER: Shape = Shape::Camera {
    packets: 5,
    length: 1000,
};
const THUMBNAIL: Shape = Shape::Camera {
    packets: 2,
    length: 625,
};
const THUMBNAILS: usize = 8;
const VOICES: usize = 3;
const FPS_30: u64 = 33_333_333;
const FPS_15: u64 = 66_666_667;
const VOICE_INTERVAL: u64 = 20_000_000;

impl Profile {
    pub fn name(self) -> &'static str {
        match self {
            Profile::Frames => "frames",
            Profile::Class => "class",
        }
    }

    pub fn publishers(self) -> Vec<PublisherPlan> {
        match self {
            Profile::Frames => vec![PublisherPlan {
                camera: true,
                microphone: false,
            }],
            Profile::Class => (0..=THUMBNAILS)
                .map(|index| PublisherPlan {
                    camera: true,
                    microphone: index < VOICES,
                })
                .collect(),
        }
    }

    pub fn streams(self) -> Vec<StreamPlan> {
        let camera = |publisher, shape, interval_ns| StreamPlan {
            publisher,
            shape,
            interval_ns,
        };
        match self {
            Profile::Frames => vec![camera(0, FRAMES_CAMERA, FPS_30)],
            Profile::Class => {
                let mut streams = vec![camera(0, TEACHER, FPS_30)];
                streams.extend((1..=THUMBNAILS).map(|index| camera(index, THUMBNAIL, FPS_15)));
                streams
                    .extend((0..VOICES).map(|index| camera(index, Shape::Voice, VOICE_INTERVAL)));
                streams
            }
        }
    }

    /// Slots a subscriber asks for: one a stream.
    pub fn slots(self) -> (usize, usize) {
        let streams = self.streams();
        let voices = streams
            .iter()
            .filter(|stream| stream.shape == Shape::Voice)
            .count();
        (voices, streams.len() - voices)
    }

    /// Packets a second each subscriber gets at natural speed.
    pub fn packets_per_second(self) -> f64 {
        self.streams()
            .iter()
            .map(|stream| stream.shape.packets() as f64 * 1e9 / stream.interval_ns as f64)
            .sum()
    }

    /// Whether what is due is sent frame by frame, or whatever came in a turn.
    pub fn frame_by_frame(self) -> bool {
        self == Profile::Frames
    }
}

impl Shape {
    pub fn packets(self) -> usize {
        match self {
            Shape::Camera { packets, .. } => packets,
            Shape::Voice => 1,
        }
    }
}

/// One stream as it is being sent.
#[derive(Clone, Debug)]
pub struct Stream {
    pub plan: StreamPlan,
    pub ssrc: u32,
    number: u32,
    /// Roll-over counter and sequence number of the next packet.
    index: u64,
    counter: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    pub keyframe_wanted: bool,
}

/// A packet before it is sealed.
#[derive(Debug, Default)]
pub struct Plain {
    pub index: u64,
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Stream {
    /// `number`: its place in the profile.
    pub fn new(plan: StreamPlan, number: u32, ssrc: u32) -> Self {
        Self {
            plan,
            ssrc,
            number,
            index: 1000,
            counter: 0,
            picture_id: 1,
            tl0_pic_idx: 1,
            keyframe_wanted: true,
        }
    }

    /// Writes packet `place` of the frame that begins at `since_ns` of the run. `sent_ns`: for the
    /// stamp. `transport_sequence`: of the publisher.
    pub fn write(
        &mut self,
        place: usize,
        since_ns: u64,
        sent_ns: u64,
        transport_sequence: u16,
        out: &mut Plain,
    ) {
        out.header.clear();
        out.payload.clear();
        out.index = self.index;
        let packets = self.plan.shape.packets();
        let send_time = abs_send_time(sent_ns);
        let transport_sequence = transport_sequence.to_be_bytes();
        let level = [VOICE_LEVEL];
        let common: [(u8, &[u8]); 2] = [
            (sdp::ABS_SEND_TIME_ID, &send_time),
            (sdp::TRANSPORT_SEQUENCE_ID, &transport_sequence),
        ];
        let (payload_type, clock) = match self.plan.shape {
            Shape::Camera { .. } => (sdp::VP8, VIDEO_CLOCK),
            Shape::Voice => (sdp::OPUS, AUDIO_CLOCK),
        };
        let head = RtpHead {
            marker: payload_type == sdp::VP8 && place + 1 == packets,
            payload_type,
            sequence: self.index as u16,
            timestamp: (u128::from(since_ns) * u128::from(clock) / 1_000_000_000) as u32,
            ssrc: self.ssrc,
        };
        let length = match self.plan.shape {
            Shape::Camera { length, .. } => {
                head.write(&common, &mut out.header);
                self.write_video_head(place == 0, &mut out.payload);
                length
            }
            Shape::Voice => {
                let [time, sequence] = common;
                head.write(
                    &[time, sequence, (sdp::AUDIO_LEVEL_ID, &level)],
                    &mut out.header,
                );
                VOICE_LENGTHS[self.counter as usize % VOICE_LENGTHS.len()]
            }
        };
        out.payload.extend_from_slice(&sent_ns.to_be_bytes());
        out.payload.extend_from_slice(&self.number.to_be_bytes());
        out.payload.extend_from_slice(&self.counter.to_be_bytes());
        let rest = length.saturating_sub(out.header.len() + out.payload.len() + TAG_LEN);
        out.payload
            .extend_from_slice(FILLER.get(..rest).unwrap_or(&FILLER));
        self.index += 1;
        self.counter = self.counter.wrapping_add(1);
        if place + 1 == packets {
            self.picture_id = (self.picture_id + 1) % PICTURE_ID_MODULUS;
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
    }

    fn write_video_head(&mut self, starts_frame: bool, out: &mut Vec<u8>) {
        let descriptor = Descriptor {
            starts_frame,
            picture_id: self.picture_id,
            tl0_pic_idx: self.tl0_pic_idx,
            temporal_id: 0,
        };
        descriptor.write(out);
        if starts_frame {
            let header = if std::mem::take(&mut self.keyframe_wanted) {
                FrameHeader::Keyframe {
                    width: 1280,
                    height: 720,
                }
            } else {
                FrameHeader::Delta
            };
            header.write(1000, out);
        }
        out.resize(VIDEO_STAMP_AT, 0);
    }
}

/// 24 bits of seconds, 18 of them fraction.
fn abs_send_time(ns: u64) -> [u8; 3] {
    let time = ((u128::from(ns) << 18) / 1_000_000_000) as u32;
    let [_, high, middle, low] = time.to_be_bytes();
    [high, middle, low]
}

/// What a received payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub sent_ns: u64,
    pub stream: u32,
    pub counter: u32,
}

/// Reads the stamp and checks every byte after it. `None`: changed on the way.
pub fn check(is_video: bool, payload: &[u8]) -> Option<Stamp> {
    let stamped = payload.get(if is_video { VIDEO_STAMP_AT } else { 0 }..)?;
    let (stamp, rest) = stamped.split_first_chunk::<STAMP_LEN>()?;
    let (sent, names) = stamp.split_first_chunk::<8>()?;
    let (stream, counter) = names.split_first_chunk::<4>()?;
    (rest == FILLER.get(..rest.len())?).then_some(Stamp {
        sent_ns: u64::from_be_bytes(*sent),
        stream: u32::from_be_bytes(*stream),
        counter: u32::from_be_bytes(*counter.first_chunk()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rtp::Rtp;

    #[test]
    fn packets_are_as_long_as_planned_and_verifiable() {
        for profile in [Profile::Frames, Profile::Class] {
            for (number, plan) in profile.streams().into_iter().enumerate() {
                let mut stream = Stream::new(plan, number as u32, 9);
                let mut plain = Plain::default();
                for frame in 0..3 {
                    for place in 0..plan.shape.packets() {
                        stream.write(place, frame, 1 << 50, 3, &mut plain);
                        let sealed = plain.header.len() + plain.payload.len() + TAG_LEN;
                        match plan.shape {
                            Shape::Camera { length, .. } => assert_eq!(sealed, length),
                            Shape::Voice => assert!((100..=160).contains(&sealed)),
                        }
                        let is_video = plan.shape != Shape::Voice;
                        let stamp = check(is_video, &plain.payload).unwrap();
                        assert_eq!((stamp.sent_ns, stamp.stream), (1 << 50, number as u32));
                        *plain.payload.last_mut().unwrap() ^= 1;
                        assert_eq!(check(is_video, &plain.payload), None);
                    }
                }
            }
        }
    }

    #[test]
    fn only_wanted_frames_are_keyframes_and_only_last_packets_marked() {
        let plan = Profile::Frames.streams()[0];
        let mut stream = Stream::new(plan, 0, 9);
        let mut plain = Plain::default();
        for packet in 0..10 {
            stream.write(packet % 5, 0, 0, 0, &mut plain);
            let whole = [plain.header.as_slice(), &plain.payload].concat();
            let rtp = Rtp::read(&whole).unwrap();
            assert_eq!(rtp.marker, packet % 5 == 4);
            let (descriptor, len) = Descriptor::read(rtp.payload).unwrap();
            assert_eq!(descriptor.starts_frame, packet % 5 == 0);
            if descriptor.starts_frame {
                let (header, _) = FrameHeader::read(&rtp.payload[len..]).unwrap();
                assert_eq!(matches!(header, FrameHeader::Keyframe { .. }), packet == 0);
            }
        }
    }

    #[test]
    fn a_class_is_what_it_is_said_to_be() {
        assert_eq!(Profile::Class.slots(), (3, 9));
        assert_eq!(Profile::Frames.slots(), (0, 1));
        let rate = |stream: &StreamPlan| match stream.shape {
            Shape::Camera { packets, length } => {
                (packets * length * 8) as f64 * 1e9 / stream.interval_ns as f64
            }
            Shape::Voice => 0.0,
        };
        let streams = Profile::Class.streams();
        assert!((rate(&streams[0]) - 1_200_000.0).abs() < 1000.0);
        assert!((rate(&streams[1]) - 150_000.0).abs() < 1000.0);
        assert!((Profile::Class.packets_per_second() - 540.0).abs() < 1.0);
    }
}
