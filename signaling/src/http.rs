//! The HTTP routes around the WebSocket.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use prometheus::TextEncoder;
use serde::{Deserialize, Serialize};

use crate::announce;
use crate::ids;
use crate::message::Role;
use crate::name::{clean_display_name, is_room_name};
use crate::node::Node;
use crate::session;
use crate::token::{Grant, MAX_RAW_NAME_BYTES, unix_now};

/// Read buffer of one socket; thousands of sockets are silent most of the time.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Largest body of any request.
const MAX_BODY_BYTES: usize = 4096;

pub(crate) fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/v1/ws", get(websocket))
        .route("/v1/config", get(config))
        .route("/v1/dev/token", post(dev_token))
        .route("/v1/classes", post(announce::announce).get(announce::list))
        .route("/v1/classes/{id}", delete(announce::cancel))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(node)
}

/// Messages up to this many times the limit are read, so that the client can be told.
const OVERSIZE_READ: usize = 2;

async fn websocket(State(node): State<Arc<Node>>, upgrade: WebSocketUpgrade) -> Response {
    let Some(place) = node.sockets.take() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let max = node.config.limits.max_message_bytes * OVERSIZE_READ;
    upgrade
        .max_message_size(max)
        .max_frame_size(max)
        .read_buffer_size(READ_BUFFER_BYTES)
        .on_upgrade(move |socket| session::run(socket, node, place))
}

/// What the page needs to know before it connects.
#[derive(Serialize)]
struct PageConfig {
    dev: bool,
    version: &'static str,
    heartbeat_ms: u32,
}

async fn config(State(node): State<Arc<Node>>) -> Json<PageConfig> {
    Json(PageConfig {
        dev: node.config.dev_mode,
        version: env!("CARGO_PKG_VERSION"),
        heartbeat_ms: node.heartbeat_ms(),
    })
}

#[derive(Deserialize)]
struct DevTokenRequest {
    room: String,
    name: String,
    role: Option<Role>,
}

#[derive(Serialize)]
struct DevToken {
    token: String,
    expires_in_s: u64,
}

/// A token for whoever asks: development mode only.
async fn dev_token(
    State(node): State<Arc<Node>>,
    body: Result<Json<DevTokenRequest>, axum::extract::rejection::JsonRejection>,
) -> Response {
    if !node.config.dev_mode {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Json(request) = match body {
        Ok(request) => request,
        Err(rejection) => return rejection.into_response(),
    };
    let name = Some(&request.name)
        .filter(|name| name.len() <= MAX_RAW_NAME_BYTES)
        .and_then(|name| clean_display_name(name));
    let Some(name) = name else {
        return (StatusCode::BAD_REQUEST, "name").into_response();
    };
    if !is_room_name(&request.room) {
        return (StatusCode::BAD_REQUEST, "room").into_response();
    }
    let grant = Grant {
        room: request.room,
        identity: ids::dev_identity(),
        name,
        role: request.role.unwrap_or(Role::Pupil),
    };
    let lifetime = node.config.dev_token_lifetime;
    match node
        .keyring
        .sign(&grant, unix_now() + lifetime.as_secs_f64())
    {
        Ok(token) => Json(DevToken {
            token,
            expires_in_s: lifetime.as_secs(),
        })
        .into_response(),
        Err(error) => {
            tracing::error!(%error, "development token not signed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Alive: the process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: new people may be sent here.
async fn readyz(State(node): State<Arc<Node>>) -> (StatusCode, &'static str) {
    if node.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(node): State<Arc<Node>>) -> Response {
    let encoded = TextEncoder::new().encode_to_string(&node.registry.gather());
    match encoded {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
