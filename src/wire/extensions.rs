//! RTP header extensions (RFC 8285): which there are, the ids an m-line gave them, their values,
//! and building a block of them. Reading a block is [`RtpHeader::extensions`].
//!
//! [`RtpHeader::extensions`]: super::rtp::RtpHeader::extensions

use std::num::NonZeroU8;
use std::time::Duration;

use thiserror::Error;

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExtensionKind {
    Mid,
    RtpStreamId,
    RepairedRtpStreamId,
    AudioLevel,
    AbsSendTime,
    TransportSequence,
    VideoOrientation,
    PlayoutDelay,
    DependencyDescriptor,
}

impl ExtensionKind {
    pub const ALL: [ExtensionKind; 9] = [
        ExtensionKind::Mid,
        ExtensionKind::RtpStreamId,
        ExtensionKind::RepairedRtpStreamId,
        ExtensionKind::AudioLevel,
        ExtensionKind::AbsSendTime,
        ExtensionKind::TransportSequence,
        ExtensionKind::VideoOrientation,
        ExtensionKind::PlayoutDelay,
        ExtensionKind::DependencyDescriptor,
    ];

    /// The URI of `a=extmap`.
    pub fn uri(self) -> &'static str {
        match self {
            ExtensionKind::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            ExtensionKind::RtpStreamId => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            ExtensionKind::RepairedRtpStreamId => {
                "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
            }
            ExtensionKind::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            ExtensionKind::AbsSendTime => {
                "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
            }
            ExtensionKind::TransportSequence => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            ExtensionKind::VideoOrientation => "urn:3gpp:video-orientation",
            ExtensionKind::PlayoutDelay => {
                "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
            }
            ExtensionKind::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtensionMapError {
    /// 0 is padding, 15 is reserved in the one-byte form (RFC 8285 §4.2).
    #[error("header extension id {0} is reserved")]
    ReservedId(u8),
    #[error("header extension id {0} is used twice")]
    DuplicateId(u8),
}

/// The ids one m-line gave to the extensions, both ways.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct ExtensionMap {
    /// Indexed by `ExtensionKind as usize`.
    ids: [Option<NonZeroU8>; ExtensionKind::ALL.len()],
}

impl ExtensionMap {
    pub fn get(&self, kind: ExtensionKind) -> Option<u8> {
        self.ids
            .get(kind as usize)
            .copied()
            .flatten()
            .map(NonZeroU8::get)
    }

    pub fn kind(&self, id: u8) -> Option<ExtensionKind> {
        let id = NonZeroU8::new(id)?;
        ExtensionKind::ALL
            .into_iter()
            .zip(self.ids)
            .find_map(|(kind, mapped)| (mapped == Some(id)).then_some(kind))
    }

    /// Gives `kind` the id `id`: 1..=14, or 16..=255, which needs the two-byte form. A kind that
    /// had an id gets the new one.
    pub fn insert(&mut self, kind: ExtensionKind, id: u8) -> Result<(), ExtensionMapError> {
        let mapped = match NonZeroU8::new(id) {
            Some(mapped) if id != 15 => mapped,
            _ => return Err(ExtensionMapError::ReservedId(id)),
        };
        if self.kind(id).is_some_and(|other| other != kind) {
            return Err(ExtensionMapError::DuplicateId(id));
        }
        if let Some(slot) = self.ids.get_mut(kind as usize) {
            *slot = Some(mapped);
        }
        Ok(())
    }
}

/// Client-to-mixer audio level (RFC 6464 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender believes that this packet contains voice.
    pub voice: bool,
    /// -dBov: 0 is loudest, 127 silence.
    pub level: u8,
}

impl AudioLevel {
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [byte] = *data else { return None };
        Some(Self {
            voice: byte & 0x80 != 0,
            level: byte & 0x7F,
        })
    }

    pub fn to_byte(self) -> u8 {
        (u8::from(self.voice) << 7) | (self.level & 0x7F)
    }
}

/// The transport-wide sequence number of a packet (draft-holmer-rmcat-transport-wide-cc-extensions
/// §2).
pub fn transport_sequence(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_be_bytes)
}

/// `abs-send-time`: seconds modulo 64 as 6.18 fixed point, from the time since the Unix epoch.
pub fn abs_send_time(since_epoch: Duration) -> [u8; 3] {
    let seconds = (since_epoch.as_secs() & 0x3F) as u32;
    let fraction = (u64::from(since_epoch.subsec_nanos()) << 18) / 1_000_000_000;
    let [_, high, middle, low] = ((seconds << 18) | fraction as u32).to_be_bytes();
    [high, middle, low]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionForm {
    /// Ids 1..=14, 1..=16 bytes each (RFC 8285 §4.2).
    OneByte,
    /// Ids 1..=255, 0..=255 bytes each (RFC 8285 §4.3).
    TwoByte,
}

/// Profile and length words in front of the elements.
const BLOCK_HEAD_LEN: usize = 4;

/// Builds an extension block, profile and length words included. It starts in the one-byte form
/// and changes to the two-byte form when an element needs it. The same ids with the same lengths
/// always give the same block length, so that the packets of one frame can be of equal size.
#[derive(Debug)]
pub struct ExtensionWriter<'a> {
    out: &'a mut [u8],
    /// Bytes written, head included.
    used: usize,
    form: ExtensionForm,
    /// Something did not fit or cannot be expressed; `finish` says so.
    failed: bool,
}

impl<'a> ExtensionWriter<'a> {
    pub fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            used: BLOCK_HEAD_LEN,
            form: ExtensionForm::OneByte,
            failed: false,
        }
    }

    /// Appends an element. What cannot be written fails the whole block, see [`Self::finish`].
    pub fn push(&mut self, id: u8, data: &[u8]) {
        if self.failed || self.try_push(id, data).is_none() {
            self.failed = true;
        }
    }

    fn try_push(&mut self, id: u8, data: &[u8]) -> Option<()> {
        if id == 0 || id == 15 {
            return None;
        }
        let len = u8::try_from(data.len()).ok()?;
        let fits_one_byte = id < 15 && (1..=16).contains(&len);
        if self.form == ExtensionForm::OneByte && !fits_one_byte {
            self.widen()?;
        }
        match self.form {
            ExtensionForm::OneByte => self.append(&[(id << 4) | (len - 1)])?,
            ExtensionForm::TwoByte => self.append(&[id, len])?,
        }
        self.append(data)
    }

    fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.used + bytes.len();
        self.out.get_mut(self.used..end)?.copy_from_slice(bytes);
        self.used = end;
        Some(())
    }

    /// Turns the elements written so far into the two-byte form.
    fn widen(&mut self) -> Option<()> {
        self.form = ExtensionForm::TwoByte;
        let mut at = BLOCK_HEAD_LEN;
        while at < self.used {
            let head = *self.out.get(at)?;
            let len = (head & 0x0F) + 1;
            if self.used >= self.out.len() {
                return None;
            }
            self.out.copy_within(at + 1..self.used, at + 2);
            self.used += 1;
            *self.out.get_mut(at)? = head >> 4;
            *self.out.get_mut(at + 1)? = len;
            at += 2 + usize::from(len);
        }
        Some(())
    }

    /// Pads to a multiple of four, writes the head and returns the length of the block in bytes.
    /// `None` when `out` was too short or an element cannot be expressed (id 0 or 15, more than
    /// 255 bytes).
    pub fn finish(mut self) -> Option<usize> {
        if self.failed {
            return None;
        }
        while !self.used.is_multiple_of(4) {
            self.append(&[0])?;
        }
        let profile: u16 = match self.form {
            ExtensionForm::OneByte => 0xBEDE,
            ExtensionForm::TwoByte => 0x1000,
        };
        let words = u16::try_from((self.used - BLOCK_HEAD_LEN) / 4).ok()?;
        let [p0, p1] = profile.to_be_bytes();
        let [l0, l1] = words.to_be_bytes();
        self.out
            .get_mut(..BLOCK_HEAD_LEN)?
            .copy_from_slice(&[p0, p1, l0, l1]);
        Some(self.used)
    }
}
