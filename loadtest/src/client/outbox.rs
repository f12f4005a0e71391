//! Datagrams a state machine wants sent, collected in one buffer that is used again and again.

use std::net::SocketAddr;
use std::ops::Range;

#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    datagrams: Vec<(SocketAddr, Range<usize>)>,
}

impl Outbox {
    pub fn push(&mut self, to: SocketAddr, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.datagrams.push((to, start..self.bytes.len()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.datagrams
            .iter()
            .map(|(to, range)| (*to, self.bytes.get(range.clone()).unwrap_or_default()))
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }
}
