//! The answer's text, in the offer's order of m-lines (RFC 3264 §6, RFC 9429 §5.3.1).

use std::fmt;

use super::format::Chosen;
use super::negotiate::{Candidate, CandidateProtocol};
use super::offer::{Direction, Offer, OfferedExtension, OfferedMedia};
use super::plan::{Mid, SlotLine};
use super::{DtlsRole, Fingerprint, IceCredentials};
use crate::media::{Codec, MediaKind};
use crate::wire::extensions::{ExtensionKind, ExtensionMap};

/// The header extensions we answer; the others are for what we do not do yet.
const ANSWERED_EXTENSIONS: [ExtensionKind; 4] = [
    ExtensionKind::Mid,
    ExtensionKind::AudioLevel,
    ExtensionKind::AbsSendTime,
    ExtensionKind::TransportSequence,
];
/// Largest id of the one-byte form, which needs no agreement on mixing (RFC 8285 §4.1.2).
const MAX_ONE_BYTE_ID: u8 = 14;
/// Largest session id and version that every client reads (RFC 9429 §5.2.1).
const SESSION_ID_MASK: u64 = (1 << 62) - 1;

/// How one m-line of the offer is answered.
#[derive(Debug)]
pub(super) enum AnswerLine<'a> {
    /// Port 0.
    Rejected,
    Accepted(AcceptedLine<'a>),
}

#[derive(Debug)]
pub(super) struct AcceptedLine<'a> {
    pub(super) mid: Mid,
    /// As seen by us.
    pub(super) direction: Direction,
    /// Preferred first; never empty.
    pub(super) codecs: Vec<Chosen<'a>>,
    pub(super) extensions: LineExtensions,
    pub(super) slot: Option<SlotLine>,
}

/// The header extensions agreed for one m-line.
#[derive(Debug)]
pub(super) struct LineExtensions {
    agreed: Vec<OfferedExtension>,
    pub(super) from_client: ExtensionMap,
    pub(super) to_client: ExtensionMap,
}

impl LineExtensions {
    pub(super) fn of(media: &OfferedMedia, kind: MediaKind, session_allows_mixed: bool) -> Self {
        let mixed = session_allows_mixed || media.extmap_allow_mixed;
        let mut extensions = Self {
            agreed: Vec::new(),
            from_client: ExtensionMap::default(),
            to_client: ExtensionMap::default(),
        };
        for offered in &media.extensions {
            let fits = ANSWERED_EXTENSIONS.contains(&offered.kind)
                && (offered.kind != ExtensionKind::AudioLevel || kind == MediaKind::Audio)
                && (offered.id <= MAX_ONE_BYTE_ID || mixed)
                && offered.direction != Direction::Inactive;
            // An id that is reserved or used twice is not answered.
            let mut all = extensions.agreed_map();
            if !fits || all.insert(offered.kind, offered.id).is_err() {
                continue;
            }
            extensions.agreed.push(*offered);
            if offered.direction.sends() {
                let _ = extensions.from_client.insert(offered.kind, offered.id);
            }
            if offered.direction.receives() {
                let _ = extensions.to_client.insert(offered.kind, offered.id);
            }
        }
        extensions
    }

    fn agreed_map(&self) -> ExtensionMap {
        let mut map = ExtensionMap::default();
        for extension in &self.agreed {
            let _ = map.insert(extension.kind, extension.id);
        }
        map
    }

    pub(super) fn have_transport_sequence(&self) -> bool {
        self.agreed
            .iter()
            .any(|extension| extension.kind == ExtensionKind::TransportSequence)
    }
}

/// The mid of the answer's BUNDLE tag: the first of the offer's group that is accepted.
pub(super) fn tag(offer: &Offer, lines: &[AnswerLine<'_>]) -> Option<Mid> {
    accepted_bundle(offer, lines).next()
}

fn accepted_bundle<'a>(
    offer: &'a Offer,
    lines: &'a [AnswerLine<'_>],
) -> impl Iterator<Item = Mid> + 'a {
    offer.bundle.iter().copied().filter(|mid| {
        lines
            .iter()
            .any(|line| matches!(line, AnswerLine::Accepted(line) if line.mid == *mid))
    })
}

/// Everything the text says.
pub(super) struct AnswerText<'a> {
    pub(super) session_id: u64,
    pub(super) session_version: u64,
    pub(super) ice: &'a IceCredentials,
    pub(super) candidates: &'a [Candidate],
    pub(super) fingerprint: &'a Fingerprint,
    pub(super) cname: &'a str,
    pub(super) dtls_role: DtlsRole,
    pub(super) offer: &'a Offer,
    /// One for each m-line of `offer`.
    pub(super) lines: &'a [AnswerLine<'a>],
}

pub(super) fn write(text: &AnswerText<'_>) -> String {
    let mut out = Writer(String::new());
    text.write_session(&mut out);
    let tag = tag(text.offer, text.lines);
    for (media, line) in text.offer.media.iter().zip(text.lines) {
        match line {
            AnswerLine::Rejected => write_rejected(media, &mut out),
            AnswerLine::Accepted(line) => {
                text.write_accepted(media, line, tag == Some(line.mid), &mut out);
            }
        }
    }
    out.0
}

struct Writer(String);

impl Writer {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = fmt::Write::write_fmt(&mut self.0, line);
        self.0.push_str("\r\n");
    }
}

macro_rules! emit {
    ($out:expr, $($arg:tt)*) => { $out.line(format_args!($($arg)*)) };
}

fn write_rejected(media: &OfferedMedia, out: &mut Writer) {
    let (name, protocol, format) = (&media.name, &media.protocol, &media.first_format);
    emit!(out, "m={name} 0 {protocol} {format}");
    emit!(out, "c=IN IP4 0.0.0.0");
    if let Some(mid) = media.mid {
        emit!(out, "a=mid:{}", mid.as_str());
    }
    emit!(out, "a=inactive");
}

impl AnswerText<'_> {
    fn write_session(&self, out: &mut Writer) {
        let id = self.session_id & SESSION_ID_MASK;
        let version = self.session_version & SESSION_ID_MASK;
        emit!(out, "v=0");
        emit!(out, "o=- {id} {version} IN IP4 0.0.0.0");
        emit!(out, "s=-");
        emit!(out, "t=0 0");
        emit!(out, "a=ice-lite");
        let mut bundle = String::new();
        for mid in accepted_bundle(self.offer, self.lines) {
            bundle.push(' ');
            bundle.push_str(mid.as_str());
        }
        if !bundle.is_empty() {
            emit!(out, "a=group:BUNDLE{bundle}");
        }
        if self.offer.extmap_allow_mixed {
            emit!(out, "a=extmap-allow-mixed");
        }
        emit!(out, "a=msid-semantic:WMS *");
    }

    fn write_accepted(
        &self,
        media: &OfferedMedia,
        line: &AcceptedLine<'_>,
        is_tag: bool,
        out: &mut Writer,
    ) {
        let mut formats = String::new();
        for chosen in &line.codecs {
            formats.push_str(&format!(" {}", chosen.format.payload_type));
            if let Some(rtx) = chosen.rtx_payload_type {
                formats.push_str(&format!(" {rtx}"));
            }
        }
        emit!(out, "m={} 9 {}{formats}", media.name, media.protocol);
        emit!(out, "c=IN IP4 0.0.0.0");
        emit!(out, "a=mid:{}", line.mid.as_str());
        self.write_transport(is_tag, out);
        for extension in &line.extensions.agreed {
            let direction = match extension.direction {
                Direction::SendOnly => "/recvonly",
                Direction::RecvOnly => "/sendonly",
                Direction::SendRecv | Direction::Inactive => "",
            };
            let (id, uri) = (extension.id, extension.kind.uri());
            emit!(out, "a=extmap:{id}{direction} {uri}");
        }
        if media.extmap_allow_mixed {
            emit!(out, "a=extmap-allow-mixed");
        }
        emit!(out, "a={}", line.direction.name());
        emit!(out, "a=rtcp-mux");
        if media.rtcp_rsize {
            emit!(out, "a=rtcp-rsize");
        }
        for chosen in &line.codecs {
            write_format(chosen, out);
        }
        if let Some(slot) = &line.slot {
            self.write_slot(slot, out);
        }
    }

    fn write_transport(&self, is_tag: bool, out: &mut Writer) {
        emit!(out, "a=ice-ufrag:{}", self.ice.ufrag);
        emit!(out, "a=ice-pwd:{}", self.ice.password);
        emit!(out, "a=fingerprint:{}", self.fingerprint);
        let setup = match self.dtls_role {
            DtlsRole::Client => "active",
            DtlsRole::Server => "passive",
        };
        emit!(out, "a=setup:{setup}");
        if !is_tag {
            return;
        }
        for (index, candidate) in self.candidates.iter().enumerate() {
            let protocol = match candidate.protocol {
                CandidateProtocol::Udp => "udp",
            };
            let (ip, port) = (candidate.address.ip(), candidate.address.port());
            let foundation = index + 1;
            let priority = host_priority(index);
            emit!(
                out,
                "a=candidate:{foundation} 1 {protocol} {priority} {ip} {port} typ host"
            );
        }
        emit!(out, "a=end-of-candidates");
    }

    /// Each slot is a stream of its own, so that a client finds the slot's track by the m-line and
    /// never waits to play one slot in step with another.
    fn write_slot(&self, slot: &SlotLine, out: &mut Writer) {
        let (mid, ssrc, cname) = (slot.mid.as_str(), slot.ssrc, self.cname);
        emit!(out, "a=msid:slot-{mid} slot-{mid}");
        if let Some(rtx_ssrc) = slot.rtx_ssrc {
            emit!(out, "a=ssrc-group:FID {ssrc} {rtx_ssrc}");
        }
        emit!(out, "a=ssrc:{ssrc} cname:{cname}");
        if let Some(rtx_ssrc) = slot.rtx_ssrc {
            emit!(out, "a=ssrc:{rtx_ssrc} cname:{cname}");
        }
    }
}

/// RFC 8445 §5.1.2.1: type preference 126 (host), local preference falling with the index,
/// component 1.
fn host_priority(index: usize) -> u32 {
    let local = 65_535 - u32::try_from(index).unwrap_or(u32::MAX).min(65_535);
    (126 << 24) | (local << 8) | 255
}

fn write_format(chosen: &Chosen<'_>, out: &mut Writer) {
    let format = chosen.format;
    let payload_type = format.payload_type;
    let encoding = match chosen.codec {
        Codec::Opus => "opus/48000/2",
        Codec::Vp8 => "VP8/90000",
        Codec::H264 => "H264/90000",
    };
    emit!(out, "a=rtpmap:{payload_type} {encoding}");
    let feedback = chosen.feedback;
    for (has, name) in [
        (feedback.remb, "goog-remb"),
        (feedback.transport_cc, "transport-cc"),
        (feedback.fir, "ccm fir"),
        (feedback.nack, "nack"),
        (feedback.pli, "nack pli"),
    ] {
        if has {
            emit!(out, "a=rtcp-fb:{payload_type} {name}");
        }
    }
    match chosen.codec {
        Codec::Opus => {
            let dtx = if format.use_dtx { ";usedtx=1" } else { "" };
            emit!(out, "a=fmtp:{payload_type} minptime=10;useinbandfec=1{dtx}");
        }
        Codec::Vp8 => {}
        Codec::H264 => {
            let mut parameters = format!("packetization-mode={}", format.packetization_mode);
            if format.level_asymmetry_allowed {
                parameters.insert_str(0, "level-asymmetry-allowed=1;");
            }
            if let Some([profile, constraints, level]) = format.profile_level_id {
                let id = format!(";profile-level-id={profile:02x}{constraints:02x}{level:02x}");
                parameters.push_str(&id);
            }
            emit!(out, "a=fmtp:{payload_type} {parameters}");
        }
    }
    if let Some(rtx) = chosen.rtx_payload_type {
        emit!(out, "a=rtpmap:{rtx} rtx/90000");
        emit!(out, "a=fmtp:{rtx} apt={payload_type}");
    }
}
