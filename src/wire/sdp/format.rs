//! The payload formats of one offered m-line: `a=rtpmap`, `a=fmtp`, `a=rtcp-fb`, and choosing the
//! ones we forward.

use super::plan::Feedback;
use super::security::parse_hex_byte;
use crate::media::{Codec, MediaKind};

/// RTP payload types are 7 bits wide; more formats than that cannot be told apart.
const MAX_PAYLOAD_TYPE: u8 = 127;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Media(Codec),
    /// Retransmissions of another payload type (RFC 4588).
    Rtx,
    /// Not forwarded, or not named by an `a=rtpmap`.
    Other,
}

impl Encoding {
    /// Reads `opus/48000/2`. The name has no case (RFC 8866 §6.6).
    fn parse(rtpmap: &str) -> Self {
        let mut parts = rtpmap.split('/');
        let (Some(name), Some(clock_rate)) = (parts.next(), parts.next()) else {
            return Self::Other;
        };
        let named = |expected: &str, rate: &str| {
            name.eq_ignore_ascii_case(expected) && clock_rate.trim() == rate
        };
        if named("opus", "48000") && parts.next().map(str::trim) == Some("2") {
            Self::Media(Codec::Opus)
        } else if named("vp8", "90000") {
            Self::Media(Codec::Vp8)
        } else if named("h264", "90000") {
            Self::Media(Codec::H264)
        } else if named("rtx", "90000") {
            Self::Rtx
        } else {
            Self::Other
        }
    }
}

/// One payload type with what of its parameters an answer can need.
#[derive(Clone, Debug)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    encoding: Encoding,
    feedback: Feedback,
    /// RTX: the payload type it repeats (RFC 4588 §8.1).
    associated: Option<u8>,
    /// Opus: the receiver asks for discontinuous transmission (RFC 7587 §6.1).
    pub(super) use_dtx: bool,
    /// H.264 (RFC 6184 §8.1); absent means 0, single NAL units.
    pub(super) packetization_mode: u8,
    pub(super) profile_level_id: Option<[u8; 3]>,
    pub(super) level_asymmetry_allowed: bool,
}

impl Format {
    fn new(payload_type: u8) -> Self {
        Self {
            payload_type,
            encoding: Encoding::Other,
            feedback: Feedback::default(),
            associated: None,
            use_dtx: false,
            packetization_mode: 0,
            profile_level_id: None,
            level_asymmetry_allowed: false,
        }
    }

    fn read_parameter(&mut self, name: &str, value: &str) {
        let is = |expected: &str| name.eq_ignore_ascii_case(expected);
        if is("apt") {
            self.associated = value.parse().ok();
        } else if is("usedtx") {
            self.use_dtx = value == "1";
        } else if is("packetization-mode") {
            // An unreadable mode is none we know.
            self.packetization_mode = value.parse().unwrap_or(u8::MAX);
        } else if is("profile-level-id") {
            self.profile_level_id = parse_profile_level_id(value);
        } else if is("level-asymmetry-allowed") {
            self.level_asymmetry_allowed = value == "1";
        }
    }

    /// How well an H.264 format suits a mixed class; `None`: not at all. Packetization mode 1 can
    /// carry what every browser sends; the constrained baseline profile plays everywhere.
    fn h264_rank(&self) -> Option<u8> {
        if self.packetization_mode > 1 {
            return None;
        }
        let profile = match self.profile_level_id {
            Some([0x42, constraints, _]) if constraints & 0x40 != 0 => 3,
            // Absent means baseline (RFC 6184 §8.1).
            Some([0x42, ..]) | None => 2,
            Some([0x4D | 0x58 | 0x64, ..]) => 1,
            Some(_) => 0,
        };
        Some(self.packetization_mode * 4 + profile)
    }
}

fn parse_profile_level_id(value: &str) -> Option<[u8; 3]> {
    let byte = |range| value.get(range).and_then(parse_hex_byte);
    (value.len() == 6).then_some(())?;
    Some([byte(0..2)?, byte(2..4)?, byte(4..6)?])
}

/// A format we forward, with the RTX format that repeats it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) codec: Codec,
    pub(super) format: &'a Format,
    pub(super) rtx_payload_type: Option<u8>,
    pub(super) feedback: Feedback,
}

/// The formats of one m-line in the offer's order, at most one per payload type.
#[derive(Clone, Debug, Default)]
pub(super) struct FormatTable {
    formats: Vec<Format>,
    /// `a=rtcp-fb:*` (RFC 4585 §4.2).
    feedback_of_all: Feedback,
}

impl FormatTable {
    /// `formats` are the last fields of the m-line; what is no payload type is left out.
    pub(super) fn new<'a>(formats: impl Iterator<Item = &'a str>) -> Self {
        let mut seen = [false; MAX_PAYLOAD_TYPE as usize + 1];
        let mut table = Self::default();
        for payload_type in formats.filter_map(|format| format.parse::<u8>().ok()) {
            if let Some(seen) = seen.get_mut(usize::from(payload_type))
                && !*seen
            {
                *seen = true;
                table.formats.push(Format::new(payload_type));
            }
        }
        table
    }

    /// Splits `96 rest` and finds the format of 96. Attributes of formats that the m-line does not
    /// list have no effect.
    fn split<'v>(&mut self, value: &'v str) -> Option<(&mut Format, &'v str)> {
        let (payload_type, rest) = value.split_once(' ')?;
        let payload_type = payload_type.parse::<u8>().ok()?;
        let format = self
            .formats
            .iter_mut()
            .find(|format| format.payload_type == payload_type)?;
        Some((format, rest.trim()))
    }

    pub(super) fn read_rtpmap(&mut self, value: &str) {
        if let Some((format, encoding)) = self.split(value) {
            format.encoding = Encoding::parse(encoding);
        }
    }

    pub(super) fn read_fmtp(&mut self, value: &str) {
        if let Some((format, parameters)) = self.split(value) {
            for parameter in parameters.split(';') {
                if let Some((name, value)) = parameter.split_once('=') {
                    format.read_parameter(name.trim(), value.trim());
                }
            }
        }
    }

    pub(super) fn read_rtcp_fb(&mut self, value: &str) {
        let feedback = match value.split_once(' ') {
            Some(("*", _)) => Some(&mut self.feedback_of_all),
            _ => self.split(value).map(|(format, _)| &mut format.feedback),
        };
        let Some(feedback) = feedback else { return };
        let mut words = value.split_ascii_whitespace().skip(1);
        match (words.next(), words.next()) {
            (Some("nack"), None) => feedback.nack = true,
            (Some("nack"), Some("pli")) => feedback.pli = true,
            (Some("ccm"), Some("fir")) => feedback.fir = true,
            (Some("transport-cc"), None) => feedback.transport_cc = true,
            (Some("goog-remb"), None) => feedback.remb = true,
            _ => {}
        }
    }

    /// What we forward of this line, preferred first: Opus, or VP8 and then H.264.
    pub(super) fn choose(&self, kind: MediaKind) -> Vec<Chosen<'_>> {
        let wanted: &[Codec] = match kind {
            MediaKind::Audio => &[Codec::Opus],
            MediaKind::Video => &[Codec::Vp8, Codec::H264],
        };
        wanted
            .iter()
            .filter_map(|&codec| {
                let format = self.best(codec)?;
                Some(self.with_rtx(codec, format))
            })
            .collect()
    }

    /// The first format of `codec`, or of H.264's many the one that suits most.
    fn best(&self, codec: Codec) -> Option<&Format> {
        let mut candidates = self
            .formats
            .iter()
            .filter(|format| format.encoding == Encoding::Media(codec));
        match codec {
            Codec::Opus | Codec::Vp8 => candidates.next(),
            Codec::H264 => candidates
                .filter_map(|format| Some((format.h264_rank()?, format)))
                // The first of the best, not the last that `max_by_key` gives.
                .reduce(|best, next| if next.0 > best.0 { next } else { best })
                .map(|(_, format)| format),
        }
    }

    fn with_rtx<'a>(&'a self, codec: Codec, format: &'a Format) -> Chosen<'a> {
        let rtx_payload_type = self
            .formats
            .iter()
            .find(|rtx| {
                rtx.encoding == Encoding::Rtx && rtx.associated == Some(format.payload_type)
            })
            .map(|rtx| rtx.payload_type)
            .filter(|_| codec.kind() == MediaKind::Video);
        let own = format.feedback;
        let all = self.feedback_of_all;
        let video = codec.kind() == MediaKind::Video;
        Chosen {
            codec,
            format,
            rtx_payload_type,
            feedback: Feedback {
                nack: (own.nack || all.nack) && rtx_payload_type.is_some(),
                pli: (own.pli || all.pli) && video,
                fir: (own.fir || all.fir) && video,
                transport_cc: own.transport_cc || all.transport_cc,
                remb: (own.remb || all.remb) && video,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(formats: &str, rtpmaps: &[&str], fmtps: &[&str], feedback: &[&str]) -> FormatTable {
        let mut table = FormatTable::new(formats.split(' '));
        // Firefox writes fmtp before rtpmap.
        fmtps.iter().for_each(|value| table.read_fmtp(value));
        rtpmaps.iter().for_each(|value| table.read_rtpmap(value));
        feedback.iter().for_each(|value| table.read_rtcp_fb(value));
        table
    }

    #[test]
    fn codec_names_have_no_case() {
        let audio = table("96", &["96 OPUS/48000/2"], &[], &[]);
        assert_eq!(audio.choose(MediaKind::Audio).len(), 1);
        let video = table("97 98", &["97 vp8/90000", "98 h264/90000"], &[], &[]);
        let codecs: Vec<_> = video
            .choose(MediaKind::Video)
            .iter()
            .map(|chosen| chosen.codec)
            .collect();
        assert_eq!(codecs, [Codec::Vp8, Codec::H264]);
    }

    #[test]
    fn other_clock_rates_channels_and_unlisted_types_are_other_codecs() {
        for rtpmap in ["96 opus/48000", "96 opus/16000/2", "97 opus/48000/2", "96"] {
            let audio = table("96", &[rtpmap], &[], &[]);
            assert!(audio.choose(MediaKind::Audio).is_empty(), "{rtpmap}");
        }
    }

    #[test]
    fn nack_needs_rtx() {
        let rtpmaps = ["96 VP8/90000", "97 rtx/90000"];
        let without = table("96", &rtpmaps, &[], &["96 nack", "96 nack pli"]);
        let [vp8] = without.choose(MediaKind::Video)[..] else {
            panic!("VP8 is chosen");
        };
        assert_eq!(vp8.rtx_payload_type, None);
        assert!(!vp8.feedback.nack && vp8.feedback.pli && !vp8.feedback.fir);

        let with = table("96 97", &rtpmaps, &["97 apt=96"], &["* nack", "96 ccm fir"]);
        let [vp8] = with.choose(MediaKind::Video)[..] else {
            panic!("VP8 is chosen");
        };
        assert_eq!(vp8.rtx_payload_type, Some(97));
        assert!(vp8.feedback.nack && !vp8.feedback.pli && vp8.feedback.fir);
    }

    #[test]
    fn h264_prefers_mode_1_then_constrained_baseline() {
        let rtpmaps: Vec<String> = (96..=100).map(|t| format!("{t} H264/90000")).collect();
        let rtpmaps: Vec<&str> = rtpmaps.iter().map(String::as_str).collect();
        let fmtps = [
            "96 packetization-mode=0;profile-level-id=42e01f",
            "97 packetization-mode=1;profile-level-id=640c1f",
            "98 PACKETIZATION-MODE=1; profile-level-id=42001f",
            "99 packetization-mode=1;profile-level-id=42e01f",
            "100 packetization-mode=2;profile-level-id=42e01f",
        ];
        for (offered, expected) in [
            ("96 97 98 99 100", Some(99)),
            ("96 97 98 100", Some(98)),
            ("96 97", Some(97)),
            ("96", Some(96)),
            ("100", None),
        ] {
            let video = table(offered, &rtpmaps, &fmtps, &[]);
            let chosen = video.choose(MediaKind::Video);
            let payload_type = chosen.first().map(|chosen| chosen.format.payload_type);
            assert_eq!(payload_type, expected, "{offered}");
        }
    }
}
