//! The loss-based half of the estimate: it leaves the delay-based one alone while the losses look
//! like the path's own, and limits it while they look like our doing.
//!
//! Follows libwebrtc's `LossBasedBweV2` with its defaults, without its optional parts. The rate it
//! gives is always within the acknowledged rate and the delay-based one.

use super::loss_model::{Channel, LossModel, Observation};
use super::send_history::PacketResult;

/// An observation spans at least this much time of sending.
const OBSERVATION_MICROS: i64 = 250_000;
/// Fewer say nothing.
const MIN_OBSERVATIONS: usize = 3;

const INITIAL_INHERENT_LOSS: f64 = 0.01;
/// Bandwidths tried, as factors of the present one.
const CANDIDATES: [f64; 3] = [1.02, 1.0, 0.95];
const MAX_CANDIDATES: usize = CANDIDATES.len() + 2;

/// However the model judges: with this much loss beyond the offset, no more than so much.
const INSTANT_LOSS_OFFSET: f64 = 0.05;
const INSTANT_BALANCE_KBPS: f64 = 100.0;

/// While limited: growth in each window.
const INCREASE_WINDOW_MICROS: i64 = 300_000;
const MAX_INCREASE: f64 = 1.3;
/// While limited: at most so much above what arrives; less close to where it was held.
const RAMP_UP: f64 = 1.5;
const RAMP_UP_IN_HOLD: f64 = 1.2;
const HOLD_THRESHOLD: f64 = 1.3;
/// After a decrease the rate is held, the longer the more often it came to that.
const FIRST_HOLD_MICROS: i64 = 300_000;
const MAX_HOLD_MICROS: i64 = 60_000_000;
const HOLD_FACTOR: i64 = 2;
/// An increase that brings nothing for this long is none.
const INCREASE_PATIENCE_MICROS: i64 = 2_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LossState {
    /// Losses limit nothing.
    #[default]
    Unlimited,
    /// Limited, and the limit falls or is held.
    Decreasing,
    /// Limited, and the limit rises.
    Increasing,
}

/// One feedback. Rates in bits per second.
#[derive(Clone, Copy, Debug)]
pub struct LossInput<'a> {
    pub results: &'a [PacketResult],
    pub acked_bps: Option<f64>,
    pub delay_based_bps: f64,
    pub application_limited: bool,
}

/// Results not yet worth an observation.
#[derive(Clone, Copy, Debug, Default)]
struct Partial {
    bytes: u64,
    lost_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    until_us: i64,
    next_micros: i64,
    kbps: f64,
}

const NO_HOLD: Hold = Hold {
    until_us: i64::MIN,
    next_micros: FIRST_HOLD_MICROS,
    kbps: f64::INFINITY,
};

#[derive(Debug)]
pub struct LossBased {
    model: LossModel,
    partial: Partial,
    /// Time of sending of the last packet of the latest observation.
    observed_us: Option<i64>,
    channel: Option<Channel>,
    state: LossState,
    hold: Hold,
    /// The rate at which the latest increase began to be tried, and when.
    tried: Option<(f64, i64)>,
    /// No more than this until the window that began then has passed.
    window: Option<(f64, i64)>,
    kbps: f64,
    min_kbps: f64,
    max_kbps: f64,
}

impl LossBased {
    pub fn new(min_bps: f64, max_bps: f64) -> Self {
        Self {
            model: LossModel::default(),
            partial: Partial::default(),
            observed_us: None,
            channel: None,
            state: LossState::Unlimited,
            hold: NO_HOLD,
            tried: None,
            window: None,
            kbps: max_bps / 1e3,
            min_kbps: min_bps / 1e3,
            max_kbps: max_bps / 1e3,
        }
    }

    pub fn state(&self) -> LossState {
        self.state
    }

    pub fn average_loss(&self) -> f64 {
        self.model.average_loss()
    }

    /// The limit, once there is evidence.
    pub fn limit_bps(&self) -> Option<f64> {
        let ready = self.model.len() >= MIN_OBSERVATIONS && self.channel.is_some();
        ready.then_some(self.kbps * 1e3)
    }

    /// A probe found more than the limit: the path is not what it was. Begins there again.
    pub fn on_probe(&mut self, bps: f64) {
        let kbps = bps / 1e3;
        if self.state == LossState::Unlimited || kbps <= self.kbps {
            return;
        }
        if let Some(channel) = &mut self.channel {
            channel.kbps = channel.kbps.max(kbps);
        }
        self.kbps = kbps;
        self.state = LossState::Unlimited;
        self.hold = NO_HOLD;
        self.tried = None;
        self.window = None;
    }

    pub fn on_feedback(&mut self, input: LossInput<'_>) {
        let Some(observed_us) = self.observe(input.results) else {
            return;
        };
        let delay_kbps = input.delay_based_bps / 1e3;
        let current = *self.channel.get_or_insert(Channel {
            kbps: delay_kbps,
            inherent_loss: INITIAL_INHERENT_LOSS,
        });
        let acked_kbps = input.acked_bps.map(|bps| bps / 1e3);
        let floor_kbps = acked_kbps.unwrap_or(0.0).max(self.min_kbps);
        let mut best = self.best_candidate(&input, current, observed_us);
        self.bound_increase(&mut best, current, acked_kbps, observed_us);
        let bounded = best
            .kbps
            .min(self.instant_upper_kbps())
            .min(delay_kbps)
            .max(floor_kbps);
        self.channel = Some(match bounded < best.kbps {
            true => Channel {
                kbps: bounded,
                inherent_loss: 0.0,
            },
            false => Channel {
                kbps: best.kbps.max(floor_kbps),
                ..best
            },
        });
        let limits = bounded < delay_kbps && bounded < self.max_kbps;
        if self.state == LossState::Decreasing && self.hold.until_us > observed_us && limits {
            self.hold.kbps = self.hold.kbps.max(floor_kbps);
            self.kbps = bounded.min(self.hold.kbps);
            return;
        }
        self.change_state(bounded, limits, observed_us);
        self.kbps = bounded;
        self.open_window(observed_us);
    }

    /// Takes results in; gives the latest time of sending when they make an observation.
    fn observe(&mut self, results: &[PacketResult]) -> Option<i64> {
        let mut last_us = i64::MIN;
        let mut first_us = i64::MAX;
        for result in results {
            let bytes = u64::from(result.bytes);
            match (result.arrival_us, result.was_lost) {
                // It comes after all: its bytes are counted already.
                (Some(_), true) => {
                    self.partial.lost_bytes = self.partial.lost_bytes.saturating_sub(bytes);
                }
                (Some(_), false) => self.partial.bytes += bytes,
                (None, _) => {
                    self.partial.bytes += bytes;
                    self.partial.lost_bytes += bytes;
                }
            }
            last_us = last_us.max(result.sent_us);
            first_us = first_us.min(result.sent_us);
        }
        if results.is_empty() {
            return None;
        }
        let since = *self.observed_us.get_or_insert(first_us);
        let micros = last_us - since;
        if micros < OBSERVATION_MICROS || self.partial.bytes == 0 {
            return None;
        }
        let Partial { bytes, lost_bytes } = std::mem::take(&mut self.partial);
        self.observed_us = Some(last_us);
        self.model.observe(Observation {
            kilobytes: bytes as f64 / 1e3,
            lost_kilobytes: lost_bytes as f64 / 1e3,
            sent_kbps: bytes as f64 * 8e3 / micros as f64,
        });
        Some(last_us)
    }

    fn best_candidate(&self, input: &LossInput<'_>, current: Channel, now_us: i64) -> Channel {
        let mut rates: arrayvec::ArrayVec<f64, MAX_CANDIDATES> = CANDIDATES
            .iter()
            .map(|factor| factor * current.kbps)
            .collect();
        let trying = self
            .tried
            .is_some_and(|(_, since)| now_us - since <= INCREASE_PATIENCE_MICROS);
        // What arrives of little says nothing about how much could.
        if let Some(acked) = input.acked_bps
            && (!input.application_limited || trying)
        {
            rates.push(acked / 1e3);
        }
        rates.push((input.delay_based_bps / 1e3).max(current.kbps));
        let upper = match self.window {
            Some((kbps, _)) if self.state != LossState::Unlimited => kbps,
            _ => self.max_kbps,
        };
        let upper = upper.max(current.kbps);
        let candidates = rates.iter().map(|kbps| {
            let candidate = Channel {
                kbps: kbps.min(upper),
                ..current
            };
            let candidate = self.model.refined(candidate.feasible());
            (self.model.objective(candidate), candidate)
        });
        let best = candidates.max_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut best = best.map_or(current, |(_, best)| best);
        // No increase while more is lost than the path explains.
        if self.model.average_loss() > best.inherent_loss {
            best.kbps = best.kbps.min(current.kbps);
        }
        best
    }

    fn bound_increase(
        &self,
        best: &mut Channel,
        current: Channel,
        acked_kbps: Option<f64>,
        now_us: i64,
    ) {
        if self.state == LossState::Unlimited {
            return;
        }
        if let Some((kbps, since)) = self.window
            && now_us - since < INCREASE_WINDOW_MICROS
        {
            best.kbps = best.kbps.min(kbps);
        }
        if let Some(acked) = acked_kbps
            && self.increases(current.kbps, best.kbps)
        {
            let factor = match acked < HOLD_THRESHOLD * self.hold.kbps && self.hold.kbps.is_finite()
            {
                true => RAMP_UP_IN_HOLD,
                false => RAMP_UP,
            };
            best.kbps = best.kbps.min(factor * acked).max(current.kbps);
            // A little more, so that the state changes and a probe may find out.
            if self.state == LossState::Decreasing && best.kbps == current.kbps {
                best.kbps += 1e-3;
            }
        }
    }

    fn increases(&self, from: f64, to: f64) -> bool {
        self.state != LossState::Unlimited
            && (from < to || from == to && self.state == LossState::Increasing)
    }

    fn instant_upper_kbps(&self) -> f64 {
        let excess = self.model.average_loss() - INSTANT_LOSS_OFFSET;
        match excess > 0.0 {
            true => (INSTANT_BALANCE_KBPS / excess).min(self.max_kbps),
            false => self.max_kbps,
        }
    }

    fn change_state(&mut self, kbps: f64, limits: bool, now_us: i64) {
        let patient = match (self.state, self.tried) {
            (LossState::Increasing, Some((tried, since))) => {
                now_us - since <= INCREASE_PATIENCE_MICROS || tried < kbps
            }
            _ => true,
        };
        if limits && patient && self.increases(self.kbps, kbps) {
            if self.tried.is_none_or(|(tried, _)| tried < kbps) {
                self.tried = Some((kbps, now_us));
            }
            self.state = LossState::Increasing;
        } else if limits {
            if self.state != LossState::Decreasing {
                self.hold = Hold {
                    until_us: now_us + self.hold.next_micros,
                    next_micros: (HOLD_FACTOR * self.hold.next_micros).min(MAX_HOLD_MICROS),
                    kbps,
                };
            }
            self.tried = None;
            self.state = LossState::Decreasing;
        } else {
            self.hold = NO_HOLD;
            self.tried = None;
            self.state = LossState::Unlimited;
        }
    }

    fn open_window(&mut self, now_us: i64) {
        let over = self
            .window
            .is_none_or(|(_, since)| now_us - since > INCREASE_WINDOW_MICROS);
        if self.state != LossState::Unlimited
            && over
            && let Some(channel) = self.channel
        {
            let kbps = (MAX_INCREASE * channel.kbps).max(self.min_kbps);
            self.window = Some((kbps, now_us));
        }
    }
}

#[cfg(test)]
#[path = "loss_based_tests.rs"]
mod tests;
