//! One participant as a subscriber: its connection and what it is shown.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use super::permissions::{Permissions, Wants};
use crate::media::{Codec, MediaKind, ParticipantId};
use crate::publish::Ingress;
use crate::subscribe::{EgressLink, Forwarded, Slot, SlotSeed};
use crate::transport::{Connection, SendArena};
use crate::wire::sdp::{SessionPlan, SlotLine};

/// Time between two RTCP reports of a participant, as browsers send them.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a participant joins with.
pub struct NewParticipant<'a> {
    pub id: ParticipantId,
    /// The shard's index of the participant, for its timers.
    pub key: usize,
    pub plan: &'a SessionPlan,
    pub connection: Connection,
    pub permissions: Permissions,
    /// Teachers and co-teachers: they keep a video slot whoever speaks.
    pub leading: bool,
}

/// A slot and what its m-line can carry.
#[derive(Debug)]
pub struct Place {
    pub slot: Slot,
    pub kind: MediaKind,
    pub codecs: Vec<Codec>,
}

pub struct Participant {
    pub id: ParticipantId,
    pub key: usize,
    pub leading: bool,
    pub wants: Wants,
    pub connection: Connection,
    pub places: Vec<Place>,
    /// The slot mapping changed since the last event about it.
    pub slots_changed: bool,
    pub next_report: Instant,
    /// Next transport-wide sequence number towards the participant.
    transport_sequence: u64,
}

impl Participant {
    pub fn new(now: Instant, join: NewParticipant<'_>, rng: &mut StdRng) -> Self {
        let slots = &join.plan.slots;
        Self {
            id: join.id,
            key: join.key,
            leading: join.leading,
            wants: Wants::default(),
            connection: join.connection,
            places: slots.iter().map(|line| place(now, line, rng)).collect(),
            slots_changed: false,
            next_report: now + REPORT_INTERVAL,
            transport_sequence: 0,
        }
    }

    /// The path is up and secured.
    pub fn is_connected(&self) -> bool {
        self.connection.has_keys() && self.connection.remote().is_some()
    }

    /// Writes a packet for one of the slots.
    pub fn forward(
        &mut self,
        wall: Duration,
        slot: usize,
        packet: &Ingress<'_>,
        out: &mut SendArena,
    ) -> Forwarded {
        match self.slot_and_link(slot) {
            Some((slot, mut link)) => slot.forward(wall, packet, &mut link, out),
            None => Forwarded::Refused,
        }
    }

    /// One slot with what it writes through.
    pub fn slot_and_link(
        &mut self,
        slot: usize,
    ) -> Option<(&mut Slot, EgressLink<'_, Connection>)> {
        let place = self.places.get_mut(slot)?;
        let link = EgressLink {
            connection: &mut self.connection,
            transport_sequence: &mut self.transport_sequence,
        };
        Some((&mut place.slot, link))
    }

    /// The slot that sends under `ssrc`, be it media or retransmissions.
    pub fn slot_of_ssrc(&self, ssrc: u32) -> Option<usize> {
        self.places
            .iter()
            .position(|place| place.slot.ssrc() == ssrc || place.slot.rtx_ssrc() == Some(ssrc))
    }

    pub fn slots_of(&self, kind: MediaKind) -> impl Iterator<Item = (usize, &Place)> {
        let places = self.places.iter().enumerate();
        places.filter(move |(_, place)| place.kind == kind)
    }
}

fn place(now: Instant, line: &SlotLine, rng: &mut StdRng) -> Place {
    let seed = SlotSeed {
        sequence: rng.random(),
        timestamp: rng.random(),
        picture_id: rng.random(),
        rtx_sequence: rng.random(),
    };
    Place {
        slot: Slot::new(now, line, seed),
        kind: line.kind,
        codecs: line.codecs.iter().map(|codec| codec.codec).collect(),
    }
}
