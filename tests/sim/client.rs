//! One simulated participant: its ICE agent, its SRTP, what it sends and what it receives.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use firstbell::media::{MediaKind, ParticipantId, Source};
use firstbell::transport::srtp::{MasterKey, SrtpError, SrtpInbound, SrtpKeys, SrtpOutbound};
use firstbell::wire::rtcp::{
    Nack, PictureLossIndication, ReceiverReport, Rtcp, parse_compound, write_compound,
};
use firstbell::wire::rtp::RtpHeader;
use firstbell::wire::sdp::SlotLine;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::ice_agent::IceAgent;
use crate::plan::{Dialect, Profile, credentials, session_plan};
use crate::receiver::Receiver;
use crate::sender::{Outgoing, Sender, Stamp};

const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Of the participants' own clocks: nobody's is right.
const CLOCK_SKEW: Duration = Duration::from_secs(7_777);
const CLIENT_SSRC: u32 = 0x0C11_E417;

struct Secured {
    inbound: SrtpInbound,
    outbound: SrtpOutbound,
}

pub struct Client {
    pub id: ParticipantId,
    pub profile: Profile,
    pub address: SocketAddr,
    pub ice: IceAgent,
    dialect: Dialect,
    rng: StdRng,
    secured: Option<Secured>,
    pub senders: Vec<Sender>,
    pub receivers: Vec<Receiver>,
    transport_sequence: u16,
    next_report: Duration,
    /// Hashes of all datagrams that came, to tell the network's duplicates from the node's.
    seen: HashSet<u64>,
    /// What no node may do; must stay empty.
    pub faults: Vec<String>,
    /// Packets that transport-wide feedback called received; a late one is reported again with
    /// those after it.
    pub reported_received: HashSet<u16>,
    pub sent_media: usize,
}

impl Client {
    pub fn new(now: Duration, seed: u64, id: ParticipantId, profile: Profile) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let senders = Source::ALL.map(|source| Sender::new(id, source, &mut rng));
        let slots: Vec<SlotLine> = session_plan(id, &profile).slots;
        let [high, low] = (id.0 as u16).to_be_bytes();
        Self {
            id,
            profile,
            address: SocketAddr::from(([10, 0, high, low], 40_000)),
            ice: IceAgent::new(now, credentials("c", id, 0), credentials("n", id, 0)),
            dialect: Dialect::of(id),
            secured: None,
            senders: senders.into(),
            receivers: slots.into_iter().map(Receiver::new).collect(),
            transport_sequence: rng.random(),
            next_report: now + REPORT_INTERVAL.mul_f64(rng.random_range(0.5..1.0)),
            rng,
            seen: HashSet::new(),
            faults: Vec::new(),
            reported_received: HashSet::new(),
            sent_media: 0,
        }
    }

    pub fn sender(&mut self, source: Source) -> &mut Sender {
        &mut self.senders[source as usize]
    }

    pub fn receivers_of(&self, kind: MediaKind) -> impl Iterator<Item = &Receiver> {
        let receivers = self.receivers.iter();
        receivers.filter(move |receiver| receiver.line.kind == kind)
    }

    /// The handshake is done: takes this side's keys and gives the node's.
    pub fn secure(&mut self, now: Duration) -> SrtpKeys {
        let (id, profile) = (self.id, self.profile.srtp);
        let key = |side: u8| {
            let bytes = [side ^ id.0 as u8; 16];
            MasterKey::new(profile, &bytes, &bytes[..profile.salt_len()]).unwrap()
        };
        let (up, down) = (0x55, 0xAA);
        self.secured = Some(Secured {
            inbound: SrtpInbound::new(profile, &key(down)).unwrap(),
            outbound: SrtpOutbound::new(profile, &key(up)).unwrap(),
        });
        for (source, starts) in [
            (Source::Microphone, self.profile.microphone),
            (Source::Camera, self.profile.camera),
        ] {
            if starts {
                self.sender(source).start(now);
            }
        }
        SrtpKeys {
            profile,
            inbound: key(up),
            outbound: key(down),
        }
    }

    /// When [`tick`](Self::tick) is next due.
    pub fn due(&self) -> Option<Duration> {
        let check = self.ice.due;
        if self.secured.is_none() {
            return check;
        }
        let senders = self.senders.iter().map(|sender| sender.due);
        let receivers = self.receivers.iter().map(Receiver::due);
        let all = senders.chain(receivers);
        all.chain([check, Some(self.next_report)]).flatten().min()
    }

    /// Sends what is due.
    pub fn tick(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) {
        if self.ice.due.is_some_and(|due| due <= now) {
            out.push(self.ice.check(now, &mut self.rng));
        }
        if self.secured.is_none() {
            return;
        }
        self.send_media(now, out);
        let mut rtcp = self.feedback(now);
        if self.next_report <= now {
            self.next_report += REPORT_INTERVAL;
            rtcp.extend(self.reports(now));
            self.send_probe(now, out);
        }
        if !rtcp.is_empty() {
            self.send_rtcp(&rtcp, out);
        }
    }

    fn send_media(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) {
        for at in 0..self.senders.len() {
            self.senders[at].produce(now, &mut self.rng);
            let transport_sequence = &mut self.transport_sequence;
            let mut packets = Vec::new();
            while let Some(packet) = self.senders[at].next_packet(|| stamp(now, transport_sequence))
            {
                packets.push(packet);
            }
            for packet in packets {
                self.seal(packet, out);
            }
        }
    }

    fn send_probe(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) {
        let stamp = stamp(now, &mut self.transport_sequence);
        let probe = self.sender(Source::Camera).probe(stamp);
        if let Some(probe) = probe {
            self.seal(probe, out);
        }
    }

    fn seal(&mut self, outgoing: Outgoing, out: &mut Vec<Vec<u8>>) {
        let Some(secured) = &self.secured else {
            return;
        };
        let mut packet = outgoing.packet;
        let len = packet.len();
        packet.resize(len + 20, 0);
        let sealed =
            secured
                .outbound
                .seal_rtp(outgoing.index, outgoing.header_len, len, &mut packet);
        packet.truncate(sealed.unwrap());
        self.sent_media += 1;
        out.push(packet);
    }

    fn send_rtcp(&mut self, packets: &[Rtcp], out: &mut Vec<Vec<u8>>) {
        let Some(secured) = &mut self.secured else {
            return;
        };
        let mut compound = Vec::new();
        write_compound(packets, &mut compound);
        let mut sealed = vec![0; compound.len() + 20];
        let len = secured.outbound.seal_rtcp(&compound, &mut sealed).unwrap();
        sealed.truncate(len);
        out.push(sealed);
    }

    fn feedback(&mut self, now: Duration) -> Vec<Rtcp> {
        let mut feedback = Vec::new();
        for receiver in &mut self.receivers {
            let lost = receiver.poll_lost(now);
            if !lost.is_empty() {
                feedback.push(Rtcp::Nack(Nack {
                    sender_ssrc: CLIENT_SSRC,
                    media_ssrc: receiver.line.ssrc,
                    lost,
                }));
            }
            if receiver.poll_keyframe(now) {
                feedback.push(Rtcp::PictureLossIndication(PictureLossIndication {
                    sender_ssrc: CLIENT_SSRC,
                    media_ssrc: receiver.line.ssrc,
                }));
            }
        }
        feedback
    }

    fn reports(&self, now: Duration) -> Vec<Rtcp> {
        let clock = now + CLOCK_SKEW * (self.id.0 as u32 + 1);
        let senders = self.senders.iter();
        let mut reports: Vec<_> = senders
            .filter_map(|sender| sender.report(now, clock))
            .map(Rtcp::SenderReport)
            .collect();
        let blocks = self.receivers.iter();
        reports.push(Rtcp::ReceiverReport(ReceiverReport {
            ssrc: CLIENT_SSRC,
            reports: blocks
                .filter_map(|receiver| receiver.report_block(now))
                .collect(),
        }));
        reports
    }

    /// Takes a datagram; writes what is to be sent at once.
    pub fn on_datagram(&mut self, now: Duration, mut datagram: Vec<u8>, out: &mut Vec<Vec<u8>>) {
        let is_repeated = !self.seen.insert(hash_of(&datagram));
        let result = match datagram.first() {
            Some(0..=3) => self.ice.on_answer(self.address, &datagram),
            Some(128..=191) if datagram.len() > 1 && (192..=223).contains(&datagram[1]) => {
                self.on_srtcp(now, &mut datagram, is_repeated, out)
            }
            Some(128..=191) => self.on_srtp(now, &mut datagram, is_repeated),
            first => Err(format!("a datagram that begins with {first:?}")),
        };
        if let Err(fault) = result {
            self.faults.push(format!("{now:?} {:?}: {fault}", self.id));
        }
    }

    fn on_srtp(&mut self, now: Duration, packet: &mut [u8], repeated: bool) -> Result<(), String> {
        let header = RtpHeader::parse(packet).map_err(|error| error.to_string())?;
        let secured = self.secured.as_mut().ok_or("media before the keys")?;
        let len = match secured.inbound.open_rtp(&header, packet) {
            Ok(len) => len,
            Err(SrtpError::Replay) if repeated => return Ok(()),
            Err(error) => return Err(format!("SRTP {:#x}: {error}", header.ssrc)),
        };
        let receiver = self
            .receivers
            .iter_mut()
            .find(|receiver| {
                header.ssrc == receiver.line.ssrc || Some(header.ssrc) == receiver.line.rtx_ssrc
            })
            .ok_or_else(|| format!("media under the unknown SSRC {:#x}", header.ssrc))?;
        receiver.on_rtp(now, &header, &packet[..len], self.dialect.audio_level)
    }

    fn on_srtcp(
        &mut self,
        now: Duration,
        packet: &mut [u8],
        repeated: bool,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), String> {
        let secured = self.secured.as_mut().ok_or("RTCP before the keys")?;
        let len = match secured.inbound.open_rtcp(packet) {
            Ok(len) => len,
            Err(SrtpError::Replay) if repeated => return Ok(()),
            Err(error) => return Err(format!("SRTCP: {error}")),
        };
        let compound = parse_compound(&packet[..len]).map_err(|error| error.to_string())?;
        for rtcp in compound {
            self.on_rtcp(now, rtcp, out)?;
        }
        Ok(())
    }

    fn on_rtcp(&mut self, now: Duration, rtcp: Rtcp, out: &mut Vec<Vec<u8>>) -> Result<(), String> {
        match rtcp {
            Rtcp::Nack(nack) => {
                for lost in nack.lost {
                    let stamp = stamp(now, &mut self.transport_sequence);
                    let sender = self.sender_of(nack.media_ssrc)?;
                    if let Some(packet) = sender.retransmit(lost, stamp) {
                        self.seal(packet, out);
                    }
                }
            }
            Rtcp::PictureLossIndication(request) if self.dialect.pli => {
                self.sender_of(request.media_ssrc)?.request_keyframe(now);
            }
            Rtcp::FullIntraRequest(request) if !self.dialect.pli => {
                for entry in request.entries {
                    self.sender_of(entry.ssrc)?.request_keyframe(now);
                }
            }
            Rtcp::ReceiverReport(report) => {
                for block in report.reports {
                    self.sender_of(block.ssrc)?.reception = Some(block);
                }
            }
            Rtcp::SenderReport(report) => self
                .receivers
                .iter_mut()
                .find(|receiver| receiver.line.ssrc == report.ssrc)
                .ok_or("a sender report on no slot")?
                .on_sender_report(now, &report),
            Rtcp::TransportFeedback(feedback) => {
                let sequences = (feedback.base_sequence..=u16::MAX).chain(0..=u16::MAX);
                let statuses = sequences.zip(feedback.arrivals);
                let received = statuses.filter(|(_, arrival)| arrival.is_some());
                self.reported_received
                    .extend(received.map(|(sequence, _)| sequence));
            }
            other => return Err(format!("unexpected {other:?}")),
        }
        Ok(())
    }

    fn sender_of(&mut self, ssrc: u32) -> Result<&mut Sender, String> {
        let senders = &mut self.senders;
        senders
            .iter_mut()
            .find(|sender| sender.ssrc == ssrc)
            .ok_or_else(|| format!("feedback on a stream {ssrc:#x} that is not sent"))
    }
}

fn stamp(now: Duration, transport_sequence: &mut u16) -> Stamp {
    *transport_sequence = transport_sequence.wrapping_add(1);
    Stamp {
        now,
        transport_sequence: *transport_sequence,
    }
}

pub fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
