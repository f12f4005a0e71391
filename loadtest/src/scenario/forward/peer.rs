//! One real client of the node: joins over the WebSocket, does ICE and DTLS, then hands out its
//! socket and keys. What keeps it alive stays here: consent checks and reports.

use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::time::{timeout, timeout_at};

use crate::client::crypto::Crypto;
use crate::client::driver::socket_towards;
use crate::client::dtls::{DtlsAssociation, DtlsTurn, fingerprint_text};
use crate::client::ice::{Credentials, IceAgent, IceEvent};
use crate::client::outbox::Outbox;
use crate::client::protocol::Publishing;
use crate::client::rtcp::{self, Feedback};
use crate::client::sdp::{self, Answer, OfferParams, OfferedStreams};
use crate::client::signaling::{JoinRequest, Signaling};
use crate::client::srtp::Srtp;
use crate::scenario::participant::{join_patiently, streams};
use crate::token::TokenSource;

use super::gcm::GcmPair;

const MAX_DATAGRAM: usize = 2048;
/// Datagrams a publisher reads in one go.
const MAX_READ: usize = 64;
const PROFILE: dimpl::SrtpProfile = dimpl::SrtpProfile::AEAD_AES_128_GCM;

/// What all peers of a node share.
pub struct Door {
    pub websocket_url: String,
    pub tokens: TokenSource,
    pub room: String,
    pub patience: Duration,
    pub dtls: Arc<dimpl::Config>,
    pub crypto: Crypto,
}

/// Who comes in.
#[derive(Clone, Debug)]
pub struct Seat {
    pub name: String,
    pub role: &'static str,
    pub camera: bool,
    pub microphone: bool,
    pub audio_slots: usize,
    pub video_slots: usize,
}

pub struct Peer {
    pub socket: Arc<UdpSocket>,
    pub node: SocketAddrV4,
    pub answer: Answer,
    pub streams: OfferedStreams,
    pub keys: Option<GcmPair>,
    /// Stays open for as long as the peer is there.
    pub signaling: Option<Signaling>,
    cname: String,
    ice: IceAgent,
    srtp: Srtp,
    out: Outbox,
}

impl Peer {
    /// # Errors
    /// The node refuses, or its media path does not come up in time.
    pub async fn join(door: &Door, seat: &Seat) -> anyhow::Result<Self> {
        let token = door.tokens.token(&door.room, &seat.name, seat.role).await;
        let token = token.context("no token")?;
        let certificate =
            dimpl::certificate::generate_self_signed_certificate().context("no certificate")?;
        let local = Credentials::random();
        let streams = streams();
        let offer = sdp::offer(&OfferParams {
            ice: &local,
            fingerprint: &fingerprint_text(&certificate.certificate),
            cname: &seat.name,
            streams,
            audio_slots: seat.audio_slots,
            video_slots: seat.video_slots,
        });
        let request = JoinRequest {
            url: &door.websocket_url,
            room: &door.room,
            token: &token,
            offer: &offer,
            publishing: Publishing {
                microphone: seat.microphone,
                camera: seat.camera,
                screen: false,
            },
        };
        let joined = join_patiently(door.patience, &request).await?;
        let answer = Answer::read(&joined.answer, seat.audio_slots, seat.video_slots)?;
        let candidate = *answer.candidates.first().context("no candidate")?;
        let SocketAddr::V4(node) = candidate else {
            bail!("the node's first candidate is not IPv4");
        };
        let now = Instant::now();
        let handshake = Handshake {
            socket: tokio::net::UdpSocket::from_std(socket_towards(candidate)?)?,
            ice: IceAgent::new(
                now,
                door.crypto.clone(),
                local,
                answer.ice.clone(),
                &[candidate],
            ),
            dtls: DtlsAssociation::new(
                now,
                answer.side,
                door.dtls.clone(),
                certificate,
                answer.fingerprint.clone(),
                door.crypto.clone(),
            ),
            out: Outbox::default(),
        };
        let secured = timeout(door.patience, Box::pin(handshake.run())).await;
        let (handshake, srtp, material) = secured.context("media: not secured in time")??;
        Ok(Self {
            keys: Some(GcmPair::new(answer.side, &material)?),
            socket: Arc::new(handshake.socket.into_std()?),
            node,
            answer,
            streams,
            signaling: Some(joined.signaling),
            cname: seat.name.clone(),
            ice: handshake.ice,
            srtp,
            out: handshake.out,
        })
    }

    /// A consent check; the answer is left to whoever reads the socket, if anybody does.
    pub fn refresh_consent(&mut self) {
        self.ice.refresh_consent(&mut self.out);
        self.flush();
    }

    /// An empty receiver report with our name: a client that says nothing is none.
    pub fn report(&mut self) {
        let report = rtcp::report(&self.cname, self.streams.microphone, &[], &[]);
        let sealed = report.and_then(|report| self.srtp.seal_rtcp(&report));
        if let Ok(sealed) = sealed {
            self.out.push(self.node.into(), &sealed);
            self.flush();
        }
    }

    /// Reads a publisher's socket and gives the streams that are asked for a keyframe.
    pub fn keyframe_requests(&mut self) -> Vec<u32> {
        let mut wanted = Vec::new();
        let mut datagram = [0; MAX_DATAGRAM];
        for _ in 0..MAX_READ {
            let Ok(len) = self.socket.recv(&mut datagram) else {
                break;
            };
            let datagram = datagram.get(..len).unwrap_or_default();
            let is_rtcp = matches!(datagram, [128..=191, 192..=223, ..]);
            let Some(plain) = is_rtcp
                .then(|| self.srtp.open_rtcp(datagram).ok())
                .flatten()
            else {
                continue;
            };
            for feedback in rtcp::read(&plain).unwrap_or_default() {
                if let Feedback::KeyframeRequest { ssrc } = feedback {
                    wanted.push(ssrc);
                }
            }
        }
        wanted
    }

    /// SSRCs of the slots with whether they are video.
    pub fn slots(&self) -> Vec<(u32, bool)> {
        let slots = self.answer.media.iter().skip(sdp::first_slot_mid());
        slots
            .filter_map(|slot| Some((slot.ssrc?, !slot.audio)))
            .collect()
    }

    fn flush(&mut self) {
        for (to, datagram) in self.out.iter() {
            if let Err(error) = self.socket.send_to(datagram, to) {
                tracing::debug!(%error, fd = self.socket.as_raw_fd(), "a datagram was not sent");
            }
        }
        self.out.clear();
    }
}

struct Handshake {
    socket: tokio::net::UdpSocket,
    ice: IceAgent,
    dtls: DtlsAssociation,
    out: Outbox,
}

impl Handshake {
    /// Until there are keys.
    async fn run(mut self) -> anyhow::Result<(Self, Srtp, Vec<u8>)> {
        let mut datagram = [0; MAX_DATAGRAM];
        loop {
            let now = Instant::now();
            self.ice.handle_timeout(now, &mut self.out);
            if self.dtls.poll_timeout().is_some_and(|at| at <= now) {
                let turn = self.dtls.handle_timeout(now)?;
                self.queue(&turn);
            }
            self.flush().await?;
            let ice = self.ice.poll_timeout();
            let next = self.dtls.poll_timeout().map_or(ice, |dtls| dtls.min(ice));
            let next = tokio::time::Instant::from_std(next);
            let Ok(received) = timeout_at(next, self.socket.recv_from(&mut datagram)).await else {
                continue;
            };
            let (len, from) = received?;
            let turn = self.take(from, datagram.get(..len).unwrap_or_default())?;
            self.queue(&turn);
            self.flush().await?;
            if let (Some((srtp, profile)), Some(material)) = (turn.keys, turn.material) {
                if profile != PROFILE {
                    bail!("the node chose {profile}; figures are for {PROFILE}");
                }
                return Ok((self, srtp, material));
            }
        }
    }

    fn take(&mut self, from: SocketAddr, datagram: &[u8]) -> anyhow::Result<DtlsTurn> {
        let now = Instant::now();
        // RFC 7983.
        match datagram {
            [0..=3, ..] => match self.ice.handle_datagram(now, from, datagram, &mut self.out) {
                Some(IceEvent::Selected(_)) => Ok(self.dtls.start(now)?),
                _ => Ok(DtlsTurn::default()),
            },
            [20..=63, ..] => Ok(self.dtls.handle_datagram(now, datagram)?),
            _ => Ok(DtlsTurn::default()),
        }
    }

    fn queue(&mut self, turn: &DtlsTurn) {
        if let Some(to) = self.ice.selected() {
            for datagram in &turn.transmit {
                self.out.push(to, datagram);
            }
        }
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        for (to, datagram) in self.out.iter() {
            self.socket.send_to(datagram, to).await?;
        }
        self.out.clear();
        Ok(())
    }
}
