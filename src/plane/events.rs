//! What comes back from the shards: translated for signalling, counted for the metrics.
//!
//! Every shard's thread sends into one bounded channel and never waits: while the channel is full the
//! shard keeps its events (they are whole state, built when taken), so nothing is lost but time.

use std::sync::Arc;

use firstbell_signaling::plane::{MediaEnd, MediaEvent, MediaRoom};
use tokio::sync::mpsc;

use super::{NodeMetrics, Plane, media_source, session};
use crate::handshake::HandshakeHandle;
use crate::media::ParticipantId;
use crate::net::{NetCounters, ShardSink};
use crate::shard::{Counters, EndReason, Event, HandshakeInput};

/// Sent from a shard's thread to the pump.
pub enum NodeEvent {
    Shard(Event),
    Counters {
        shard: usize,
        counters: Box<Counters>,
        net: Box<NetCounters>,
    },
}

/// The shard's side: lives on the shard's thread.
pub struct SinkToPlane {
    pub shard: usize,
    pub events: mpsc::Sender<NodeEvent>,
    pub handshake: HandshakeHandle,
}

impl ShardSink for SinkToPlane {
    fn takes_events(&self) -> bool {
        self.events.capacity() > 0
    }

    fn event(&mut self, event: Event) {
        if let Err(error) = self.events.try_send(NodeEvent::Shard(event)) {
            // Another shard took the last place between the question and the event.
            tracing::warn!(shard = self.shard, %error, "an event was dropped");
        }
    }

    fn handshake(&mut self, input: HandshakeInput) {
        match input {
            HandshakeInput::Begin(participant) => self.handshake.begin(participant),
            // Full: dropped and counted by the pool; DTLS sends it again.
            HandshakeInput::Datagram(participant, datagram) => {
                let _ = self.handshake.datagram(participant, datagram);
            }
            HandshakeInput::Remove(participant) => self.handshake.remove(participant),
        }
    }

    fn counters(&mut self, counters: &Counters, net: NetCounters) {
        let counters = Box::new(counters.clone());
        // Dropped when full: the next second brings newer ones.
        let _ = self.events.try_send(NodeEvent::Counters {
            shard: self.shard,
            counters,
            net: Box::new(net),
        });
    }
}

/// Hands shard events to signalling and counters to the metrics, until the shards are gone.
pub struct EventPump {
    pub from_shards: mpsc::Receiver<NodeEvent>,
    pub to_signaling: mpsc::Sender<MediaEvent>,
    pub plane: Arc<Plane>,
    pub metrics: NodeMetrics,
}

impl EventPump {
    pub async fn run(mut self) {
        while let Some(event) = self.from_shards.recv().await {
            match event {
                NodeEvent::Shard(event) => {
                    let event = self.translate(event);
                    if self.to_signaling.send(event).await.is_err() {
                        return;
                    }
                }
                NodeEvent::Counters {
                    shard,
                    counters,
                    net,
                } => {
                    self.metrics.update(shard, &counters, &net);
                }
            }
        }
    }

    fn translate(&self, event: Event) -> MediaEvent {
        match event {
            Event::Connected { participant } => MediaEvent::Connected {
                session: session(participant),
            },
            Event::Ended { participant, why } => {
                self.plane.forget(session(participant));
                MediaEvent::Ended {
                    session: session(participant),
                    why: media_end(why),
                }
            }
            Event::Slots { participant, slots } => MediaEvent::Slots {
                session: session(participant),
                slots: slots
                    .into_iter()
                    .map(|slot| slot.map(|(whose, source)| (session(whose), media_source(source))))
                    .collect(),
            },
            Event::Speakers { room, participants } => MediaEvent::Speakers {
                room: MediaRoom(room.0),
                sessions: participants
                    .into_iter()
                    .map(|who: ParticipantId| session(who))
                    .collect(),
            },
        }
    }
}

fn media_end(why: EndReason) -> MediaEnd {
    match why {
        EndReason::ConsentExpired => MediaEnd::ConsentExpired,
        EndReason::NeverConnected => MediaEnd::NeverConnected,
        EndReason::HandshakeFailed => MediaEnd::HandshakeFailed,
        EndReason::PeerClosed => MediaEnd::PeerClosed,
        EndReason::ShardFull | EndReason::Conflict => MediaEnd::Refused,
    }
}
