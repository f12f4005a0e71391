//! A server over the fake plane, and clients that speak WebSocket to it: over loopback TCP, or
//! through memory, where virtual time cannot run ahead of the bytes.

// Each test binary uses its own part; what fails here fails the test.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use firstbell_signaling::admission::capacity::Load;
use firstbell_signaling::message::Role;
use firstbell_signaling::test_support::FakePlane;
use firstbell_signaling::token::{Grant, Keyring, unix_now};
use firstbell_signaling::{Server, SignalingConfig, TokenKey};
use futures_util::{SinkExt, StreamExt};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// What fits between client and server without being read.
const PIPE_BYTES: usize = 64 * 1024;

pub struct Harness {
    pub server: Server,
    pub plane: Arc<FakePlane>,
    pub registry: Registry,
    keyring: Keyring,
    pipes: mpsc::UnboundedSender<DuplexStream>,
}

struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

impl axum::serve::Listener for Pipes {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(pipe) => (pipe, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

pub fn key() -> TokenKey {
    TokenKey {
        id: Some("k1".into()),
        secret: vec![7; 32],
    }
}

pub fn config() -> SignalingConfig {
    SignalingConfig {
        token_keys: vec![key()],
        ..SignalingConfig::default()
    }
}

/// Admission lets in whoever comes: for tests of what is behind it.
pub fn open_door(mut config: SignalingConfig) -> SignalingConfig {
    config.admission.burst = 1_000_000;
    config.admission.capacity = Load::UNLIMITED;
    config
}

impl Harness {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(config: SignalingConfig) -> Self {
        let (plane, events) = FakePlane::new();
        let registry = Registry::new();
        let server = Server::new(config, plane.clone(), events, &registry).unwrap();
        let (pipes, accepted) = mpsc::unbounded_channel();
        let router = server.router();
        tokio::spawn(async move { axum::serve(Pipes(accepted), router).await });
        Self {
            server,
            plane,
            registry,
            keyring: Keyring::new(&[key()], Duration::ZERO).unwrap(),
            pipes,
        }
    }

    /// A token of one hour.
    pub fn token(&self, room: &str, identity: &str) -> String {
        self.token_until(room, identity, unix_now() + 3600.0)
    }

    pub fn token_until(&self, room: &str, identity: &str, expires: f64) -> String {
        self.token_as(room, identity, Role::Pupil, expires)
    }

    pub fn token_as(&self, room: &str, identity: &str, role: Role, expires: f64) -> String {
        let grant = Grant {
            room: room.into(),
            identity: identity.into(),
            name: format!("{identity}'s name"),
            role,
        };
        self.keyring.sign(&grant, expires).unwrap()
    }

    pub fn pipe(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        self.pipes.send(theirs).unwrap();
        ours
    }

    pub async fn connect(&self) -> Client<DuplexStream> {
        Client::over(self.pipe()).await
    }

    /// A client that has joined, and the `joined` message.
    pub async fn joined(&self, room: &str, identity: &str) -> (Client<DuplexStream>, Value) {
        let mut client = self.connect().await;
        let answer = client.join(room, self.token(room, identity)).await;
        assert_eq!(answer["type"], "joined", "{answer}");
        (client, answer)
    }

    /// The value of a metric, 0 where nothing was counted yet.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        for family in self.registry.gather() {
            if family.name() != name {
                continue;
            }
            for metric in family.get_metric() {
                let has = |(name, value): &(&str, &str)| {
                    let labels = metric.get_label();
                    labels
                        .iter()
                        .any(|l| l.name() == *name && l.value() == *value)
                };
                if labels.iter().all(has) {
                    // It is one of the two; the other is 0.
                    return metric.get_counter().get_value() + metric.get_gauge().get_value();
                }
            }
        }
        0.0
    }

    /// Waits until nobody is left; in virtual time, so that a leak fails at once.
    pub async fn assert_empty(&self) {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(self.server.directory_entries(), 0);
        assert_eq!(self.plane.live(), []);
        for gauge in [
            "signaling_participants",
            "signaling_rooms",
            "signaling_sockets",
            "admission_queue_length",
            "admission_reserved_ratio",
        ] {
            let name = format!("firstbell_{gauge}");
            assert_eq!(self.metric(&name, &[]), 0.0, "{gauge}");
        }
    }
}

pub struct Client<S> {
    pub socket: WebSocketStream<S>,
    next_id: u32,
    /// Events that came while an answer was awaited.
    events: Vec<Value>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub async fn over(io: S) -> Self {
        let (socket, _) = tokio_tungstenite::client_async("ws://node/v1/ws", io)
            .await
            .unwrap();
        Self {
            socket,
            next_id: 0,
            events: Vec::new(),
        }
    }

    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message; `None` when the server has closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(text.as_str()).unwrap());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Sends a request with the next id, and gives the id.
    pub async fn send(&mut self, mut request: Value) -> u32 {
        self.next_id += 1;
        request["id"] = json!(self.next_id);
        self.send_text(request.to_string()).await;
        self.next_id
    }

    /// Sends a request and gives its answer.
    pub async fn ask(&mut self, request: Value) -> Value {
        let id = self.send(request).await;
        self.answer_to(id).await
    }

    pub async fn answer_to(&mut self, id: u32) -> Value {
        loop {
            let message = self.next().await.expect("closed before the answer");
            if message["re"] == id {
                return message;
            }
            self.events.push(message);
        }
    }

    /// The next event of this type; others are dropped.
    pub async fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = if self.events.is_empty() {
                self.next().await.expect("closed before the event")
            } else {
                self.events.remove(0)
            };
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Reads to the end of the session and gives the code of `ended`.
    pub async fn ended(&mut self) -> Value {
        let code = self.event("ended").await["code"].clone();
        assert_eq!(self.next().await, None, "closed after `ended`");
        code
    }

    pub async fn join(&mut self, room: &str, token: String) -> Value {
        self.ask(join(room, token)).await
    }

    pub async fn rejoin(&mut self, room: &str, token: String, ticket: &Value) -> Value {
        let mut request = join(room, token);
        request["resume"] = ticket.clone();
        self.ask(request).await
    }

    pub async fn resume(&mut self, ticket: &Value) -> Value {
        self.ask(json!({"type": "resume", "ticket": ticket})).await
    }

    pub async fn ping(&mut self) {
        assert_eq!(self.ask(json!({"type": "ping"})).await["type"], "ok");
    }
}

pub fn join(room: &str, token: String) -> Value {
    json!({
        "type": "join", "room": room, "token": token, "offer": "offer",
        "client": {"name": "test", "version": "1"},
        "publishing": {"microphone": true, "camera": false, "screen": false},
    })
}

/// The participants of a list of people.
pub fn ids(people: &Value) -> Vec<String> {
    let people = people.as_array().unwrap();
    let id = |person: &Value| person["participant"].as_str().unwrap().to_owned();
    people.iter().map(id).collect()
}

/// Status and body of one request. `head`: method and path, and further headers after a line end.
pub async fn http(h: &Harness, head: &str, body: &str) -> (u16, String) {
    let mut pipe = h.pipe();
    let length = body.len();
    let (first, more) = head.split_once("\r\n").unwrap_or((head, "X-None: 0"));
    let request = format!(
        "{first} HTTP/1.1\r\n{more}\r\nHost: node\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    pipe.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    pipe.read_to_string(&mut response).await.unwrap();
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}
