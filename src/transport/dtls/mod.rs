//! DTLS 1.2 as the key exchange of SRTP (RFC 5764), sans-IO, behind one small trait.
//!
//! ```text
//! datagram -> Guard (budgets) -> rtc::dtls -> certificate == offer's fingerprint? -> SrtpKeys
//! ```

mod client_hello;
pub mod guard;
mod identity;
mod rtc_engine;
#[cfg(test)]
mod tests;

use std::time::Instant;

use thiserror::Error;

use super::srtp::SrtpKeys;

pub use guard::GuardDrop;
pub use identity::{Identity, IdentityError};
pub use rtc_engine::RtcDtls;

/// One DTLS association with one participant, in either role.
///
/// After every call, poll transmits and the outcome until `None`, then the timeout.
pub trait DtlsEngine: Send {
    /// The path is up. The client sends its ClientHello; the server waits for one.
    fn start(&mut self, now: Instant);

    /// # Errors
    /// Why the datagram was ignored. A handshake that fails is an outcome, not an error.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError>;

    fn handle_timeout(&mut self, now: Instant);

    fn poll_timeout(&self) -> Option<Instant>;

    fn poll_transmit(&mut self) -> Option<Vec<u8>>;

    fn poll_outcome(&mut self) -> Option<DtlsOutcome>;
}

/// What became of an association: keys once, or a failure; later perhaps its end.
#[derive(Debug)]
pub enum DtlsOutcome {
    Established(Box<SrtpKeys>),
    Failed(DtlsFailure),
    PeerClosed,
}

/// Why a datagram was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DtlsError {
    #[error(transparent)]
    Guard(#[from] GuardDrop),
    #[error("no handshake has begun and this does not begin one")]
    NotStarted,
    #[error("the association has ended")]
    Ended,
}

/// Why a handshake did not end in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum DtlsFailure {
    #[error("the participant's certificate is not the one its offer named")]
    FingerprintMismatch,
    #[error("the participant presented no certificate")]
    NoCertificate,
    #[error("no SRTP protection profile in common")]
    NoSrtpProfile,
    #[error("handshake refused or broken off")]
    Protocol,
    #[error("no handshake within the deadline")]
    TimedOut,
}

impl DtlsFailure {
    pub const ALL: [Self; 5] = [
        Self::FingerprintMismatch,
        Self::NoCertificate,
        Self::NoSrtpProfile,
        Self::Protocol,
        Self::TimedOut,
    ];

    /// Position in [`ALL`](Self::ALL).
    pub fn index(self) -> usize {
        self as usize
    }

    /// The failure as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::NoCertificate => "no_certificate",
            Self::NoSrtpProfile => "no_srtp_profile",
            Self::Protocol => "protocol",
            Self::TimedOut => "timed_out",
        }
    }
}

/// What the handshake pool has for a participant's connection.
#[derive(Debug)]
pub enum HandshakeOutput {
    /// A datagram for [`Connection::send_dtls`](super::Connection::send_dtls).
    Transmit(Vec<u8>),
    /// For [`Connection::install_keys`](super::Connection::install_keys): the fingerprint matched.
    Established(Box<SrtpKeys>),
    Failed(DtlsFailure),
    /// The participant closed the association (close_notify).
    PeerClosed,
}
