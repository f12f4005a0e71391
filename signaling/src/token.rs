//! Join tokens: HS256 JSON Web Tokens (RFC 7519) become [`Grant`]s.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::{MAX_TOKEN_LEEWAY, MIN_TOKEN_SECRET_BYTES, TokenKey};
use crate::message::{ErrorCode, Role};
use crate::name::{clean_display_name, is_room_name};

/// Longest token looked at, in bytes. A longer one is refused before any cryptography.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Longest `sub` claim, in bytes.
pub const MAX_IDENTITY_BYTES: usize = 128;

/// Longest raw `name` claim, in bytes; what remains after cleaning is shorter still.
pub const MAX_RAW_NAME_BYTES: usize = 512;

/// A token's `aud`, where it has one: tokens meant for another service are refused.
pub const AUDIENCE: &str = "firstbell";

/// Claims as they stand in the token.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    room: String,
    /// Identity: the same person from another device has the same.
    sub: String,
    name: String,
    role: Role,
    /// Seconds since the epoch; RFC 7519 §2 allows fractions.
    exp: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<f64>,
}

/// Claims of a token for the API that announces classes.
#[derive(Debug, Deserialize)]
struct AnnounceClaims {
    #[serde(default)]
    announce: bool,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
}

/// What a verified token gives its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub room: String,
    pub identity: String,
    /// Cleaned for display.
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("the token cannot be read")]
    Malformed,
    #[error("the token is signed with another algorithm than HS256")]
    Algorithm,
    #[error("the token names an unknown key")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is for another service")]
    Audience,
    #[error("the claim `{0}` is missing, empty or too long")]
    Claim(&'static str),
    #[error("the token is for another room")]
    WrongRoom,
    #[error("the token does not permit this")]
    NotPermitted,
}

impl TokenError {
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::TokenExpired,
            Self::WrongRoom => ErrorCode::WrongRoom,
            Self::NotPermitted => ErrorCode::NotPermitted,
            _ => ErrorCode::BadToken,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("no token key is configured (only development mode can do without)")]
    NoKey,
    #[error(
        "token key {index} is shorter than {MIN_TOKEN_SECRET_BYTES} bytes (RFC 7518 section 3.2)"
    )]
    TooShort { index: usize },
    #[error("two token keys have the id {id:?}")]
    DuplicateId { id: String },
    #[error("the token leeway is longer than {MAX_TOKEN_LEEWAY:?}")]
    Leeway,
    #[error("the token could not be signed")]
    Signing,
}

struct Key {
    id: Option<String>,
    decoding: DecodingKey,
    encoding: EncodingKey,
}

/// The keys that tokens are verified with.
pub struct Keyring {
    keys: Vec<Key>,
    leeway_s: f64,
    validation: Validation,
}

/// Seconds since the epoch.
pub fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

impl Keyring {
    pub fn new(keys: &[TokenKey], leeway: Duration) -> Result<Self, KeyringError> {
        if keys.is_empty() {
            return Err(KeyringError::NoKey);
        }
        if leeway > MAX_TOKEN_LEEWAY {
            return Err(KeyringError::Leeway);
        }
        for (index, key) in keys.iter().enumerate() {
            if key.secret.len() < MIN_TOKEN_SECRET_BYTES {
                return Err(KeyringError::TooShort { index });
            }
            if let Some(id) = &key.id
                && keys
                    .iter()
                    .skip(index + 1)
                    .any(|k| k.id.as_ref() == Some(id))
            {
                return Err(KeyringError::DuplicateId { id: id.clone() });
            }
        }
        // Times are checked here, against a `now` that tests choose.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        Ok(Self {
            keys: keys.iter().map(Key::new).collect(),
            leeway_s: leeway.as_secs_f64(),
            validation,
        })
    }

    /// A keyring of one random key, for development mode without a configured one.
    pub fn random(leeway: Duration) -> Result<Self, KeyringError> {
        let secret: [u8; MIN_TOKEN_SECRET_BYTES] = rand::rng().random();
        let key = TokenKey {
            id: None,
            secret: secret.to_vec(),
        };
        Self::new(&[key], leeway)
    }

    /// The grant of `token` for `room`, at `now` (seconds since the epoch).
    pub fn verify(&self, token: &str, room: &str, now: f64) -> Result<Grant, TokenError> {
        let claims: Claims = self.verified_claims(token)?;
        self.check_times(claims.exp, claims.nbf, now)?;
        let grant = Grant::try_from(claims)?;
        if grant.room != room {
            return Err(TokenError::WrongRoom);
        }
        Ok(grant)
    }

    /// Whether `token` permits to announce classes, at `now` (seconds since the epoch).
    pub fn verify_announcer(&self, token: &str, now: f64) -> Result<(), TokenError> {
        let claims: AnnounceClaims = self.verified_claims(token)?;
        self.check_times(claims.exp, claims.nbf, now)?;
        if claims.announce {
            Ok(())
        } else {
            Err(TokenError::NotPermitted)
        }
    }

    fn verified_claims<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|e| token_error(e.kind()))?;
        if header.alg != Algorithm::HS256 {
            return Err(TokenError::Algorithm);
        }
        let kid = header.kid.as_deref();
        let mut failure = TokenError::UnknownKey;
        for key in &self.keys {
            if kid.is_some() && kid != key.id.as_deref() {
                continue;
            }
            match jsonwebtoken::decode::<T>(token, &key.decoding, &self.validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => failure = token_error(error.kind()),
            }
            // Signed by this key, and bad all the same: no other key makes it better.
            if failure != TokenError::Signature {
                break;
            }
        }
        Err(failure)
    }

    fn check_times(&self, exp: f64, nbf: Option<f64>, now: f64) -> Result<(), TokenError> {
        if !exp.is_finite() {
            return Err(TokenError::Claim("exp"));
        }
        if exp + self.leeway_s <= now {
            return Err(TokenError::Expired);
        }
        match nbf {
            Some(nbf) if nbf.is_nan() => Err(TokenError::Claim("nbf")),
            Some(nbf) if nbf - self.leeway_s > now => Err(TokenError::NotYetValid),
            _ => Ok(()),
        }
    }

    /// A token for `grant`, signed with the first key, valid until `expires` (seconds since the
    /// epoch).
    pub fn sign(&self, grant: &Grant, expires: f64) -> Result<String, KeyringError> {
        let key = self.keys.first().ok_or(KeyringError::NoKey)?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid.clone_from(&key.id);
        let claims = Claims {
            room: grant.room.clone(),
            sub: grant.identity.clone(),
            name: grant.name.clone(),
            role: grant.role,
            exp: expires.floor(),
            nbf: None,
        };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|_| KeyringError::Signing)
    }
}

impl Key {
    fn new(key: &TokenKey) -> Self {
        Self {
            id: key.id.clone(),
            decoding: DecodingKey::from_secret(&key.secret),
            encoding: EncodingKey::from_secret(&key.secret),
        }
    }
}

impl TryFrom<Claims> for Grant {
    type Error = TokenError;

    fn try_from(claims: Claims) -> Result<Self, TokenError> {
        if !is_room_name(&claims.room) {
            return Err(TokenError::Claim("room"));
        }
        if claims.sub.is_empty() || claims.sub.len() > MAX_IDENTITY_BYTES {
            return Err(TokenError::Claim("sub"));
        }
        if claims.name.len() > MAX_RAW_NAME_BYTES {
            return Err(TokenError::Claim("name"));
        }
        let name = clean_display_name(&claims.name).ok_or(TokenError::Claim("name"))?;
        Ok(Self {
            room: claims.room,
            identity: claims.sub,
            name,
            role: claims.role,
        })
    }
}

fn token_error(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => TokenError::Algorithm,
        ErrorKind::InvalidAudience => TokenError::Audience,
        _ => TokenError::Malformed,
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
