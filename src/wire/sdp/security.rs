//! What an offer says about its transport's security: ICE credentials, certificate fingerprints and
//! who starts DTLS.

use std::fmt;

use aws_lc_rs::digest;

use super::SdpError;

/// RFC 8839 §5.4: 4 to 256 characters.
const UFRAG_LEN: std::ops::RangeInclusive<usize> = 4..=256;
/// RFC 8839 §5.4: 22 to 256 characters.
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 22..=256;

/// One side's ICE user fragment and password (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub password: String,
}

impl IceCredentials {
    /// Checks lengths and alphabet; both parts are compared and hashed as they are.
    pub fn parse(ufrag: &str, password: &str) -> Result<Self, SdpError> {
        let valid = |text: &str, len: std::ops::RangeInclusive<usize>| {
            len.contains(&text.len()) && text.bytes().all(is_ice_char)
        };
        if !valid(ufrag, UFRAG_LEN) || !valid(password, PASSWORD_LEN) {
            return Err(SdpError::BadIceCredentials);
        }
        Ok(Self {
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// RFC 8839 says ALPHA / DIGIT / "+" / "/". Clients in the field also use "-" and "_" and "="
/// (base64url); they can do no harm, a separator could.
fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// Hashes accepted for certificate fingerprints. SHA-1 and MD5 are not (RFC 8122 §5 allows
/// refusing them; every WebRTC client has SHA-256).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in `a=fingerprint` (RFC 8122 §5).
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// Hash of a certificate (RFC 8122 §5). Shown as in SDP: `sha-256 AA:BB:...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub algorithm: HashAlgorithm,
    /// As long as the algorithm's output.
    pub digest: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint of a DER certificate.
    pub fn of(algorithm: HashAlgorithm, der: &[u8]) -> Self {
        Self {
            algorithm,
            digest: digest::digest(algorithm.algorithm(), der).as_ref().to_vec(),
        }
    }

    /// Whether `der` is the certificate this fingerprint names.
    pub fn matches(&self, der: &[u8]) -> bool {
        digest::digest(self.algorithm.algorithm(), der).as_ref() == self.digest.as_slice()
    }

    /// Reads the value of `a=fingerprint`: `sha-256 AA:BB:...`, in either case.
    ///
    /// # Errors
    /// [`SdpError::UnsupportedFingerprint`] for other hashes, [`SdpError::BadFingerprint`] for a
    /// digest that is no hex or has the wrong length.
    pub fn parse(value: &str) -> Result<Self, SdpError> {
        let (name, hex) = value
            .trim()
            .split_once(' ')
            .ok_or(SdpError::BadFingerprint)?;
        let algorithm = HashAlgorithm::from_name(name).ok_or(SdpError::UnsupportedFingerprint)?;
        let expected = algorithm.algorithm().output_len();
        let hex = hex.trim();
        if hex.len() != expected * 3 - 1 {
            return Err(SdpError::BadFingerprint);
        }
        let digest = hex
            .split(':')
            .map(parse_hex_byte)
            .collect::<Option<Vec<u8>>>()
            .filter(|digest| digest.len() == expected)
            .ok_or(SdpError::BadFingerprint)?;
        Ok(Self { algorithm, digest })
    }
}

/// Exactly two hex digits; `from_str_radix` alone would take a sign.
pub(super) fn parse_hex_byte(pair: &str) -> Option<u8> {
    if pair.len() != 2 || !pair.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(pair, 16).ok()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.algorithm.name())?;
        for (index, byte) in self.digest.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Our side's part in the DTLS handshake (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// We send the ClientHello: `a=setup:active` in our answer.
    Client,
    /// We wait for it: `a=setup:passive`.
    Server,
}

/// `a=setup` of an offer (RFC 4145 §4, RFC 8842 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferedSetup {
    Active,
    Passive,
    ActPass,
}

impl OfferedSetup {
    pub(super) fn parse(value: &str) -> Result<Self, SdpError> {
        match value.trim() {
            "active" => Ok(Self::Active),
            "passive" => Ok(Self::Passive),
            "actpass" => Ok(Self::ActPass),
            _ => Err(SdpError::BadSetup),
        }
    }

    /// Our role: what is left to us, or what we prefer where the offer leaves the choice.
    pub(super) fn answer(self, preference: DtlsRole) -> DtlsRole {
        match self {
            Self::Active => DtlsRole::Server,
            Self::Passive => DtlsRole::Client,
            Self::ActPass => preference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_names_its_certificate_and_no_other() {
        for algorithm in HashAlgorithm::ALL {
            let fingerprint = Fingerprint::of(algorithm, b"a certificate");
            assert!(fingerprint.matches(b"a certificate"));
            assert!(!fingerprint.matches(b"another certificate"));
            let text = fingerprint.to_string();
            assert_eq!(Fingerprint::parse(&text), Ok(fingerprint.clone()));
            assert_eq!(
                Fingerprint::parse(&text.to_lowercase()),
                Ok(fingerprint.clone())
            );
            assert_eq!(Fingerprint::parse(&text.to_uppercase()), Ok(fingerprint));
        }
    }

    #[test]
    fn malformed_and_weak_fingerprints_are_refused() {
        let good = Fingerprint::of(HashAlgorithm::Sha256, b"x").to_string();
        let cut = good.get(..good.len() - 3).unwrap();
        for bad in [cut, "sha-256", "sha-256 AA:BB", &good.replace(':', "+")] {
            assert_eq!(Fingerprint::parse(bad), Err(SdpError::BadFingerprint));
        }
        for weak in ["sha-1 AA:BB", "md5 AA"] {
            assert_eq!(
                Fingerprint::parse(weak),
                Err(SdpError::UnsupportedFingerprint)
            );
        }
    }

    #[test]
    fn ice_credentials_have_bounded_lengths_and_a_safe_alphabet() {
        let password = "p".repeat(22);
        assert!(IceCredentials::parse("abcd", &password).is_ok());
        for (ufrag, password) in [
            ("abc", password.as_str()),
            ("ab:d", &password),
            ("abcd", "short"),
            (&"u".repeat(257), &password),
            ("abcd", &"p".repeat(257)),
        ] {
            assert_eq!(
                IceCredentials::parse(ufrag, password),
                Err(SdpError::BadIceCredentials)
            );
        }
    }

    #[test]
    fn the_offer_decides_the_dtls_role_where_it_wants_to() {
        for preference in [DtlsRole::Client, DtlsRole::Server] {
            assert_eq!(OfferedSetup::Active.answer(preference), DtlsRole::Server);
            assert_eq!(OfferedSetup::Passive.answer(preference), DtlsRole::Client);
            assert_eq!(OfferedSetup::ActPass.answer(preference), preference);
        }
        assert_eq!(OfferedSetup::parse("holdconn"), Err(SdpError::BadSetup));
    }
}
