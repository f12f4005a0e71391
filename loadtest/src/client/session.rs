//! One client's media path: ICE, then DTLS, then media both ways. Sans-IO: datagrams and time in,
//! datagrams and events out.

mod feedback;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, DtlsCertificate};
use rustc_hash::FxHashMap;

use crate::verify::fault::Fault;
use crate::verify::slot::{Content, Identity, SlotVerifier, Verdict};

use super::crypto::Crypto;
use super::dtls::{DtlsAssociation, DtlsTurn};
use super::ice::{Credentials, IceAgent, IceEvent};
use super::media::{AudioSource, Origin, VideoShape, VideoSource};
use super::outbox::Outbox;
use super::pace::Pace;
use super::payload::Kind;
use super::rtcp::{self, Feedback};
use super::rtp::Rtp;
use super::sdp::{self, Answer, OfferedStreams};
use super::srtp::Srtp;
use super::transport_feedback::{self, TransportFeedback};
use feedback::REPORT_INTERVAL;

pub use tally::SessionTally;

/// Slots are looked over (gaps, mapping, silence) this often.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Everything a session is made from.
pub struct SessionConfig {
    pub origin: Origin,
    pub cname: String,
    pub local_ice: Credentials,
    pub streams: OfferedStreams,
    pub answer: Answer,
    pub certificate: DtlsCertificate,
    pub dtls: Arc<Config>,
    pub crypto: Crypto,
    pub publish_audio: bool,
    pub publish_video: Option<VideoShape>,
    /// Of what the slots will show.
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Keys are there; media flows. The SRTP profile's name.
    Secured(String),
    Failed(String),
}

struct SlotStream {
    mid: String,
    ssrc: u32,
    verifier: SlotVerifier,
    last_sender_report: Option<(u32, Instant)>,
}

enum Stream {
    Primary(usize),
    Retransmission(usize),
}

pub struct MediaSession {
    origin: Origin,
    cname: String,
    ice: IceAgent,
    dtls: DtlsAssociation,
    srtp: Option<Srtp>,
    audio: Option<AudioSource>,
    video: Option<VideoSource>,
    slots: Vec<SlotStream>,
    by_ssrc: FxHashMap<u32, Stream>,
    feedback: TransportFeedback,
    with_feedback: bool,
    own_ssrc: u32,
    pace: Pace,
    next_check: Instant,
    next_report: Instant,
    next_feedback: Instant,
    tally: SessionTally,
    packet: Vec<u8>,
    failed: bool,
}

impl MediaSession {
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        let SessionConfig {
            origin,
            answer,
            streams,
            ..
        } = config;
        let (slots, by_ssrc) = slots(now, origin, &answer, config.content);
        let accepted = |mid: &str| answer.media.iter().find(|m| m.mid == mid && m.active);
        let audio = accepted(sdp::MICROPHONE_MID)
            .filter(|_| config.publish_audio)
            .map(|media| {
                let with_level = media.has_extension(sdp::AUDIO_LEVEL_ID);
                AudioSource::new(now, origin, streams.microphone, with_level)
            });
        let video = accepted(sdp::CAMERA_MID)
            .and(config.publish_video)
            .map(|shape| VideoSource::new(now, origin, shape, streams.camera, streams.camera_rtx));
        let with_feedback = answer
            .media
            .iter()
            .any(|m| m.has_extension(sdp::TRANSPORT_SEQUENCE_ID));
        let ice = IceAgent::new(
            now,
            config.crypto.clone(),
            config.local_ice,
            answer.ice.clone(),
            &answer.candidates,
        );
        let dtls = DtlsAssociation::new(
            now,
            answer.side,
            config.dtls,
            config.certificate,
            answer.fingerprint,
            config.crypto,
        );
        Self {
            origin,
            cname: config.cname,
            ice,
            dtls,
            srtp: None,
            audio,
            video,
            slots,
            by_ssrc,
            feedback: TransportFeedback::new(now),
            with_feedback,
            own_ssrc: streams.microphone,
            pace: Pace::Full,
            next_check: now,
            next_report: now + REPORT_INTERVAL / 4,
            next_feedback: now + transport_feedback::INTERVAL,
            tally: SessionTally::new(),
            packet: Vec::new(),
            failed: false,
        }
    }

    /// The whole mapping as signalled: by mid, the client shown (`None`: empty).
    pub fn set_mapping<'a>(
        &mut self,
        now: Instant,
        mapping: impl IntoIterator<Item = (&'a str, Option<u32>)>,
    ) {
        for (mid, shown) in mapping {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == mid) {
                slot.verifier
                    .set_mapping(now, shown, &mut self.tally.faults);
            }
        }
    }

    /// Publishes more or less from now on; receives and verifies as before.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        if let Some(audio) = &mut self.audio {
            audio.pace = pace;
        }
        if let Some(video) = &mut self.video {
            video.pace = pace;
        }
    }

    fn is_publishing(&self) -> bool {
        self.pace != Pace::Stopped
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Instant {
        let mut at = self.ice.poll_timeout();
        if self.srtp.is_some() {
            at = at.min(self.next_check);
            if self.is_publishing() {
                at = self.audio.as_ref().map_or(at, |audio| at.min(audio.due()));
                at = self.video.as_ref().map_or(at, |video| at.min(video.due()));
            }
        }
        self.dtls.poll_timeout().map_or(at, |dtls| at.min(dtls))
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Option<SessionEvent> {
        if self.failed {
            return None;
        }
        if self.ice.poll_timeout() <= now
            && self.ice.handle_timeout(now, out) == Some(IceEvent::ConsentLost)
        {
            return self.fail("the node no longer answers ICE checks".into());
        }
        if self.dtls.poll_timeout().is_some_and(|at| at <= now) {
            let turn = self.dtls.handle_timeout(now);
            if let Some(event) = self.dtls_turn(turn, out) {
                return Some(event);
            }
        }
        if self.srtp.is_some() {
            self.publish(now, out);
            if self.next_check <= now {
                self.next_check = now + CHECK_INTERVAL;
                self.look_over_slots(now, out);
            }
        }
        None
    }

    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Option<SessionEvent> {
        match datagram {
            // RFC 7983.
            [0..=3, ..] => {
                let event = self.ice.handle_datagram(now, from, datagram, out)?;
                if matches!(event, IceEvent::Selected(_)) {
                    let turn = self.dtls.start(now);
                    return self.dtls_turn(turn, out);
                }
            }
            [20..=63, ..] => {
                let turn = self.dtls.handle_datagram(now, datagram);
                return self.dtls_turn(turn, out);
            }
            // RFC 5761 §4.
            [128..=191, 192..=223, ..] => self.receive_rtcp(now, datagram, out),
            [128..=191, ..] => self.receive_rtp(now, datagram),
            _ => self.tally.faults.add(Fault::Malformed),
        }
        None
    }

    fn fail(&mut self, why: String) -> Option<SessionEvent> {
        if self.failed {
            return None;
        }
        self.failed = true;
        Some(SessionEvent::Failed(why))
    }

    fn dtls_turn(
        &mut self,
        turn: Result<DtlsTurn, super::dtls::DtlsError>,
        out: &mut Outbox,
    ) -> Option<SessionEvent> {
        let turn = match turn {
            Ok(turn) => turn,
            Err(error) => return self.fail(error.to_string()),
        };
        let to = self.ice.selected()?;
        for datagram in &turn.transmit {
            out.push(to, datagram);
        }
        let (srtp, profile) = turn.keys?;
        self.srtp = Some(srtp);
        Some(SessionEvent::Secured(profile.to_string()))
    }

    fn publish(&mut self, now: Instant, out: &mut Outbox) {
        let Some(to) = self.ice.selected().filter(|_| self.is_publishing()) else {
            return;
        };
        let Some(srtp) = &mut self.srtp else { return };
        let sent = &mut self.tally.packets_sent;
        let mut send = |packet: &[u8]| {
            if let Ok(sealed) = srtp.seal_rtp(packet) {
                out.push(to, &sealed);
                *sent += 1;
            }
        };
        if let Some(audio) = &mut self.audio {
            while audio.due() <= now {
                audio.write(now, &mut self.packet);
                send(&self.packet);
            }
        }
        if let Some(video) = &mut self.video {
            while video.due() <= now {
                video.write_frame(now, &mut send);
            }
        }
    }

    fn receive_rtp(&mut self, now: Instant, datagram: &[u8]) {
        let Some(srtp) = &mut self.srtp else { return };
        let Ok(plain) = srtp.open_rtp(datagram) else {
            self.tally.faults.add(Fault::Undecryptable);
            return;
        };
        self.tally.packets_received += 1;
        self.tally.bytes_received += datagram.len() as u64;
        let Some(packet) = Rtp::read(&plain) else {
            self.tally.faults.add(Fault::Malformed);
            return;
        };
        if let Some(&[high, low]) = packet.extension(sdp::TRANSPORT_SEQUENCE_ID) {
            self.feedback.record(now, u16::from_be_bytes([high, low]));
        }
        let (index, sequence, media) = match self.by_ssrc.get(&packet.ssrc) {
            Some(Stream::Primary(index)) => (*index, packet.sequence, packet.payload),
            Some(Stream::Retransmission(index)) => {
                self.tally.rtx_received += 1;
                let Some((&number, media)) = packet.payload.split_first_chunk() else {
                    // Padding alone, as probing sends it.
                    return;
                };
                (*index, u16::from_be_bytes(number), media)
            }
            None => {
                self.tally.faults.add(Fault::UnknownStream);
                return;
            }
        };
        if media.is_empty() {
            return;
        }
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let kind = slot.verifier.kind();
        let verdict = slot
            .verifier
            .receive(now, &packet, sequence, media, &mut self.tally.faults);
        match verdict {
            Verdict::Good(stamp) => {
                let since = now
                    .saturating_duration_since(self.origin.run_start)
                    .as_micros() as u64;
                let delay_us = since.saturating_sub(stamp.sent_us);
                self.tally.good(now, kind, Some(delay_us));
            }
            Verdict::Unverified => self.tally.good(now, kind, None),
            Verdict::Stale | Verdict::Faulty(_) => {}
        }
    }

    fn receive_rtcp(&mut self, now: Instant, datagram: &[u8], out: &mut Outbox) {
        let Some(srtp) = &mut self.srtp else { return };
        let Ok(plain) = srtp.open_rtcp(datagram) else {
            self.tally.faults.add(Fault::Undecryptable);
            return;
        };
        let Ok(feedback) = rtcp::read(&plain) else {
            self.tally.faults.add(Fault::Malformed);
            return;
        };
        for feedback in feedback {
            self.take_feedback(now, feedback, out);
        }
    }

    fn take_feedback(&mut self, now: Instant, feedback: Feedback, out: &mut Outbox) {
        match feedback {
            Feedback::KeyframeRequest { ssrc } => {
                self.tally.keyframe_requests_received += 1;
                match &mut self.video {
                    Some(video) if video.ssrc == ssrc => video.request_keyframe(),
                    _ => self.tally.faults.add(Fault::UnknownStream),
                }
            }
            Feedback::Nack { ssrc, lost } => {
                let (Some(to), Some(srtp)) = (self.ice.selected(), &mut self.srtp) else {
                    return;
                };
                let Some(video) = self.video.as_mut().filter(|video| video.ssrc == ssrc) else {
                    return;
                };
                for number in lost {
                    if video.retransmission(number, &mut self.packet)
                        && let Ok(sealed) = srtp.seal_rtp(&self.packet)
                    {
                        out.push(to, &sealed);
                        self.tally.rtx_sent += 1;
                    }
                }
            }
            Feedback::SenderReport { ssrc, ntp } => {
                self.tally.sender_reports_received += 1;
                if let Some(Stream::Primary(index)) = self.by_ssrc.get(&ssrc)
                    && let Some(slot) = self.slots.get_mut(*index)
                {
                    slot.last_sender_report = Some(((ntp >> 16) as u32, now));
                }
            }
            Feedback::ReceiverReports(_) | Feedback::TransportWide | Feedback::Other => {}
        }
    }

    /// The run is over: what is missing now is lost. Says goodbye to the node.
    pub fn finish(&mut self, now: Instant, out: &mut Outbox) -> SessionTally {
        for slot in &mut self.slots {
            slot.verifier.finish(now, &mut self.tally.faults);
            self.tally.switches += slot.verifier.switches;
            if slot.verifier.received > 0 {
                match slot.verifier.kind() {
                    Kind::Audio => self.tally.audio_slots_used += 1,
                    Kind::Video => self.tally.video_slots_used += 1,
                }
            }
        }
        self.tally
            .faults
            .add_many(Fault::BadStun, self.ice.refused_answers + self.ice.errors);
        if !self.failed
            && let Some(to) = self.ice.selected()
        {
            for datagram in self.dtls.close().transmit {
                out.push(to, &datagram);
            }
        }
        self.tally.clone()
    }
}

/// The slots the answer accepts, and which stream each of their SSRCs is.
fn slots(
    now: Instant,
    origin: Origin,
    answer: &Answer,
    content: Content,
) -> (Vec<SlotStream>, FxHashMap<u32, Stream>) {
    let identity = Identity {
        room: origin.room,
        client: origin.client,
    };
    let mut slots = Vec::new();
    let mut by_ssrc = FxHashMap::default();
    for media in answer.media.iter().skip(sdp::first_slot_mid()) {
        let Some(ssrc) = media.ssrc.filter(|_| media.active && media.sends) else {
            continue;
        };
        let kind = if media.audio {
            Kind::Audio
        } else {
            Kind::Video
        };
        by_ssrc.insert(ssrc, Stream::Primary(slots.len()));
        if let Some(rtx) = media.rtx_ssrc {
            by_ssrc.insert(rtx, Stream::Retransmission(slots.len()));
        }
        slots.push(SlotStream {
            mid: media.mid.clone(),
            ssrc,
            verifier: SlotVerifier::new(now, identity, kind).of(content),
            last_sender_report: None,
        });
    }
    (slots, by_ssrc)
}
