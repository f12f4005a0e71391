//! Text to client message.

use serde::Deserialize;

use crate::message::ClientMessage;

/// A message that is no [`ClientMessage`], with its id where one could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable {
    pub id: Option<u32>,
}

#[derive(Deserialize)]
struct OnlyId {
    id: u32,
}

pub(crate) fn decode(text: &str) -> Result<ClientMessage, Undecodable> {
    serde_json::from_str(text).map_err(|_| Undecodable { id: id_of(text) })
}

/// The id of a message, whatever else is in it.
pub(crate) fn id_of(text: &str) -> Option<u32> {
    serde_json::from_str::<OnlyId>(text)
        .ok()
        .map(|only| only.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;
    use proptest::prelude::*;

    #[test]
    fn known_messages_with_unknown_fields() {
        let message = decode(r#"{"id":7,"type":"ping","later":[1]}"#).unwrap();
        assert_eq!((message.id, message.request), (7, Request::Ping {}));
    }

    #[test]
    fn an_id_is_found_in_what_cannot_be_understood() {
        for (text, id) in [
            (r#"{"id":7,"type":"dance"}"#, Some(7)),
            (r#"{"id":7,"type":"wants","pinned":3}"#, Some(7)),
            (r#"{"id":-7,"type":"ping"}"#, None),
            (r#"{"type":"ping"}"#, None),
            ("[]", None),
            ("", None),
            ("{", None),
        ] {
            assert_eq!(decode(text), Err(Undecodable { id }), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(decode(&"[".repeat(100_000)).is_err());
        let deep = format!(r#"{{"id":1,"type":"ping","x":{}}}"#, "[".repeat(50_000));
        assert!(decode(&deep).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = decode(&text);
        }
    }
}
