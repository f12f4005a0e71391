//! Sender and receiver reports (RFC 3550 §6.4).

use super::reader::Reader;
use super::{MAX_COUNT, RtcpError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderReport {
    pub ssrc: u32,
    /// Wall clock, 32.32 fixed point seconds since 1900.
    pub ntp: u64,
    /// The same instant in the stream's clock.
    pub rtp_timestamp: u32,
    pub packet_count: u32,
    /// Payload bytes.
    pub octet_count: u32,
    /// At most [`MAX_COUNT`] are written.
    pub reports: Vec<ReportBlock>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverReport {
    pub ssrc: u32,
    /// At most [`MAX_COUNT`] are written.
    pub reports: Vec<ReportBlock>,
}

/// How one stream arrives (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning, 24 bits; negative after duplicates. Written clamped.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with the cycle count in the upper half.
    pub highest_sequence: u32,
    /// In units of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP timestamp of the last sender report, 0 before the first.
    pub last_sr: u32,
    /// Since that report came, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

const MAX_CUMULATIVE_LOST: i32 = (1 << 23) - 1;

impl SenderReport {
    pub(super) fn parse(reader: &mut Reader<'_>, count: usize) -> Result<Self, RtcpError> {
        Ok(Self {
            ssrc: reader.u32()?,
            ntp: reader.u64()?,
            rtp_timestamp: reader.u32()?,
            packet_count: reader.u32()?,
            octet_count: reader.u32()?,
            reports: parse_reports(reader, count)?,
        })
    }

    /// Appends the body and returns the count field.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend(self.ssrc.to_be_bytes());
        out.extend(self.ntp.to_be_bytes());
        out.extend(self.rtp_timestamp.to_be_bytes());
        out.extend(self.packet_count.to_be_bytes());
        out.extend(self.octet_count.to_be_bytes());
        write_reports(&self.reports, out)
    }
}

impl ReceiverReport {
    pub(super) fn parse(reader: &mut Reader<'_>, count: usize) -> Result<Self, RtcpError> {
        Ok(Self {
            ssrc: reader.u32()?,
            reports: parse_reports(reader, count)?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend(self.ssrc.to_be_bytes());
        write_reports(&self.reports, out)
    }
}

fn parse_reports(reader: &mut Reader<'_>, count: usize) -> Result<Vec<ReportBlock>, RtcpError> {
    // Five bits, so at most MAX_COUNT. What follows the blocks is a profile's extension.
    (0..count).map(|_| ReportBlock::parse(reader)).collect()
}

fn write_reports(reports: &[ReportBlock], out: &mut Vec<u8>) -> u8 {
    let reports = reports.iter().take(MAX_COUNT);
    let count = reports.len() as u8;
    for report in reports {
        report.write(out);
    }
    count
}

impl ReportBlock {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        Ok(Self {
            ssrc: reader.u32()?,
            fraction_lost: reader.u8()?,
            cumulative_lost: reader.i24()?,
            highest_sequence: reader.u32()?,
            jitter: reader.u32()?,
            last_sr: reader.u32()?,
            delay_since_last_sr: reader.u32()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self
            .cumulative_lost
            .clamp(-MAX_CUMULATIVE_LOST - 1, MAX_CUMULATIVE_LOST);
        let [_, l0, l1, l2] = lost.to_be_bytes();
        out.extend(self.ssrc.to_be_bytes());
        out.extend([self.fraction_lost, l0, l1, l2]);
        out.extend(self.highest_sequence.to_be_bytes());
        out.extend(self.jitter.to_be_bytes());
        out.extend(self.last_sr.to_be_bytes());
        out.extend(self.delay_since_last_sr.to_be_bytes());
    }
}
