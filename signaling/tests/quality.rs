//! What people hear of the quality of their media: layers that somebody watches, and lines.

// What fails in a helper fails the test.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use firstbell_signaling::plane::{
    LineReason, LineVideo, MediaEvent, MediaLine, MediaSession, MediaSource, Uplink,
};
use serde_json::{Value, json};
use support::{Harness, ids};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn layers(session: MediaSession, source: MediaSource, active: &[&str]) -> MediaEvent {
    MediaEvent::Layers {
        session,
        source,
        active: active.iter().map(|rid| (*rid).to_owned()).collect(),
    }
}

fn line(session: MediaSession, downlink_kbps: u32, video: LineVideo) -> MediaEvent {
    let line = MediaLine {
        downlink_kbps: Some(downlink_kbps),
        video,
        uplink: Uplink::Good,
    };
    MediaEvent::Line { session, line }
}

/// How many messages of this type the server has sent.
fn sent(h: &Harness, kind: &str) -> f64 {
    let labels = [("type", kind), ("direction", "out")];
    h.metric("firstbell_signaling_messages_total", &labels)
}

#[tokio::test(start_paused = true)]
async fn a_publisher_is_told_which_layers_are_watched() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    let (mut ben, _) = h.joined("7b", "ben").await;
    let session = h.plane.live()[0];
    for active in [&["q", "h"][..], &[]] {
        let event = layers(session, MediaSource::Camera, active);
        h.plane.emit(event).await;
        let expected = json!({"type": "layers", "source": "camera", "active": active});
        assert_eq!(anna.event("layers").await, expected);
    }
    ben.ping().await;
    assert_eq!(sent(&h, "layers"), 2.0, "nobody else hears of it");
}

#[tokio::test(start_paused = true)]
async fn who_resumes_is_told_layers_and_line_again() {
    let h = Harness::new();
    let (mut anna, a) = h.joined("7b", "anna").await;
    let session = h.plane.live()[0];
    for event in [
        layers(session, MediaSource::Camera, &["q", "h", "f"]),
        layers(session, MediaSource::Screen, &["f"]),
        layers(session, MediaSource::Camera, &["q"]),
        line(session, 90, LineVideo::Off(LineReason::Narrow)),
    ] {
        h.plane.emit(event).await;
    }
    anna.event("line").await;
    drop(anna);
    tokio::time::sleep(SECOND).await;
    let event = line(session, 95, LineVideo::Off(LineReason::Narrow));
    h.plane.emit(event).await;
    tokio::time::sleep(SECOND).await;
    let mut back = h.connect().await;
    assert_eq!(back.resume(&a["ticket"]).await["type"], "resumed");
    let told = [back.event("layers").await, back.event("layers").await];
    let active = |message: &Value| (message["source"].clone(), message["active"].clone());
    assert_eq!(active(&told[0]), (json!("screen"), json!(["f"])));
    assert_eq!(active(&told[1]), (json!("camera"), json!(["q"])));
    assert_eq!(back.event("line").await["downlink_kbps"], 95);
}

#[tokio::test(start_paused = true)]
async fn what_the_plane_says_before_the_join_is_answered_is_told_after_it() {
    let h = Harness::new();
    h.plane.hold_joins(true);
    let mut anna = h.connect().await;
    let token = h.token("7b", "anna");
    let id = anna.send(support::join("7b", token)).await;
    tokio::time::sleep(SECOND).await;
    // The first session a node names; nobody else is here.
    let session = MediaSession(3);
    for turn in 0..20 {
        let event = layers(session, MediaSource::Camera, &["q", "h"][..turn % 3]);
        h.plane.emit(event).await;
    }
    let event = line(session, 300, LineVideo::Reduced(LineReason::Lossy));
    h.plane.emit(event).await;
    tokio::time::sleep(SECOND).await;
    h.plane.hold_joins(false);
    assert_eq!(anna.answer_to(id).await["type"], "joined");
    assert_eq!(h.plane.live(), [session]);
    assert_eq!(anna.event("layers").await["active"], json!(["q"]));
    assert_eq!(anna.event("line").await["reason"], "lossy");
    assert_eq!(sent(&h, "layers"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_line_is_told_with_its_reason_and_the_others_get_one_word() {
    let h = Harness::new();
    let (mut anna, a) = h.joined("7b", "anna").await;
    let (mut ben, _) = h.joined("7b", "ben").await;
    tokio::time::sleep(SECOND).await;
    ben.event("roster").await;
    let session = h.plane.live()[0];
    let event = line(session, 80, LineVideo::Off(LineReason::Narrow));
    h.plane.emit(event).await;
    assert_eq!(
        anna.event("line").await,
        json!({
            "type": "line", "downlink_kbps": 80, "video": "off", "reason": "narrow",
            "uplink": "good",
        })
    );
    let delta = ben.event("roster").await;
    assert_eq!(ids(&delta["changed"]), [a["participant"].as_str().unwrap()]);
    assert_eq!(delta["changed"][0]["line"], "bad");
    let (_late, c) = h.joined("7b", "carl").await;
    let seen: Vec<_> = c["roster"].as_array().unwrap().iter().collect();
    let of_anna = seen.iter().find(|p| p["participant"] == a["participant"]);
    assert_eq!(of_anna.unwrap()["line"], "bad");

    tokio::time::sleep(2 * SECOND).await;
    let event = MediaEvent::Line {
        session,
        line: MediaLine {
            downlink_kbps: None,
            video: LineVideo::Full,
            uplink: Uplink::Lossy,
        },
    };
    h.plane.emit(event).await;
    assert_eq!(
        anna.event("line").await,
        json!({
            "type": "line", "downlink_kbps": null, "video": "full", "reason": null,
            "uplink": "lossy",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn restless_lines_cost_a_room_one_message_each_a_second() {
    const PEOPLE: usize = 6;
    let h = Harness::new();
    let mut clients = Vec::new();
    for i in 0..PEOPLE {
        clients.push(h.joined("7b", &format!("p{i}")).await.0);
    }
    tokio::time::sleep(SECOND).await;
    for client in &mut clients {
        client.ping().await;
    }
    let (lines, rosters) = (sent(&h, "line"), sent(&h, "roster"));
    let start = Instant::now();
    for turn in 0..200 {
        for session in h.plane.live() {
            // Another one at each of twenty turns, too.
            let video = match turn % 3 {
                0 => LineVideo::Full,
                1 => LineVideo::Reduced(LineReason::Delayed),
                _ => LineVideo::Off(LineReason::Delayed),
            };
            h.plane.emit(line(session, 100, video)).await;
        }
        tokio::time::sleep(SECOND / 20).await;
    }
    for client in &mut clients {
        client.ping().await;
    }
    // From the first second to the last, both included.
    let seconds = start.elapsed().as_secs_f64().ceil() + 1.0;
    let lines = sent(&h, "line") - lines;
    let people = PEOPLE as f64;
    assert!(lines <= people * seconds, "{lines} in {seconds} s");
    assert!(lines >= people * (seconds - 3.0), "{lines} in {seconds} s");
    let rosters = sent(&h, "roster") - rosters;
    assert!(rosters <= people * seconds, "{rosters} in {seconds} s");
}
