//! What an egress stream's latest sequence numbers carried, to answer NACKs.

use super::TrackKey;
use super::picture_numbers::PictureOffsets;
use crate::media::Codec;
use std::time::{Duration, Instant};

/// Packets remembered per slot; a NACK for an older one is not answered. Covers what the packet
/// cache holds.
pub const MAX_REMEMBERED_PACKETS: u64 = 512;

/// Switches remembered; packets from before an older one are not sent again.
const MAX_REMEMBERED_RUNS: usize = 8;

/// Times between retransmissions of one packet: the round trip, within these. Before it is known,
/// the lower one.
pub const MIN_RETRANSMIT_INTERVAL: Duration = Duration::from_millis(25);
pub const MAX_RETRANSMIT_INTERVAL: Duration = Duration::from_millis(250);

/// How one source was numbered, between two switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOffsets {
    pub track: TrackKey,
    pub codec: Codec,
    pub timestamp: u32,
    pub pictures: PictureOffsets,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    egress: u64,
    ingress: u64,
    /// Count of the run; which it was among the latest.
    run: u32,
    /// Milliseconds after the history's epoch.
    retransmitted: Option<u32>,
}

/// Where to find a packet, and how to number it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub ingress: u64,
    pub run: RunOffsets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    Found(Remembered),
    Unknown,
    /// It was sent again less than a round trip ago.
    TooSoon,
}

/// Memory is taken once, with the first run.
#[derive(Debug)]
pub struct History {
    epoch: Instant,
    entries: Vec<Option<Entry>>,
    highest: Option<u64>,
    runs: [Option<RunOffsets>; MAX_REMEMBERED_RUNS],
    run: u32,
}

impl History {
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            entries: Vec::new(),
            highest: None,
            runs: [None; MAX_REMEMBERED_RUNS],
            run: 0,
        }
    }

    /// What is recorded from now on was numbered like this.
    pub fn begin(&mut self, offsets: RunOffsets) {
        if self.entries.is_empty() {
            self.entries = vec![None; MAX_REMEMBERED_PACKETS as usize];
        }
        self.run = self.run.wrapping_add(1);
        if let Some(run) = self.runs.get_mut(run_place(self.run)) {
            *run = Some(offsets);
        }
    }

    /// The packet `ingress` of the current run was sent as `egress`; `skipped` numbers before it
    /// were passed over for as many ingress packets, which may still arrive.
    pub fn record(&mut self, egress: u64, ingress: u64, skipped: u64) {
        for back in 1..=skipped.min(MAX_REMEMBERED_PACKETS - 1) {
            self.set(egress.saturating_sub(back), ingress.saturating_sub(back));
        }
        self.set(egress, ingress);
        self.highest = self.highest.max(Some(egress));
    }

    fn set(&mut self, egress: u64, ingress: u64) {
        let run = self.run;
        if let Some(entry) = self.entries.get_mut(entry_place(egress)) {
            if entry.is_some_and(|newer| newer.egress > egress) {
                return;
            }
            *entry = Some(Entry {
                egress,
                ingress,
                run,
                retransmitted: None,
            });
        }
    }

    /// Looks a lost packet up by its 16-bit sequence number, and counts it as sent again.
    pub fn recall(&mut self, now: Instant, lost: u16, round_trip: Option<Duration>) -> Recall {
        let Some(highest) = self.highest else {
            return Recall::Unknown;
        };
        let back = u64::from((highest as u16).wrapping_sub(lost));
        let Some(egress) = highest.checked_sub(back) else {
            return Recall::Unknown;
        };
        let Some(Some(entry)) = self.entries.get_mut(entry_place(egress)) else {
            return Recall::Unknown;
        };
        let forgotten = self.run.wrapping_sub(entry.run) as usize >= MAX_REMEMBERED_RUNS;
        let run = self.runs.get(run_place(entry.run)).copied().flatten();
        let Some(run) = run.filter(|_| entry.egress == egress && !forgotten) else {
            return Recall::Unknown;
        };
        let elapsed = now.saturating_duration_since(self.epoch).as_millis() as u32;
        let interval = round_trip
            .unwrap_or(MIN_RETRANSMIT_INTERVAL)
            .clamp(MIN_RETRANSMIT_INTERVAL, MAX_RETRANSMIT_INTERVAL);
        let too_soon = entry
            .retransmitted
            .is_some_and(|at| u128::from(elapsed.wrapping_sub(at)) < interval.as_millis());
        if too_soon {
            return Recall::TooSoon;
        }
        entry.retransmitted = Some(elapsed);
        Recall::Found(Remembered {
            ingress: entry.ingress,
            run,
        })
    }
}

fn entry_place(egress: u64) -> usize {
    (egress % MAX_REMEMBERED_PACKETS) as usize
}

fn run_place(run: u32) -> usize {
    run as usize % MAX_REMEMBERED_RUNS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{ParticipantId, Source};

    fn offsets(participant: u64) -> RunOffsets {
        RunOffsets {
            track: TrackKey {
                participant: ParticipantId(participant),
                source: Source::Camera,
            },
            codec: Codec::Vp8,
            timestamp: 5,
            pictures: PictureOffsets::default(),
        }
    }

    fn found(ingress: u64, participant: u64) -> Recall {
        let run = offsets(participant);
        Recall::Found(Remembered { ingress, run })
    }

    #[test]
    fn remembers_across_switches_and_gaps_and_not_beyond_its_bounds() {
        let now = Instant::now();
        let mut history = History::new(now);
        assert_eq!(history.recall(now, 0, None), Recall::Unknown);
        history.begin(offsets(1));
        history.record(65_535, 1_000, 0);
        history.record(65_538, 1_003, 2);
        history.begin(offsets(2));
        history.record(65_539, 77, 0);
        assert_eq!(history.recall(now, 65_535, None), found(1_000, 1));
        assert_eq!(history.recall(now, 1, None), found(1_002, 1));
        assert_eq!(history.recall(now, 3, None), found(77, 2));
        assert_eq!(history.recall(now, 4, None), Recall::Unknown);
        assert_eq!(history.recall(now, 65_534, None), Recall::Unknown);
        history.record(65_535 + MAX_REMEMBERED_PACKETS, 900, 0);
        assert_eq!(history.recall(now, 65_535, None), Recall::Unknown);
        history.record(80_000, 3_000, u64::MAX);
        assert_eq!(history.entries.len() as u64, MAX_REMEMBERED_PACKETS);
        assert_eq!(history.recall(now, 79_990u32 as u16, None), found(2_990, 2));
    }

    #[test]
    fn forgets_runs_beyond_the_bound() {
        let now = Instant::now();
        let mut history = History::new(now);
        for run in 0..=MAX_REMEMBERED_RUNS as u64 {
            history.begin(offsets(run));
            history.record(run, 100 + run, 0);
        }
        assert_eq!(history.recall(now, 0, None), Recall::Unknown);
        assert_eq!(history.recall(now, 1, None), found(101, 1));
    }

    #[test]
    fn a_packet_is_sent_again_at_most_once_a_round_trip() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut history = History::new(start);
        history.begin(offsets(1));
        history.record(9, 9, 0);
        let rtt = Some(ms(80));
        assert_eq!(history.recall(start, 9, rtt), found(9, 1));
        assert_eq!(history.recall(start + ms(79), 9, rtt), Recall::TooSoon);
        assert_eq!(history.recall(start + ms(80), 9, rtt), found(9, 1));
        let long = Some(ms(9_000));
        assert_eq!(history.recall(start + ms(329), 9, long), Recall::TooSoon);
        assert_eq!(history.recall(start + ms(330), 9, long), found(9, 1));
    }
}
