//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): tells the node when
//! its packets arrived. Written byte by byte; two-bit status vectors only, which every reader takes.

use std::time::{Duration, Instant};

/// Between two reports, as in browsers.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// Arrivals kept for one report; more are left out.
const MAX_ARRIVALS: usize = 2048;
/// Statuses one report spans; a wider span is cut.
const MAX_SPAN: u64 = 2048;
const TICK: Duration = Duration::from_micros(250);
const REFERENCE_TICKS: u64 = 256;

#[derive(Debug)]
pub struct TransportFeedback {
    start: Instant,
    arrivals: Vec<(u64, Instant)>,
    highest: Option<u64>,
    /// First sequence number after those of the last report: what is missing from it on is lost.
    next: Option<u64>,
    count: u8,
}

impl TransportFeedback {
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            arrivals: Vec::new(),
            highest: None,
            next: None,
            count: 0,
        }
    }

    pub fn record(&mut self, now: Instant, sequence: u16) {
        let highest = *self.highest.get_or_insert((1 << 32) | u64::from(sequence));
        let step = sequence.wrapping_sub(highest as u16) as i16;
        let extended = highest.wrapping_add_signed(i64::from(step));
        self.highest = Some(highest.max(extended));
        if self.arrivals.len() < MAX_ARRIVALS {
            self.arrivals.push((extended, now));
        }
    }

    /// Everything recorded since the last report; `None`: nothing.
    pub fn write(&mut self, sender_ssrc: u32, media_ssrc: u32) -> Option<Vec<u8>> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        arrivals.sort_unstable();
        arrivals.dedup_by_key(|arrival| arrival.0);
        let (earliest, first) = *arrivals.first()?;
        let is_near = |next: &u64| *next < earliest && earliest - next < MAX_SPAN;
        let base = self.next.filter(is_near).unwrap_or(earliest);
        arrivals.retain(|(sequence, _)| sequence - base < MAX_SPAN);
        let ticks =
            |at: Instant| (at.duration_since(self.start).as_micros() / TICK.as_micros()) as u64;
        let reference = ticks(first) / REFERENCE_TICKS;
        let mut last = reference * REFERENCE_TICKS;
        let span = arrivals
            .last()
            .map_or(0, |(sequence, _)| sequence - base + 1) as usize;
        self.next = self.next.max(Some(base + span as u64));
        let mut symbols = vec![0_u16; span.next_multiple_of(7)];
        let mut deltas = Vec::new();
        for (sequence, at) in arrivals {
            let at = ticks(at);
            let delta = (at as i64 - last as i64).clamp(i64::from(i16::MIN), i64::from(i16::MAX));
            last = last.wrapping_add_signed(delta);
            let small = u8::try_from(delta);
            if let Some(symbol) = symbols.get_mut((sequence - base) as usize) {
                *symbol = if small.is_ok() { 1 } else { 2 };
            }
            match small {
                Ok(delta) => deltas.push(delta),
                Err(_) => deltas.extend_from_slice(&(delta as i16).to_be_bytes()),
            }
        }
        let mut packet = vec![0x80 | 15, 205, 0, 0];
        packet.extend_from_slice(&sender_ssrc.to_be_bytes());
        packet.extend_from_slice(&media_ssrc.to_be_bytes());
        packet.extend_from_slice(&(base as u16).to_be_bytes());
        packet.extend_from_slice(&(span as u16).to_be_bytes());
        packet
            .extend_from_slice(&(((reference as u32) << 8) | u32::from(self.count)).to_be_bytes());
        self.count = self.count.wrapping_add(1);
        for seven in symbols.chunks(7) {
            let chunk = seven.iter().fold(0, |chunk, symbol| (chunk << 2) | symbol);
            packet.extend_from_slice(&(0xC000 | chunk).to_be_bytes());
        }
        packet.append(&mut deltas);
        let padding = packet.len().next_multiple_of(4) - packet.len();
        if padding > 0 {
            packet.resize(packet.len() + padding - 1, 0);
            packet.push(padding as u8);
            packet[0] |= 0x20;
        }
        let words = (packet.len() / 4 - 1) as u16;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, TransportLayerCc};
    use rtc::shared::marshal::Unmarshal;

    use super::*;

    #[test]
    fn another_reader_understands_it() {
        let start = Instant::now();
        let mut feedback = TransportFeedback::new(start);
        assert_eq!(feedback.write(1, 2), None);
        let at = |millis| start + Duration::from_millis(millis);
        // 65535 and 2 missing; 1 came before 0; 12 long after.
        for (sequence, millis) in [(65534, 100), (1, 101), (0, 102), (3, 103), (12, 303)] {
            feedback.record(at(millis), sequence);
        }
        let bytes = feedback.write(1, 2).unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let read = TransportLayerCc::unmarshal(&mut bytes.as_slice()).unwrap();
        assert_eq!(read.base_sequence_number, 65534);
        assert_eq!(read.packet_status_count, 15);
        assert_eq!((read.sender_ssrc, read.media_ssrc), (1, 2));
        assert_eq!(read.reference_time, 1, "64 ms units");
        let symbols: Vec<u16> = read
            .packet_chunks
            .iter()
            .flat_map(|chunk| match chunk {
                PacketStatusChunk::StatusVectorChunk(chunk) => chunk.symbol_list.clone(),
                PacketStatusChunk::RunLengthChunk(_) => panic!("no run lengths are written"),
            })
            .map(|symbol| symbol as u16)
            .collect();
        assert_eq!(symbols[..15], [1, 0, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        let deltas: Vec<i64> = read.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(deltas, [36_000, 2_000, -1_000, 2_000, 200_000]);
        assert_eq!(feedback.write(1, 2), None);
        // 13 and 14 missing between two reports; then one that was reported missing comes late.
        feedback.record(at(400), 15);
        let bytes = feedback.write(1, 2).unwrap();
        let read = TransportLayerCc::unmarshal(&mut bytes.as_slice()).unwrap();
        assert_eq!(
            (read.base_sequence_number, read.packet_status_count),
            (13, 3)
        );
        assert_eq!(read.recv_deltas.len(), 1);
        feedback.record(at(410), 14);
        feedback.record(at(420), 16);
        let bytes = feedback.write(1, 2).unwrap();
        let read = TransportLayerCc::unmarshal(&mut bytes.as_slice()).unwrap();
        assert_eq!(
            (read.base_sequence_number, read.packet_status_count),
            (14, 3)
        );
    }
}
