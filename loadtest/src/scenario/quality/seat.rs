//! A client's seat on the stage: its socket, its line, and what is written down of it.

use std::time::Duration;

use firstbell_linksim::{Link, Schedule};
use mio::net::UdpSocket;
use serde::Serialize;

use crate::client::outbox::Outbox;
use crate::client::protocol;

use super::client::Client;
use super::line::Line;
use super::monitor::{Cargo, Monitor, ReceiverResult};
use super::path::PathEvent;

/// Datagrams read from one socket before the others get their turn.
const MAX_BURST: usize = 64;

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

/// A seat in use.
pub struct Seated {
    seat: Seat,
    socket: UdpSocket,
    /// There may be something to read.
    pub readable: bool,
    monitor: Monitor,
    was_served: bool,
    failure: Option<String>,
    /// Keyframes made and asked for before the beginning.
    before: PublisherResult,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PublisherResult {
    pub keyframes: u64,
    pub keyframe_requests: u64,
    pub retransmitted: u64,
}

pub enum SeatResult {
    Publisher(PublisherResult),
    Receiver(Box<ReceiverResult>),
}

/// What of a seat is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    Arrival,
    Client,
    Departure,
}

impl Seated {
    pub fn new(seat: Seat, socket: UdpSocket) -> Self {
        Self {
            seat,
            socket,
            readable: false,
            monitor: Monitor::default(),
            was_served: false,
            failure: None,
            before: PublisherResult::default(),
        }
    }

    /// Takes what has come from the node, and sends it down the line. `clock`: the time of each.
    pub fn read(&mut self, shared: &mut [Link], clock: impl Fn() -> Duration, buffer: &mut [u8]) {
        for _ in 0..MAX_BURST {
            if !self.readable {
                return;
            }
            let Ok((len, from)) = self.socket.recv_from(buffer) else {
                self.readable = false;
                return;
            };
            let now = clock();
            let datagram = buffer.get(..len).unwrap_or_default();
            let cargo = cargo(datagram, &self.seat.video_ssrcs);
            let fate = self.seat.line.receive(now, shared, from, datagram);
            self.monitor.on_sent(now, cargo, len, fate);
        }
    }

    pub fn next_due(&self) -> (Duration, Due) {
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

    /// Does what is due. `true` when the client hears and sees for the first time.
    pub fn play(&mut self, at: Duration, out: &mut Outbox) -> (bool, Option<PathEvent>) {
        let event = match self.next_due().1 {
            Due::Departure => {
                while let Some((to, datagram)) = self.seat.line.pop_departure(at) {
                    if let Err(error) = self.socket.send_to(&datagram, to) {
                        tracing::debug!(%error, "a datagram was not sent");
                    }
                }
                None
            }
            Due::Arrival => self.arrive(at, out),
            Due::Client => self.seat.client.handle_timeout(at, out),
        };
        for (to, datagram) in out.iter() {
            self.seat.line.send(at, to, datagram);
        }
        out.clear();
        let is_first = !self.was_served && self.seat.client.receiver.is_served();
        self.was_served |= is_first;
        if let Some(PathEvent::Failed(why)) = &event {
            self.fail(why.clone());
        }
        (is_first, event)
    }

    fn arrive(&mut self, at: Duration, out: &mut Outbox) -> Option<PathEvent> {
        let (from, datagram) = self.seat.line.pop_arrival(at)?;
        self.monitor.on_arrived(datagram.len());
        self.seat.client.handle_datagram(at, from, &datagram, out)
    }

    /// It does not stay to the end. The first reason counts.
    pub fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }

    pub fn set_shown(&mut self, shown: bool) {
        self.seat.client.receiver.set_shown(shown);
    }

    pub fn set_watched(&mut self, rids: &[String]) {
        if let Some(publisher) = &mut self.seat.client.publisher {
            publisher.camera.set_watched(rids);
        }
    }

    pub fn set_line(&mut self, now: Duration, line: protocol::Line) {
        if let Some(word) = &line.video {
            self.seat.client.receiver.set_off(word == "off");
        }
        self.monitor.on_line(now, line);
    }

    /// The line becomes what the scenario says, and figures begin.
    pub fn begin(&mut self, now: Duration) {
        let down = self.seat.down.clone();
        self.seat.line.down.reschedule(now, down.delayed_by(now));
        self.seat.client.receiver.reset(now);
        self.monitor.begin(now, &self.seat.client.receiver);
        self.before = self.published();
    }

    pub fn close_second(&mut self, at: Duration, shared: &[Link]) {
        let line = &self.seat.line;
        let own = line.down.shape(at).rate;
        let shared = line.shared.and_then(|index| shared.get(index));
        let shared = shared.and_then(|link| link.shape(at).rate);
        let capacity = own.into_iter().chain(shared).min();
        self.seat.client.receiver.advance(at);
        self.monitor
            .close_second(capacity, &self.seat.client.receiver);
    }

    /// The end: says goodbye to the node and gives what was written down.
    pub fn finish(mut self, at: Duration, measured: Duration, out: &mut Outbox) -> SeatResult {
        let receiver = &mut self.seat.client.receiver;
        receiver.finish(at);
        let mut result = self.monitor.result(&self.seat.name, measured, receiver);
        result.corrupted += self.seat.client.faulty;
        result.failure = self.failure.take();
        self.seat.client.close(out);
        for (to, datagram) in out.iter() {
            let _ = self.socket.send_to(datagram, to);
        }
        out.clear();
        match self.seat.client.publisher {
            None => SeatResult::Receiver(Box::new(result)),
            Some(_) => SeatResult::Publisher(self.published().since(self.before)),
        }
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
