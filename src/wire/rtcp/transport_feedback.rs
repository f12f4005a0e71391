//! Transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use std::time::Duration;

use super::RtcpError;
use super::reader::Reader;

/// Packets one feedback reports on. A few bytes can announce 65,535 statuses; more than this is
/// refused on reading, and left out on writing. At 100 ms it is 20,480 packets/s.
pub const MAX_TRANSPORT_FEEDBACK_STATUSES: usize = 2048;

/// Unit of [`TransportFeedback::reference_time`].
pub const REFERENCE_TIME_UNIT: Duration = Duration::from_millis(64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportFeedback {
    pub sender_ssrc: u32,
    pub media_ssrc: u32,
    /// Transport-wide sequence number of the first of `arrivals`.
    pub base_sequence: u16,
    /// In 64 ms, 24 bits, from an arbitrary epoch.
    pub reference_time: i32,
    /// Counts the feedback packets.
    pub feedback_count: u8,
    /// One for each sequence number from `base_sequence`: `None` is not received; else the time
    /// since the previous received packet, for the first since the reference time, in 250 us.
    /// Writing clamps it to 16 bits (8 s): whoever builds feedback begins a new one before that.
    pub arrivals: Vec<Option<i32>>,
}

/// Packet status symbols (§3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    NotReceived,
    SmallDelta,
    LargeDelta,
}

impl Status {
    fn from_bits(bits: u16) -> Result<Self, RtcpError> {
        match bits {
            0 => Ok(Status::NotReceived),
            1 => Ok(Status::SmallDelta),
            2 => Ok(Status::LargeDelta),
            _ => Err(RtcpError::ReservedStatus),
        }
    }

    fn to_bits(self) -> u16 {
        match self {
            Status::NotReceived => 0,
            Status::SmallDelta => 1,
            Status::LargeDelta => 2,
        }
    }

    fn of(arrival: Option<i32>) -> Self {
        match arrival {
            None => Status::NotReceived,
            Some(0..=255) => Status::SmallDelta,
            Some(_) => Status::LargeDelta,
        }
    }
}

const VECTOR_FLAG: u16 = 0x8000;
const TWO_BIT_FLAG: u16 = 0x4000;
const RUN_LENGTH_MASK: u16 = 0x1FFF;
const ONE_BIT_SYMBOLS: usize = 14;
const TWO_BIT_SYMBOLS: usize = 7;

impl TransportFeedback {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, RtcpError> {
        let sender_ssrc = reader.u32()?;
        let media_ssrc = reader.u32()?;
        let base_sequence = reader.u16()?;
        let count = usize::from(reader.u16()?);
        let reference_time = reader.i24()?;
        let feedback_count = reader.u8()?;
        if count > MAX_TRANSPORT_FEEDBACK_STATUSES {
            return Err(RtcpError::TooManyStatuses);
        }
        let statuses = parse_statuses(reader, count)?;
        let arrivals = statuses
            .into_iter()
            .map(|status| {
                Ok(match status {
                    Status::NotReceived => None,
                    Status::SmallDelta => Some(i32::from(reader.u8()?)),
                    Status::LargeDelta => Some(i32::from(reader.u16()? as i16)),
                })
            })
            .collect::<Result<_, RtcpError>>()?;
        Ok(Self {
            sender_ssrc,
            media_ssrc,
            base_sequence,
            reference_time,
            feedback_count,
            arrivals,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let kept = self.arrivals.len().min(MAX_TRANSPORT_FEEDBACK_STATUSES);
        let arrivals = self.arrivals.get(..kept).unwrap_or_default();
        let [_, r0, r1, r2] = self.reference_time.to_be_bytes();
        out.extend(self.sender_ssrc.to_be_bytes());
        out.extend(self.media_ssrc.to_be_bytes());
        out.extend(self.base_sequence.to_be_bytes());
        out.extend((kept as u16).to_be_bytes());
        out.extend([r0, r1, r2, self.feedback_count]);
        let statuses: Vec<Status> = arrivals
            .iter()
            .map(|arrival| Status::of(*arrival))
            .collect();
        write_statuses(&statuses, out);
        for delta in arrivals.iter().flatten() {
            match u8::try_from(*delta) {
                Ok(small) => out.push(small),
                Err(_) => {
                    let large = (*delta).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
                    out.extend(large.to_be_bytes());
                }
            }
        }
    }
}

fn parse_statuses(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Status>, RtcpError> {
    let mut statuses = Vec::with_capacity(count);
    while statuses.len() < count {
        let left = count - statuses.len();
        let chunk = reader.u16()?;
        if chunk & VECTOR_FLAG == 0 {
            let status = Status::from_bits(chunk >> 13)?;
            // A run of 0 makes no progress, but each chunk takes two of the packet's bytes.
            let run = usize::from(chunk & RUN_LENGTH_MASK).min(left);
            statuses.extend(std::iter::repeat_n(status, run));
            continue;
        }
        let (symbols, width) = match chunk & TWO_BIT_FLAG {
            0 => (ONE_BIT_SYMBOLS, 1),
            _ => (TWO_BIT_SYMBOLS, 2),
        };
        for symbol in 0..symbols.min(left) {
            let shift = ONE_BIT_SYMBOLS - width * (symbol + 1);
            let bits = (chunk >> shift) & ((1 << width) - 1);
            statuses.push(Status::from_bits(bits)?);
        }
    }
    Ok(statuses)
}

fn write_statuses(mut statuses: &[Status], out: &mut Vec<u8>) {
    while let Some(&first) = statuses.first() {
        let run = statuses
            .iter()
            .take_while(|&&status| status == first)
            .count();
        let run = run.min(usize::from(RUN_LENGTH_MASK));
        let window = |len: usize| statuses.get(..statuses.len().min(len)).unwrap_or_default();
        let one_bit = window(ONE_BIT_SYMBOLS);
        let fits_one_bit = !one_bit.contains(&Status::LargeDelta);
        // The vector that fits says how long a run must be to be the shorter form.
        let (vector, width, flags) = match fits_one_bit {
            true => (one_bit, 1, VECTOR_FLAG),
            false => (window(TWO_BIT_SYMBOLS), 2, VECTOR_FLAG | TWO_BIT_FLAG),
        };
        let (chunk, taken) = if run >= vector.len() {
            (first.to_bits() << 13 | run as u16, run)
        } else {
            let bits = vector.iter().enumerate().fold(0, |bits, (symbol, status)| {
                bits | status.to_bits() << (ONE_BIT_SYMBOLS - width * (symbol + 1))
            });
            (flags | bits, vector.len())
        };
        out.extend(chunk.to_be_bytes());
        statuses = statuses.get(taken..).unwrap_or_default();
    }
}
