//! Missing packets of one ingress video stream: which to ask for again, and when to give up.

use std::time::{Duration, Instant};

/// Packets asked for at one time. A gap that does not fit is not worth repairing (more than a
/// second of video): the list is emptied and a keyframe asked for instead.
pub const MAX_MISSING: usize = 256;

/// Time a packet may be merely reordered before it counts as lost.
const REORDERING: Duration = Duration::from_millis(10);

/// Wait after the n-th request. The round trip to the publisher is not known here (nobody sends
/// us receiver reports about a stream we only receive), so the wait doubles from a LAN's to a
/// slow mobile link's. After the last wait the packet is given up, about 0.8 s after its loss;
/// receivers' jitter buffers have given it up by then.
const WAITS: [Duration; 6] = [
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(170),
    Duration::from_millis(170),
    Duration::from_millis(170),
];

#[derive(Clone, Copy, Debug)]
struct Missing {
    index: u64,
    tries: u8,
    due: Instant,
}

/// Whether packets were given up, so that only a keyframe repairs the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Repair {
    Possible,
    NeedsKeyframe,
}

#[derive(Clone, Debug)]
pub struct NackList {
    /// Ascending by index.
    missing: Vec<Missing>,
    /// Never later than the earliest `due`.
    next_due: Option<Instant>,
}

impl NackList {
    /// An empty list; its memory is taken here, once.
    pub fn new() -> Self {
        Self {
            missing: Vec::with_capacity(MAX_MISSING),
            next_due: None,
        }
    }

    /// The `count` packets before `next` have not arrived, though `next` has.
    pub fn on_gap(&mut self, now: Instant, next: u64, count: u64) -> Repair {
        if count > (MAX_MISSING - self.missing.len()) as u64 {
            self.clear();
            return Repair::NeedsKeyframe;
        }
        let due = now + REORDERING;
        for index in next.saturating_sub(count)..next {
            self.missing.push(Missing {
                index,
                tries: 0,
                due,
            });
        }
        if count > 0 {
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        }
        Repair::Possible
    }

    pub fn on_arrival(&mut self, index: u64) {
        if let Ok(at) = self
            .missing
            .binary_search_by_key(&index, |missing| missing.index)
        {
            self.missing.remove(at);
        }
    }

    /// One packet that no gap has shown to be missing. Without room it is left out.
    pub fn add(&mut self, now: Instant, index: u64) {
        let place = self
            .missing
            .binary_search_by_key(&index, |missing| missing.index);
        if let Err(place) = place
            && self.missing.len() < MAX_MISSING
        {
            let missing = Missing {
                index,
                tries: 0,
                due: now,
            };
            self.missing.insert(place, missing);
            self.next_due = Some(self.next_due.map_or(now, |next| next.min(now)));
        }
    }

    /// What is missing is of no use any more.
    pub fn clear(&mut self) {
        self.missing.clear();
        self.next_due = None;
    }

    /// A decodable fresh start: what is missing before `index` is of no use any more.
    pub fn forget_before(&mut self, index: u64) {
        self.missing.retain(|missing| missing.index >= index);
    }

    pub fn due(&self) -> Option<Instant> {
        if self.missing.is_empty() {
            None
        } else {
            self.next_due
        }
    }

    /// Appends the sequence numbers to ask for now, and drops those that were asked for in vain.
    pub fn poll(&mut self, now: Instant, lost: &mut Vec<u16>) -> Repair {
        if self.due().is_none_or(|due| due > now) {
            return Repair::Possible;
        }
        let before = self.missing.len();
        self.missing
            .retain(|missing| missing.due > now || usize::from(missing.tries) < WAITS.len());
        let given_up = self.missing.len() < before;
        for missing in self.missing.iter_mut().filter(|missing| missing.due <= now) {
            if let Some(wait) = WAITS.get(usize::from(missing.tries)) {
                lost.push(missing.index as u16);
                missing.tries += 1;
                missing.due = now + *wait;
            }
        }
        self.next_due = self.missing.iter().map(|missing| missing.due).min();
        if given_up {
            Repair::NeedsKeyframe
        } else {
            Repair::Possible
        }
    }
}

impl Default for NackList {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::index_window::Order;
    use crate::publish::receive_window::ReceiveWindow;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    const MS: Duration = Duration::from_millis(1);

    fn poll(list: &mut NackList, now: Instant) -> (Vec<u16>, Repair) {
        let mut lost = Vec::new();
        let repair = list.poll(now, &mut lost);
        (lost, repair)
    }

    #[test]
    fn asks_with_growing_waits_then_gives_up() {
        let start = Instant::now();
        let mut list = NackList::new();
        assert_eq!(list.on_gap(start, 70_003, 3), Repair::Possible);
        list.on_arrival(70_001);
        assert!(poll(&mut list, start + 9 * MS).0.is_empty());
        let mut asked = Vec::new();
        let mut gave_up = None;
        for ms in 0..1500 {
            let now = start + ms * MS;
            let (lost, repair) = poll(&mut list, now);
            if !lost.is_empty() {
                assert_eq!(lost, [70_000u32 as u16, 70_002u32 as u16]);
                asked.push(ms);
            }
            if repair == Repair::NeedsKeyframe {
                assert_eq!(gave_up.replace(ms), None, "once");
            }
        }
        assert_eq!(asked, [10, 50, 130, 290, 460, 630]);
        assert_eq!(gave_up, Some(800));
        assert_eq!(list.due(), None);
    }

    #[test]
    fn a_single_packet_is_asked_for_at_once_and_kept_once_in_order() {
        let start = Instant::now();
        let mut list = NackList::new();
        assert_eq!(list.on_gap(start, 50, 2), Repair::Possible);
        for index in [30, 48, 60, 30] {
            list.add(start, index);
        }
        assert_eq!(list.due(), Some(start));
        assert_eq!(poll(&mut list, start).0, [30, 60]);
        list.on_arrival(48);
        assert_eq!(poll(&mut list, start + 10 * MS).0, [49]);
        for index in 0..2 * MAX_MISSING as u64 {
            list.add(start, 1_000 + index);
        }
        assert_eq!(list.missing.len(), MAX_MISSING);
        list.clear();
        assert_eq!(list.due(), None);
    }

    #[test]
    fn a_gap_beyond_the_bound_empties_the_list() {
        let now = Instant::now();
        let mut list = NackList::new();
        assert_eq!(list.on_gap(now, 1000, 200), Repair::Possible);
        assert_eq!(list.on_gap(now, 1100, 56), Repair::Possible);
        assert_eq!(list.missing.len(), MAX_MISSING);
        assert_eq!(list.on_gap(now, 1102, 1), Repair::NeedsKeyframe);
        assert_eq!(list.due(), None);
        assert_eq!(list.on_gap(now, u64::MAX, u64::MAX), Repair::NeedsKeyframe);
    }

    #[test]
    fn a_keyframe_makes_older_losses_moot() {
        let now = Instant::now();
        let mut list = NackList::new();
        assert_eq!(list.on_gap(now, 10, 5), Repair::Possible);
        list.forget_before(8);
        assert_eq!(poll(&mut list, now + 10 * MS).0, [8, 9]);
    }

    #[derive(Clone, Copy, Debug)]
    enum Fate {
        OnTime,
        Late(u8),
        Lost,
    }

    fn fates() -> impl Strategy<Value = Vec<Fate>> {
        let fate = prop_oneof![
            12 => Just(Fate::OnTime),
            2 => (1u8..60).prop_map(Fate::Late),
            3 => Just(Fate::Lost),
        ];
        prop::collection::vec(fate, 1..300)
    }

    proptest! {
        /// A link that loses, delays and answers requests after a round trip, losing some of the
        /// answers: everything lost is asked for, nothing that merely came late by less than the
        /// reordering time is, and nothing is asked for after it has arrived.
        #[test]
        fn repairs_a_lossy_reordering_link(
            fates in fates(),
            round_trip in 5u64..200,
            answers_lost in prop::collection::vec(any::<bool>(), 64),
        ) {
            let start = Instant::now();
            let mut window = ReceiveWindow::new();
            let mut list = NackList::new();
            // Millisecond -> sequence numbers arriving then; a packet is sent every 3 ms.
            let mut arriving: BTreeMap<u64, Vec<u16>> = BTreeMap::new();
            for (number, fate) in fates.iter().enumerate() {
                let sent = number as u64 * 3;
                let at = match fate {
                    Fate::OnTime => sent,
                    Fate::Late(ms) => sent + u64::from(*ms),
                    Fate::Lost => continue,
                };
                arriving.entry(at).or_default().push(number as u16);
            }
            let mut answers = answers_lost.iter().cycle();
            let mut arrived = BTreeSet::new();
            let mut asked: BTreeMap<u16, u64> = BTreeMap::new();
            let mut gave_up = false;
            let end = fates.len() as u64 * 3 + 3000;
            for ms in 0..end {
                let now = start + Duration::from_millis(ms);
                for sequence in arriving.remove(&ms).unwrap_or_default() {
                    arrived.insert(sequence);
                    let Ok(accepted) = window.insert(sequence) else { continue };
                    match accepted.order {
                        Order::Newest { skipped } => {
                            gave_up |= list.on_gap(now, accepted.index, skipped)
                                == Repair::NeedsKeyframe;
                        }
                        Order::First | Order::Late => list.on_arrival(accepted.index),
                    }
                }
                let (lost, repair) = poll(&mut list, now);
                gave_up |= repair == Repair::NeedsKeyframe;
                for sequence in lost {
                    prop_assert!(!arrived.contains(&sequence), "asked for what is here");
                    asked.entry(sequence).or_insert(ms);
                    if !answers.next().unwrap() {
                        arriving.entry(ms + round_trip).or_default().push(sequence);
                    }
                }
            }
            prop_assert_eq!(list.due(), None, "nothing is asked for for ever");
            let first = fates.iter().position(|fate| matches!(fate, Fate::OnTime));
            let last = fates.iter().rposition(|fate| matches!(fate, Fate::OnTime));
            if let (Some(first), Some(last)) = (first, last) {
                for (number, fate) in fates.iter().enumerate().take(last).skip(first) {
                    let sequence = number as u16;
                    if matches!(fate, Fate::Lost) && !gave_up {
                        prop_assert!(asked.contains_key(&sequence));
                        prop_assert!(arrived.contains(&sequence));
                    }
                    if let Fate::Late(ms) = fate && *ms < 10 {
                        prop_assert!(!asked.contains_key(&sequence), "only reordered");
                    }
                }
            }
        }
    }
}
