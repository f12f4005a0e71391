//! What is on its way, by time of arrival; what arrives at the same time, in the order it was sent.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

struct Entry<T> {
    at: Duration,
    order: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    /// The earliest is the greatest, as the heap gives that first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

pub struct Flight<T> {
    entries: BinaryHeap<Entry<T>>,
    order: u64,
    most: usize,
}

impl<T> Flight<T> {
    /// Holds `most` things.
    pub fn new(most: usize) -> Self {
        Self {
            entries: BinaryHeap::new(),
            order: 0,
            most,
        }
    }

    /// Gives `what` back when it is full.
    ///
    /// # Errors
    /// As many are on their way as it may hold.
    pub fn push(&mut self, at: Duration, what: T) -> Result<(), T> {
        if self.entries.len() >= self.most {
            return Err(what);
        }
        self.order += 1;
        self.entries.push(Entry {
            at,
            order: self.order,
            what,
        });
        Ok(())
    }

    pub fn next_due(&self) -> Option<Duration> {
        self.entries.peek().map(|entry| entry.at)
    }

    /// The next that has arrived by now, with its time.
    pub fn pop_due(&mut self, now: Duration) -> Option<(Duration, T)> {
        self.next_due().filter(|at| *at <= now)?;
        self.entries.pop().map(|entry| (entry.at, entry.what))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_by_time_then_in_order_and_a_full_flight_takes_no_more() {
        let ms = Duration::from_millis;
        let mut flight = Flight::new(4);
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            assert_eq!(flight.push(ms(at), what), Ok(()));
        }
        assert_eq!(flight.push(ms(9), 'e'), Err('e'));
        assert_eq!(flight.len(), 4);
        assert_eq!(flight.next_due(), Some(ms(1)));
        assert_eq!(flight.pop_due(ms(0)), None);
        let mut came = Vec::new();
        while let Some((at, what)) = flight.pop_due(ms(5)) {
            came.push((at.as_millis(), what));
        }
        assert_eq!(came, [(1, 'a'), (3, 'b'), (5, 'c'), (5, 'd')]);
        assert!(flight.is_empty());
    }
}
