//! Sends a profile's streams at a chosen multiple of their natural speed.
//!
//! Frames leave as bursts, each in one segmented send, evenly spaced. Sealing is a thirtieth of
//! what the node does with the packet, so one thread is enough. One generator can send to several
//! rooms, to each what the profile says.

use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gcm::{Gcm, TAG_LEN};
use super::traffic::{Plain, Profile, Stream};
use super::udp::{Run, SendBatch, wall_ns};

/// Waits shorter than this are spun.
const SPIN: Duration = Duration::from_micros(15);
/// Further behind than this, frames are left out: a burst would measure the machine's pause.
const MAX_BEHIND: Duration = Duration::from_millis(20);
/// The caller's own work gets its turn this often.
const KEEP_INTERVAL: Duration = Duration::from_millis(20);

/// The path of one publisher.
pub struct Outlet {
    pub socket: Arc<UdpSocket>,
    pub to: SocketAddrV4,
    pub gcm: Gcm,
    pub transport_sequence: u16,
}

pub struct Generator {
    profile: Profile,
    /// Room after room.
    streams: Vec<Stream>,
    outlets: Vec<Outlet>,
    /// Streams that [`Generator::run`] sends; the others rest.
    active: usize,
    packets_per_second: f64,
    epoch: Instant,
    plain: Plain,
    arena: Vec<u8>,
    batch: SendBatch,
}

/// What a stretch of sending came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// To the forwarder, not yet times its subscribers.
    pub packets: u64,
    /// Left out because the generator fell behind.
    pub skipped: u64,
    pub elapsed: Duration,
}

impl Sent {
    /// Packets a second that `subscribers` were offered.
    pub fn offered(&self, subscribers: usize) -> f64 {
        self.packets as f64 * subscribers as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl Generator {
    /// `ssrcs`: of the profile's streams in their order; `outlets`: of its publishers.
    pub fn new(profile: Profile, ssrcs: &[u32], outlets: Vec<Outlet>) -> Self {
        let mut generator = Self {
            profile,
            streams: Vec::new(),
            outlets: Vec::new(),
            active: 0,
            packets_per_second: profile.packets_per_second(),
            epoch: Instant::now(),
            plain: Plain::default(),
            arena: Vec::new(),
            batch: SendBatch::default(),
        };
        generator.add_room(ssrcs, outlets);
        generator
    }

    /// One more room with publishers of its own.
    pub fn add_room(&mut self, ssrcs: &[u32], outlets: Vec<Outlet>) {
        let first = self.outlets.len();
        let plans = self.profile.streams().into_iter().zip(ssrcs).enumerate();
        self.streams.extend(plans.map(|(number, (mut plan, ssrc))| {
            plan.publisher += first;
            Stream::new(plan, number as u32, *ssrc)
        }));
        self.outlets.extend(outlets);
        self.active = self.streams.len();
    }

    /// From now on [`Generator::run`] sends to the first `rooms` rooms only.
    pub fn only_rooms(&mut self, rooms: usize) {
        let streams = rooms * self.profile.streams().len();
        self.active = streams.min(self.streams.len());
    }

    /// Someone cannot decode: the stream's next frame is a keyframe.
    pub fn request_keyframe(&mut self, ssrc: u32) {
        for stream in self.streams.iter_mut().filter(|stream| stream.ssrc == ssrc) {
            stream.keyframe_wanted = true;
        }
    }

    /// One frame of every stream, for paths that are to stay alive. Gives the packets.
    pub fn trickle(&mut self) -> u64 {
        (0..self.streams.len())
            .map(|stream| self.send_frame(stream))
            .sum()
    }

    /// One frame of every stream that rests.
    pub fn trickle_resting(&mut self) -> u64 {
        (self.active..self.streams.len())
            .map(|stream| self.send_frame(stream))
            .sum()
    }

    /// Sends `packets_per_second` (of all streams of a room together) to each active room for
    /// `duration`. `keep` is called between frames, about every 20 ms.
    pub fn run(
        &mut self,
        packets_per_second: f64,
        duration: Duration,
        mut keep: impl FnMut(&mut Self),
    ) -> Sent {
        let speed = packets_per_second / self.packets_per_second;
        let start = Instant::now();
        let count = self.active.max(1) as u64;
        let interval = |stream: &Stream| (stream.plan.interval_ns as f64 / speed).max(1.0) as u64;
        // Spread over their interval, as cameras are that nobody synchronises.
        let mut due: Vec<u64> = self
            .streams
            .iter()
            .take(self.active)
            .enumerate()
            .map(|(index, stream)| interval(stream) * index as u64 / count)
            .collect();
        let mut sent = Sent::default();
        let mut next_keep = start;
        while let Some((stream, at)) = due.iter().copied().enumerate().min_by_key(|(_, at)| *at) {
            let at = Duration::from_nanos(at);
            if at >= duration {
                break;
            }
            wait_until(start + at);
            let step = self.streams.get(stream).map_or(1, interval);
            let behind = start.elapsed().saturating_sub(at);
            if let Some(due) = due.get_mut(stream) {
                *due += step;
            }
            if behind > MAX_BEHIND {
                let packets = self
                    .streams
                    .get(stream)
                    .map_or(0, |s| s.plan.shape.packets());
                sent.skipped += packets as u64;
            } else {
                sent.packets += self.send_frame(stream);
            }
            if start.elapsed() > next_keep.duration_since(start) {
                next_keep = Instant::now() + KEEP_INTERVAL;
                keep(self);
            }
        }
        wait_until(start + duration);
        sent.elapsed = start.elapsed();
        sent
    }

    fn send_frame(&mut self, stream: usize) -> u64 {
        let Some(stream) = self.streams.get_mut(stream) else {
            return 0;
        };
        let Some(outlet) = self.outlets.get_mut(stream.plan.publisher) else {
            return 0;
        };
        self.arena.clear();
        let since_ns = self.epoch.elapsed().as_nanos() as u64;
        let sent_ns = wall_ns();
        let mut segment = 0;
        for place in 0..stream.plan.shape.packets() {
            stream.write(
                place,
                since_ns,
                sent_ns,
                outlet.transport_sequence,
                &mut self.plain,
            );
            outlet.transport_sequence = outlet.transport_sequence.wrapping_add(1);
            let plain = &self.plain;
            let start = self.arena.len();
            segment = plain.header.len() + plain.payload.len() + TAG_LEN;
            self.arena.resize(start + segment, 0);
            let out = self.arena.get_mut(start..).unwrap_or_default();
            outlet
                .gcm
                .seal(stream.ssrc, plain.index, &plain.header, &plain.payload, out);
        }
        let run = Run {
            to: outlet.to,
            start: 0,
            len: self.arena.len(),
            segment,
        };
        self.batch
            .send(outlet.socket.as_raw_fd(), &self.arena, &[run]) as u64
    }
}

fn wait_until(at: Instant) {
    loop {
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > SPIN {
            std::thread::sleep(left - SPIN / 2);
        } else {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator(profile: Profile) -> (Generator, UdpSocket) {
        let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(to) = sink.local_addr().unwrap() else {
            unreachable!()
        };
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let outlets = profile
            .publishers()
            .iter()
            .map(|_| Outlet {
                socket: socket.clone(),
                to,
                gcm: Gcm::from_master(&[1; 16], &[2; 12]).unwrap(),
                transport_sequence: 0,
            })
            .collect();
        let ssrcs: Vec<u32> = (0..profile.streams().len() as u32).collect();
        (Generator::new(profile, &ssrcs, outlets), sink)
    }

    #[test]
    fn the_rate_asked_for_is_the_rate_sent_or_said() {
        for profile in [Profile::Frames, Profile::Class] {
            let (mut generator, _sink) = generator(profile);
            let sent = generator.run(2000.0, Duration::from_millis(200), |_| {});
            let all = sent.packets + sent.skipped;
            assert!((350..=480).contains(&all), "{profile:?}: {sent:?}");
        }
    }

    #[test]
    fn a_trickle_is_one_frame_of_each() {
        let (mut generator, _sink) = generator(Profile::Class);
        assert_eq!(generator.trickle(), 5 + 8 * 2 + 3);
    }

    #[test]
    fn each_room_gets_the_rate_and_resting_ones_a_trickle() {
        let (mut generator, _sink) = generator(Profile::Class);
        let (other, _other_sink) = super::tests::generator(Profile::Class);
        let ssrcs: Vec<u32> = other
            .streams
            .iter()
            .map(|stream| stream.ssrc + 100)
            .collect();
        generator.add_room(&ssrcs, other.outlets);
        let run = |generator: &mut Generator| {
            let sent = generator.run(1000.0, Duration::from_millis(200), |_| {});
            sent.packets + sent.skipped
        };
        let both = run(&mut generator);
        generator.only_rooms(1);
        let one = run(&mut generator);
        assert!((350..=480).contains(&both), "{both}");
        assert!((170..=240).contains(&one), "{one}");
        assert_eq!(generator.trickle_resting(), 5 + 8 * 2 + 3);
        assert_eq!(generator.trickle(), 2 * (5 + 8 * 2 + 3));
    }

    #[test]
    fn offered_counts_all_subscribers() {
        let sent = Sent {
            packets: 100,
            skipped: 0,
            elapsed: Duration::from_secs(2),
        };
        assert!((sent.offered(30) - 1500.0).abs() < 1e-6);
    }
}
