//! The join protocol as this client understands it, written from the protocol's description and
//! not shared with the node: a change of the wire that breaks clients breaks this one too.

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub struct ClientMessage<'a> {
    pub id: u32,
    #[serde(flatten)]
    pub request: Request<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request<'a> {
    Join {
        room: &'a str,
        token: &'a str,
        offer: &'a str,
        client: ClientInfo<'a>,
        publishing: Publishing,
    },
    Wants {
        tiles: &'a [Tile<'a>],
    },
    Ping {},
    Leave {},
}

/// How large a track is shown: pixels, 0 for not at all.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tile<'a> {
    pub participant: &'a str,
    pub source: TrackSource,
    pub height: u16,
}

#[derive(Debug, Serialize)]
pub struct ClientInfo<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Publishing {
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SlotMapping {
    pub mid: String,
    pub shows: Option<SlotTrack>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SlotTrack {
    pub participant: String,
    pub source: TrackSource,
}

#[derive(Debug, Deserialize)]
pub struct SlotLine {
    pub mid: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    Queued {
        re: u32,
    },
    Joined {
        re: u32,
        participant: String,
        answer: String,
        slots: Vec<SlotLine>,
        mapping: Vec<SlotMapping>,
        heartbeat_ms: u32,
    },
    Refused {
        re: u32,
        code: String,
        message: String,
        #[serde(default)]
        retry_after_ms: Option<u32>,
    },
    Ok {
        re: u32,
    },
    Error {
        code: String,
        message: String,
    },
    Slots {
        mapping: Vec<SlotMapping>,
    },
    Connection {
        state: MediaState,
    },
    /// Encodings of a source that somebody watches, by RID.
    Layers {
        source: TrackSource,
        active: Vec<String>,
    },
    Line(Line),
    Ended {
        code: String,
        message: String,
    },
    /// Events this client has no use for (roster, speakers) and those of newer servers.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    Connected,
    Lost,
}

/// What the node makes of this client's line. Words of newer servers are kept as they are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Line {
    pub downlink_kbps: Option<f64>,
    /// `full`, `reduced` or `off`.
    pub video: Option<String>,
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_look_as_the_protocol_says() {
        let message = ClientMessage {
            id: 7,
            request: Request::Join {
                room: "r",
                token: "t",
                offer: "o",
                client: ClientInfo {
                    name: "n",
                    version: "v",
                },
                publishing: Publishing {
                    microphone: true,
                    camera: false,
                    screen: false,
                },
            },
        };
        assert_eq!(
            serde_json::to_value(&message).unwrap(),
            serde_json::json!({
                "id": 7, "type": "join", "room": "r", "token": "t", "offer": "o",
                "client": {"name": "n", "version": "v"},
                "publishing": {"microphone": true, "camera": false, "screen": false},
            })
        );
        let ping = ClientMessage {
            id: 8,
            request: Request::Ping {},
        };
        assert_eq!(
            serde_json::to_string(&ping).unwrap(),
            r#"{"id":8,"type":"ping"}"#
        );
    }

    #[test]
    fn wants_name_tiles() {
        let tile = Tile {
            participant: "p1",
            source: TrackSource::Camera,
            height: 720,
        };
        let message = ClientMessage {
            id: 3,
            request: Request::Wants { tiles: &[tile] },
        };
        assert_eq!(
            serde_json::to_value(&message).unwrap(),
            serde_json::json!({
                "id": 3, "type": "wants",
                "tiles": [{"participant": "p1", "source": "camera", "height": 720}],
            })
        );
    }

    #[test]
    fn events_are_read_and_unknown_ones_passed_over() {
        let read = |text: &str| serde_json::from_str::<ServerMessage>(text).unwrap();
        let slots = read(
            r#"{"type":"slots","mapping":[
                {"mid":"4","shows":{"participant":"p1","source":"screen_audio"}},
                {"mid":"5","shows":null}]}"#,
        );
        let ServerMessage::Slots { mapping } = slots else {
            panic!("{slots:?}")
        };
        assert_eq!(
            mapping[0].shows.as_ref().unwrap().source,
            TrackSource::ScreenAudio
        );
        assert_eq!(mapping[1].shows, None);
        assert!(matches!(
            read(r#"{"type":"roster","joined":[]}"#),
            ServerMessage::Other
        ));
        let line = read(
            r#"{"type":"line","downlink_kbps":null,"video":"off","reason":"narrow","new":{}}"#,
        );
        let ServerMessage::Line(line) = line else {
            panic!("{line:?}")
        };
        assert_eq!(line.downlink_kbps, None);
        assert_eq!(line.video.as_deref(), Some("off"));
        let layers = read(r#"{"type":"layers","source":"camera","active":["q","h"]}"#);
        assert!(matches!(layers, ServerMessage::Layers { active, .. } if active.len() == 2));
        assert!(matches!(
            read(r#"{"type":"refused","re":1,"code":"room_full","message":"m"}"#),
            ServerMessage::Refused {
                retry_after_ms: None,
                ..
            }
        ));
    }
}
