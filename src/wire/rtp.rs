//! RTP headers (RFC 3550 §5.1): a view that copies nothing, in-place rewriting, building anew.

use thiserror::Error;

use super::extensions::{ExtensionForm, ExtensionWriter};

#[cfg(test)]
mod tests;

/// Bytes before the CSRC list.
pub const FIXED_HEADER_LEN: usize = 12;

const VERSION: u8 = 2;
/// Profile of the one-byte extension form (RFC 8285 §4.2).
const ONE_BYTE_PROFILE: u16 = 0xBEDE;
/// Profile of the two-byte form; its low four bits are for the application (RFC 8285 §4.3).
const TWO_BYTE_PROFILE: u16 = 0x1000;
/// Reserved id of the one-byte form that ends the block (RFC 8285 §4.2).
const ONE_BYTE_STOP_ID: u8 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtpError {
    #[error("shorter than the fixed RTP header")]
    TooShort,
    #[error("RTP version {0}, expected 2")]
    Version(u8),
    #[error("header runs past the end of the packet")]
    TruncatedHeader,
    #[error("padding count is zero or larger than the payload")]
    Padding,
}

/// The header of one packet. Holds for SRTP as well, which leaves the header in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    pub marker: bool,
    /// 0..=127.
    pub payload_type: u8,
    pub sequence_number: u16,
    /// In units of the codec's clock rate.
    pub timestamp: u32,
    pub ssrc: u32,
    pub has_padding: bool,
    pub extension: Option<ExtensionBlock>,
    /// Bytes of the whole header: fixed part, CSRCs and extension block.
    pub len: usize,
}

/// Where the header extensions of a packet lie (RFC 3550 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionBlock {
    pub profile: u16,
    /// Offset of the first element in the packet, behind the profile and length words.
    pub start: usize,
    /// Bytes of elements and their padding, a multiple of 4.
    pub len: usize,
}

impl RtpHeader {
    /// Parses the header of a plain or still encrypted packet. On success the first `len` bytes
    /// of the packet are the header.
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let fixed: &[u8; FIXED_HEADER_LEN] = packet.first_chunk().ok_or(RtpError::TooShort)?;
        let [b0, b1, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if b0 >> 6 != VERSION {
            return Err(RtpError::Version(b0 >> 6));
        }
        let mut len = FIXED_HEADER_LEN + 4 * usize::from(b0 & 0x0F);
        let mut extension = None;
        if b0 & 0x10 != 0 {
            let head: &[u8; 4] = packet
                .get(len..)
                .and_then(|rest| rest.first_chunk())
                .ok_or(RtpError::TruncatedHeader)?;
            let [p0, p1, l0, l1] = *head;
            let block = ExtensionBlock {
                profile: u16::from_be_bytes([p0, p1]),
                start: len + 4,
                len: 4 * usize::from(u16::from_be_bytes([l0, l1])),
            };
            len = block.start + block.len;
            extension = Some(block);
        }
        if len > packet.len() {
            return Err(RtpError::TruncatedHeader);
        }
        Ok(Self {
            marker: b1 & 0x80 != 0,
            payload_type: b1 & 0x7F,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            has_padding: b0 & 0x20 != 0,
            extension,
            len,
        })
    }

    /// Payload of the decrypted packet this header was parsed from, without padding. Empty for
    /// a packet of padding alone, as bandwidth probes are.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], RtpError> {
        let payload = packet.get(self.len..).ok_or(RtpError::TruncatedHeader)?;
        if !self.has_padding {
            return Ok(payload);
        }
        // RFC 3550 §5.1: the last byte counts the padding, itself included.
        let padding = usize::from(*payload.last().ok_or(RtpError::Padding)?);
        if padding == 0 {
            return Err(RtpError::Padding);
        }
        payload
            .len()
            .checked_sub(padding)
            .and_then(|end| payload.get(..end))
            .ok_or(RtpError::Padding)
    }

    /// The header extensions in order, `(id, data)`. Never reads outside the extension block. A
    /// block of another profile than RFC 8285's has none; an element that does not fit into the
    /// block ends the iteration.
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> ExtensionIter<'a> {
        let empty = ExtensionIter {
            rest: &[],
            form: ExtensionForm::OneByte,
        };
        let Some(block) = self.extension else {
            return empty;
        };
        let form = match block.profile {
            ONE_BYTE_PROFILE => ExtensionForm::OneByte,
            profile if profile & 0xFFF0 == TWO_BYTE_PROFILE => ExtensionForm::TwoByte,
            _ => return empty,
        };
        let end = block.start.saturating_add(block.len);
        ExtensionIter {
            rest: packet.get(block.start..end).unwrap_or(&[]),
            form,
        }
    }
}

/// Elements of an extension block, see [`RtpHeader::extensions`].
#[derive(Clone, Debug)]
pub struct ExtensionIter<'a> {
    rest: &'a [u8],
    form: ExtensionForm,
}

impl<'a> ExtensionIter<'a> {
    /// Splits `len` bytes off; ends the iteration when there are fewer.
    fn take(&mut self, id: u8, len: usize) -> Option<(u8, &'a [u8])> {
        match self.rest.split_at_checked(len) {
            Some((data, rest)) => {
                self.rest = rest;
                Some((id, data))
            }
            None => self.end(),
        }
    }

    fn end<T>(&mut self) -> Option<T> {
        self.rest = &[];
        None
    }
}

impl<'a> Iterator for ExtensionIter<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            self.rest = rest;
            if first == 0 {
                continue; // a byte of padding
            }
            return match self.form {
                ExtensionForm::OneByte => match first >> 4 {
                    // Id 0 with a length, and id 15, end the block (RFC 8285 §4.2).
                    0 | ONE_BYTE_STOP_ID => self.end(),
                    id => self.take(id, usize::from(first & 0x0F) + 1),
                },
                ExtensionForm::TwoByte => {
                    let (&len, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    self.take(first, usize::from(len))
                }
            };
        }
    }
}

/// Sets the sequence number in place. Like the other setters it leaves alone what is too short to
/// hold the field; whoever parsed the packet knows that it is not.
pub fn set_sequence_number(packet: &mut [u8], sequence_number: u16) {
    set_field(packet, 2, sequence_number.to_be_bytes());
}

pub fn set_timestamp(packet: &mut [u8], timestamp: u32) {
    set_field(packet, 4, timestamp.to_be_bytes());
}

pub fn set_ssrc(packet: &mut [u8], ssrc: u32) {
    set_field(packet, 8, ssrc.to_be_bytes());
}

/// Sets the payload type (0..=127), keeps the marker.
pub fn set_payload_type(packet: &mut [u8], payload_type: u8) {
    if let Some(byte) = packet.get_mut(1) {
        *byte = (*byte & 0x80) | (payload_type & 0x7F);
    }
}

pub fn set_marker(packet: &mut [u8], marker: bool) {
    if let Some(byte) = packet.get_mut(1) {
        *byte = (*byte & 0x7F) | (u8::from(marker) << 7);
    }
}

fn set_field<const N: usize>(packet: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(field) = packet.get_mut(at..at + N) {
        field.copy_from_slice(&value);
    }
}

/// A header to build anew, without CSRCs or padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpWrite {
    pub marker: bool,
    /// 0..=127.
    pub payload_type: u8,
    pub sequence_number: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl RtpWrite {
    /// Writes the header and its `extensions`, `(id, data)`, to the front of `out` and returns its
    /// length; the payload goes behind it. Without extensions there is no extension block. `None`
    /// when `out` is too short or an extension cannot be expressed (id 0 or 15, more than 255
    /// bytes). The length depends on the ids and lengths of the extensions only.
    pub fn write(&self, extensions: &[(u8, &[u8])], out: &mut [u8]) -> Option<usize> {
        let (fixed, rest) = out.split_at_mut_checked(FIXED_HEADER_LEN)?;
        let has_extension = !extensions.is_empty();
        *fixed.first_mut()? = (VERSION << 6) | (u8::from(has_extension) << 4);
        set_payload_type(fixed, self.payload_type);
        set_marker(fixed, self.marker);
        set_sequence_number(fixed, self.sequence_number);
        set_timestamp(fixed, self.timestamp);
        set_ssrc(fixed, self.ssrc);
        if !has_extension {
            return Some(FIXED_HEADER_LEN);
        }
        let mut writer = ExtensionWriter::new(rest);
        for &(id, data) in extensions {
            writer.push(id, data);
        }
        Some(FIXED_HEADER_LEN + writer.finish()?)
    }
}
