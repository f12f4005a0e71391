//! The configuration as written in a file: plain values with their unit in the name.
//!
//! `config/firstbell.toml` documents every key; a test keeps that file and these structs equal.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Http {
    pub listen: String,
    pub tls_certificate_file: String,
    pub tls_key_file: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:8080".into(),
            tls_certificate_file: String::new(),
            tls_key_file: String::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Media {
    pub shards: usize,
    pub pin_threads: bool,
    pub listen_ip: String,
    pub base_port: u16,
    pub announce: Vec<String>,
    pub socket_receive_buffer_bytes: usize,
    pub socket_send_buffer_bytes: usize,
    pub gso: bool,
    pub mmsg: bool,
    pub command_queue: usize,
    pub event_queue: usize,
    pub max_participants_per_shard: usize,
    pub spread_above: usize,
    pub relay_queue: usize,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            shards: 0,
            pin_threads: true,
            listen_ip: "0.0.0.0".into(),
            base_port: 40_000,
            announce: Vec::new(),
            socket_receive_buffer_bytes: 8 * 1024 * 1024,
            socket_send_buffer_bytes: 8 * 1024 * 1024,
            gso: true,
            mmsg: true,
            command_queue: 4096,
            event_queue: 8192,
            max_participants_per_shard: 2000,
            spread_above: 200,
            relay_queue: 1024,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Handshake {
    pub threads: usize,
    pub queue: usize,
}

impl Default for Handshake {
    fn default() -> Self {
        Self {
            threads: 1,
            queue: 4096,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Tokens {
    pub leeway_seconds: u64,
    pub keys: Vec<TokenKey>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            leeway_seconds: 30,
            keys: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct TokenKey {
    pub id: String,
    pub secret: String,
    pub secret_file: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Limits {
    pub max_participants: usize,
    pub max_participants_per_room: usize,
    pub max_rooms: usize,
    pub max_sockets: usize,
    pub max_message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_participants: 2000,
            max_participants_per_room: 200,
            max_rooms: 500,
            max_sockets: 8000,
            max_message_bytes: 192 * 1024,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Admission {
    pub joins_per_second: u32,
    pub packets_per_second: u64,
    pub bandwidth_megabits_per_second: u64,
    pub memory_megabytes: u64,
    pub unannounced_class_size: u32,
    pub max_wait_seconds: u64,
    pub max_waiting: usize,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            joins_per_second: 0,
            packets_per_second: 0,
            bandwidth_megabits_per_second: 0,
            memory_megabytes: 0,
            unannounced_class_size: 12,
            max_wait_seconds: 30,
            max_waiting: 4000,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Signaling {
    pub heartbeat_seconds: u64,
    pub resume_seconds: u64,
    pub drain_seconds: u64,
}

impl Default for Signaling {
    fn default() -> Self {
        Self {
            heartbeat_seconds: 10,
            resume_seconds: 30,
            drain_seconds: 5,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Dev {
    pub enabled: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct Log {
    pub format: String,
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: "text".into(),
            filter: "info,rtc_dtls=error".into(),
        }
    }
}

/// The whole file. Sections are read one by one, so that each reports its own mistakes.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct Written {
    pub http: Http,
    pub media: Media,
    pub handshake: Handshake,
    pub tokens: Tokens,
    pub limits: Limits,
    pub admission: Admission,
    pub signaling: Signaling,
    pub dev: Dev,
    pub log: Log,
}

impl Written {
    pub const SECTIONS: [&'static str; 9] = [
        "http",
        "media",
        "handshake",
        "tokens",
        "limits",
        "admission",
        "signaling",
        "dev",
        "log",
    ];
}
