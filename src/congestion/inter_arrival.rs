//! Packets sent together, taken as one group: how much longer the next group took than the last.
//!
//! Follows libwebrtc's `InterArrivalDelta`: what was sent within 5 ms is one group, and so is a
//! burst that arrives closer than it was sent (a radio link hands over what it held back).

/// What is sent within this is one group.
const GROUP_MICROS: i64 = 5_000;
/// A burst: packets arriving this close, though sent further apart, as long as the group does not
/// get longer than [`MAX_BURST_MICROS`].
const BURST_GAP_MICROS: i64 = 5_000;
const MAX_BURST_MICROS: i64 = 100_000;
/// The receiver's clock was set: arrivals moved by this against our clock.
const MAX_CLOCK_STEP_MICROS: i64 = 3_000_000;
/// Groups in sequence that arrive before the one sent before them: the clock was set back.
const MAX_REORDERED_GROUPS: u32 = 3;

/// Between two groups, in their order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupDelta {
    pub sent_us: i64,
    pub arrival_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent_us: i64,
    last_sent_us: i64,
    first_arrival_us: i64,
    last_arrival_us: i64,
    /// When the feedback about its last packet came.
    told_us: i64,
}

#[derive(Debug, Default)]
pub struct InterArrival {
    previous: Option<Group>,
    current: Option<Group>,
    reordered: u32,
}

impl InterArrival {
    /// One packet, by arrival; gives the difference between the two groups before it when it begins
    /// a third one.
    pub fn on_packet(&mut self, now_us: i64, sent_us: i64, arrival_us: i64) -> Option<GroupDelta> {
        let alone = Group {
            first_sent_us: sent_us,
            last_sent_us: sent_us,
            first_arrival_us: arrival_us,
            last_arrival_us: arrival_us,
            told_us: now_us,
        };
        let Some(mut group) = self.current else {
            self.current = Some(alone);
            return None;
        };
        if sent_us < group.first_sent_us {
            return None; // reordered
        }
        if group.takes(sent_us, arrival_us) {
            group.last_sent_us = group.last_sent_us.max(sent_us);
            group.last_arrival_us = arrival_us;
            group.told_us = now_us;
            self.current = Some(group);
            return None;
        }
        let delta = self.previous.map(|previous| self.between(previous, group));
        if let Some(Step::ClockWasSet) = delta {
            *self = Self::default();
            return None;
        }
        if let Some(Step::Reordered) = delta {
            return None;
        }
        self.previous = Some(group);
        self.current = Some(alone);
        match delta {
            Some(Step::Delta(delta)) => Some(delta),
            _ => None,
        }
    }

    fn between(&mut self, previous: Group, group: Group) -> Step {
        let arrival_us = group.last_arrival_us - previous.last_arrival_us;
        if arrival_us - (group.told_us - previous.told_us) >= MAX_CLOCK_STEP_MICROS {
            return Step::ClockWasSet;
        }
        if arrival_us < 0 {
            self.reordered += 1;
            return match self.reordered < MAX_REORDERED_GROUPS {
                true => Step::Reordered,
                false => Step::ClockWasSet,
            };
        }
        self.reordered = 0;
        Step::Delta(GroupDelta {
            sent_us: group.last_sent_us - previous.last_sent_us,
            arrival_us,
        })
    }
}

enum Step {
    Delta(GroupDelta),
    Reordered,
    ClockWasSet,
}

impl Group {
    fn takes(&self, sent_us: i64, arrival_us: i64) -> bool {
        self.is_burst(sent_us, arrival_us) || sent_us - self.first_sent_us <= GROUP_MICROS
    }

    fn is_burst(&self, sent_us: i64, arrival_us: i64) -> bool {
        let sent_gap = sent_us - self.last_sent_us;
        let arrival_gap = arrival_us - self.last_arrival_us;
        sent_gap == 0
            || arrival_gap < sent_gap
                && arrival_gap <= BURST_GAP_MICROS
                && arrival_us - self.first_arrival_us < MAX_BURST_MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds (sent, arrival) in milliseconds, told at once.
    fn deltas(packets: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut groups = InterArrival::default();
        packets
            .iter()
            .filter_map(|&(sent, arrival)| {
                groups.on_packet(arrival * 1_000, sent * 1_000, arrival * 1_000)
            })
            .map(|delta| (delta.sent_us / 1_000, delta.arrival_us / 1_000))
            .collect()
    }

    #[test]
    fn groups_are_compared_from_the_third_on() {
        let packets = [(0, 50), (3, 60), (20, 80), (25, 90), (40, 110), (60, 130)];
        assert_eq!(deltas(&packets), [(22, 30), (15, 20)]);
    }

    #[test]
    fn what_left_at_once_is_one_group_however_long_it_takes() {
        let packets = [(0, 50), (0, 90), (0, 130), (200, 300), (400, 500)];
        assert_eq!(deltas(&packets), [(200, 170)]);
    }

    #[test]
    fn a_burst_held_back_is_one_group() {
        let packets = [
            (0, 50),
            (20, 100),
            (40, 101),
            (60, 102),
            (80, 130),
            (100, 150),
        ];
        assert_eq!(deltas(&packets), [(60, 52), (20, 28)]);
    }

    #[test]
    fn a_packet_of_an_earlier_group_is_left_out() {
        let packets = [(0, 50), (20, 70), (10, 71), (40, 90), (60, 110)];
        assert_eq!(deltas(&packets), [(20, 20), (20, 20)]);
    }

    #[test]
    fn a_clock_that_was_set_starts_over() {
        let mut groups = InterArrival::default();
        let mut told = 0;
        for n in 0..10i64 {
            let step = if n >= 5 { 10_000_000 } else { 0 };
            let delta = groups.on_packet(n * 20_000, n * 20_000, n * 20_000 + step);
            assert!(delta.is_none_or(|delta| delta.arrival_us == 20_000));
            told += usize::from(delta.is_some());
        }
        assert_eq!(told, 5);
    }
}
