//! A voice that never pauses: a frame each 20 ms, with copies of earlier frames where RED was
//! agreed. Every frame can be verified, copies too.

use std::collections::VecDeque;
use std::time::Duration;

use firstbell_linksim::Random;

use crate::client::payload::{self, Kind, Stamp};
use crate::client::rtp::RtpHead;
use crate::client::sdp;
use crate::playout::red;

use super::offer::RED;

const INTERVAL: Duration = Duration::from_millis(20);
const TICKS: u32 = 960;
/// 24 kb/s.
pub const FRAME_LEN: usize = 60;
/// -dBov (RFC 6464), with the bit for voice: loud enough to be heard always.
const LEVEL: u8 = 0x80 | 20;
/// Further behind than this, it goes on from now.
const MAX_BEHIND: Duration = Duration::from_millis(500);

/// How packets are written, by what was agreed.
#[derive(Clone, Copy, Debug)]
pub struct VoiceFormat {
    /// Copies in each packet; `None`: plain Opus.
    pub red_depth: Option<usize>,
    pub with_level: bool,
}

pub struct Voice {
    format: VoiceFormat,
    pub ssrc: u32,
    room: u32,
    client: u32,
    sequence: u16,
    timestamp: u32,
    due: Duration,
    copies: VecDeque<Vec<u8>>,
    pub packets: u32,
    pub octets: u32,
}

impl Voice {
    pub fn new(
        now: Duration,
        seed: u64,
        format: VoiceFormat,
        ssrc: u32,
        (room, client): (u32, u32),
    ) -> Self {
        let mut random = Random::stream(seed, 11);
        Self {
            format,
            ssrc,
            room,
            client,
            sequence: random.next_u64() as u16,
            timestamp: random.next_u64() as u32,
            due: now,
            copies: VecDeque::new(),
            packets: 0,
            octets: 0,
        }
    }

    pub fn due(&self) -> Duration {
        self.due
    }

    /// RTP time of `now`, for sender reports.
    pub fn rtp_time(&self, now: Duration) -> u32 {
        let ahead = self.due.saturating_sub(now).as_micros() * 48 / 1000;
        self.timestamp.wrapping_sub(ahead as u32)
    }

    /// Writes the packet that is due.
    pub fn write(&mut self, now: Duration, transport_sequence: Option<u16>, out: &mut Vec<u8>) {
        out.clear();
        let behind = now.saturating_sub(self.due);
        if behind > MAX_BEHIND {
            let missed = (behind.as_micros() / INTERVAL.as_micros()) as u32;
            self.due += INTERVAL * missed;
            self.timestamp = self.timestamp.wrapping_add(TICKS * missed);
            self.copies.clear();
        }
        let head = RtpHead {
            marker: self.packets == 0,
            payload_type: self.format.red_depth.map_or(sdp::OPUS, |_| RED),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let transport = transport_sequence.map(u16::to_be_bytes);
        let mut extensions: Vec<(u8, &[u8])> = vec![(sdp::MID_ID, sdp::MICROPHONE_MID.as_bytes())];
        if self.format.with_level {
            extensions.push((sdp::AUDIO_LEVEL_ID, &[LEVEL]));
        }
        if let Some(transport) = &transport {
            extensions.push((sdp::TRANSPORT_SEQUENCE_ID, transport));
        }
        head.write(&extensions, out);
        let before = out.len();
        let frame = self.frame(now);
        match self.format.red_depth {
            None => out.extend_from_slice(&frame),
            Some(_) => self.write_red(&frame, out),
        }
        self.remember(frame);
        self.octets = self.octets.wrapping_add((out.len() - before) as u32);
        self.packets += 1;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        self.due += INTERVAL;
    }

    fn frame(&self, now: Duration) -> Vec<u8> {
        let stamp = Stamp {
            kind: Kind::Audio,
            room: self.room,
            publisher: self.client,
            counter: self.packets,
            sent_us: now.as_micros() as u64,
        };
        let mut frame = Vec::with_capacity(FRAME_LEN);
        payload::write(&stamp, &[], FRAME_LEN, &mut frame);
        frame
    }

    fn write_red(&self, frame: &[u8], out: &mut Vec<u8>) {
        let copies: Vec<(u32, &[u8])> = (1..)
            .zip(self.copies.iter().rev())
            .map(|(ago, copy)| (ago * TICKS, copy.as_slice()))
            .collect();
        let oldest_first: Vec<_> = copies.into_iter().rev().collect();
        red::write(sdp::OPUS, &oldest_first, frame, out);
    }

    fn remember(&mut self, frame: Vec<u8>) {
        self.copies.push_back(frame);
        while self.copies.len() > self.format.red_depth.unwrap_or(0) {
            self.copies.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rtp::Rtp;

    fn packets(red_depth: Option<usize>) -> Vec<Vec<u8>> {
        let format = VoiceFormat {
            red_depth,
            with_level: true,
        };
        let mut voice = Voice::new(Duration::ZERO, 1, format, 7, (1, 2));
        (0..5)
            .map(|sequence| {
                let mut packet = Vec::new();
                voice.write(voice.due(), Some(sequence), &mut packet);
                packet
            })
            .collect()
    }

    #[test]
    fn copies_are_the_frames_before_with_their_own_times() {
        let packets = packets(Some(2));
        for (index, packet) in packets.iter().enumerate() {
            let rtp = Rtp::read(packet).unwrap();
            assert_eq!(rtp.payload_type, RED);
            let blocks = red::read(rtp.payload).unwrap();
            assert_eq!(blocks.len(), index.min(2) + 1);
            for block in blocks {
                assert_eq!(block.payload_type, sdp::OPUS);
                let stamp = payload::read(&[], block.data).unwrap();
                let ago = index as u32 - stamp.counter;
                assert_eq!(block.offset, ago * TICKS);
            }
        }
    }

    #[test]
    fn without_red_it_is_opus() {
        let packets = packets(None);
        let rtp = Rtp::read(&packets[3]).unwrap();
        assert_eq!(rtp.payload_type, sdp::OPUS);
        assert_eq!(rtp.payload.len(), FRAME_LEN);
        assert_eq!(rtp.extension(sdp::AUDIO_LEVEL_ID), Some(&[LEVEL][..]));
        assert_eq!(rtp.extension(sdp::TRANSPORT_SEQUENCE_ID), Some(&[0, 3][..]));
    }
}
