//! A subscriber whose every byte decides: what it is sent, when, and what it says about it.

use std::time::{Duration, Instant};

use firstbell::congestion::{
    Admit, CongestionConfig, CongestionController, FeedbackKind, MAX_BPS, MAX_QUEUED, MIN_BPS,
    PacketClass, SentPacket,
};
use firstbell::wire::rtcp::{
    Arrival, CongestionFeedback, ReportBlock, StreamFeedback, TransportFeedback,
};

/// Of one [`Op::Talk`]; more would only be slow.
const MAX_ROUNDS: u8 = 60;

/// Packets sent after one timeout: a full queue, and the padding of all probes that may wait.
const MAX_DUE: usize = MAX_QUEUED + 5 * 600;

/// What a byte of the input makes happen; the numbers are the seeds' format.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Pass = 0,
    Send = 1,
    Offer = 2,
    Timeout = 3,
    Transport = 4,
    Congestion = 5,
    Report = 6,
    Remb = 7,
    Want = 8,
    Forget = 9,
    /// Packets sent, and acknowledged as a path with a queue would: reaches deep states with few
    /// bytes.
    Talk = 10,
}

const OPS: [Op; 11] = [
    Op::Pass,
    Op::Send,
    Op::Offer,
    Op::Timeout,
    Op::Transport,
    Op::Congestion,
    Op::Report,
    Op::Remb,
    Op::Want,
    Op::Forget,
    Op::Talk,
];

/// Code of a packet not received, and of one whose time follows in two bytes.
pub const NOT_RECEIVED: u8 = 255;
pub const LARGE_DELTA: u8 = 254;

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
}

struct Subscriber {
    controller: CongestionController<usize>,
    epoch: Instant,
    now: Instant,
    sequence: u64,
    /// Microseconds in a queue of the path, for [`Op::Talk`].
    queue: u64,
}

pub fn congestion(data: &[u8]) {
    let mut input = Input(data);
    let Some(kind) = input.u8() else {
        return;
    };
    let kind = match kind % 3 {
        0 => FeedbackKind::TransportWide,
        1 => FeedbackKind::CongestionControl,
        _ => FeedbackKind::Reports,
    };
    let now = Instant::now();
    let mut subscriber = Subscriber {
        controller: CongestionController::new(now, CongestionConfig::new(kind)),
        epoch: now,
        now,
        sequence: 65_000,
        queue: 0,
    };
    while subscriber.step(&mut input).is_some() {
        subscriber.check();
    }
}

impl Subscriber {
    fn check(&self) {
        let estimate = self.controller.estimate();
        assert!((MIN_BPS..=MAX_BPS).contains(&estimate.target_bps));
        assert!(estimate.target_bps <= estimate.capacity_bps);
        assert!((0.0..=1.0).contains(&estimate.loss));
        assert!(self.controller.queued() <= MAX_QUEUED);
    }

    /// `None` at the end of the input.
    fn step(&mut self, input: &mut Input<'_>) -> Option<()> {
        let op = OPS[usize::from(input.u8()?) % OPS.len()];
        match op {
            Op::Pass => self.now += Duration::from_micros(100 * u64::from(input.u16()?)),
            Op::Send => {
                let class = class(input.u8()?);
                self.send(usize::from(input.u16()?), class);
            }
            Op::Offer => {
                let class = class(input.u8()?);
                self.offer(usize::from(input.u16()?), class);
            }
            Op::Timeout => self.timeout(),
            Op::Transport => self.transport(input)?,
            Op::Congestion => self.congestion(input)?,
            Op::Report => self.report(input)?,
            Op::Remb => {
                let bps = u64::from(input.u32()?) * 1_000;
                self.controller.on_remb(self.now, bps);
            }
            Op::Want => {
                let bps = u64::from(input.u32()?);
                self.controller.set_wanted(self.now, bps);
            }
            Op::Forget => self.controller.retain_queued(|bytes| bytes % 2 == 0),
            Op::Talk => self.talk(input)?,
        }
        Some(())
    }

    fn send(&mut self, bytes: usize, class: PacketClass) {
        let packet = SentPacket {
            sequence: self.sequence,
            ssrc: class as u32,
            rtp_sequence: self.sequence as u16,
            bytes,
            class,
        };
        self.sequence += 1;
        self.controller.on_sent(self.now, packet);
    }

    fn offer(&mut self, bytes: usize, class: PacketClass) {
        match self.controller.admit(self.now, bytes, class) {
            Admit::Now => self.send(bytes, class),
            Admit::Queue => self.controller.queue(bytes, bytes, class),
            Admit::Refuse => assert_ne!(class, PacketClass::Audio),
        }
    }

    fn timeout(&mut self) {
        self.controller.handle_timeout(self.now);
        let mut sent = 0;
        while let Some(bytes) = self.controller.release(self.now) {
            self.send(bytes, PacketClass::Video);
            sent += 1;
        }
        while let Some(bytes) = self.controller.due_padding(self.now) {
            self.send(bytes, PacketClass::Padding);
            sent += 1;
        }
        assert!(sent <= MAX_DUE, "{sent} packets at once");
    }

    fn transport(&mut self, input: &mut Input<'_>) -> Option<()> {
        let base_sequence = (self.sequence as u16).wrapping_sub(input.u16()?);
        let reference_time = (input.u32()? << 8) as i32 >> 8;
        let mut arrivals = Vec::new();
        for _ in 0..input.u8()? {
            arrivals.push(match input.u8()? {
                NOT_RECEIVED => None,
                LARGE_DELTA => Some(i32::from(input.u16()? as i16)),
                delta => Some(i32::from(delta)),
            });
        }
        let feedback = TransportFeedback {
            sender_ssrc: 1,
            media_ssrc: 2,
            base_sequence,
            reference_time,
            feedback_count: 0,
            arrivals,
        };
        self.controller.on_transport_feedback(self.now, &feedback);
        Some(())
    }

    fn congestion(&mut self, input: &mut Input<'_>) -> Option<()> {
        let ssrc = u32::from(input.u8()? % 5);
        let begin_sequence = (self.sequence as u16).wrapping_sub(input.u16()?);
        let report_timestamp = input.u32()?;
        let mut arrivals = Vec::new();
        for _ in 0..input.u8()? {
            let block = input.u16()?;
            arrivals.push((block != 0).then_some(Arrival {
                ecn: (block >> 13) as u8 & 3,
                offset: Some(block & 0x1FFF),
            }));
        }
        let feedback = CongestionFeedback {
            sender_ssrc: 1,
            streams: vec![StreamFeedback {
                ssrc,
                begin_sequence,
                arrivals,
            }],
            report_timestamp,
        };
        self.controller.on_congestion_feedback(self.now, &feedback);
        Some(())
    }

    fn report(&mut self, input: &mut Input<'_>) -> Option<()> {
        let block = ReportBlock {
            ssrc: u32::from(input.u8()?),
            fraction_lost: 0,
            highest_sequence: input.u32()?,
            cumulative_lost: input.u32()? as i32,
            jitter: 0,
            last_sr: 0,
            delay_since_last_sr: 0,
        };
        let rtt = Duration::from_millis(u64::from(input.u16()?));
        let rtt = (!rtt.is_zero()).then_some(rtt);
        self.controller.on_receiver_report(self.now, &[block], rtt);
        Some(())
    }

    /// Rounds of 100 ms: ten packets, of which some get lost by a mask, each delayed by what the
    /// path's queue has grown to; then feedback about them.
    fn talk(&mut self, input: &mut Input<'_>) -> Option<()> {
        let [rounds, mask, growth, size] = input.array()?;
        for _ in 0..rounds.min(MAX_ROUNDS) {
            let first = self.sequence;
            let mut heard = Vec::new();
            for at in 0..10u32 {
                self.now += Duration::from_millis(10);
                self.timeout();
                self.offer(4 * usize::from(size), PacketClass::Video);
                // Signed: the queue may shrink.
                let change = i64::from(growth as i8) * 100;
                self.queue = self.queue.saturating_add_signed(change).min(3_000_000);
                let micros = (self.now - self.epoch).as_micros() as u64 + self.queue;
                let lost = u32::from(mask) >> (at % 8) & 1 != 0;
                heard.resize((self.sequence - first) as usize, (!lost).then_some(micros));
            }
            self.acknowledge(first, &heard);
        }
        Some(())
    }

    fn acknowledge(&mut self, first: u64, heard: &[Option<u64>]) {
        let Some(earliest) = heard.iter().flatten().min() else {
            return;
        };
        let reference = earliest / 64_000;
        let mut previous = reference * 256;
        let arrivals = heard.iter().map(|micros| {
            let tick = (*micros)? / 250;
            let delta = tick as i64 - previous as i64;
            previous = tick;
            Some(delta.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i32)
        });
        let feedback = TransportFeedback {
            sender_ssrc: 1,
            media_ssrc: 2,
            base_sequence: first as u16,
            reference_time: reference as i32,
            feedback_count: 0,
            arrivals: arrivals.collect(),
        };
        self.controller.on_transport_feedback(self.now, &feedback);
    }
}

fn class(byte: u8) -> PacketClass {
    match byte % 4 {
        0 => PacketClass::Audio,
        1 => PacketClass::Retransmission,
        2 => PacketClass::Video,
        _ => PacketClass::Padding,
    }
}
