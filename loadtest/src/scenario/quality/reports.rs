//! Sender and receiver reports with all that a congestion control looks at: shares lost, jitter,
//! round trips (RFC 3550 §6.4). Encoded through `rtc::rtcp`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use rtc::rtcp::packet::{Packet, marshal};
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use rtc::shared::error::Error;

use crate::playout::unwrap::Unwrap16;

/// Seconds between 1900 (NTP) and 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// How one stream is received.
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    clock_rate: u32,
    numbers: Unwrap16,
    first: Option<i64>,
    highest: i64,
    received: u64,
    /// Expected and received at the last report.
    reported: (u64, u64),
    /// Last packet: arrival, and timestamp.
    last: Option<(Duration, u32)>,
    /// In ticks of the clock.
    jitter: f64,
    sender_report: Option<(u32, Duration)>,
}

impl Reception {
    pub fn new(ssrc: u32, clock_rate: u32) -> Self {
        Self {
            ssrc,
            clock_rate,
            numbers: Unwrap16::default(),
            first: None,
            highest: 0,
            received: 0,
            reported: (0, 0),
            last: None,
            jitter: 0.0,
            sender_report: None,
        }
    }

    pub fn on_packet(&mut self, now: Duration, sequence: u16, timestamp: u32) {
        let number = self.numbers.extend(sequence);
        self.first.get_or_insert(number);
        self.highest = self.highest.max(number);
        self.received += 1;
        // RFC 3550 §A.8.
        if let Some((at, before)) = self.last.replace((now, timestamp)) {
            let passed = (now - at.min(now)).as_secs_f64() * f64::from(self.clock_rate);
            let shown = f64::from(timestamp.wrapping_sub(before) as i32);
            self.jitter += ((passed - shown).abs() - self.jitter) / 16.0;
        }
    }

    pub fn on_sender_report(&mut self, now: Duration, ntp: u64) {
        self.sender_report = Some(((ntp >> 16) as u32, now));
    }

    fn report(&mut self, now: Duration) -> Option<ReceptionReport> {
        let first = self.first?;
        let expected = (self.highest - first + 1) as u64;
        let (expected_before, received_before) = self.reported;
        self.reported = (expected, self.received);
        let interval = expected.saturating_sub(expected_before);
        let lost = interval.saturating_sub(self.received - received_before);
        let (last_sender_report, delay) = self.sender_report.map_or((0, 0), |(ntp, at)| {
            let since = now.saturating_sub(at);
            (ntp, (since.as_secs_f64() * 65_536.0) as u32)
        });
        Some(ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: (lost * 256).checked_div(interval).unwrap_or(0).min(255) as u8,
            total_lost: expected.saturating_sub(self.received).min(0x7F_FFFF) as u32,
            last_sequence_number: self.highest as u32,
            jitter: self.jitter as u32,
            last_sender_report,
            delay,
        })
    }
}

/// How one stream has been sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub ssrc: u32,
    pub rtp_time: u32,
    pub packets: u32,
    pub octets: u32,
}

/// A whole compound, as sent once a second.
///
/// # Errors
/// Cannot be encoded.
pub fn compound<'a>(
    now: Duration,
    own_ssrc: u32,
    cname: &str,
    sent: impl Iterator<Item = Sent>,
    received: impl Iterator<Item = &'a mut Reception>,
) -> Result<BytesMut, Error> {
    let ntp = ntp_now();
    let mut packets: Vec<Box<dyn Packet>> = sent
        .map(|sent| -> Box<dyn Packet> {
            Box::new(SenderReport {
                ssrc: sent.ssrc,
                ntp_time: ntp,
                rtp_time: sent.rtp_time,
                packet_count: sent.packets,
                octet_count: sent.octets,
                ..SenderReport::default()
            })
        })
        .collect();
    packets.push(Box::new(ReceiverReport {
        ssrc: own_ssrc,
        reports: received
            .filter_map(|reception| reception.report(now))
            .collect(),
        ..ReceiverReport::default()
    }));
    packets.push(Box::new(SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: own_ssrc,
            items: vec![SourceDescriptionItem {
                sdes_type: SdesType::SdesCname,
                text: cname.to_owned().into(),
            }],
        }],
    }));
    marshal(&packets)
}

fn ntp_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    ((since.as_secs() + NTP_OFFSET) << 32) | fraction
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::packet::unmarshal;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn shares_lost_count_from_report_to_report() {
        let mut reception = Reception::new(9, 48_000);
        for number in 0..100_u32 {
            // Across the wrap; a quarter is lost in the first half.
            let sequence = 65_500_u16.wrapping_add(number as u16);
            if number >= 50 || number % 4 != 1 {
                let at = Duration::from_millis(20 * u64::from(number));
                reception.on_packet(at, sequence, number * 960);
            }
            if number == 49 {
                let report = reception.report(SECOND).unwrap();
                // 13 of 50: 1, 5, ... 49.
                assert_eq!(report.total_lost, 12);
                assert_eq!(report.fraction_lost, (12 * 256 / 49) as u8);
            }
        }
        reception.on_sender_report(SECOND, 0x0001_0002_0003_0004);
        let report = reception.report(2 * SECOND).unwrap();
        assert_eq!(report.last_sequence_number, 65_599);
        assert_eq!(report.total_lost, 13);
        assert_eq!(
            (report.last_sender_report, report.delay),
            (0x0002_0003, 65_536)
        );
        assert!(report.jitter < 10);
    }

    #[test]
    fn a_compound_is_read_by_others() {
        let mut reception = Reception::new(9, 48_000);
        reception.on_packet(SECOND, 1, 1);
        let sent = Sent {
            ssrc: 3,
            rtp_time: 4,
            packets: 5,
            octets: 6,
        };
        let bytes = compound(
            SECOND,
            1,
            "c",
            std::iter::once(sent),
            std::iter::once(&mut reception),
        )
        .unwrap();
        let packets = unmarshal(&mut bytes.as_ref()).unwrap();
        assert_eq!(packets.len(), 3);
        let report = packets[1]
            .as_any()
            .downcast_ref::<ReceiverReport>()
            .unwrap();
        assert_eq!(report.reports.len(), 1);
    }
}
