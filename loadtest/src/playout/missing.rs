//! Which packets of a stream are missing, when to ask for them, and when to give them up.

use std::collections::BTreeMap;
use std::time::Duration;

/// A packet is asked for as soon as it is missed, and then at the first of these after a round
/// trip, as browsers do.
const TICK: Duration = Duration::from_millis(20);
/// Requests for one packet, as browsers send them.
const MAX_REQUESTS: u8 = 10;
/// Missing at once; more mean that only a keyframe helps, and all are given up.
const MAX_MISSING: usize = 1_000;
/// Until a retransmission has come.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
struct Missing {
    due: Duration,
    requests: u8,
    asked: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct MissingPackets {
    highest: Option<i64>,
    missing: BTreeMap<i64, Missing>,
    round_trip: Duration,
    pub requested: u64,
    pub recovered: u64,
    pub given_up: u64,
}

impl Default for MissingPackets {
    fn default() -> Self {
        Self {
            highest: None,
            missing: BTreeMap::new(),
            round_trip: FIRST_ROUND_TRIP,
            requested: 0,
            recovered: 0,
            given_up: 0,
        }
    }
}

impl MissingPackets {
    /// A packet came, by whichever way. `false`: too many were missing and are given up.
    pub fn on_packet(&mut self, now: Duration, number: i64, by_retransmission: bool) -> bool {
        if let Some(missing) = self.missing.remove(&number) {
            self.recovered += 1;
            if let Some(asked) = missing.asked.filter(|_| by_retransmission)
                && missing.requests == 1
            {
                let sample = now.saturating_sub(asked);
                self.round_trip = (self.round_trip * 7 + sample) / 8;
            }
        }
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return true;
        };
        if number <= highest {
            return true;
        }
        self.highest = Some(number);
        let gap = (number - highest - 1) as usize;
        if self.missing.len() + gap > MAX_MISSING {
            self.given_up += self.missing.len() as u64 + gap as u64;
            self.missing.clear();
            return false;
        }
        for lost in highest + 1..number {
            self.missing.insert(
                lost,
                Missing {
                    due: now,
                    requests: 0,
                    asked: None,
                },
            );
        }
        true
    }

    /// Nothing before this one is needed any more.
    pub fn forget_before(&mut self, number: i64) {
        self.missing = self.missing.split_off(&number);
    }

    /// Numbers to ask for now; `true` when some were given up instead.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<u16>) -> bool {
        let ticks = self.round_trip.as_micros() / TICK.as_micros() + 1;
        let (before, wait) = (self.given_up, TICK * ticks as u32);
        let (given_up, requested) = (&mut self.given_up, &mut self.requested);
        self.missing.retain(|number, missing| {
            if missing.due > now {
                return true;
            }
            if missing.requests == MAX_REQUESTS {
                *given_up += 1;
                return false;
            }
            missing.requests += 1;
            missing.asked = Some(now);
            missing.due = now + wait;
            *requested += 1;
            out.push(*number as u16);
            true
        });
        self.given_up > before
    }

    pub fn next_due(&self) -> Option<Duration> {
        self.missing.values().map(|missing| missing.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ask(packets: &mut MissingPackets, now: Duration) -> Vec<u16> {
        let mut out = Vec::new();
        packets.poll(now, &mut out);
        out
    }

    #[test]
    fn gaps_are_asked_for_until_they_close() {
        let mut packets = MissingPackets::default();
        assert!(packets.on_packet(Duration::ZERO, 10, false));
        assert!(packets.on_packet(MS, 14, false));
        packets.on_packet(MS, 12, false);
        assert_eq!(packets.next_due(), Some(MS));
        assert_eq!(ask(&mut packets, MS), [11, 13]);
        packets.on_packet(41 * MS, 13, true);
        assert!(packets.round_trip < FIRST_ROUND_TRIP);
        // One tick more than the hundred that were expected when it was asked for.
        assert!(ask(&mut packets, 120 * MS).is_empty());
        assert_eq!(ask(&mut packets, 121 * MS), [11]);
        assert_eq!(packets.next_due(), Some(221 * MS), "93 ms and a tick");
        packets.on_packet(170 * MS, 11, true);
        assert_eq!(packets.next_due(), None);
        assert_eq!((packets.requested, packets.recovered), (3, 3));
    }

    #[test]
    fn asking_ends_and_a_keyframe_makes_it_needless() {
        let mut packets = MissingPackets::default();
        packets.on_packet(Duration::ZERO, 0, false);
        packets.on_packet(Duration::ZERO, 2, false);
        packets.on_packet(Duration::ZERO, 9, false);
        packets.forget_before(8);
        let mut out = Vec::new();
        let mut gave_up = false;
        for tick in 0..500 {
            gave_up |= packets.poll(tick * 10 * MS, &mut out);
        }
        assert!(gave_up);
        assert_eq!(out, [8; MAX_REQUESTS as usize]);
        assert_eq!(packets.given_up, 1);
    }

    #[test]
    fn a_gap_beyond_repair_is_not_asked_for() {
        let mut packets = MissingPackets::default();
        packets.on_packet(Duration::ZERO, 0, false);
        assert!(!packets.on_packet(Duration::ZERO, 5_000, false));
        assert_eq!(packets.next_due(), None);
        assert_eq!(packets.highest, Some(5_000));
    }
}
