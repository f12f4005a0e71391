//! What letting one person in costs.

/// Work of a join, in units of which an ordinary join has [`JoinWork::ORDINARY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JoinWork(u32);

/// Offers up to this long are ordinary: a browser's with a slot for everybody in a class.
const ORDINARY_OFFER_BYTES: usize = 32 * 1024;

/// A join costs at most this many ordinary ones, however long its offer is.
const MAX_FACTOR: u32 = 4;

impl JoinWork {
    pub const ORDINARY: Self = Self(64);
    pub const MOST: Self = Self(Self::ORDINARY.0 * MAX_FACTOR);

    /// Reading and answering an offer costs in proportion to its length, and so do the slots it
    /// asks for; public-key work is the same for everybody.
    pub fn of_offer(bytes: usize) -> Self {
        let units = bytes.saturating_mul(Self::ORDINARY.0 as usize) / ORDINARY_OFFER_BYTES;
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        Self(units.clamp(Self::ORDINARY.0, Self::MOST.0))
    }

    pub fn units(self) -> u64 {
        u64::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_offers_cost_more_and_there_is_a_most() {
        assert_eq!(JoinWork::of_offer(0), JoinWork::ORDINARY);
        assert_eq!(JoinWork::of_offer(20_000), JoinWork::ORDINARY);
        assert_eq!(JoinWork::of_offer(64 * 1024).units(), 128);
        assert_eq!(JoinWork::of_offer(128 * 1024), JoinWork::MOST);
        assert_eq!(JoinWork::of_offer(usize::MAX), JoinWork::MOST);
    }
}
