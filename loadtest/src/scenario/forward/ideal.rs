//! The bare forwarder a node is measured against: opens each packet once, and for each subscriber
//! rewrites the header, seals into an arena and sends, all subscribers in one call, each
//! subscriber's packets of a turn in one segmented send. No rooms, no slots, no retransmission.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use rustc_hash::FxHashMap;

use super::cpu::{Cores, CpuTime, ThreadClock};
use super::gcm::{Gcm, TAG_LEN};
use super::udp::{ReceiveBatch, Run, SendBatch, set_gro, set_receive_buffer};

/// Messages a receiving call takes.
const MESSAGES: usize = 16;
/// Packets of one turn: what is due to a subscriber leaves in sends of at most these.
const MAX_TURN: usize = 32;
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;
/// How soon it sees that it shall stop.
const STOP_CHECK: Duration = Duration::from_millis(20);
const FIXED_HEADER: usize = 12;

/// One subscriber of the ideal forwarder.
pub struct Out {
    pub to: SocketAddrV4,
    pub gcm: Gcm,
    pub ssrc: u32,
    /// Roll-over counter and sequence number of its next packet.
    pub index: u64,
}

pub struct Ideal {
    socket: UdpSocket,
    address: SocketAddrV4,
    opener: Gcm,
    outs: Vec<Out>,
    frame_by_frame: bool,
    received: FxHashMap<u32, u64>,
    incoming: ReceiveBatch,
    turn: Turn,
    sending: SendBatch,
}

/// What came in since the last send, opened.
#[derive(Default)]
struct Turn {
    plain: Vec<u8>,
    /// Start, header length, length.
    packets: Vec<(usize, usize, usize)>,
    arena: Vec<u8>,
    runs: Vec<Run>,
}

/// What one run of the loop came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forwarded {
    pub packets: u64,
    /// Not authentic or not RTP: none on a healthy machine.
    pub refused: u64,
    pub cpu: CpuTime,
}

impl Ideal {
    /// # Errors
    /// No socket.
    pub fn new(opener: Gcm, outs: Vec<Out>, frame_by_frame: bool) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(STOP_CHECK))?;
        set_receive_buffer(socket.as_raw_fd(), RECEIVE_BUFFER)?;
        set_gro(socket.as_raw_fd(), true)?;
        let SocketAddr::V4(address) = socket.local_addr()? else {
            bail!("no IPv4 address");
        };
        Ok(Self {
            socket,
            address,
            opener,
            outs,
            frame_by_frame,
            received: FxHashMap::default(),
            incoming: ReceiveBatch::new(MESSAGES),
            turn: Turn::default(),
            sending: SendBatch::default(),
        })
    }

    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Forwards on the calling thread, which it moves to the core under test, until told to stop.
    ///
    /// # Errors
    /// The core or the clock cannot be had.
    pub fn run(&mut self, cores: Cores, stop: &AtomicBool) -> anyhow::Result<Forwarded> {
        cores.enter()?;
        let clock = ThreadClock::own();
        let before = clock.read().context("own CPU time")?;
        let mut done = Forwarded::default();
        // What is queued when it shall stop is forwarded still.
        while self.forward_turn(&mut done) > 0 || !stop.load(Ordering::Relaxed) {}
        done.cpu = clock.read()?.since(before);
        Ok(done)
    }

    /// Gives the messages that came.
    fn forward_turn(&mut self, done: &mut Forwarded) -> usize {
        let messages = self.incoming.receive(self.socket.as_raw_fd());
        for index in 0..messages {
            let Some(message) = self.incoming.message(index) else {
                continue;
            };
            for packet in message.bytes.chunks_mut(message.segment) {
                if self
                    .turn
                    .take(&self.opener, &mut self.received, packet)
                    .is_none()
                {
                    done.refused += 1;
                }
            }
            let is_full =
                self.turn.packets.len() + message.bytes.len().div_ceil(message.segment) > MAX_TURN;
            if self.frame_by_frame || is_full || index + 1 == messages {
                self.turn.seal(&mut self.outs);
                let sent =
                    self.sending
                        .send(self.socket.as_raw_fd(), &self.turn.arena, &self.turn.runs);
                done.packets += sent as u64;
                self.turn.packets.clear();
                self.turn.plain.clear();
            }
        }
        messages
    }

    /// Forgets what is still queued from an earlier run.
    ///
    /// # Errors
    /// The socket cannot be switched.
    pub fn drain(&mut self) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        while self.incoming.receive(self.socket.as_raw_fd()) > 0 {}
        self.socket.set_nonblocking(false)
    }
}

impl Turn {
    /// `None`: refused.
    fn take(
        &mut self,
        opener: &Gcm,
        received: &mut FxHashMap<u32, u64>,
        packet: &mut [u8],
    ) -> Option<()> {
        let header_len = header_len(packet)?;
        let sequence = u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]);
        let ssrc = u32::from_be_bytes(*packet.get(8..FIXED_HEADER)?.first_chunk()?);
        let last = received.entry(ssrc).or_insert(u64::from(sequence));
        let index = extend(*last, sequence);
        let len = opener.open(ssrc, index, header_len, packet)?.len();
        *last = index.max(*last);
        let whole = packet.get(..header_len + len)?;
        self.packets
            .push((self.plain.len(), header_len, whole.len()));
        self.plain.extend_from_slice(whole);
        Some(())
    }

    /// Every packet for every subscriber; runs of equal length, of which the last may be shorter.
    fn seal(&mut self, outs: &mut [Out]) {
        self.runs.clear();
        let total: usize = self.packets.iter().map(|(_, _, len)| len + TAG_LEN).sum();
        self.arena.resize(total * outs.len(), 0);
        let mut at = 0;
        for out in outs {
            let first_run = self.runs.len();
            for (start, header_len, len) in &self.packets {
                let Some(packet) = self.plain.get_mut(*start..start + len) else {
                    continue;
                };
                let (header, payload) = packet.split_at_mut(*header_len);
                header[2..4].copy_from_slice(&(out.index as u16).to_be_bytes());
                header[8..FIXED_HEADER].copy_from_slice(&out.ssrc.to_be_bytes());
                let sealed_len = len + TAG_LEN;
                let place = self.arena.get_mut(at..at + sealed_len).unwrap_or_default();
                out.gcm.seal(out.ssrc, out.index, header, payload, place);
                out.index += 1;
                push(&mut self.runs, first_run, out.to, at, sealed_len);
                at += sealed_len;
            }
        }
    }
}

/// Adds a packet to the destination's last run if it fits there, or begins one.
fn push(runs: &mut Vec<Run>, first: usize, to: SocketAddrV4, at: usize, len: usize) {
    if let Some(run) = runs.get_mut(first..).and_then(|own| own.last_mut()) {
        let is_open = run.len.is_multiple_of(run.segment);
        if is_open && len <= run.segment && run.len + len <= super::udp::MAX_SEND {
            run.len += len;
            return;
        }
    }
    runs.push(Run {
        to,
        start: at,
        len,
        segment: len,
    });
}

/// Length of an RTP header with its extensions; `None`: not RTP.
pub fn header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let fixed = FIXED_HEADER + 4 * usize::from(first & 0x0F);
    if first & 0x10 == 0 {
        return (packet.len() >= fixed).then_some(fixed);
    }
    let words = packet.get(fixed + 2..fixed + 4)?;
    let len = fixed + 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    (packet.len() >= len).then_some(len)
}

/// The index with this sequence number that is nearest to `last` (RFC 3711 §3.3.1).
pub fn extend(last: u64, sequence: u16) -> u64 {
    let difference = sequence.wrapping_sub(last as u16) as i16;
    last.saturating_add_signed(i64::from(difference))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::generator::{Generator, Outlet};
    use super::super::traffic::{Profile, check};
    use super::*;

    fn gcm(key: u8) -> Gcm {
        Gcm::from_master(&[key; 16], &[9; 12]).unwrap()
    }

    #[test]
    fn what_comes_in_goes_out_to_everybody_and_opens() {
        let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
        sink.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let SocketAddr::V4(to) = sink.local_addr().unwrap() else {
            unreachable!()
        };
        let outs = (0..3)
            .map(|ssrc| Out {
                to,
                gcm: gcm(7),
                ssrc,
                index: 65_530,
            })
            .collect();
        let mut ideal = Ideal::new(gcm(1), outs, true).unwrap();
        let outlet = Outlet {
            socket: Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap()),
            to: ideal.address(),
            gcm: gcm(1),
            transport_sequence: 0,
        };
        let mut generator = Generator::new(Profile::Frames, &[5], vec![outlet]);
        assert_eq!(generator.trickle() + generator.trickle(), 10);
        let mut done = Forwarded::default();
        while done.packets < 30 {
            ideal.forward_turn(&mut done);
        }
        assert_eq!((done.packets, done.refused), (30, 0));
        let mut next = [65_530_u64; 3];
        let opener = gcm(7);
        for _ in 0..30 {
            let mut packet = [0; 2000];
            let len = sink.recv(&mut packet).unwrap();
            let packet = &mut packet[..len];
            assert_eq!(len, 1200);
            let head = header_len(packet).unwrap();
            let ssrc = usize::from(packet[11]);
            let plain = opener.open(ssrc as u32, next[ssrc], head, packet).unwrap();
            assert!(check(true, plain).is_some());
            next[ssrc] += 1;
        }
    }

    #[test]
    fn runs_hold_equal_packets_and_one_shorter_at_the_end() {
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let mut runs = Vec::new();
        let mut at = 0;
        for len in [100, 100, 60, 60, 70] {
            push(&mut runs, 0, to, at, len);
            at += len;
        }
        let shapes: Vec<_> = runs
            .iter()
            .map(|run| (run.start, run.len, run.segment))
            .collect();
        assert_eq!(shapes, [(0, 260, 100), (260, 60, 60), (320, 70, 70)]);
        push(&mut runs, 3, to, at, 70);
        assert_eq!(runs.len(), 4, "another destination's run");
    }

    #[test]
    fn indices_go_on_over_the_wrap() {
        assert_eq!(extend(65_535, 0), 65_536);
        assert_eq!(extend(65_536, 65_535), 65_535);
        assert_eq!(extend(70_000, (70_001_u64) as u16), 70_001);
    }
}
