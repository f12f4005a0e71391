//! One bottleneck: a rate that changes, a queue with a limit, losses.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What is lost besides what finds the queue full.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    None,
    Random(f64),
    /// Probabilities for each packet: to get into the bad state, out of it, and to be lost in it.
    GilbertElliott {
        enter: f64,
        leave: f64,
        lost: f64,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// When the last bit left the link.
    pub done_us: i64,
    /// How long it waited for what was before it.
    pub waited_us: i64,
}

pub struct Link {
    /// (from, bits per second), ascending.
    schedule: Vec<(i64, f64)>,
    queue_limit_bytes: usize,
    queue: VecDeque<(i64, usize)>,
    queued_bytes: usize,
    free_us: i64,
    loss: Loss,
    bad: bool,
    /// Of each millisecond: how long a packet would wait.
    backlog_us: Vec<i64>,
    rng: StdRng,
}

impl Link {
    /// `schedule` is (seconds, bits per second).
    pub fn new(schedule: &[(f64, f64)], queue_limit_bytes: usize, loss: Loss, seed: u64) -> Self {
        let schedule = schedule
            .iter()
            .map(|(from, bps)| ((from * 1e6) as i64, *bps));
        Self {
            schedule: schedule.collect(),
            queue_limit_bytes,
            queue: VecDeque::new(),
            queued_bytes: 0,
            free_us: 0,
            loss,
            bad: false,
            backlog_us: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    pub fn bps_at(&self, now_us: i64) -> f64 {
        let past = self.schedule.iter().rev().find(|(from, _)| *from <= now_us);
        past.map_or(self.schedule[0].1, |(_, bps)| *bps)
    }

    pub fn tick(&mut self, now_us: i64) {
        self.backlog_us.push((self.free_us - now_us).max(0));
    }

    /// Share of the time in which a packet would wait for longer.
    pub fn waiting_over(&self, micros: i64) -> f64 {
        let longer = self.backlog_us.iter().filter(|backlog| **backlog > micros);
        longer.count() as f64 / self.backlog_us.len() as f64
    }

    /// `None` is lost.
    pub fn send(&mut self, now_us: i64, bytes: usize) -> Option<Passage> {
        while self.queue.front().is_some_and(|(done, _)| *done <= now_us) {
            self.queued_bytes -= self.queue.pop_front().map_or(0, |(_, bytes)| bytes);
        }
        if self.queued_bytes + bytes > self.queue_limit_bytes && !self.queue.is_empty() {
            return None;
        }
        let start_us = self.free_us.max(now_us);
        let done_us = self.served(start_us, bytes as f64 * 8.0);
        self.free_us = done_us;
        self.queue.push_back((done_us, bytes));
        self.queued_bytes += bytes;
        (!self.is_lost()).then_some(Passage {
            done_us,
            waited_us: start_us - now_us,
        })
    }

    /// When `bits` begun at `from_us` are through, across changes of the rate.
    fn served(&self, from_us: i64, mut bits: f64) -> i64 {
        let mut at = from_us;
        loop {
            let bps = self.bps_at(at);
            let next = self.schedule.iter().map(|(from, _)| *from);
            let next = next.filter(|from| *from > at).min().unwrap_or(i64::MAX);
            let needed = (bits / bps * 1e6).ceil() as i64;
            if needed <= next - at {
                return at + needed;
            }
            bits -= (next - at) as f64 / 1e6 * bps;
            at = next;
        }
    }

    fn is_lost(&mut self) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => self.rng.random_bool(share),
            Loss::GilbertElliott { enter, leave, lost } => {
                let change = if self.bad { leave } else { enter };
                self.bad ^= self.rng.random_bool(change);
                self.bad && self.rng.random_bool(lost)
            }
        }
    }
}
