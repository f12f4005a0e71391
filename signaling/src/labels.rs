//! Names of codes and message types as metrics and logs show them; the same as on the wire, and
//! the English sentence that goes with a code.

use crate::message::{ErrorCode, Request, ServerMessage};

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::BadToken => "bad_token",
            Self::TokenExpired => "token_expired",
            Self::WrongRoom => "wrong_room",
            Self::RoomFull => "room_full",
            Self::NodeFull => "node_full",
            Self::Draining => "draining",
            Self::BadOffer => "bad_offer",
            Self::UnsupportedMedia => "unsupported_media",
            Self::Overloaded => "overloaded",
            Self::ResumeUnknown => "resume_unknown",
            Self::NotJoined => "not_joined",
            Self::AlreadyJoined => "already_joined",
            Self::NotPermitted => "not_permitted",
            Self::Replaced => "replaced",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// English, for logs of clients.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::BadMessage => "the message cannot be understood",
            Self::TooLarge => "the message is longer than the limit",
            Self::RateLimited => "too many messages in a short time",
            Self::BadToken => "the token is not valid",
            Self::TokenExpired => "the token has expired",
            Self::WrongRoom => "the token is for another room",
            Self::RoomFull => "the room is full",
            Self::NodeFull => "this node is full",
            Self::Draining => "this node is shutting down",
            Self::BadOffer => "the offer cannot be read",
            Self::UnsupportedMedia => "no codec of the offer is forwarded here",
            Self::Overloaded => "the node cannot take this now",
            Self::ResumeUnknown => "there is no such session to resume",
            Self::NotJoined => "this needs a join first",
            Self::AlreadyJoined => "this connection has joined already",
            Self::NotPermitted => "the role does not permit this",
            Self::Replaced => "the same person joined from elsewhere",
            Self::Timeout => "nothing was heard, or read, for too long",
            Self::Internal => "the server failed",
        }
    }
}

impl Request {
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Join { .. } => "join",
            Self::Resume { .. } => "resume",
            Self::Wants { .. } => "wants",
            Self::Publishing { .. } => "publishing",
            Self::Restart { .. } => "restart",
            Self::Ping {} => "ping",
            Self::Leave {} => "leave",
        }
    }
}

impl ServerMessage {
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Joined { .. } => "joined",
            Self::Resumed { .. } => "resumed",
            Self::Refused { .. } => "refused",
            Self::Restarted { .. } => "restarted",
            Self::Ok { .. } => "ok",
            Self::Error { .. } => "error",
            Self::Roster { .. } => "roster",
            Self::Slots { .. } => "slots",
            Self::Speakers { .. } => "speakers",
            Self::Room { .. } => "room",
            Self::Connection { .. } => "connection",
            Self::Layers { .. } => "layers",
            Self::Line(_) => "line",
            Self::Ended { .. } => "ended",
        }
    }

    /// The code of a message that tells of a failure.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } | Self::Error { code, .. } | Self::Ended { code, .. } => {
                Some(*code)
            }
            _ => None,
        }
    }

    pub(crate) fn error(re: Option<u32>, code: ErrorCode) -> Self {
        let message = code.sentence().to_owned();
        Self::Error { re, code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_wire_names() {
        for code in [
            ErrorCode::BadMessage,
            ErrorCode::UnsupportedMedia,
            ErrorCode::ResumeUnknown,
            ErrorCode::Internal,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        let message = ServerMessage::error(None, ErrorCode::Timeout);
        assert_eq!(
            serde_json::to_value(&message).unwrap()["type"],
            message.label()
        );
        let request: Request = serde_json::from_str(r#"{"type":"ping"}"#).unwrap();
        assert_eq!(request.label(), "ping");
    }
}
