//! The latest packets of one video track, shared by all its subscribers for retransmission.

use std::time::{Duration, Instant};

/// When full, the oldest packet makes room.
pub const MAX_CACHED_PACKETS: usize = 512;

/// Bytes of payload kept; when full, the oldest packets make room.
pub const MAX_CACHED_BYTES: usize = 640 * 1024;

/// What the ring of bytes begins with and grows by: a second of a thumbnail.
const RING_STEP_BYTES: usize = 32 * 1024;

/// What the ring of entries begins with.
const FIRST_ENTRIES: usize = 128;

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
/// tracks of a class are audio or never sent). The ring of bytes begins small and grows by steps, up to
/// [`MAX_CACHED_BYTES`], when it was written once around in less than [`MAX_CACHED_AGE`]; the ring
/// of entries doubles, up to [`MAX_CACHED_PACKETS`], when a packet younger than that would have to make
/// room: a thumbnail does not take a shared screen's memory.
#[derive(Debug, Default)]
pub struct PacketCache {
    bytes: Vec<u8>,
    entries: Vec<Option<Entry>>,
    /// Bytes ever written, gaps at the ring's end included.
    written: u64,
    /// Where and when the ring was last begun anew, or was found large enough.
    lap: Option<(u64, Instant)>,
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
        self.make_room(arrival, len);
        let place = self.place(len);
        let Some(room) = self.bytes.get_mut(place..place + len) else {
            return;
        };
        room.copy_from_slice(packet.payload);
        let entry_place = self.make_entry(arrival, packet.index);
        if let Some(entry) = self.entries.get_mut(entry_place) {
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

    /// Where the next `len` bytes go. What does not fit before the ring's end begins at its start.
    fn place(&mut self, len: usize) -> usize {
        let place = self.ring_place(self.written);
        if place + len <= self.bytes.len() {
            return place;
        }
        self.written += (self.bytes.len() - place) as u64;
        0
    }

    /// The place of the entry with this index; grows the ring of entries when a young one has it.
    fn make_entry(&mut self, arrival: Instant, index: u64) -> usize {
        loop {
            let place = self.entry_place(index);
            let is_taken = self
                .entries
                .get(place)
                .copied()
                .flatten()
                .is_some_and(|old| {
                    old.index != index
                        && arrival.saturating_duration_since(old.arrival) < MAX_CACHED_AGE
                });
            if !is_taken || self.entries.len() >= MAX_CACHED_PACKETS {
                return place;
            }
            // What had a place of its own has one in the larger ring too.
            let larger = vec![None; self.entries.len() * 2];
            for entry in std::mem::replace(&mut self.entries, larger) {
                let Some(moved) = entry else { continue };
                let place = self.entry_place(moved.index);
                self.entries[place] = Some(moved);
            }
        }
    }

    /// The ring's length is a power of two.
    fn entry_place(&self, index: u64) -> usize {
        index as usize & self.entries.len().saturating_sub(1)
    }

    /// Grows the ring when the next `len` bytes would overwrite what is still of use.
    fn make_room(&mut self, arrival: Instant, len: usize) {
        if self.bytes.is_empty() {
            self.entries = vec![None; FIRST_ENTRIES];
        }
        let (begun, since) = *self.lap.get_or_insert((self.written, arrival));
        // A packet may leave a gap of its own length at the ring's end.
        let needed = (self.written - begun) as usize + 2 * len;
        if needed <= self.bytes.len() {
            return;
        }
        let is_young = arrival.saturating_duration_since(since) < MAX_CACHED_AGE;
        if self.bytes.len() < len || (is_young && self.bytes.len() < MAX_CACHED_BYTES) {
            self.grow(needed);
        } else {
            self.lap = Some((self.written, arrival));
        }
    }

    /// Moves what is there to the start of a larger ring, in the order it was written. A track does
    /// this at most as often as there are steps up to the bound.
    fn grow(&mut self, needed: usize) {
        let len = needed.next_multiple_of(RING_STEP_BYTES);
        let mut larger = vec![0; len.min(MAX_CACHED_BYTES)];
        let mut kept: Vec<(u64, usize)> = Vec::with_capacity(self.entries.len());
        for at in 0..self.entries.len() {
            match self.entries[at] {
                Some(entry) if !self.is_overwritten(&entry) => kept.push((entry.start, at)),
                _ => self.entries[at] = None,
            }
        }
        kept.sort_unstable();
        let mut written = 0;
        for (start, at) in kept {
            let place = self.ring_place(start);
            let Some(entry) = &mut self.entries[at] else {
                continue;
            };
            larger[written..written + entry.len]
                .copy_from_slice(&self.bytes[place..place + entry.len]);
            entry.start = written as u64;
            written += entry.len;
        }
        self.bytes = larger;
        self.written = written as u64;
        self.lap = self.lap.map(|(_, since)| (0, since));
    }

    fn is_overwritten(&self, entry: &Entry) -> bool {
        self.written - entry.start > self.bytes.len() as u64
    }

    fn ring_place(&self, position: u64) -> usize {
        match self.bytes.len() as u64 {
            0 => 0,
            len => (position % len) as usize,
        }
    }

    /// The packet with this index, unless it has made room or is older than [`MAX_CACHED_AGE`]
    /// against the newest.
    pub fn get(&self, index: u64) -> Option<CachedPacket<'_>> {
        let entry = (*self.entries.get(self.entry_place(index))?)?;
        let age = self.newest?.saturating_duration_since(entry.arrival);
        if entry.index != index || self.is_overwritten(&entry) || age > MAX_CACHED_AGE {
            return None;
        }
        let place = self.ring_place(entry.start);
        Some(CachedPacket {
            index,
            timestamp: entry.timestamp,
            marker: entry.marker,
            payload: self.bytes.get(place..place + entry.len)?,
        })
    }
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

    /// Sends `bytes` a second for ten seconds; gives the rings' sizes after.
    fn rings_after(cache: &mut PacketCache, start: Instant, bytes: usize) -> (usize, usize) {
        const PACKET: usize = 1000;
        let gap = Duration::from_secs(1) * PACKET as u32 / bytes as u32;
        let count = 10 * bytes / PACKET;
        for number in 0..count {
            let arrival = start + gap * number as u32;
            cache.insert(arrival, packet(number as u64, &[7; PACKET]));
            // Whatever is younger than the bounds say is there, from the first packet on.
            let back = (MAX_CACHED_PACKETS - 1).min(MAX_CACHED_BYTES / PACKET - 1);
            let wanted = (MAX_CACHED_AGE.as_nanos() / gap.as_nanos()) as usize;
            let oldest = number.saturating_sub(back.min(wanted));
            assert!(cache.get(oldest as u64).is_some(), "{oldest} of {number}");
        }
        (cache.bytes.len(), cache.entries.len())
    }

    #[test]
    fn the_rings_are_as_large_as_a_second_needs() {
        let start = Instant::now();
        for (bytes, most, packets) in [
            (18_000, 32, 128),
            (90_000, 96, 128),
            (240_000, 256, 256),
            (2_000_000, 640, 512),
        ] {
            let (ring, entries) = rings_after(&mut PacketCache::new(), start, bytes);
            assert!(ring <= most * 1024, "{ring} bytes for {bytes} a second");
            assert_eq!(entries, packets, "for {bytes} a second");
        }
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
            prop_assert!(cache.bytes.capacity() <= MAX_CACHED_BYTES);
            prop_assert!(cache.entries.capacity() <= MAX_CACHED_PACKETS);
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
