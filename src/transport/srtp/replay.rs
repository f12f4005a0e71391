//! Sliding replay windows (RFC 3711 §3.3.2) over 48-bit RTP and 31-bit SRTCP indices.

/// Which of the last `WORDS * 64` indices of one stream were accepted.
///
/// Bit `index % (WORDS * 64)` stands for `index`; advancing clears the bits it passes.
#[derive(Debug)]
pub(super) struct ReplayWindow<const WORDS: usize> {
    highest: u64,
    bits: [u64; WORDS],
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    const SIZE: u64 = WORDS as u64 * 64;

    /// A window whose first accepted index is `first`.
    pub fn new(first: u64) -> Self {
        let mut window = Self {
            highest: first,
            bits: [0; WORDS],
        };
        window.set(first);
        window
    }

    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` is neither accepted already nor too old to tell.
    pub fn is_fresh(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        self.highest - index < Self::SIZE && !self.is_set(index)
    }

    /// Remembers `index`. Call only for a fresh index whose packet was authenticated.
    pub fn accept(&mut self, index: u64) {
        if index > self.highest {
            if index - self.highest >= Self::SIZE {
                self.bits = [0; WORDS];
            } else {
                for passed in self.highest + 1..index {
                    self.clear(passed);
                }
            }
            self.highest = index;
        }
        self.set(index);
    }

    fn place(index: u64) -> (usize, u64) {
        let bit = index % Self::SIZE;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn is_set(&self, index: u64) -> bool {
        let (word, mask) = Self::place(index);
        self.bits[word] & mask != 0
    }

    fn set(&mut self, index: u64) {
        let (word, mask) = Self::place(index);
        self.bits[word] |= mask;
    }

    fn clear(&mut self, index: u64) {
        let (word, mask) = Self::place(index);
        self.bits[word] &= !mask;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_duplicates_and_what_is_too_old() {
        let mut window = ReplayWindow::<2>::new(1000);
        assert!(!window.is_fresh(1000));
        assert!(window.is_fresh(1000 - 127));
        assert!(!window.is_fresh(1000 - 128));
        window.accept(1100);
        assert!(window.is_fresh(1001), "skipped, not seen");
        assert!(!window.is_fresh(1000));
        window.accept(5000);
        assert!(
            window.is_fresh(5000 - 127),
            "a long jump forgets nothing wrongly"
        );
    }

    proptest! {
        /// Against a plain set of all indices ever accepted.
        #[test]
        fn agrees_with_a_set(
            first in 0_u64..1 << 40,
            steps in prop::collection::vec(-300_i64..300, 1..400),
        ) {
            let mut window = ReplayWindow::<4>::new(first);
            let mut seen = HashSet::from([first]);
            let mut highest = first;
            for step in steps {
                let index = highest.saturating_add_signed(step);
                let fresh = index > highest || (highest - index < 256 && !seen.contains(&index));
                prop_assert_eq!(window.is_fresh(index), fresh);
                if fresh {
                    window.accept(index);
                    seen.insert(index);
                    highest = highest.max(index);
                }
                prop_assert_eq!(window.highest(), highest);
            }
        }
    }
}
