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

use super::competitor::Competitor;
use super::monitor::ReceiverResult;
use super::path::PathEvent;
use super::seat::{PublisherResult, Seat, SeatResult, Seated};

/// Commands are looked for this often.
const LOOK: Duration = Duration::from_millis(10);
const MAX_DATAGRAM: usize = 2048;
const SECOND: Duration = Duration::from_secs(1);

pub enum Command {
    Add(Box<Seat>),
    /// The lines begin to be what the scenario says, and all is measured for so long.
    Begin(Duration),
    Seat {
        seat: usize,
        news: News,
    },
}

/// What the node said to one of the clients.
pub enum News {
    /// There is a picture in its slot, or none.
    Shown(bool),
    /// Encodings of its camera that somebody watches.
    Watched(Vec<String>),
    Line(protocol::Line),
    /// It is out.
    Failed(String),
}

/// From the stage to who directs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageEvent {
    Secured(usize),
    Failed(usize, String),
    /// Hears and sees.
    Served(usize),
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
            let start = self.start;
            seated.read(&mut self.shared.links, || start.elapsed(), datagram);
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
        let (is_first, event) = seated.play(at, &mut self.out);
        if is_first {
            let _ = self.events.try_send(StageEvent::Served(index));
        }
        let event = match event {
            Some(PathEvent::Secured) => StageEvent::Secured(index),
            Some(PathEvent::Failed(why)) => StageEvent::Failed(index, why),
            None => return,
        };
        let _ = self.events.try_send(event);
    }

    fn close_second(&mut self, at: Duration) {
        for seated in &mut self.seats {
            seated.close_second(at, &self.shared.links);
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
        let now = now.max(self.clock);
        match command {
            Command::Add(seat) => self.add(*seat)?,
            Command::Begin(total) => self.begin(now, total),
            Command::Seat { seat, news } => {
                if let Some(seated) = self.seats.get_mut(seat) {
                    match news {
                        News::Shown(shown) => seated.set_shown(shown),
                        News::Watched(rids) => seated.set_watched(&rids),
                        News::Line(line) => seated.set_line(now, line),
                        News::Failed(why) => seated.fail(why),
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, seat: Seat) -> io::Result<()> {
        let token = Token(self.seats.len());
        let mut socket = UdpSocket::from_std(seat.socket.try_clone()?);
        self.poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)?;
        self.seats.push(Seated::new(seat, socket));
        Ok(())
    }

    fn begin(&mut self, now: Duration, total: Duration) {
        for (link, schedule) in self.shared.links.iter_mut().zip(&self.shared.schedules) {
            link.reschedule(now, schedule.clone().delayed_by(now));
        }
        if let Some((share, way_back)) = self.shared.competitor {
            self.competitor = Some(Competitor::new(now + total.mul_f64(share), way_back));
        }
        for seated in &mut self.seats {
            seated.begin(now);
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
        for seated in self.seats {
            match seated.finish(measuring.until, measured, &mut self.out) {
                SeatResult::Publisher(result) => outcome.publisher = result,
                SeatResult::Receiver(result) => outcome.receivers.push(*result),
            }
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

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
