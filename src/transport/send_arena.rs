//! Where sealed datagrams wait for the socket.
//!
//! One arena belongs to one shard thread. The core writes datagrams straight into it; `net`
//! sends and clears it. It never grows past its capacity: a datagram that does not fit is not
//! queued, [`SendArena::push_with`] says so and [`SendArena::refused`] counts it.
//!
//! One packet goes to many participants, the next to the same ones, so destinations alternate,
//! while the kernel is cheapest with all of one destination's datagrams at once. Each datagram is
//! therefore also linked to the one before it on its [`SendPath`]. A sender that pushes often finds
//! its path again by a [`PathHint`], without a hash table.

use std::net::SocketAddr;

/// No datagram, no path.
const NONE: u32 = u32::MAX;

/// One datagram in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedDatagram {
    start: u32,
    len: u16,
    path: u32,
    /// Next on the same path, or `NONE`.
    next: u32,
}

impl QueuedDatagram {
    /// Length in bytes.
    pub fn size(&self) -> usize {
        usize::from(self.len)
    }

    /// Index of the next datagram on the same path.
    pub fn next(&self) -> Option<usize> {
        (self.next != NONE).then_some(self.next as usize)
    }
}

/// The datagrams for one destination, in the order they were pushed.
///
/// One destination has one path, except that datagrams pushed without a hint begin another one
/// when a different destination came between. Such are answers to connectivity checks, whose order
/// beside media means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendPath {
    pub destination: SocketAddr,
    first: u32,
    last: u32,
}

impl SendPath {
    /// Index of the first datagram; every path has one.
    pub fn first(&self) -> usize {
        self.first as usize
    }
}

/// Which path a sender used last. Only a hint: the arena checks it against the destination, so
/// one from before [`SendArena::clear`], or of another arena, is merely of no help.
#[derive(Clone, Copy, Debug)]
pub struct PathHint(u32);

impl Default for PathHint {
    fn default() -> Self {
        Self(NONE)
    }
}

#[derive(Debug)]
pub struct SendArena {
    bytes: Box<[u8]>,
    used: usize,
    queued: Vec<QueuedDatagram>,
    /// At most one for each datagram.
    paths: Vec<SendPath>,
    refused: u64,
}

impl SendArena {
    /// An arena of `bytes` bytes and at most `datagrams` datagrams; both are allocated here, once.
    pub fn new(bytes: usize, datagrams: usize) -> Self {
        Self {
            bytes: vec![0; bytes].into_boxed_slice(),
            used: 0,
            queued: Vec::with_capacity(datagrams),
            paths: Vec::with_capacity(datagrams),
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
        let last = self.paths.len().wrapping_sub(1) as u32;
        self.push_hinted(&mut PathHint(last), destination, max_len, write)
    }

    /// The same for a sender that keeps `hint` from push to push: all it queues for one destination
    /// is then on one path, whatever was queued for others in between.
    pub fn push_hinted(
        &mut self,
        hint: &mut PathHint,
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
        let path = self.link(*hint, destination);
        *hint = PathHint(path);
        self.queued.push(QueuedDatagram {
            start: start as u32,
            len: len as u16,
            path,
            next: NONE,
        });
        self.used = start + len;
        true
    }

    /// Appends the datagram about to be queued to its destination's path; returns which it is.
    fn link(&mut self, hint: PathHint, destination: SocketAddr) -> u32 {
        let index = self.queued.len() as u32;
        if let Some(path) = self.paths.get_mut(hint.0 as usize)
            && path.destination == destination
        {
            let before = std::mem::replace(&mut path.last, index);
            self.queued[before as usize].next = index;
            return hint.0;
        }
        self.paths.push(SendPath {
            destination,
            first: index,
            last: index,
        });
        self.paths.len() as u32 - 1
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
        self.queued.iter().map(|datagram| {
            let path = &self.paths[datagram.path as usize];
            (path.destination, self.bytes_of(datagram))
        })
    }

    /// In the order they were pushed.
    pub fn queued(&self) -> &[QueuedDatagram] {
        &self.queued
    }

    /// In the order of their first datagrams.
    pub fn paths(&self) -> &[SendPath] {
        &self.paths
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
        self.paths.clear();
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
    fn along(arena: &SendArena, path: &SendPath) -> Vec<Vec<u8>> {
        let mut next = Some(path.first());
        let mut all = Vec::new();
        while let Some(datagram) = next.and_then(|index| arena.queued().get(index)) {
            all.push(arena.bytes_of(datagram).to_vec());
            next = datagram.next();
        }
        all
    }

    #[test]
    fn alternating_senders_with_hints_have_one_path_each() {
        let to: [SocketAddr; 2] = ["127.0.0.1:9", "[::1]:9"].map(|text| text.parse().unwrap());
        let mut arena = SendArena::new(1000, 20);
        let mut hints = [PathHint::default(); 2];
        for flush in 0..2 {
            // The second time round the hints are crossed, and must not mislead.
            hints.reverse();
            for number in 0..6_u8 {
                let index = usize::from(number) % 2;
                assert!(arena.push_hinted(&mut hints[index], to[index], 1, |out| {
                    out[0] = number;
                    Some(1)
                }));
                assert!(!arena.push_hinted(&mut hints[index], to[index], 1, |_| None));
            }
            let paths = arena.paths();
            assert_eq!(paths.len(), 2, "flush {flush}");
            assert_eq!(along(&arena, &paths[0]), [[0], [2], [4]]);
            assert_eq!(along(&arena, &paths[1]), [[1], [3], [5]]);
            assert_eq!(arena.datagrams().nth(3), Some((to[1], [3_u8].as_slice())));
            arena.clear();
            assert!(arena.paths().is_empty());
        }
    }
}
