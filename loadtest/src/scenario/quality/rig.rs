//! Brings a class together: a node's room, a publisher, receivers behind their lines.

use std::sync::Arc;
use std::sync::mpsc as commands;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use firstbell_linksim::Link;
use hyper::Uri;
use rand::Rng;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use crate::client::crypto::Crypto;
use crate::client::driver::socket_towards;
use crate::client::dtls::fingerprint_text;
use crate::client::ice::Credentials;
use crate::client::protocol::{MediaState, Publishing, SlotMapping, Tile, TrackSource};
use crate::client::sdp::{self, Answer, OfferParams};
use crate::client::signaling::{JoinRequest, Joined, Signaling, SignalingEvent};
use crate::scenario::join::websocket_url;
use crate::scenario::participant::{join_patiently, streams};
use crate::token::TokenSource;

use super::camera::Camera;
use super::client::{Client, ClientConfig, Publisher};
use super::line::Line;
use super::offer::{self, Sending};
use super::path::SecurePath;
use super::plan::{self, ClassPlan, ReceiverPlan};
use super::priority;
use super::receiver::Receiver;
use super::seat::Seat;
use super::stage::{Command, News, Outcome, Shared, Stage, StageEvent};
use super::voice::{Voice, VoiceFormat};

/// Until somebody is in, and until everybody hears and sees.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between the last one's first picture and the beginning: what the node has to learn of the lines
/// it learns now.
const LEAD_IN: Duration = Duration::from_secs(8);
/// Events of the stage that wait; more are dropped (each seat has three at most).
const MAX_EVENTS: usize = 256;
/// Height of the only tile on the page.
const TILE_HEIGHT: u16 = 720;
/// Number of the room within the run, in every packet's stamp.
const ROOM: u32 = 1;
const PUBLISHER: u32 = 1;

/// What joining takes.
pub struct Door {
    websocket_url: String,
    tokens: TokenSource,
    dtls: Arc<dimpl::Config>,
    crypto: Crypto,
    seed: u64,
    red_depth: usize,
}

impl Door {
    /// # Errors
    /// No cryptography, or a server without address.
    pub fn new(server: &Uri, seed: u64, red_depth: usize) -> anyhow::Result<Self> {
        Ok(Self {
            websocket_url: websocket_url(server)?,
            tokens: TokenSource::DevDoor {
                server: server.clone(),
            },
            dtls: Arc::new(dimpl::Config::builder().build().context("DTLS")?),
            crypto: Crypto::new()?,
            seed,
            red_depth,
        })
    }
}

/// What was agreed with the publisher.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Agreed {
    pub red: bool,
    /// Encodings of the camera; none: one stream.
    pub rids: Vec<&'static str>,
}

/// Plays one class from the first join to the last goodbye.
///
/// # Errors
/// No test took place: a refused join, nobody heard or saw, no sockets.
pub async fn play(
    door: &Door,
    class: &ClassPlan,
    total: Duration,
) -> anyhow::Result<(Agreed, Outcome)> {
    let start = Instant::now();
    let (to_stage, commands) = commands::channel();
    let (events, mut from_stage) = mpsc::channel(MAX_EVENTS);
    let shared = Shared {
        links: (100..)
            .zip(&class.shared)
            .map(|(number, schedule)| Link::new(door.seed ^ number, plan::before(schedule)))
            .collect(),
        schedules: class.shared.clone(),
        competitor: class.competitor,
    };
    let stage = Stage::new(start, shared, commands, events)?;
    let stage = tokio::task::spawn_blocking(move || {
        priority::raise();
        stage.run()
    });
    let mut cast = Cast {
        start,
        to_stage,
        people: JoinSet::new(),
        leave: watch::channel(false).0,
        seats: 0,
        served: 0,
    };
    let agreed = cast.bring_in_all(door, class, &mut from_stage).await?;
    sleep(LEAD_IN).await;
    cast.command(Command::Begin(total))?;
    let outcome = stage.await.context("the stage broke")??;
    cast.leave.send_replace(true);
    while cast.people.join_next().await.is_some() {}
    let outcome = outcome.context("the stage ended early")?;
    Ok((agreed, outcome))
}

/// Those who have joined.
struct Cast {
    start: Instant,
    to_stage: commands::Sender<Command>,
    people: JoinSet<()>,
    leave: watch::Sender<bool>,
    seats: usize,
    /// Seats that hear and see.
    served: usize,
}

impl Cast {
    fn command(&self, command: Command) -> anyhow::Result<()> {
        let sent = self.to_stage.send(command);
        sent.map_err(|_| anyhow::anyhow!("the stage has ended"))
    }

    async fn bring_in_all(
        &mut self,
        door: &Door,
        class: &ClassPlan,
        events: &mut mpsc::Receiver<StageEvent>,
    ) -> anyhow::Result<Agreed> {
        let good = plan::good();
        let teacher = ReceiverPlan {
            name: "publisher".into(),
            shared: None,
            down: good.clone(),
            up: good,
        };
        let (publisher, agreed) = self.bring_in(door, class, &teacher, None, events).await?;
        for receiver in &class.receivers {
            self.bring_in(door, class, receiver, Some(&publisher), events)
                .await
                .with_context(|| format!("{} did not get in", receiver.name))?;
        }
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.served < class.receivers.len() {
            let event = timeout_at(deadline, events.recv())
                .await
                .context("not everybody hears and sees")?;
            match event.context("the stage has ended")? {
                StageEvent::Served(_) => self.served += 1,
                StageEvent::Secured(_) => {}
                StageEvent::Failed(_, why) => bail!("media: {why}"),
            }
        }
        Ok(agreed)
    }

    /// Joins, waits for the secured path, and says what it wants to see. Gives the participant's
    /// id.
    async fn bring_in(
        &mut self,
        door: &Door,
        class: &ClassPlan,
        plan: &ReceiverPlan,
        publisher: Option<&str>,
        events: &mut mpsc::Receiver<StageEvent>,
    ) -> anyhow::Result<(String, Agreed)> {
        let index = self.seats;
        self.seats += 1;
        let cname = format!("quality-{index}");
        let is_publisher = publisher.is_none();
        let (mut joined, accepted) =
            join(door, &class.room, &plan.name, cname, is_publisher).await?;
        let (seat, agreed) = self.seat(door, plan, index, accepted)?;
        self.command(Command::Add(Box::new(seat)))?;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let event = timeout_at(deadline, events.recv()).await;
            match event.context("media: not secured in time")? {
                Some(StageEvent::Secured(seat)) if seat == index => break,
                Some(StageEvent::Failed(_, why)) => bail!("media: {why}"),
                Some(StageEvent::Served(_)) => self.served += 1,
                Some(StageEvent::Secured(_)) => {}
                None => bail!("the stage has ended"),
            }
        }
        if let Some(publisher) = publisher {
            let tile = Tile {
                participant: publisher,
                source: TrackSource::Camera,
                height: TILE_HEIGHT,
            };
            joined.signaling.want(&[tile]).await?;
        }
        let participant = joined.participant.clone();
        let video_mid = seat_video_mid();
        let to_stage = self.to_stage.clone();
        let leave = self.leave.subscribe();
        self.people
            .spawn(listen(joined.signaling, index, video_mid, to_stage, leave));
        Ok((participant, agreed))
    }

    fn seat(
        &self,
        door: &Door,
        plan: &ReceiverPlan,
        index: usize,
        accepted: Accepted,
    ) -> anyhow::Result<(Seat, Agreed)> {
        let Accepted {
            answer,
            sending,
            path,
            cname,
            voice_ssrc,
            is_publisher,
        } = accepted;
        let candidate = *answer.candidates.first().context("no candidate")?;
        let publisher = is_publisher
            .then(|| published(door, self.start.elapsed(), &sending, voice_ssrc))
            .transpose()?;
        let client = Client::new(ClientConfig {
            start: self.start,
            cname,
            own_ssrc: voice_ssrc,
            path,
            publisher,
            receiver: Receiver::new(ROOM, &answer),
            with_feedback: sending.with_transport_sequence,
        });
        let eye = client.receiver.eye.iter();
        let video_ssrcs = eye.flat_map(|eye| [Some(eye.ssrc), eye.rtx_ssrc]);
        let seed = door.seed.wrapping_add(2 * index as u64);
        let seat = Seat {
            name: plan.name.clone(),
            video_ssrcs: video_ssrcs.flatten().collect(),
            client,
            socket: socket_towards(candidate).context("no socket")?,
            line: Line::new(
                plan.shared,
                Link::new(seed, plan::before(&plan.down)),
                Link::new(seed.wrapping_add(1), plan.up.clone()),
            ),
            down: plan.down.clone(),
        };
        let agreed = Agreed {
            red: sending.red,
            rids: sending.rids,
        };
        Ok((seat, agreed))
    }
}

/// Somebody who is in, without a seat yet.
struct Accepted {
    answer: Answer,
    sending: Sending,
    path: SecurePath,
    cname: String,
    voice_ssrc: u32,
    is_publisher: bool,
}

/// Token, offer, join.
async fn join(
    door: &Door,
    room: &str,
    name: &str,
    cname: String,
    is_publisher: bool,
) -> anyhow::Result<(Joined, Accepted)> {
    let role = if is_publisher { "teacher" } else { "pupil" };
    let token = door.tokens.token(room, name, role).await;
    let token = token.context("no token")?;
    let certificate =
        dimpl::certificate::generate_self_signed_certificate().context("no certificate")?;
    let ice = Credentials::random();
    let streams = streams();
    let params = OfferParams {
        ice: &ice,
        fingerprint: &fingerprint_text(&certificate.certificate),
        cname: &cname,
        streams,
        audio_slots: 1,
        video_slots: 1,
    };
    let request = JoinRequest {
        url: &door.websocket_url,
        room,
        token: &token,
        offer: &offer::offer(&params, is_publisher),
        publishing: Publishing {
            microphone: is_publisher,
            camera: is_publisher,
            screen: false,
        },
    };
    let joined = join_patiently(PATIENCE, &request).await?;
    let answer = Answer::read(&joined.answer, 1, 1)?;
    let (dtls, crypto) = (door.dtls.clone(), door.crypto.clone());
    let accepted = Accepted {
        sending: Sending::of(&joined.answer, &answer),
        path: SecurePath::new(Instant::now(), &answer, ice, certificate, dtls, crypto),
        answer,
        cname,
        voice_ssrc: streams.microphone,
        is_publisher,
    };
    Ok((joined, accepted))
}

fn published(
    door: &Door,
    now: Duration,
    sending: &Sending,
    voice_ssrc: u32,
) -> anyhow::Result<Publisher> {
    if !sending.camera {
        bail!("the node takes no camera");
    }
    let format = VoiceFormat {
        red_depth: sending.red.then_some(door.red_depth),
        with_level: sending.with_level,
    };
    let identity = (ROOM, PUBLISHER);
    let camera_ssrc = rand::rng().random_range(1..u32::MAX / 16) * 8 + 6;
    let voice = Voice::new(now, door.seed, format, voice_ssrc, identity);
    let camera = Camera::new(now, door.seed, &sending.rids, camera_ssrc, identity);
    Ok(Publisher::new(
        voice,
        camera,
        sending.with_transport_sequence,
    ))
}

/// Mid of the only video slot.
fn seat_video_mid() -> String {
    (sdp::first_slot_mid() + 1).to_string()
}

/// Passes on what the node says, keeps the heartbeat, and leaves at the end.
async fn listen(
    mut signaling: Signaling,
    seat: usize,
    video_mid: String,
    to_stage: commands::Sender<Command>,
    mut leave: watch::Receiver<bool>,
) {
    loop {
        // The watched value changes once, when it is time; its owner gone means the same.
        let event = tokio::select! {
            _ = leave.changed() => None,
            event = signaling.next_event() => Some(event),
        };
        let Some(event) = event else {
            signaling.leave().await;
            return;
        };
        let news = match event {
            Ok(SignalingEvent::Slots(mapping)) => News::Shown(shows_picture(&mapping, &video_mid)),
            Ok(SignalingEvent::Layers {
                source: TrackSource::Camera,
                active,
            }) => News::Watched(active),
            Ok(SignalingEvent::Line(line)) => News::Line(line),
            Ok(SignalingEvent::Connection(MediaState::Lost)) => {
                News::Failed("the node lost the media path".to_owned())
            }
            Ok(_) => continue,
            Err(error) => {
                let news = News::Failed(error.to_string());
                let _ = to_stage.send(Command::Seat { seat, news });
                return;
            }
        };
        // The stage ends before the people do.
        let _ = to_stage.send(Command::Seat { seat, news });
    }
}

fn shows_picture(mapping: &[SlotMapping], video_mid: &str) -> bool {
    let slot = mapping.iter().find(|slot| slot.mid == video_mid);
    slot.is_some_and(|slot| slot.shows.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::protocol::SlotTrack;

    #[test]
    fn the_picture_is_that_of_the_slot() {
        let slot = |mid: &str, shows: bool| SlotMapping {
            mid: mid.into(),
            shows: shows.then(|| SlotTrack {
                participant: "p".into(),
                source: TrackSource::Camera,
            }),
        };
        let mid = seat_video_mid();
        assert!(shows_picture(&[slot("4", false), slot(&mid, true)], &mid));
        assert!(!shows_picture(&[slot("4", true), slot(&mid, false)], &mid));
        assert!(!shows_picture(&[], &mid));
    }
}
