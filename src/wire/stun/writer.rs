//! Writing STUN messages into a caller's buffer.

use std::net::{IpAddr, SocketAddr};

use super::{
    ATTRIBUTE_HEAD_LEN, BINDING, FINGERPRINT_LEN, HEADER_LEN, INTEGRITY_LEN, IceRole, MAGIC_COOKIE,
    StunClass, address_mask, attribute, fingerprint, integrity_of,
};

/// Writes one message. When `out` is too short for it, [`StunWriter::finish`] says so.
#[derive(Debug)]
pub struct StunWriter<'a> {
    pub(super) out: &'a mut [u8],
    pub(super) len: usize,
    failed: bool,
}

impl<'a> StunWriter<'a> {
    pub fn new(
        out: &'a mut [u8],
        class: StunClass,
        method: u16,
        transaction_id: &[u8; 12],
    ) -> Self {
        let class_bits = match class {
            StunClass::Request => 0x000,
            StunClass::Indication => 0x010,
            StunClass::Success => 0x100,
            StunClass::Error => 0x110,
        };
        let method_bits = (method & 0x000F) | ((method & 0x0070) << 1) | ((method & 0x0F80) << 2);
        let mut writer = Self {
            out,
            len: 0,
            failed: false,
        };
        writer.append(&(class_bits | method_bits).to_be_bytes());
        writer.append(&[0, 0]);
        writer.append(&MAGIC_COOKIE.to_be_bytes());
        writer.append(transaction_id);
        writer
    }

    /// Appends an attribute, its value in one or more parts, padded to a multiple of four.
    pub fn attribute(&mut self, kind: u16, value: &[&[u8]]) {
        let len = value.iter().map(|part| part.len()).sum::<usize>();
        let Ok(length_field) = u16::try_from(len) else {
            self.failed = true;
            return;
        };
        self.append(&kind.to_be_bytes());
        self.append(&length_field.to_be_bytes());
        for part in value {
            self.append(part);
        }
        let padding = len.next_multiple_of(4) - len;
        self.append([0; 3].get(..padding).unwrap_or_default());
    }

    pub fn xor_mapped_address(&mut self, mapped: SocketAddr, transaction_id: &[u8; 12]) {
        let mask = address_mask(transaction_id);
        let port = (mapped.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes();
        let mut ip = [0; 16];
        let (family, len) = match mapped.ip() {
            IpAddr::V4(v4) => {
                ip[..4].copy_from_slice(&v4.octets());
                (1, 4)
            }
            IpAddr::V6(v6) => {
                ip = v6.octets();
                (2, 16)
            }
        };
        for (byte, mask) in ip.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        let ip = ip.get(..len).unwrap_or_default();
        self.attribute(attribute::XOR_MAPPED_ADDRESS, &[&[0, family], &port, ip]);
    }

    pub fn error_code(&mut self, code: u16, reason: &str) {
        let head = [0, 0, (code / 100) as u8, (code % 100) as u8];
        self.attribute(attribute::ERROR_CODE, &[&head, reason.as_bytes()]);
    }

    /// Appends MESSAGE-INTEGRITY when there is a password, then FINGERPRINT. Returns the length of
    /// the message, or `None` when `out` was too short.
    pub fn finish(mut self, password: Option<&[u8]>) -> Option<usize> {
        if let Some(password) = password {
            let tag = integrity_of(self.out.get(..self.len)?, password)?;
            self.attribute(attribute::MESSAGE_INTEGRITY, &[tag.as_ref()]);
        }
        self.set_length(self.len + ATTRIBUTE_HEAD_LEN + FINGERPRINT_LEN)?;
        let fingerprint = fingerprint::of(self.out.get(..self.len)?);
        self.attribute(attribute::FINGERPRINT, &[&fingerprint.to_be_bytes()]);
        (!self.failed).then_some(self.len)
    }

    fn set_length(&mut self, message_len: usize) -> Option<()> {
        let length = u16::try_from(message_len.checked_sub(HEADER_LEN)?).ok()?;
        self.out
            .get_mut(2..4)?
            .copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.out.get_mut(self.len..end) {
            Some(field) if !self.failed => {
                field.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.failed = true,
        }
    }
}

/// Longest message [`write_binding_success`] writes: IPv6, integrity and fingerprint.
pub const MAX_BINDING_SUCCESS_LEN: usize = HEADER_LEN
    + (ATTRIBUTE_HEAD_LEN + 20)
    + (ATTRIBUTE_HEAD_LEN + INTEGRITY_LEN)
    + (ATTRIBUTE_HEAD_LEN + FINGERPRINT_LEN);

/// Answers a check (RFC 8445 §7.3.1). `password` is our own. Returns the length, `None` when `out`
/// is shorter than [`MAX_BINDING_SUCCESS_LEN`] and the message does not fit.
pub fn write_binding_success(
    out: &mut [u8],
    transaction_id: &[u8; 12],
    mapped: SocketAddr,
    password: &[u8],
) -> Option<usize> {
    let mut writer = StunWriter::new(out, StunClass::Success, BINDING, transaction_id);
    writer.xor_mapped_address(mapped, transaction_id);
    writer.finish(Some(password))
}

/// Refuses a check with `code` (300..=699), for instance 487 Role Conflict. Without a password the
/// answer has no MESSAGE-INTEGRITY, as 400 and 401 must be (RFC 8489 §9.1.3).
pub fn write_binding_error(
    out: &mut [u8],
    transaction_id: &[u8; 12],
    code: u16,
    reason: &str,
    password: Option<&[u8]>,
) -> Option<usize> {
    let mut writer = StunWriter::new(out, StunClass::Error, BINDING, transaction_id);
    writer.error_code(code, reason);
    writer.finish(password)
}

/// A connectivity check as a full ICE agent sends it (RFC 8445 §7.2.4).
#[derive(Clone, Copy, Debug)]
pub struct BindingRequest<'a> {
    pub transaction_id: [u8; 12],
    /// The receiver's fragment.
    pub remote_ufrag: &'a str,
    /// The sender's fragment.
    pub local_ufrag: &'a str,
    pub priority: u32,
    pub role: IceRole,
    pub use_candidate: bool,
    /// The receiver's password.
    pub password: &'a [u8],
}

/// Writes a check, for test clients: the node itself is ICE-lite and sends none.
pub fn write_binding_request(out: &mut [u8], request: &BindingRequest<'_>) -> Option<usize> {
    let mut writer = StunWriter::new(out, StunClass::Request, BINDING, &request.transaction_id);
    writer.attribute(
        attribute::USERNAME,
        &[
            request.remote_ufrag.as_bytes(),
            b":",
            request.local_ufrag.as_bytes(),
        ],
    );
    writer.attribute(attribute::PRIORITY, &[&request.priority.to_be_bytes()]);
    match request.role {
        IceRole::Controlling(tie_breaker) => {
            writer.attribute(attribute::ICE_CONTROLLING, &[&tie_breaker.to_be_bytes()]);
        }
        IceRole::Controlled(tie_breaker) => {
            writer.attribute(attribute::ICE_CONTROLLED, &[&tie_breaker.to_be_bytes()]);
        }
    }
    if request.use_candidate {
        writer.attribute(attribute::USE_CANDIDATE, &[]);
    }
    writer.finish(Some(request.password))
}
