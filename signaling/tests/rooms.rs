//! People in rooms: joining, the roster, media events in people's terms, leaving.

mod support;

use std::time::Duration;

use firstbell_signaling::plane::{
    MediaEnd, MediaError, MediaEvent, MediaSource, MediaTile, MediaWants,
};
use firstbell_signaling::test_support::PlaneCall;
use serde_json::json;
use support::{Client, Harness, ids, join};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_join_is_answered_with_everything() {
    let h = Harness::new();
    let (_anna, joined) = h.joined("7b", "anna").await;
    let me = &joined["participant"];
    assert_eq!(joined["re"], 1);
    assert_eq!(joined["ticket"]["participant"], *me);
    assert_eq!(joined["answer"], format!("answer {}", h.plane.live()[0].0));
    assert_eq!(
        joined["publish"][1],
        json!({"mid": "1", "source": "camera"})
    );
    assert_eq!(joined["slots"][0], json!({"mid": "2", "kind": "audio"}));
    assert_eq!(joined["mapping"][2], json!({"mid": "4", "shows": null}));
    assert_eq!(
        joined["room"],
        json!({"room": "7b", "max_participants": 150})
    );
    assert_eq!(joined["heartbeat_ms"], 10_000);
    assert_eq!(joined["resume_ms"], 30_000);
    assert_eq!(
        joined["roster"],
        json!([{
            "participant": me, "name": "anna's name", "role": "pupil", "present": true, "line": "good",
            "publishing": {"microphone": true, "camera": false, "screen": false},
        }])
    );
    let session = h.plane.live()[0];
    assert_eq!(
        h.plane.take_calls(),
        [PlaneCall::Muted(session, MediaSource::Camera, true)]
    );
    let result = [("result", "joined")];
    assert_eq!(h.metric("firstbell_signaling_joins_total", &result), 1.0);
}

#[tokio::test(start_paused = true)]
async fn two_people_see_each_other_and_a_departure() {
    let h = Harness::new();
    let (mut anna, anna_joined) = h.joined("7b", "anna").await;
    tokio::time::sleep(SECOND).await;
    let (mut ben, ben_joined) = h.joined("7b", "ben").await;
    let (a, b) = (
        anna_joined["participant"].as_str().unwrap(),
        ben_joined["participant"].as_str().unwrap(),
    );
    let mut both = vec![a.to_owned(), b.to_owned()];
    both.sort();
    assert_eq!(ids(&ben_joined["roster"]), both);
    assert_eq!(ids(&anna.event("roster").await["joined"]), [a]);
    assert_eq!(ids(&anna.event("roster").await["joined"]), [b]);

    let publishing = json!({"microphone": true, "camera": true, "screen": false});
    let answer = ben
        .ask(json!({"type": "publishing", "publishing": publishing}))
        .await;
    assert_eq!(answer["type"], "ok");
    let delta = anna.event("roster").await;
    assert_eq!(ids(&delta["changed"]), [b]);
    assert_eq!(delta["changed"][0]["publishing"], publishing);

    assert_eq!(ben.ask(json!({"type": "leave"})).await["type"], "ok");
    assert_eq!(ben.next().await, None);
    let delta = anna.event("roster").await;
    assert_eq!(
        delta,
        json!({"type": "roster", "joined": [], "left": [b], "changed": []})
    );
    assert_eq!(h.plane.live().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn arrivals_within_a_batch_come_in_one_message() {
    let h = Harness::new();
    let (mut first, _) = h.joined("7b", "first").await;
    first.event("roster").await;
    let mut others = Vec::new();
    for i in 0..20 {
        others.push(h.joined("7b", &format!("p{i}")).await);
    }
    assert_eq!(ids(&first.event("roster").await["joined"]).len(), 20);
    first.ping().await;
    // One for herself, one for all others.
    let sent = h.metric(
        "firstbell_signaling_messages_total",
        &[("type", "roster"), ("direction", "out")],
    );
    assert_eq!(sent, 22.0, "two for the first, one for each of the others");
}

#[tokio::test(start_paused = true)]
async fn slots_speakers_and_the_path_are_told_by_participant() {
    let h = Harness::new();
    let (mut anna, a) = h.joined("7b", "anna").await;
    let (_ben, b) = h.joined("7b", "ben").await;
    let [sa, sb] = h.plane.live()[..] else {
        panic!()
    };
    h.plane.emit(MediaEvent::Connected { session: sa }).await;
    assert_eq!(anna.event("connection").await["state"], "connected");
    let slots = vec![None, Some((sb, MediaSource::Screen))];
    h.plane.emit(MediaEvent::Slots { session: sa, slots }).await;
    assert_eq!(
        anna.event("slots").await["mapping"],
        json!([
            {"mid": "2", "shows": null},
            {"mid": "3", "shows": {"participant": b["participant"], "source": "screen"}},
            {"mid": "4", "shows": null},
        ])
    );
    let room = h.plane.room_of(sa).unwrap();
    let sessions = vec![sb, sa];
    h.plane.emit(MediaEvent::Speakers { room, sessions }).await;
    assert_eq!(
        anna.event("speakers").await["participants"],
        json!([b["participant"], a["participant"]])
    );
    let why = MediaEnd::ConsentExpired;
    h.plane.emit(MediaEvent::Ended { session: sa, why }).await;
    assert_eq!(anna.event("connection").await["state"], "lost");
}

#[tokio::test(start_paused = true)]
async fn wants_and_restarts_reach_the_plane() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    let (_ben, b) = h.joined("7b", "ben").await;
    let [sa, sb] = h.plane.live()[..] else {
        panic!()
    };
    h.plane.take_calls();
    let pinned = json!([b["participant"], "nobody"]);
    let tiles = json!([
        {"participant": b["participant"], "source": "camera", "height": 90},
        {"participant": "nobody", "source": "camera", "height": 360},
        {"participant": b["participant"], "source": "screen", "height": 0},
        {"participant": b["participant"], "source": "camera", "height": 360},
    ]);
    let wants = json!({"type": "wants", "pinned": pinned, "max_video": 4, "tiles": tiles});
    assert_eq!(anna.ask(wants).await["type"], "ok");
    let tile = |source, height| MediaTile {
        session: sb,
        source,
        height,
    };
    let expected = MediaWants {
        pinned: vec![sb],
        max_video: Some(4),
        tiles: vec![tile(MediaSource::Screen, 0), tile(MediaSource::Camera, 360)],
    };
    assert_eq!(h.plane.take_calls(), [PlaneCall::Wants(sa, expected)]);
    let many = vec!["p"; 65];
    let answer = anna.ask(json!({"type": "wants", "pinned": many})).await;
    assert_eq!(answer["code"], "bad_message");
    let tile = |source, height| json!({"participant": "p", "source": source, "height": height});
    for tiles in [
        vec![tile("camera", json!(1)); 65],
        vec![tile("microphone", json!(1))],
        vec![tile("camera", json!(-1))],
        vec![tile("camera", json!(65_536))],
        vec![tile("camera", json!(1.5))],
    ] {
        let answer = anna.ask(json!({"type": "wants", "tiles": tiles})).await;
        assert_eq!(answer["code"], "bad_message", "{tiles:?}");
    }
    assert_eq!(h.plane.take_calls(), []);

    let restart = json!({"type": "restart", "offer": "again"});
    let answer = anna.ask(restart.clone()).await;
    assert_eq!(answer["type"], "restarted");
    assert_eq!(answer["answer"], format!("answer {} to again", sa.0));
    h.plane.refuse(Some(MediaError::UnknownSession));
    assert_eq!(anna.ask(restart).await["code"], "not_joined");
}

#[tokio::test(start_paused = true)]
async fn doors_stay_shut_with_a_code() {
    let mut config = support::config();
    config.limits.max_participants_per_room = 2;
    config.limits.max_participants = 3;
    config.limits.max_rooms = 2;
    let h = Harness::with(config);
    let _kept = [
        h.joined("7b", "a").await,
        h.joined("7b", "b").await,
        h.joined("7c", "c").await,
    ];
    let mut d = h.connect().await;
    let full = d.join("7b", h.token("7b", "d")).await;
    assert_eq!(
        (&full["type"], &full["code"]),
        (&json!("refused"), &json!("room_full"))
    );
    let retry_after = full["retry_after_ms"].as_u64().unwrap();
    assert!((15_000..20_000).contains(&retry_after), "{retry_after}");
    assert_eq!(d.join("7c", h.token("7c", "d")).await["code"], "node_full");
    assert_eq!(d.join("7d", h.token("7d", "d")).await["code"], "node_full");
    let old = h.token_until("7b", "d", 1_000_000_000.0);
    let expired = d.join("7b", old).await;
    assert_eq!(expired["code"], "token_expired");
    assert_eq!(expired.get("retry_after_ms"), None);
    assert_eq!(d.join("7b", h.token("7c", "d")).await["code"], "wrong_room");
    let mut forged = h.token("7b", "d");
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    assert_eq!(d.join("7b", forged).await["code"], "bad_token");
    assert_eq!(h.plane.live().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_planes_refusals_have_codes_and_leave_nothing() {
    let h = Harness::new();
    let mut anna = h.connect().await;
    for (error, code) in [
        (MediaError::Overloaded, "overloaded"),
        (MediaError::UnsupportedMedia, "unsupported_media"),
        (MediaError::BadOffer("m=".into()), "bad_offer"),
    ] {
        h.plane.refuse(Some(error));
        assert_eq!(anna.join("7b", h.token("7b", "a")).await["code"], code);
    }
    h.plane.refuse(None);
    let mut long = join("7b", h.token("7b", "a"));
    long["offer"] = json!("o".repeat(140_000));
    assert_eq!(anna.ask(long).await["code"], "bad_offer");
    assert_eq!(h.server.directory_entries(), 0);
    drop(anna);
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_plane_that_never_answers_is_overloaded() {
    let h = Harness::new();
    h.plane.hold_joins(true);
    let mut anna = h.connect().await;
    assert_eq!(
        anna.join("7b", h.token("7b", "a")).await["code"],
        "overloaded"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_when_all_have_gone() {
    let h = Harness::new();
    tokio::time::sleep(SECOND).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let mut clients = Vec::new();
    for i in 0..30 {
        let room = format!("r{}", i % 3);
        clients.push(h.joined(&room, &format!("p{i}")).await.0);
    }
    assert!(tasks() > before + 30);
    for (i, mut client) in clients.into_iter().enumerate() {
        if i % 2 == 0 {
            assert_eq!(client.ask(json!({"type": "leave"})).await["type"], "ok");
        }
    }
    h.assert_empty().await;
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_while_joining_leaves_nothing() {
    let h = Harness::new();
    h.plane.hold_joins(true);
    let mut gone = h.connect().await;
    gone.send(join("7b", h.token("7b", "gone"))).await;
    let mut left = h.connect().await;
    left.send(join("7b", h.token("7b", "left"))).await;
    assert_eq!(left.ask(json!({"type": "leave"})).await["type"], "ok");
    drop((gone, left));
    tokio::time::sleep(SECOND).await;
    h.plane.hold_joins(false);
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn draining_tells_everybody_and_lets_nobody_in() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    let mut waiting = h.connect().await;
    let drained = tokio::spawn({
        let server = h.server.clone();
        async move { server.drain(5 * SECOND).await }
    });
    assert_eq!(anna.ended().await, "draining");
    assert_eq!(waiting.ended().await, "draining");
    drop((anna, waiting));
    assert!(drained.await.unwrap());
    assert_eq!(h.plane.live(), []);
    assert_eq!(h.server.directory_entries(), 0);
    let mut late = Client::over(h.pipe()).await;
    assert_eq!(late.ended().await, "draining");
}

#[tokio::test]
async fn two_thousand_joins() {
    let mut config = support::config();
    config.limits.max_participants_per_room = 40;
    let h = Harness::with(support::open_door(config));
    let mut clients = Vec::new();
    for i in 0..2_000 {
        let room = format!("class {}", i / 40);
        clients.push(h.joined(&room, &format!("p{i}")).await.0);
    }
    assert_eq!(h.plane.live().len(), 2_000);
    assert_eq!(h.metric("firstbell_signaling_participants", &[]), 2_000.0);
    assert_eq!(h.metric("firstbell_signaling_rooms", &[]), 50.0);
}
