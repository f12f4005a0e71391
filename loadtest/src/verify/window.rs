//! Puts one stream's packets in order, asks for the missing ones, and says which never came.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A packet missing for this long is lost.
pub const LOSS_AFTER: Duration = Duration::from_millis(1500);
/// First NACK this long after a gap shows (reordering), then again after each interval.
const FIRST_NACK: Duration = Duration::from_millis(10);
const NACK_INTERVAL: Duration = Duration::from_millis(100);
const MAX_NACKS: u8 = 10;
/// A step ahead by more than this is no gap but another numbering; the stream starts anew.
const MAX_GAP: u64 = 4096;

#[derive(Debug)]
enum Place<T> {
    Missing {
        since: Instant,
        nacks: u8,
        next_nack: Instant,
    },
    Here(T),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Delivery<T> {
    /// In order.
    Packet { sequence: u64, packet: T },
    /// This sequence number never came.
    Lost { sequence: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Taken,
    /// Seen before, or given up already.
    Stale,
    /// The numbering jumped; what was missing before is lost, the packet begins a new order.
    Jumped,
}

#[derive(Debug)]
pub struct ReceiveWindow<T> {
    /// Extended sequence number of the first place.
    next: Option<u64>,
    places: VecDeque<Place<T>>,
}

impl<T> Default for ReceiveWindow<T> {
    fn default() -> Self {
        Self {
            next: None,
            places: VecDeque::new(),
        }
    }
}

impl<T> ReceiveWindow<T> {
    pub fn push(
        &mut self,
        now: Instant,
        sequence: u16,
        packet: T,
        mut deliver: impl FnMut(Delivery<T>),
    ) -> Pushed {
        // Far from zero, so that a packet from before the first one is not below it.
        let next = *self.next.get_or_insert((1 << 32) | u64::from(sequence));
        let highest = next + self.places.len() as u64;
        let step = sequence.wrapping_sub(highest as u16) as i16;
        let extended = highest.wrapping_add_signed(i64::from(step));
        if extended < next {
            return Pushed::Stale;
        }
        let index = extended - next;
        if index > self.places.len() as u64 + MAX_GAP {
            self.give_up(&mut deliver);
            self.next = Some(extended + 1);
            deliver(Delivery::Packet {
                sequence: extended,
                packet,
            });
            return Pushed::Jumped;
        }
        let index = index as usize;
        while self.places.len() <= index {
            let next_nack = now + FIRST_NACK;
            self.places.push_back(Place::Missing {
                since: now,
                nacks: 0,
                next_nack,
            });
        }
        let Some(place) = self.places.get_mut(index) else {
            return Pushed::Stale;
        };
        if matches!(place, Place::Here(_)) {
            return Pushed::Stale;
        }
        *place = Place::Here(packet);
        self.deliver_ready(&mut deliver);
        Pushed::Taken
    }

    fn deliver_ready(&mut self, deliver: &mut impl FnMut(Delivery<T>)) {
        while let Some(Place::Here(_)) = self.places.front() {
            let sequence = self.next.unwrap_or_default();
            if let Some(Place::Here(packet)) = self.places.pop_front() {
                deliver(Delivery::Packet { sequence, packet });
            }
            self.next = Some(sequence + 1);
        }
    }

    /// Gives up what is overdue.
    pub fn advance(&mut self, now: Instant, mut deliver: impl FnMut(Delivery<T>)) {
        while let Some(Place::Missing { since, .. }) = self.places.front() {
            if now.duration_since(*since) < LOSS_AFTER {
                return;
            }
            self.places.pop_front();
            let sequence = self.next.unwrap_or_default();
            self.next = Some(sequence + 1);
            deliver(Delivery::Lost { sequence });
            self.deliver_ready(&mut deliver);
        }
    }

    /// Everything still missing is lost: the stream has ended.
    pub fn give_up(&mut self, deliver: &mut impl FnMut(Delivery<T>)) {
        while !self.places.is_empty() {
            self.deliver_ready(deliver);
            if let Some(Place::Missing { .. }) = self.places.front() {
                self.places.pop_front();
                let sequence = self.next.unwrap_or_default();
                self.next = Some(sequence + 1);
                deliver(Delivery::Lost { sequence });
            }
        }
    }

    /// Sequence numbers to ask for now.
    pub fn nacks(&mut self, now: Instant, out: &mut Vec<u16>) {
        let Some(next) = self.next else { return };
        for (offset, place) in self.places.iter_mut().enumerate() {
            if let Place::Missing {
                nacks, next_nack, ..
            } = place
                && *next_nack <= now
                && *nacks < MAX_NACKS
            {
                *nacks += 1;
                *next_nack = now + NACK_INTERVAL;
                out.push((next + offset as u64) as u16);
            }
        }
    }

    #[cfg(test)]
    pub fn has_gap(&self) -> bool {
        !self.places.is_empty()
    }

    /// One past the highest sequence number seen, extended; for receiver reports.
    pub fn highest(&self) -> Option<u64> {
        self.next.map(|next| next + self.places.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Log(Vec<Result<u16, u16>>);

    impl Log {
        fn push(&mut self, window: &mut ReceiveWindow<u16>, now: Instant, sequence: u16) -> Pushed {
            window.push(now, sequence, sequence, |delivery| self.take(delivery))
        }

        fn take(&mut self, delivery: Delivery<u16>) {
            self.0.push(match delivery {
                Delivery::Packet { sequence, packet } => {
                    assert_eq!(sequence as u16, packet);
                    Ok(packet)
                }
                Delivery::Lost { sequence } => Err(sequence as u16),
            });
        }
    }

    #[test]
    fn reordering_across_the_wrap_is_put_right_and_duplicates_refused() {
        let now = Instant::now();
        let mut window = ReceiveWindow::default();
        let mut log = Log::default();
        for sequence in [65533, 65535, 65534, 1, 0, 2] {
            assert_eq!(log.push(&mut window, now, sequence), Pushed::Taken);
        }
        for sequence in [65533, 2, 0] {
            assert_eq!(log.push(&mut window, now, sequence), Pushed::Stale);
        }
        assert_eq!(log.0, [65533, 65534, 65535, 0, 1, 2].map(Ok));
        assert!(!window.has_gap());
    }

    #[test]
    fn what_never_comes_is_asked_for_and_then_lost() {
        let start = Instant::now();
        let mut window = ReceiveWindow::default();
        let mut log = Log::default();
        for sequence in [10, 13] {
            log.push(&mut window, start, sequence);
        }
        let mut nacks = Vec::new();
        window.nacks(start, &mut nacks);
        assert!(nacks.is_empty());
        window.nacks(start + FIRST_NACK, &mut nacks);
        assert_eq!(nacks, [11, 12]);
        window.nacks(start + FIRST_NACK, &mut nacks);
        assert_eq!(nacks.len(), 2, "asked again too soon");
        log.push(&mut window, start, 12);
        window.advance(start + LOSS_AFTER - Duration::from_millis(1), |d| {
            log.take(d)
        });
        assert_eq!(log.0, [Ok(10)]);
        window.advance(start + LOSS_AFTER, |delivery| log.take(delivery));
        assert_eq!(log.0, [Ok(10), Err(11), Ok(12), Ok(13)]);
        assert_eq!(log.push(&mut window, start, 11), Pushed::Stale);
    }

    #[test]
    fn asking_ends() {
        let start = Instant::now();
        let mut window = ReceiveWindow::default();
        let mut log = Log::default();
        for sequence in [1, 3] {
            log.push(&mut window, start, sequence);
        }
        let mut nacks = Vec::new();
        for turn in 1..100 {
            window.nacks(start + NACK_INTERVAL * turn, &mut nacks);
        }
        assert_eq!(nacks.len(), usize::from(MAX_NACKS));
    }

    #[test]
    fn a_jump_starts_a_new_order() {
        let now = Instant::now();
        let mut window = ReceiveWindow::default();
        let mut log = Log::default();
        for sequence in [1, 3] {
            log.push(&mut window, now, sequence);
        }
        assert_eq!(log.push(&mut window, now, 20_000), Pushed::Jumped);
        log.push(&mut window, now, 20_001);
        assert_eq!(log.0, [Ok(1), Err(2), Ok(3), Ok(20_000), Ok(20_001)]);
    }

    #[test]
    fn at_the_end_gaps_are_lost() {
        let now = Instant::now();
        let mut window = ReceiveWindow::default();
        let mut log = Log::default();
        for sequence in [1, 2, 5] {
            log.push(&mut window, now, sequence);
        }
        window.give_up(&mut |delivery| log.take(delivery));
        assert_eq!(log.0, [Ok(1), Ok(2), Err(3), Err(4), Ok(5)]);
    }
}
