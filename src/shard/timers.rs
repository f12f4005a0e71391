//! One deadline per key, the earliest first.
//!
//! An indexed binary heap: a key's deadline moves in O(log n) and leaves nothing stale behind, so
//! the queue never holds more entries than there are keys.

use std::time::Instant;

/// Keys are dense slab indices.
#[derive(Debug, Default)]
pub struct TimerQueue {
    heap: Vec<(Instant, usize)>,
    /// Where in `heap` a key stands.
    positions: Vec<Option<usize>>,
}

impl TimerQueue {
    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.heap.first().map(|&(at, _)| at)
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Sets or, with `None`, removes the deadline of `key`.
    pub fn set(&mut self, key: usize, at: Option<Instant>) {
        match at {
            Some(at) => self.insert(key, at),
            None => self.remove(key),
        }
    }

    /// Moves the deadline of `key` to `at` if that is earlier than what is set, or none is.
    pub fn expedite(&mut self, key: usize, at: Instant) {
        match self.position(key) {
            Some(position) if self.heap[position].0 <= at => {}
            _ => self.insert(key, at),
        }
    }

    pub fn remove(&mut self, key: usize) {
        let Some(position) = self.position(key) else {
            return;
        };
        let last = self.heap.len() - 1;
        self.swap(position, last);
        self.heap.pop();
        self.positions[key] = None;
        if position < self.heap.len() {
            self.settle(position);
        }
    }

    /// Takes a key whose deadline is not after `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<usize> {
        let &(at, key) = self.heap.first()?;
        if at > now {
            return None;
        }
        self.remove(key);
        Some(key)
    }

    fn position(&self, key: usize) -> Option<usize> {
        self.positions.get(key).copied().flatten()
    }

    fn insert(&mut self, key: usize, at: Instant) {
        let position = match self.position(key) {
            Some(position) => {
                if self.heap[position].0 == at {
                    return;
                }
                self.heap[position].0 = at;
                position
            }
            None => {
                if self.positions.len() <= key {
                    self.positions.resize(key + 1, None);
                }
                self.heap.push((at, key));
                let position = self.heap.len() - 1;
                self.positions[key] = Some(position);
                position
            }
        };
        self.settle(position);
    }

    /// Restores the heap order around the one entry at `position` that may violate it.
    fn settle(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent] <= self.heap[position] {
                break;
            }
            self.swap(parent, position);
            position = parent;
        }
        loop {
            let left = 2 * position + 1;
            let right = left + 1;
            let mut smallest = position;
            for child in [left, right] {
                if child < self.heap.len() && self.heap[child] < self.heap[smallest] {
                    smallest = child;
                }
            }
            if smallest == position {
                return;
            }
            self.swap(position, smallest);
            position = smallest;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.positions[self.heap[a].1] = Some(a);
        self.positions[self.heap[b].1] = Some(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[derive(Clone, Debug)]
    enum Step {
        Set(usize, u64),
        Expedite(usize, u64),
        Remove(usize),
        Pop(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..12usize, 0..50u64).prop_map(|(key, at)| Step::Set(key, at)),
            (0..12usize, 0..50u64).prop_map(|(key, at)| Step::Expedite(key, at)),
            (0..12usize).prop_map(Step::Remove),
            (0..50u64).prop_map(Step::Pop),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_map(steps in prop::collection::vec(step(), 0..200)) {
            let start = Instant::now();
            let at = |ms: u64| start + Duration::from_millis(ms);
            let mut queue = TimerQueue::default();
            let mut model: BTreeMap<usize, Instant> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(key, ms) => {
                        queue.set(key, Some(at(ms)));
                        model.insert(key, at(ms));
                    }
                    Step::Expedite(key, ms) => {
                        queue.expedite(key, at(ms));
                        let entry = model.entry(key).or_insert(at(ms));
                        *entry = (*entry).min(at(ms));
                    }
                    Step::Remove(key) => {
                        queue.set(key, None);
                        model.remove(&key);
                    }
                    Step::Pop(ms) => {
                        let expected = model
                            .iter()
                            .map(|(&key, &at)| (at, key))
                            .min()
                            .filter(|&(due, _)| due <= at(ms))
                            .map(|(_, key)| key);
                        prop_assert_eq!(queue.pop_due(at(ms)), expected);
                        if let Some(key) = expected {
                            model.remove(&key);
                        }
                    }
                }
                prop_assert_eq!(queue.next(), model.values().min().copied());
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
