//! SDP: a client's offer read strictly, and our answer with the plan that follows from it.
//!
//! Text is cut into lines by our own reader: a few hundred lines that borrow, keep only what the
//! answer needs and have a bound on everything, where a general SDP model would copy every
//! attribute of a hostile offer. `rtc::sdp` checks the answers in the tests.
//!
//! ```text
//! &str --parse_offer--> Offer --negotiate--> Negotiated { answer text, SessionPlan, warnings }
//! ```

mod answer;
mod format;
mod negotiate;
mod offer;
mod plan;
mod security;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use negotiate::{
    AnswerParams, Candidate, CandidateProtocol, Negotiated, RestartParams, Restarted, SdpWarning,
    negotiate, renegotiate_restart,
};
pub use offer::{Offer, parse_offer};
pub use plan::{Feedback, MAX_MID_BYTES, Mid, PublishLine, SessionPlan, SlotCodec, SlotLine};
pub use security::{DtlsRole, Fingerprint, HashAlgorithm, IceCredentials};

/// Longest offer that is read at all.
pub const MAX_OFFER_BYTES: usize = 128 * 1024;
/// Most m-lines of an offer; one more refuses it.
pub const MAX_MEDIA: usize = 64;
/// Video lines a participant can receive on; further ones are answered inactive.
pub const MAX_VIDEO_SLOTS: usize = 32;
/// Audio lines a participant can receive on; further ones are answered inactive.
pub const MAX_AUDIO_SLOTS: usize = 8;

/// Why an offer is refused as a whole. Lines are counted from 1, m-lines from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SdpError {
    #[error("the offer is longer than {MAX_OFFER_BYTES} bytes")]
    TooLong,
    #[error("the offer has more than {MAX_MEDIA} m-lines")]
    TooManyMedia,
    #[error("line {line} is no SDP line")]
    MalformedLine { line: usize },
    #[error("the text does not start with v=0")]
    NotSdp,
    #[error("m-line {index} has no mid")]
    MissingMid { index: usize },
    #[error("the mid on line {line} is empty, longer than {MAX_MID_BYTES} bytes or not a token")]
    BadMid { line: usize },
    #[error("the mid {0} is used twice")]
    DuplicateMid(String),
    #[error("m-line {0} is not in the BUNDLE group; only bundled offers are accepted")]
    NotBundled(String),
    #[error("m-line {0} does not offer rtcp-mux")]
    MissingRtcpMux(String),
    #[error("no ICE user fragment and password")]
    MissingIceCredentials,
    #[error("ICE user fragment or password malformed")]
    BadIceCredentials,
    #[error("the offerer is ICE-lite as we are: nobody would send connectivity checks")]
    PeerIsIceLite,
    #[error("no certificate fingerprint")]
    MissingFingerprint,
    #[error("fingerprint malformed")]
    BadFingerprint,
    #[error("the fingerprint's hash is not supported (SHA-256, SHA-384, SHA-512)")]
    UnsupportedFingerprint,
    #[error("a=setup is neither active, passive nor actpass")]
    BadSetup,
    #[error("the offer has no audio or video line")]
    NoUsableMedia,
    #[error("the new offer does not restart ICE: its credentials are the old ones")]
    NotARestart,
    #[error("the new offer changes more than ICE: {0}")]
    RestartChanged(&'static str),
}
