//! What a client does with what it receives: verifies it, plays it, asks for what is missing.

use std::time::Duration;

use crate::client::payload::{self, Kind};
use crate::client::rtp::Rtp;
use crate::client::sdp::{self, Answer};
use crate::client::vp8::{Descriptor, FrameHeader};
use crate::playout::audio::{AudioPlayout, Origin};
use crate::playout::missing::MissingPackets;
use crate::playout::red;
use crate::playout::unwrap::Unwrap16;
use crate::playout::video::{VideoPacket, VideoPlayout};

use super::offer::RED;
use super::reports::Reception;

/// The Y bit in the descriptor's last byte (RFC 7741 §4.2).
const LAYER_SYNC: u8 = 0x20;

/// Slot for a voice.
pub struct Ear {
    pub ssrc: u32,
    pub playout: AudioPlayout,
    pub reception: Reception,
    /// Packets with copies of earlier frames, and all.
    pub with_copies: u64,
    pub packets: u64,
}

/// Slot for a picture.
pub struct Eye {
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub playout: VideoPlayout,
    pub missing: MissingPackets,
    pub reception: Reception,
    numbers: Unwrap16,
    pub retransmissions: u64,
    /// The slot shows nobody; the node says that pictures are off.
    is_empty: bool,
    is_off: bool,
}

#[derive(Default)]
pub struct Receiver {
    room: u32,
    pub ear: Option<Ear>,
    pub eye: Option<Eye>,
    /// Packets that were damaged, not of this room, or under an unknown SSRC.
    pub corrupted: u64,
}

/// What to ask the node for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Requests {
    pub lost: Vec<u16>,
    pub keyframe: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Corrupted;

impl Receiver {
    /// The first slots of each kind of the answer; this scenario offers no more.
    pub fn new(room: u32, answer: &Answer) -> Self {
        let mut receiver = Self {
            room,
            ..Self::default()
        };
        for media in answer.media.iter().skip(sdp::first_slot_mid()) {
            let Some(ssrc) = media.ssrc.filter(|_| media.active && media.sends) else {
                continue;
            };
            if media.audio && receiver.ear.is_none() {
                receiver.ear = Some(Ear {
                    ssrc,
                    playout: AudioPlayout::default(),
                    reception: Reception::new(ssrc, 48_000),
                    with_copies: 0,
                    packets: 0,
                });
            } else if !media.audio && receiver.eye.is_none() {
                receiver.eye = Some(Eye {
                    ssrc,
                    rtx_ssrc: media.rtx_ssrc,
                    playout: VideoPlayout::default(),
                    missing: MissingPackets::default(),
                    reception: Reception::new(ssrc, 90_000),
                    numbers: Unwrap16::default(),
                    retransmissions: 0,
                    is_empty: false,
                    is_off: false,
                });
            }
        }
        receiver
    }

    /// A decrypted packet.
    pub fn on_rtp(&mut self, now: Duration, rtp: &Rtp<'_>) {
        let room = self.room;
        let taken = match (&mut self.ear, &mut self.eye) {
            (Some(ear), _) if ear.ssrc == rtp.ssrc => ear.on_rtp(now, rtp, room),
            (_, Some(eye)) if eye.ssrc == rtp.ssrc || eye.rtx_ssrc == Some(rtp.ssrc) => {
                eye.on_rtp(now, rtp, room)
            }
            _ => Err(Corrupted),
        };
        self.corrupted += u64::from(taken.is_err());
    }

    /// Plays until now, and says what to ask for.
    pub fn advance(&mut self, now: Duration) -> Requests {
        if let Some(ear) = &mut self.ear {
            ear.playout.advance(now);
        }
        let mut requests = Requests::default();
        if let Some(eye) = &mut self.eye {
            eye.playout.advance(now);
            if eye.missing.poll(now, &mut requests.lost) {
                eye.playout.give_up();
            }
            requests.keyframe = eye.playout.poll_keyframe_request(now);
        }
        requests
    }

    pub fn next_due(&self) -> Option<Duration> {
        let eye = self.eye.as_ref()?;
        [eye.playout.next_due(), eye.missing.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The node says whether the slot shows somebody.
    pub fn set_shown(&mut self, shown: bool) {
        if let Some(eye) = &mut self.eye {
            eye.is_empty = !shown;
            eye.playout.pause(eye.is_empty || eye.is_off);
        }
    }

    /// The node says whether it sends pictures at all.
    pub fn set_off(&mut self, off: bool) {
        if let Some(eye) = &mut self.eye {
            eye.is_off = off;
            eye.playout.pause(eye.is_empty || eye.is_off);
        }
    }

    /// Both a voice and a picture have come.
    pub fn is_served(&self) -> bool {
        let hears = self.ear.as_ref().is_some_and(|ear| ear.packets > 0);
        let sees = self
            .eye
            .as_ref()
            .is_some_and(|eye| eye.playout.last_shown().is_some());
        hears && sees
    }

    /// Figures begin now.
    pub fn reset(&mut self, now: Duration) {
        self.advance(now);
        self.corrupted = 0;
        if let Some(ear) = &mut self.ear {
            ear.playout.reset();
            (ear.packets, ear.with_copies) = (0, 0);
        }
        if let Some(eye) = &mut self.eye {
            eye.playout.reset(now);
        }
    }

    /// The run is over.
    pub fn finish(&mut self, now: Duration) {
        self.advance(now);
        if let Some(eye) = &mut self.eye {
            eye.playout.finish(now);
        }
    }
}

impl Ear {
    fn on_rtp(&mut self, now: Duration, rtp: &Rtp<'_>, room: u32) -> Result<(), Corrupted> {
        self.reception.on_packet(now, rtp.sequence, rtp.timestamp);
        if rtp.payload.is_empty() {
            return Ok(());
        }
        self.packets += 1;
        self.playout.advance(now);
        if rtp.payload_type != RED {
            verify(Kind::Audio, room, &[], rtp.payload)?;
            self.playout.insert(now, rtp.timestamp, Origin::Primary);
            return Ok(());
        }
        let blocks = red::read(rtp.payload).ok_or(Corrupted)?;
        self.with_copies += u64::from(blocks.len() > 1);
        // The packet's own frame first: the buffer knows the newest before the older ones.
        for block in blocks.iter().rev().filter(|block| !block.data.is_empty()) {
            verify(Kind::Audio, room, &[], block.data)?;
            let origin = match block.offset {
                0 => Origin::Primary,
                _ => Origin::Repaired,
            };
            let timestamp = rtp.timestamp.wrapping_sub(block.offset);
            self.playout.insert(now, timestamp, origin);
        }
        Ok(())
    }
}

impl Eye {
    fn on_rtp(&mut self, now: Duration, rtp: &Rtp<'_>, room: u32) -> Result<(), Corrupted> {
        let is_repeat = self.rtx_ssrc == Some(rtp.ssrc);
        let (sequence, media) = match is_repeat {
            false => {
                self.reception.on_packet(now, rtp.sequence, rtp.timestamp);
                (rtp.sequence, rtp.payload)
            }
            true => match rtp.payload.split_first_chunk() {
                Some((number, media)) => (u16::from_be_bytes(*number), media),
                // Padding alone, as probing sends it.
                None => return Ok(()),
            },
        };
        self.retransmissions += u64::from(is_repeat && !media.is_empty());
        let number = self.numbers.extend(sequence);
        if !self.missing.on_packet(now, number, is_repeat) {
            self.playout.give_up();
        }
        if media.is_empty() {
            return Ok(());
        }
        let packet = video_packet(rtp, number, media, room)?;
        self.playout.insert(now, packet);
        if let Some(keyframe) = self.playout.keyframe_number() {
            self.missing.forget_before(keyframe);
        }
        Ok(())
    }
}

fn video_packet(
    rtp: &Rtp<'_>,
    number: i64,
    media: &[u8],
    room: u32,
) -> Result<VideoPacket, Corrupted> {
    let (descriptor, len) = Descriptor::read(media).map_err(|_| Corrupted)?;
    let (head, data) = media.split_at_checked(len).ok_or(Corrupted)?;
    let (keyframe, header) = match descriptor.starts_frame {
        false => (None, 0),
        true => match FrameHeader::read(data).map_err(|_| Corrupted)? {
            (FrameHeader::Keyframe { height, .. }, len) => (Some(height), len),
            (FrameHeader::Delta, len) => (None, len),
        },
    };
    let (prefix, body) = data.split_at_checked(header).ok_or(Corrupted)?;
    verify(Kind::Video, room, prefix, body)?;
    Ok(VideoPacket {
        number,
        timestamp: rtp.timestamp,
        marker: rtp.marker,
        starts_frame: descriptor.starts_frame,
        picture_id: descriptor.picture_id,
        tl0_pic_idx: descriptor.tl0_pic_idx,
        temporal_id: descriptor.temporal_id,
        layer_sync: head.last().is_some_and(|last| last & LAYER_SYNC != 0),
        keyframe,
    })
}

fn verify(kind: Kind, room: u32, prefix: &[u8], body: &[u8]) -> Result<(), Corrupted> {
    match payload::read(prefix, body) {
        Ok(stamp) if stamp.kind == kind && stamp.room == room => Ok(()),
        _ => Err(Corrupted),
    }
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
