//! What the link carried whenever it was over-used: where the next increase must go slowly.
//!
//! Follows libwebrtc's `LinkCapacityEstimator`: a moving average and its normalised variance, in
//! kbit/s.

const OVERUSE_WEIGHT: f64 = 0.05;
/// Variance over mean: at 500 kbit/s a deviation of 14 to 35 kbit/s.
const MIN_DEVIATION: f64 = 0.4;
const MAX_DEVIATION: f64 = 2.5;
/// Bounds in deviations.
const REACH: f64 = 3.0;

#[derive(Clone, Copy, Debug)]
pub struct LinkCapacity {
    estimate_kbps: Option<f64>,
    deviation: f64,
}

impl Default for LinkCapacity {
    fn default() -> Self {
        Self {
            estimate_kbps: None,
            deviation: MIN_DEVIATION,
        }
    }
}

impl LinkCapacity {
    pub fn bps(&self) -> Option<f64> {
        self.estimate_kbps.map(|kbps| kbps * 1e3)
    }

    pub fn reset(&mut self) {
        self.estimate_kbps = None;
    }

    /// The link was over-used while `acked_bps` arrived.
    pub fn on_overuse(&mut self, acked_bps: f64) {
        let sample = acked_bps / 1e3;
        let estimate = self.estimate_kbps.map_or(sample, |estimate| {
            (1.0 - OVERUSE_WEIGHT) * estimate + OVERUSE_WEIGHT * sample
        });
        self.estimate_kbps = Some(estimate);
        let error = estimate - sample;
        self.deviation = ((1.0 - OVERUSE_WEIGHT) * self.deviation
            + OVERUSE_WEIGHT * error * error / estimate.max(1.0))
        .clamp(MIN_DEVIATION, MAX_DEVIATION);
    }

    /// More arrives than the link was known to carry.
    pub fn is_exceeded_by(&self, acked_bps: f64) -> bool {
        self.bounds().is_some_and(|(_, upper)| acked_bps > upper)
    }

    /// Less arrives, at an over-use, than the link was known to carry.
    pub fn is_undercut_by(&self, acked_bps: f64) -> bool {
        self.bounds().is_some_and(|(lower, _)| acked_bps < lower)
    }

    fn bounds(&self) -> Option<(f64, f64)> {
        let estimate = self.estimate_kbps?;
        let reach = REACH * (self.deviation * estimate).sqrt();
        Some(((estimate - reach) * 1e3, (estimate + reach) * 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_around_what_over_used_it() {
        let mut capacity = LinkCapacity::default();
        assert!(!capacity.is_exceeded_by(1e9) && !capacity.is_undercut_by(0.0));
        for bps in [490e3, 510e3, 500e3, 505e3] {
            capacity.on_overuse(bps);
        }
        let bps = capacity.bps().unwrap();
        assert!((490e3..510e3).contains(&bps), "{bps}");
        assert!(!capacity.is_exceeded_by(530e3) && capacity.is_exceeded_by(560e3));
        assert!(!capacity.is_undercut_by(460e3) && capacity.is_undercut_by(440e3));
        capacity.reset();
        assert_eq!(capacity.bps(), None);
    }

    #[test]
    fn an_unsteady_link_has_wide_bounds_and_a_narrow_one_some() {
        let mut capacity = LinkCapacity::default();
        for n in 0..100 {
            capacity.on_overuse(if n % 2 == 0 { 300e3 } else { 700e3 });
        }
        assert!(!capacity.is_exceeded_by(590e3) && capacity.is_exceeded_by(700e3));
        let mut narrow = LinkCapacity::default();
        narrow.on_overuse(0.0);
        assert!(!narrow.is_undercut_by(0.0));
    }
}
