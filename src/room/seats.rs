//! Who is in the room: people whose connection is here, and those whom another shard's relay
//! stands for.
//!
//! Both have a seat, for both publish; only who is here also subscribes. A seat's number is the
//! index of everything else the room keeps of somebody.

use slab::Slab;

use super::participant::Participant;
use super::relay::Remote;
use crate::media::ParticipantId;

// Not boxed: a participant is looked up for every packet it gets, and a seat of somebody elsewhere
// may be as large.
#[allow(clippy::large_enum_variant)]
enum Seat {
    Here(Box<Participant>),
    Elsewhere(Remote),
}

/// All seats. Unless a method says otherwise, it sees the people who are here.
#[derive(Default)]
pub struct Seats {
    seats: Slab<Seat>,
    here: usize,
}

impl Seats {
    /// Number of people who are here.
    pub fn len(&self) -> usize {
        self.here
    }

    pub fn is_empty(&self) -> bool {
        self.here == 0
    }

    /// Number of people everywhere.
    pub fn len_everywhere(&self) -> usize {
        self.seats.len()
    }

    pub fn insert(&mut self, participant: Participant) -> usize {
        self.here += 1;
        self.seats.insert(Seat::Here(Box::new(participant)))
    }

    pub fn insert_remote(&mut self, remote: Remote) -> usize {
        self.seats.insert(Seat::Elsewhere(remote))
    }

    pub fn get(&self, seat: usize) -> Option<&Participant> {
        match self.seats.get(seat)? {
            Seat::Here(participant) => Some(participant),
            Seat::Elsewhere(_) => None,
        }
    }

    pub fn get_mut(&mut self, seat: usize) -> Option<&mut Participant> {
        match self.seats.get_mut(seat)? {
            Seat::Here(participant) => Some(participant),
            Seat::Elsewhere(_) => None,
        }
    }

    pub fn remote(&self, seat: usize) -> Option<&Remote> {
        match self.seats.get(seat)? {
            Seat::Here(_) => None,
            Seat::Elsewhere(remote) => Some(remote),
        }
    }

    pub fn remote_mut(&mut self, seat: usize) -> Option<&mut Remote> {
        match self.seats.get_mut(seat)? {
            Seat::Here(_) => None,
            Seat::Elsewhere(remote) => Some(remote),
        }
    }

    /// Gives up the seat of somebody here.
    pub fn remove(&mut self, seat: usize) -> Option<Participant> {
        self.get(seat)?;
        match self.seats.try_remove(seat)? {
            Seat::Here(participant) => {
                self.here -= 1;
                Some(*participant)
            }
            Seat::Elsewhere(_) => None,
        }
    }

    /// Gives up the seat of somebody elsewhere.
    pub fn remove_remote(&mut self, seat: usize) -> Option<Remote> {
        self.remote(seat)?;
        match self.seats.try_remove(seat)? {
            Seat::Here(_) => None,
            Seat::Elsewhere(remote) => Some(remote),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, &Participant)> {
        self.seats.iter().filter_map(|(seat, who)| match who {
            Seat::Here(participant) => Some((seat, &**participant)),
            Seat::Elsewhere(_) => None,
        })
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Participant)> {
        self.seats.iter_mut().filter_map(|(seat, who)| match who {
            Seat::Here(participant) => Some((seat, &mut **participant)),
            Seat::Elsewhere(_) => None,
        })
    }

    pub fn remotes(&self) -> impl Iterator<Item = (usize, &Remote)> {
        self.seats.iter().filter_map(|(seat, who)| match who {
            Seat::Here(_) => None,
            Seat::Elsewhere(remote) => Some((seat, remote)),
        })
    }

    pub fn remotes_mut(&mut self) -> impl Iterator<Item = (usize, &mut Remote)> {
        self.seats.iter_mut().filter_map(|(seat, who)| match who {
            Seat::Here(_) => None,
            Seat::Elsewhere(remote) => Some((seat, remote)),
        })
    }

    /// Whose seat it is, here or elsewhere.
    pub fn who(&self, seat: usize) -> Option<ParticipantId> {
        Some(match self.seats.get(seat)? {
            Seat::Here(participant) => participant.id,
            Seat::Elsewhere(remote) => remote.id,
        })
    }

    /// Whether a teacher or co-teacher sits there, here or elsewhere.
    pub fn is_leading(&self, seat: usize) -> bool {
        match self.seats.get(seat) {
            Some(Seat::Here(participant)) => participant.leading,
            Some(Seat::Elsewhere(remote)) => remote.leading,
            None => false,
        }
    }
}
