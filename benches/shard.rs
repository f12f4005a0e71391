//! A whole turn of a shard: one frame of five packets and one voice packet come in, leave to every
//! subscriber, and the arena is cleared without a socket. Real connections with keys; no kernel. CPU
//! time of the thread, so that what else runs on the machine counts less.
#![allow(clippy::unwrap_used)]

// The simulation's participants: what they negotiate, and their connectivity checks.
#[allow(dead_code)]
#[path = "../tests/sim/ice_agent.rs"]
mod ice_agent;
#[allow(dead_code)]
#[path = "../tests/sim/plan.rs"]
mod plan;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firstbell::media::{ParticipantId, RoomId, Source};
use firstbell::shard::{Command, HandshakeOutput, JoinParticipant, Shard, ShardConfig};
use firstbell::transport::srtp::{MasterKey, SrtpKeys, SrtpOutbound};
use firstbell::transport::{SendArena, SrtpProfile};
use firstbell::wire::rtp::RtpWrite;

use ice_agent::binding_request;
use plan::{Dialect, Profile, credentials, session_plan, ssrc_of};

const SUBSCRIBERS: [usize; 4] = [1, 10, 30, 100];
const PACKETS_PER_FRAME: usize = 5;
const PACKETS_PER_TURN: usize = PACKETS_PER_FRAME + 1;
/// Sealed lengths, as on the wire.
const VIDEO_LEN: usize = 1200;
const VOICE_LEN: usize = 160;
const FRAME: Duration = Duration::from_millis(33);
/// Prepared together, so that reading the clock costs little beside them.
const TURNS_AT_ONCE: usize = 16;
const CHECKS: Duration = Duration::from_secs(5);
const SRTP: SrtpProfile = SrtpProfile::Aes128Gcm;
/// Speaks the dialect of Chromium, see `Dialect::of`.
const PUBLISHER: ParticipantId = ParticipantId(0);
const LOUD_VOICE: u8 = 0x80 | 20;

/// One room on a shard of its own: one who publishes, and those who are shown it.
struct Class {
    shard: Shard,
    arena: SendArena,
    now: Instant,
    subscribers: usize,
    checks_due: Instant,
    outbound: SrtpOutbound,
    camera: Stream,
    microphone: Stream,
    frames: u16,
    keyframe_wanted: bool,
}

/// Numbering of one stream of the publisher.
struct Stream {
    ssrc: u32,
    payload_type: u8,
    index: u64,
    timestamp: u32,
}

fn address(participant: u64) -> SocketAddr {
    let [high, low] = (participant as u16).to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 40_000))
}

fn key(side: u8) -> MasterKey {
    MasterKey::new(SRTP, &[side; 16], &vec![side; SRTP.salt_len()]).unwrap()
}

impl Class {
    fn new(subscribers: usize) -> Self {
        let now = Instant::now();
        let since_epoch = Duration::from_secs(1_700_000_000);
        let dialect = Dialect::of(PUBLISHER);
        let stream = |source, payload_type| Stream {
            ssrc: ssrc_of(PUBLISHER, source),
            payload_type,
            index: 1000,
            timestamp: 0,
        };
        let mut class = Self {
            shard: Shard::new(ShardConfig::new(0), [7; 32], now, since_epoch),
            arena: SendArena::new(8 << 20, 16 * 1024),
            now,
            subscribers,
            checks_due: now,
            outbound: SrtpOutbound::new(SRTP, &key(1)).unwrap(),
            camera: stream(Source::Camera, dialect.vp8),
            microphone: stream(Source::Microphone, dialect.opus),
            frames: 1,
            keyframe_wanted: true,
        };
        for participant in 0..=subscribers as u64 {
            class.join(ParticipantId(participant));
        }
        class
    }

    fn join(&mut self, participant: ParticipantId) {
        let is_publisher = participant == PUBLISHER;
        let profile = if is_publisher {
            Profile::PUPIL
        } else {
            Profile::LISTENER
        };
        let join = Command::Join(Box::new(JoinParticipant {
            room: RoomId(1),
            participant,
            plan: session_plan(participant, &profile),
            local_ice: credentials("n", participant, 0),
            permissions: profile.permissions,
            leading: is_publisher,
            spread_over: Vec::new(),
        }));
        self.shard.handle_command(self.now, join, &mut self.arena);
        self.check(participant);
        let handshake = Command::Handshake {
            participant,
            output: HandshakeOutput::Established(Box::new(SrtpKeys {
                profile: SRTP,
                inbound: key(1),
                outbound: key(2),
            })),
        };
        self.shard
            .handle_command(self.now, handshake, &mut self.arena);
        self.end_turn();
    }

    /// A connectivity check, which keeps consent.
    fn check(&mut self, participant: ParticipantId) {
        let mut check = binding_request(
            [participant.0 as u8; 12],
            &credentials("c", participant, 0),
            &credentials("n", participant, 0),
        );
        let from = address(participant.0);
        self.shard
            .handle_datagram(self.now, from, &mut check, &mut self.arena);
    }

    /// What is no part of a packet's way: consent is kept, and what comes in the next turns is sealed.
    fn prepare(&mut self, turns: usize) -> Vec<Vec<Vec<u8>>> {
        if self.now >= self.checks_due {
            self.checks_due = self.now + CHECKS;
            for participant in 0..=self.subscribers as u64 {
                self.check(ParticipantId(participant));
            }
        }
        self.end_turn();
        (0..turns)
            .map(|_| {
                let mut packets = self.frame();
                packets.push(self.voice());
                packets
            })
            .collect()
    }

    fn frame(&mut self) -> Vec<Vec<u8>> {
        self.frames = (self.frames + 1) % (1 << 15);
        let is_keyframe = std::mem::take(&mut self.keyframe_wanted);
        self.camera.timestamp = self.camera.timestamp.wrapping_add(3_000);
        (0..PACKETS_PER_FRAME)
            .map(|place| {
                let starts = place == 0;
                let [high, low] = self.frames.to_be_bytes();
                // RFC 7741 §4.2: X, S with the first; I, L; a long picture id; TL0PICIDX.
                let descriptor = [0x80 | u8::from(starts) << 4, 0xC0, 0x80 | high, low, low];
                let mut payload = descriptor.to_vec();
                if starts && is_keyframe {
                    // RFC 6386 §9.1: 1280x720.
                    payload.extend([0x10, 2, 0, 0x9D, 1, 0x2A, 0, 5, 0xD0, 2]);
                } else {
                    payload.push(1);
                }
                let marker = place + 1 == PACKETS_PER_FRAME;
                seal(&self.outbound, &mut self.camera, marker, payload, VIDEO_LEN)
            })
            .collect()
    }

    fn voice(&mut self) -> Vec<u8> {
        self.microphone.timestamp = self.microphone.timestamp.wrapping_add(960);
        seal(
            &self.outbound,
            &mut self.microphone,
            false,
            Vec::new(),
            VOICE_LEN,
        )
    }

    /// The timed part: what a driver does with what it has read, but for the socket.
    fn turn(&mut self, packets: &mut [Vec<u8>]) -> usize {
        self.now += FRAME;
        let from = address(PUBLISHER.0);
        for packet in packets {
            self.shard
                .handle_datagram(self.now, from, packet, &mut self.arena);
        }
        if self.shard.poll_timeout().is_some_and(|at| at <= self.now) {
            self.shard.handle_timeout(self.now, &mut self.arena);
        }
        self.shard.end_turn(self.now, &mut self.arena);
        let sent = black_box(&self.arena).queued().len();
        self.arena.clear();
        sent
    }

    fn end_turn(&mut self) {
        self.shard.end_turn(self.now, &mut self.arena);
        self.arena.clear();
        while self.shard.poll_event().is_some() {}
        while self.shard.poll_handshake().is_some() {}
    }
}

/// CPU time of this thread so far.
fn thread_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes the one struct it is given.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// One packet as it comes from the publisher, `len` bytes long when sealed.
fn seal(
    outbound: &SrtpOutbound,
    stream: &mut Stream,
    marker: bool,
    payload: Vec<u8>,
    len: usize,
) -> Vec<u8> {
    let dialect = Dialect::of(PUBLISHER);
    let mut packet = vec![0xAB; len];
    let header = RtpWrite {
        marker,
        payload_type: stream.payload_type,
        sequence_number: stream.index as u16,
        timestamp: stream.timestamp,
        ssrc: stream.ssrc,
    };
    let sequence = (stream.index as u16).to_be_bytes();
    let level = [LOUD_VOICE];
    let extensions: &[(u8, &[u8])] = &[
        (dialect.transport_sequence, &sequence),
        (dialect.audio_level, &level),
    ];
    let is_voice = payload.is_empty();
    let written = if is_voice { 2 } else { 1 };
    let header_len = header.write(&extensions[..written], &mut packet).unwrap();
    packet[header_len..header_len + payload.len()].copy_from_slice(&payload);
    let plain_len = len - SRTP.rtp_overhead();
    let sealed = outbound.seal_rtp(stream.index, header_len, plain_len, &mut packet);
    stream.index += 1;
    assert_eq!(sealed.unwrap(), len);
    packet
}

fn turns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("turn");
    for subscribers in SUBSCRIBERS {
        let mut class = Class::new(subscribers);
        // Until all slots play: the camera is shown and began anew, and the voice is known to be one.
        for _ in 0..60 {
            class.keyframe_wanted = true;
            for packets in &mut class.prepare(1) {
                class.turn(packets);
            }
        }
        let mut prepared = class.prepare(1);
        let sent: usize = prepared.iter_mut().map(|packets| class.turn(packets)).sum();
        assert!(sent >= subscribers * PACKETS_PER_TURN, "only {sent} sent");
        group.throughput(Throughput::Elements(
            (subscribers * PACKETS_PER_TURN) as u64,
        ));
        group.bench_function(format!("{subscribers}_subscribers"), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                let mut left = iterations as usize;
                while left > 0 {
                    let count = left.min(TURNS_AT_ONCE);
                    let mut prepared = class.prepare(count);
                    let start = thread_time();
                    for packets in &mut prepared {
                        black_box(class.turn(packets));
                    }
                    spent += thread_time() - start;
                    left -= count;
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, turns);
criterion_main!(benches);
