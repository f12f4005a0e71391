//! Who a datagram belongs to: by address once a check validated it, before by ICE ufrag.

use std::net::SocketAddr;

use arrayvec::ArrayVec;
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::media::ParticipantId;
use crate::transport::MAX_VALIDATED;

/// Ufrags that lead to one participant: the current one and those before the last restarts, in
/// use until the participant's first check with the new. The oldest is forgotten first.
const MAX_UFRAGS: usize = 3;

/// Where a participant sits, and the entries that lead there.
#[derive(Debug)]
pub struct Entry {
    pub id: ParticipantId,
    pub room: usize,
    pub seat: usize,
    /// [`Event::Connected`](super::Event::Connected) was sent.
    pub announced: bool,
    ufrags: ArrayVec<String, MAX_UFRAGS>,
    /// One more than a connection keeps, for the moment between a new one and the old's end.
    addresses: ArrayVec<SocketAddr, { MAX_VALIDATED + 1 }>,
}

#[derive(Debug, Default)]
pub struct Directory {
    entries: Slab<Entry>,
    by_id: FxHashMap<ParticipantId, usize>,
    by_ufrag: FxHashMap<String, usize>,
    by_address: FxHashMap<SocketAddr, usize>,
    /// The last answer of `by_address`: the kernel hands over several datagrams of one source at a
    /// time. Forgotten by whatever changes that table.
    last_found: Option<(SocketAddr, usize)>,
}

impl Directory {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries in all tables.
    pub fn table_entries(&self) -> usize {
        self.entries.len() + self.by_id.len() + self.by_ufrag.len() + self.by_address.len()
    }

    pub fn has(&self, id: ParticipantId, ufrag: &str) -> bool {
        self.by_id.contains_key(&id) || self.by_ufrag.contains_key(ufrag)
    }

    /// The key that the next [`Directory::insert`] gives.
    pub fn next_key(&self) -> usize {
        self.entries.vacant_key()
    }

    pub fn insert(&mut self, id: ParticipantId, room: usize, seat: usize, ufrag: String) -> usize {
        let key = self.entries.insert(Entry {
            id,
            room,
            seat,
            announced: false,
            ufrags: ArrayVec::from_iter([ufrag.clone()]),
            addresses: ArrayVec::new(),
        });
        self.by_id.insert(id, key);
        self.by_ufrag.insert(ufrag, key);
        key
    }

    /// Removes a participant and every entry that led to it.
    pub fn remove(&mut self, key: usize) -> Option<Entry> {
        let entry = self.entries.try_remove(key)?;
        self.last_found = None;
        self.by_id.remove(&entry.id);
        for ufrag in &entry.ufrags {
            self.by_ufrag.remove(ufrag);
        }
        for address in &entry.addresses {
            if self.by_address.get(address) == Some(&key) {
                self.by_address.remove(address);
            }
        }
        Some(entry)
    }

    pub fn get(&self, key: usize) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub fn get_mut(&mut self, key: usize) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub fn by_id(&self, id: ParticipantId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub fn by_address(&mut self, address: SocketAddr) -> Option<usize> {
        if let Some((last, key)) = self.last_found
            && last == address
        {
            return Some(key);
        }
        let key = self.by_address.get(&address).copied()?;
        self.last_found = Some((address, key));
        Some(key)
    }

    pub fn by_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// A check from `address` was authentic: from now on it leads to `key`.
    pub fn add_address(&mut self, key: usize, address: SocketAddr) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if !entry.addresses.contains(&address) && entry.addresses.try_push(address).is_err() {
            return;
        }
        self.last_found = None;
        if let Some(former) = self.by_address.insert(address, key)
            && former != key
            && let Some(former) = self.entries.get_mut(former)
        {
            former.addresses.retain(|known| *known != address);
        }
    }

    pub fn remove_address(&mut self, key: usize, address: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.addresses.retain(|known| *known != address);
        }
        if self.by_address.get(&address) == Some(&key) {
            self.by_address.remove(&address);
            self.last_found = None;
        }
    }

    /// One more ufrag that leads to `key`. False when it leads to another participant.
    pub fn add_ufrag(&mut self, key: usize, ufrag: String) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if let Some(&owner) = self.by_ufrag.get(&ufrag) {
            return owner == key;
        }
        if entry.ufrags.is_full() {
            let oldest = entry.ufrags.remove(0);
            self.by_ufrag.remove(&oldest);
        }
        entry.ufrags.push(ufrag.clone());
        self.by_ufrag.insert(ufrag, key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn removal_leaves_nothing_and_spares_what_moved_to_another() {
        let mut directory = Directory::default();
        let first = directory.insert(ParticipantId(1), 0, 0, "one".into());
        let second = directory.insert(ParticipantId(2), 0, 1, "two".into());
        directory.add_address(first, address(1));
        directory.add_address(first, address(2));
        directory.add_address(second, address(2));
        assert_eq!(directory.by_address(address(2)), Some(second));
        directory.remove(first);
        assert_eq!(directory.by_address(address(2)), Some(second));
        assert_eq!(directory.by_address(address(1)), None);
        directory.remove_address(second, address(2));
        directory.remove(second);
        assert_eq!(directory.table_entries(), 0);
    }

    #[test]
    fn the_last_answer_is_not_given_again_after_a_change() {
        let mut directory = Directory::default();
        let first = directory.insert(ParticipantId(1), 0, 0, "one".into());
        let second = directory.insert(ParticipantId(2), 0, 1, "two".into());
        assert_eq!(directory.by_address(address(1)), None);
        directory.add_address(first, address(1));
        assert_eq!(directory.by_address(address(1)), Some(first));
        assert_eq!(directory.by_address(address(2)), None);
        directory.add_address(second, address(1));
        assert_eq!(directory.by_address(address(1)), Some(second));
        directory.remove_address(second, address(1));
        assert_eq!(directory.by_address(address(1)), None);
        directory.add_address(first, address(1));
        assert_eq!(directory.by_address(address(1)), Some(first));
        directory.remove(first);
        assert_eq!(directory.by_address(address(1)), None);
    }

    #[test]
    fn ufrags_are_bounded_and_never_taken_from_another() {
        let mut directory = Directory::default();
        let first = directory.insert(ParticipantId(1), 0, 0, "a".into());
        directory.insert(ParticipantId(2), 0, 1, "z".into());
        assert!(!directory.add_ufrag(first, "z".into()));
        for ufrag in ["b", "c", "d"] {
            assert!(directory.add_ufrag(first, ufrag.into()));
        }
        assert_eq!(directory.by_ufrag("a"), None, "the oldest");
        assert_eq!(directory.by_ufrag("d"), Some(first));
        directory.remove(first);
        assert_eq!(directory.table_entries(), 3);
    }

    #[test]
    fn addresses_of_one_participant_are_bounded() {
        let mut directory = Directory::default();
        let key = directory.insert(ParticipantId(1), 0, 0, "a".into());
        for port in 0..100 {
            directory.add_address(key, address(port));
        }
        assert!(directory.table_entries() <= 3 + MAX_VALIDATED + 1);
        directory.remove(key);
        assert_eq!(directory.table_entries(), 0);
    }
}
