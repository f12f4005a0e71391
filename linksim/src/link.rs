//! One direction of a line in use.
//!
//! A packet goes through, in this order: the queue in front of the rate, where it waits or is
//! dropped; the rate; the loss; the delay with its jitter; and perhaps it is late or comes twice.
//! All is decided when it is sent, as the schedule of changes is known.

use std::collections::VecDeque;
use std::time::Duration;

use crate::loss::LossProcess;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::shape::{Queue, Shape};

/// Late packets are late by a tenth of `reorder_by` at least.
const LEAST_REORDERING: f64 = 0.1;

/// When a packet arrives, and its copy if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    pub first: Duration,
    pub copy: Option<Duration>,
}

impl IntoIterator for Arrivals {
    type Item = Duration;
    type IntoIter = std::iter::Chain<std::iter::Once<Duration>, std::option::IntoIter<Duration>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.copy)
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives {
        at: Arrivals,
        /// How long it waits for those before it.
        queued: Duration,
    },
    /// The queue was full.
    Dropped,
    /// On the line, after it had waited and used its rate.
    Lost { queued: Duration },
}

impl Fate {
    /// Times at which it arrives.
    pub fn arrivals(self) -> impl Iterator<Item = Duration> {
        match self {
            Self::Arrives { at, .. } => Some(at),
            Self::Dropped | Self::Lost { .. } => None,
        }
        .into_iter()
        .flatten()
    }

    /// Its time in the queue, if it got into it.
    pub fn queued(self) -> Option<Duration> {
        match self {
            Self::Arrives { queued, .. } | Self::Lost { queued } => Some(queued),
            Self::Dropped => None,
        }
    }
}

/// What a line did with packets so far; bytes are payload bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub offered: u64,
    pub offered_bytes: u64,
    /// Packets that arrive, copies apart.
    pub delivered: u64,
    pub delivered_bytes: u64,
    pub dropped: u64,
    pub lost: u64,
    pub reordered: u64,
    pub duplicated: u64,
}

#[derive(Clone, Debug)]
pub struct Link {
    schedule: Schedule,
    /// The line is busy until then.
    busy_until: Duration,
    /// Packets that wait or are being sent: until when, and their bytes on the line.
    waiting: VecDeque<(Duration, u64)>,
    waiting_bytes: u64,
    /// No packet in order arrives before this.
    latest: Duration,
    loss: LossProcess,
    jitter: Random,
    reordering: Random,
    duplication: Random,
    counters: Counters,
}

impl Link {
    pub fn new(seed: u64, schedule: Schedule) -> Self {
        Self {
            schedule,
            busy_until: Duration::ZERO,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            latest: Duration::ZERO,
            loss: LossProcess::new(Random::stream(seed, 1)),
            jitter: Random::stream(seed, 2),
            reordering: Random::stream(seed, 3),
            duplication: Random::stream(seed, 4),
            counters: Counters::default(),
        }
    }

    /// Another schedule from now on, in the link's own time. What waits keeps the time it was told;
    /// what comes after waits for as much of it as is left, at the new rate.
    pub fn reschedule(&mut self, now: Duration, schedule: Schedule) {
        if self.busy_until > now {
            let left = self.schedule.carried(now, self.busy_until).unwrap_or(0);
            self.busy_until = schedule.finish(now, left).unwrap_or(now);
        }
        self.schedule = schedule;
    }

    pub fn shape(&self, now: Duration) -> &Shape {
        self.schedule.at(now)
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How long a packet that came now would wait.
    pub fn queue_delay(&self, now: Duration) -> Duration {
        self.busy_until.saturating_sub(now)
    }

    /// Sends a packet of `len` payload bytes. `now` never goes back.
    pub fn send(&mut self, now: Duration, len: usize) -> Fate {
        self.counters.offered += 1;
        self.counters.offered_bytes += len as u64;
        let shape = *self.schedule.at(now);
        // Dice first, the same for every packet: whether one fits the queue then does not change
        // what happens to the others.
        let is_lost = self.loss.takes(&shape.loss);
        let [first, second] = [(); 2].map(|()| shape.jitter.mul_f64(self.jitter.unit()));
        let is_late = self.reordering.happens(shape.reorder);
        let lateness = LEAST_REORDERING + self.reordering.unit() * (1.0 - LEAST_REORDERING);
        let is_copied = self.duplication.happens(shape.duplicate);

        let Some((queued, sent)) = self.queue(now, &shape, len) else {
            self.counters.dropped += 1;
            return Fate::Dropped;
        };
        if is_lost {
            self.counters.lost += 1;
            return Fate::Lost { queued };
        }
        let mut arrival = sent + shape.delay + first;
        if is_late {
            self.counters.reordered += 1;
            arrival += shape.reorder_by.mul_f64(lateness);
        } else if !shape.jitter_reorders {
            arrival = arrival.max(self.latest);
            self.latest = arrival;
        }
        let copy = is_copied.then(|| (sent + shape.delay + second).max(arrival));
        self.counters.duplicated += u64::from(is_copied);
        self.counters.delivered += 1;
        self.counters.delivered_bytes += len as u64;
        let at = Arrivals {
            first: arrival,
            copy,
        };
        Fate::Arrives { at, queued }
    }

    /// Time in the queue, and when the packet has left. `None`: no place for it.
    fn queue(&mut self, now: Duration, shape: &Shape, len: usize) -> Option<(Duration, Duration)> {
        while let Some((until, bytes)) = self.waiting.front().copied()
            && until <= now
        {
            self.waiting.pop_front();
            self.waiting_bytes -= bytes;
        }
        let start = self.busy_until.max(now);
        let queued = start - now;
        let bytes = shape.bits(len) / 8;
        let has_place = match shape.queue {
            Queue::Unlimited => true,
            Queue::Time(longest) => queued <= longest,
            Queue::Bytes(most) => self.waiting.is_empty() || self.waiting_bytes + bytes <= most,
        };
        if !has_place {
            return None;
        }
        let sent = self.schedule.finish(start, shape.bits(len))?;
        self.busy_until = sent;
        if sent > now {
            self.waiting.push_back((sent, bytes));
            self.waiting_bytes += bytes;
        }
        Some((queued, sent))
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
