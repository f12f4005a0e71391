//! How one direction of a line is at one time.

use std::time::Duration;

use crate::loss::Loss;

/// What the queue in front of the line's rate holds. Whatever comes when it is full is dropped
/// (drop tail). Without a limit a constant overload makes it grow without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    Unlimited,
    /// A packet that would wait longer than this is dropped.
    Time(Duration),
    /// A packet that would make the queue longer than this is dropped.
    Bytes(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Bits a second. `None`: any rate, so no queue. 0: nothing comes through.
    pub rate: Option<u64>,
    pub queue: Queue,
    /// Bytes that each packet takes on the line beyond its payload.
    pub overhead: usize,
    pub delay: Duration,
    /// Uniform, on top of `delay`.
    pub jitter: Duration,
    /// Jitter may let packets overtake each other; else each waits for the one before.
    pub jitter_reorders: bool,
    pub loss: Loss,
    /// Share of packets that are late by up to `reorder_by`, while those behind them are not.
    pub reorder: f64,
    pub reorder_by: Duration,
    /// Share of packets that come twice.
    pub duplicate: f64,
}

impl Shape {
    /// A wire without length: in order, nothing lost, nothing late.
    pub const IDEAL: Self = Self {
        rate: None,
        queue: Queue::Unlimited,
        overhead: 0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        jitter_reorders: false,
        loss: Loss::None,
        reorder: 0.0,
        reorder_by: Duration::ZERO,
        duplicate: 0.0,
    };

    /// IPv4 and UDP headers: rates then are those of a line, not of its payload.
    pub const UDP_OVERHEAD: usize = 28;

    /// A line with a rate and a queue that holds so long a time.
    pub const fn limited(bits_per_second: u64, queue: Duration, delay: Duration) -> Self {
        Self {
            rate: Some(bits_per_second),
            queue: Queue::Time(queue),
            overhead: Self::UDP_OVERHEAD,
            delay,
            ..Self::IDEAL
        }
    }

    pub const fn delayed(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::IDEAL
        }
    }

    pub const fn with_loss(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }

    /// What a packet of `len` payload bytes takes on the line.
    pub(crate) fn bits(&self, len: usize) -> u64 {
        (len + self.overhead) as u64 * 8
    }
}
