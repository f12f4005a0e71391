//! 16-bit sequence numbers of one ingress stream -> unique 64-bit indices (RFC 3550 §A.1).

use super::index_window::{IndexRefused, IndexWindow, Order};

/// The first packet gets an index in the second cycle, so that packets from before it (reordered
/// at the start) still have an index.
const FIRST_CYCLE: u64 = 1 << 16;

/// A packet the window has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Sequence number extended by the count of its wraps; unique per stream, never reused.
    pub index: u64,
    pub order: Order,
}

#[derive(Clone, Debug, Default)]
pub struct ReceiveWindow {
    indices: IndexWindow,
    first: Option<u64>,
}

impl ReceiveWindow {
    pub fn new() -> Self {
        Self::default()
    }

    /// Index of the highest packet so far.
    pub fn highest(&self) -> Option<u64> {
        self.indices.highest()
    }

    /// Index of the first packet that arrived.
    pub fn first(&self) -> Option<u64> {
        self.first
    }

    pub fn insert(&mut self, sequence_number: u16) -> Result<Accepted, IndexRefused> {
        self.insert_index(self.extend(sequence_number))
    }

    /// Takes a packet whose index another window gave it.
    pub fn insert_index(&mut self, index: u64) -> Result<Accepted, IndexRefused> {
        let order = self.indices.insert(index)?;
        self.first.get_or_insert(index);
        Ok(Accepted { index, order })
    }

    /// Whether the packet has come, or is too old to know.
    pub fn has_seen(&self, index: u64) -> bool {
        self.indices.has_seen(index)
    }

    /// The index nearest to the highest one so far whose low 16 bits are `sequence_number`.
    pub fn extend(&self, sequence_number: u16) -> u64 {
        let Some(highest) = self.highest() else {
            return FIRST_CYCLE + u64::from(sequence_number);
        };
        let ahead = sequence_number.wrapping_sub(highest as u16) as i16;
        // No underflow: `highest` is at least FIRST_CYCLE and `ahead` at least -2^15.
        highest.saturating_add_signed(i64::from(ahead))
    }
}

/// The extended highest sequence number as reports carry it (RFC 3550 §6.4.1): 16 bits of cycles,
/// 16 of sequence number.
pub fn reported_sequence(index: u64) -> u32 {
    index.wrapping_sub(FIRST_CYCLE) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_and_accepts_packets_from_before_the_first() {
        let mut window = ReceiveWindow::new();
        let first = window.insert(2).unwrap().index;
        assert_eq!(window.insert(65535).unwrap().index, first - 3);
        assert_eq!(window.insert(65535), Err(IndexRefused::Duplicate));
        for step in 1..=3u64 {
            let sequence = (2 + step * 30_000) as u16;
            assert_eq!(
                window.insert(sequence).unwrap().index,
                first + step * 30_000
            );
        }
        assert_eq!(reported_sequence(first + 65_536), 65_538);
        assert_eq!(window.insert(2), Err(IndexRefused::TooOld));
    }

    proptest! {
        /// Whatever the reordering within half a cycle, the index is the true packet count.
        #[test]
        fn recovers_the_true_index(
            start in any::<u16>(),
            steps in prop::collection::vec((0u64..20_000, 0u64..1000), 1..200),
        ) {
            let mut window = ReceiveWindow::new();
            let base = u64::from(start);
            let mut highest = base;
            let first = window.insert(start).unwrap().index;
            for (forward, back) in steps {
                highest += forward;
                let sent = highest;
                let ours = window.insert(sent as u16);
                if forward > 0 {
                    prop_assert_eq!(ours.unwrap().index - first, sent - base);
                }
                let late = highest.saturating_sub(back).max(base);
                match window.insert(late as u16) {
                    Ok(accepted) => prop_assert_eq!(accepted.index - first, late - base),
                    Err(refused) => prop_assert_eq!(refused, IndexRefused::Duplicate),
                }
            }
        }
    }
}
