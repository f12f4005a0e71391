//! The routes around the WebSocket.

// What fails in a helper fails the test.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use firstbell_signaling::{Server, SetupError, SignalingConfig};
use serde_json::{Value, json};
use support::{Harness, http};

async fn get(h: &Harness, path: &str) -> (u16, String) {
    http(h, &format!("GET {path}"), "").await
}

async fn dev_token(h: &Harness, body: &Value) -> (u16, String) {
    http(h, "POST /v1/dev/token", &body.to_string()).await
}

fn dev() -> SignalingConfig {
    SignalingConfig {
        dev_mode: true,
        ..SignalingConfig::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_learns_its_settings() {
    for (config, dev) in [(support::config(), false), (dev(), true)] {
        let (status, body) = get(&Harness::with(config), "/v1/config").await;
        assert_eq!(status, 200);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["dev"], dev);
        assert_eq!(body["heartbeat_ms"], 10_000);
        assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    }
}

#[tokio::test(start_paused = true)]
async fn development_tokens_open_the_door_in_development_mode_only() {
    let request = json!({"room": "7b", "name": " Frau\u{7} Weiß ", "role": "teacher"});
    let closed = Harness::new();
    assert_eq!(dev_token(&closed, &request).await.0, 404);
    assert_eq!(dev_token(&closed, &json!("nonsense")).await.0, 404);

    let h = Harness::with(dev());
    let (status, body) = dev_token(&h, &request).await;
    assert_eq!(status, 200);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["expires_in_s"], 12 * 3600);
    let token = body["token"].as_str().unwrap().to_owned();
    let mut client = h.connect().await;
    let joined = client.join("7b", token).await;
    assert_eq!(joined["roster"][0]["name"], "Frau Weiß");
    assert_eq!(joined["roster"][0]["role"], "teacher");

    for bad in [
        json!({"room": "7b", "name": "\n"}),
        json!({"room": "", "name": "A"}),
        json!({"room": "7b", "name": "x".repeat(600)}),
    ] {
        assert_eq!(dev_token(&h, &bad).await.0, 400, "{bad}");
    }
    assert_eq!(dev_token(&h, &json!({"room": "7b"})).await.0, 422);
    let huge = json!({"room": "7b", "name": "x".repeat(10_000)});
    assert_eq!(dev_token(&h, &huge).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn health_and_readiness() {
    let h = Harness::new();
    assert_eq!(get(&h, "/healthz").await.0, 200);
    assert_eq!(get(&h, "/readyz").await.0, 200);
    assert!(h.server.drain(Duration::from_secs(1)).await);
    assert_eq!(get(&h, "/healthz").await.0, 200);
    assert_eq!(get(&h, "/readyz").await.0, 503);
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_of_joins() {
    let h = Harness::new();
    let (_anna, _) = h.joined("7b", "anna").await;
    let (status, body) = get(&h, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "firstbell_signaling_participants 1",
        "firstbell_signaling_rooms 1",
        "firstbell_signaling_sockets 1",
        r#"firstbell_signaling_joins_total{result="joined"} 1"#,
        r#"firstbell_signaling_messages_total{direction="in",type="join"} 1"#,
        "firstbell_signaling_join_latency_seconds_count 1",
    ] {
        assert!(body.lines().any(|l| l == line), "{line} in {body}");
    }
    assert!(!body.contains("anna"), "no names in metrics");
}

#[tokio::test(start_paused = true)]
async fn sockets_are_bounded() {
    let mut config = support::config();
    config.limits.max_sockets = 1;
    let h = Harness::with(config);
    let kept = h.connect().await;
    let refused = tokio_tungstenite::client_async("ws://node/v1/ws", h.pipe()).await;
    assert!(refused.unwrap_err().to_string().contains("503"));
    drop(kept);
    tokio::time::sleep(Duration::from_secs(2)).await;
    h.connect().await;
}

#[tokio::test]
async fn a_node_without_keys_does_not_start() {
    let (plane, events) = firstbell_signaling::test_support::FakePlane::new();
    let registry = prometheus::Registry::new();
    let server = Server::new(SignalingConfig::default(), plane, events, &registry);
    assert!(matches!(server.err(), Some(SetupError::Keys(_))));
}
