//! The keeper of the door: lets in those whose turn has come, tells those who wait, begins announced
//! lessons, and stands on the brownout ladder where the pressure asks it to.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Door, Shared};
use crate::admission::ladder::{Pressure, Step};
use crate::node::Node;
use crate::room::RoomCommand;
use crate::token::unix_now;

/// Pressure is measured, and lessons are begun, this often.
const ROUND: Duration = Duration::from_secs(1);

/// Runs for the life of the node.
pub(crate) async fn keep(node: Arc<Node>) {
    let mut round_at = Instant::now() + ROUND;
    loop {
        let until = node
            .door
            .look(&node)
            .map_or(round_at, |at| at.min(round_at));
        tokio::select! {
            () = sleep_until(until) => {}
            () = node.door.wake.notified() => {}
        }
        if Instant::now() >= round_at {
            node.door.round(&node);
            round_at = Instant::now() + ROUND;
        }
    }
}

impl Door {
    /// Does what is due; gives when to look again.
    fn look(&self, node: &Arc<Node>) -> Option<Instant> {
        let now = Instant::now().into_std();
        let mut events = Vec::new();
        let mut shared = self.shared();
        shared.gate.poll(now, &mut events);
        let due = shared.gate.due(now);
        shared.keeper_at = due;
        self.told(&shared, &mut events);
        self.metrics.show(&shared.gate.state());
        drop(shared);
        self.carry_out(node, events);
        due.map(Instant::from_std)
    }

    fn round(&self, node: &Arc<Node>) {
        let now = Instant::now().into_std();
        let media = node.plane.pressure();
        let mut shared = self.shared();
        let Shared { gate, ladder, .. } = &mut *shared;
        gate.begin_lessons(now, unix_now() as u64);
        let pressure = Pressure {
            media_cpu: media.cpu,
            send_backlog: media.send_backlog,
            handshake_queue: media.handshake_queue,
            admission_queue: gate.state().queue_pressure,
        };
        let before = ladder.step();
        let step = ladder.observe(now, &pressure);
        if step != before {
            gate.set_admission_share(step.admission_share());
        }
        drop(shared);
        if step != before {
            tracing::warn!(
                from = before.as_str(),
                to = step.as_str(),
                ?pressure,
                "the node gives another service"
            );
            self.set_step(node, step);
        }
    }

    fn set_step(&self, node: &Arc<Node>, step: Step) {
        self.metrics.show_step(step);
        self.step.send_replace(step);
        node.plane.set_service(step.service());
        for room in node.directory.all_rooms() {
            // A room whose mailbox is full tells its people with the next change.
            let _ = room.mailbox.try_send(RoomCommand::Service);
        }
    }
}
