//! VP8 picture ids and TL0PICIDX across sources (RFC 7741 §4.2): decoders take a frame that
//! follows in both for the next one, and hold frames back that do not.

use crate::wire::codec::vp8::{PayloadDescriptor, PictureId};

const LONG_MASK: u16 = 0x7fff;
const SHORT_MASK: u16 = 0x7f;

/// What is added to the numbers of one source's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureOffsets {
    picture_id: u16,
    tl0_pic_idx: u8,
}

impl PictureOffsets {
    fn picture_id(self, ingress: PictureId) -> u16 {
        let mask = if ingress.long { LONG_MASK } else { SHORT_MASK };
        ingress.value.wrapping_add(self.picture_id) & mask
    }

    fn tl0_pic_idx(self, ingress: u8) -> u8 {
        ingress.wrapping_add(self.tl0_pic_idx)
    }

    /// Rewrites a payload in place, each number in the width it has.
    pub fn apply(self, payload: &mut [u8]) {
        let Ok(descriptor) = PayloadDescriptor::parse(payload) else {
            return;
        };
        if let Some(ingress) = descriptor.picture_id {
            descriptor.set_picture_id(payload, self.picture_id(ingress));
        }
        if let Some(ingress) = descriptor.tl0_pic_idx {
            descriptor.set_tl0_pic_idx(payload, self.tl0_pic_idx(ingress));
        }
    }
}

#[derive(Clone, Debug)]
pub struct PictureNumbers {
    /// Of the newest frame sent; one less than the first before that.
    last_picture_id: u16,
    last_tl0_pic_idx: u8,
}

impl PictureNumbers {
    pub fn new(first_picture_id: u16) -> Self {
        Self {
            last_picture_id: first_picture_id.wrapping_sub(1),
            last_tl0_pic_idx: first_picture_id.wrapping_sub(1) as u8,
        }
    }

    /// Offsets for a source that begins with the frame of `payload`, so that it follows the
    /// newest frame sent.
    pub fn begin(&self, payload: &[u8]) -> PictureOffsets {
        let Ok(descriptor) = PayloadDescriptor::parse(payload) else {
            return PictureOffsets::default();
        };
        let picture_id = descriptor.picture_id.map_or(0, |id| id.value);
        let tl0_pic_idx = descriptor.tl0_pic_idx.unwrap_or(0);
        PictureOffsets {
            picture_id: self
                .last_picture_id
                .wrapping_add(1)
                .wrapping_sub(picture_id),
            tl0_pic_idx: self
                .last_tl0_pic_idx
                .wrapping_add(1)
                .wrapping_sub(tl0_pic_idx),
        }
    }

    /// The newest packet in sequence was sent with these offsets.
    pub fn on_sent(&mut self, offsets: PictureOffsets, ingress_payload: &[u8]) {
        let Ok(descriptor) = PayloadDescriptor::parse(ingress_payload) else {
            return;
        };
        if let Some(ingress) = descriptor.picture_id {
            self.last_picture_id = offsets.picture_id(ingress);
        }
        if let Some(ingress) = descriptor.tl0_pic_idx {
            self.last_tl0_pic_idx = offsets.tl0_pic_idx(ingress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(id: u16, tl0: u8) -> Vec<u8> {
        let [high, low] = id.to_be_bytes();
        vec![0x90, 0xe0, 0x80 | high, low, tl0, 0, 0x00]
    }

    fn short(id: u8, tl0: u8) -> Vec<u8> {
        vec![0x90, 0xe0, id, tl0, 0, 0x00]
    }

    fn send(numbers: &mut PictureNumbers, offsets: PictureOffsets, ingress: &[u8]) -> Vec<u8> {
        let mut payload = ingress.to_vec();
        offsets.apply(&mut payload);
        numbers.on_sent(offsets, ingress);
        payload
    }

    #[test]
    fn frames_follow_each_other_across_sources_of_either_width() {
        let mut numbers = PictureNumbers::new(0x7ffe);
        let first = numbers.begin(&long(100, 7));
        assert_eq!(send(&mut numbers, first, &long(100, 7)), long(0x7ffe, 0xfe));
        assert_eq!(send(&mut numbers, first, &long(101, 7)), long(0x7fff, 0xfe));
        assert_eq!(send(&mut numbers, first, &long(104, 9)), long(2, 0));
        let second = numbers.begin(&short(127, 255));
        assert_eq!(send(&mut numbers, second, &short(127, 255)), short(3, 1));
        assert_eq!(send(&mut numbers, second, &short(0, 0)), short(4, 2));
        assert_eq!(send(&mut numbers, second, &short(124, 1)), short(0, 3));
        let third = numbers.begin(&long(0x7fff, 1));
        assert_eq!(send(&mut numbers, third, &long(0x7fff, 1)), long(1, 4));
        assert_eq!(send(&mut numbers, third, &long(0, 1)), long(2, 4));
    }

    #[test]
    fn payloads_without_numbers_stay_as_they_are() {
        let mut numbers = PictureNumbers::new(5);
        let offsets = numbers.begin(&[0x10, 0x00]);
        assert_eq!(send(&mut numbers, offsets, &[0x10, 0x00]), [0x10, 0x00]);
        assert!(send(&mut numbers, offsets, &[]).is_empty());
        let next = numbers.begin(&long(9, 9));
        assert_eq!(send(&mut numbers, next, &long(9, 9)), long(5, 5));
    }
}
