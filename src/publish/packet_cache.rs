//! The latest packets of one video track, shared by all its subscribers for retransmission.

use std::time::{Duration, Instant};

/// When full, the oldest packet makes room.
pub const MAX_CACHED_PACKETS: usize = 512;

/// Bytes of payload kept; when full, the oldest packets make room.
pub const MAX_CACHED_BYTES: usize = 640 * 1024;

/// An older packet is not worth sending again: the receiver's jitter buffer has moved on.
pub const MAX_CACHED_AGE: Duration = Duration::from_secs(1);

/// A packet as its publisher sent it, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedPacket<'a> {
    pub index: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u64,
    timestamp: u32,
    marker: bool,
    arrival: Instant,
    /// Position of the payload in the stream of all bytes ever written, modulo the ring's size
    /// its place in the ring.
    start: u64,
    len: usize,
}

/// A ring of bytes and a ring of entries over it. Memory is taken with the first packet (most
/// tracks of a class are audio or never sent) and never after.
#[derive(Debug, Default)]
pub struct PacketCache {
    bytes: Vec<u8>,
    entries: Vec<Option<Entry>>,
    /// Bytes ever written, gaps at the ring's end included.
    written: u64,
    newest: Option<Instant>,
}

impl PacketCache {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn insert(&mut self, arrival: Instant, packet: CachedPacket<'_>) {
        let len = packet.payload.len();
        if len > MAX_CACHED_BYTES {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = vec![0; MAX_CACHED_BYTES];
            self.entries = vec![None; MAX_CACHED_PACKETS];
        }
        let mut place = ring_place(self.written);
        if place + len > MAX_CACHED_BYTES {
            self.written += (MAX_CACHED_BYTES - place) as u64;
            place = 0;
        }
        let Some(room) = self.bytes.get_mut(place..place + len) else {
            return;
        };
        room.copy_from_slice(packet.payload);
        if let Some(entry) = self.entries.get_mut(entry_place(packet.index)) {
            *entry = Some(Entry {
                index: packet.index,
                timestamp: packet.timestamp,
                marker: packet.marker,
                arrival,
                start: self.written,
                len,
            });
        }
        self.written += len as u64;
        self.newest = Some(self.newest.map_or(arrival, |newest| newest.max(arrival)));
    }

    /// The packet with this index, unless it has made room or is older than [`MAX_CACHED_AGE`]
    /// against the newest.
    pub fn get(&self, index: u64) -> Option<CachedPacket<'_>> {
        let entry = (*self.entries.get(entry_place(index))?)?;
        let age = self.newest?.saturating_duration_since(entry.arrival);
        let overwritten = self.written - entry.start > MAX_CACHED_BYTES as u64;
        if entry.index != index || overwritten || age > MAX_CACHED_AGE {
            return None;
        }
        let place = ring_place(entry.start);
        Some(CachedPacket {
            index,
            timestamp: entry.timestamp,
            marker: entry.marker,
            payload: self.bytes.get(place..place + entry.len)?,
        })
    }
}

fn ring_place(position: u64) -> usize {
    (position % MAX_CACHED_BYTES as u64) as usize
}

fn entry_place(index: u64) -> usize {
    (index % MAX_CACHED_PACKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(index: u64, payload: &[u8]) -> CachedPacket<'_> {
        CachedPacket {
            index,
            timestamp: index as u32 * 7,
            marker: index.is_multiple_of(3),
            payload,
        }
    }

    #[test]
    fn takes_no_memory_before_the_first_packet() {
        let mut cache = PacketCache::new();
        assert_eq!(cache.bytes.capacity() + cache.entries.capacity(), 0);
        assert_eq!(cache.get(0), None);
        cache.insert(Instant::now(), packet(1, &vec![0; MAX_CACHED_BYTES + 1]));
        assert_eq!(cache.get(1), None);
    }

    #[test]
    fn age_counts_from_the_newest_packet() {
        let start = Instant::now();
        let mut cache = PacketCache::new();
        cache.insert(start, packet(1, b"one"));
        cache.insert(start + MAX_CACHED_AGE, packet(2, b"two"));
        assert_eq!(cache.get(1), Some(packet(1, b"one")));
        cache.insert(start + MAX_CACHED_AGE * 2, packet(3, b"three"));
        assert_eq!(cache.get(1), None);
        assert_eq!(cache.get(2), Some(packet(2, b"two")));
        // A late packet does not turn time back.
        cache.insert(start, packet(0, b"zero"));
        assert_eq!(cache.get(0), None);
        assert_eq!(cache.get(3), Some(packet(3, b"three")));
    }

    proptest! {
        /// Against a plain list: what is returned is what was stored; what is within all bounds
        /// is there; what is beyond the packet bound is not; memory stays what it was.
        #[test]
        fn keeps_the_newest_within_its_bounds(
            sizes in prop::collection::vec(prop_oneof![0usize..1300, 0usize..6000], 1..1200),
        ) {
            let now = Instant::now();
            let mut cache = PacketCache::new();
            let mut stored: Vec<Vec<u8>> = Vec::new();
            for (number, size) in sizes.iter().enumerate() {
                let payload = vec![(number % 251) as u8; *size];
                cache.insert(now, packet(number as u64, &payload));
                stored.push(payload);
            }
            prop_assert_eq!(cache.bytes.capacity(), MAX_CACHED_BYTES);
            prop_assert_eq!(cache.entries.capacity(), MAX_CACHED_PACKETS);
            let mut newer_bytes = 0;
            for (number, payload) in stored.iter().enumerate().rev() {
                let rank = stored.len() - number;
                newer_bytes += payload.len();
                match cache.get(number as u64) {
                    Some(found) => {
                        prop_assert_eq!(found, packet(number as u64, payload));
                        prop_assert!(rank <= MAX_CACHED_PACKETS);
                        prop_assert!(newer_bytes <= MAX_CACHED_BYTES);
                    }
                    // One packet's length may be lost at the ring's end.
                    None => prop_assert!(
                        rank > MAX_CACHED_PACKETS || newer_bytes + 6000 > MAX_CACHED_BYTES
                    ),
                }
            }
        }
    }
}
