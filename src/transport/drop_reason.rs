//! Why a datagram was dropped. One counter per reason.

use crate::transport::srtp::SrtpError;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)+) => {
        /// Every reason for which a participant's datagram is dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DropReason {
            $($(#[$doc])* $variant,)+
        }

        impl DropReason {
            /// In order of [`index`](Self::index).
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The reason as a metric label.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

drop_reasons! {
    /// Neither from a known address nor a check for a known ICE user fragment.
    Unroutable => "unroutable",
    /// The first bytes belong to no protocol spoken here (RFC 7983).
    UnknownProtocol => "unknown_protocol",
    MalformedStun => "malformed_stun",
    /// STUN that is not a Binding request: an ICE-lite agent asks nothing, so nothing is answered.
    UnexpectedStun => "unexpected_stun",
    /// A check for another user fragment, or without a valid MESSAGE-INTEGRITY.
    BadIntegrity => "bad_integrity",
    /// A check whose answer would be longer than itself; answering could be used to reflect.
    ShortCheck => "short_check",
    MalformedRtp => "malformed_rtp",
    MalformedRtcp => "malformed_rtcp",
    /// DTLS or media from an address that has not passed a connectivity check.
    UnvalidatedSource => "unvalidated_source",
    /// More DTLS datagrams than a handshake needs.
    DtlsFlood => "dtls_flood",
    /// Media before the handshake finished.
    NoKeys => "no_keys",
    SrtpAuth => "srtp_auth",
    Replay => "replay",
    TooManyStreams => "too_many_streams",
    UnencryptedRtcp => "unencrypted_rtcp",
    /// Sending: the arena was full or the packet could not be sealed.
    NotSealed => "not_sealed",
}

impl DropReason {
    /// Position in [`ALL`](Self::ALL), to index an array of counters.
    pub fn index(self) -> usize {
        self as usize
    }

    /// `malformed` is what a packet too short for its tag counts as.
    pub(super) fn from_srtp(error: SrtpError, malformed: Self) -> Self {
        match error {
            SrtpError::TooShort => malformed,
            SrtpError::Authentication => Self::SrtpAuth,
            SrtpError::Replay => Self::Replay,
            SrtpError::TooManyStreams => Self::TooManyStreams,
            SrtpError::Unencrypted => Self::UnencryptedRtcp,
            SrtpError::NoRoom
            | SrtpError::IndexMismatch
            | SrtpError::Exhausted
            | SrtpError::Library => Self::NotSealed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_index_their_own_array() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(
                reason
                    .as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
            );
        }
    }
}
