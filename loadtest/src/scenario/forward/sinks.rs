//! The subscribers' ends. Unread: the kernel fills small buffers and drops the rest, so that what
//! is left is the sender's cost; a segmented send stays in one piece, as it would on its way to a
//! network card. Read: one thread takes everything, checks that sequence numbers go on, and opens a
//! sample to see that bytes are whole and how long they took.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;

use crate::client::rtp::Rtp;

use super::gcm::Gcm;
use super::ideal::{extend, header_len};
use super::traffic::check;
use super::udp::{ReceiveBatch, set_gro, set_receive_buffer, set_timestamps};
use crate::report::delays;

/// Messages of one receiving call.
const MESSAGES: usize = 32;
/// Between two rounds over all sockets.
const ROUND: Duration = Duration::from_micros(500);
const IDLE: Duration = Duration::from_millis(2);
/// A full second and more of one subscriber's packets.
const READ_BUFFER: usize = 32 * 1024 * 1024;
/// A few dozen packets.
const UNREAD_BUFFER: usize = 32 * 1024;
/// One packet in so many of a stream is opened.
const SAMPLE: u16 = 32;
/// Times the sequence number may have wrapped while nobody read.
const MAX_ROLL_OVERS: u64 = 4096;

/// One subscriber's end.
pub struct Sink {
    pub socket: Arc<UdpSocket>,
    /// Where the node sends from.
    pub node: SocketAddrV4,
    pub inbound: Gcm,
    /// SSRC and whether it is video.
    pub slots: Vec<(u32, bool)>,
}

#[derive(Default)]
struct Shared {
    reading: AtomicBool,
    /// The thread has seen that it shall not read.
    resting: AtomicBool,
    ending: AtomicBool,
    /// Raised with each stretch of reading.
    stretch: AtomicU32,
    packets: AtomicU64,
    missing: AtomicU64,
    repeated: AtomicU64,
    corrupted: AtomicU64,
    sampled: AtomicU64,
    foreign: AtomicU64,
    delay: Mutex<Option<Histogram<u64>>>,
}

/// What was read in a stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// RTP of the node's slots and of the ideal forwarder.
    pub packets: u64,
    /// Gaps in sequence numbers.
    pub missing: u64,
    pub repeated: u64,
    /// Sampled packets that did not open or were not as sent.
    pub corrupted: u64,
    pub sampled: u64,
}

impl Counts {
    pub fn since(self, before: Self) -> Self {
        Self {
            packets: self.packets - before.packets,
            missing: self.missing.saturating_sub(before.missing),
            repeated: self.repeated - before.repeated,
            corrupted: self.corrupted - before.corrupted,
            sampled: self.sampled - before.sampled,
        }
    }
}

pub struct Sinks {
    sockets: Vec<Arc<UdpSocket>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    drain: ReceiveBatch,
}

impl Sinks {
    /// # Errors
    /// The kernel refuses GRO, or a thread.
    pub fn start(sinks: Vec<Sink>) -> anyhow::Result<Self> {
        let sockets: Vec<_> = sinks.iter().map(|sink| sink.socket.clone()).collect();
        for socket in &sockets {
            set_gro(socket.as_raw_fd(), true)?;
        }
        let shared = Arc::new(Shared::default());
        let mut reader = Reader {
            ends: sinks.into_iter().map(End::new).collect(),
            shared: shared.clone(),
            batch: ReceiveBatch::new(MESSAGES),
            stretch: 0,
        };
        let thread = std::thread::Builder::new()
            .name("sinks".into())
            .spawn(move || reader.run())?;
        Ok(Self {
            sockets,
            shared,
            thread: Some(thread),
            drain: ReceiveBatch::new(MESSAGES),
        })
    }

    /// Where the subscribers receive, on this machine.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn addresses(&self) -> anyhow::Result<Vec<SocketAddrV4>> {
        let address = |socket: &Arc<UdpSocket>| {
            let port = socket.local_addr()?.port();
            Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
        };
        self.sockets.iter().map(address).collect()
    }

    /// Leaves the sockets alone, with small buffers.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn leave_unread(&mut self) -> anyhow::Result<()> {
        self.rest();
        for socket in &self.sockets {
            set_receive_buffer(socket.as_raw_fd(), UNREAD_BUFFER)?;
        }
        Ok(())
    }

    /// Reads from now on; what is queued is thrown away.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn read(&mut self) -> anyhow::Result<()> {
        self.rest();
        for socket in &self.sockets {
            set_receive_buffer(socket.as_raw_fd(), READ_BUFFER)?;
            while self.drain.receive(socket.as_raw_fd()) > 0 {}
        }
        self.shared.stretch.fetch_add(1, Ordering::Relaxed);
        self.shared.resting.store(false, Ordering::Release);
        self.shared.reading.store(true, Ordering::Release);
        Ok(())
    }

    fn rest(&mut self) {
        self.shared.reading.store(false, Ordering::Release);
        while !self.shared.resting.load(Ordering::Acquire) {
            std::thread::sleep(IDLE);
        }
    }

    /// Begins (anew) to measure how long sampled packets took, or stops.
    ///
    /// # Errors
    /// The kernel refuses timestamps.
    pub fn measure_delay(&mut self, on: bool) -> anyhow::Result<()> {
        for socket in &self.sockets {
            set_timestamps(socket.as_raw_fd(), on)?;
        }
        *self
            .shared
            .delay
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = on.then(delays);
        Ok(())
    }

    /// Takes what was measured since [`Self::measure_delay`], and begins anew.
    pub fn take_delay(&mut self) -> Option<Histogram<u64>> {
        let mut delay = self
            .shared
            .delay
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        delay
            .as_mut()
            .map(|taken| std::mem::replace(taken, delays()))
    }

    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            packets: of(&self.shared.packets),
            missing: of(&self.shared.missing),
            repeated: of(&self.shared.repeated),
            corrupted: of(&self.shared.corrupted),
            sampled: of(&self.shared.sampled),
        }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How far one stream has come.
struct Place {
    /// Roll-over counter and sequence number; the counter is right once `is_certain`.
    last: u64,
    is_certain: bool,
    /// Of which stretch of reading.
    stretch: u32,
}

struct End {
    sink: Sink,
    places: FxHashMap<u32, Place>,
}

struct Reader {
    ends: Vec<End>,
    shared: Arc<Shared>,
    batch: ReceiveBatch,
    stretch: u32,
}

/// What one round found, added to the shared counters at its end.
#[derive(Default)]
struct Round {
    counts: Counts,
    foreign: u64,
    delays_us: Vec<u64>,
}

impl Reader {
    fn run(&mut self) {
        super::cpu::sleep_exactly();
        while !self.shared.ending.load(Ordering::Acquire) {
            if self.shared.reading.load(Ordering::Acquire) {
                self.stretch = self.shared.stretch.load(Ordering::Relaxed);
                let round = self.round();
                self.publish(&round);
                std::thread::sleep(ROUND);
            } else {
                self.shared.resting.store(true, Ordering::Release);
                std::thread::sleep(IDLE);
            }
        }
    }

    fn round(&mut self) -> Round {
        let mut round = Round::default();
        for end in &mut self.ends {
            loop {
                let messages = self.batch.receive(end.sink.socket.as_raw_fd());
                for index in 0..messages {
                    let Some(message) = self.batch.message(index) else {
                        continue;
                    };
                    let is_node = message.from == end.sink.node;
                    for packet in message.bytes.chunks_mut(message.segment) {
                        end.take(
                            packet,
                            is_node,
                            message.arrived_ns,
                            self.stretch,
                            &mut round,
                        );
                    }
                }
                if messages < MESSAGES {
                    break;
                }
            }
        }
        round
    }

    fn publish(&self, round: &Round) {
        let add = |counter: &AtomicU64, more| counter.fetch_add(more, Ordering::Relaxed);
        add(&self.shared.packets, round.counts.packets);
        add(&self.shared.missing, round.counts.missing);
        add(&self.shared.repeated, round.counts.repeated);
        add(&self.shared.corrupted, round.counts.corrupted);
        add(&self.shared.sampled, round.counts.sampled);
        add(&self.shared.foreign, round.foreign);
        if round.delays_us.is_empty() {
            return;
        }
        let mut delay = self
            .shared
            .delay
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(delay) = delay.as_mut() {
            for us in &round.delays_us {
                delay.saturating_record(*us);
            }
        }
    }
}

impl End {
    fn new(sink: Sink) -> Self {
        Self {
            sink,
            places: FxHashMap::default(),
        }
    }

    fn take(
        &mut self,
        packet: &mut [u8],
        is_node: bool,
        arrived_ns: Option<u64>,
        stretch: u32,
        round: &mut Round,
    ) {
        // STUN and RTCP are not counted (RFC 7983, RFC 5761 §4).
        if !matches!(packet, [128..=191, second, _, _, ..] if !(192..=223).contains(second)) {
            return;
        }
        let (Some(number), Some(ssrc)) = (packet.get(2..4), packet.get(8..12)) else {
            round.foreign += 1;
            return;
        };
        let sequence = u16::from_be_bytes([number[0], number[1]]);
        let ssrc = u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]);
        let slot = self.sink.slots.iter().find(|(slot, _)| *slot == ssrc);
        let is_video = match slot {
            Some((_, is_video)) => Some(*is_video),
            None if !is_node => None,
            // Retransmissions: nobody here asks for any.
            None => {
                round.foreign += 1;
                return;
            }
        };
        round.counts.packets += 1;
        let place = self.places.entry(ssrc).or_insert(Place {
            last: u64::from(sequence),
            is_certain: false,
            stretch: 0,
        });
        place.advance(sequence, stretch, &mut round.counts);
        if let Some(is_video) = is_video
            && sequence.is_multiple_of(SAMPLE)
        {
            round.counts.sampled += 1;
            let opened = place.open(&self.sink.inbound, ssrc, packet);
            match opened.and_then(|payload| check(is_video, payload)) {
                Some(stamp) => {
                    let delay = arrived_ns.map(|at| at.saturating_sub(stamp.sent_ns) / 1000);
                    round.delays_us.extend(delay);
                }
                None => round.counts.corrupted += 1,
            }
        }
    }
}

impl Place {
    fn advance(&mut self, sequence: u16, stretch: u32, counts: &mut Counts) {
        if self.stretch != stretch {
            // Nobody read for a while: numbers went on, perhaps around.
            self.stretch = stretch;
            self.is_certain = false;
            self.last = (self.last & !0xFFFF) | u64::from(sequence);
            return;
        }
        let index = extend(self.last, sequence);
        if index > self.last {
            counts.missing += index - self.last - 1;
            self.last = index;
        } else if index == self.last {
            counts.repeated += 1;
        } else {
            // Overtaken: it was counted as missing.
            counts.missing = counts.missing.saturating_sub(1);
        }
    }

    /// Opens the packet with the newest number, finding the roll-over counter if it is not certain.
    fn open<'a>(&mut self, gcm: &Gcm, ssrc: u32, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let head = header_len(packet)?;
        let tries = if self.is_certain { 1 } else { MAX_ROLL_OVERS };
        // A failed attempt leaves garbage behind.
        let sealed = packet.to_vec();
        for roll_over in 0..tries {
            let index = self.last + (roll_over << 16);
            if gcm.open(ssrc, index, head, packet).is_some() {
                self.last = index;
                self.is_certain = true;
                let plain = packet.get(..packet.len() - super::gcm::TAG_LEN)?;
                // The node may fill video up with RTP padding, which is no part of the payload.
                return Rtp::read(plain).map(|rtp| rtp.payload);
            }
            packet.copy_from_slice(&sealed);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(last: u64) -> Place {
        Place {
            last,
            is_certain: true,
            stretch: 1,
        }
    }

    #[test]
    fn gaps_are_missing_until_filled() {
        let mut counts = Counts::default();
        let mut place = place(65_534);
        for sequence in [65_535, 0, 3, 2, 3, 4] {
            place.advance(sequence, 1, &mut counts);
        }
        assert_eq!((counts.missing, counts.repeated), (1, 1));
        assert_eq!(place.last, 65_540);
    }

    #[test]
    fn a_pause_in_reading_is_no_gap_and_the_roll_over_is_found_again() {
        let gcm = Gcm::from_master(&[3; 16], &[4; 12]).unwrap();
        let mut header = vec![0x80, 96];
        header.extend_from_slice(&20_u16.to_be_bytes());
        header.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7]);
        let mut packet = vec![0; 12 + 5 + 16];
        assert!(gcm.seal(7, (9 << 16) | 20, &header, b"media", &mut packet));
        let mut counts = Counts::default();
        let mut place = place((2 << 16) | 60_000);
        place.advance(20, 2, &mut counts);
        assert_eq!(counts, Counts::default());
        assert_eq!(place.open(&gcm, 7, &mut packet), Some(&b"media"[..]));
        assert_eq!(place.last, (9 << 16) | 20);
        place.advance(21, 2, &mut counts);
        assert!(place.is_certain);
        assert_eq!(place.open(&gcm, 7, &mut packet), None, "a damaged packet");
    }

    #[test]
    fn counts_are_differences() {
        let before = Counts {
            packets: 3,
            ..Counts::default()
        };
        let after = Counts {
            packets: 10,
            missing: 2,
            ..Counts::default()
        };
        let since = after.since(before);
        assert_eq!((since.packets, since.missing), (7, 2));
    }
}
