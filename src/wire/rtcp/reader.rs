//! A cursor over one packet's body whose every read can fail with the packet's own error.

use super::RtcpError;

#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    error: RtcpError,
}

impl<'a> Reader<'a> {
    /// `error` is what a read past the end gives.
    pub fn new(bytes: &'a [u8], error: RtcpError) -> Self {
        Self { rest: bytes, error }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RtcpError> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(self.error)?;
        self.rest = rest;
        Ok(*array)
    }

    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], RtcpError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(self.error)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub fn u8(&mut self) -> Result<u8, RtcpError> {
        self.array().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Result<u16, RtcpError> {
        self.array().map(u16::from_be_bytes)
    }

    /// 24 bits.
    pub fn u24(&mut self) -> Result<u32, RtcpError> {
        self.array()
            .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// 24 bits, two's complement.
    pub fn i24(&mut self) -> Result<i32, RtcpError> {
        self.u24().map(|value| (value << 8) as i32 >> 8)
    }

    pub fn u32(&mut self) -> Result<u32, RtcpError> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, RtcpError> {
        self.array().map(u64::from_be_bytes)
    }
}
