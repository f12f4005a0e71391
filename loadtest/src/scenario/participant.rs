//! One participant from token to goodbye.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rand::Rng;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout_at};

use crate::client::driver::{MAX_EVENTS, SessionId, socket_towards};
use crate::client::dtls::fingerprint_text;
use crate::client::ice::Credentials;
use crate::client::media::Origin;
use crate::client::pace::Pace;
use crate::client::protocol::{MediaState, Publishing, SlotMapping, TrackSource};
use crate::client::sdp::{self, Answer, OfferParams, OfferedStreams};
use crate::client::session::{MediaSession, SessionConfig, SessionEvent};
use crate::client::signaling::{
    self, JoinRequest, Joined, Signaling, SignalingError, SignalingEvent,
};
use crate::report::ParticipantReport;

use super::run::{Phase, Publishers, Run};

/// Where a participant sits.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// Within the run.
    pub number: usize,
    pub room: usize,
    /// Within the room.
    pub seat: usize,
}

/// How many have got in or failed, for those who wait for all.
#[derive(Debug, Default)]
pub struct Arrivals {
    pub secured: AtomicUsize,
    pub failed: AtomicUsize,
}

/// What a joined participant holds.
struct Inside {
    signaling: Signaling,
    session: SessionId,
    events: mpsc::Receiver<SessionEvent>,
    began: Instant,
}

pub async fn participate(run: Arc<Run>, seat: Seat, arrivals: Arc<Arrivals>) -> ParticipantReport {
    let mut report = ParticipantReport::default();
    let entered = match enter(&run, seat, &mut report).await {
        Ok(mut inside) => match secure(&run, &mut inside, &mut report).await {
            Ok(()) => Ok(inside),
            Err(error) => Err((error, Some(inside))),
        },
        Err(error) => Err((error, None)),
    };
    match entered {
        Ok(inside) => {
            arrivals.secured.fetch_add(1, Ordering::Relaxed);
            stay(&run, seat, inside, &mut report).await;
        }
        Err((error, inside)) => {
            arrivals.failed.fetch_add(1, Ordering::Relaxed);
            report.failure = Some(format!("{error:#}"));
            if let Some(inside) = inside {
                let _ = run.driver.finish(inside.session).await;
                inside.signaling.leave().await;
            }
        }
    }
    report
}

/// Token, WebSocket, join, and the session handed to the driver.
async fn enter(run: &Run, seat: Seat, report: &mut ParticipantReport) -> anyhow::Result<Inside> {
    let room = format!("{}-{}", run.room_prefix, seat.room);
    let name = format!("load-{}", seat.number);
    let role = if seat.seat == 0 { "teacher" } else { "pupil" };
    let token = run
        .tokens
        .token(&room, &name, role)
        .await
        .context("no token")?;
    let certificate =
        dimpl::certificate::generate_self_signed_certificate().context("no certificate")?;
    let local_ice = Credentials::random();
    let streams = streams();
    let offer = sdp::offer(&OfferParams {
        ice: &local_ice,
        fingerprint: &fingerprint_text(&certificate.certificate),
        cname: &name,
        streams,
        audio_slots: sdp::AUDIO_SLOTS,
        video_slots: run.video_slots,
    });
    let microphone = seat.seat < run.publishers.voices;
    let camera = seat.seat < run.publishers.cameras;
    let request = JoinRequest {
        url: &run.websocket_url,
        room: &room,
        token: &token,
        offer: &offer,
        publishing: Publishing {
            microphone,
            camera,
            screen: false,
        },
    };
    let began = Instant::now();
    let joined = join_patiently(run.join_timeout, &request).await?;
    report.joined_after = Some(joined.took);
    let Joined {
        signaling,
        participant,
        answer,
        slot_mids,
        mapping,
        ..
    } = joined;
    let answer = Answer::read(&answer, sdp::AUDIO_SLOTS, run.video_slots)?;
    let slots = (sdp::AUDIO_SLOTS + run.video_slots) as u32;
    if slot_mids.len() != slots as usize {
        bail!("the node answered {} slots for {slots}", slot_mids.len());
    }
    let candidate = *answer.candidates.first().context("no candidate")?;
    let socket = socket_towards(candidate).context("no socket")?;
    let now = Instant::now();
    let config = SessionConfig {
        origin: Origin {
            room: seat.room as u32,
            client: run.names.number(&participant),
            seat: seat.seat as u32,
            seats: run.seats as u32,
            run_start: run.start,
        },
        cname: name,
        local_ice,
        streams,
        answer,
        certificate,
        dtls: run.dtls.clone(),
        crypto: run.crypto.clone(),
        publish_audio: microphone,
        publish_video: camera.then_some(run.video),
        content: run.publishers.content(),
    };
    let mut session = MediaSession::new(now, config);
    let mapping = numbered(run, mapping);
    session.set_mapping(
        now,
        mapping.iter().map(|(mid, shown)| (mid.as_str(), *shown)),
    );
    let (sender, events) = mpsc::channel(MAX_EVENTS);
    let session = run.driver.add(seat.number, session, socket, sender).await?;
    Ok(Inside {
        signaling,
        session,
        events,
        began,
    })
}

/// Random SSRCs, different from each other.
pub(super) fn streams() -> OfferedStreams {
    let base = rand::rng().random_range(1..u32::MAX / 16) * 8;
    OfferedStreams {
        microphone: base,
        camera: base + 1,
        camera_rtx: base + 2,
        screen: base + 3,
        screen_rtx: base + 4,
        screen_audio: base + 5,
    }
}

/// Comes again when told to, until the time for joining is over.
pub(super) async fn join_patiently(
    patience: Duration,
    request: &JoinRequest<'_>,
) -> anyhow::Result<Joined> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let joined = timeout_at(deadline, signaling::join(request))
            .await
            .context("no answer to the join in time")?;
        match joined {
            Err(SignalingError::Refused {
                retry_after: Some(after),
                ..
            }) if tokio::time::Instant::now() + after < deadline => {
                sleep(after).await;
            }
            other => return Ok(other?),
        }
    }
}

/// The client numbers a mapping shows. Only microphones and cameras are published here: a slot
/// that is said to show anything else shows nobody of this run.
fn numbered(run: &Run, mapping: Vec<SlotMapping>) -> Vec<(String, Option<u32>)> {
    mapping
        .into_iter()
        .map(|slot| {
            let shown = slot.shows.filter(|track| {
                matches!(track.source, TrackSource::Microphone | TrackSource::Camera)
            });
            (
                slot.mid,
                shown.map(|track| run.names.number(&track.participant)),
            )
        })
        .collect()
}

/// Waits for ICE and DTLS.
async fn secure(
    run: &Run,
    inside: &mut Inside,
    report: &mut ParticipantReport,
) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + run.join_timeout;
    loop {
        tokio::select! {
            event = inside.events.recv() => match event {
                Some(SessionEvent::Secured(profile)) => {
                    report.srtp_profile = Some(profile);
                    report.secured_after = Some(inside.began.elapsed());
                    return Ok(());
                }
                Some(SessionEvent::Failed(why)) => bail!("media: {why}"),
                None => bail!("media: the driver ended"),
            },
            event = inside.signaling.next_event() => {
                take_event(run, inside.session, event?).await?;
            }
            () = tokio::time::sleep_until(deadline) => bail!("media: not secured in time"),
        }
    }
}

async fn take_event(run: &Run, session: SessionId, event: SignalingEvent) -> anyhow::Result<()> {
    match event {
        SignalingEvent::Slots(mapping) => {
            run.driver
                .set_mapping(session, numbered(run, mapping))
                .await?;
        }
        SignalingEvent::Connection(MediaState::Connected)
        | SignalingEvent::Layers { .. }
        | SignalingEvent::Line(_) => {}
        SignalingEvent::Connection(MediaState::Lost) => bail!("the node lost the media path"),
    }
    Ok(())
}

/// Plays until the run ends, then counts and leaves.
async fn stay(run: &Run, seat: Seat, mut inside: Inside, report: &mut ParticipantReport) {
    let mut phase = run.phase.clone();
    let played = play(run, seat, &mut inside, &mut phase).await;
    if let Err(error) = &played {
        report.failure = Some(format!("{error:#}"));
        // Its place in the run stays: others are judged until the end.
        let _ = run.driver.set_pace(inside.session, Pace::Stopped).await;
        let _ = phase.wait_for(|phase| *phase == Phase::Ending).await;
    }
    match run.driver.finish(inside.session).await {
        Ok(tally) => {
            let after = |at: Option<Instant>| at.map(|at| at.duration_since(inside.began));
            report.first_audio_after = after(tally.first_audio);
            report.first_video_after = after(tally.first_video);
            if tally.faults.stalled > 0 && report.failure.is_none() {
                report.failure = Some("a slot fell silent while it showed somebody".into());
            }
            report.tally = Some(tally);
        }
        Err(error) => report.failure = Some(error.to_string()),
    }
    if played.is_ok() {
        inside.signaling.leave().await;
    }
}

async fn play(
    run: &Run,
    seat: Seat,
    inside: &mut Inside,
    phase: &mut watch::Receiver<Phase>,
) -> anyhow::Result<()> {
    let mut pace = Pace::Full;
    loop {
        let wanted = match *phase.borrow_and_update() {
            Phase::Playing(rate) => rate.pace(seat.room),
            Phase::Draining => Pace::Stopped,
            Phase::Ending => return Ok(()),
        };
        if wanted != pace {
            pace = wanted;
            run.driver.set_pace(inside.session, pace).await?;
        }
        tokio::select! {
            changed = phase.changed() => changed.context("the run ended")?,
            event = inside.events.recv() => match event {
                Some(SessionEvent::Failed(why)) => bail!("media: {why}"),
                Some(SessionEvent::Secured(_)) => {}
                None => bail!("media: the driver ended"),
            },
            event = inside.signaling.next_event() => {
                take_event(run, inside.session, event?).await?;
            }
        }
    }
}

/// Marks those who heard or saw nobody although somebody was there.
pub fn mark_deprived(reports: &mut [ParticipantReport], seats: &[Seat], publishers: Publishers) {
    let joined: Vec<bool> = reports
        .iter()
        .map(|report| report.secured_after.is_some())
        .collect();
    for (report, seat) in reports.iter_mut().zip(seats) {
        if report.failure.is_some() {
            continue;
        }
        let others = |publishing: usize| {
            seats.iter().zip(&joined).any(|(other, joined)| {
                *joined
                    && other.room == seat.room
                    && other.number != seat.number
                    && other.seat < publishing
            })
        };
        if others(publishers.voices) && report.first_audio_after.is_none() {
            report.failure = Some("heard nobody".into());
        } else if others(publishers.cameras) && report.first_video_after.is_none() {
            report.failure = Some("saw nobody".into());
        }
    }
}

/// Longest a whole participant may take beyond the run itself.
pub fn patience(join_timeout: Duration) -> Duration {
    join_timeout * 2 + Duration::from_secs(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(audio: bool, video: bool) -> ParticipantReport {
        let time = Some(Duration::from_millis(1));
        ParticipantReport {
            secured_after: time,
            first_audio_after: time.filter(|_| audio),
            first_video_after: time.filter(|_| video),
            ..ParticipantReport::default()
        }
    }

    fn seat(number: usize, room: usize, seat: usize) -> Seat {
        Seat { number, room, seat }
    }

    #[test]
    fn who_hears_or_sees_nobody_has_failed() {
        let seats = [seat(0, 0, 0), seat(1, 0, 1), seat(2, 0, 2), seat(3, 1, 0)];
        let mut reports = [
            joined(true, false),
            joined(false, true),
            joined(true, false),
            joined(false, false),
        ];
        let publishers = Publishers {
            voices: 3,
            cameras: 1,
        };
        mark_deprived(&mut reports, &seats, publishers);
        assert_eq!(reports[0].failure, None, "the only camera is its own");
        assert_eq!(reports[1].failure.as_deref(), Some("heard nobody"));
        assert_eq!(reports[2].failure.as_deref(), Some("saw nobody"));
        assert_eq!(reports[3].failure, None, "alone in its room");
    }
}
