//! Runs a scenario's clients behind their lines, on one thread: sockets to the node on one side,
//! sans-IO clients on the other, emulated lines between.
//!
//! Clients live in the lines' time: what comes out of a line is handed over at the moment it came
//! out, even where this thread is late. So a busy machine shows in [`Lag`], not in the figures of
//! the line.

use std::io;
use std::sync::mpsc::Receiver as Commands;
use std::time::{Duration, Instant};

use firstbell_linksim::{Link, Schedule};
use hdrhistogram::Histogram;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::client::outbox::Outbox;
use crate::client::protocol;
use crate::report::delays;

use super::client::Client;
use super::competitor::Competitor;
use super::line::Line;
use super::monitor::{Cargo, Monitor, ReceiverResult};
use super::path::PathEvent;

/// Commands are looked for this often.
const LOOK: Duration = Duration::from_millis(10);
const MAX_DATAGRAM: usize = 2048;
/// Datagrams read from one socket before the others get their turn.
const MAX_BURST: usize = 64;
const SECOND: Duration = Duration::from_secs(1);

pub enum Command {
    Add(Box<Seat>),
    /// The node shows a picture in the seat's slot, or none.
    Shown {
        seat: usize,
        shown: bool,
    },
    /// Encodings of the seat's camera that somebody watches.
    Watched {
        seat: usize,
        rids: Vec<String>,
    },
    Line {
        seat: usize,
        line: protocol::Line,
    },
    Failed {
        seat: usize,
        why: String,
    },
    /// The lines begin to be what the scenario says, and all is measured for so long.
    Begin(Duration),
}

/// From the stage to who directs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageEvent {
    Secured(usize),
    Failed(usize, String),
    /// Hears and sees.
    Served(usize),
}

/// One client, its line and its socket.
pub struct Seat {
    pub name: String,
    pub client: Client,
    pub socket: std::net::UdpSocket,
    pub line: Line,
    /// How the line goes on from the beginning.
    pub down: Schedule,
    /// Streams of pictures towards this client.
    pub video_ssrcs: Vec<u32>,
}

struct Seated {
    seat: Seat,
    socket: UdpSocket,
    readable: bool,
    monitor: Monitor,
    was_served: bool,
    failure: Option<String>,
    /// Keyframes made and asked for before the beginning.
    before: PublisherResult,
}

/// Lines and competition that receivers share.
pub struct Shared {
    pub links: Vec<Link>,
    /// How each goes on from the beginning.
    pub schedules: Vec<Schedule>,
    /// A download on the first of them: when it begins, as a share of the run, and how long its
    /// acknowledgements take.
    pub competitor: Option<(f64, Duration)>,
}

pub struct Stage {
    start: Instant,
    poll: Poll,
    seats: Vec<Seated>,
    shared: Shared,
    competitor: Option<Competitor>,
    commands: Commands<Command>,
    events: mpsc::Sender<StageEvent>,
    out: Outbox,
    clock: Duration,
    measuring: Option<Measuring>,
    lag: Histogram<u64>,
}

#[derive(Clone, Copy)]
struct Measuring {
    began: Duration,
    until: Duration,
    next_second: Duration,
}

/// How late this thread was, in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lag {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PublisherResult {
    pub keyframes: u64,
    pub keyframe_requests: u64,
    pub retransmitted: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub publisher: PublisherResult,
    pub receivers: Vec<ReceiverResult>,
    pub competitor_kbps: Option<f64>,
    pub lag: Lag,
}

impl Stage {
    /// # Errors
    /// The system has no poll.
    pub fn new(
        start: Instant,
        shared: Shared,
        commands: Commands<Command>,
        events: mpsc::Sender<StageEvent>,
    ) -> io::Result<Self> {
        Ok(Self {
            start,
            poll: Poll::new()?,
            seats: Vec::new(),
            shared,
            competitor: None,
            commands,
            events,
            out: Outbox::default(),
            clock: Duration::ZERO,
            measuring: None,
            lag: delays(),
        })
    }

    /// Until all is measured. `None`: nobody directs any more.
    ///
    /// # Errors
    /// The system's poll or sockets fail.
    pub fn run(mut self) -> io::Result<Option<Outcome>> {
        let mut events = Events::with_capacity(256);
        let mut datagram = vec![0; MAX_DATAGRAM];
        loop {
            let now = self.start.elapsed();
            let wait = match self.seats.iter().any(|seated| seated.readable) {
                true => Duration::ZERO,
                false => self.next_due().min(now + LOOK).saturating_sub(now),
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            for event in &events {
                if let Some(seated) = self.seats.get_mut(event.token().0) {
                    seated.readable = true;
                }
            }
            self.read_all(&mut datagram);
            let now = self.start.elapsed();
            self.play(now);
            if let Some(measuring) = self.measuring
                && measuring.until <= now
            {
                return Ok(Some(self.finish(measuring)));
            }
            if !self.obey(now)? {
                return Ok(None);
            }
        }
    }

    fn read_all(&mut self, datagram: &mut [u8]) {
        for seated in &mut self.seats {
            for _ in 0..MAX_BURST {
                if !seated.readable {
                    break;
                }
                let Ok((len, from)) = seated.socket.recv_from(datagram) else {
                    seated.readable = false;
                    break;
                };
                let now = self.start.elapsed();
                let datagram = datagram.get(..len).unwrap_or_default();
                let cargo = cargo(datagram, &seated.seat.video_ssrcs);
                let line = &mut seated.seat.line;
                let fate = line.receive(now, &mut self.shared.links, from, datagram);
                seated.monitor.on_sent(now, cargo, len, fate);
            }
        }
    }

    fn next_due(&self) -> Duration {
        let seats = self.seats.iter().map(|seated| seated.next_due().0);
        let measuring = self.measuring.map(|measuring| measuring.next_second);
        let competitor = self.competitor.as_ref().map(Competitor::next_due);
        let all = seats.chain(measuring).chain(competitor);
        all.min().unwrap_or(Duration::MAX)
    }

    /// All that is due by now, in its order.
    fn play(&mut self, now: Duration) {
        loop {
            let due = self.next_due();
            if due > now {
                return;
            }
            self.clock = self.clock.max(due);
            if self.measuring.is_some() {
                let late = now.saturating_sub(self.clock);
                self.lag.saturating_record(late.as_micros() as u64);
            }
            self.play_one(due);
        }
    }

    fn play_one(&mut self, due: Duration) {
        let at = self.clock;
        if let Some(competitor) = &mut self.competitor
            && competitor.next_due() <= due
            && let Some(link) = self.shared.links.first_mut()
        {
            competitor.advance(at, link);
            return;
        }
        if let Some(measuring) = &mut self.measuring
            && measuring.next_second <= due
        {
            measuring.next_second += SECOND;
            self.close_second(at);
            return;
        }
        let found = self
            .seats
            .iter()
            .position(|seated| seated.next_due().0 <= due);
        if let Some(index) = found {
            self.play_seat(index, at);
        }
    }

    fn play_seat(&mut self, index: usize, at: Duration) {
        let Some(seated) = self.seats.get_mut(index) else {
            return;
        };
        let event = match seated.next_due().1 {
            Due::Departure => {
                while let Some((to, datagram)) = seated.seat.line.pop_departure(at) {
                    if let Err(error) = seated.socket.send_to(&datagram, to) {
                        tracing::debug!(%error, "a datagram was not sent");
                    }
                }
                None
            }
            Due::Arrival => seated.arrive(at, &mut self.out),
            Due::Client => seated.seat.client.handle_timeout(at, &mut self.out),
        };
        for (to, datagram) in self.out.iter() {
            seated.seat.line.send(at, to, datagram);
        }
        self.out.clear();
        if !seated.was_served && seated.seat.client.receiver.is_served() {
            seated.was_served = true;
            let _ = self.events.try_send(StageEvent::Served(index));
        }
        let event = match event {
            Some(PathEvent::Secured) => StageEvent::Secured(index),
            Some(PathEvent::Failed(why)) => {
                seated.failure.get_or_insert(why.clone());
                StageEvent::Failed(index, why)
            }
            None => return,
        };
        let _ = self.events.try_send(event);
    }

    fn close_second(&mut self, at: Duration) {
        for seated in &mut self.seats {
            let line = &seated.seat.line;
            let own = line.down.shape(at).rate;
            let shared = line.shared.and_then(|index| self.shared.links.get(index));
            let shared = shared.and_then(|link| link.shape(at).rate);
            let capacity = own.into_iter().chain(shared).min();
            seated.seat.client.receiver.advance(at);
            seated
                .monitor
                .close_second(capacity, &seated.seat.client.receiver);
        }
    }

    /// `false`: nobody directs any more.
    fn obey(&mut self, now: Duration) -> io::Result<bool> {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(now, command)?,
                Err(std::sync::mpsc::TryRecvError::Empty) => return Ok(true),
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn command(&mut self, now: Duration, command: Command) -> io::Result<()> {
        match command {
            Command::Add(seat) => self.add(*seat)?,
            Command::Shown { seat, shown } => {
                if let Some(seated) = self.seats.get_mut(seat) {
                    seated.seat.client.receiver.set_paused(!shown);
                }
            }
            Command::Watched { seat, rids } => {
                let seated = self.seats.get_mut(seat);
                if let Some(publisher) = seated.and_then(|s| s.seat.client.publisher.as_mut()) {
                    publisher.camera.set_watched(&rids);
                }
            }
            Command::Line { seat, line } => {
                if let Some(seated) = self.seats.get_mut(seat) {
                    if let Some(word) = &line.video {
                        seated.seat.client.receiver.set_paused(word == "off");
                    }
                    seated.monitor.on_line(now, line);
                }
            }
            Command::Failed { seat, why } => {
                if let Some(seated) = self.seats.get_mut(seat) {
                    seated.failure.get_or_insert(why);
                }
            }
            Command::Begin(total) => self.begin(now, total),
        }
        Ok(())
    }

    fn add(&mut self, seat: Seat) -> io::Result<()> {
        let token = Token(self.seats.len());
        let mut socket = UdpSocket::from_std(seat.socket.try_clone()?);
        self.poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)?;
        self.seats.push(Seated {
            seat,
            socket,
            readable: false,
            monitor: Monitor::default(),
            was_served: false,
            failure: None,
            before: PublisherResult::default(),
        });
        Ok(())
    }

    fn begin(&mut self, now: Duration, total: Duration) {
        let now = now.max(self.clock);
        for (link, schedule) in self.shared.links.iter_mut().zip(&self.shared.schedules) {
            link.reschedule(now, schedule.clone().delayed_by(now));
        }
        if let Some((share, way_back)) = self.shared.competitor {
            self.competitor = Some(Competitor::new(now + total.mul_f64(share), way_back));
        }
        for seated in &mut self.seats {
            let down = seated.seat.down.clone();
            seated.seat.line.down.reschedule(now, down.delayed_by(now));
            seated.seat.client.receiver.reset(now);
            seated.monitor.begin(now, &seated.seat.client.receiver);
            seated.before = seated.published();
        }
        self.measuring = Some(Measuring {
            began: now,
            until: now + total,
            next_second: now + SECOND,
        });
    }

    fn finish(mut self, measuring: Measuring) -> Outcome {
        let measured = measuring.until - measuring.began;
        let mut outcome = Outcome::default();
        for seated in &mut self.seats {
            let receiver = &mut seated.seat.client.receiver;
            receiver.finish(measuring.until);
            let name = &seated.seat.name;
            let mut result = seated.monitor.result(name, measured, receiver);
            result.corrupted += seated.seat.client.faulty;
            result.failure = seated.failure.take();
            match seated.seat.client.publisher {
                None => outcome.receivers.push(result),
                Some(_) => outcome.publisher = seated.published().since(seated.before),
            }
            seated.seat.client.close(&mut self.out);
            for (to, datagram) in self.out.iter() {
                let _ = seated.socket.send_to(datagram, to);
            }
            self.out.clear();
        }
        outcome.competitor_kbps = self.competitor.as_ref().map(|competitor| {
            let (share, _) = self.shared.competitor.unwrap_or_default();
            let ran = measured.mul_f64(1.0 - share).as_secs_f64().max(1e-3);
            competitor.acknowledged_bytes as f64 * 8.0 / 1000.0 / ran
        });
        let ms = |microseconds: u64| microseconds as f64 / 1000.0;
        outcome.lag = Lag {
            p50: ms(self.lag.value_at_quantile(0.5)),
            p99: ms(self.lag.value_at_quantile(0.99)),
            max: ms(self.lag.max()),
        };
        outcome
    }
}

/// What of a seat is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Arrival,
    Client,
    Departure,
}

impl Seated {
    fn next_due(&self) -> (Duration, Due) {
        let line = &self.seat.line;
        let arrival = line.next_arrival().unwrap_or(Duration::MAX);
        let departure = line.next_departure().unwrap_or(Duration::MAX);
        let all = [
            (arrival, Due::Arrival),
            (self.seat.client.next_due(), Due::Client),
            (departure, Due::Departure),
        ];
        all.into_iter()
            .min()
            .unwrap_or((Duration::MAX, Due::Client))
    }

    fn arrive(&mut self, at: Duration, out: &mut Outbox) -> Option<PathEvent> {
        let (from, datagram) = self.seat.line.pop_arrival(at)?;
        self.monitor.on_arrived(datagram.len());
        self.seat.client.handle_datagram(at, from, &datagram, out)
    }

    fn published(&self) -> PublisherResult {
        let publisher = self.seat.client.publisher.iter();
        let figures = publisher.flat_map(|publisher| publisher.camera.figures());
        figures.fold(PublisherResult::default(), |sum, (_, _, figures)| {
            PublisherResult {
                keyframes: sum.keyframes + figures.keyframes,
                keyframe_requests: sum.keyframe_requests + figures.keyframe_requests,
                retransmitted: sum.retransmitted + figures.retransmitted,
            }
        })
    }
}

impl PublisherResult {
    fn since(self, before: Self) -> Self {
        Self {
            keyframes: self.keyframes - before.keyframes,
            keyframe_requests: self.keyframe_requests - before.keyframe_requests,
            retransmitted: self.retransmitted - before.retransmitted,
        }
    }
}

/// What a datagram carries, by what SRTP leaves readable.
fn cargo(datagram: &[u8], video_ssrcs: &[u32]) -> Cargo {
    match datagram {
        // RFC 5761 §4.
        [128..=191, second, ..] if !(192..=223).contains(second) => {
            let ssrc = datagram.get(8..12).and_then(|ssrc| ssrc.try_into().ok());
            match ssrc.map(u32::from_be_bytes) {
                Some(ssrc) if video_ssrcs.contains(&ssrc) => Cargo::Video,
                _ => Cargo::Audio,
            }
        }
        _ => Cargo::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_by_ssrc() {
        let mut rtp = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1];
        assert_eq!(cargo(&rtp, &[7]), Cargo::Video);
        assert_eq!(cargo(&rtp, &[8]), Cargo::Audio);
        rtp[1] = 200;
        assert_eq!(cargo(&rtp, &[7]), Cargo::Other);
        assert_eq!(cargo(&[0x80, 96, 0], &[0]), Cargo::Audio);
        assert_eq!(cargo(&[20, 1], &[]), Cargo::Other);
    }
}
