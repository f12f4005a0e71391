// Generated from signaling/src/message.rs. Do not edit: change the Rust types and run
//   FIRSTBELL_WRITE_SCHEMA=1 cargo test -p firstbell-signaling --test schema

/** A person in a room, stable across reloads and resumes. Opaque to clients. */
export type ParticipantId = string;

export type ClientMessage = { 
/**
 * Chosen by the client, unique within the connection.
 */
id: number, } & ({ "type": "join", 
/**
 * The room the page stands in; must be the token's.
 */
room: string, 
/**
 * HS256 JSON Web Token.
 */
token: string, 
/**
 * SDP offer. By order of m-lines: the first sending audio is the microphone, the second
 * the screen's audio; the first sending video is the camera, the second the screen;
 * every receiving m-line is a slot (a `sendrecv` one is both).
 */
offer: string, client: ClientInfo, 
/**
 * Take the place of an earlier session of the same person (page reload).
 */
resume?: ResumeTicket, 
/**
 * The `place` of an earlier refusal: the place in the queue that was kept.
 */
place?: string, 
/**
 * Which sources start live, for the roster.
 */
publishing: Publishing, } | { "type": "resume", ticket: ResumeTicket, } | { "type": "wants", 
/**
 * Participants shown before all others, in this order.
 */
pinned: Array<string>, 
/**
 * Fill at most this many video slots.
 */
max_video?: number, 
/**
 * How large tracks are shown now; at most 64. Tracks not named are sent as large as the
 * node thinks fit. Of a track named twice the last one counts.
 */
tiles: Array<Tile>, } | { "type": "publishing", publishing: Publishing, } | { "type": "restart", offer: string, } | { "type": "ping", } | { "type": "leave", });

export type Request = { "type": "join", 
/**
 * The room the page stands in; must be the token's.
 */
room: string, 
/**
 * HS256 JSON Web Token.
 */
token: string, 
/**
 * SDP offer. By order of m-lines: the first sending audio is the microphone, the second
 * the screen's audio; the first sending video is the camera, the second the screen;
 * every receiving m-line is a slot (a `sendrecv` one is both).
 */
offer: string, client: ClientInfo, 
/**
 * Take the place of an earlier session of the same person (page reload).
 */
resume?: ResumeTicket, 
/**
 * The `place` of an earlier refusal: the place in the queue that was kept.
 */
place?: string, 
/**
 * Which sources start live, for the roster.
 */
publishing: Publishing, } | { "type": "resume", ticket: ResumeTicket, } | { "type": "wants", 
/**
 * Participants shown before all others, in this order.
 */
pinned: Array<string>, 
/**
 * Fill at most this many video slots.
 */
max_video?: number, 
/**
 * How large tracks are shown now; at most 64. Tracks not named are sent as large as the
 * node thinks fit. Of a track named twice the last one counts.
 */
tiles: Array<Tile>, } | { "type": "publishing", publishing: Publishing, } | { "type": "restart", offer: string, } | { "type": "ping", } | { "type": "leave", };

export type ClientInfo = { 
/**
 * Name of the client software, such as `firstbell-web`.
 */
name: string, version: string, };

export type ResumeTicket = { participant: string, secret: string, };

/**
 * Which sources a participant sends. Screen covers the screen's audio.
 */
export type Publishing = { microphone: boolean, camera: boolean, screen: boolean, };

export type Role = "teacher" | "co_teacher" | "pupil" | "guest";

export type Person = { participant: string, name: string, role: Role, publishing: Publishing, 
/**
 * False while the person's socket is lost and may still resume.
 */
present: boolean, line: LineQuality, };

/**
 * A person's line in one word, for the others.
 */
export type LineQuality = "good" | "weak" | "bad";

export type TrackSource = "microphone" | "camera" | "screen" | "screen_audio";

/**
 * A source with a picture.
 */
export type VideoSource = "camera" | "screen";

/**
 * How large a client shows a track.
 */
export type Tile = { participant: string, source: VideoSource, 
/**
 * In device pixels; 0: not to be seen, nothing need be sent.
 */
height: number, };

export type TrackKind = "audio" | "video";

export type PublishLine = { mid: string, source: TrackSource, };

export type SlotLine = { mid: string, kind: TrackKind, };

/**
 * What a slot shows now.
 */
export type SlotMapping = { mid: string, 
/**
 * `null`: the slot is empty.
 */
shows: SlotTrack | null, };

export type SlotTrack = { participant: string, source: TrackSource, };

export type RoomState = { room: string, 
/**
 * Most people this room takes.
 */
max_participants: number, 
/**
 * What the node gives now; absent: everything.
 */
service?: ServiceLevel, };

/**
 * What a node that is short of something gives, each level less than the one before.
 */
export type ServiceLevel = "audio_first" | "thumbnails_limited" | "speakers_only" | "audio_only" | "queue";

/**
 * A part of the offer that cannot be used; the join goes on without it.
 */
export type Warning = "audio_codec_unsupported" | "video_codec_unsupported";

export type ServerMessage = { "type": "queued", re: number, 
/**
 * From 1.
 */
position: number, 
/**
 * From now on, until the client is let in.
 */
eta_ms: number, } | { "type": "joined", re: number, participant: string, 
/**
 * Shown again in `resume` to come back as the same person.
 */
ticket: ResumeTicket, answer: string, publish: Array<PublishLine>, slots: Array<SlotLine>, mapping: Array<SlotMapping>, 
/**
 * Everybody in the room, this client included.
 */
roster: Array<Person>, speakers: Array<string>, room: RoomState, warnings: Array<Warning>, 
/**
 * The client sends `ping` at least this often.
 */
heartbeat_ms: number, 
/**
 * How long a lost socket may be resumed.
 */
resume_ms: number, } | { "type": "resumed", re: number, mapping: Array<SlotMapping>, roster: Array<Person>, speakers: Array<string>, room: RoomState, } | { "type": "refused", re: number, code: ErrorCode, 
/**
 * English, for logs; the page shows its own text by `code`.
 */
message: string, 
/**
 * Try again after this long; absent: trying again does not help.
 */
retry_after_ms?: number, 
/**
 * Shown with the next `join`, not long after that time, it gives back the place in the
 * queue.
 */
place?: string, } | { "type": "restarted", re: number, answer: string, } | { "type": "ok", re: number, } | { "type": "error", 
/**
 * Absent when the message had no readable id.
 */
re?: number, code: ErrorCode, message: string, } | { "type": "roster", joined: Array<Person>, left: Array<string>, changed: Array<Person>, } | { "type": "slots", mapping: Array<SlotMapping>, } | { "type": "speakers", participants: Array<string>, } | { "type": "room", room: RoomState, } | { "type": "connection", state: MediaState, } | { "type": "layers", source: TrackSource, active: Array<string>, } | { "type": "line" } & Line | { "type": "ended", code: ErrorCode, message: string, };

export type MediaState = "connected" | "lost";

/**
 * What a client's line carries, as the node sees it.
 */
export type Line = { 
/**
 * What the line to the client carries, media of all kinds; `null`: not known yet.
 */
downlink_kbps: number | null, video: LineVideo, 
/**
 * Why pictures are fewer or smaller than asked; `null` while `video` is `full`.
 */
reason: LineReason | null, uplink: Uplink, };

/**
 * Pictures to a client.
 */
export type LineVideo = "full" | "reduced" | "off";

export type LineReason = "narrow" | "lossy" | "delayed";

/**
 * What comes from a client.
 */
export type Uplink = "good" | "lossy" | "silent";

/**
 * Stable codes: clients choose their text and behaviour by these.
 */
export type ErrorCode = "bad_message" | "too_large" | "rate_limited" | "bad_token" | "token_expired" | "wrong_room" | "room_full" | "node_full" | "draining" | "bad_offer" | "unsupported_media" | "overloaded" | "resume_unknown" | "not_joined" | "already_joined" | "not_permitted" | "replaced" | "timeout" | "internal";
