//! Spreads what one subscriber is sent: budget arithmetic and a bounded queue of references.
//!
//! The budget is a debt, as in libwebrtc's `PacingController`: what is sent adds to it, time takes it
//! away at the pacing rate, and packets go as long as it is less than a burst. A frame that the line
//! takes in that time leaves at once, in one batch; only larger ones (keyframes, a layer too big for
//! the line) wait. Audio never waits, but is part of the debt.

use std::collections::VecDeque;

use super::packet_class::PacketClass;

/// References queued. At 1,200 bytes a packet it takes a rate of 20 Mbit/s to get here before
/// [`MAX_QUEUE_MICROS`]. A packet that finds the queue full is refused.
pub const MAX_QUEUED: usize = 512;

/// Time that the queue may take to drain. A packet that would make it longer is refused: its layer
/// is too much for the line, and the caller should send a lower one from its next keyframe.
pub const MAX_QUEUE_MICROS: i64 = 300_000;

/// Pacing is so much faster than the target: encoders do not send evenly, and what waits here
/// waits longer than it would on the way.
const PACING_FACTOR: f64 = 2.5;
/// Of the pacing rate, sent at once.
const BURST_MICROS: f64 = 40_000.0;
/// When something waits, the debt is left to fall by this before the next are let go, so that they
/// go in batches.
const BATCH_MICROS: f64 = 5_000.0;
/// The rate is never less: a single packet must not block the rest for seconds.
const MIN_PACING_BPS: f64 = 50_000.0;

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admit {
    /// Send it. It is counted.
    Now,
    /// Give a reference to [`Pacer::push`] and take it back from [`Pacer::release`].
    Queue,
    /// The line does not carry what is being sent: leave it out.
    Refuse,
}

#[derive(Clone, Copy, Debug)]
struct Waiting<T> {
    item: T,
    bytes: u32,
}

/// `T` tells the caller what to send: a track and a packet of its cache, never the bytes.
#[derive(Debug)]
pub struct Pacer<T> {
    bits_per_micro: f64,
    debt_bits: f64,
    updated_us: i64,
    retransmissions: VecDeque<Waiting<T>>,
    video: VecDeque<Waiting<T>>,
    padding: VecDeque<Waiting<T>>,
    queued_bytes: u64,
}

impl<T> Pacer<T> {
    pub fn new(now_us: i64, target_bps: f64) -> Self {
        Self {
            bits_per_micro: pacing_rate(target_bps),
            debt_bits: 0.0,
            updated_us: now_us,
            retransmissions: VecDeque::new(),
            video: VecDeque::new(),
            padding: VecDeque::new(),
            queued_bytes: 0,
        }
    }

    pub fn set_target(&mut self, now_us: i64, target_bps: f64) {
        self.pay(now_us);
        self.bits_per_micro = pacing_rate(target_bps);
    }

    pub fn admit(&mut self, now_us: i64, bytes: usize, class: PacketClass) -> Admit {
        self.pay(now_us);
        let goes = match class {
            PacketClass::Audio => true,
            // What was asked for again is overdue; nothing of its kind waits already.
            PacketClass::Retransmission => self.has_budget() && self.retransmissions.is_empty(),
            PacketClass::Video => self.has_budget() && self.is_empty_before(PacketClass::Padding),
            PacketClass::Padding => self.debt_bits <= 0.0 && self.is_empty(),
        };
        if goes {
            self.owe(bytes);
            return Admit::Now;
        }
        match self.fits(bytes) {
            true => Admit::Queue,
            false => Admit::Refuse,
        }
    }

    /// Whether the queue takes so much more.
    pub fn fits(&self, bytes: usize) -> bool {
        let bits = (self.queued_bytes + bytes as u64) as f64 * 8.0;
        self.len() < MAX_QUEUED && bits <= self.bits_per_micro * MAX_QUEUE_MICROS as f64
    }

    /// Queues what [`admit`](Self::admit) said may be queued; what it did not, is dropped.
    pub fn push(&mut self, item: T, bytes: usize, class: PacketClass) {
        if self.len() >= MAX_QUEUED {
            return;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.queued_bytes += u64::from(bytes);
        let queue = match class {
            // Audio is not queued; if it is, it goes first.
            PacketClass::Audio | PacketClass::Retransmission => &mut self.retransmissions,
            PacketClass::Video => &mut self.video,
            PacketClass::Padding => &mut self.padding,
        };
        queue.push_back(Waiting { item, bytes });
    }

    /// What may go now; to be called until it gives `None`. It is counted.
    pub fn release(&mut self, now_us: i64) -> Option<T> {
        self.pay(now_us);
        if !self.has_budget() {
            return None;
        }
        self.release_next()
    }

    /// The first one waiting, whatever the budget.
    pub fn release_next(&mut self) -> Option<T> {
        let next = self
            .retransmissions
            .pop_front()
            .or_else(|| self.video.pop_front())
            .or_else(|| self.padding.pop_front())?;
        self.queued_bytes = self.queued_bytes.saturating_sub(u64::from(next.bytes));
        self.owe(next.bytes as usize);
        Some(next.item)
    }

    /// Forgets queued items for which `keep` says no, as after a switch to another layer.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut removed = 0;
        for queue in [
            &mut self.retransmissions,
            &mut self.video,
            &mut self.padding,
        ] {
            queue.retain(|waiting| {
                let kept = keep(&waiting.item);
                removed += u64::from(waiting.bytes) * u64::from(!kept);
                kept
            });
        }
        self.queued_bytes = self.queued_bytes.saturating_sub(removed);
    }

    /// Counts what was sent without asking.
    pub fn owe(&mut self, bytes: usize) {
        self.debt_bits += bytes as f64 * 8.0;
    }

    /// When the next batch may go.
    pub fn poll_timeout_us(&self) -> Option<i64> {
        if self.is_empty() {
            return None;
        }
        let until = self.bits_per_micro * (BURST_MICROS - BATCH_MICROS);
        let excess = (self.debt_bits - until).max(0.0);
        Some(self.updated_us + (excess / self.bits_per_micro).ceil() as i64)
    }

    /// When what was sent is paid for.
    pub fn paid_us(&self) -> i64 {
        self.updated_us + (self.debt_bits / self.bits_per_micro).ceil() as i64
    }

    /// How long what waits now will take.
    pub fn queue_micros(&self) -> i64 {
        (self.queued_bytes as f64 * 8.0 / self.bits_per_micro) as i64
    }

    pub fn len(&self) -> usize {
        self.retransmissions.len() + self.video.len() + self.padding.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_empty_before(&self, class: PacketClass) -> bool {
        self.retransmissions.is_empty() && (class <= PacketClass::Video || self.video.is_empty())
    }

    fn has_budget(&self) -> bool {
        self.debt_bits < self.bits_per_micro * BURST_MICROS
    }

    fn pay(&mut self, now_us: i64) {
        let elapsed = (now_us - self.updated_us).max(0) as f64;
        self.debt_bits = (self.debt_bits - elapsed * self.bits_per_micro).max(0.0);
        self.updated_us = self.updated_us.max(now_us);
    }
}

/// In bits per microsecond.
fn pacing_rate(target_bps: f64) -> f64 {
    (PACING_FACTOR * target_bps).max(MIN_PACING_BPS) / 1e6
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;
