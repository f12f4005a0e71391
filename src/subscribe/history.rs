//! What an egress stream's latest sequence numbers carried, to answer NACKs.

use super::TrackKey;
use super::picture_numbers::PictureOffsets;
use crate::media::Codec;
use std::time::{Duration, Instant};

/// Packets remembered per slot; a NACK for an older one is not answered. Covers what the packet
/// cache holds.
pub const MAX_REMEMBERED_PACKETS: u64 = 512;

/// What a slot's memory begins with. It doubles, up to [`MAX_REMEMBERED_PACKETS`], when it would
/// forget a packet younger than [`REMEMBERED_AGE`]: a thumbnail does not take a shared screen's.
const FIRST_REMEMBERED_PACKETS: usize = 64;

/// What the packet cache keeps, and the time a NACK takes to come.
const REMEMBERED_AGE: Duration = Duration::from_millis(1500);

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
    recorded: u32,
    /// Likewise.
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

/// Memory is taken with the first run, and more of it a few times in a stream's life.
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
            self.entries = vec![None; FIRST_REMEMBERED_PACKETS];
        }
        self.run = self.run.wrapping_add(1);
        if let Some(run) = self.runs.get_mut(run_place(self.run)) {
            *run = Some(offsets);
        }
    }

    /// The packet `ingress` of the current run was sent as `egress`; `skipped` numbers before it
    /// were passed over for as many ingress packets, which may still arrive.
    pub fn record(&mut self, now: Instant, egress: u64, ingress: u64, skipped: u64) {
        let recorded = self.elapsed(now);
        for back in 1..=skipped.min(MAX_REMEMBERED_PACKETS - 1) {
            self.set(
                recorded,
                egress.saturating_sub(back),
                ingress.saturating_sub(back),
            );
        }
        self.set(recorded, egress, ingress);
        self.highest = self.highest.max(Some(egress));
    }

    fn set(&mut self, recorded: u32, egress: u64, ingress: u64) {
        let run = self.run;
        loop {
            let place = self.entry_place(egress);
            let is_largest = self.entries.len() as u64 >= MAX_REMEMBERED_PACKETS;
            let Some(entry) = self.entries.get_mut(place) else {
                return;
            };
            match entry {
                Some(newer) if newer.egress > egress => return,
                Some(older) if older.egress < egress && !is_largest && older.is_young(recorded) => {
                    self.grow();
                }
                _ => {
                    *entry = Some(Entry {
                        egress,
                        ingress,
                        run,
                        recorded,
                        retransmitted: None,
                    });
                    return;
                }
            }
        }
    }

    /// Doubles. What had a place of its own has one in the larger table too.
    fn grow(&mut self) {
        let larger = vec![None; self.entries.len() * 2];
        for entry in std::mem::replace(&mut self.entries, larger) {
            let Some(moved) = entry else { continue };
            let place = self.entry_place(moved.egress);
            if let Some(entry) = self.entries.get_mut(place) {
                *entry = Some(moved);
            }
        }
    }

    /// The table's length is a power of two.
    fn entry_place(&self, egress: u64) -> usize {
        egress as usize & self.entries.len().saturating_sub(1)
    }

    fn elapsed(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.epoch).as_millis() as u32
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
        let elapsed = self.elapsed(now);
        let place = self.entry_place(egress);
        let Some(Some(entry)) = self.entries.get_mut(place) else {
            return Recall::Unknown;
        };
        let forgotten = self.run.wrapping_sub(entry.run) as usize >= MAX_REMEMBERED_RUNS;
        let run = self.runs.get(run_place(entry.run)).copied().flatten();
        let Some(run) = run.filter(|_| entry.egress == egress && !forgotten) else {
            return Recall::Unknown;
        };
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

impl Entry {
    fn is_young(&self, elapsed: u32) -> bool {
        u128::from(elapsed.wrapping_sub(self.recorded)) < REMEMBERED_AGE.as_millis()
    }
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
        history.record(now, 65_535, 1_000, 0);
        history.record(now, 65_538, 1_003, 2);
        history.begin(offsets(2));
        history.record(now, 65_539, 77, 0);
        assert_eq!(history.recall(now, 65_535, None), found(1_000, 1));
        assert_eq!(history.recall(now, 1, None), found(1_002, 1));
        assert_eq!(history.recall(now, 3, None), found(77, 2));
        assert_eq!(history.recall(now, 4, None), Recall::Unknown);
        assert_eq!(history.recall(now, 65_534, None), Recall::Unknown);
        history.record(now, 65_535 + MAX_REMEMBERED_PACKETS, 900, 0);
        assert_eq!(history.recall(now, 65_535, None), Recall::Unknown);
        history.record(now, 80_000, 3_000, u64::MAX);
        assert_eq!(history.entries.len() as u64, MAX_REMEMBERED_PACKETS);
        assert_eq!(history.recall(now, 79_990u32 as u16, None), found(2_990, 2));
    }

    #[test]
    fn forgets_runs_beyond_the_bound() {
        let now = Instant::now();
        let mut history = History::new(now);
        for run in 0..=MAX_REMEMBERED_RUNS as u64 {
            history.begin(offsets(run));
            history.record(now, run, 100 + run, 0);
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
        history.record(start, 9, 9, 0);
        let rtt = Some(ms(80));
        assert_eq!(history.recall(start, 9, rtt), found(9, 1));
        assert_eq!(history.recall(start + ms(79), 9, rtt), Recall::TooSoon);
        assert_eq!(history.recall(start + ms(80), 9, rtt), found(9, 1));
        let long = Some(ms(9_000));
        assert_eq!(history.recall(start + ms(329), 9, long), Recall::TooSoon);
        assert_eq!(history.recall(start + ms(330), 9, long), found(9, 1));
    }

    /// Sends one packet each `gap`; gives the entries after, with all of the last second and a half
    /// remembered all the way.
    fn entries_after(gap: Duration, packets: u64) -> usize {
        let start = Instant::now();
        let mut history = History::new(start);
        history.begin(offsets(1));
        for number in 0..packets {
            let now = start + gap * number as u32;
            history.record(now, number, 1_000 + number, 0);
            let young = (REMEMBERED_AGE.as_micros() / gap.as_micros()) as u64;
            let back = (young - 1).min(number).min(MAX_REMEMBERED_PACKETS - 1);
            let oldest = number - back;
            let found = history.recall(now, oldest as u16, None);
            assert!(found != Recall::Unknown, "{oldest} of {number}");
        }
        history.entries.len()
    }

    #[test]
    fn memory_is_as_large_as_the_rate_needs() {
        for (a_second, entries) in [(20, 64), (80, 128), (250, 512), (2_000, 512)] {
            let gap = Duration::from_secs(1) / a_second;
            assert_eq!(entries_after(gap, 3_000), entries, "{a_second} a second");
        }
    }

    #[test]
    fn a_burst_does_not_drive_out_what_is_young() {
        let start = Instant::now();
        let mut history = History::new(start);
        history.begin(offsets(1));
        for number in 0..60 {
            let now = start + Duration::from_millis(20 * number);
            history.record(now, number, number, 0);
        }
        let now = start + Duration::from_millis(1_200);
        for number in 60..160 {
            history.record(now, number, number, 0);
        }
        assert_eq!(history.recall(now, 0, None), found(0, 1));
        assert_eq!(history.recall(now, 159, None), found(159, 1));
    }
}
