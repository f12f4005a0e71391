//! Does a slot carry what the signalled mapping says it shows?
//!
//! The mapping comes over the WebSocket, packets over UDP: around a change either may be first. So a
//! packet is right if its publisher is what the slot shows now, what it showed at some moment within
//! the last second, or what it shows within the next second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far mapping and packets may be apart.
pub const GRACE: Duration = Duration::from_secs(1);
/// Former mappings kept; more changes than this within the grace forget the oldest.
const MAX_FORMER: usize = 32;
/// Publishers waiting for their mapping at once; more are faults at once.
const MAX_PENDING: usize = 32;

#[derive(Debug)]
struct Former<S> {
    shown: Option<S>,
    until: Instant,
}

#[derive(Debug)]
struct Pending<S> {
    source: S,
    since: Instant,
    packets: u64,
}

/// `S` names a source: a participant and which of its tracks.
#[derive(Debug)]
pub struct SourceJudge<S> {
    shown: Option<S>,
    since: Instant,
    former: VecDeque<Former<S>>,
    pending: Vec<Pending<S>>,
}

impl<S: Clone + PartialEq> SourceJudge<S> {
    pub fn new(now: Instant, shown: Option<S>) -> Self {
        Self {
            shown,
            since: now,
            former: VecDeque::new(),
            pending: Vec::new(),
        }
    }

    pub fn shown(&self) -> Option<&S> {
        self.shown.as_ref()
    }

    /// When the slot began to show what it shows.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The mapping as signalled now; a repetition changes nothing. Gives the packets that were
    /// overdue.
    pub fn set_mapping(&mut self, now: Instant, shown: Option<S>) -> u64 {
        let overdue = self.expire(now);
        if self.shown != shown {
            let former = std::mem::replace(&mut self.shown, shown);
            self.former.push_back(Former {
                shown: former,
                until: now,
            });
            if self.former.len() > MAX_FORMER {
                self.former.pop_front();
            }
            self.since = now;
        }
        if let Some(shown) = &self.shown {
            self.pending.retain(|pending| pending.source != *shown);
        }
        overdue
    }

    /// A packet of `source` came. Gives the packets found to be from a wrong source by now: usually
    /// none, as judgement waits for the grace.
    pub fn packet(&mut self, now: Instant, source: &S) -> u64 {
        if self.shown.as_ref() == Some(source) {
            return 0;
        }
        let recently_shown = self.former.iter().any(|former| {
            former.shown.as_ref() == Some(source) && now.duration_since(former.until) <= GRACE
        });
        if recently_shown {
            return 0;
        }
        if let Some(pending) = self
            .pending
            .iter_mut()
            .find(|pending| pending.source == *source)
        {
            pending.packets += 1;
            return 0;
        }
        if self.pending.len() == MAX_PENDING {
            return 1;
        }
        self.pending.push(Pending {
            source: source.clone(),
            since: now,
            packets: 1,
        });
        0
    }

    /// Packets whose mapping did not come in time; each is counted once.
    pub fn expire(&mut self, now: Instant) -> u64 {
        let mut overdue = 0;
        self.pending.retain(|pending| {
            let keep = now.duration_since(pending.since) <= GRACE;
            if !keep {
                overdue += pending.packets;
            }
            keep
        });
        overdue
    }

    /// No packet waits for its mapping.
    #[cfg(test)]
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    #[test]
    fn the_mapped_source_is_right_and_another_is_not() {
        let now = Instant::now();
        let mut judge = SourceJudge::new(now, Some(1));
        assert_eq!(judge.packet(now, &1), 0);
        assert_eq!(judge.packet(now, &2), 0, "judged before the grace was over");
        assert_eq!(judge.packet(now, &2), 0);
        assert_eq!(judge.expire(now + GRACE), 0);
        assert_eq!(judge.expire(now + GRACE + STEP), 2);
        assert_eq!(judge.expire(now + GRACE + STEP), 0, "counted twice");
    }

    #[test]
    fn the_former_source_is_right_for_a_second() {
        let now = Instant::now();
        let mut judge = SourceJudge::new(now, Some(1));
        judge.set_mapping(now, Some(2));
        assert_eq!(judge.packet(now + GRACE, &1), 0);
        assert!(judge.is_settled());
        judge.packet(now + GRACE + STEP, &1);
        assert_eq!(judge.expire(now + (GRACE + STEP) * 2), 1);
    }

    #[test]
    fn the_next_source_is_right_a_second_before() {
        let now = Instant::now();
        let mut judge = SourceJudge::new(now, None);
        assert_eq!(judge.packet(now, &1), 0);
        assert_eq!(judge.set_mapping(now + GRACE, Some(1)), 0);
        assert!(judge.is_settled());
        assert_eq!(judge.packet(now + GRACE, &2), 0);
        // Its mapping comes, but too late.
        assert_eq!(judge.set_mapping(now + (GRACE + STEP) * 2, Some(2)), 1);
    }

    #[test]
    fn a_repeated_mapping_is_no_change() {
        let now = Instant::now();
        let mut judge = SourceJudge::new(now, Some(1));
        judge.set_mapping(now + GRACE, Some(1));
        assert_eq!(judge.since(), now);
        assert!(judge.former.is_empty());
    }
}
