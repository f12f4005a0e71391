//! How likely the losses of the latest observations are, for a bandwidth and a loss that the path
//! has whatever is sent.
//!
//! The model of libwebrtc's `LossBasedBweV2`: up to the bandwidth packets are lost with the path's
//! inherent probability, what is sent beyond is lost with certainty. Bandwidth and inherent loss are
//! those under which the observed losses are most likely, with a bias towards more bandwidth.

/// Observations remembered, of at least a quarter of a second each.
pub const MAX_OBSERVATIONS: usize = 15;

/// Weight of an observation against the one after it.
const AGING: f64 = 0.9;
const MIN_PROBABILITY: f64 = 1e-6;

const MIN_INHERENT_LOSS: f64 = 1e-3;
/// Inherent loss is at most this, and more the lower the bandwidth.
const INHERENT_LOSS_OFFSET: f64 = 0.05;
const INHERENT_LOSS_BALANCE_KBPS: f64 = 100.0;

const BANDWIDTH_BIAS: f64 = 0.0002;
const LOG_BANDWIDTH_BIAS: f64 = 0.02;
/// Above this loss less bandwidth is preferred.
const BIAS_LOSS_THRESHOLD: f64 = 0.2;
const BIAS_SMOOTHING: f64 = 0.002;

const NEWTON_STEP: f64 = 0.75;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    pub kilobytes: f64,
    pub lost_kilobytes: f64,
    pub sent_kbps: f64,
}

/// What the path is taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    pub kbps: f64,
    pub inherent_loss: f64,
}

impl Channel {
    fn loss_probability(&self, sent_kbps: f64) -> f64 {
        let inherent = self.inherent_loss.clamp(0.0, 1.0);
        let excess = ((sent_kbps - self.kbps) / sent_kbps.max(1e-3)).max(0.0);
        (inherent + (1.0 - inherent) * excess).clamp(MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)
    }

    /// With an inherent loss that is possible at this bandwidth.
    pub fn feasible(self) -> Self {
        let upper = INHERENT_LOSS_OFFSET + INHERENT_LOSS_BALANCE_KBPS / self.kbps.max(1e-3);
        Self {
            inherent_loss: self
                .inherent_loss
                .max(MIN_INHERENT_LOSS)
                .min(upper.min(1.0)),
            ..self
        }
    }
}

/// The latest observations, newest first.
#[derive(Clone, Debug, Default)]
pub struct LossModel {
    observations: arrayvec::ArrayVec<Observation, MAX_OBSERVATIONS>,
    average_loss: f64,
}

impl LossModel {
    pub fn len(&self) -> usize {
        self.observations.len()
    }

    /// Share of bytes lost, without the best and the worst observation.
    pub fn average_loss(&self) -> f64 {
        self.average_loss
    }

    pub fn observe(&mut self, observation: Observation) {
        if self.observations.is_full() {
            self.observations.pop();
        }
        self.observations.insert(0, observation);
        self.average_loss = self.trimmed_loss();
    }

    fn weighted(&self) -> impl Iterator<Item = (f64, &Observation)> {
        let weights = std::iter::successors(Some(1.0), |weight| Some(weight * AGING));
        weights.zip(&self.observations)
    }

    fn trimmed_loss(&self) -> f64 {
        let (mut total, mut lost) = (0.0, 0.0);
        let (mut best, mut worst): (Option<Extreme>, Option<Extreme>) = (None, None);
        for (weight, observation) in self.weighted() {
            total += weight * observation.kilobytes;
            lost += weight * observation.lost_kilobytes;
            let this = Extreme {
                loss: observation.lost_kilobytes / observation.kilobytes.max(1e-6),
                weight,
                observation: *observation,
            };
            if best.is_none_or(|best| this.loss < best.loss) {
                best = Some(this);
            }
            if worst.is_none_or(|worst| this.loss > worst.loss) {
                worst = Some(this);
            }
        }
        let share = |lost: f64, total: f64| match total > 1e-6 {
            true => (lost / total).clamp(0.0, 1.0),
            false => 0.0,
        };
        let plain = share(lost, total);
        let (Some(best), Some(worst)) = (best, worst) else {
            return plain;
        };
        // Suddenly twice as much was sent: that its loss is the worst is no accident.
        let surge = worst.observation.sent_kbps >= 2.0 * self.median_sent_kbps();
        if self.observations.len() <= 3 || surge {
            return plain;
        }
        for extreme in [best, worst] {
            total -= extreme.weight * extreme.observation.kilobytes;
            lost -= extreme.weight * extreme.observation.lost_kilobytes;
        }
        if total > 1e-6 {
            share(lost, total)
        } else {
            plain
        }
    }

    fn median_sent_kbps(&self) -> f64 {
        let mut rates: arrayvec::ArrayVec<f64, MAX_OBSERVATIONS> =
            self.observations.iter().map(|it| it.sent_kbps).collect();
        rates.sort_unstable_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(0.0)
    }

    /// The channel with its inherent loss moved towards what the losses make likely: one step of
    /// Newton's method.
    pub fn refined(&self, channel: Channel) -> Channel {
        let (mut first, mut second) = (0.0, 0.0);
        for (weight, observation) in self.weighted() {
            let probability = channel.loss_probability(observation.sent_kbps);
            let lost = observation.lost_kilobytes;
            let received = observation.kilobytes - lost;
            first += weight * (lost / probability - received / (1.0 - probability));
            second -=
                weight * (lost / probability.powi(2) + received / (1.0 - probability).powi(2));
        }
        let step = if second < 0.0 { first / second } else { 0.0 };
        Channel {
            inherent_loss: channel.inherent_loss - NEWTON_STEP * step,
            ..channel
        }
        .feasible()
    }

    /// Larger for a likelier channel.
    pub fn objective(&self, channel: Channel) -> f64 {
        let bias = self.bias(BANDWIDTH_BIAS) * channel.kbps
            + self.bias(LOG_BANDWIDTH_BIAS) * (1.0 + channel.kbps).ln();
        self.weighted()
            .map(|(weight, observation)| {
                let probability = channel.loss_probability(observation.sent_kbps);
                let lost = observation.lost_kilobytes;
                let received = observation.kilobytes - lost;
                let likelihood = lost * probability.ln() + received * (1.0 - probability).ln();
                weight * (likelihood + bias * observation.kilobytes)
            })
            .sum()
    }

    fn bias(&self, factor: f64) -> f64 {
        let below = BIAS_LOSS_THRESHOLD - self.average_loss;
        factor * below / (BIAS_SMOOTHING + below.abs())
    }
}

#[derive(Clone, Copy)]
struct Extreme {
    loss: f64,
    weight: f64,
    observation: Observation,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(loss: f64, sent_kbps: f64, count: usize) -> LossModel {
        let mut model = LossModel::default();
        for _ in 0..count {
            model.observe(Observation {
                kilobytes: sent_kbps / 32.0,
                lost_kilobytes: loss * sent_kbps / 32.0,
                sent_kbps,
            });
        }
        model
    }

    fn best_of(model: &LossModel, kbps: &[f64]) -> f64 {
        let refined = |&kbps: &f64| {
            let mut channel = Channel {
                kbps,
                inherent_loss: 0.01,
            }
            .feasible();
            for _ in 0..20 {
                channel = model.refined(channel);
            }
            channel
        };
        let best = kbps.iter().map(refined).max_by(|a, b| {
            let objectives = (model.objective(*a), model.objective(*b));
            objectives.0.total_cmp(&objectives.1)
        });
        best.map_or(0.0, |best| best.kbps)
    }

    #[test]
    fn small_losses_are_inherent_and_large_ones_a_limit() {
        let candidates = [500.0, 800.0, 950.0, 1000.0, 1020.0, 1500.0];
        assert_eq!(best_of(&seen(0.0, 1000.0, 10), &candidates), 1500.0);
        assert_eq!(best_of(&seen(0.05, 1000.0, 10), &candidates), 1500.0);
        let limited = best_of(&seen(0.4, 1000.0, 10), &candidates);
        assert!(limited <= 800.0, "{limited}");
    }

    #[test]
    fn one_bad_observation_is_no_average() {
        let mut model = seen(0.02, 1000.0, 9);
        model.observe(Observation {
            kilobytes: 30.0,
            lost_kilobytes: 15.0,
            sent_kbps: 1000.0,
        });
        assert!((model.average_loss() - 0.02).abs() < 1e-9);
        // Unless it sent much more than usual.
        model.observe(Observation {
            kilobytes: 90.0,
            lost_kilobytes: 80.0,
            sent_kbps: 3000.0,
        });
        assert!(model.average_loss() > 0.2, "{}", model.average_loss());
    }

    #[test]
    fn inherent_loss_stays_feasible() {
        let model = seen(0.9, 3000.0, 15);
        let refined = model.refined(Channel {
            kbps: 2000.0,
            inherent_loss: 0.5,
        });
        assert!((refined.inherent_loss - 0.1).abs() < 1e-9);
        assert_eq!(model.len(), MAX_OBSERVATIONS);
    }

    proptest! {
        #[test]
        fn always_finite(
            observations in proptest::collection::vec((0.0..1e6f64, 0.0..=1.0f64, 0.0..1e9f64), 1..40),
            kbps in 1.0..1e8f64,
        ) {
            let mut model = LossModel::default();
            for (kilobytes, loss, sent_kbps) in observations {
                let lost_kilobytes = loss * kilobytes;
                model.observe(Observation { kilobytes, lost_kilobytes, sent_kbps });
                prop_assert!((0.0..=1.0).contains(&model.average_loss()));
                let channel = model.refined(Channel { kbps, inherent_loss: 0.01 });
                prop_assert!((0.0..=1.0).contains(&channel.inherent_loss));
                prop_assert!(model.objective(channel).is_finite());
            }
        }
    }
}
