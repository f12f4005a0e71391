//! Server messages to text.

use axum::extract::ws::Utf8Bytes;

use crate::message::ServerMessage;

/// JSON of `message`. `None`, and logged, if it cannot be written, which its types rule out.
pub(crate) fn encode(message: &ServerMessage) -> Option<Utf8Bytes> {
    match serde_json::to_string(message) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, kind = message.label(), "message not encoded");
            None
        }
    }
}
