//! What was sent to one subscriber, and what its feedback says became of it.

use super::arrival_clock::ArrivalClock;
use super::packet_class::PacketClass;
use super::stream_index::{MAX_LOOKUP_STEPS, StreamIndex};
use crate::wire::rtcp::{CongestionFeedback, MAX_TRANSPORT_FEEDBACK_STATUSES, TransportFeedback};

/// Packets remembered; feedback about older ones is ignored. Two seconds at 10 Mbit/s. Their
/// memory, 32 kB, is taken with the first packet.
pub const MAX_SENT: usize = 2048;

/// Results that one feedback may give; what it says beyond is ignored.
pub const MAX_RESULTS: usize = MAX_TRANSPORT_FEEDBACK_STATUSES;

/// Units of feedback: 250 us in the transport-wide form, 1/1024 s in that of RFC 8888.
const TICK_MICROS: i64 = 250;
const OFFSETS_PER_SECOND: i64 = 1024;

/// Names a probe cluster; counts up from 1.
pub type ProbeId = std::num::NonZeroU32;

/// A packet as it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentPacket {
    /// Transport-wide sequence number, extended; counts up by one for each packet.
    pub sequence: u64,
    pub ssrc: u32,
    pub rtp_sequence: u16,
    /// On the wire, with what IP and UDP add: on a narrow line that is a third of the audio.
    pub bytes: usize,
    pub class: PacketClass,
}

/// What feedback said about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketResult {
    pub sequence: u64,
    pub sent_us: i64,
    pub bytes: u32,
    pub class: PacketClass,
    pub probe: Option<ProbeId>,
    /// In the receiver's clock; `None` is lost.
    pub arrival_us: Option<i64>,
    /// Feedback before this one called it lost.
    pub was_lost: bool,
    /// Bytes sent before it about which no feedback came, though feedback came about what was sent
    /// later: the feedback got lost, not they.
    pub unanswered_bytes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The place holds no packet.
    Unused,
    Pending,
    Lost,
    Received,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    sent_us: i64,
    probe: Option<ProbeId>,
    bytes: u16,
    class: PacketClass,
    fate: Fate,
}

const UNUSED: Entry = Entry {
    sent_us: 0,
    probe: None,
    bytes: 0,
    class: PacketClass::Padding,
    fate: Fate::Unused,
};

#[derive(Debug)]
pub struct SendHistory {
    /// Packet `n` at `n % MAX_SENT`, for those in `[next - MAX_SENT, next)`.
    entries: Vec<Entry>,
    next: u64,
    /// Packets below are not in flight: feedback about them or later ones has come, or they are
    /// forgotten. Never less than `next - MAX_SENT`.
    flight_start: u64,
    in_flight: u64,
    clock: ArrivalClock,
    /// Only for feedback that names streams.
    streams: Option<StreamIndex>,
}

impl SendHistory {
    pub fn new(names_streams: bool) -> Self {
        Self {
            entries: Vec::new(),
            next: 0,
            flight_start: 0,
            in_flight: 0,
            clock: ArrivalClock::default(),
            streams: names_streams.then(StreamIndex::new),
        }
    }

    /// Bytes sent about which no feedback has come.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Nothing is in flight any more: no feedback will come about what was sent so far.
    pub fn give_up_flight(&mut self) {
        self.flight_start = self.next;
        self.in_flight = 0;
    }

    pub fn packets_in_flight(&self) -> u64 {
        self.next - self.flight_start
    }

    /// When the oldest packet in flight was sent.
    pub fn oldest_in_flight_us(&self) -> Option<i64> {
        let entry = self.get(self.flight_start)?;
        Some(entry.sent_us)
    }

    /// A sequence number that does not count up is ignored.
    pub fn on_sent(&mut self, now_us: i64, packet: &SentPacket, probe: Option<ProbeId>) {
        if self.entries.is_empty() {
            self.entries = vec![UNUSED; MAX_SENT];
            self.next = packet.sequence;
            self.flight_start = packet.sequence;
        }
        if packet.sequence < self.next {
            return;
        }
        let kept_from = (packet.sequence + 1).saturating_sub(MAX_SENT as u64);
        // One step for each packet; more only after a gap, and then no more than there are places.
        while self.flight_start < kept_from.min(self.next) {
            self.leave_flight();
        }
        self.flight_start = self.flight_start.max(kept_from);
        for skipped in self.next.max(kept_from)..packet.sequence {
            self.set(skipped, UNUSED);
        }
        let bytes = packet.bytes.min(usize::from(u16::MAX)) as u16;
        self.set(
            packet.sequence,
            Entry {
                sent_us: now_us,
                probe,
                bytes,
                class: packet.class,
                fate: Fate::Pending,
            },
        );
        self.in_flight += u64::from(bytes);
        self.next = packet.sequence + 1;
        if let Some(streams) = &mut self.streams {
            streams.insert(packet.ssrc, packet.rtp_sequence, packet.sequence);
        }
    }

    /// Appends what `feedback` says, in order of sequence numbers; returns how many packets it
    /// names that are not remembered.
    pub fn on_transport_feedback(
        &mut self,
        feedback: &TransportFeedback,
        results: &mut Vec<PacketResult>,
    ) -> usize {
        let first = results.len();
        let mut arrival_us = self.clock.reference_time(feedback.reference_time);
        // What follows the last packet received is not lost: it may be on its way.
        let known = feedback.arrivals.iter().rposition(Option::is_some);
        let known = known.map_or(0, |last| last + 1);
        let mut unknown = 0;
        for (offset, arrival) in feedback.arrivals.iter().take(known).enumerate() {
            if let Some(delta) = arrival {
                arrival_us += i64::from(*delta) * TICK_MICROS;
            }
            let named = feedback.base_sequence.wrapping_add(offset as u16);
            match self.extend(named) {
                Some(sequence) => self.settle(sequence, arrival.map(|_| arrival_us), results),
                None => unknown += 1,
            }
        }
        self.answered(results.get_mut(first..).unwrap_or_default());
        unknown
    }

    /// As [`on_transport_feedback`](Self::on_transport_feedback), for feedback that names streams.
    /// The order is that of the streams.
    pub fn on_congestion_feedback(
        &mut self,
        feedback: &CongestionFeedback,
        results: &mut Vec<PacketResult>,
    ) -> usize {
        let first = results.len();
        let report_us = self.clock.report_timestamp(feedback.report_timestamp);
        let mut unknown = 0;
        for stream in &feedback.streams {
            let known = stream.arrivals.iter().rposition(Option::is_some);
            let known = known.map_or(0, |last| last + 1);
            for (offset, arrival) in stream.arrivals.iter().take(known).enumerate() {
                let arrival_us = match arrival {
                    None => None,
                    // Arrived, but when is not said: of no use to the delay-based part, and wrong
                    // as a loss.
                    Some(arrival) => match arrival.offset {
                        None => continue,
                        Some(offset) => {
                            let micros = i64::from(offset) * 1_000_000 / OFFSETS_PER_SECOND;
                            Some(report_us - micros)
                        }
                    },
                };
                let named = stream.begin_sequence.wrapping_add(offset as u16);
                match self.find(stream.ssrc, named) {
                    Some(sequence) => self.settle(sequence, arrival_us, results),
                    None => unknown += 1,
                }
            }
        }
        self.answered(results.get_mut(first..).unwrap_or_default());
        unknown
    }

    /// The packet remembered whose sequence number ends in these 16 bits.
    fn extend(&self, named: u16) -> Option<u64> {
        let highest = self.next.checked_sub(1)?;
        let back = u64::from((highest as u16).wrapping_sub(named));
        highest
            .checked_sub(back)
            .filter(|&sequence| self.get(sequence).is_some())
    }

    fn find(&self, ssrc: u32, rtp_sequence: u16) -> Option<u64> {
        let oldest = self.next.saturating_sub(MAX_SENT as u64);
        self.streams
            .as_ref()?
            .find(ssrc, rtp_sequence, oldest, MAX_LOOKUP_STEPS)
    }

    fn settle(&mut self, sequence: u64, arrival: Option<i64>, results: &mut Vec<PacketResult>) {
        if results.len() >= MAX_RESULTS {
            return;
        }
        let Some(entry) = self.get_mut(sequence) else {
            return;
        };
        let was_lost = entry.fate == Fate::Lost;
        entry.fate = match (entry.fate, arrival) {
            (Fate::Pending, None) => Fate::Lost,
            (Fate::Pending | Fate::Lost, Some(_)) => Fate::Received,
            // Said before, or taken back: the first word counts.
            (Fate::Lost, None) | (Fate::Received, _) | (Fate::Unused, _) => return,
        };
        results.push(PacketResult {
            sequence,
            sent_us: entry.sent_us,
            bytes: u32::from(entry.bytes),
            class: entry.class,
            probe: entry.probe,
            arrival_us: arrival,
            was_lost,
            unanswered_bytes: 0,
        });
    }

    /// What was sent before the latest packet received is not in flight any more.
    fn answered(&mut self, results: &mut [PacketResult]) {
        let received = |result: &&mut PacketResult| result.arrival_us.is_some();
        let latest = results.iter_mut().filter(received);
        let Some(latest) = latest.map(|result| result.sequence).max() else {
            return;
        };
        let mut unanswered = 0u32;
        while self.flight_start <= latest {
            unanswered = unanswered.saturating_add(u32::from(self.leave_flight()));
        }
        if let Some(result) = results.iter_mut().find(received) {
            result.unanswered_bytes = unanswered;
        }
    }

    /// Returns the bytes, if nothing was said about the packet.
    fn leave_flight(&mut self) -> u16 {
        let entry = self.get(self.flight_start).copied().unwrap_or(UNUSED);
        self.in_flight = self.in_flight.saturating_sub(u64::from(entry.bytes));
        self.flight_start += 1;
        match entry.fate {
            Fate::Pending => entry.bytes,
            Fate::Unused | Fate::Lost | Fate::Received => 0,
        }
    }

    fn remembers(&self, sequence: u64) -> bool {
        sequence < self.next && self.next - sequence <= MAX_SENT as u64
    }

    fn get(&self, sequence: u64) -> Option<&Entry> {
        let entry = self.entries.get(place(sequence))?;
        (self.remembers(sequence) && entry.fate != Fate::Unused).then_some(entry)
    }

    fn get_mut(&mut self, sequence: u64) -> Option<&mut Entry> {
        let remembers = self.remembers(sequence);
        let entry = self.entries.get_mut(place(sequence))?;
        (remembers && entry.fate != Fate::Unused).then_some(entry)
    }

    fn set(&mut self, sequence: u64, entry: Entry) {
        if let Some(place) = self.entries.get_mut(place(sequence)) {
            *place = entry;
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.entries.len()
    }
}

fn place(sequence: u64) -> usize {
    (sequence % MAX_SENT as u64) as usize
}

#[cfg(test)]
#[path = "send_history_tests.rs"]
mod tests;
