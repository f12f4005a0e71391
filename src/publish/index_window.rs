//! Which of the latest packet numbers have been seen: a bitmap that slides with the highest.

use thiserror::Error;

/// How many indices up to the highest one are remembered. At 300 packets/s (720p) this is 3 s,
/// longer than any retransmission is still wanted. An older index is refused as too old.
pub const WINDOW_LEN: u64 = 1024;

const WORDS: usize = (WINDOW_LEN / 64) as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IndexRefused {
    #[error("the index has been seen before")]
    Duplicate,
    #[error("the index is older than the window")]
    TooOld,
}

/// How a newly seen index relates to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    First,
    /// A new highest index; `skipped` indices between it and the one before are missing.
    Newest {
        skipped: u64,
    },
    Late,
}

#[derive(Clone, Debug)]
pub struct IndexWindow {
    highest: Option<u64>,
    /// Bit `index % WINDOW_LEN` for the indices in `(highest - WINDOW_LEN, highest]`.
    seen: [u64; WORDS],
}

impl IndexWindow {
    pub fn new() -> Self {
        Self {
            highest: None,
            seen: [0; WORDS],
        }
    }

    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Marks `index` as seen. Each index succeeds at most once, whatever the order.
    pub fn insert(&mut self, index: u64) -> Result<Order, IndexRefused> {
        let Some(highest) = self.highest else {
            self.highest = Some(index);
            self.set(index);
            return Ok(Order::First);
        };
        if index > highest {
            self.slide(highest, index);
            self.highest = Some(index);
            self.set(index);
            return Ok(Order::Newest {
                skipped: index - highest - 1,
            });
        }
        if highest - index >= WINDOW_LEN {
            return Err(IndexRefused::TooOld);
        }
        if self.is_set(index) {
            return Err(IndexRefused::Duplicate);
        }
        self.set(index);
        Ok(Order::Late)
    }

    /// Whether `index` was seen, or may have been: it is older than the window.
    pub fn has_seen(&self, index: u64) -> bool {
        self.highest.is_some_and(|highest| {
            index <= highest && (highest - index >= WINDOW_LEN || self.is_set(index))
        })
    }

    /// Forgets what the positions of `highest + 1 ..= index` held one window ago.
    fn slide(&mut self, highest: u64, index: u64) {
        if index - highest >= WINDOW_LEN {
            self.seen = [0; WORDS];
            return;
        }
        for passed in highest + 1..=index {
            let (word, bit) = position(passed);
            if let Some(word) = self.seen.get_mut(word) {
                *word &= !bit;
            }
        }
    }

    fn set(&mut self, index: u64) {
        let (word, bit) = position(index);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
    }

    fn is_set(&self, index: u64) -> bool {
        let (word, bit) = position(index);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl Default for IndexWindow {
    fn default() -> Self {
        Self::new()
    }
}

fn position(index: u64) -> (usize, u64) {
    let offset = index % WINDOW_LEN;
    ((offset / 64) as usize, 1 << (offset % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_jump_by_a_whole_window_forgets_everything() {
        let mut window = IndexWindow::new();
        assert_eq!(window.insert(5), Ok(Order::First));
        let far = 5 + WINDOW_LEN;
        assert_eq!(
            window.insert(far),
            Ok(Order::Newest {
                skipped: WINDOW_LEN - 1
            })
        );
        assert_eq!(window.insert(5), Err(IndexRefused::TooOld));
        assert_eq!(window.insert(6), Ok(Order::Late));
        assert_eq!(window.insert(6), Err(IndexRefused::Duplicate));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec(-1500i64..1500, 1..400)) {
            let mut window = IndexWindow::new();
            let mut seen = BTreeSet::new();
            let mut at = 100_000i64;
            for step in steps {
                at += step / 3;
                let index = (at + step) as u64;
                let highest = seen.last().copied();
                let expected = match highest {
                    None => Ok(Order::First),
                    Some(high) if index > high => Ok(Order::Newest { skipped: index - high - 1 }),
                    Some(high) if high - index >= WINDOW_LEN => Err(IndexRefused::TooOld),
                    Some(_) if seen.contains(&index) => Err(IndexRefused::Duplicate),
                    Some(_) => Ok(Order::Late),
                };
                prop_assert_eq!(window.insert(index), expected);
                if expected.is_ok() {
                    seen.insert(index);
                }
                prop_assert_eq!(window.highest(), seen.last().copied());
            }
        }
    }
}
