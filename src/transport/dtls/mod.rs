//! DTLS 1.2 as the key exchange of SRTP (RFC 5764), sans-IO, behind one small trait.

use thiserror::Error;

use super::srtp::SrtpKeys;

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
