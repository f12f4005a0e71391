//! VP8 over RTP as far as a load client needs it (RFC 7741): the payload descriptor with a 15-bit
//! picture id, TL0PICIDX and TID, and the frame header's first bytes (RFC 6386 §9.1).

/// Bytes of the descriptor this client writes: the first byte, the extension bits, two of picture
/// id, TL0PICIDX, and TID/Y/KEYIDX.
pub const DESCRIPTOR_LEN: usize = 6;
/// Bytes of a keyframe's header: frame tag, start code, width and height.
pub const KEYFRAME_HEADER_LEN: usize = 10;
/// Bytes of any other frame's header: the frame tag alone.
pub const FRAME_TAG_LEN: usize = 3;
/// Picture ids count modulo this (15 bits).
pub const PICTURE_ID_MODULUS: u16 = 1 << 15;

const START_CODE: [u8; 3] = [0x9D, 0x01, 0x2A];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// First packet of the frame: start of partition 0.
    pub starts_frame: bool,
    /// 15 bits.
    pub picture_id: u16,
    pub tl0_pic_idx: u8,
    pub temporal_id: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Vp8Error {
    #[error("the payload ends inside the descriptor")]
    Short,
    #[error("no 15-bit picture id")]
    NoPictureId,
    #[error("no TL0PICIDX")]
    NoTl0PicIdx,
    #[error("no TID")]
    NoTemporalId,
    #[error("the frame header is cut off, or a keyframe without start code")]
    FrameHeader,
}

impl Descriptor {
    pub fn write(&self, out: &mut Vec<u8>) {
        // X=1, N=0, S, PID=0.
        out.push(0x80 | if self.starts_frame { 0x10 } else { 0 });
        // I, L, T; no K.
        out.push(0x80 | 0x40 | 0x20);
        out.extend_from_slice(&(0x8000 | (self.picture_id & 0x7FFF)).to_be_bytes());
        out.push(self.tl0_pic_idx);
        out.push(self.temporal_id << 6);
    }

    /// Reads a descriptor as this client writes them and gives its length. A node may shorten
    /// nothing: all of the fields must still be there.
    ///
    /// # Errors
    /// A field is missing or the payload too short.
    pub fn read(payload: &[u8]) -> Result<(Self, usize), Vp8Error> {
        let byte = |at: usize| payload.get(at).copied().ok_or(Vp8Error::Short);
        let (first, bits) = (byte(0)?, byte(1)?);
        if first & 0x80 == 0 || bits & 0x80 == 0 {
            return Err(Vp8Error::NoPictureId);
        }
        let long = byte(2)?;
        if long & 0x80 == 0 {
            return Err(Vp8Error::NoPictureId);
        }
        if bits & 0x40 == 0 {
            return Err(Vp8Error::NoTl0PicIdx);
        }
        if bits & 0x30 == 0 {
            return Err(Vp8Error::NoTemporalId);
        }
        let descriptor = Self {
            starts_frame: first & 0x10 != 0 && first & 0x07 == 0,
            picture_id: u16::from_be_bytes([long & 0x7F, byte(3)?]),
            tl0_pic_idx: byte(4)?,
            temporal_id: byte(5)? >> 6,
        };
        Ok((descriptor, DESCRIPTOR_LEN))
    }
}

/// The bytes in front of the first packet's data of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameHeader {
    Keyframe { width: u16, height: u16 },
    Delta,
}

impl FrameHeader {
    /// `first_partition`: bytes of the first partition, 19 bits.
    pub fn write(&self, first_partition: u32, out: &mut Vec<u8>) {
        let size = first_partition & 0x7_FFFF;
        let not_key = u32::from(matches!(self, FrameHeader::Delta));
        // P (inverse keyframe), version 0 (3 bits), show_frame 1, size (19 bits); little endian.
        let tag = not_key | (1 << 4) | (size << 5);
        let [low, middle, high, _] = tag.to_le_bytes();
        out.extend_from_slice(&[low, middle, high]);
        if let FrameHeader::Keyframe { width, height } = self {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(&(width & 0x3FFF).to_le_bytes());
            out.extend_from_slice(&(height & 0x3FFF).to_le_bytes());
        }
    }

    /// Reads the header of a frame's first packet (after the descriptor) and gives its length.
    ///
    /// # Errors
    /// Cut off, or a keyframe without the start code.
    pub fn read(data: &[u8]) -> Result<(Self, usize), Vp8Error> {
        let tag: &[u8; FRAME_TAG_LEN] = data.first_chunk().ok_or(Vp8Error::FrameHeader)?;
        if tag[0] & 1 == 1 {
            return Ok((FrameHeader::Delta, FRAME_TAG_LEN));
        }
        let header: &[u8; KEYFRAME_HEADER_LEN] = data.first_chunk().ok_or(Vp8Error::FrameHeader)?;
        if header[3..6] != START_CODE {
            return Err(Vp8Error::FrameHeader);
        }
        let width = u16::from_le_bytes([header[6], header[7]]) & 0x3FFF;
        let height = u16::from_le_bytes([header[8], header[9]]) & 0x3FFF;
        Ok((FrameHeader::Keyframe { width, height }, KEYFRAME_HEADER_LEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptor_bytes_are_those_of_rfc_7741() {
        let mut bytes = Vec::new();
        let descriptor = Descriptor {
            starts_frame: true,
            picture_id: 0x1234,
            tl0_pic_idx: 0xAB,
            temporal_id: 2,
        };
        descriptor.write(&mut bytes);
        assert_eq!(bytes, [0x90, 0xE0, 0x92, 0x34, 0xAB, 0x80]);
        assert_eq!(Descriptor::read(&bytes), Ok((descriptor, DESCRIPTOR_LEN)));
        for len in 0..DESCRIPTOR_LEN {
            assert_eq!(Descriptor::read(&bytes[..len]), Err(Vp8Error::Short));
        }
    }

    #[test]
    fn fields_that_went_missing_are_named() {
        assert_eq!(
            Descriptor::read(&[0x10, 0, 0, 0, 0, 0]),
            Err(Vp8Error::NoPictureId)
        );
        assert_eq!(
            Descriptor::read(&[0x90, 0xE0, 0x12, 0, 0, 0]),
            Err(Vp8Error::NoPictureId)
        );
        assert_eq!(
            Descriptor::read(&[0x90, 0xA0, 0x92, 0, 0, 0]),
            Err(Vp8Error::NoTl0PicIdx)
        );
        assert_eq!(
            Descriptor::read(&[0x90, 0xC0, 0x92, 0, 0, 0]),
            Err(Vp8Error::NoTemporalId)
        );
    }

    #[test]
    fn frame_headers_are_those_of_rfc_6386() {
        let mut key = Vec::new();
        let header = FrameHeader::Keyframe {
            width: 640,
            height: 360,
        };
        header.write(1000, &mut key);
        assert_eq!(
            key,
            [0x10, 0x7D, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01]
        );
        assert_eq!(FrameHeader::read(&key), Ok((header, KEYFRAME_HEADER_LEN)));
        let mut delta = Vec::new();
        FrameHeader::Delta.write(1000, &mut delta);
        assert_eq!(delta, [0x11, 0x7D, 0x00]);
        assert_eq!(
            FrameHeader::read(&delta),
            Ok((FrameHeader::Delta, FRAME_TAG_LEN))
        );
        assert_eq!(FrameHeader::read(&key[..9]), Err(Vp8Error::FrameHeader));
        key[4] = 0;
        assert_eq!(FrameHeader::read(&key), Err(Vp8Error::FrameHeader));
    }
}
