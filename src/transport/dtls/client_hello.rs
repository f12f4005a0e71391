//! One look into a ClientHello: which SRTP profiles are offered.
//!
//! The library takes the first of the client's profiles that we have too. The order must be
//! ours, since AES-CM with HMAC costs four times the CPU time of GCM per packet; so the profile
//! is chosen here, and the library gets a configuration with that one.

use crate::transport::srtp::SrtpProfile;

/// Record header, then handshake header (RFC 6347 §4.1, §4.2.2).
const HEADERS_LEN: usize = 13 + 12;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Version and random (RFC 5246 §7.4.1.2).
const VERSION_AND_RANDOM_LEN: usize = 34;
const USE_SRTP: u16 = 14;
const GCM_128: u16 = 0x0007;
const CM_SHA1_80: u16 = 0x0001;

/// Whether the datagram's first record starts a ClientHello: what an association may begin with.
pub(super) fn starts_client_hello(datagram: &[u8]) -> bool {
    datagram.first() == Some(&HANDSHAKE) && datagram.get(13) == Some(&CLIENT_HELLO)
}

/// The profile we prefer among those offered in an unfragmented ClientHello. `None` when there
/// is none, or the message is fragmented or malformed: then the library decides.
pub(super) fn preferred_profile(datagram: &[u8]) -> Option<SrtpProfile> {
    if !starts_client_hello(datagram) {
        return None;
    }
    // Fragment offset must be 0; a shortened fragment fails below where it ends.
    if datagram.get(19..22)? != [0, 0, 0] {
        return None;
    }
    let mut body = Reader(datagram.get(HEADERS_LEN..)?);
    body.take(VERSION_AND_RANDOM_LEN)?;
    body.vector8()?; // session id
    body.vector8()?; // cookie
    body.vector16()?; // cipher suites
    body.vector8()?; // compression methods
    let mut extensions = Reader(body.vector16()?);
    loop {
        let kind = extensions.u16()?;
        let data = extensions.vector16()?;
        if kind == USE_SRTP {
            let profiles = Reader(data).vector16()?;
            let offers = |wanted: u16| {
                profiles
                    .chunks_exact(2)
                    .any(|profile| profile == wanted.to_be_bytes())
            };
            return if offers(GCM_128) {
                Some(SrtpProfile::Aes128Gcm)
            } else {
                offers(CM_SHA1_80).then_some(SrtpProfile::Aes128CmHmacSha1_80)
            };
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let len = *self.take(1)?.first()?;
        self.take(usize::from(len))
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client_hello(profiles: &[u16]) -> Vec<u8> {
        let mut list: Vec<u8> = profiles.iter().flat_map(|p| p.to_be_bytes()).collect();
        list.push(0); // MKI
        let mut hello = vec![HANDSHAKE, 0xFE, 0xFD];
        hello.resize(13, 0);
        hello.push(CLIENT_HELLO);
        hello.resize(HEADERS_LEN + VERSION_AND_RANDOM_LEN, 0);
        hello.extend_from_slice(&[0, 2, 9, 9, 0, 2, 0xC0, 0x2B, 1, 0]);
        let srtp_len = list.len() as u16 + 2;
        hello.extend_from_slice(&(4 + 4 + srtp_len).to_be_bytes());
        hello.extend_from_slice(&[0, 23, 0, 0]);
        hello.extend_from_slice(&USE_SRTP.to_be_bytes());
        hello.extend_from_slice(&srtp_len.to_be_bytes());
        hello.extend_from_slice(&(srtp_len - 3).to_be_bytes());
        hello.extend_from_slice(&list);
        hello
    }

    #[test]
    fn our_order_decides() {
        assert_eq!(
            preferred_profile(&client_hello(&[1, 2, 8, 7])),
            Some(SrtpProfile::Aes128Gcm)
        );
        assert_eq!(
            preferred_profile(&client_hello(&[2, 1])),
            Some(SrtpProfile::Aes128CmHmacSha1_80)
        );
        assert_eq!(preferred_profile(&client_hello(&[8])), None);
        let hello = client_hello(&[1, 7]);
        for len in 0..hello.len() - 1 {
            assert_eq!(preferred_profile(&hello[..len]), None, "cut at {len}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut hello = client_hello(&[7]);
            hello.truncate(40);
            hello.extend(bytes);
            let _ = preferred_profile(&hello);
        }
    }
}
