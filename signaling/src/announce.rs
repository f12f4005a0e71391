//! The API by which a school's platform announces classes; docs/announce.md shows how to use it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::admission::calendar::{LONGEST, Lesson, LessonId, MAX_LESSONS, NotAnnounced};
use crate::name::is_room_name;
use crate::node::Node;
use crate::token::{TokenError, unix_now};

/// How long a lesson is taken to last.
const DEFAULT_MINUTES: u64 = 60;

#[derive(Deserialize)]
struct Announcement {
    room: String,
    /// RFC 3339, with the offset from UTC.
    starts_at: String,
    expected_participants: u32,
    #[serde(default = "default_minutes")]
    duration_minutes: u64,
}

fn default_minutes() -> u64 {
    DEFAULT_MINUTES
}

#[derive(Serialize)]
struct Announced {
    /// The same wherever and whenever this room is announced for this time.
    id: String,
    room: String,
    /// RFC 3339, UTC.
    starts_at: String,
    expected_participants: u32,
    duration_minutes: u64,
}

#[derive(Serialize)]
struct AllAnnounced {
    classes: Vec<Announced>,
}

/// What goes wrong, each with a stable code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnnounceError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the header `Authorization: Bearer ...` is missing")]
    NoToken,
    #[error("the body is not understood: {0}")]
    Body(#[from] serde_json::Error),
    #[error("`{0}` makes no sense: {1}")]
    Field(&'static str, String),
    #[error("the node has no capacity left for that time")]
    NodeFull,
    #[error("{MAX_LESSONS} classes are announced already")]
    TooMany,
    #[error("no such class is announced")]
    Unknown,
    #[error("the node is shutting down")]
    Draining,
}

impl AnnounceError {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Token(TokenError::NotPermitted) => (StatusCode::FORBIDDEN, "not_permitted"),
            Self::Token(error) => (StatusCode::UNAUTHORIZED, error.code().as_str()),
            Self::NoToken => (StatusCode::UNAUTHORIZED, "bad_token"),
            Self::Body(_) | Self::Field(..) => (StatusCode::BAD_REQUEST, "bad_message"),
            Self::NodeFull => (StatusCode::CONFLICT, "node_full"),
            Self::TooMany => (StatusCode::CONFLICT, "too_many_classes"),
            Self::Unknown => (StatusCode::NOT_FOUND, "unknown_class"),
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        }
    }
}

#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
    message: String,
}

impl IntoResponse for AnnounceError {
    fn into_response(self) -> Response {
        let (status, code) = self.code();
        let message = self.to_string();
        (status, Json(ErrorBody { code, message })).into_response()
    }
}

/// `POST /v1/classes`: 201 with a new class, 200 with one that was announced before.
pub(crate) async fn announce(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, AnnounceError> {
    authorise(&node, &headers)?;
    if node.is_draining() {
        return Err(AnnounceError::Draining);
    }
    let lesson = lesson(&node, &body)?;
    let is_new = node
        .door
        .announce(wall(), lesson.clone())
        .map_err(|error| match error {
            NotAnnounced::NoLesson => {
                AnnounceError::Field("starts_at", "over, or too far ahead".into())
            }
            NotAnnounced::Full => AnnounceError::NodeFull,
            NotAnnounced::TooMany => AnnounceError::TooMany,
        })?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(announced(&lesson))).into_response())
}

/// `GET /v1/classes`: all that are announced and not over, by their beginning.
pub(crate) async fn list(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
) -> Result<Response, AnnounceError> {
    authorise(&node, &headers)?;
    let classes = node.door.lessons().iter().map(announced).collect();
    Ok(Json(AllAnnounced { classes }).into_response())
}

/// `DELETE /v1/classes/{id}`: 204. Whoever is in stays.
pub(crate) async fn cancel(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, AnnounceError> {
    authorise(&node, &headers)?;
    let id = read_id(&id).ok_or(AnnounceError::Unknown)?;
    let cancelled = node.door.cancel(wall(), id);
    cancelled.ok_or(AnnounceError::Unknown)?;
    Ok(StatusCode::NO_CONTENT)
}

fn authorise(node: &Node, headers: &HeaderMap) -> Result<(), AnnounceError> {
    // RFC 6750 §2.1; the scheme's name is not case-sensitive (RFC 9110 §11.1).
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .ok_or(AnnounceError::NoToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AnnounceError::NoToken);
    }
    node.keyring.verify_announcer(token.trim(), unix_now())?;
    Ok(())
}

fn lesson(node: &Node, body: &[u8]) -> Result<Lesson, AnnounceError> {
    let Announcement {
        room,
        starts_at,
        expected_participants: expected,
        duration_minutes,
    } = serde_json::from_slice(body)?;
    if !is_room_name(&room) {
        return Err(AnnounceError::Field(
            "room",
            "not the name of a room".into(),
        ));
    }
    let most = node.config.limits.max_participants_per_room;
    if expected == 0 || expected as usize > most {
        let bounds = format!("1 to {most}");
        return Err(AnnounceError::Field("expected_participants", bounds));
    }
    let longest = LONGEST / 60;
    if !(1..=longest).contains(&duration_minutes) {
        let bounds = format!("1 to {longest}");
        return Err(AnnounceError::Field("duration_minutes", bounds));
    }
    let starts_at = OffsetDateTime::parse(&starts_at, &Rfc3339)
        .map_err(|error| AnnounceError::Field("starts_at", error.to_string()))?
        .unix_timestamp();
    let starts_at = u64::try_from(starts_at)
        .map_err(|_| AnnounceError::Field("starts_at", "before 1970".into()))?;
    Ok(Lesson {
        class: room.into(),
        starts_at,
        ends_at: starts_at + duration_minutes * 60,
        expected,
    })
}

fn announced(lesson: &Lesson) -> Announced {
    let starts_at = i64::try_from(lesson.starts_at)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|at| at.format(&Rfc3339).ok());
    Announced {
        id: format!("c{:016x}", lesson.id().0),
        room: lesson.class.to_string(),
        // Accepted lessons lie within what can be written.
        starts_at: starts_at.unwrap_or_default(),
        expected_participants: lesson.expected,
        duration_minutes: (lesson.ends_at - lesson.starts_at) / 60,
    }
}

fn read_id(text: &str) -> Option<LessonId> {
    let digits = text.strip_prefix('c').filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().map(LessonId)
}

/// Whole seconds since the epoch.
fn wall() -> u64 {
    unix_now() as u64
}
