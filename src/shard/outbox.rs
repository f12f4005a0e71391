//! What waits to be polled from a shard. Bounded: see [`ShardConfig`].

use std::collections::VecDeque;

use super::{Event, HandshakeInput, ShardConfig};
use crate::media::{ParticipantId, RoomId};

/// Slots and speakers wait as names, not as events: the event is built when polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateNews {
    Slots(ParticipantId),
    Speakers(RoomId),
}

#[derive(Debug)]
pub struct Outbox {
    max_events: usize,
    max_handshake_inputs: usize,
    /// Each participant that was let in adds at most two.
    lifecycle: VecDeque<Event>,
    /// Each participant and room at most once.
    state: VecDeque<StateNews>,
    handshake: VecDeque<HandshakeInput>,
}

impl Outbox {
    pub fn new(config: &ShardConfig) -> Self {
        Self {
            max_events: config.max_events,
            max_handshake_inputs: config.max_handshake_inputs,
            lifecycle: VecDeque::new(),
            state: VecDeque::new(),
            handshake: VecDeque::new(),
        }
    }

    /// Whether the readers keep up. If not, nobody else may join: every participant inside can
    /// still add its few lifecycle events, so the queues stay bounded.
    pub fn accepts_joins(&self) -> bool {
        self.lifecycle.len() < self.max_events && self.handshake.len() <= self.max_handshake_inputs
    }

    /// News of a participant that was let in.
    pub fn push_lifecycle(&mut self, event: Event) {
        self.lifecycle.push_back(event);
    }

    /// News of a participant that was not let in. Returns whether there was room for it.
    pub fn push_refusal(&mut self, event: Event) -> bool {
        let fits = self.lifecycle.len() < self.max_events;
        if fits {
            self.lifecycle.push_back(event);
        }
        fits
    }

    pub fn push_state(&mut self, news: StateNews) {
        if !self.state.contains(&news) {
            self.state.push_back(news);
        }
    }

    pub fn forget(&mut self, news: StateNews) {
        self.state.retain(|known| *known != news);
    }

    pub fn pop_lifecycle(&mut self) -> Option<Event> {
        self.lifecycle.pop_front()
    }

    pub fn pop_state(&mut self) -> Option<StateNews> {
        self.state.pop_front()
    }

    /// `Begin` and `Remove`: at most two per participant that was let in.
    pub fn push_handshake(&mut self, input: HandshakeInput) {
        self.handshake.push_back(input);
    }

    /// Returns whether there was room.
    pub fn push_datagram(&mut self, participant: ParticipantId, datagram: &[u8]) -> bool {
        let fits = self.handshake.len() < self.max_handshake_inputs;
        if fits {
            let input = HandshakeInput::Datagram(participant, datagram.to_vec());
            self.handshake.push_back(input);
        }
        fits
    }

    pub fn pop_handshake(&mut self) -> Option<HandshakeInput> {
        self.handshake.pop_front()
    }

    /// State news that wait, for the test that nothing is left behind.
    pub fn state_len(&self) -> usize {
        self.state.len()
    }
}
