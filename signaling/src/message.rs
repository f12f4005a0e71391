//! What crosses the WebSocket: the one schema from which Rust and TypeScript agree.
//!
//! Every client message is a [`ClientMessage`]: a JSON object with a `type` and an `id` chosen by
//! the client. Each gets exactly one final answer that names the id in `re` (after any number of
//! `queued`); server messages without `re` are events. Unknown fields are ignored, so that either
//! side may be newer; an unknown `type` is answered with `bad_message`.
//!
//! The TypeScript in `web/sdk/src/protocol.ts` is generated from here; a test fails when it is old.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A person in a room, stable across reloads and resumes. Opaque to clients.
pub type ParticipantId = String;

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct ClientMessage {
    /// Chosen by the client, unique within the connection.
    pub id: u32,
    #[serde(flatten)]
    pub request: Request,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// First message of a connection. Later only with the ticket of the own place, to come back
    /// with new media after the old was lost.
    Join {
        /// The room the page stands in; must be the token's.
        room: String,
        /// HS256 JSON Web Token.
        token: String,
        /// SDP offer. By order of m-lines: the first sending audio is the microphone, the second
        /// the screen's audio; the first sending video is the camera, the second the screen;
        /// every receiving m-line is a slot (a `sendrecv` one is both).
        offer: String,
        client: ClientInfo,
        /// Take the place of an earlier session of the same person (page reload).
        #[serde(default)]
        #[ts(optional)]
        resume: Option<ResumeTicket>,
        /// The `place` of an earlier refusal: the place in the queue that was kept.
        #[serde(default)]
        #[ts(optional)]
        place: Option<String>,
        /// Which sources start live, for the roster.
        #[serde(default)]
        publishing: Publishing,
    },
    /// First message of a connection after a socket loss: same person, same media path.
    Resume { ticket: ResumeTicket },
    Wants {
        /// Participants shown before all others, in this order.
        #[serde(default)]
        pinned: Vec<ParticipantId>,
        /// Fill at most this many video slots.
        #[serde(default)]
        #[ts(optional)]
        max_video: Option<u8>,
        /// How large tracks are shown now; at most 64. Tracks not named are sent as large as the
        /// node thinks fit. Of a track named twice the last one counts.
        #[serde(default)]
        tiles: Vec<Tile>,
    },
    /// What this client sends now.
    Publishing { publishing: Publishing },
    /// ICE restart, with a new offer of the same m-lines.
    Restart { offer: String },
    /// Heartbeat; answered with `ok`.
    Ping {},
    /// Leave for good: no resume.
    Leave {},
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct ClientInfo {
    /// Name of the client software, such as `firstbell-web`.
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct ResumeTicket {
    pub participant: ParticipantId,
    pub secret: String,
}

/// Which sources a participant sends. Screen covers the screen's audio.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct Publishing {
    #[serde(default)]
    pub microphone: bool,
    #[serde(default)]
    pub camera: bool,
    #[serde(default)]
    pub screen: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Teacher,
    CoTeacher,
    Pupil,
    Guest,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct Person {
    pub participant: ParticipantId,
    pub name: String,
    pub role: Role,
    pub publishing: Publishing,
    /// False while the person's socket is lost and may still resume.
    pub present: bool,
    pub line: LineQuality,
}

/// A person's line in one word, for the others.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LineQuality {
    #[default]
    Good,
    /// Pictures to them are reduced, or what they send gets lost in parts.
    Weak,
    /// They get no pictures, or nothing comes from them.
    Bad,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

/// A source with a picture.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum VideoSource {
    Camera,
    Screen,
}

/// How large a client shows a track.
#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct Tile {
    pub participant: ParticipantId,
    pub source: VideoSource,
    /// In device pixels; 0: not to be seen, nothing need be sent.
    pub height: u16,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Audio,
    Video,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct PublishLine {
    pub mid: String,
    pub source: TrackSource,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct SlotLine {
    pub mid: String,
    pub kind: TrackKind,
}

/// What a slot shows now.
#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct SlotMapping {
    pub mid: String,
    /// `null`: the slot is empty.
    pub shows: Option<SlotTrack>,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct SlotTrack {
    pub participant: ParticipantId,
    pub source: TrackSource,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct RoomState {
    pub room: String,
    /// Most people this room takes.
    pub max_participants: u32,
    /// What the node gives now; absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub service: Option<ServiceLevel>,
}

/// What a node that is short of something gives, each level less than the one before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ServiceLevel {
    /// Who joins gets the voices first and the pictures a moment later.
    AudioFirst,
    /// Few thumbnails.
    ThumbnailsLimited,
    /// Pictures of those who lead or speak only.
    SpeakersOnly,
    /// No pictures but shared screens.
    AudioOnly,
    /// As before, and joins come in slowly.
    Queue,
}

/// A part of the offer that cannot be used; the join goes on without it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    AudioCodecUnsupported,
    VideoCodecUnsupported,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Waiting for admission; may come several times before `joined` or `refused`, once a second
    /// at most and when something has changed.
    Queued {
        re: u32,
        /// From 1.
        position: u32,
        /// From now on, until the client is let in.
        eta_ms: u32,
    },
    Joined {
        re: u32,
        participant: ParticipantId,
        /// Shown again in `resume` to come back as the same person.
        ticket: ResumeTicket,
        answer: String,
        publish: Vec<PublishLine>,
        slots: Vec<SlotLine>,
        mapping: Vec<SlotMapping>,
        /// Everybody in the room, this client included.
        roster: Vec<Person>,
        speakers: Vec<ParticipantId>,
        room: RoomState,
        warnings: Vec<Warning>,
        /// The client sends `ping` at least this often.
        heartbeat_ms: u32,
        /// How long a lost socket may be resumed.
        resume_ms: u32,
    },
    /// Answer to `resume`: everything the client may have missed, as whole state.
    Resumed {
        re: u32,
        mapping: Vec<SlotMapping>,
        roster: Vec<Person>,
        speakers: Vec<ParticipantId>,
        room: RoomState,
    },
    /// The door stays shut. Final answer to `join` or `resume`.
    Refused {
        re: u32,
        code: ErrorCode,
        /// English, for logs; the page shows its own text by `code`.
        message: String,
        /// Try again after this long; absent: trying again does not help.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u32>,
        /// Shown with the next `join`, not long after that time, it gives back the place in the
        /// queue.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    Restarted {
        re: u32,
        answer: String,
    },
    Ok {
        re: u32,
    },
    Error {
        /// Absent when the message had no readable id.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        re: Option<u32>,
        code: ErrorCode,
        message: String,
    },
    /// What changed in the roster since the last one, batched. `joined` and `changed` replace by
    /// participant; a message may repeat what the client knows, itself included.
    Roster {
        joined: Vec<Person>,
        left: Vec<ParticipantId>,
        changed: Vec<Person>,
    },
    /// The whole mapping of this client's slots.
    Slots {
        mapping: Vec<SlotMapping>,
    },
    /// Who speaks now, loudest first.
    Speakers {
        participants: Vec<ParticipantId>,
    },
    /// The room's state has changed.
    Room {
        room: RoomState,
    },
    Connection {
        state: MediaState,
    },
    /// Which encodings of `source` somebody watches, by RID (RFC 8851), as a whole; the others
    /// need not be sent. Empty: nobody watches at all. A source that is sent without RIDs is
    /// watched if there is any entry. Until the first one, everything is.
    Layers {
        source: TrackSource,
        active: Vec<String>,
    },
    /// This client's line, as a whole, when it has changed; at most once a second.
    Line(Line),
    /// The session is over; the server closes the socket after this.
    Ended {
        code: ErrorCode,
        message: String,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// The media path is up and secured.
    Connected,
    /// The node lost the media path; the client should restart ICE or join anew.
    Lost,
}

/// What a client's line carries, as the node sees it.
#[derive(Clone, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
pub struct Line {
    /// What the line to the client carries, media of all kinds; `null`: not known yet.
    pub downlink_kbps: Option<u32>,
    pub video: LineVideo,
    /// Why pictures are fewer or smaller than asked; `null` while `video` is `full`.
    pub reason: Option<LineReason>,
    pub uplink: Uplink,
}

/// Pictures to a client.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LineVideo {
    /// What was asked and is there.
    Full,
    /// Fewer, smaller or slower than asked.
    Reduced,
    /// None, to save the sound.
    Off,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LineReason {
    /// It carries too little.
    Narrow,
    /// Too much gets lost on it.
    Lossy,
    /// What is sent waits too long in a queue.
    Delayed,
}

/// What comes from a client.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Uplink {
    Good,
    /// So much gets lost that others notice.
    Lossy,
    /// Nothing comes, although something is published.
    Silent,
}

/// Stable codes: clients choose their text and behaviour by these.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, TS, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, not a known message, or a field of the wrong shape.
    BadMessage,
    /// Message longer than the limit.
    TooLarge,
    /// Too many messages in a short time.
    RateLimited,
    /// The token's signature or claims are not valid.
    BadToken,
    TokenExpired,
    /// The token is for another room.
    WrongRoom,
    RoomFull,
    NodeFull,
    /// The node is shutting down.
    Draining,
    BadOffer,
    /// No codec of the offer is forwarded here.
    UnsupportedMedia,
    /// The media core cannot take more now.
    Overloaded,
    /// `resume` came too late or with a wrong secret.
    ResumeUnknown,
    /// A request that needs a join came before it, or after the media session was over: join
    /// anew.
    NotJoined,
    AlreadyJoined,
    NotPermitted,
    /// The same person joined from elsewhere and took over.
    Replaced,
    /// No heartbeat for too long.
    Timeout,
    Internal,
}
