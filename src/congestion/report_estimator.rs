//! The estimate for subscribers that give no feedback about single packets: what their receiver
//! believes (REMB), cut by the losses that their receiver reports tell.
//!
//! Follows the loss rule of draft-ietf-rmcat-gcc-02 §6, as libwebrtc's `SendSideBandwidthEstimation`
//! has it without its newer estimators.

use super::estimator::{BandwidthEstimator, FeedbackInput, Limit, LossReport, Outlook, RateBounds};

const LOW_LOSS: f64 = 0.02;
const HIGH_LOSS: f64 = 0.1;
/// Growth a second below [`LOW_LOSS`].
const GROWTH_PER_SECOND: f64 = 1.08;
const EXTRA_GROWTH_BPS: f64 = 1_000.0;
/// Without a receiver's word: at most this much above what is sent.
const MAX_OVER_SENT: f64 = 1.5;
const MAX_OVER_SENT_BPS: f64 = 10_000.0;
/// Fewer packets are no share: they are added to those of the next report.
const MIN_PACKETS: u64 = 20;
/// Between two decreases, besides the round trip.
const DECREASE_MICROS: i64 = 300_000;
const SILENCE_SHARE: f64 = 0.8;

#[derive(Debug)]
pub struct ReportEstimator {
    bounds: RateBounds,
    bps: f64,
    receiver_bps: Option<f64>,
    expected: u64,
    lost: u64,
    loss: f64,
    grown_us: Option<i64>,
    decreased_us: Option<i64>,
    silent: bool,
}

impl ReportEstimator {
    pub fn new(bounds: RateBounds) -> Self {
        Self {
            bounds,
            bps: bounds.start_bps,
            receiver_bps: None,
            expected: 0,
            lost: 0,
            loss: 0.0,
            grown_us: None,
            decreased_us: None,
            silent: false,
        }
    }

    fn set(&mut self, bps: f64) {
        self.bps = bps.clamp(self.bounds.min_bps, self.bounds.max_bps);
    }

    fn grow(&mut self, report: LossReport) {
        let since = self.grown_us.replace(report.now_us);
        let elapsed = since.map_or(0, |since| report.now_us - since);
        let elapsed = (elapsed as f64 / 1e6).clamp(0.0, 1.0);
        let grown = self.bps * GROWTH_PER_SECOND.powf(elapsed) + EXTRA_GROWTH_BPS * elapsed;
        // A receiver's word is capped by what arrives already.
        let most = match self.receiver_bps {
            Some(bps) => bps,
            None => MAX_OVER_SENT * report.sent_bps + MAX_OVER_SENT_BPS,
        };
        self.set(grown.min(most.max(self.bps)));
    }

    fn decrease(&mut self, report: LossReport) {
        let wait = DECREASE_MICROS + report.round_trip_us.unwrap_or(0);
        let may = self
            .decreased_us
            .is_none_or(|at| report.now_us - at >= wait);
        if may {
            self.decreased_us = Some(report.now_us);
            self.set(self.bps * (1.0 - 0.5 * self.loss));
        }
    }
}

impl BandwidthEstimator for ReportEstimator {
    fn takes_feedback(&self) -> bool {
        false
    }

    fn on_feedback(&mut self, _input: FeedbackInput<'_>) -> bool {
        false
    }

    fn on_loss_report(&mut self, report: LossReport) {
        self.silent = false;
        self.expected = self.expected.saturating_add(report.expected);
        self.lost = self.lost.saturating_add(report.lost);
        if self.expected < MIN_PACKETS {
            return;
        }
        self.loss = (self.lost as f64 / self.expected as f64).min(1.0);
        (self.expected, self.lost) = (0, 0);
        if self.loss < LOW_LOSS {
            self.grow(report);
        } else {
            self.grown_us = None;
            if self.loss > HIGH_LOSS {
                self.decrease(report);
            }
        }
    }

    fn on_receiver_limit(&mut self, _now_us: i64, bps: Option<f64>) {
        // The first word is an estimate, not only a limit: the receiver saw what we sent so far.
        if let Some(bps) = bps
            && self.receiver_bps.is_none()
            && self.decreased_us.is_none()
        {
            self.set(bps);
        }
        self.receiver_bps = bps;
    }

    fn on_silence(&mut self, _now_us: i64) {
        self.silent = true;
        self.set(SILENCE_SHARE * self.bps);
    }

    fn outlook(&self) -> Outlook {
        let receiver = self.receiver_bps.unwrap_or(f64::INFINITY);
        let bps = self
            .bps
            .min(receiver)
            .clamp(self.bounds.min_bps, self.bounds.max_bps);
        let limit = if self.silent {
            Limit::Silence
        } else if self.loss > HIGH_LOSS {
            Limit::Loss
        } else if receiver <= self.bps {
            Limit::Receiver
        } else {
            Limit::None
        };
        Outlook {
            target_bps: bps,
            capacity_bps: bps,
            loss: self.loss,
            queue_us: 0,
            calm: true,
            in_doubt: false,
            limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator() -> ReportEstimator {
        ReportEstimator::new(RateBounds {
            start_bps: 300e3,
            min_bps: 10e3,
            max_bps: 5e6,
        })
    }

    /// One report a second of 100 packets.
    fn report(estimator: &mut ReportEstimator, second: i64, lost: u64, sent_bps: f64) -> Outlook {
        estimator.on_loss_report(LossReport {
            now_us: second * 1_000_000,
            expected: 100,
            lost,
            round_trip_us: Some(50_000),
            sent_bps,
        });
        estimator.outlook()
    }

    #[test]
    fn grows_by_what_is_sent_holds_and_falls_with_losses() {
        let mut estimator = estimator();
        for second in 0..5 {
            report(&mut estimator, second, 0, 300e3);
        }
        let grown = estimator.outlook().target_bps;
        assert!((400e3..430e3).contains(&grown), "{grown}");
        for second in 5..60 {
            report(&mut estimator, second, 0, 300e3);
        }
        assert_eq!(estimator.outlook().target_bps, 460e3);
        assert_eq!(report(&mut estimator, 60, 5, 300e3).target_bps, 460e3);
        let lossy = report(&mut estimator, 61, 20, 300e3);
        assert_eq!((lossy.target_bps, lossy.limit), (0.9 * 460e3, Limit::Loss));
    }

    #[test]
    fn the_receiver_says_what_it_can_take() {
        let mut estimator = estimator();
        estimator.on_receiver_limit(0, Some(2e6));
        assert_eq!(estimator.outlook().target_bps, 2e6);
        estimator.on_receiver_limit(0, Some(100e3));
        let outlook = estimator.outlook();
        assert_eq!(
            (outlook.target_bps, outlook.limit),
            (100e3, Limit::Receiver)
        );
        estimator.on_receiver_limit(0, Some(1e12));
        assert_eq!(estimator.outlook().target_bps, 2e6);
        report(&mut estimator, 1, 0, 100e3);
        assert!(report(&mut estimator, 2, 0, 100e3).target_bps > 2e6);
    }

    #[test]
    fn few_packets_are_added_up() {
        let mut estimator = estimator();
        for second in 0..4 {
            estimator.on_loss_report(LossReport {
                now_us: second * 1_000_000,
                expected: 6,
                lost: 2,
                round_trip_us: None,
                sent_bps: 0.0,
            });
            let loss = estimator.outlook().loss;
            assert_eq!(loss > 0.3, second == 3, "{loss}");
        }
    }

    #[test]
    fn silence_lowers_it_to_the_minimum() {
        let mut estimator = estimator();
        for _ in 0..100 {
            estimator.on_silence(0);
        }
        let outlook = estimator.outlook();
        assert_eq!((outlook.target_bps, outlook.limit), (10e3, Limit::Silence));
        assert_eq!(report(&mut estimator, 1, 0, 0.0).limit, Limit::None);
    }
}
