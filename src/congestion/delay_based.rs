//! The delay-based half of the estimate: packets in, a rate out that keeps the queue short.
//!
//! Follows libwebrtc's `DelayBasedBwe`, and goes beyond it where the path's capacity drops. There the
//! trend needs many groups to be sure, while packets arrive ever more slowly, and a back-off to 85 %
//! of what arrives leaves little to drain the queue of a second and more that has built up meanwhile.
//! So a collapse is seen directly (a long queue out of which packets come much slower than they were
//! sent), and after it the queue is drained at half the rate.

use super::acked_bitrate::RecentRates;
use super::inter_arrival::InterArrival;
use super::queue_delay::QueueDelay;
use super::rate_control::{RateControl, RateInput};
use super::send_history::PacketResult;
use super::trendline::{Trendline, Usage};

/// Nothing arrived for this long: what was known of the queue is worth nothing.
const STREAM_TIMEOUT_MICROS: i64 = 2_000_000;

/// A queue of this length is more than frames and jitter make.
const LONG_QUEUE_MICROS: i64 = 80_000;
/// A collapse: packets come out of it at less than this share of the rate they were sent at.
const COLLAPSE: f64 = 0.6;
/// For this long.
const COLLAPSE_MICROS: i64 = 80_000;
/// A drop: the rate falls to less than this share of what it was before the over-use.
const DROP: f64 = 0.66;

/// The queue is drained when it is this short.
const DRAINED_MICROS: i64 = 40_000;
/// Or this has passed: it may not be our queue.
const MAX_DRAIN_MICROS: i64 = 3_000_000;
const DRAIN_SHARE: f64 = 0.5;

/// One feedback.
#[derive(Clone, Copy, Debug)]
pub struct DelayInput<'a> {
    pub now_us: i64,
    pub by_arrival: &'a [PacketResult],
    pub acked_bps: Option<f64>,
    pub arrival_bps: Option<f64>,
    pub recent: Option<RecentRates>,
    pub probe_bps: Option<f64>,
    pub application_limited: bool,
}

#[derive(Debug)]
pub struct DelayBased {
    groups: InterArrival,
    trendline: Trendline,
    queue: QueueDelay,
    rate: RateControl,
    arrived_us: Option<i64>,
    /// The rate when the latest over-use began.
    before_overuse_bps: f64,
    drain_until_us: Option<i64>,
    /// Since when each feedback shows a collapse.
    collapsed_us: Option<i64>,
}

impl DelayBased {
    pub fn new(start_bps: f64, min_bps: f64, max_bps: f64) -> Self {
        Self {
            groups: InterArrival::default(),
            trendline: Trendline::default(),
            queue: QueueDelay::default(),
            rate: RateControl::new(start_bps, min_bps, max_bps),
            arrived_us: None,
            before_overuse_bps: start_bps,
            drain_until_us: None,
            collapsed_us: None,
        }
    }

    pub fn bps(&self) -> f64 {
        self.rate.bps()
    }

    pub fn usage(&self) -> Usage {
        self.trendline.usage()
    }

    /// Nothing has over-used the path for a while.
    pub fn is_calm(&self, now_us: i64) -> bool {
        self.rate.is_calm(now_us)
    }

    pub fn queue_micros(&self) -> i64 {
        self.queue.micros()
    }

    pub fn set_round_trip(&mut self, micros: i64) {
        self.rate.set_round_trip(micros, self.queue.micros());
    }

    /// The share of the rate that may be sent: less than one while a queue is drained.
    pub fn drain_share(&self) -> f64 {
        match self.drain_until_us {
            Some(_) => DRAIN_SHARE,
            None => 1.0,
        }
    }

    /// The path may have collapsed; the next feedback tells.
    pub fn is_in_doubt(&self) -> bool {
        self.collapsed_us.is_some()
    }

    /// Feedback does not come any more: sends less until it does.
    pub fn reduce(&mut self, now_us: i64, share: f64) {
        self.collapsed_us = None;
        self.rate.set_bps(now_us, share * self.rate.bps());
    }

    /// Returns whether the queue that an over-use had built was found empty again.
    pub fn on_feedback(&mut self, input: DelayInput<'_>) -> bool {
        let recovered = self.detect(input.now_us, input.by_arrival);
        self.queue.on_results(input.now_us, input.by_arrival);
        if let Some(until_us) = self.drain_until_us {
            return self.drain(input, until_us);
        }
        let usage = self.trendline.usage();
        if usage != Usage::Over {
            self.before_overuse_bps = self.rate.bps();
        }
        if let Some(arrival_bps) = self.lasting_collapse(input) {
            self.rate.on_collapse(input.now_us, arrival_bps);
        } else if self.is_in_doubt() {
            return recovered; // the next feedback decides
        } else if let Some(bps) = input.probe_bps
            && usage != Usage::Over
            && bps > self.rate.bps()
        {
            // Lower ones are left to the delay: a probe meets others' bursts, but by far not each
            // of them makes the path narrower.
            self.rate.set_bps(input.now_us, bps);
        } else {
            self.rate.on_feedback(RateInput {
                now_us: input.now_us,
                usage,
                // What arrives out of a long queue is what the path carries, even when we already
                // send less: only so does a second decrease not follow from the first.
                acked_bps: match self.queue.micros() >= LONG_QUEUE_MICROS {
                    true => input.arrival_bps,
                    false => input.acked_bps,
                },
                application_limited: input.application_limited,
            });
        }
        let dropped = self.rate.bps() < DROP * self.before_overuse_bps;
        if dropped && self.queue.micros() >= LONG_QUEUE_MICROS {
            self.drain_until_us = Some(input.now_us + MAX_DRAIN_MICROS);
        }
        recovered
    }

    /// As below, but not for a mere pause of the path, after which it goes on as before.
    fn lasting_collapse(&mut self, input: DelayInput<'_>) -> Option<f64> {
        let Some(arrival_bps) = self.collapsed(input.recent) else {
            self.collapsed_us = None;
            return None;
        };
        let since = *self.collapsed_us.get_or_insert(input.now_us);
        let lasts = input.now_us - since >= COLLAPSE_MICROS;
        if lasts {
            self.collapsed_us = None;
        }
        lasts.then_some(arrival_bps)
    }

    /// What the path carries, if that is suddenly much less than what is sent.
    fn collapsed(&self, recent: Option<RecentRates>) -> Option<f64> {
        let recent = recent.filter(|_| self.queue.micros() >= LONG_QUEUE_MICROS)?;
        (recent.arrival_bps < COLLAPSE * recent.sent_bps).then_some(recent.arrival_bps)
    }

    /// Little is sent: over-use and under-use mean nothing now, and what arrives is what the path
    /// carries as long as the queue lasts.
    fn drain(&mut self, input: DelayInput<'_>, until_us: i64) -> bool {
        let ends = input.now_us >= until_us || self.queue.micros() <= DRAINED_MICROS;
        if ends {
            self.drain_until_us = None;
            self.forget_trend();
            self.before_overuse_bps = self.rate.bps();
        } else if let Some(arrival_bps) = self.collapsed(input.recent) {
            self.rate.on_collapse(input.now_us, arrival_bps);
        }
        ends
    }

    /// Whether the detector came back from a draining queue to a steady one.
    fn detect(&mut self, now_us: i64, by_arrival: &[PacketResult]) -> bool {
        if by_arrival.is_empty() {
            return false;
        }
        let silent = self
            .arrived_us
            .is_some_and(|arrived| now_us - arrived > STREAM_TIMEOUT_MICROS);
        if silent {
            self.forget_trend();
        }
        self.arrived_us = Some(now_us);
        let mut recovered = false;
        for result in by_arrival {
            let Some(arrival_us) = result.arrival_us else {
                continue;
            };
            let before = self.trendline.usage();
            if let Some(delta) = self.groups.on_packet(now_us, result.sent_us, arrival_us) {
                self.trendline.on_group(delta);
            }
            recovered |= before == Usage::Under && self.trendline.usage() == Usage::Normal;
        }
        recovered
    }

    fn forget_trend(&mut self) {
        self.groups = InterArrival::default();
        self.trendline = Trendline::default();
    }
}

#[cfg(test)]
#[path = "delay_based_tests.rs"]
mod tests;
