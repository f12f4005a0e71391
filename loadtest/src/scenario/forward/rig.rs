//! A node under test with its own publishers and subscribers, all joined and kept alive.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::{StreamExt, stream};
use hyper::Uri;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::client::crypto::Crypto;
use crate::client::signaling::Signaling;
use crate::node::{NodeOptions, NodeUnderTest};
use crate::scenario::join::websocket_url;
use crate::token::{self, TokenSource};

use super::cpu::{CpuTime, ThreadClock};
use super::generator::{Generator, Outlet, Sent};
use super::metrics;
use super::peer::{Door, Peer, Seat};
use super::sinks::{Sink, Sinks};
use super::traffic::{Profile, Shape};

/// What the node calls its media threads, with their number behind it.
const MEDIA_THREAD: &str = "shard-";
const ROOM: &str = "forward";
const PATIENCE: Duration = Duration::from_secs(20);
/// Joins at once.
const JOINS: usize = 8;
/// Streams that rest send a frame this often: a silent camera would lose its slots.
const TRICKLE: Duration = Duration::from_millis(400);
/// Each peer reports once a second and checks consent every fourth time.
const CONSENT_EVERY: u64 = 4;
/// Longest wait until every subscriber gets every stream.
const SETTLE: Duration = Duration::from_secs(15);
/// The node takes its counters over once a second.
const COUNTERS_AFTER: Duration = Duration::from_millis(1300);

/// Who is there.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub profile: Profile,
    /// Rooms alike; each has publishers and subscribers of its own.
    pub rooms: usize,
    /// Subscribers of a room.
    pub subscribers: usize,
}

pub struct Rig {
    node: NodeUnderTest,
    server: Uri,
    /// Of the media threads.
    clocks: Vec<ThreadClock>,
    /// Media threads whose CPU time counts.
    measured: usize,
    runtime: Handle,
    keeper: Keeper,
    generator: Generator,
    pub sinks: Sinks,
    /// Of one room.
    pub subscribers: usize,
    /// Packets sent to the node since it settled.
    pub sent: u64,
    forwarded_before: u64,
    failure: Arc<Mutex<Option<String>>>,
    _sockets: JoinSet<()>,
}

impl Rig {
    /// Starts a node and brings everybody in.
    ///
    /// # Errors
    /// No node, a refused join, or streams that do not reach everybody.
    pub async fn start(
        binary: &Path,
        options: &NodeOptions,
        layout: Layout,
    ) -> anyhow::Result<Self> {
        let node = NodeUnderTest::start(binary, options).await?;
        let clocks = (0..options.shards.unwrap_or(1))
            .map(|shard| ThreadClock::named(node.pid(), &format!("{MEDIA_THREAD}{shard}")))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut rooms = Rooms::default();
        for room in 0..layout.rooms.max(1) {
            // One after the other: where a room goes depends on those before it.
            Box::pin(rooms.fill(&node.server, &format!("{ROOM}-{room}"), layout)).await?;
        }
        let failure = Arc::new(Mutex::new(None));
        let mut sockets = JoinSet::new();
        for peer in rooms.publishers.iter_mut().chain(&mut rooms.viewers) {
            if let Some(signaling) = peer.signaling.take() {
                sockets.spawn(listen(signaling, failure.clone()));
            }
        }
        let sinks = Sinks::start(ends(&mut rooms.viewers)?)?;
        let publishers = rooms.publishers.len();
        rooms.publishers.append(&mut rooms.viewers);
        Ok(Self {
            server: node.server.clone(),
            node,
            measured: clocks.len(),
            clocks,
            runtime: Handle::current(),
            keeper: Keeper::new(rooms.publishers, publishers),
            generator: rooms.generator.context("no room")?,
            sinks,
            subscribers: layout.subscribers,
            sent: 0,
            forwarded_before: 0,
            failure,
            _sockets: sockets,
        })
    }

    /// Trickles until every packet reaches everybody; keyframes come when asked for.
    ///
    /// # Errors
    /// It does not come to that.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        self.sinks.read()?;
        let deadline = Instant::now() + SETTLE;
        let mut in_row = 0;
        while in_row < 5 {
            let before = self.sinks.counts();
            let sent = self.generator.trickle();
            std::thread::sleep(Duration::from_millis(60));
            self.keeper.keep(&mut self.generator);
            let arrived = self.sinks.counts().since(before).packets;
            let all = arrived == sent * self.subscribers as u64;
            in_row = if all { in_row + 1 } else { 0 };
            if Instant::now() > deadline {
                bail!(
                    "the streams do not reach everybody: {arrived} packets of {}{}",
                    sent * self.subscribers as u64,
                    self.check()
                        .err()
                        .map_or(String::new(), |error| format!(" ({error})"))
                );
            }
        }
        self.rest_silent(COUNTERS_AFTER);
        self.forwarded_before = self.forwarded()?;
        self.sent = 0;
        Ok(())
    }

    /// From now on only the first `rooms` rooms are sent to, which live on as many media threads,
    /// and only these threads' CPU time counts; the other rooms are kept alive.
    pub fn only_rooms(&mut self, rooms: usize) {
        self.generator.only_rooms(rooms);
        self.measured = rooms;
    }

    /// Sends at this rate (packets a second to all subscribers of a room together).
    pub fn send(&mut self, to_all: f64, duration: Duration, mut meanwhile: impl FnMut()) -> Sent {
        let keeper = &mut self.keeper;
        let rate = to_all / self.subscribers.max(1) as f64;
        let mut trickled = 0;
        let sent = self.generator.run(rate, duration, |generator| {
            keeper.keep(generator);
            if keeper.last_trickle.elapsed() >= TRICKLE {
                keeper.last_trickle = Instant::now();
                trickled += generator.trickle_resting();
            }
            meanwhile();
        });
        self.sent += sent.packets + trickled;
        sent
    }

    /// To be called at least every 100 ms while nothing else is sent.
    pub fn keep_alive(&mut self) {
        self.keeper.keep(&mut self.generator);
        if self.keeper.last_trickle.elapsed() >= TRICKLE {
            self.trickle();
        }
    }

    fn trickle(&mut self) {
        self.keeper.last_trickle = Instant::now();
        self.sent += self.generator.trickle();
    }

    /// Keeps alive for so long.
    pub fn rest(&mut self, duration: Duration) {
        let start = Instant::now();
        while start.elapsed() < duration {
            self.keep_alive();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// CPU time of the measured media threads so far.
    ///
    /// # Errors
    /// The node has ended.
    pub fn cpu(&self) -> anyhow::Result<CpuTime> {
        let times = self.cpu_by_thread()?.into_iter().take(self.measured);
        Ok(times.fold(CpuTime::default(), CpuTime::plus))
    }

    /// CPU time of each media thread so far.
    ///
    /// # Errors
    /// The node has ended.
    pub fn cpu_by_thread(&self) -> anyhow::Result<Vec<CpuTime>> {
        self.clocks.iter().map(ThreadClock::read).collect()
    }

    /// People on each media thread, by the node's own count.
    ///
    /// # Errors
    /// The node gives no metrics.
    pub fn people_by_thread(&self) -> anyhow::Result<Vec<u64>> {
        let text = self.metrics()?;
        let of = |shard: usize| {
            let shard = shard.to_string();
            metrics::sum(&text, "firstbell_shard_participants", &[("shard", &shard)])
        };
        Ok((0..self.clocks.len()).map(of).collect())
    }

    /// What the node carried between its media threads so far, by its own count: packets by
    /// direction, and what was dropped by reason.
    ///
    /// # Errors
    /// The node gives no metrics.
    pub fn relayed(&self) -> anyhow::Result<Relayed> {
        let text = self.metrics()?;
        let sum = |name: &str, labels: &[(&str, &str)]| {
            metrics::sum(&text, &format!("firstbell_relay_{name}_total"), labels)
        };
        Ok(Relayed {
            packets_out: sum("packets", &[("direction", "out")]),
            packets_in: sum("packets", &[("direction", "in")]),
            resent: sum("packets", &[("direction", "resent")]),
            keyframe_requests: sum("keyframe_requests", &[("direction", "out")]),
            queue_full: sum("drops", &[("reason", "queue_full")]),
            repeated: sum("drops", &[("reason", "repeated")]),
        })
    }

    fn metrics(&self) -> anyhow::Result<String> {
        self.runtime.block_on(token::metrics(&self.server))
    }

    fn forwarded(&self) -> anyhow::Result<u64> {
        let text = self.metrics()?;
        Ok(metrics::sum(
            &text,
            "firstbell_shard_rtp_packets_total",
            &[("outcome", "forwarded")],
        ))
    }

    /// Share of what was sent since the rig settled that the node did not forward to everybody, by
    /// its own counters, and what it says it dropped.
    ///
    /// # Errors
    /// The node gives no metrics.
    pub fn account(&mut self) -> anyhow::Result<NodeAccount> {
        self.rest_silent(COUNTERS_AFTER);
        let text = self.metrics()?;
        let packets = "firstbell_shard_rtp_packets_total";
        let forwarded = metrics::sum(&text, packets, &[("outcome", "forwarded")]);
        Ok(NodeAccount {
            expected: self.sent * self.subscribers as u64,
            forwarded: forwarded.saturating_sub(self.forwarded_before),
            drops: metrics::by_label(&text, "firstbell_shard_drops_total", "reason"),
        })
    }

    /// Nothing is sent, so that the node's counters can catch up with ours.
    fn rest_silent(&mut self, duration: Duration) {
        // Just before, so that no camera counts as silent afterwards.
        self.trickle();
        std::thread::sleep(duration);
        self.keeper.keep(&mut self.generator);
    }

    /// # Errors
    /// The node or a session has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        if !self.node.is_running() {
            bail!("the node ended during the test:\n{}", self.node.log_tail());
        }
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failure {
            Some(failure) => bail!("a session ended during the test: {failure}"),
            None => Ok(()),
        }
    }
}

/// What went between media threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Relayed {
    pub packets_out: u64,
    pub packets_in: u64,
    pub resent: u64,
    pub keyframe_requests: u64,
    pub queue_full: u64,
    pub repeated: u64,
}

impl Relayed {
    pub fn since(self, before: Self) -> Self {
        Self {
            packets_out: self.packets_out - before.packets_out,
            packets_in: self.packets_in - before.packets_in,
            resent: self.resent - before.resent,
            keyframe_requests: self.keyframe_requests - before.keyframe_requests,
            queue_full: self.queue_full - before.queue_full,
            repeated: self.repeated - before.repeated,
        }
    }
}

/// The node's own count against ours.
#[derive(Clone, Debug, Default)]
pub struct NodeAccount {
    pub expected: u64,
    pub forwarded: u64,
    pub drops: std::collections::BTreeMap<String, u64>,
}

/// Rooms as they fill up.
#[derive(Default)]
struct Rooms {
    publishers: Vec<Peer>,
    viewers: Vec<Peer>,
    generator: Option<Generator>,
}

impl Rooms {
    async fn fill(&mut self, server: &Uri, room: &str, layout: Layout) -> anyhow::Result<()> {
        let door = Door {
            websocket_url: websocket_url(server)?,
            tokens: TokenSource::DevDoor {
                server: server.clone(),
            },
            room: room.into(),
            patience: PATIENCE,
            dtls: Arc::new(dimpl::Config::builder().build().context("DTLS")?),
            crypto: Crypto::new()?,
        };
        let profile = layout.profile;
        let mut publishers = join_all(&door, publisher_seats(profile)).await?;
        let seats = subscriber_seats(profile, layout.subscribers);
        let mut viewers = join_all(&door, seats).await?;
        let (ssrcs, outlets) = outlets(profile, &mut publishers)?;
        match &mut self.generator {
            Some(generator) => generator.add_room(&ssrcs, outlets),
            None => self.generator = Some(Generator::new(profile, &ssrcs, outlets)),
        }
        self.publishers.append(&mut publishers);
        self.viewers.append(&mut viewers);
        Ok(())
    }
}

/// Reads publishers' sockets, reports and checks consent for everybody.
struct Keeper {
    peers: Vec<Peer>,
    publishers: usize,
    start: Instant,
    served: u64,
    last_trickle: Instant,
}

impl Keeper {
    fn new(peers: Vec<Peer>, publishers: usize) -> Self {
        Self {
            peers,
            publishers,
            start: Instant::now(),
            served: 0,
            last_trickle: Instant::now(),
        }
    }

    fn keep(&mut self, generator: &mut Generator) {
        for publisher in self.peers.iter_mut().take(self.publishers) {
            for ssrc in publisher.keyframe_requests() {
                generator.request_keyframe(ssrc);
            }
        }
        let peers = self.peers.len() as u64;
        let due = (self.start.elapsed().as_secs_f64() * peers as f64) as u64;
        while self.served < due {
            let place = (self.served % peers.max(1)) as usize;
            if let Some(peer) = self.peers.get_mut(place) {
                peer.report();
                if (self.served / peers).is_multiple_of(CONSENT_EVERY) {
                    peer.refresh_consent();
                }
            }
            self.served += 1;
        }
    }
}

fn publisher_seats(profile: Profile) -> Vec<Seat> {
    let seat = |(index, plan): (usize, super::traffic::PublisherPlan)| Seat {
        name: format!("publisher-{index}"),
        role: if index == 0 { "teacher" } else { "pupil" },
        camera: plan.camera,
        microphone: plan.microphone,
        audio_slots: 0,
        video_slots: 0,
    };
    profile
        .publishers()
        .into_iter()
        .enumerate()
        .map(seat)
        .collect()
}

fn subscriber_seats(profile: Profile, subscribers: usize) -> Vec<Seat> {
    let (audio_slots, video_slots) = profile.slots();
    (0..subscribers)
        .map(|index| Seat {
            name: format!("subscriber-{index}"),
            role: "pupil",
            camera: false,
            microphone: false,
            audio_slots,
            video_slots,
        })
        .collect()
}

/// In the order of `seats`.
async fn join_all(door: &Door, seats: Vec<Seat>) -> anyhow::Result<Vec<Peer>> {
    let joins = seats.into_iter().map(|seat| async move {
        let joined = Box::pin(Peer::join(door, &seat)).await;
        joined.with_context(|| format!("{} did not get in", seat.name))
    });
    let joined: Vec<_> = stream::iter(joins).buffered(JOINS).collect().await;
    joined.into_iter().collect()
}

async fn listen(mut signaling: Signaling, failure: Arc<Mutex<Option<String>>>) {
    loop {
        let why = match signaling.next_event().await {
            Ok(crate::client::signaling::SignalingEvent::Connection(
                crate::client::protocol::MediaState::Lost,
            )) => "the node lost a media path".to_owned(),
            Ok(_) => continue,
            Err(error) => error.to_string(),
        };
        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(why);
        return;
    }
}

/// SSRCs of the profile's streams, and the ways of its publishers.
fn outlets(profile: Profile, publishers: &mut [Peer]) -> anyhow::Result<(Vec<u32>, Vec<Outlet>)> {
    let ssrcs: Vec<u32> = profile
        .streams()
        .iter()
        .filter_map(|stream| {
            let streams = publishers.get(stream.publisher)?.streams;
            Some(match stream.shape {
                Shape::Camera { .. } => streams.camera,
                Shape::Voice => streams.microphone,
            })
        })
        .collect();
    let outlets = publishers
        .iter_mut()
        .map(|peer| {
            let keys = peer.keys.take().context("a publisher without keys")?;
            Ok(Outlet {
                socket: peer.socket.clone(),
                to: peer.node,
                gcm: keys.outbound,
                transport_sequence: 0,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((ssrcs, outlets))
}

fn ends(subscribers: &mut [Peer]) -> anyhow::Result<Vec<Sink>> {
    let end = |peer: &mut Peer| {
        let keys = peer.keys.take().context("a subscriber without keys")?;
        Ok(Sink {
            socket: peer.socket.clone(),
            node: peer.node,
            inbound: keys.inbound,
            slots: peer.slots(),
        })
    };
    subscribers.iter_mut().map(end).collect()
}
