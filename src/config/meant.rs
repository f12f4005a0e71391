//! The configuration as meant: checked values the rest of the node can rely on.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use firstbell_signaling::config::{MAX_TOKEN_LEEWAY, MIN_TOKEN_SECRET_BYTES};
use firstbell_signaling::{Limits, SignalingConfig, TokenKey};

use super::admission::admission;
use super::written::{self, Written};

/// More shards than this is a typing mistake, not a machine.
const MAX_SHARDS: usize = 256;

#[derive(Clone, Debug)]
pub struct Config {
    pub http: HttpConfig,
    pub media: MediaConfig,
    pub handshake: HandshakePoolConfig,
    pub signaling: SignalingConfig,
    /// How long a graceful stop waits for people to hear of it.
    pub drain: Duration,
    pub log: LogConfig,
}

#[derive(Clone, Debug)]
pub struct HttpConfig {
    pub listen: SocketAddr,
    pub tls: TlsConfig,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsConfig {
    Off,
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    /// A certificate made at start (`--self-signed`).
    SelfSigned,
}

#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub shards: usize,
    pub pin_threads: bool,
    pub listen_ip: IpAddr,
    /// Shard `n` listens on `base_port + n`.
    pub base_port: u16,
    /// What candidates say; empty: the addresses of this machine's interfaces.
    pub announce: Vec<AnnouncedAddress>,
    pub socket_receive_buffer_bytes: usize,
    pub socket_send_buffer_bytes: usize,
    /// Let the kernel cut runs of datagrams and put them together (UDP_SEGMENT, UDP_GRO).
    pub gso: bool,
    /// Several messages in one system call.
    pub mmsg: bool,
    pub command_queue: usize,
    pub event_queue: usize,
    pub max_participants_per_shard: usize,
    /// A room of more people than this has them on several shards.
    pub spread_above: usize,
    /// Messages that may wait on their way from one shard to another.
    pub relay_queue: usize,
}

/// One address clients are told, when it is not simply an interface's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncedAddress {
    pub ip: IpAddr,
    /// Where shard 0 is reached when that is not its own port; shard `n` is `n` further.
    pub base_port: Option<u16>,
}

impl AnnouncedAddress {
    /// `192.0.2.1`, or with a port: `192.0.2.1:5000`, `[2001:db8::1]:5000`.
    fn parse(text: &str) -> Option<Self> {
        let with_port = |address: SocketAddr| (address.ip(), Some(address.port()));
        let (ip, base_port) = match text.parse() {
            Ok(ip) => (ip, None),
            Err(_) => with_port(text.parse().ok()?),
        };
        Some(Self { ip, base_port })
    }
}

#[derive(Clone, Debug)]
pub struct HandshakePoolConfig {
    pub threads: usize,
    pub queue: usize,
}

#[derive(Clone, Debug)]
pub struct LogConfig {
    pub format: LogFormat,
    /// A `tracing` filter, such as `info` or `firstbell=debug`.
    pub filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Checks `written`; pushes every mistake and gives a value only where one could be made.
    pub(super) fn from_written(written: &Written, mistakes: &mut Vec<String>) -> Option<Self> {
        let http = http(&written.http, mistakes);
        let media = media(&written.media, mistakes);
        let handshake = HandshakePoolConfig {
            threads: positive("handshake.threads", written.handshake.threads, mistakes),
            queue: positive("handshake.queue", written.handshake.queue, mistakes),
        };
        let shards = media.as_ref().map_or(1, |media| media.shards);
        let signaling = signaling(written, shards, mistakes);
        let log = log(&written.log, mistakes);
        Some(Self {
            http: http?,
            media: media?,
            handshake,
            signaling,
            drain: Duration::from_secs(written.signaling.drain_seconds),
            log: log?,
        })
    }
}

fn http(written: &written::Http, mistakes: &mut Vec<String>) -> Option<HttpConfig> {
    let tls = match (
        written.tls_certificate_file.as_str(),
        written.tls_key_file.as_str(),
    ) {
        ("", "") => TlsConfig::Off,
        (certificate, key) if !certificate.is_empty() && !key.is_empty() => TlsConfig::Files {
            certificate: certificate.into(),
            key: key.into(),
        },
        _ => {
            mistakes.push(
                "http: tls_certificate_file and tls_key_file are needed both or not at all".into(),
            );
            TlsConfig::Off
        }
    };
    let listen = parsed(
        "http.listen",
        &written.listen,
        "an address and port",
        mistakes,
    )?;
    Some(HttpConfig { listen, tls })
}

fn media(written: &written::Media, mistakes: &mut Vec<String>) -> Option<MediaConfig> {
    let shards = match written.shards {
        0 => std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MAX_SHARDS),
        more => more,
    };
    if shards > MAX_SHARDS {
        mistakes.push(format!("media.shards: {shards} is more than {MAX_SHARDS}"));
    }
    if usize::from(written.base_port) + shards > 65_536 {
        mistakes.push(format!(
            "media.base_port: {} leaves no room for {shards} ports below 65536",
            written.base_port
        ));
    }
    let announce = announced(&written.announce, shards, mistakes);
    let listen_ip = parsed(
        "media.listen_ip",
        &written.listen_ip,
        "an IP address",
        mistakes,
    );
    Some(MediaConfig {
        shards,
        pin_threads: written.pin_threads,
        listen_ip: listen_ip?,
        base_port: written.base_port,
        announce,
        socket_receive_buffer_bytes: written.socket_receive_buffer_bytes,
        socket_send_buffer_bytes: written.socket_send_buffer_bytes,
        gso: written.gso,
        mmsg: written.mmsg,
        command_queue: positive("media.command_queue", written.command_queue, mistakes),
        event_queue: positive("media.event_queue", written.event_queue, mistakes),
        max_participants_per_shard: positive(
            "media.max_participants_per_shard",
            written.max_participants_per_shard,
            mistakes,
        ),
        spread_above: positive("media.spread_above", written.spread_above, mistakes),
        relay_queue: positive("media.relay_queue", written.relay_queue, mistakes),
    })
}

fn announced(
    written: &[String],
    shards: usize,
    mistakes: &mut Vec<String>,
) -> Vec<AnnouncedAddress> {
    let mut addresses = Vec::new();
    for text in written {
        let Some(address) = AnnouncedAddress::parse(text) else {
            mistakes.push(format!(
                "media.announce: \"{text}\" is not an IP address, with or without a port"
            ));
            continue;
        };
        let port = address.base_port;
        if port.is_some_and(|port| port == 0 || usize::from(port) + shards > 65_536) {
            mistakes.push(format!(
                "media.announce: \"{text}\" leaves no room for {shards} ports below 65536"
            ));
        }
        addresses.push(address);
    }
    addresses
}

fn signaling(written: &Written, shards: usize, mistakes: &mut Vec<String>) -> SignalingConfig {
    let limits = &written.limits;
    let signaling = &written.signaling;
    let token_leeway = Duration::from_secs(written.tokens.leeway_seconds);
    if token_leeway > MAX_TOKEN_LEEWAY {
        mistakes.push(format!(
            "tokens.leeway_seconds: at most {}, or expiry means nothing",
            MAX_TOKEN_LEEWAY.as_secs()
        ));
    }
    SignalingConfig {
        token_keys: token_keys(written, mistakes),
        token_leeway,
        limits: Limits {
            max_participants: positive(
                "limits.max_participants",
                limits.max_participants,
                mistakes,
            ),
            max_participants_per_room: positive(
                "limits.max_participants_per_room",
                limits.max_participants_per_room,
                mistakes,
            ),
            max_rooms: positive("limits.max_rooms", limits.max_rooms, mistakes),
            max_sockets: positive("limits.max_sockets", limits.max_sockets, mistakes),
            max_message_bytes: positive(
                "limits.max_message_bytes",
                limits.max_message_bytes,
                mistakes,
            ),
        },
        admission: admission(&written.admission, shards, mistakes),
        dev_mode: written.dev.enabled,
        heartbeat: seconds(
            "signaling.heartbeat_seconds",
            signaling.heartbeat_seconds,
            mistakes,
        ),
        resume_window: seconds(
            "signaling.resume_seconds",
            signaling.resume_seconds,
            mistakes,
        ),
        ..SignalingConfig::default()
    }
}

fn token_keys(written: &Written, mistakes: &mut Vec<String>) -> Vec<TokenKey> {
    let mut keys = Vec::new();
    for (index, key) in written.tokens.keys.iter().enumerate() {
        let place = format!("tokens.keys[{index}]");
        let secret = match (key.secret.as_str(), key.secret_file.as_str()) {
            (secret, "") if !secret.is_empty() => secret.as_bytes().to_vec(),
            ("", file) if !file.is_empty() => match std::fs::read_to_string(file) {
                Ok(text) => text.trim().as_bytes().to_vec(),
                Err(error) => {
                    mistakes.push(format!("{place}.secret_file: cannot read {file}: {error}"));
                    continue;
                }
            },
            _ => {
                mistakes.push(format!("{place}: needs either secret or secret_file"));
                continue;
            }
        };
        if secret.len() < MIN_TOKEN_SECRET_BYTES {
            mistakes.push(format!(
                "{place}: the secret has {} bytes; HS256 needs at least {MIN_TOKEN_SECRET_BYTES}",
                secret.len()
            ));
        }
        let id = (!key.id.is_empty()).then(|| key.id.clone());
        keys.push(TokenKey { id, secret });
    }
    if keys.is_empty() && written.tokens.keys.is_empty() && !written.dev.enabled {
        mistakes.push("tokens.keys: at least one key is needed outside development mode".into());
    }
    keys
}

fn log(written: &written::Log, mistakes: &mut Vec<String>) -> Option<LogConfig> {
    let format = match written.format.as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => {
            mistakes.push(format!(
                "log.format: \"{other}\" is neither \"text\" nor \"json\""
            ));
            return None;
        }
    };
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&written.filter) {
        mistakes.push(format!("log.filter: {error}"));
    }
    Some(LogConfig {
        format,
        filter: written.filter.clone(),
    })
}

fn parsed<T: std::str::FromStr>(
    key: &str,
    text: &str,
    what: &str,
    mistakes: &mut Vec<String>,
) -> Option<T> {
    let value = text.parse().ok();
    if value.is_none() {
        mistakes.push(format!("{key}: \"{text}\" is not {what}"));
    }
    value
}

pub(super) fn positive(key: &str, value: usize, mistakes: &mut Vec<String>) -> usize {
    if value == 0 {
        mistakes.push(format!("{key}: must be at least 1"));
    }
    value
}

pub(super) fn seconds(key: &str, value: u64, mistakes: &mut Vec<String>) -> Duration {
    if value == 0 {
        mistakes.push(format!("{key}: must be at least 1"));
    }
    Duration::from_secs(value)
}
