//! What is inside the simulated media: every payload says where it is from, so that a receiver
//! can judge its numbering without asking the node.

use std::time::Duration;

use firstbell::media::Source;

/// Bytes in front of the filler.
const TRUTH_LEN: usize = 28;
const MAGIC: [u8; 4] = *b"bell";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    pub publisher: u64,
    pub source: Source,
    /// Running number of the frame, or of the audio packet.
    pub number: u32,
    /// Place within the frame, and packets of the frame.
    pub part: u8,
    pub parts: u8,
    pub keyframe: bool,
    /// In whole milliseconds, so that it is a whole number of ticks of every clock.
    pub captured: Duration,
}

impl Truth {
    pub fn write(&self, filler: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.publisher.to_be_bytes());
        out.push(self.source as u8);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&[self.part, self.parts, u8::from(self.keyframe)]);
        out.extend_from_slice(&(self.captured.as_millis() as u64).to_be_bytes());
        out.extend((0..filler).map(|at| self.filler(at)));
    }

    /// `None` when a single byte is not as it was written.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (head, filler) = bytes.split_at_checked(TRUTH_LEN)?;
        let word = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().unwrap());
        let truth = Self {
            publisher: word(4),
            source: *Source::ALL.get(usize::from(head[12]))?,
            number: u32::from_be_bytes(head[13..17].try_into().ok()?),
            part: head[17],
            parts: head[18],
            keyframe: head[19] == 1,
            captured: Duration::from_millis(word(20)),
        };
        let intact = head[..4] == MAGIC
            && filler
                .iter()
                .enumerate()
                .all(|(at, byte)| *byte == truth.filler(at));
        intact.then_some(truth)
    }

    fn filler(&self, at: usize) -> u8 {
        (self.number as usize * 31 + usize::from(self.part) * 17 + at * 7) as u8
    }

    pub fn is_same_frame(&self, other: &Self) -> bool {
        self.is_same_source(other) && self.number == other.number
    }

    pub fn is_same_source(&self, other: &Self) -> bool {
        (self.publisher, self.source) == (other.publisher, other.source)
    }
}

/// The numbers of a VP8 payload descriptor (RFC 7741 §4.2), all present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Numbers {
    /// 15 bits.
    pub picture_id: u16,
    pub tl0_pic_idx: u8,
    pub temporal_id: u8,
    pub starts_frame: bool,
}

const DESCRIPTOR_LEN: usize = 6;
const VP8_HEADER_LEN: usize = 10;

impl Vp8Numbers {
    /// Descriptor, frame header and truth.
    pub fn write(&self, truth: &Truth, filler: usize, out: &mut Vec<u8>) {
        let [high, low] = self.picture_id.to_be_bytes();
        out.extend_from_slice(&[
            0x80 | u8::from(self.temporal_id == 2) << 5 | u8::from(self.starts_frame) << 4,
            0xe0,
            0x80 | high,
            low,
            self.tl0_pic_idx,
            self.temporal_id << 6,
        ]);
        out.extend_from_slice(&match truth.keyframe {
            true => [0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0xe0, 1],
            false => [0x11, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        });
        truth.write(filler, out);
    }

    /// Reads what [`write`](Self::write) wrote; everything but the numbers must be as it was.
    pub fn read(payload: &[u8]) -> Option<(Self, Truth)> {
        let (descriptor, rest) = payload.split_at_checked(DESCRIPTOR_LEN)?;
        let (_, rest) = rest.split_at_checked(VP8_HEADER_LEN)?;
        let truth = Truth::read(rest)?;
        let numbers = Self {
            picture_id: u16::from_be_bytes([descriptor[2] & 0x7f, descriptor[3]]),
            tl0_pic_idx: descriptor[4],
            temporal_id: descriptor[5] >> 6,
            starts_frame: descriptor[0] & 0x10 != 0,
        };
        let mut again = Vec::new();
        numbers.write(&truth, rest.len() - TRUTH_LEN, &mut again);
        (again == payload).then_some((numbers, truth))
    }
}
