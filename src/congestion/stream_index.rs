//! Which packet of the send history a stream's sequence number is, for feedback that names streams
//! (RFC 8888) instead of transport-wide numbers.
//!
//! A table of chains: a bucket knows its newest packet, each packet the one before it in its bucket.
//! Nothing is ever taken out; what is too old to be remembered ends a chain.

use super::send_history::MAX_SENT;

const BUCKETS: usize = 2 * MAX_SENT;

/// Links followed by one look-up; a packet further back is not found, and its feedback is lost.
/// A chain of this length takes eight streams that have their numbers in step.
pub const MAX_LOOKUP_STEPS: usize = 16;

/// A hash that keeps the neighbours of one stream in neighbouring buckets, so that they never
/// collide, and spreads streams.
const SSRC_FACTOR: u32 = 0x9E37_79B1;

#[derive(Clone, Copy, Debug)]
struct Link {
    sequence: u64,
    /// The packet before in the same bucket, by its sequence number.
    older: u64,
    ssrc: u32,
    rtp_sequence: u16,
}

/// No packet. Sequence numbers do not get there.
const NONE: u64 = u64::MAX;

#[derive(Debug)]
pub struct StreamIndex {
    newest: Vec<u64>,
    links: Vec<Link>,
}

impl StreamIndex {
    /// Takes 80 kB.
    pub fn new() -> Self {
        let link = Link {
            sequence: NONE,
            older: NONE,
            ssrc: 0,
            rtp_sequence: 0,
        };
        Self {
            newest: vec![NONE; BUCKETS],
            links: vec![link; MAX_SENT],
        }
    }

    pub fn insert(&mut self, ssrc: u32, rtp_sequence: u16, sequence: u64) {
        let Some(newest) = self.newest.get_mut(bucket(ssrc, rtp_sequence)) else {
            return;
        };
        let older = std::mem::replace(newest, sequence);
        if let Some(link) = self.links.get_mut(place(sequence)) {
            *link = Link {
                sequence,
                older,
                ssrc,
                rtp_sequence,
            };
        }
    }

    /// The newest packet of that name which is not older than `oldest`, found within `steps`.
    pub fn find(&self, ssrc: u32, rtp_sequence: u16, oldest: u64, steps: usize) -> Option<u64> {
        let mut at = *self.newest.get(bucket(ssrc, rtp_sequence))?;
        for _ in 0..steps {
            let link = self.links.get(place(at))?;
            // Overwritten by a newer packet, or forgotten: so are all behind it.
            if at == NONE || link.sequence != at || at < oldest {
                return None;
            }
            if (link.ssrc, link.rtp_sequence) == (ssrc, rtp_sequence) {
                return Some(at);
            }
            at = link.older;
        }
        None
    }
}

fn bucket(ssrc: u32, rtp_sequence: u16) -> usize {
    let hash = ssrc.wrapping_mul(SSRC_FACTOR) >> 16;
    hash.wrapping_add(u32::from(rtp_sequence)) as usize % BUCKETS
}

fn place(sequence: u64) -> usize {
    (sequence % MAX_SENT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_newest_of_a_name_and_nothing_forgotten() {
        let mut index = StreamIndex::new();
        assert_eq!(index.find(1, 7, 0, MAX_LOOKUP_STEPS), None);
        index.insert(1, 7, 100);
        index.insert(2, 7, 101);
        index.insert(1, 7, 102); // 65,536 packets later, by the stream's own count
        assert_eq!(index.find(1, 7, 0, MAX_LOOKUP_STEPS), Some(102));
        assert_eq!(index.find(2, 7, 0, MAX_LOOKUP_STEPS), Some(101));
        assert_eq!(index.find(2, 7, 102, MAX_LOOKUP_STEPS), None);
        assert_eq!(index.find(2, 8, 0, MAX_LOOKUP_STEPS), None);
    }

    #[test]
    fn packets_in_one_bucket_are_told_apart_and_chains_are_bounded() {
        let mut index = StreamIndex::new();
        let step = BUCKETS as u16;
        let names: Vec<u16> = (0..14).map(|at| at * step).collect();
        for (at, &name) in names.iter().enumerate() {
            index.insert(1, name, at as u64);
        }
        for (at, &name) in names.iter().enumerate() {
            assert_eq!(index.find(1, name, 0, MAX_LOOKUP_STEPS), Some(at as u64));
            assert_eq!(index.find(1, name, 0, 13 - at), None);
        }
        // The place of packet 0 is taken again: its chain ends there.
        index.insert(1, 5, MAX_SENT as u64);
        assert_eq!(index.find(1, names[0], 0, MAX_LOOKUP_STEPS), None);
        assert_eq!(index.find(1, names[1], 0, MAX_LOOKUP_STEPS), Some(1));
    }

    #[test]
    fn a_full_history_of_many_streams_is_found() {
        let mut index = StreamIndex::new();
        let name = |at: u64| ((at % 25) as u32 * 7_919 + 12_345, (at / 25) as u16);
        for at in 0..5_000 {
            let (ssrc, rtp_sequence) = name(at);
            index.insert(ssrc, rtp_sequence, at);
        }
        let oldest = 5_000 - MAX_SENT as u64;
        let found = (oldest..5_000).filter(|&at| {
            let (ssrc, rtp_sequence) = name(at);
            index.find(ssrc, rtp_sequence, oldest, MAX_LOOKUP_STEPS) == Some(at)
        });
        assert_eq!(found.count(), MAX_SENT);
    }
}
