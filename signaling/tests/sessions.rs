//! Sessions over their sockets' lives: resume, reload, replacement, hostile and slow clients.

mod support;

use std::time::Duration;

use firstbell_signaling::plane::{MediaEnd, MediaEvent, MediaSource};
use futures_util::SinkExt;
use serde_json::{Value, json};
use support::{Client, Harness, ids, join};
use tokio_tungstenite::tungstenite::Message;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_lost_socket_resumes_with_the_same_media() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    let (ben, b) = h.joined("7b", "ben").await;
    anna.event("roster").await;
    let live = h.plane.live();
    drop(ben);
    let delta = anna.event("roster").await;
    assert_eq!(ids(&delta["changed"]), [b["participant"].as_str().unwrap()]);
    assert_eq!(delta["changed"][0]["present"], false);
    // The plane goes on; what it tells meanwhile is in the resumed state.
    let slots = vec![Some((live[0], MediaSource::Microphone))];
    let session = live[1];
    h.plane.emit(MediaEvent::Slots { session, slots }).await;
    tokio::time::sleep(20 * SECOND).await;
    anna.ping().await;
    let mut ben = h.connect().await;
    let resumed = ben.resume(&b["ticket"]).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    assert_eq!(ids(&resumed["roster"]).len(), 2);
    assert_eq!(resumed["mapping"][0]["shows"]["source"], "microphone");
    assert_eq!(anna.event("roster").await["changed"][0]["present"], true);
    assert_eq!(h.plane.live(), live);
    // Requests work on the new socket.
    assert_eq!(ben.ask(json!({"type": "wants"})).await["type"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_resume_too_late_or_without_the_secret_is_unknown() {
    let h = Harness::new();
    let (anna, a) = h.joined("7b", "anna").await;
    let mut other = h.connect().await;
    let guess = json!({"participant": a["participant"], "secret": "0".repeat(32)});
    assert_eq!(other.resume(&guess).await["code"], "resume_unknown");
    drop((anna, other));
    tokio::time::sleep(31 * SECOND).await;
    assert_eq!(h.plane.live(), []);
    let mut late = h.connect().await;
    let answer = late.resume(&a["ticket"]).await;
    assert_eq!(answer["type"], "refused");
    assert_eq!(answer["code"], "resume_unknown");
    // The same socket may join anew.
    let joined = late.rejoin("7b", h.token("7b", "anna"), &a["ticket"]).await;
    assert_eq!(joined["type"], "joined");
    assert_ne!(joined["participant"], a["participant"]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_takes_over_as_the_same_participant() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    let (mut ben, b) = h.joined("7b", "ben").await;
    anna.event("roster").await;
    let pin = json!({"type": "wants", "pinned": [b["participant"]]});
    anna.ask(pin).await;
    let former = h.plane.live()[1];
    let mut reloaded = h.connect().await;
    let joined = reloaded
        .rejoin("7b", h.token("7b", "ben"), &b["ticket"])
        .await;
    assert_eq!(joined["type"], "joined", "{joined}");
    assert_eq!(joined["participant"], b["participant"]);
    assert_ne!(joined["ticket"]["secret"], b["ticket"]["secret"]);
    assert_eq!(ben.ended().await, "replaced");
    let live = h.plane.live();
    assert_eq!(live.len(), 2);
    assert!(!live.contains(&former));
    // Anna's pin follows to the new media session.
    let calls = format!("{:?}", h.plane.take_calls().last());
    assert!(
        calls.contains("Wants") && calls.contains(&format!("{:?}", live[1])),
        "{calls}"
    );
    // The others hear of no arrival and no departure.
    tokio::time::sleep(SECOND).await;
    anna.ping().await;
    let (mut late, _) = h.joined("7b", "carl").await;
    let delta = anna.event("roster").await;
    assert_eq!((&delta["joined"], &delta["left"]), (&json!([]), &json!([])));
    assert_eq!(delta["changed"][0]["present"], true);
    let delta = anna.event("roster").await;
    assert_eq!(
        (ids(&delta["joined"]).len(), &delta["left"]),
        (1, &json!([]))
    );
    late.ping().await;
    // The former ticket is worth nothing now.
    let mut thief = h.connect().await;
    assert_eq!(thief.resume(&b["ticket"]).await["code"], "resume_unknown");
}

#[tokio::test(start_paused = true)]
async fn a_failed_reload_changes_nothing() {
    let h = Harness::new();
    let (mut ben, b) = h.joined("7b", "ben").await;
    let live = h.plane.live();
    let mut reloaded = h.connect().await;
    let mut request = join("7b", h.token("7b", "ben"));
    request["resume"] = b["ticket"].clone();
    request["offer"] = json!("bad");
    assert_eq!(reloaded.ask(request).await["code"], "bad_offer");
    ben.ping().await;
    assert_eq!(ben.ask(json!({"type": "wants"})).await["type"], "ok");
    assert_eq!(h.plane.live(), live);
}

#[tokio::test(start_paused = true)]
async fn the_same_person_elsewhere_replaces_even_in_a_full_room() {
    let mut config = support::config();
    config.limits.max_participants_per_room = 1;
    config.limits.max_participants = 1;
    let h = Harness::with(config);
    let (mut first, a) = h.joined("7b", "anna").await;
    let (second, b) = h.joined("7b", "anna").await;
    assert_ne!(a["participant"], b["participant"]);
    assert_eq!(ids(&b["roster"]), [b["participant"].as_str().unwrap()]);
    assert_eq!(first.ended().await, "replaced");
    assert_eq!(h.plane.live().len(), 1);
    drop((first, second));
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_of_somebody_else_takes_nothing_over() {
    let h = Harness::new();
    let (mut anna, a) = h.joined("7b", "anna").await;
    let mut ben = h.connect().await;
    let joined = ben.rejoin("7b", h.token("7b", "ben"), &a["ticket"]).await;
    assert_eq!(joined["type"], "joined");
    assert_ne!(joined["participant"], a["participant"]);
    anna.ping().await;
}

#[tokio::test(start_paused = true)]
async fn lost_media_joins_anew_on_the_same_socket() {
    let h = Harness::new();
    let (mut anna, a) = h.joined("7b", "anna").await;
    let session = h.plane.live()[0];
    let why = MediaEnd::HandshakeFailed;
    h.plane.emit(MediaEvent::Ended { session, why }).await;
    assert_eq!(anna.event("connection").await["state"], "lost");
    let answer = anna.join("7b", h.token("7b", "anna")).await;
    assert_eq!(answer["code"], "already_joined");
    let again = anna.rejoin("7b", h.token("7b", "anna"), &a["ticket"]).await;
    assert_eq!(again["type"], "joined");
    assert_eq!(again["participant"], a["participant"]);
    assert_ne!(h.plane.live(), [session]);
    anna.ping().await;
    // A resume is told that the media is lost.
    let session = h.plane.live()[0];
    drop(anna);
    h.plane.emit(MediaEvent::Ended { session, why }).await;
    let mut back = h.connect().await;
    assert_eq!(back.resume(&again["ticket"]).await["type"], "resumed");
    assert_eq!(back.event("connection").await["state"], "lost");
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_lost_socket() {
    let h = Harness::new();
    let (mut anna, a) = h.joined("7b", "anna").await;
    for _ in 0..5 {
        tokio::time::sleep(10 * SECOND).await;
        anna.ping().await;
    }
    assert_eq!(anna.ended().await, "timeout");
    let mut back = h.connect().await;
    assert_eq!(back.resume(&a["ticket"]).await["type"], "resumed");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_join_is_closed() {
    let h = Harness::new();
    let mut idle = h.connect().await;
    let answer = idle.ask(json!({"type": "wants"})).await;
    assert_eq!(answer["code"], "not_joined");
    assert_eq!(idle.ended().await, "timeout");
}

#[tokio::test(start_paused = true)]
async fn garbage_is_answered_then_ends_the_session() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    for (text, re) in [
        ("", Value::Null),
        ("{\"id\":", Value::Null),
        (r#"{"id":9,"type":"dance"}"#, json!(9)),
        (r#"{"id":9,"type":"restart"}"#, json!(9)),
    ] {
        anna.send_text(text.into()).await;
        let answer = anna.event("error").await;
        assert_eq!(
            (&answer["code"], &answer["re"]),
            (&json!("bad_message"), &re)
        );
    }
    anna.socket
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .unwrap();
    assert_eq!(anna.event("error").await["code"], "bad_message");
    anna.ping().await;
    for _ in 0..6 {
        anna.send_text("garbage".into()).await;
    }
    assert_eq!(anna.ended().await, "bad_message");
}

#[tokio::test(start_paused = true)]
async fn oversized_messages_end_the_session() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    anna.send_text(" ".repeat(192 * 1024 + 1)).await;
    assert_eq!(anna.ended().await, "too_large");
    let (mut ben, _) = h.joined("7b", "ben").await;
    // So long that it is not read at all.
    let sent = ben.socket.send(Message::text(" ".repeat(1 << 20))).await;
    assert!(sent.is_err() || ben.next().await.is_none() || ben.ended().await == "too_large");
    drop((anna, ben));
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_limited_and_each_request_answered() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    let mut asked = Vec::new();
    for _ in 0..100 {
        asked.push(anna.send(json!({"type": "ping"})).await);
    }
    let mut limited = 0;
    for id in asked {
        let answer = anna.answer_to(id).await;
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "rate_limited");
            limited += 1;
        }
    }
    assert!((30..60).contains(&limited), "{limited}");
    tokio::time::sleep(SECOND).await;
    anna.ping().await;
    for _ in 0..200 {
        anna.send(json!({"type": "ping"})).await;
    }
    assert_eq!(anna.ended().await, "rate_limited");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_dropped_and_may_resume() {
    let h = Harness::new();
    let (slow, s) = h.joined("7b", "slow").await;
    let (mut anna, _) = h.joined("7b", "anna").await;
    let room = h.plane.room_of(h.plane.live()[0]).unwrap();
    for _ in 0..5_000 {
        let sessions = h.plane.live();
        h.plane.emit(MediaEvent::Speakers { room, sessions }).await;
        anna.event("speakers").await;
    }
    tokio::time::sleep(2 * SECOND).await;
    let delta = anna.event("roster").await;
    assert_eq!(delta["type"], "roster");
    let timeouts = [("code", "timeout")];
    assert_eq!(h.metric("firstbell_signaling_errors_total", &timeouts), 1.0);
    assert_eq!(h.metric("firstbell_signaling_sockets", &[]), 1.0);
    let mut back = h.connect().await;
    assert_eq!(back.resume(&s["ticket"]).await["type"], "resumed");
    drop(slow);
}

/// The same over the kernel's sockets, in real time.
#[tokio::test]
async fn over_loopback() {
    let h = Harness::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = h.server.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let tcp = || async { tokio::net::TcpStream::connect(address).await.unwrap() };
    let mut anna = Client::over(tcp().await).await;
    let a = anna.join("7b", h.token("7b", "anna")).await;
    assert_eq!(a["type"], "joined");
    anna.event("roster").await;
    let mut ben = Client::over(tcp().await).await;
    let b = ben.join("7b", h.token("7b", "ben")).await;
    assert_eq!(ids(&b["roster"]).len(), 2);
    assert_eq!(ids(&anna.event("roster").await["joined"]).len(), 1);
    drop(anna);
    assert_eq!(
        ben.event("roster").await["joined"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(ben.event("roster").await["changed"][0]["present"], false);
    let mut anna = Client::over(tcp().await).await;
    assert_eq!(anna.resume(&a["ticket"]).await["type"], "resumed");
    assert_eq!(ben.event("roster").await["changed"][0]["present"], true);
    assert_eq!(ben.ask(json!({"type": "leave"})).await["type"], "ok");
    assert_eq!(ben.next().await, None);
    assert_eq!(ids(&json!([{"participant": "x"}])), ["x"]);
}
