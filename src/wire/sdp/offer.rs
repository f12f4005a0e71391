//! An offer as read: only what an answer can need, with a bound on everything that repeats.

use arrayvec::{ArrayString, ArrayVec};

use super::format::FormatTable;
use super::plan::Mid;
use super::security::{Fingerprint, IceCredentials, OfferedSetup};
use super::{MAX_MEDIA, MAX_OFFER_BYTES, SdpError};
use crate::media::MediaKind;
use crate::wire::extensions::ExtensionKind;

/// Fingerprints kept of one section; further ones are ignored. aiortc sends three.
const MAX_FINGERPRINTS: usize = 8;
/// `a=ssrc` values kept of one m-line; further ones are ignored. Firefox sends six for simulcast.
const MAX_SSRCS: usize = 32;
/// `a=ssrc-group:FID` pairs kept of one m-line; further ones are ignored.
const MAX_FID_GROUPS: usize = 16;
/// Longest media name, protocol or format that a refusal repeats.
const MAX_ECHO_BYTES: usize = 64;

/// Which way media flows on a line, or a header extension on it, as seen by the offerer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    pub(super) fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    pub(super) fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub(super) fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// Transport attributes, which stand on the session or on an m-line.
#[derive(Clone, Debug, Default)]
pub(super) struct TransportAttributes {
    ufrag: Option<String>,
    password: Option<String>,
    pub(super) fingerprints: Vec<Fingerprint>,
    /// There were fingerprints, but by hashes we do not take.
    pub(super) has_unsupported_fingerprint: bool,
    pub(super) setup: Option<OfferedSetup>,
}

impl TransportAttributes {
    pub(super) fn ice(&self) -> Option<Result<IceCredentials, SdpError>> {
        let (ufrag, password) = (self.ufrag.as_ref()?, self.password.as_ref()?);
        Some(IceCredentials::parse(ufrag, password))
    }

    /// Whether `name` was one of ours.
    fn read(&mut self, name: &str, value: &str) -> Result<bool, SdpError> {
        match name {
            "ice-ufrag" => self.ufrag = Some(value.to_owned()),
            "ice-pwd" => self.password = Some(value.to_owned()),
            "setup" => self.setup = Some(OfferedSetup::parse(value)?),
            "fingerprint" if self.fingerprints.len() < MAX_FINGERPRINTS => {
                match Fingerprint::parse(value) {
                    Ok(fingerprint) => self.fingerprints.push(fingerprint),
                    Err(SdpError::UnsupportedFingerprint) => {
                        self.has_unsupported_fingerprint = true;
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OfferedExtension {
    pub(super) kind: ExtensionKind,
    pub(super) id: u8,
    pub(super) direction: Direction,
}

/// One m-line.
#[derive(Clone, Debug)]
pub(super) struct OfferedMedia {
    /// `None`: neither audio nor video.
    pub(super) kind: Option<MediaKind>,
    /// Media name, protocol and first format as written: tokens, safe to repeat.
    pub(super) name: ArrayString<MAX_ECHO_BYTES>,
    pub(super) protocol: ArrayString<MAX_ECHO_BYTES>,
    pub(super) first_format: ArrayString<MAX_ECHO_BYTES>,
    port: u16,
    bundle_only: bool,
    pub(super) mid: Option<Mid>,
    /// `None`: the session's.
    pub(super) direction: Option<Direction>,
    pub(super) transport: TransportAttributes,
    pub(super) rtcp_mux: bool,
    pub(super) rtcp_rsize: bool,
    pub(super) extmap_allow_mixed: bool,
    /// At most one per kind.
    pub(super) extensions: ArrayVec<OfferedExtension, { ExtensionKind::ALL.len() }>,
    pub(super) formats: FormatTable,
    pub(super) ssrcs: ArrayVec<u32, MAX_SSRCS>,
    /// (primary, RTX)
    pub(super) fid_groups: ArrayVec<(u32, u32), MAX_FID_GROUPS>,
}

impl OfferedMedia {
    /// Port 0 means refused or stopped by the offerer, unless the line counts on BUNDLE for its
    /// port (RFC 9143 §6).
    pub(super) fn is_live(&self) -> bool {
        self.port != 0 || self.bundle_only
    }

    /// RTP over DTLS-SRTP with feedback; anything else is no WebRTC media.
    pub(super) fn is_secure_rtp(&self) -> bool {
        matches!(
            self.protocol.as_str(),
            "UDP/TLS/RTP/SAVPF" | "TCP/TLS/RTP/SAVPF" | "RTP/SAVPF"
        )
    }

    /// Reads the value of `m=`: `audio 9 UDP/TLS/RTP/SAVPF 111 63`.
    fn parse(value: &str) -> Option<Self> {
        let mut fields = value.split_ascii_whitespace();
        let (name, port, protocol) = (fields.next()?, fields.next()?, fields.next()?);
        let first_format = fields.clone().next()?;
        let port = port.split('/').next()?.parse().ok()?;
        let kind = match name {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        };
        Some(Self {
            kind,
            name: echo(name).filter(|name| name.bytes().all(is_token_char))?,
            protocol: echo(protocol)?,
            first_format: echo(first_format)?,
            port,
            bundle_only: false,
            mid: None,
            direction: None,
            transport: TransportAttributes::default(),
            rtcp_mux: false,
            rtcp_rsize: false,
            extmap_allow_mixed: false,
            extensions: ArrayVec::new(),
            formats: FormatTable::new(fields),
            ssrcs: ArrayVec::new(),
            fid_groups: ArrayVec::new(),
        })
    }

    fn read_attribute(&mut self, line: usize, name: &str, value: &str) -> Result<(), SdpError> {
        if self.transport.read(name, value)? {
            return Ok(());
        }
        match name {
            "mid" => self.mid = Some(parse_mid(value).ok_or(SdpError::BadMid { line })?),
            "bundle-only" => self.bundle_only = true,
            "rtcp-mux" => self.rtcp_mux = true,
            "rtcp-rsize" => self.rtcp_rsize = true,
            "extmap-allow-mixed" => self.extmap_allow_mixed = true,
            "extmap" => self.read_extension(value),
            "rtpmap" => self.formats.read_rtpmap(value),
            "fmtp" => self.formats.read_fmtp(value),
            "rtcp-fb" => self.formats.read_rtcp_fb(value),
            "ssrc" => self.read_ssrc(value),
            "ssrc-group" => self.read_ssrc_group(value),
            _ => {
                if let Some(direction) = Direction::parse(name) {
                    self.direction = Some(direction);
                }
            }
        }
        Ok(())
    }

    /// `3/sendonly urn:...`; what we do not know or cannot read is not answered.
    fn read_extension(&mut self, value: &str) {
        let mut words = value.split_ascii_whitespace();
        let (Some(id), Some(uri)) = (words.next(), words.next()) else {
            return;
        };
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, Direction::parse(direction)),
            None => (id, Some(Direction::SendRecv)),
        };
        let (Ok(id), Some(direction), Some(kind)) =
            (id.parse(), direction, ExtensionKind::from_uri(uri))
        else {
            return;
        };
        if self.extensions.iter().all(|known| known.kind != kind) {
            // One per kind, so there is room for every kind.
            let _ = self.extensions.try_push(OfferedExtension {
                kind,
                id,
                direction,
            });
        }
    }

    fn read_ssrc(&mut self, value: &str) {
        let ssrc = value.split(' ').next().and_then(|id| id.parse().ok());
        if let Some(ssrc) = ssrc
            && !self.ssrcs.contains(&ssrc)
        {
            // Full: ignored, see MAX_SSRCS.
            let _ = self.ssrcs.try_push(ssrc);
        }
    }

    fn read_ssrc_group(&mut self, value: &str) {
        let mut words = value.split_ascii_whitespace();
        if words.next() != Some("FID") {
            return;
        }
        let mut ssrc = || words.next().and_then(|word| word.parse().ok());
        if let (Some(primary), Some(rtx)) = (ssrc(), ssrc()) {
            // Full: ignored, see MAX_FID_GROUPS.
            let _ = self.fid_groups.try_push((primary, rtx));
        }
    }
}

/// A client's offer that could be read. What of it can be used, [`negotiate`] decides.
///
/// [`negotiate`]: super::negotiate
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Mids of the first BUNDLE group, at most [`MAX_MEDIA`].
    pub(super) bundle: Vec<Mid>,
    pub(super) extmap_allow_mixed: bool,
    pub(super) ice_lite: bool,
    pub(super) direction: Direction,
    pub(super) transport: TransportAttributes,
    pub(super) media: Vec<OfferedMedia>,
}

impl Offer {
    fn read_attribute(&mut self, name: &str, value: &str) -> Result<(), SdpError> {
        if self.transport.read(name, value)? {
            return Ok(());
        }
        match name {
            "group" => self.read_group(value),
            "ice-lite" => self.ice_lite = true,
            "extmap-allow-mixed" => self.extmap_allow_mixed = true,
            _ => {
                if let Some(direction) = Direction::parse(name) {
                    self.direction = direction;
                }
            }
        }
        Ok(())
    }

    fn read_group(&mut self, value: &str) {
        let mut words = value.split_ascii_whitespace();
        if words.next() == Some("BUNDLE") && self.bundle.is_empty() {
            self.bundle = words.take(MAX_MEDIA).filter_map(parse_mid).collect();
        }
    }

    fn check_mids(&self) -> Result<(), SdpError> {
        for (index, media) in self.media.iter().enumerate() {
            let Some(mid) = media.mid else {
                if media.is_live() {
                    return Err(SdpError::MissingMid { index });
                }
                continue;
            };
            let before = self.media.iter().take(index);
            if before.filter_map(|other| other.mid).any(|used| used == mid) {
                return Err(SdpError::DuplicateMid(mid.as_str().to_owned()));
            }
        }
        Ok(())
    }
}

/// Reads an offer. Line ends may be CRLF or LF; unknown lines and attributes are skipped.
///
/// # Errors
/// An [`SdpError`] for text that is no SDP, is over a bound, or contradicts itself; never a panic.
pub fn parse_offer(text: &str) -> Result<Offer, SdpError> {
    if text.len() > MAX_OFFER_BYTES {
        return Err(SdpError::TooLong);
    }
    let mut lines = text
        .split('\n')
        .map(str::trim_end)
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.is_empty());
    if lines.next().map(|(_, line)| line) != Some("v=0") {
        return Err(SdpError::NotSdp);
    }
    let mut offer = Offer::default();
    for (line, content) in lines {
        match content.split_once('=') {
            Some(("m", value)) => {
                if offer.media.len() == MAX_MEDIA {
                    return Err(SdpError::TooManyMedia);
                }
                let media = OfferedMedia::parse(value).ok_or(SdpError::MalformedLine { line })?;
                offer.media.push(media);
            }
            Some(("a", attribute)) => {
                let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                match offer.media.last_mut() {
                    Some(media) => media.read_attribute(line, name, value)?,
                    None => offer.read_attribute(name, value)?,
                }
            }
            Some((name, _)) if name.len() == 1 => {}
            _ => return Err(SdpError::MalformedLine { line }),
        }
    }
    offer.check_mids()?;
    Ok(offer)
}

fn parse_mid(text: &str) -> Option<Mid> {
    (!text.is_empty() && text.bytes().all(is_token_char)).then_some(())?;
    ArrayString::from(text).ok().map(Mid)
}

/// A word that can be repeated in an answer without changing its shape.
fn echo(word: &str) -> Option<ArrayString<MAX_ECHO_BYTES>> {
    let safe = word.bytes().all(|byte| is_token_char(byte) || byte == b'/');
    ArrayString::from(word).ok().filter(|_| safe)
}

/// `token-char` of RFC 8866 §9, and the braces that Firefox puts around ids.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte)
}
