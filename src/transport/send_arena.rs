//! Where sealed datagrams wait for the socket.
//!
//! One arena belongs to one shard thread. The core writes datagrams straight into it; `net`
//! sends and clears it. It never grows past its capacity: a datagram that does not fit is not
//! queued, [`SendArena::push_with`] says so and [`SendArena::refused`] counts it.

use std::net::SocketAddr;

/// One datagram in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedDatagram {
    pub destination: SocketAddr,
    start: u32,
    len: u16,
}

#[derive(Debug)]
pub struct SendArena {
    bytes: Box<[u8]>,
    used: usize,
    queued: Vec<QueuedDatagram>,
    refused: u64,
}

impl SendArena {
    /// An arena of `bytes` bytes and at most `datagrams` datagrams; both are allocated here, once.
    pub fn new(bytes: usize, datagrams: usize) -> Self {
        Self {
            bytes: vec![0; bytes].into_boxed_slice(),
            used: 0,
            queued: Vec::with_capacity(datagrams),
            refused: 0,
        }
    }

    /// Queues one datagram of at most `max_len` bytes, written by `write`, which returns how many
    /// bytes it wrote, or `None` to queue nothing. Returns whether a datagram was queued.
    pub fn push_with(
        &mut self,
        destination: SocketAddr,
        max_len: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let start = self.used;
        let fits = self.queued.len() < self.queued.capacity()
            && max_len <= usize::from(u16::MAX)
            && start + max_len <= self.bytes.len();
        if !fits {
            self.refused += 1;
            return false;
        }
        let Some(len) = write(&mut self.bytes[start..start + max_len]) else {
            return false;
        };
        let len = len.min(max_len);
        self.queued.push(QueuedDatagram {
            destination,
            start: start as u32,
            len: len as u16,
        });
        self.used = start + len;
        true
    }

    /// Queues a copy of `datagram`.
    pub fn push(&mut self, destination: SocketAddr, datagram: &[u8]) -> bool {
        self.push_with(destination, datagram.len(), |out| {
            out.copy_from_slice(datagram);
            Some(datagram.len())
        })
    }

    /// The queued datagrams in the order they were pushed.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = (SocketAddr, &[u8])> + '_ {
        self.queued
            .iter()
            .map(|datagram| (datagram.destination, self.bytes_of(datagram)))
    }

    pub fn queued(&self) -> &[QueuedDatagram] {
        &self.queued
    }

    pub fn bytes_of(&self, datagram: &QueuedDatagram) -> &[u8] {
        let start = datagram.start as usize;
        &self.bytes[start..start + usize::from(datagram.len)]
    }

    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Bytes in use; `net` flushes above its high-water mark.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Datagrams refused for lack of room since the arena was made.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    pub fn clear(&mut self) {
        self.used = 0;
        self.queued.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_refuses_what_does_not_fit() {
        let to: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let mut arena = SendArena::new(8, 2);
        assert!(arena.push(to, b"abc"));
        assert!(arena.push_with(to, 5, |out| {
            out[..2].copy_from_slice(b"de");
            Some(2)
        }));
        assert!(!arena.push(to, b"f"), "third datagram exceeds the count");
        let sent: Vec<_> = arena.datagrams().map(|(_, bytes)| bytes.to_vec()).collect();
        assert_eq!(sent, [b"abc".to_vec(), b"de".to_vec()]);
        assert_eq!(arena.refused(), 1);
        arena.clear();
        assert!(!arena.push(to, b"123456789"), "longer than the arena");
        assert!(arena.push(to, b"12345678"));
    }
}
