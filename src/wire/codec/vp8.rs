//! VP8 payload descriptor and header (RFC 7741 §4.2, §4.3; RFC 6386 §9.1).

use thiserror::Error;

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Vp8Error {
    #[error("payload ends inside the VP8 descriptor")]
    Truncated,
}

/// Identifies a frame; the sender counts one up per frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// 15 bits when `long`, else 7.
    pub value: u16,
    pub long: bool,
}

impl PictureId {
    fn encoded_len(self) -> usize {
        1 + usize::from(self.long)
    }
}

/// The VP8 payload descriptor in front of every payload (RFC 7741 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadDescriptor {
    /// N: no other frame refers to this one.
    pub non_reference: bool,
    /// S: the payload begins a VP8 partition.
    pub start_of_partition: bool,
    /// PID: which partition, 0 is the first.
    pub partition: u8,
    pub picture_id: Option<PictureId>,
    /// Running number of the temporal base layer's frames.
    pub tl0_pic_idx: Option<u8>,
    /// Temporal layer, 0..=3.
    pub temporal_id: Option<u8>,
    /// Y: the frame depends on the base layer only. False without a temporal id.
    pub layer_sync: bool,
    /// Bytes of the descriptor.
    pub len: usize,
}

/// Offset of the picture id when there is one: behind the first byte and the extension bits.
const PICTURE_ID_OFFSET: usize = 2;

impl PayloadDescriptor {
    /// Parses the front of an RTP payload. On success the first `len` bytes are the descriptor.
    pub fn parse(payload: &[u8]) -> Result<Self, Vp8Error> {
        let mut bytes = payload.iter().copied();
        let mut next = || bytes.next().ok_or(Vp8Error::Truncated);
        let first = next()?;
        let mut descriptor = Self {
            non_reference: first & 0x20 != 0,
            start_of_partition: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id: None,
            tl0_pic_idx: None,
            temporal_id: None,
            layer_sync: false,
            len: 1,
        };
        if first & 0x80 == 0 {
            return Ok(descriptor);
        }
        let present = next()?;
        if present & 0x80 != 0 {
            let high = next()?;
            let long = high & 0x80 != 0;
            let value = match long {
                true => u16::from_be_bytes([high & 0x7F, next()?]),
                false => u16::from(high),
            };
            descriptor.picture_id = Some(PictureId { value, long });
        }
        if present & 0x40 != 0 {
            descriptor.tl0_pic_idx = Some(next()?);
        }
        if present & 0x30 != 0 {
            let layer = next()?;
            if present & 0x20 != 0 {
                descriptor.temporal_id = Some(layer >> 6);
                descriptor.layer_sync = layer & 0x20 != 0;
            }
        }
        descriptor.len = payload.len() - bytes.len();
        Ok(descriptor)
    }

    /// The payload is the first of its frame.
    pub fn starts_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// Overwrites the picture id of the payload this was parsed from, in its width: a 7-bit id
    /// keeps the low 7 bits of `value`. Nothing happens without a picture id.
    pub fn set_picture_id(&self, payload: &mut [u8], value: u16) {
        let Some(picture_id) = self.picture_id else {
            return;
        };
        let end = PICTURE_ID_OFFSET + picture_id.encoded_len();
        match payload.get_mut(PICTURE_ID_OFFSET..end) {
            Some([short]) => *short = (value & 0x7F) as u8,
            Some([high, low]) => {
                *high = 0x80 | (value >> 8 & 0x7F) as u8;
                *low = value as u8;
            }
            _ => {}
        }
    }

    /// Overwrites TL0PICIDX of the payload this was parsed from. Nothing happens without one.
    pub fn set_tl0_pic_idx(&self, payload: &mut [u8], value: u8) {
        if self.tl0_pic_idx.is_none() {
            return;
        }
        let offset = PICTURE_ID_OFFSET + self.picture_id.map_or(0, PictureId::encoded_len);
        if let Some(byte) = payload.get_mut(offset) {
            *byte = value;
        }
    }
}

/// The VP8 frame header when the payload begins a frame.
fn frame_header(payload: &[u8]) -> Option<&[u8]> {
    let descriptor = PayloadDescriptor::parse(payload).ok()?;
    if !descriptor.starts_frame() {
        return None;
    }
    payload.get(descriptor.len..)
}

/// Whether the payload begins a keyframe.
pub fn is_keyframe(payload: &[u8]) -> bool {
    // P, the lowest bit of the frame tag, is the inverse keyframe flag (RFC 6386 §9.1).
    matches!(frame_header(payload), Some([tag, ..]) if tag & 1 == 0)
}

/// Width and height in pixels when the payload begins a keyframe (RFC 6386 §9.1).
pub fn keyframe_size(payload: &[u8]) -> Option<(u16, u16)> {
    match frame_header(payload)? {
        [tag, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1, ..] if tag & 1 == 0 => {
            // The upper two bits of each are the scaling.
            let width = u16::from_le_bytes([*w0, *w1]) & 0x3FFF;
            let height = u16::from_le_bytes([*h0, *h1]) & 0x3FFF;
            Some((width, height))
        }
        _ => None,
    }
}
