//! Which datagrams of an arena the kernel can take as one: pure, from an arena to runs.
//!
//! A message with a segment size (`UDP_SEGMENT`, udp(7)) is a stream of bytes that the kernel cuts into
//! datagrams of that size, the last of which may be shorter. So a run is what lies next to each
//! other on one path, all of one size but the last.

use std::net::SocketAddr;

use crate::transport::{QueuedDatagram, SendArena, SendPath};

/// Datagrams in one run: the kernel's `UDP_MAX_SEGMENTS` before 6.9, 128 since.
pub const MAX_RUN_DATAGRAMS: usize = 64;
/// Bytes of one run: with its headers it must fit in an IP packet's 65,535.
pub const MAX_RUN_BYTES: usize = 65_000;
/// Longest datagram that shares a message: what fits in 1,500 bytes behind IPv6 and UDP headers.
/// Longer ones go alone, where the kernel may fragment them; as segments it would refuse them.
pub const MAX_SEGMENT_BYTES: usize = 1452;

/// Consecutive datagrams of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub destination: SocketAddr,
    /// Index of the first datagram.
    pub first: usize,
    pub datagrams: usize,
    /// Size of every datagram but the last.
    pub segment: usize,
    pub bytes: usize,
}

impl Run {
    /// The datagrams, in order.
    pub fn datagrams<'a>(
        &self,
        arena: &'a SendArena,
    ) -> impl Iterator<Item = &'a QueuedDatagram> + 'a {
        along(arena, Some(self.first)).take(self.datagrams)
    }

    /// The part of the run from the `skipped`th datagram on; its byte count is the whole's.
    pub fn after(&self, skipped: usize, arena: &SendArena) -> Option<Self> {
        let mut first = self.first;
        for _ in 0..skipped {
            first = arena.queued().get(first)?.next()?;
        }
        let datagrams = self.datagrams.checked_sub(skipped)?;
        (datagrams > 0).then_some(Self {
            first,
            datagrams,
            ..*self
        })
    }
}

fn along(arena: &SendArena, first: Option<usize>) -> impl Iterator<Item = &QueuedDatagram> {
    let at = |index: usize| arena.queued().get(index);
    std::iter::successors(first.and_then(at), move |datagram| {
        datagram.next().and_then(at)
    })
}

/// All runs of an arena, path by path. Every datagram is in exactly one.
pub(super) struct Runs<'a> {
    arena: &'a SendArena,
    paths: std::slice::Iter<'a, SendPath>,
    /// Where the current path goes on.
    rest: Option<(SocketAddr, usize)>,
    max_datagrams: usize,
}

impl<'a> Runs<'a> {
    /// `max_datagrams`: 1 for none that share a message, at most [`MAX_RUN_DATAGRAMS`].
    pub fn new(arena: &'a SendArena, max_datagrams: usize) -> Self {
        Self {
            arena,
            paths: arena.paths().iter(),
            rest: None,
            max_datagrams: max_datagrams.clamp(1, MAX_RUN_DATAGRAMS),
        }
    }

    /// From here on no two datagrams share a message.
    pub fn stop_sharing(&mut self) {
        self.max_datagrams = 1;
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let (destination, first) = match self.rest.take() {
            Some(rest) => rest,
            None => {
                let path = self.paths.next()?;
                (path.destination, path.first())
            }
        };
        let queued = self.arena.queued();
        let mut datagram = queued.get(first)?;
        let segment = datagram.size();
        let mut run = Run {
            destination,
            first,
            datagrams: 1,
            segment,
            bytes: segment,
        };
        let mut is_open = segment <= MAX_SEGMENT_BYTES;
        while let Some(next) = datagram.next() {
            datagram = queued.get(next)?;
            let size = datagram.size();
            // An empty datagram would vanish in a stream of bytes.
            let joins = is_open
                && (1..=segment).contains(&size)
                && run.datagrams < self.max_datagrams
                && run.bytes + size <= MAX_RUN_BYTES;
            if !joins {
                self.rest = Some((destination, next));
                break;
            }
            run.datagrams += 1;
            run.bytes += size;
            is_open = size == segment;
        }
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::PathHint;

    fn address(index: usize) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, index as u8], 9))
    }

    /// Queues datagrams of (destination, size); each begins with its number.
    fn filled(datagrams: &[(usize, usize)]) -> SendArena {
        let mut arena = SendArena::new(datagrams.len() * 2000, datagrams.len());
        let mut hints = [PathHint::default(); 8];
        for &(to, size) in datagrams {
            assert!(arena.push_hinted(&mut hints[to], address(to), size, |_| Some(size)));
        }
        arena
    }

    fn shapes(datagrams: &[(usize, usize)]) -> Vec<(usize, usize)> {
        let arena = filled(datagrams);
        Runs::new(&arena, MAX_RUN_DATAGRAMS)
            .map(|run| (run.datagrams, run.segment))
            .collect()
    }

    #[test]
    fn a_frame_to_each_of_two_people_makes_two_runs() {
        let interleaved = [(0, 1200), (1, 1200), (0, 1200), (1, 1200), (0, 70), (1, 70)];
        assert_eq!(shapes(&interleaved), [(3, 1200), (3, 1200)]);
    }

    #[test]
    fn a_shorter_one_ends_a_run_and_a_longer_one_begins_another() {
        assert_eq!(shapes(&[(0, 90), (0, 100)]), [(1, 90), (1, 100)]);
        assert_eq!(shapes(&[(0, 100), (0, 90), (0, 90)]), [(2, 100), (1, 90)]);
    }

    #[test]
    fn empty_and_overlong_datagrams_go_alone() {
        assert_eq!(shapes(&[(0, 9), (0, 0), (0, 0)]), [(1, 9), (1, 0), (1, 0)]);
        let long = MAX_SEGMENT_BYTES + 1;
        assert_eq!(shapes(&[(0, long), (0, long)]), [(1, long), (1, long)]);
    }

    #[test]
    fn runs_end_at_the_kernels_limits() {
        assert_eq!(shapes(&[(0, 10); 100]), [(64, 10), (36, 10)]);
        assert_eq!(shapes(&[(0, 1400); 50]), [(46, 1400), (4, 1400)]);
        let arena = filled(&[(0, 10); 3]);
        assert_eq!(Runs::new(&arena, 1).count(), 3);
    }

    proptest! {
        #[test]
        fn every_datagram_is_sent_once_and_in_order(
            datagrams in proptest::collection::vec(
                (0..5_usize, prop_oneof![Just(1200_usize), Just(160), 0..1500_usize]),
                0..300,
            ),
            max_datagrams in 1..80_usize,
        ) {
            let arena = filled(&datagrams);
            let mut seen: Vec<Vec<usize>> = vec![Vec::new(); 5];
            for run in Runs::new(&arena, max_datagrams) {
                let to = (0..5).find(|&to| address(to) == run.destination).unwrap();
                let sizes: Vec<_> = run.datagrams(&arena).map(QueuedDatagram::size).collect();
                prop_assert_eq!(sizes.len(), run.datagrams);
                prop_assert_eq!(sizes.iter().sum::<usize>(), run.bytes);
                prop_assert!(run.datagrams <= max_datagrams.min(MAX_RUN_DATAGRAMS));
                let (last, others) = sizes.split_last().unwrap();
                prop_assert!(others.iter().all(|&size| size == run.segment));
                if !others.is_empty() {
                    prop_assert!((1..=run.segment).contains(last));
                    prop_assert!(run.segment <= MAX_SEGMENT_BYTES && run.bytes <= MAX_RUN_BYTES);
                }
                for skipped in 0..run.datagrams {
                    let part = run.after(skipped, &arena).unwrap();
                    seen[to].push(part.first);
                }
                prop_assert_eq!(run.after(run.datagrams, &arena), None);
            }
            for (to, seen) in seen.iter().enumerate() {
                let expected: Vec<_> =
                    (0..datagrams.len()).filter(|&index| datagrams[index].0 == to).collect();
                prop_assert_eq!(seen, &expected);
            }
        }
    }
}
