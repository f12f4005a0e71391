//! STUN (RFC 8489) as ICE connectivity checks use it (RFC 8445): a borrowed view of a message,
//! and in [`writer`] the messages an ICE-lite agent and a test client send.

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use aws_lc_rs::{constant_time, hmac};
use thiserror::Error;

mod fingerprint;
#[cfg(test)]
mod tests;
mod writer;

pub use writer::{
    BindingRequest, MAX_BINDING_SUCCESS_LEN, StunWriter, write_binding_error,
    write_binding_request, write_binding_success,
};

pub const HEADER_LEN: usize = 20;
/// Method of connectivity checks.
pub const BINDING: u16 = 0x001;
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// Attributes in one message; checks carry about eight. A message with more is refused.
pub const MAX_ATTRIBUTES: usize = 32;
/// Unknown comprehension-required attributes remembered for a 420 answer; further ones are not.
pub const MAX_UNKNOWN_REQUIRED: usize = 4;
/// USERNAME is shorter than 509 bytes (RFC 8489 §14.3); a longer one counts as malformed.
const MAX_USERNAME_LEN: usize = 508;

const INTEGRITY_LEN: usize = 20;
const FINGERPRINT_LEN: usize = 4;
const ATTRIBUTE_HEAD_LEN: usize = 4;
/// Types from here on may be ignored when unknown (RFC 8489 §14).
const COMPREHENSION_OPTIONAL: u16 = 0x8000;

/// Attribute types (RFC 8489 §18.3, RFC 8445 §20.1).
mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
    pub const ICE_CONTROLLING: u16 = 0x802A;
    /// Comprehension-required types that are understood, or harmless, and thus never in a 420:
    /// MAPPED-ADDRESS, REALM and NONCE beside those above.
    pub const HARMLESS: [u16; 3] = [0x0001, 0x0014, 0x0015];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StunError {
    #[error("shorter than a STUN header")]
    TooShort,
    #[error("not STUN: leading bits or magic cookie differ")]
    NotStun,
    #[error("length field does not match the datagram")]
    Length,
    #[error("an attribute runs past the end of the message")]
    TruncatedAttribute,
    #[error("more than {MAX_ATTRIBUTES} attributes")]
    TooManyAttributes,
    #[error("attribute {0:#06x} is malformed")]
    MalformedAttribute(u16),
    #[error("FINGERPRINT is wrong or not the last attribute")]
    Fingerprint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunClass {
    Request,
    Indication,
    Success,
    Error,
}

/// The role the sender claims, with its tie-breaker (RFC 8445 §7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    Controlling(u64),
    Controlled(u64),
}

/// A parsed message. Of an attribute that occurs twice the first counts (RFC 8489 §14); what
/// follows MESSAGE-INTEGRITY is ignored but for FINGERPRINT (§14.5).
#[derive(Clone, Debug)]
pub struct StunMessage<'a> {
    bytes: &'a [u8],
    class: StunClass,
    method: u16,
    transaction_id: [u8; 12],
    username: Option<(&'a str, &'a str)>,
    priority: Option<u32>,
    use_candidate: bool,
    role: Option<IceRole>,
    error_code: Option<u16>,
    xor_mapped_address: Option<SocketAddr>,
    /// Offset of the MESSAGE-INTEGRITY attribute and its value.
    integrity: Option<(usize, &'a [u8])>,
    has_fingerprint: bool,
    unknown_required: ArrayVec<u16, MAX_UNKNOWN_REQUIRED>,
}

/// Parses a datagram that must be one whole STUN message. A FINGERPRINT must be right when there
/// is one; MESSAGE-INTEGRITY is left to [`StunMessage::verify_integrity`].
pub fn parse(bytes: &[u8]) -> Result<StunMessage<'_>, StunError> {
    let header = Header::parse(bytes)?;
    let mut message = StunMessage {
        bytes,
        class: header.class,
        method: header.method,
        transaction_id: header.transaction_id,
        username: None,
        priority: None,
        use_candidate: false,
        role: None,
        error_code: None,
        xor_mapped_address: None,
        integrity: None,
        has_fingerprint: false,
        unknown_required: ArrayVec::new(),
    };
    for (count, attribute) in Attributes::of(bytes).enumerate() {
        if count == MAX_ATTRIBUTES {
            return Err(StunError::TooManyAttributes);
        }
        message.take(attribute?)?;
    }
    Ok(message)
}

/// The local half of USERNAME in a Binding request, to find whose check this is without parsing
/// and checking the rest. `None` for anything else.
pub fn peek_local_ufrag(bytes: &[u8]) -> Option<&str> {
    let header = Header::parse(bytes).ok()?;
    if header.class != StunClass::Request || header.method != BINDING {
        return None;
    }
    Attributes::of(bytes)
        .take(MAX_ATTRIBUTES)
        .map_while(Result::ok)
        .take_while(|attribute| attribute.kind != attribute::MESSAGE_INTEGRITY)
        .find(|attribute| attribute.kind == attribute::USERNAME)
        .and_then(|attribute| split_username(attribute.value))
        .map(|(local, _)| local)
}

impl<'a> StunMessage<'a> {
    pub fn class(&self) -> StunClass {
        self.class
    }

    /// [`BINDING`] for connectivity checks.
    pub fn method(&self) -> u16 {
        self.method
    }

    pub fn transaction_id(&self) -> [u8; 12] {
        self.transaction_id
    }

    /// USERNAME of a check, split: the receiver's fragment, the sender's (RFC 8445 §7.2.2).
    pub fn username(&self) -> Option<(&'a str, &'a str)> {
        self.username
    }

    pub fn priority(&self) -> Option<u32> {
        self.priority
    }

    pub fn use_candidate(&self) -> bool {
        self.use_candidate
    }

    pub fn role(&self) -> Option<IceRole> {
        self.role
    }

    /// Whether FINGERPRINT was there; then it was right.
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// 300..=699 of an error response.
    pub fn error_code(&self) -> Option<u16> {
        self.error_code
    }

    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        self.xor_mapped_address
    }

    /// Comprehension-required attributes unknown here; a request with any is answered with 420
    /// (RFC 8489 §6.3.1).
    pub fn unknown_required(&self) -> &[u16] {
        &self.unknown_required
    }

    /// Whether MESSAGE-INTEGRITY is there and made with `password` (short-term credential, RFC
    /// 8489 §9.1.1). Takes the same time whatever the first wrong byte.
    pub fn verify_integrity(&self, password: &[u8]) -> bool {
        let Some((offset, expected)) = self.integrity else {
            return false;
        };
        let Some(covered) = self.bytes.get(..offset) else {
            return false;
        };
        integrity_of(covered, password).is_some_and(|tag| {
            constant_time::verify_slices_are_equal(tag.as_ref(), expected).is_ok()
        })
    }

    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), StunError> {
        let Attribute {
            offset,
            kind,
            value,
        } = attribute;
        let malformed = StunError::MalformedAttribute(kind);
        if self.has_fingerprint {
            return Err(StunError::Fingerprint);
        }
        if kind == attribute::FINGERPRINT {
            return self.take_fingerprint(offset, value);
        }
        if self.integrity.is_some() {
            return Ok(());
        }
        match kind {
            attribute::USERNAME => {
                let username = split_username(value).ok_or(malformed)?;
                self.username = self.username.or(Some(username));
            }
            attribute::MESSAGE_INTEGRITY => {
                if value.len() != INTEGRITY_LEN {
                    return Err(malformed);
                }
                self.integrity = Some((offset, value));
            }
            attribute::ERROR_CODE => {
                let code = parse_error_code(value).ok_or(malformed)?;
                self.error_code = self.error_code.or(Some(code));
            }
            attribute::XOR_MAPPED_ADDRESS => {
                let address = parse_address(value, &self.transaction_id).ok_or(malformed)?;
                self.xor_mapped_address = self.xor_mapped_address.or(Some(address));
            }
            attribute::PRIORITY => {
                let priority = value.try_into().map_err(|_| malformed)?;
                self.priority = self.priority.or(Some(u32::from_be_bytes(priority)));
            }
            attribute::USE_CANDIDATE => self.use_candidate = true,
            attribute::ICE_CONTROLLED => {
                let tie_breaker = u64::from_be_bytes(value.try_into().map_err(|_| malformed)?);
                self.role = self.role.or(Some(IceRole::Controlled(tie_breaker)));
            }
            attribute::ICE_CONTROLLING => {
                let tie_breaker = u64::from_be_bytes(value.try_into().map_err(|_| malformed)?);
                self.role = self.role.or(Some(IceRole::Controlling(tie_breaker)));
            }
            attribute::MESSAGE_INTEGRITY_SHA256 | attribute::UNKNOWN_ATTRIBUTES => {}
            unknown => {
                if unknown < COMPREHENSION_OPTIONAL && !attribute::HARMLESS.contains(&unknown) {
                    // Full: an answer that names the first few is as good as one with all.
                    let _ = self.unknown_required.try_push(unknown);
                }
            }
        }
        Ok(())
    }

    fn take_fingerprint(&mut self, offset: usize, value: &[u8]) -> Result<(), StunError> {
        let expected = <[u8; FINGERPRINT_LEN]>::try_from(value)
            .map(u32::from_be_bytes)
            .map_err(|_| StunError::Fingerprint)?;
        let covered = self.bytes.get(..offset).ok_or(StunError::Fingerprint)?;
        if fingerprint::of(covered) != expected {
            return Err(StunError::Fingerprint);
        }
        self.has_fingerprint = true;
        Ok(())
    }
}

/// The fixed header, checked against the length of the datagram.
struct Header {
    class: StunClass,
    method: u16,
    transaction_id: [u8; 12],
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, StunError> {
        let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(StunError::TooShort)?;
        let [k0, k1, l0, l1, c0, c1, c2, c3, transaction_id @ ..] = *header;
        if k0 & 0xC0 != 0 || u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE {
            return Err(StunError::NotStun);
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if !length.is_multiple_of(4) || HEADER_LEN + length != bytes.len() {
            return Err(StunError::Length);
        }
        // RFC 8489 §5: the class is bits 4 and 8, the method all the others.
        let kind = u16::from_be_bytes([k0, k1]);
        let class = match (kind >> 8 & 1, kind >> 4 & 1) {
            (0, 0) => StunClass::Request,
            (0, _) => StunClass::Indication,
            (_, 0) => StunClass::Success,
            (_, _) => StunClass::Error,
        };
        let method = (kind & 0x000F) | (kind >> 1 & 0x0070) | (kind >> 2 & 0x0F80);
        Ok(Self {
            class,
            method,
            transaction_id,
        })
    }
}

struct Attribute<'a> {
    /// Of the attribute's head in the message.
    offset: usize,
    kind: u16,
    value: &'a [u8],
}

struct Attributes<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Attributes<'a> {
    /// Of a message with a valid header.
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            offset: HEADER_LEN,
        }
    }

    fn parse_next(&self, rest: &'a [u8]) -> Option<(Attribute<'a>, usize)> {
        let (&[k0, k1, l0, l1], rest) = rest.split_first_chunk::<ATTRIBUTE_HEAD_LEN>()?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let padded = len.next_multiple_of(4);
        rest.get(..padded)?;
        let attribute = Attribute {
            offset: self.offset,
            kind: u16::from_be_bytes([k0, k1]),
            value: rest.get(..len)?,
        };
        Some((attribute, self.offset + ATTRIBUTE_HEAD_LEN + padded))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, StunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self
            .bytes
            .get(self.offset..)
            .filter(|rest| !rest.is_empty())?;
        match self.parse_next(rest) {
            Some((attribute, next)) => {
                self.offset = next;
                Some(Ok(attribute))
            }
            None => {
                self.offset = self.bytes.len();
                Some(Err(StunError::TruncatedAttribute))
            }
        }
    }
}

fn split_username(value: &[u8]) -> Option<(&str, &str)> {
    if value.len() > MAX_USERNAME_LEN {
        return None;
    }
    std::str::from_utf8(value).ok()?.split_once(':')
}

fn parse_error_code(value: &[u8]) -> Option<u16> {
    let &[_, _, class, number] = value.first_chunk()?;
    let class = class & 0x07;
    ((3..=6).contains(&class) && number < 100).then_some(u16::from(class) * 100 + u16::from(number))
}

/// What XOR-MAPPED-ADDRESS is XORed with (RFC 8489 §14.2).
fn address_mask(transaction_id: &[u8; 12]) -> [u8; 16] {
    let mut mask = [0; 16];
    let (cookie, rest) = mask.split_at_mut(4);
    cookie.copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    rest.copy_from_slice(transaction_id);
    mask
}

fn parse_address(value: &[u8], transaction_id: &[u8; 12]) -> Option<SocketAddr> {
    let (&[_, family, p0, p1], ip) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([p0, p1]) ^ (MAGIC_COOKIE >> 16) as u16;
    let mask = address_mask(transaction_id);
    let ip = match family {
        1 => IpAddr::from(unmask::<4>(ip, &mask)?),
        2 => IpAddr::from(unmask::<16>(ip, &mask)?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn unmask<const N: usize>(ip: &[u8], mask: &[u8; 16]) -> Option<[u8; N]> {
    let mut ip: [u8; N] = ip.try_into().ok()?;
    for (byte, mask) in ip.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    Some(ip)
}

/// HMAC-SHA1 over a message up to its MESSAGE-INTEGRITY attribute, with a length field as if that
/// attribute were the last (RFC 8489 §14.5). `None` when `covered` is no message that could be.
fn integrity_of(covered: &[u8], password: &[u8]) -> Option<hmac::Tag> {
    let (&[k0, k1, _, _], rest) = covered.split_first_chunk::<4>()?;
    let length = covered.len() + ATTRIBUTE_HEAD_LEN + INTEGRITY_LEN - HEADER_LEN;
    let [l0, l1] = u16::try_from(length).ok()?.to_be_bytes();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
    let mut context = hmac::Context::with_key(&key);
    context.update(&[k0, k1, l0, l1]);
    context.update(rest);
    Some(context.sign())
}
