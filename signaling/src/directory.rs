//! Who is where on this node: rooms by name, people and media sessions to their rooms.

use std::sync::Arc;

use dashmap::{DashMap, Entry};

use crate::message::ParticipantId;
use crate::node::Node;
use crate::plane::{MediaRoom, MediaSession};
use crate::room::RoomHandle;

/// Bounds: rooms by `max_rooms`, people and sessions by the people of the rooms and their pending
/// joins.
#[derive(Default)]
pub(crate) struct Directory {
    by_name: DashMap<String, RoomHandle>,
    by_room: DashMap<MediaRoom, RoomHandle>,
    by_person: DashMap<ParticipantId, RoomHandle>,
    by_session: DashMap<MediaSession, RoomHandle>,
}

impl Directory {
    /// The room of this name, opened if there is none. `None`: all rooms are taken.
    pub fn room(&self, node: &Arc<Node>, name: &str) -> Option<RoomHandle> {
        if let Some(handle) = self.by_name.get(name) {
            return Some(handle.clone());
        }
        match self.by_name.entry(name.to_owned()) {
            Entry::Occupied(entry) => Some(entry.get().clone()),
            Entry::Vacant(entry) => {
                let place = node.rooms.take()?;
                let (handle, commands) = RoomHandle::new(node.mint_room(), name);
                self.by_room.insert(handle.id, handle.clone());
                entry.insert(handle.clone());
                handle.start(node.clone(), commands, place);
                Some(handle)
            }
        }
    }

    pub fn forget_room(&self, handle: &RoomHandle) {
        self.by_name
            .remove_if(&*handle.name, |_, there| there.id == handle.id);
        self.by_room.remove(&handle.id);
    }

    pub fn all_rooms(&self) -> Vec<RoomHandle> {
        self.by_room.iter().map(|entry| entry.clone()).collect()
    }

    pub fn room_by_id(&self, room: MediaRoom) -> Option<RoomHandle> {
        self.by_room.get(&room).map(|entry| entry.clone())
    }

    pub fn add_person(&self, participant: &str, handle: &RoomHandle) {
        self.by_person
            .insert(participant.to_owned(), handle.clone());
    }

    pub fn room_of_person(&self, participant: &str) -> Option<RoomHandle> {
        self.by_person.get(participant).map(|entry| entry.clone())
    }

    pub fn forget_person(&self, participant: &str, room: MediaRoom) {
        self.by_person
            .remove_if(participant, |_, there| there.id == room);
    }

    pub fn add_session(&self, session: MediaSession, handle: &RoomHandle) {
        self.by_session.insert(session, handle.clone());
    }

    pub fn room_of_session(&self, session: MediaSession) -> Option<RoomHandle> {
        self.by_session.get(&session).map(|entry| entry.clone())
    }

    pub fn forget_session(&self, session: MediaSession) {
        self.by_session.remove(&session);
    }

    /// Entries of all kinds, for tests of what is left behind.
    pub fn len(&self) -> usize {
        self.by_name.len() + self.by_room.len() + self.by_person.len() + self.by_session.len()
    }
}
