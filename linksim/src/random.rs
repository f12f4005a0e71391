//! Seeded random numbers (SplitMix64): small, fast, the same on every machine and in every release.

#[derive(Clone, Debug)]
pub struct Random(u64);

/// The odd constant by which the state steps: 2^64 over the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another sequence for each `stream` of one seed, so that drawing more of one does not shift
    /// the others.
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut mixed = Self(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(mixed.next_u64())
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability. Draws in any case.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence_and_streams_differ() {
        let draw = |mut random: Random| -> Vec<u64> { (0..8).map(|_| random.next_u64()).collect() };
        assert_eq!(draw(Random::new(7)), draw(Random::new(7)));
        assert_ne!(draw(Random::stream(7, 1)), draw(Random::stream(7, 2)));
        assert_ne!(draw(Random::stream(7, 1)), draw(Random::stream(8, 1)));
    }

    #[test]
    fn units_are_spread_evenly() {
        let mut random = Random::new(1);
        let mut tenths = [0_u32; 10];
        for _ in 0..100_000 {
            let unit = random.unit();
            assert!((0.0..1.0).contains(&unit));
            tenths[(unit * 10.0) as usize] += 1;
        }
        for count in tenths {
            assert!((9_500..=10_500).contains(&count), "{tenths:?}");
        }
        assert!(!random.happens(0.0));
        assert!(random.happens(1.0));
    }
}
