//! Who may wait, and what those are told who may not.

use std::time::{Duration, Instant};

use rand::Rng;

use super::{Gate, Reason, Refusal, Waiting};
use crate::admission::work::JoinWork;

/// A place in a class, or on the node, is free when somebody leaves: nobody knows when.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(15);

/// Those who were told the same come back within this share of it.
const FULL_JITTER: std::ops::Range<f64> = 1.0..1.3;

/// One class may take this many times what is left of the queue (Choudhury and Hahne, 1998): as it
/// fills, those are sent away first whose class fills it, and small classes still find room.
const CLASS_SHARE: u64 = 2;

/// Who somebody is to the queue.
#[derive(Clone, Copy)]
enum Kind {
    NewClass,
    Running,
    /// Was sent away before, or is in already and only reloads.
    Returning,
}

impl<T> Gate<T> {
    /// Whether somebody may wait. If so, the class holds a place for this person.
    pub(super) fn decide(
        &mut self,
        now: Instant,
        entry: &Waiting<T>,
        was_kept: bool,
    ) -> Result<(), Reason> {
        let is_inside = self.presences.is_inside(&entry.class, &entry.identity);
        let class = &entry.class;
        if !is_inside && self.presences.people(class) >= self.max_people_per_class {
            return Err(Reason::ClassFull);
        }
        let kind = if was_kept || is_inside {
            Kind::Returning
        } else if self.presences.runs(class) || self.book.is_announced(class) {
            Kind::Running
        } else {
            Kind::NewClass
        };
        self.room_in_queue(now, entry, kind)?;
        if is_inside {
            return Ok(());
        }
        self.book.arrive(now, class).map_err(|_| Reason::NodeFull)
    }

    fn room_in_queue(
        &mut self,
        now: Instant,
        entry: &Waiting<T>,
        kind: Kind,
    ) -> Result<(), Reason> {
        if self.queue.is_empty() {
            return Ok(());
        }
        let most = self.most_units() as u64;
        let longest = self.config.max_wait;
        let (units, wait, full) = match kind {
            Kind::NewClass => (most / 2, longest / 2, Reason::NewClassesWait),
            Kind::Running => (most, longest, Reason::Busy),
            Kind::Returning => (most + most / 2, longest * 3 / 2, Reason::Busy),
        };
        let waiting = self.queue.units();
        let work = entry.work.units();
        if waiting + work > units {
            return Err(full);
        }
        let of_class = self.queue.line(&entry.class).1;
        if !matches!(kind, Kind::Returning) && of_class + work > (units - waiting) * CLASS_SHARE {
            return Err(Reason::ClassBusy);
        }
        // Nobody waits long in a queue that is short.
        if self.rate.time_of(waiting) < longest / 4 {
            return Ok(());
        }
        let depth = self.queue.depth(&entry.class, entry.standing) + work;
        if self.recent_forecast(now).wait(depth) > wait {
            return Err(full);
        }
        Ok(())
    }

    /// Work that may wait: what is let in within the longest wait, and no more than what the
    /// permitted number of people bring.
    pub(super) fn most_units(&self) -> f64 {
        let in_time = self.pace.units_per_second() * self.config.max_wait.as_secs_f64();
        let people = JoinWork::ORDINARY.units() as f64 * self.config.max_waiting as f64;
        in_time.min(people).max(1.0)
    }

    /// Who waits longer than this is sent away all the same.
    pub(super) fn longest_wait(&self) -> Duration {
        self.config.max_wait * 2
    }

    /// What somebody is told who is not let in.
    pub(super) fn refusal(&mut self, now: Instant, entry: &Waiting<T>, reason: Reason) -> Refusal {
        if matches!(reason, Reason::NodeFull | Reason::ClassFull) {
            let jitter = self.rng.random_range(FULL_JITTER);
            return Refusal {
                reason,
                retry_after: FULL_RETRY_AFTER.mul_f64(jitter),
                place: None,
            };
        }
        // Half the queue has to go before there is room for everybody again.
        let drained = self.rate.time_of(self.queue.units());
        let free_in = drained.saturating_sub(self.config.max_wait / 2);
        let takes = self.rate.time_of(entry.work.units());
        let retry_after = self.kept.retry_after(now, free_in, takes, &mut self.rng);
        let person = (entry.class.clone(), entry.identity.clone());
        let place = self
            .kept
            .keep(now, person, entry.standing, retry_after, &mut self.rng);
        if place.is_some() {
            self.queue
                .send_away(&entry.class, entry.standing, entry.work);
        }
        Refusal {
            reason,
            retry_after,
            place,
        }
    }
}

impl Reason {
    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::ClassBusy => "class_busy",
            Self::NewClassesWait => "new_classes_wait",
            Self::TooSlow => "too_slow",
            Self::NodeFull => "node_full",
            Self::ClassFull => "class_full",
        }
    }
}
