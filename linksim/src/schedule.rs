//! How a line changes over time, and how long it takes to carry something meanwhile.

use std::time::Duration;

use crate::shape::Shape;

const NANOS: u128 = 1_000_000_000;

/// Shapes, each from a time on; what the first says also holds before.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    first: Shape,
    /// By time.
    later: Vec<(Duration, Shape)>,
}

impl Schedule {
    pub fn constant(shape: Shape) -> Self {
        Self {
            first: shape,
            later: Vec::new(),
        }
    }

    /// The same from `at` on as `shape`; later steps that were there before stay.
    #[must_use]
    pub fn then(mut self, at: Duration, shape: Shape) -> Self {
        let place = self.later.partition_point(|(from, _)| *from <= at);
        self.later.insert(place, (at, shape));
        self
    }

    /// All steps later by this much.
    #[must_use]
    pub fn delayed_by(mut self, by: Duration) -> Self {
        for (at, _) in &mut self.later {
            *at += by;
        }
        self
    }

    pub fn at(&self, now: Duration) -> &Shape {
        let passed = self.later.partition_point(|(from, _)| *from <= now);
        self.step(passed)
    }

    /// Times at which it changes.
    pub fn changes(&self) -> impl Iterator<Item = Duration> {
        self.later.iter().map(|(at, _)| *at)
    }

    fn step(&self, index: usize) -> &Shape {
        match index.checked_sub(1).and_then(|index| self.later.get(index)) {
            Some((_, shape)) => shape,
            None => &self.first,
        }
    }

    /// When the line has carried `bits` that it began with at `from`. `None`: never, it stays
    /// closed.
    pub(crate) fn finish(&self, from: Duration, bits: u64) -> Option<Duration> {
        // In bit-nanoseconds, so that nothing is rounded on the way.
        let mut work = u128::from(bits) * NANOS;
        let mut at = from.as_nanos();
        let mut index = self.later.partition_point(|(begin, _)| *begin <= from);
        loop {
            let Some(rate) = self.step(index).rate.map(u128::from) else {
                return Some(duration(at));
            };
            let end = self.later.get(index).map(|(begin, _)| begin.as_nanos());
            match end {
                Some(end) if rate * (end - at) < work => {
                    work -= rate * (end - at);
                    at = end;
                    index += 1;
                }
                _ if rate == 0 => return None,
                _ => return Some(duration(at + work.div_ceil(rate))),
            }
        }
    }

    /// Bits the line carries from one time to another. `None`: any number.
    pub(crate) fn carried(&self, from: Duration, to: Duration) -> Option<u64> {
        let mut work = 0;
        let mut at = from.as_nanos();
        let mut index = self.later.partition_point(|(begin, _)| *begin <= from);
        while at < to.as_nanos() {
            let rate = u128::from(self.step(index).rate?);
            let end = self.later.get(index).map(|(begin, _)| begin.as_nanos());
            let end = end.unwrap_or(u128::MAX).min(to.as_nanos());
            work += rate * (end - at);
            at = end;
            index += 1;
        }
        Some((work / NANOS) as u64)
    }
}

fn duration(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rate(rate: Option<u64>) -> Shape {
        Shape {
            rate,
            ..Shape::IDEAL
        }
    }

    #[test]
    fn a_step_in_the_middle_of_a_packet_changes_its_speed() {
        let schedule = Schedule::constant(rate(Some(1_000_000)))
            .then(100 * MS, rate(Some(500_000)))
            .then(200 * MS, rate(Some(2_000_000)));
        assert_eq!(schedule.finish(Duration::ZERO, 50_000), Some(50 * MS));
        // 50 ms at one, 20 ms at half.
        assert_eq!(schedule.finish(50 * MS, 60_000), Some(120 * MS));
        // 10 at one, 100 at half, 20 at two.
        assert_eq!(schedule.finish(90 * MS, 100_000), Some(220 * MS));
        assert_eq!(schedule.carried(90 * MS, 220 * MS), Some(100_000));
        assert_eq!(schedule.carried(220 * MS, 220 * MS), Some(0));
    }

    #[test]
    fn a_closed_line_carries_nothing_until_it_opens() {
        let schedule = Schedule::constant(rate(Some(1000)))
            .then(100 * MS, rate(Some(0)))
            .then(300 * MS, rate(None));
        assert_eq!(schedule.finish(100 * MS, 8), Some(300 * MS));
        assert_eq!(schedule.finish(400 * MS, u64::MAX), Some(400 * MS));
        assert_eq!(schedule.carried(100 * MS, 400 * MS), None);
        let for_ever = Schedule::constant(rate(Some(0)));
        assert_eq!(for_ever.finish(Duration::ZERO, 1), None);
    }

    #[test]
    fn what_holds_is_the_last_step_that_came() {
        let schedule = Schedule::constant(rate(Some(1)))
            .then(20 * MS, rate(Some(3)))
            .then(10 * MS, rate(Some(2)));
        let rates = [0, 9, 10, 19, 20, 99].map(|ms| schedule.at(ms * MS).rate);
        assert_eq!(rates, [1, 1, 2, 2, 3, 3].map(Some));
        let delayed = schedule.delayed_by(5 * MS);
        assert_eq!(delayed.at(14 * MS).rate, Some(1));
        assert_eq!(delayed.changes().collect::<Vec<_>>(), [15 * MS, 25 * MS]);
    }
}
