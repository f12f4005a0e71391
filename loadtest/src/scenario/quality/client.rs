//! One participant of the scenario: publishes or listens, reports, asks. Sans-IO.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::outbox::Outbox;
use crate::client::rtcp::{self, Feedback};
use crate::client::rtp::Rtp;
use crate::client::sdp;
use crate::client::transport_feedback::{self, TransportFeedback};

use super::camera::Camera;
use super::path::{Opened, PathEvent, SecurePath};
use super::receiver::Receiver;
use super::reports::{self, Sent};
use super::voice::Voice;

/// Missing packets are looked for at least this often.
const LOOK: Duration = Duration::from_millis(20);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks at the path's timeouts.
const PATH_INTERVAL: Duration = Duration::from_millis(1);

/// What somebody sends.
pub struct Publisher {
    pub voice: Voice,
    pub camera: Camera,
    transport_sequence: Option<u16>,
}

impl Publisher {
    pub fn new(voice: Voice, camera: Camera, with_transport_sequence: bool) -> Self {
        Self {
            voice,
            camera,
            transport_sequence: with_transport_sequence.then_some(0),
        }
    }
}

pub struct Client {
    start: Instant,
    cname: String,
    own_ssrc: u32,
    path: SecurePath,
    pub publisher: Option<Publisher>,
    pub receiver: Receiver,
    feedback: TransportFeedback,
    with_feedback: bool,
    next_look: Duration,
    next_report: Duration,
    next_feedback: Duration,
    /// The path's timeouts are looked at no earlier, whatever they say.
    path_floor: Duration,
    packet: Vec<u8>,
    /// Datagrams that did not open or could not be read.
    pub faulty: u64,
}

pub struct ClientConfig {
    /// From when times count.
    pub start: Instant,
    pub cname: String,
    pub own_ssrc: u32,
    pub path: SecurePath,
    pub publisher: Option<Publisher>,
    pub receiver: Receiver,
    pub with_feedback: bool,
}

impl Client {
    pub fn new(config: ClientConfig) -> Self {
        Self {
            start: config.start,
            cname: config.cname,
            own_ssrc: config.own_ssrc,
            path: config.path,
            publisher: config.publisher,
            receiver: config.receiver,
            feedback: TransportFeedback::new(config.start),
            with_feedback: config.with_feedback,
            next_look: Duration::ZERO,
            next_report: Duration::ZERO,
            next_feedback: Duration::ZERO,
            path_floor: Duration::ZERO,
            packet: Vec::new(),
            faulty: 0,
        }
    }

    pub fn next_due(&self) -> Duration {
        let path = self.path.poll_timeout();
        let path = path.map(|at| at.saturating_duration_since(self.start));
        let mut due = path.map_or(Duration::MAX, |at| at.max(self.path_floor));
        if self.path.is_secured() {
            due = due.min(self.next_look);
            if let Some(publisher) = &self.publisher {
                due = due.min(publisher.voice.due()).min(publisher.camera.due());
            }
            due = self.receiver.next_due().map_or(due, |at| due.min(at));
        }
        due
    }

    pub fn handle_timeout(&mut self, now: Duration, out: &mut Outbox) -> Option<PathEvent> {
        let at = self.start + now;
        self.path_floor = now + PATH_INTERVAL;
        if self.path.poll_timeout().is_some_and(|due| due <= at)
            && let Some(event) = self.path.handle_timeout(at, out)
        {
            return Some(event);
        }
        if self.path.is_secured() {
            self.publish(now, out);
            self.ask(now, out);
            self.report(now, out);
        }
        None
    }

    pub fn handle_datagram(
        &mut self,
        now: Duration,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Option<PathEvent> {
        match self
            .path
            .handle_datagram(self.start + now, from, datagram, out)
        {
            Opened::Handled(event) => {
                if event == Some(PathEvent::Secured) {
                    self.next_look = now;
                    self.next_report = now + REPORT_INTERVAL / 4;
                    self.next_feedback = now + transport_feedback::INTERVAL;
                }
                return event;
            }
            Opened::Rtp(packet) => self.on_rtp(now, &packet),
            Opened::Rtcp(packet) => self.on_rtcp(now, &packet),
            Opened::Faulty => self.faulty += 1,
        }
        None
    }

    fn on_rtp(&mut self, now: Duration, packet: &[u8]) {
        let Some(rtp) = Rtp::read(packet) else {
            self.faulty += 1;
            return;
        };
        if let Some(&[high, low]) = rtp.extension(sdp::TRANSPORT_SEQUENCE_ID) {
            let sequence = u16::from_be_bytes([high, low]);
            self.feedback.record(self.start + now, sequence);
        }
        self.receiver.on_rtp(now, &rtp);
    }

    fn on_rtcp(&mut self, now: Duration, packet: &[u8]) {
        let Ok(feedback) = rtcp::read(packet) else {
            self.faulty += 1;
            return;
        };
        for feedback in feedback {
            match (feedback, &mut self.publisher) {
                (Feedback::KeyframeRequest { ssrc }, Some(publisher)) => {
                    publisher.camera.request_keyframe(ssrc);
                }
                (Feedback::Nack { ssrc, lost }, Some(publisher)) => {
                    publisher.camera.retransmit(now, ssrc, &lost);
                }
                (Feedback::SenderReport { ssrc, ntp }, _) => {
                    let Receiver { ear, eye, .. } = &mut self.receiver;
                    let ear = ear.as_mut().map(|ear| (ear.ssrc, &mut ear.reception));
                    let eye = eye.as_mut().map(|eye| (eye.ssrc, &mut eye.reception));
                    for (of, reception) in ear.into_iter().chain(eye) {
                        if of == ssrc {
                            reception.on_sender_report(now, ntp);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn publish(&mut self, now: Duration, out: &mut Outbox) {
        let Some(publisher) = &mut self.publisher else {
            return;
        };
        let transport_sequence = &mut publisher.transport_sequence;
        let mut next = || {
            let sequence = (*transport_sequence)?;
            *transport_sequence = Some(sequence.wrapping_add(1));
            Some(sequence)
        };
        while publisher.voice.due() <= now {
            publisher.voice.write(now, next(), &mut self.packet);
            self.path.send_rtp(&self.packet, out);
        }
        publisher.camera.produce(now);
        while publisher.camera.write(now, &mut next, &mut self.packet) {
            self.path.send_rtp(&self.packet, out);
        }
    }

    fn ask(&mut self, now: Duration, out: &mut Outbox) {
        self.next_look = now + LOOK;
        let requests = self.receiver.advance(now);
        let Some(ssrc) = self.receiver.eye.as_ref().map(|eye| eye.ssrc) else {
            return;
        };
        let nack = (!requests.lost.is_empty())
            .then(|| rtcp::nack(self.own_ssrc, ssrc, &requests.lost).ok());
        let keyframe = requests
            .keyframe
            .then(|| rtcp::picture_loss(self.own_ssrc, ssrc).ok());
        for packet in [nack, keyframe].into_iter().flatten().flatten() {
            self.path.send_rtcp(&packet, out);
        }
    }

    fn report(&mut self, now: Duration, out: &mut Outbox) {
        if self.next_feedback <= now {
            self.next_feedback = now + transport_feedback::INTERVAL;
            let media_ssrc = self.receiver.eye.as_ref().map_or(0, |eye| eye.ssrc);
            if self.with_feedback
                && let Some(feedback) = self.feedback.write(self.own_ssrc, media_ssrc)
            {
                self.path.send_rtcp(&feedback, out);
            }
        }
        if self.next_report > now {
            return;
        }
        self.next_report = now + REPORT_INTERVAL;
        let sent = self.publisher.iter().flat_map(|publisher| {
            let voice = Sent {
                ssrc: publisher.voice.ssrc,
                rtp_time: publisher.voice.rtp_time(now),
                packets: publisher.voice.packets,
                octets: publisher.voice.octets,
            };
            let rtp_time = publisher.camera.rtp_time(now);
            let cameras = publisher
                .camera
                .figures()
                .map(move |(_, ssrc, figures)| Sent {
                    ssrc,
                    rtp_time,
                    packets: figures.packets,
                    octets: figures.octets,
                });
            std::iter::once(voice).chain(cameras)
        });
        let Receiver { ear, eye, .. } = &mut self.receiver;
        let ear = ear.as_mut().map(|ear| &mut ear.reception);
        let eye = eye.as_mut().map(|eye| &mut eye.reception);
        let received = ear.into_iter().chain(eye);
        if let Ok(report) = reports::compound(
            now,
            self.own_ssrc,
            &self.cname,
            sent.filter(|sent| sent.packets > 0),
            received,
        ) {
            self.path.send_rtcp(&report, out);
        }
    }

    pub fn close(&mut self, out: &mut Outbox) {
        self.path.close(out);
    }
}
