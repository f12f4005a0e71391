//! Google congestion control for subscribers that give feedback about single packets.
//!
//! An own port of libwebrtc's `modules/congestion_controller/goog_cc` in its default configuration
//! of 2025 (M13x): trendline delay detection with AIMD, `LossBasedBweV2`, robust throughput
//! estimation, no increase in application-limited periods. Not ported: its network state estimator,
//! congestion window and everything behind field trials that are off. Where we differ, the module
//! concerned says so.

use super::acked_bitrate::AckedBitrate;
use super::delay_based::{DelayBased, DelayInput};
use super::estimator::{BandwidthEstimator, FeedbackInput, Limit, LossReport, Outlook, RateBounds};
use super::loss_based::{LossBased, LossInput, LossState};
use super::trendline::Usage;

/// While no feedback comes: the rate falls to this share each time.
const SILENCE_SHARE: f64 = 0.8;

#[derive(Debug)]
pub struct Gcc {
    bounds: RateBounds,
    acked: AckedBitrate,
    delay: DelayBased,
    loss: LossBased,
    receiver_bps: Option<f64>,
    silent: bool,
    now_us: i64,
}

impl Gcc {
    pub fn new(bounds: RateBounds) -> Self {
        let RateBounds {
            start_bps,
            min_bps,
            max_bps,
        } = bounds;
        Self {
            bounds,
            acked: AckedBitrate::default(),
            delay: DelayBased::new(start_bps, min_bps, max_bps),
            loss: LossBased::new(min_bps, max_bps),
            receiver_bps: None,
            silent: false,
            now_us: 0,
        }
    }

    fn capacity_bps(&self) -> f64 {
        let loss = self.loss.limit_bps().unwrap_or(f64::INFINITY);
        let receiver = self.receiver_bps.unwrap_or(f64::INFINITY);
        self.delay
            .bps()
            .min(loss)
            .min(receiver)
            .clamp(self.bounds.min_bps, self.bounds.max_bps)
    }

    fn limit(&self, capacity_bps: f64) -> Limit {
        if self.silent {
            return Limit::Silence;
        }
        if self.delay.drain_share() < 1.0 {
            return Limit::Draining;
        }
        if self.delay.usage() != Usage::Normal {
            return Limit::Delay;
        }
        if self.receiver_bps.is_some_and(|bps| bps <= capacity_bps) {
            return Limit::Receiver;
        }
        match self.loss.state() {
            LossState::Unlimited => Limit::None,
            LossState::Decreasing => Limit::Loss,
            LossState::Increasing => Limit::LossRecovering,
        }
    }
}

impl BandwidthEstimator for Gcc {
    fn takes_feedback(&self) -> bool {
        true
    }

    fn on_feedback(&mut self, input: FeedbackInput<'_>) -> bool {
        self.silent = false;
        self.now_us = input.now_us;
        if let Some(micros) = input.round_trip_us {
            self.delay.set_round_trip(micros);
        }
        self.acked.on_results(input.by_arrival);
        let acked_bps = self.acked.bps();
        let recovered = self.delay.on_feedback(DelayInput {
            now_us: input.now_us,
            by_arrival: input.by_arrival,
            acked_bps,
            arrival_bps: self.acked.arrival_bps(),
            recent: self.acked.recent(),
            probe_bps: input.probe_bps,
            application_limited: input.application_limited,
        });
        if let Some(bps) = input.probe_bps {
            self.loss.on_probe(bps.min(self.delay.bps()));
        }
        self.loss.on_feedback(LossInput {
            results: input.results,
            acked_bps,
            delay_based_bps: self.delay.bps(),
            application_limited: input.application_limited,
        });
        recovered
    }

    fn on_loss_report(&mut self, _report: LossReport) {}

    fn on_receiver_limit(&mut self, _now_us: i64, bps: Option<f64>) {
        self.receiver_bps = bps;
    }

    fn on_silence(&mut self, now_us: i64) {
        self.silent = true;
        self.delay.reduce(now_us, SILENCE_SHARE);
    }

    fn outlook(&self) -> Outlook {
        let capacity_bps = self.capacity_bps();
        let target_bps = (self.delay.drain_share() * capacity_bps).max(self.bounds.min_bps);
        Outlook {
            target_bps,
            capacity_bps,
            loss: self.loss.average_loss(),
            calm: self.delay.is_calm(self.now_us),
            in_doubt: self.delay.is_in_doubt(),
            queue_us: self.delay.queue_micros(),
            limit: self.limit(capacity_bps),
        }
    }
}
