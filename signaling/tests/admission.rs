//! Admission as clients see it: over their sockets, in virtual time.

// What fails in a helper fails the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use firstbell_signaling::SignalingConfig;
use firstbell_signaling::admission::capacity::{ClassProfile, Load};
use firstbell_signaling::message::Role;
use firstbell_signaling::plane::{MediaPressure, Pictures, Service};
use firstbell_signaling::test_support::PlaneCall;
use firstbell_signaling::token::unix_now;
use futures_util::future::join_all;
use serde_json::{Value, json};
use support::{Client, Harness, ids, join, open_door};
use tokio::io::DuplexStream;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Four at once, then so many per second.
fn narrow(joins_per_second: u32) -> SignalingConfig {
    let mut config = support::config();
    config.admission.joins_per_second = joins_per_second;
    config.admission.burst = 4;
    config
}

/// A client whose join is under way, and the join's id.
async fn coming(h: &Harness, room: &str, identity: &str) -> (Client<DuplexStream>, u32) {
    let mut client = h.connect().await;
    let id = client.send(join(room, h.token(room, identity))).await;
    (client, id)
}

/// Everything told of a wait until its final answer, which is last.
async fn outcome(client: &mut Client<DuplexStream>, id: u32) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let answer = client.answer_to(id).await;
        let is_last = answer["type"] != "queued";
        told.push(answer);
        if is_last {
            return told;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_join_is_let_in_at_once() {
    let h = Harness::new();
    let start = Instant::now();
    let (client, joined) = h.joined("7b", "anna").await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(joined["room"].get("service"), None);
    assert_eq!(h.metric("firstbell_admission_admitted_total", &[]), 1.0);
    assert!(h.metric("firstbell_admission_reserved_ratio", &[]) > 0.0);
    drop(client);
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_learns_the_position_and_an_honest_time() {
    let h = Harness::with(narrow(2));
    let start = Instant::now();
    let mut clients = Vec::new();
    for number in 0..24 {
        clients.push(coming(&h, "7b", &format!("pupil {number}")).await);
    }
    let waits = clients.iter_mut().map(|(client, id)| async move {
        let told = outcome(client, *id).await;
        (told, start.elapsed())
    });
    let waits = join_all(waits).await;
    for (place, (told, took)) in waits.iter().enumerate() {
        assert_eq!(told.last().unwrap()["type"], "joined");
        let expected = (place as f64 - 3.0).max(0.0) / 2.0;
        let took = took.as_secs_f64();
        assert!((took - expected).abs() < 0.1, "{place}: {took}");
        let queued = &told[..told.len() - 1];
        assert_eq!(queued.is_empty(), place < 4, "{place}");
        let Some(first) = queued.first() else {
            continue;
        };
        assert_eq!(first["position"], place - 3);
        let eta = first["eta_ms"].as_f64().unwrap() / 1000.0;
        assert!(
            (eta - took).abs() < 0.2 * took + 0.1,
            "{place}: {eta} for {took}"
        );
        // At most once a second, each time nearer.
        assert!(queued.len() as f64 <= took + 1.0);
        let positions = queued.iter().map(|told| told["position"].as_u64());
        assert!(positions.is_sorted_by(|before, after| before > after));
    }
    let waited = h.metric("firstbell_signaling_joins_total", &[("result", "joined")]);
    assert_eq!(waited, 24.0);
}

#[tokio::test(start_paused = true)]
async fn the_teacher_does_not_stand_behind_the_class() {
    let h = Harness::with(narrow(1));
    let mut pupils = Vec::new();
    for number in 0..10 {
        pupils.push(coming(&h, "7b", &format!("pupil {number}")).await);
    }
    let mut teacher = h.connect().await;
    let token = h.token_as("7b", "teacher", Role::Teacher, unix_now() + 3600.0);
    let id = teacher.send(join("7b", token)).await;
    let start = Instant::now();
    let joined = outcome(&mut teacher, id).await.pop().unwrap();
    assert_eq!(joined["type"], "joined");
    assert!(
        start.elapsed() <= SECOND + SECOND / 10,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(ids(&joined["roster"]).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn who_is_sent_away_hears_it_at_once_and_comes_back_to_the_same_place() {
    let mut config = narrow(1);
    config.admission.max_wait = 10 * SECOND;
    let h = Harness::with(config);
    let (_first, _) = h.joined("7b", "first").await;
    let mut clients = Vec::new();
    let mut away = Vec::new();
    for number in 0..20 {
        let identity = format!("pupil {number}");
        let (mut client, id) = coming(&h, "7b", &identity).await;
        let asked = Instant::now();
        let answer = tokio::time::timeout(SECOND / 10, client.answer_to(id)).await;
        match answer {
            Ok(answer) if answer["type"] == "refused" => {
                assert_eq!(asked.elapsed(), Duration::ZERO);
                assert_eq!(answer["code"], "overloaded");
                away.push((identity, client, answer));
            }
            _ => clients.push(client),
        }
    }
    assert!(away.len() >= 8, "{}", away.len());
    let (identity, mut client, answer) = away.remove(0);
    let retry_after = answer["retry_after_ms"].as_u64().unwrap();
    assert!((1_000..=60_000).contains(&retry_after));
    tokio::time::sleep(Duration::from_millis(retry_after.min(9_000))).await;
    let mut back = join("7b", h.token("7b", &identity));
    back["place"] = answer["place"].clone();
    let back = client.send(back).await;
    let (mut later, id) = coming(&h, "7b", "later").await;
    let told = client.answer_to(back).await;
    assert_eq!(told["type"], "queued", "{told}");
    let later_told = later.answer_to(id).await;
    assert!(
        later_told["type"] != "queued"
            || later_told["position"].as_u64() > told["position"].as_u64()
    );
    let told = outcome(&mut client, back).await;
    assert_eq!(told.last().unwrap()["type"], "joined");
    let refused = [("reason", "class_busy")];
    assert!(h.metric("firstbell_admission_refused_total", &refused) >= 8.0);
}

#[tokio::test(start_paused = true)]
async fn who_vanishes_while_waiting_leaves_nothing() {
    let h = Harness::with(narrow(1));
    let mut clients = Vec::new();
    for number in 0..15 {
        clients.push(coming(&h, "7b", &format!("pupil {number}")).await);
    }
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(h.metric("firstbell_admission_queue_length", &[]), 11.0);
    // One leaves with a word, the others without.
    let (mut polite, _) = clients.pop().unwrap();
    assert_eq!(polite.ask(json!({"type": "leave"})).await["type"], "ok");
    clients.truncate(4);
    tokio::time::sleep(SECOND).await;
    assert_eq!(h.metric("firstbell_admission_queue_length", &[]), 0.0);
    assert_eq!(h.plane.live().len(), 4);
    drop(clients);
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_while_waiting_keeps_the_place() {
    let h = Harness::with(narrow(1));
    let mut clients = Vec::new();
    for number in 0..5 {
        clients.push(coming(&h, "7b", &format!("pupil {number}")).await);
    }
    let (mut old_page, old) = coming(&h, "7b", "anna").await;
    let (mut behind, id) = coming(&h, "7b", "ben").await;
    let (mut new_page, new) = coming(&h, "7b", "anna").await;
    let told = outcome(&mut old_page, old).await;
    let refused = told.last().unwrap();
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("refused"), &json!("replaced"))
    );
    let told = outcome(&mut new_page, new).await;
    assert_eq!(told[0]["position"], 2);
    assert_eq!(told.last().unwrap()["type"], "joined");
    assert_eq!(h.plane.live().len(), 6);
    outcome(&mut behind, id).await;
    assert_eq!(h.plane.live().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn who_waits_need_not_say_anything() {
    let mut config = narrow(1);
    config.admission.max_wait = 40 * SECOND;
    config.heartbeat = 4 * SECOND;
    let h = Harness::with(config);
    let (mut first, _) = h.joined("7b", "first").await;
    let mut clients = Vec::new();
    for number in 0..24 {
        clients.push(coming(&h, "7b", &format!("pupil {number}")).await);
    }
    let (mut last, id) = clients.pop().unwrap();
    let start = Instant::now();
    let told = outcome(&mut last, id).await;
    assert_eq!(told.last().unwrap()["type"], "joined");
    assert!(start.elapsed() > 15 * SECOND);
    // Who is in has to.
    assert_eq!(first.ended().await, "timeout");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_sends_away_who_waits() {
    let h = Harness::with(narrow(1));
    let mut clients = Vec::new();
    for number in 0..10 {
        clients.push(coming(&h, "7b", &format!("pupil {number}")).await);
    }
    let (mut last, _) = clients.pop().unwrap();
    tokio::time::sleep(SECOND / 10).await;
    let farewell = async {
        assert_eq!(last.ended().await, "draining");
        drop(clients);
    };
    let (drained, ()) = tokio::join!(h.server.drain(10 * SECOND), farewell);
    assert!(drained);
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_node_takes_people_of_classes_that_run_before_new_classes() {
    let mut config = support::config();
    let profile = ClassProfile::default();
    config.admission.capacity = Load {
        packets_per_second: profile.cost(30).packets_per_second,
        ..Load::UNLIMITED
    };
    let h = Harness::with(config);
    let mut clients = vec![h.joined("7a", "a").await.0, h.joined("7b", "b").await.0];
    let mut new = h.connect().await;
    let refused = new.join("7c", h.token("7c", "c")).await;
    assert_eq!(
        (&refused["code"], refused.get("place")),
        (&json!("node_full"), None)
    );
    assert!(refused["retry_after_ms"].as_u64().unwrap() >= 15_000);
    // The dozen of each class, and six more of either.
    for number in 1..18 {
        clients.push(h.joined("7a", &format!("a{number}")).await.0);
    }
    let mut more = h.connect().await;
    let refused = more.join("7a", h.token("7a", "more")).await;
    assert_eq!(refused["code"], "node_full");
    clients.remove(1);
    tokio::time::sleep(31 * SECOND).await;
    let mut again = h.connect().await;
    assert_eq!(
        again.join("7a", h.token("7a", "more")).await["type"],
        "joined"
    );
    drop((clients, again, more, new));
    h.assert_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_under_pressure_gives_less_and_says_so() {
    let h = Harness::new();
    let (mut anna, _) = h.joined("7b", "anna").await;
    h.plane.take_calls();
    h.plane.press(MediaPressure {
        cpu: 0.97,
        ..MediaPressure::default()
    });
    let changed = anna.event("room").await;
    assert_eq!(changed["room"]["service"], "queue");
    assert_eq!(h.metric("firstbell_admission_ladder_step", &[]), 5.0);
    let service = Service {
        video_after: SECOND,
        pictures: Pictures::Screens,
    };
    assert!(h.plane.take_calls().contains(&PlaneCall::Service(service)));
    let (mut ben, joined) = h.joined("7b", "ben").await;
    assert_eq!(joined["room"]["service"], "queue");
    h.plane.press(MediaPressure::default());
    let start = Instant::now();
    for level in [
        "audio_only",
        "speakers_only",
        "thumbnails_limited",
        "audio_first",
    ] {
        assert_eq!(anna.event("room").await["room"]["service"], level);
        ben.ping().await;
        anna.ping().await;
    }
    let whole = anna.event("room").await;
    assert_eq!(whole["room"].get("service"), None);
    assert!(start.elapsed() >= 50 * SECOND);
    assert_eq!(h.metric("firstbell_admission_ladder_step", &[]), 0.0);
    let last = PlaneCall::Service(Service::default());
    assert_eq!(h.plane.take_calls().last(), Some(&last));
}

/// Ten thousand people in four hundred classes within a second of virtual time: all are in, and
/// nobody waited longer than the burst and the rate say.
#[tokio::test(start_paused = true)]
async fn ten_thousand_joins_a_second() {
    let mut config = open_door(support::config());
    config.admission.joins_per_second = 10_000;
    config.admission.burst = 1_000;
    config.limits.max_participants = 20_000;
    let h = Harness::with(config);
    let start = Instant::now();
    let people = (0..10_000_u32).map(|number| {
        let h = &h;
        async move {
            tokio::time::sleep(Duration::from_micros(u64::from(number) * 100)).await;
            let room = format!("class {}", number % 400);
            let (mut client, id) = coming(h, &room, &format!("pupil {number}")).await;
            let asked = Instant::now();
            let told = outcome(&mut client, id).await;
            assert_eq!(told.last().unwrap()["type"], "joined");
            (client, asked.elapsed())
        }
    });
    let inside = join_all(people).await;
    let slowest = inside.iter().map(|(_, took)| *took).max().unwrap();
    assert!(slowest < SECOND / 5, "{slowest:?}");
    assert!(
        start.elapsed() < SECOND + SECOND / 5,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(h.plane.live().len(), 10_000);
    drop(inside);
    h.assert_empty().await;
}
