//! The API that announces classes.

// What fails in a helper fails the test.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use firstbell_signaling::admission::capacity::{ClassProfile, Load};
use firstbell_signaling::token::unix_now;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use support::{Harness, http, key};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A token with these claims, signed with the node's key.
fn token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(&key().secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

fn announcer() -> String {
    token(&json!({"announce": true, "exp": unix_now() + 600.0}))
}

async fn ask(h: &Harness, request: &str, token: &str, body: &Value) -> (u16, Value) {
    let head = format!("{request}\r\nAuthorization: Bearer {token}");
    let (status, body) = http(h, &head, &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

async fn announce(h: &Harness, body: &Value) -> (u16, Value) {
    ask(h, "POST /v1/classes", &announcer(), body).await
}

async fn list(h: &Harness) -> Vec<Value> {
    let (status, mut all) = ask(h, "GET /v1/classes", &announcer(), &Value::Null).await;
    assert_eq!(status, 200);
    serde_json::from_value(all["classes"].take()).unwrap()
}

/// So many minutes from now.
fn at(minutes: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix_now() as i64 + minutes * 60).unwrap();
    at.format(&Rfc3339).unwrap()
}

fn class(room: &str, minutes: i64, expected: u32) -> Value {
    json!({"room": room, "starts_at": at(minutes), "expected_participants": expected})
}

/// Room for sixty people.
fn small() -> Harness {
    let mut config = support::config();
    config.admission.capacity = Load {
        packets_per_second: ClassProfile::default().cost(60).packets_per_second,
        ..Load::UNLIMITED
    };
    Harness::with(config)
}

#[tokio::test(start_paused = true)]
async fn a_class_is_announced_listed_changed_and_taken_back() {
    let h = small();
    let (status, new) = announce(&h, &class("7b", 300, 28)).await;
    assert_eq!(status, 201, "{new}");
    assert_eq!(
        (&new["room"], &new["expected_participants"]),
        (&json!("7b"), &json!(28))
    );
    assert_eq!(
        (&new["duration_minutes"], &new["starts_at"]),
        (&json!(60), &json!(at(300)))
    );
    let (status, same) = announce(&h, &class("7b", 300, 30)).await;
    assert_eq!((status, &same["id"]), (200, &new["id"]));
    let (status, _) = announce(&h, &class("7b", 100, 20)).await;
    assert_eq!(status, 201);
    let all = list(&h).await;
    let sizes: Vec<_> = all
        .iter()
        .map(|class| &class["expected_participants"])
        .collect();
    assert_eq!(sizes, [20, 30]);
    assert_eq!(h.metric("firstbell_admission_lessons", &[]), 2.0);
    let path = format!("DELETE /v1/classes/{}", new["id"].as_str().unwrap());
    assert_eq!(ask(&h, &path, &announcer(), &Value::Null).await.0, 204);
    let (status, unknown) = ask(&h, &path, &announcer(), &Value::Null).await;
    assert_eq!((status, &unknown["code"]), (404, &json!("unknown_class")));
    let nonsense = ask(&h, "DELETE /v1/classes/7b", &announcer(), &Value::Null).await;
    assert_eq!(nonsense.0, 404);
    assert_eq!(list(&h).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_offset_from_utc_is_understood() {
    let h = small();
    let utc = OffsetDateTime::parse(&at(600), &Rfc3339).unwrap();
    let there = utc.to_offset(time::UtcOffset::from_hms(2, 0, 0).unwrap());
    let mut body = class("7b", 0, 28);
    body["starts_at"] = json!(there.format(&Rfc3339).unwrap());
    body["duration_minutes"] = json!(45);
    let (status, new) = announce(&h, &body).await;
    assert_eq!((status, &new["starts_at"]), (201, &json!(at(600))));
    assert_eq!(new["duration_minutes"], 45);
}

#[tokio::test(start_paused = true)]
async fn an_announced_class_finds_its_places_when_others_do_not() {
    let h = small();
    assert_eq!(announce(&h, &class("7b", 2, 40)).await.0, 201);
    let full = announce(&h, &class("8c", 30, 20)).await;
    assert_eq!((full.0, &full.1["code"]), (409, &json!("node_full")));
    assert_eq!(announce(&h, &class("8c", 120, 20)).await.0, 201);
    let (_one, _) = h.joined("other", "a").await;
    let mut another = h.connect().await;
    let refused = another.join("another", h.token("another", "b")).await;
    assert_eq!(refused["code"], "node_full");
    let mut pupils = Vec::new();
    for number in 0..40 {
        pupils.push(h.joined("7b", &format!("pupil {number}")).await.0);
    }
    drop(pupils);
}

#[tokio::test(start_paused = true)]
async fn only_a_token_for_it_announces_and_it_opens_no_room() {
    let h = Harness::new();
    let exp = unix_now() + 600.0;
    let pupil = h.token("7b", "anna");
    for (token, status, code) in [
        ("nonsense".to_owned(), 401, "bad_token"),
        (
            token(&json!({"announce": true, "exp": 1_000_000_000})),
            401,
            "token_expired",
        ),
        (token(&json!({"announce": true})), 401, "bad_token"),
        (
            token(&json!({"announce": true, "exp": exp, "aud": "other"})),
            401,
            "bad_token",
        ),
        (
            token(&json!({"announce": true, "exp": exp, "nbf": exp})),
            401,
            "bad_token",
        ),
        (
            token(&json!({"announce": false, "exp": exp})),
            403,
            "not_permitted",
        ),
        (pupil.clone(), 403, "not_permitted"),
    ] {
        for request in [
            "POST /v1/classes",
            "GET /v1/classes",
            "DELETE /v1/classes/c0",
        ] {
            let answer = ask(&h, request, &token, &class("7b", 5, 20)).await;
            assert_eq!(
                (answer.0, &answer.1["code"]),
                (status, &json!(code)),
                "{request}"
            );
        }
    }
    let bare = http(&h, "GET /v1/classes", "").await;
    assert!(bare.0 == 401 && bare.1.contains("bad_token"), "{bare:?}");
    let basic = http(&h, "GET /v1/classes\r\nAuthorization: Basic YTpi", "").await;
    assert_eq!(basic.0, 401);
    let lower = format!("GET /v1/classes\r\nauthorization: bearer {}", announcer());
    assert_eq!(http(&h, &lower, "").await.0, 200);
    let mut thief = h.connect().await;
    let refused = thief.join("7b", announcer()).await;
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("refused"), &json!("bad_token"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_named() {
    let h = Harness::new();
    let with = |key: &str, value: Value| {
        let mut body = class("7b", 5, 20);
        body[key] = value;
        body
    };
    for (body, named) in [
        (json!("nonsense"), "body"),
        (json!({"room": "7b"}), "starts_at"),
        (with("room", json!(" 7b")), "room"),
        (with("starts_at", json!("tomorrow")), "starts_at"),
        (with("starts_at", json!("2026-09-01T08:00:00")), "starts_at"),
        (
            with("starts_at", json!("1969-09-01T08:00:00Z")),
            "starts_at",
        ),
        (
            with("starts_at", json!("2020-09-01T08:00:00Z")),
            "starts_at",
        ),
        (
            with("starts_at", json!("9999-09-01T08:00:00Z")),
            "starts_at",
        ),
        (
            with("expected_participants", json!(0)),
            "expected_participants",
        ),
        (
            with("expected_participants", json!(151)),
            "expected_participants",
        ),
        (with("expected_participants", json!(-1)), "body"),
        (with("duration_minutes", json!(0)), "duration_minutes"),
        (with("duration_minutes", json!(1441)), "duration_minutes"),
    ] {
        let (status, answer) = announce(&h, &body).await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &json!("bad_message")),
            "{body}"
        );
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(named), "{named} not in {message}");
    }
    let huge = with("room", json!("x".repeat(10_000)));
    assert_eq!(announce(&h, &huge).await.0, 413);
    assert!(list(&h).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_takes_no_announcements() {
    let h = Harness::new();
    assert!(h.server.drain(Duration::from_secs(1)).await);
    let (status, answer) = announce(&h, &class("7b", 5, 20)).await;
    assert_eq!((status, &answer["code"]), (503, &json!("draining")));
}
