//! The gate at work: it gives the pure [`Gate`] its clock, its lock and its seed, and carries out
//! what it decides. Its keeper is the one task that acts when nobody comes.

mod keeper;
mod metrics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::Registry;
use rand::Rng;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::admission::calendar::{Lesson, LessonId, NotAnnounced};
use crate::admission::gate::{Arrival, Event, Gate};
use crate::admission::ladder::{Ladder, Step};
use crate::admission::queue::Client;
use crate::admission::work::JoinWork;
use crate::config::SignalingConfig;
use crate::message::{ErrorCode, ServerMessage};
use crate::node::{Node, millis};
use crate::room::Join;
use crate::session::outbox::ConnectionId;
use crate::translate::{rank, refusal_code};
use metrics::DoorMetrics;

pub(crate) use keeper::keep;

pub(crate) struct Door {
    /// Held for decisions only: never while anything is awaited, and nothing is carried out under
    /// it that could come back here.
    shared: Mutex<Shared>,
    /// Wakes the keeper when something is due before it meant to wake.
    wake: Notify,
    step: watch::Sender<Step>,
    metrics: DoorMetrics,
}

struct Shared {
    gate: Gate<Box<Join>>,
    ladder: Ladder,
    /// When the keeper will look next.
    keeper_at: Option<std::time::Instant>,
}

/// Somebody who was let in. Dropped when the join has failed or the person has left: the place is
/// free again.
pub(crate) struct Pass {
    door: Arc<Door>,
    class: Arc<str>,
    identity: String,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let now = Instant::now().into_std();
        self.door
            .shared()
            .gate
            .left(now, &self.class, &self.identity);
    }
}

impl Door {
    pub fn new(config: &SignalingConfig, registry: &Registry) -> Result<Self, prometheus::Error> {
        let most = config.limits.max_participants_per_room;
        let gate = Gate::new(config.admission.clone(), most, rand::rng().random());
        Ok(Self {
            shared: Mutex::new(Shared {
                gate,
                ladder: Ladder::default(),
                keeper_at: None,
            }),
            wake: Notify::new(),
            step: watch::Sender::new(Step::Full),
            metrics: DoorMetrics::new(registry)?,
        })
    }

    /// Somebody comes: is let in, waits, or is sent away.
    pub fn arrive(&self, node: &Arc<Node>, join: Box<Join>) {
        let now = Instant::now().into_std();
        let arrival = Arrival {
            client: client(join.entrant.outbox.connection),
            class: join.grant.room.as_str().into(),
            identity: join.grant.identity.as_str().into(),
            rank: rank(join.grant.role),
            work: JoinWork::of_offer(join.offer.len()),
            place: join.place.clone(),
        };
        let mut events = Vec::new();
        let mut shared = self.shared();
        shared.gate.arrive(now, arrival, join, &mut events);
        let due = shared.gate.due(now);
        let sooner = due.is_some_and(|due| shared.keeper_at.is_none_or(|at| due < at));
        self.told(&shared, &mut events);
        self.metrics.show(&shared.gate.state());
        drop(shared);
        if sooner {
            self.wake.notify_one();
        }
        self.carry_out(node, events);
    }

    /// The connection is gone: whoever waited on it waits no longer.
    pub fn vanish(&self, connection: ConnectionId) {
        let now = Instant::now().into_std();
        let gone = self.shared().gate.vanish(now, client(connection));
        drop(gone);
    }

    pub fn announce(&self, wall: u64, lesson: Lesson) -> Result<bool, NotAnnounced> {
        let now = Instant::now().into_std();
        let mut shared = self.shared();
        let announced = shared.gate.announce(now, wall, lesson);
        self.metrics.show(&shared.gate.state());
        announced
    }

    pub fn cancel(&self, wall: u64, id: LessonId) -> Option<Lesson> {
        let now = Instant::now().into_std();
        let mut shared = self.shared();
        let cancelled = shared.gate.cancel(now, wall, id);
        self.metrics.show(&shared.gate.state());
        cancelled
    }

    /// By their beginning.
    pub fn lessons(&self) -> Vec<Lesson> {
        self.shared().gate.lessons().cloned().collect()
    }

    /// The step of the brownout ladder.
    pub fn step(&self) -> Step {
        *self.step.borrow()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // The gate's methods leave it whole even where they panic: take it over.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait. They are still in the gate.
    fn told(&self, shared: &Shared, events: &mut Vec<Event<Box<Join>>>) {
        events.retain(|event| {
            let Event::Told(client, told) = event else {
                return true;
            };
            if let Some(join) = shared.gate.payload(*client) {
                join.entrant.outbox.tell(ServerMessage::Queued {
                    re: join.entrant.re,
                    position: told.position,
                    eta_ms: millis(told.eta),
                });
            }
            false
        });
    }

    fn carry_out(&self, node: &Arc<Node>, events: Vec<Event<Box<Join>>>) {
        for event in events {
            match event {
                Event::Admitted {
                    payload: mut join,
                    waited,
                } => {
                    self.metrics.admitted.inc();
                    self.metrics.waiting.observe(waited.as_secs_f64());
                    join.pass = Some(Pass {
                        door: node.door.clone(),
                        class: join.grant.room.as_str().into(),
                        identity: join.grant.identity.clone(),
                    });
                    node.bring(join);
                }
                Event::Refused {
                    payload: join,
                    refusal,
                } => {
                    let reason = refusal.reason;
                    let refused = &self.metrics.refused;
                    refused.with_label_values(&[reason.as_str()]).inc();
                    let code = refusal_code(reason);
                    let retry_after = Some(millis(refusal.retry_after));
                    join.entrant
                        .send_away(node, code, retry_after, refusal.place);
                }
                Event::Displaced { payload: join } => {
                    join.entrant.refuse(node, ErrorCode::Replaced);
                }
                // Dealt with in `told`.
                Event::Told(..) => {}
            }
        }
    }
}

fn client(connection: ConnectionId) -> Client {
    Client(connection.0)
}
