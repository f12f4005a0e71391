//! What the operator decides about signalling. Plain values: reading files is the node's part.

use std::fmt;
use std::time::Duration;

use crate::admission::capacity::{ClassProfile, Load};

/// Settings of one node's signalling, valid for the life of the process.
#[derive(Clone, Debug)]
pub struct SignalingConfig {
    /// Keys that join tokens may be signed with (HS256). The first signs development tokens. May
    /// be empty only in development mode, which then makes a random key at start.
    pub token_keys: Vec<TokenKey>,
    /// How far the clock of whoever signs tokens may be off. At most [`MAX_TOKEN_LEEWAY`].
    pub token_leeway: Duration,
    /// Hands out tokens to anybody who asks. Never on a node that strangers can reach.
    pub dev_mode: bool,
    pub dev_token_lifetime: Duration,
    /// Clients send `ping` at least this often; silence of two and a half times this is a lost
    /// socket.
    pub heartbeat: Duration,
    /// How long a person whose socket is lost keeps the place, the identity and the media.
    pub resume_window: Duration,
    /// What a draining node tells those it turns away.
    pub drain_retry_after: Duration,
    pub limits: Limits,
    pub admission: AdmissionConfig,
}

/// How many come in, and how fast.
#[derive(Clone, Debug)]
pub struct AdmissionConfig {
    /// Joins let in per second in the long run.
    pub joins_per_second: u32,
    /// Joins let in at once after a rest: a class that comes together need not wait.
    pub burst: u32,
    /// What the node carries. Beyond: `node_full`.
    pub capacity: Load,
    /// What people of a class are taken to send and receive.
    pub profile: ClassProfile,
    /// Places that a class holds from its first person on, if nobody announced it.
    pub unannounced_class_size: u32,
    /// Nobody is let wait if the wait would be longer; who waits twice as long all the same, because
    /// the node became slower, is sent away. Beyond: `overloaded`, with a place that is kept.
    pub max_wait: Duration,
    /// People who wait at most; each holds an offer. Longer offers count for several. Beyond: as
    /// above.
    pub max_waiting: usize,
}

/// Bounds on everything that clients can make grow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Rooms with at least one person, or one who may resume. Beyond: `node_full`.
    pub max_rooms: usize,
    /// People in one room, those who may resume included. Beyond: `room_full`.
    pub max_participants_per_room: usize,
    /// People on this node. Beyond: `node_full`.
    pub max_participants: usize,
    /// Open WebSockets, joined or not. Beyond: HTTP 503.
    pub max_sockets: usize,
    /// One client message, bytes of JSON. Beyond: `ended{too_large}`.
    pub max_message_bytes: usize,
}

/// One HS256 key.
#[derive(Clone)]
pub struct TokenKey {
    /// Matches the `kid` of a token's header. Tokens without `kid` are tried against every key.
    pub id: Option<String>,
    /// At least [`MIN_TOKEN_SECRET_BYTES`].
    pub secret: Vec<u8>,
}

/// RFC 7518 §3.2: an HS256 key is at least as long as the hash.
pub const MIN_TOKEN_SECRET_BYTES: usize = 32;

/// A longer leeway would make expiry meaningless.
pub const MAX_TOKEN_LEEWAY: Duration = Duration::from_secs(300);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Default for SignalingConfig {
    fn default() -> Self {
        Self {
            token_keys: Vec::new(),
            token_leeway: Duration::from_secs(30),
            dev_mode: false,
            dev_token_lifetime: Duration::from_secs(12 * 3600),
            heartbeat: Duration::from_secs(10),
            resume_window: Duration::from_secs(30),
            drain_retry_after: Duration::from_secs(3),
            limits: Limits::default(),
            admission: AdmissionConfig::default(),
        }
    }
}

/// For two cores; docs/performance.md has what a core carries.
impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            joins_per_second: 400,
            burst: 100,
            capacity: Load {
                packets_per_second: 700_000,
                ..Load::UNLIMITED
            },
            profile: ClassProfile::default(),
            unannounced_class_size: 12,
            max_wait: Duration::from_secs(30),
            max_waiting: 4_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_rooms: 1_000,
            max_participants_per_room: 150,
            max_participants: 5_000,
            max_sockets: 12_000,
            max_message_bytes: 192 * 1024,
        }
    }
}
