//! Source descriptions and goodbyes (RFC 3550 §6.5, §6.6).

use super::reader::Reader;
use super::{MAX_COUNT, RtcpError};

const END_OF_ITEMS: u8 = 0;
const CNAME: u8 = 1;
/// What a length byte can say.
const MAX_TEXT_LEN: usize = 255;

/// Names of sources. Of the items only CNAME is kept and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDescription {
    /// At most [`MAX_COUNT`] are written.
    pub chunks: Vec<SourceDescriptionChunk>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDescriptionChunk {
    pub ssrc: u32,
    /// Bytes that are not UTF-8 are replaced on reading; written up to 255 bytes.
    pub cname: Option<String>,
}

impl SourceDescription {
    pub(super) fn parse(reader: &mut Reader<'_>, count: usize) -> Result<Self, RtcpError> {
        let chunks = (0..count)
            .map(|_| SourceDescriptionChunk::parse(reader))
            .collect::<Result<_, _>>()?;
        Ok(Self { chunks })
    }

    /// Appends the body and returns the count field.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        let chunks = self.chunks.iter().take(MAX_COUNT);
        let count = chunks.len() as u8;
        for chunk in chunks {
            chunk.write(out);
        }
        count
    }
}

impl SourceDescriptionChunk {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        // Chunks begin and end at words, so the distance to the body's end tells the padding.
        let mut chunk = Self {
            ssrc: reader.u32()?,
            cname: None,
        };
        loop {
            let kind = reader.u8()?;
            if kind == END_OF_ITEMS {
                reader.bytes(reader.remaining() % 4)?;
                return Ok(chunk);
            }
            let len = usize::from(reader.u8()?);
            let text = reader.bytes(len)?;
            if kind == CNAME && chunk.cname.is_none() {
                chunk.cname = Some(String::from_utf8_lossy(text).into_owned());
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.ssrc.to_be_bytes());
        let mut len = 0;
        if let Some(cname) = &self.cname {
            out.push(CNAME);
            len = 2 + write_text(cname, out);
        }
        // At least one zero ends the items, more fill the word.
        out.extend(std::iter::repeat_n(END_OF_ITEMS, 4 - len % 4));
    }
}

/// Appends a length byte and the text, cut to 255 bytes; returns the bytes of text.
fn write_text(text: &str, out: &mut Vec<u8>) -> usize {
    let end = (0..=text.len().min(MAX_TEXT_LEN))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let text = end.and_then(|end| text.get(..end)).unwrap_or_default();
    out.push(text.len() as u8);
    out.extend(text.as_bytes());
    text.len()
}

/// Sources that leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    /// At most [`MAX_COUNT`] are written.
    pub ssrcs: Vec<u32>,
    /// Bytes that are not UTF-8 are replaced on reading; written up to 255 bytes.
    pub reason: Option<String>,
}

impl Goodbye {
    pub(super) fn parse(reader: &mut Reader<'_>, count: usize) -> Result<Self, RtcpError> {
        let ssrcs = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        let mut reason = None;
        if reader.remaining() > 0 {
            let len = usize::from(reader.u8()?);
            reason = Some(String::from_utf8_lossy(reader.bytes(len)?).into_owned());
        }
        Ok(Self { ssrcs, reason })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        let ssrcs = self.ssrcs.iter().take(MAX_COUNT);
        let count = ssrcs.len() as u8;
        for ssrc in ssrcs {
            out.extend(ssrc.to_be_bytes());
        }
        if let Some(reason) = &self.reason {
            write_text(reason, out);
        }
        count
    }
}
