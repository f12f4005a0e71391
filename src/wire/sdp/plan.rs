//! What a negotiation decided, in the form the media path works with.

use arrayvec::ArrayString;

use super::{DtlsRole, Fingerprint, IceCredentials};
use crate::media::{Codec, MediaKind, Source};
use crate::wire::extensions::ExtensionMap;

/// Longest accepted `a=mid` in bytes. RFC 9143 sets no limit, but the RTP header extension carries
/// it in every first packet and one-byte extensions end at 16.
pub const MAX_MID_BYTES: usize = 16;

/// The name of an m-line (`a=mid`, RFC 5888 §4): 1 to 16 token characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mid(pub ArrayString<MAX_MID_BYTES>);

impl Mid {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// RTCP feedback that the offer wants or gives and the answer kept (RFC 4585, RFC 5104).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// Generic NACK; only ever together with an RTX format, since without RTX nothing can be
    /// retransmitted.
    pub nack: bool,
    pub pli: bool,
    pub fir: bool,
    /// Transport-wide congestion control; only together with its header extension.
    pub transport_cc: bool,
    pub remb: bool,
}

impl Feedback {
    /// What both have.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
            fir: self.fir && other.fir,
            transport_cc: self.transport_cc && other.transport_cc,
            remb: self.remb && other.remb,
        }
    }
}

/// What the media path needs of a negotiated session. Mids, payload types and header extension ids
/// are this participant's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPlan {
    pub dtls_role: DtlsRole,
    pub remote_ice: IceCredentials,
    /// The peer's certificate must match one of them; never empty.
    pub remote_fingerprints: Vec<Fingerprint>,
    /// At most one per [`Source`], in the order of the m-lines.
    pub publish: Vec<PublishLine>,
    /// In the order of the m-lines.
    pub slots: Vec<SlotLine>,
}

impl SessionPlan {
    /// Nothing is sent and nothing received: every line was refused or inactive.
    pub fn is_empty(&self) -> bool {
        self.publish.is_empty() && self.slots.is_empty()
    }
}

/// An m-line on which the participant sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishLine {
    pub mid: Mid,
    pub source: Source,
    pub codec: Codec,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// As announced by `a=ssrc`. `None`: to be learnt from packets that carry the mid.
    pub ssrc: Option<u32>,
    /// As announced by `a=ssrc-group:FID`.
    pub rtx_ssrc: Option<u32>,
    /// Extensions the participant may send.
    pub extensions: ExtensionMap,
    pub feedback: Feedback,
}

/// An m-line on which the participant receives: a place onto which tracks are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotLine {
    pub mid: Mid,
    pub kind: MediaKind,
    /// Ours, for the life of the session.
    pub ssrc: u32,
    /// Ours; present when any of `codecs` has RTX.
    pub rtx_ssrc: Option<u32>,
    /// Preferred first; never empty.
    pub codecs: Vec<SlotCodec>,
    /// Extensions the participant understands.
    pub extensions: ExtensionMap,
    /// What holds for all of `codecs`.
    pub feedback: Feedback,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotCodec {
    pub codec: Codec,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
}
