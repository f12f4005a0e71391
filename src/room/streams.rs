//! Which of a participant's tracks an incoming SSRC belongs to (RFC 9143 §9.2, RFC 8852).

use arrayvec::ArrayVec;

use super::counters::MediaDrop;
use crate::media::Source;
use crate::wire::sdp::{Mid, PublishLine};

/// SSRCs remembered per participant: four sources with media and RTX, announced and, when the
/// client sends under others than it announced, learnt. When full, packets of further SSRCs are
/// dropped and counted; only authenticated packets get this far.
pub const MAX_STREAMS: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Line {
    source: Source,
    mid: Mid,
    payload_type: u8,
    rtx_payload_type: Option<u8>,
}

#[derive(Debug)]
pub struct Streams {
    known: ArrayVec<(u32, Source), MAX_STREAMS>,
    lines: ArrayVec<Line, { Source::ALL.len() }>,
}

impl Streams {
    /// At most one line per source; a plan has no more.
    pub fn new(lines: &[PublishLine]) -> Self {
        let mut streams = Self {
            known: ArrayVec::new(),
            lines: ArrayVec::new(),
        };
        for line in lines.iter().take(Source::ALL.len()) {
            streams.lines.push(Line {
                source: line.source,
                mid: line.mid,
                payload_type: line.payload_type,
                rtx_payload_type: line.rtx_payload_type,
            });
            for ssrc in [line.ssrc, line.rtx_ssrc].into_iter().flatten() {
                if streams.find(ssrc).is_none() {
                    streams.known.push((ssrc, line.source));
                }
            }
        }
        streams
    }

    /// The source of a known SSRC.
    pub fn find(&self, ssrc: u32) -> Option<Source> {
        let (_, source) = self.known.iter().find(|(known, _)| *known == ssrc)?;
        Some(*source)
    }

    /// The source of an SSRC that is not known yet: by the MID of its packet, else by a payload
    /// type that only one line uses. The answer is remembered.
    pub fn learn(
        &mut self,
        ssrc: u32,
        mid: Option<&[u8]>,
        payload_type: u8,
    ) -> Result<Source, MediaDrop> {
        let source = match mid {
            Some(mid) => self.by_mid(mid),
            None => self.by_payload_type(payload_type),
        };
        let source = source.ok_or(MediaDrop::UnknownStream)?;
        self.known
            .try_push((ssrc, source))
            .map_err(|_| MediaDrop::StreamTableFull)?;
        Ok(source)
    }

    fn by_mid(&self, mid: &[u8]) -> Option<Source> {
        let line = self
            .lines
            .iter()
            .find(|line| line.mid.as_str().as_bytes() == mid)?;
        Some(line.source)
    }

    fn by_payload_type(&self, payload_type: u8) -> Option<Source> {
        let mut users = self.lines.iter().filter(|line| {
            line.payload_type == payload_type || line.rtx_payload_type == Some(payload_type)
        });
        match (users.next(), users.next()) {
            (Some(only), None) => Some(only.source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;
    use crate::wire::extensions::ExtensionMap;
    use crate::wire::sdp::Feedback;
    use arrayvec::ArrayString;

    fn line(mid: &str, source: Source, payload_type: u8, ssrc: Option<u32>) -> PublishLine {
        let is_audio = matches!(source, Source::Microphone | Source::ScreenAudio);
        PublishLine {
            mid: Mid(ArrayString::from(mid).unwrap()),
            source,
            codec: if is_audio { Codec::Opus } else { Codec::Vp8 },
            payload_type,
            rtx_payload_type: (!is_audio).then_some(payload_type + 1),
            ssrc,
            rtx_ssrc: None,
            extensions: ExtensionMap::default(),
            feedback: Feedback::default(),
        }
    }

    fn streams() -> Streams {
        Streams::new(&[
            line("0", Source::Microphone, 111, Some(1000)),
            line("1", Source::Camera, 96, None),
            line("2", Source::Screen, 96, None),
        ])
    }

    #[test]
    fn announced_ssrcs_are_known_and_mids_are_learnt() {
        let mut streams = streams();
        assert_eq!(streams.find(1000), Some(Source::Microphone));
        assert_eq!(streams.find(7), None);
        assert_eq!(streams.learn(7, Some(b"2"), 96), Ok(Source::Screen));
        assert_eq!(streams.find(7), Some(Source::Screen));
    }

    #[test]
    fn a_payload_type_decides_only_when_one_line_has_it() {
        let mut streams = streams();
        assert_eq!(streams.learn(8, None, 96), Err(MediaDrop::UnknownStream));
        assert_eq!(streams.learn(9, None, 111), Ok(Source::Microphone));
        assert_eq!(
            streams.learn(10, Some(b"9"), 111),
            Err(MediaDrop::UnknownStream)
        );
        assert_eq!(streams.find(8), None);
        assert_eq!(streams.find(10), None);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut streams = streams();
        for ssrc in 0..MAX_STREAMS as u32 - 1 {
            assert!(streams.learn(ssrc, Some(b"1"), 96).is_ok());
        }
        assert_eq!(
            streams.learn(99, Some(b"1"), 96),
            Err(MediaDrop::StreamTableFull)
        );
        assert_eq!(streams.find(1000), Some(Source::Microphone));
    }
}
