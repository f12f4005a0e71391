//! The WebSocket side of a client: join, heartbeat, mapping events, leave.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::protocol::{
    ClientInfo, ClientMessage, Line, MediaState, Publishing, Request, ServerMessage, SlotMapping,
    Tile, TrackSource,
};

/// How long `leave` waits for its answer.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
const CLIENT: ClientInfo<'static> = ClientInfo {
    name: "firstbell-loadtest",
    version: env!("CARGO_PKG_VERSION"),
};

#[derive(Debug, thiserror::Error)]
pub enum SignalingError {
    #[error("WebSocket: {0}")]
    Socket(Box<SocketError>),
    #[error("the node closed the WebSocket")]
    Closed,
    #[error("not understood: {0}")]
    BadMessage(serde_json::Error),
    #[error("refused: {code}: {message}")]
    Refused {
        code: String,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("ended: {code}: {message}")]
    Ended { code: String, message: String },
    #[error("answered {code}: {message}")]
    Error { code: String, message: String },
    #[error("an answer to a request that was never made: {0}")]
    StrayAnswer(u32),
}

impl From<SocketError> for SignalingError {
    fn from(error: SocketError) -> Self {
        Self::Socket(Box::new(error))
    }
}

pub struct JoinRequest<'a> {
    /// `ws://host:port/v1/ws`.
    pub url: &'a str,
    pub room: &'a str,
    pub token: &'a str,
    pub offer: &'a str,
    pub publishing: Publishing,
}

pub struct Joined {
    pub signaling: Signaling,
    pub participant: String,
    pub answer: String,
    pub slot_mids: Vec<String>,
    pub mapping: Vec<SlotMapping>,
    /// From the start of the connection to `joined`.
    pub took: Duration,
}

#[derive(Debug)]
pub enum SignalingEvent {
    Slots(Vec<SlotMapping>),
    Connection(MediaState),
    Layers {
        source: TrackSource,
        active: Vec<String>,
    },
    Line(Line),
}

pub struct Signaling {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u32,
    heartbeat: Interval,
}

/// Connects and joins.
///
/// # Errors
/// See [`SignalingError`].
pub async fn join(request: &JoinRequest<'_>) -> Result<Joined, SignalingError> {
    let start = Instant::now();
    let (mut socket, _) = connect_async(request.url).await?;
    let message = ClientMessage {
        id: 1,
        request: Request::Join {
            room: request.room,
            token: request.token,
            offer: request.offer,
            client: CLIENT,
            publishing: request.publishing,
        },
    };
    send(&mut socket, &message).await?;
    loop {
        match receive(&mut socket).await? {
            ServerMessage::Queued { re: 1 } | ServerMessage::Other => {}
            ServerMessage::Joined {
                re: 1,
                participant,
                answer,
                slots,
                mapping,
                heartbeat_ms,
            } => {
                let period = Duration::from_millis(u64::from(heartbeat_ms.max(1000)) / 2);
                let mut heartbeat = interval(period);
                heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
                return Ok(Joined {
                    signaling: Signaling {
                        socket,
                        next_id: 2,
                        heartbeat,
                    },
                    participant,
                    answer,
                    slot_mids: slots.into_iter().map(|slot| slot.mid).collect(),
                    mapping,
                    took: start.elapsed(),
                });
            }
            ServerMessage::Refused {
                re: 1,
                code,
                message,
                retry_after_ms,
            } => {
                let retry_after = retry_after_ms.map(|ms| Duration::from_millis(ms.into()));
                return Err(SignalingError::Refused {
                    code,
                    message,
                    retry_after,
                });
            }
            other => return Err(unexpected(other)),
        }
    }
}

fn unexpected(message: ServerMessage) -> SignalingError {
    match message {
        ServerMessage::Ended { code, message } => SignalingError::Ended { code, message },
        ServerMessage::Error { code, message } => SignalingError::Error { code, message },
        ServerMessage::Refused { re, .. }
        | ServerMessage::Joined { re, .. }
        | ServerMessage::Queued { re }
        | ServerMessage::Ok { re } => SignalingError::StrayAnswer(re),
        _ => SignalingError::StrayAnswer(0),
    }
}

async fn send(
    socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
    message: &ClientMessage<'_>,
) -> Result<(), SignalingError> {
    let text = serde_json::to_string(message).map_err(SignalingError::BadMessage)?;
    Ok(socket.send(Message::text(text)).await?)
}

async fn receive(
    socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
) -> Result<ServerMessage, SignalingError> {
    loop {
        match socket.next().await {
            None | Some(Ok(Message::Close(_))) => return Err(SignalingError::Closed),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(SignalingError::BadMessage);
            }
            Some(Ok(_)) => {}
        }
    }
}

impl Signaling {
    /// The next event that matters; keeps the heartbeat meanwhile. May be dropped while waiting.
    ///
    /// # Errors
    /// See [`SignalingError`]; the session is over.
    pub async fn next_event(&mut self) -> Result<SignalingEvent, SignalingError> {
        loop {
            tokio::select! {
                message = receive(&mut self.socket) => match message? {
                    ServerMessage::Slots { mapping } => return Ok(SignalingEvent::Slots(mapping)),
                    ServerMessage::Connection { state } => {
                        return Ok(SignalingEvent::Connection(state));
                    }
                    ServerMessage::Layers { source, active } => {
                        return Ok(SignalingEvent::Layers { source, active });
                    }
                    ServerMessage::Line(line) => return Ok(SignalingEvent::Line(line)),
                    ServerMessage::Ok { re } if (2..self.next_id).contains(&re) => {}
                    ServerMessage::Other => {}
                    other => return Err(unexpected(other)),
                },
                _ = self.heartbeat.tick() => {
                    let id = self.next_id;
                    self.next_id += 1;
                    send(&mut self.socket, &ClientMessage { id, request: Request::Ping {} }).await?;
                }
            }
        }
    }

    /// Says how large tracks are shown.
    ///
    /// # Errors
    /// See [`SignalingError`].
    pub async fn want(&mut self, tiles: &[Tile<'_>]) -> Result<(), SignalingError> {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request::Wants { tiles };
        send(&mut self.socket, &ClientMessage { id, request }).await
    }

    /// Leaves for good. What goes wrong now no longer matters.
    pub async fn leave(mut self) {
        let id = self.next_id;
        let message = ClientMessage {
            id,
            request: Request::Leave {},
        };
        if send(&mut self.socket, &message).await.is_ok() {
            let answered = async {
                while let Ok(message) = receive(&mut self.socket).await {
                    if matches!(message, ServerMessage::Ok { re } if re == id) {
                        return;
                    }
                }
            };
            let _ = timeout(LEAVE_TIMEOUT, answered).await;
        }
        let _ = timeout(LEAVE_TIMEOUT, self.socket.close(None)).await;
    }
}
