//! Runs media sessions: few threads, each with many sockets on one poll.
//!
//! One UDP socket a client, as the node tells clients apart by address. Commands come over one
//! bounded channel a thread; events go back over one a client.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{mpsc, oneshot};

use super::outbox::Outbox;
use super::pace::Pace;
use super::session::{MediaSession, SessionEvent, SessionTally};

/// Commands waiting for a thread; senders wait when it is full.
const MAX_COMMANDS: usize = 4096;
/// Events waiting for a client's task; more are dropped (a session has two at most).
pub const MAX_EVENTS: usize = 8;
/// Granularity of sending.
const TICK: Duration = Duration::from_millis(4);
/// Asked of the kernel per socket; a stall of the tester should not look like loss.
const SOCKET_BUFFER: usize = 2 * 1024 * 1024;
const MAX_DATAGRAM: usize = 2048;
/// Datagrams read from one socket before the others get their turn.
const MAX_BURST: usize = 64;

/// A session's place: which thread, which of its sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionId {
    thread: usize,
    index: usize,
}

enum Command {
    Add {
        session: Box<MediaSession>,
        socket: std::net::UdpSocket,
        events: mpsc::Sender<SessionEvent>,
        reply: oneshot::Sender<io::Result<usize>>,
    },
    Mapping {
        index: usize,
        mapping: Vec<(String, Option<u32>)>,
    },
    Pace {
        index: usize,
        pace: Pace,
    },
    Finish {
        index: usize,
        reply: oneshot::Sender<SessionTally>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    #[error("a media thread has ended")]
    ThreadEnded,
    #[error("a socket cannot be polled: {0}")]
    Io(#[from] io::Error),
}

/// What all sessions did so far, for the progress bar.
#[derive(Debug, Default)]
pub struct Progress {
    pub packets: AtomicU64,
}

pub struct Driver {
    threads: Vec<(mpsc::Sender<Command>, JoinHandle<()>)>,
    pub progress: Arc<Progress>,
}

impl Driver {
    /// # Errors
    /// Threads or polls cannot be made.
    pub fn start(threads: usize) -> io::Result<Self> {
        let progress = Arc::new(Progress::default());
        let threads = (0..threads.max(1))
            .map(|index| {
                let (sender, receiver) = mpsc::channel(MAX_COMMANDS);
                let mut thread = Thread::new(receiver, progress.clone())?;
                let handle = std::thread::Builder::new()
                    .name(format!("media-{index}"))
                    .spawn(move || thread.run())?;
                Ok((sender, handle))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { threads, progress })
    }

    async fn send(&self, thread: usize, command: Command) -> Result<(), DriverError> {
        let (sender, _) = self.threads.get(thread).ok_or(DriverError::ThreadEnded)?;
        sender
            .send(command)
            .await
            .map_err(|_| DriverError::ThreadEnded)
    }

    /// Takes a session over; `number` spreads sessions over the threads.
    ///
    /// # Errors
    /// See [`DriverError`].
    pub async fn add(
        &self,
        number: usize,
        session: MediaSession,
        socket: std::net::UdpSocket,
        events: mpsc::Sender<SessionEvent>,
    ) -> Result<SessionId, DriverError> {
        let thread = number % self.threads.len().max(1);
        let (reply, added) = oneshot::channel();
        let session = Box::new(session);
        self.send(
            thread,
            Command::Add {
                session,
                socket,
                events,
                reply,
            },
        )
        .await?;
        let index = added.await.map_err(|_| DriverError::ThreadEnded)??;
        Ok(SessionId { thread, index })
    }

    /// # Errors
    /// See [`DriverError`].
    pub async fn set_mapping(
        &self,
        id: SessionId,
        mapping: Vec<(String, Option<u32>)>,
    ) -> Result<(), DriverError> {
        self.send(
            id.thread,
            Command::Mapping {
                index: id.index,
                mapping,
            },
        )
        .await
    }

    /// # Errors
    /// See [`DriverError`].
    pub async fn set_pace(&self, id: SessionId, pace: Pace) -> Result<(), DriverError> {
        let index = id.index;
        self.send(id.thread, Command::Pace { index, pace }).await
    }

    /// Ends a session and gives what it saw.
    ///
    /// # Errors
    /// See [`DriverError`].
    pub async fn finish(&self, id: SessionId) -> Result<SessionTally, DriverError> {
        let (reply, tally) = oneshot::channel();
        self.send(
            id.thread,
            Command::Finish {
                index: id.index,
                reply,
            },
        )
        .await?;
        tally.await.map_err(|_| DriverError::ThreadEnded)
    }
}

impl Drop for Driver {
    /// Ends the threads; sessions not finished are dropped.
    fn drop(&mut self) {
        for (sender, handle) in self.threads.drain(..) {
            drop(sender);
            let _ = handle.join();
        }
    }
}

/// A socket towards `to`, on any free port, with large buffers where the kernel allows.
///
/// # Errors
/// The system refuses a socket.
pub fn socket_towards(to: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let (domain, any): (_, SocketAddr) = if to.is_ipv4() {
        (Domain::IPV4, (Ipv4Addr::UNSPECIFIED, 0).into())
    } else {
        (Domain::IPV6, (Ipv6Addr::UNSPECIFIED, 0).into())
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    // The kernel may grant less; loss then shows in the report, as it should.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&any.into())?;
    Ok(socket.into())
}

struct Driven {
    session: Box<MediaSession>,
    socket: UdpSocket,
    events: mpsc::Sender<SessionEvent>,
    readable: bool,
}

struct Thread {
    poll: Poll,
    commands: mpsc::Receiver<Command>,
    sessions: Vec<Option<Driven>>,
    progress: Arc<Progress>,
    out: Outbox,
}

impl Thread {
    fn new(commands: mpsc::Receiver<Command>, progress: Arc<Progress>) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            commands,
            sessions: Vec::new(),
            progress,
            out: Outbox::default(),
        })
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(1024);
        let mut datagram = vec![0; MAX_DATAGRAM];
        let mut next_tick = Instant::now();
        loop {
            let backlog = self.sessions.iter().flatten().any(|driven| driven.readable);
            let wait = if backlog {
                Duration::ZERO
            } else {
                next_tick.saturating_duration_since(Instant::now())
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "poll failed");
                return;
            }
            for event in &events {
                if let Some(Some(driven)) = self.sessions.get_mut(event.token().0) {
                    driven.readable = true;
                }
            }
            self.read_all(&mut datagram);
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                if !self.take_commands(now) {
                    return;
                }
                self.tick(now);
            }
        }
    }

    fn read_all(&mut self, datagram: &mut [u8]) {
        let mut packets = 0;
        for driven in self
            .sessions
            .iter_mut()
            .flatten()
            .filter(|driven| driven.readable)
        {
            for _ in 0..MAX_BURST {
                let Ok((len, from)) = driven.socket.recv_from(datagram) else {
                    driven.readable = false;
                    break;
                };
                packets += 1;
                let datagram = datagram.get(..len).unwrap_or_default();
                let now = Instant::now();
                let event = driven
                    .session
                    .handle_datagram(now, from, datagram, &mut self.out);
                driven.finish_turn(event, &mut self.out);
            }
        }
        self.progress.packets.fetch_add(packets, Ordering::Relaxed);
    }

    fn tick(&mut self, now: Instant) {
        for driven in self.sessions.iter_mut().flatten() {
            if driven.session.poll_timeout() <= now {
                let event = driven.session.handle_timeout(now, &mut self.out);
                driven.finish_turn(event, &mut self.out);
            }
        }
    }

    /// `false`: nobody is left to command.
    fn take_commands(&mut self, now: Instant) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.take(now, command),
                Err(mpsc::error::TryRecvError::Empty) => return true,
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn take(&mut self, now: Instant, command: Command) {
        match command {
            Command::Add {
                session,
                socket,
                events,
                reply,
            } => {
                let index = self.sessions.len();
                let mut socket = UdpSocket::from_std(socket);
                let registered =
                    self.poll
                        .registry()
                        .register(&mut socket, Token(index), Interest::READABLE);
                if registered.is_ok() {
                    let driven = Driven {
                        session,
                        socket,
                        events,
                        readable: false,
                    };
                    self.sessions.push(Some(driven));
                }
                let _ = reply.send(registered.map(|()| index));
            }
            Command::Mapping { index, mapping } => {
                if let Some(Some(driven)) = self.sessions.get_mut(index) {
                    let mapping = mapping.iter().map(|(mid, shown)| (mid.as_str(), *shown));
                    driven.session.set_mapping(now, mapping);
                }
            }
            Command::Pace { index, pace } => {
                if let Some(Some(driven)) = self.sessions.get_mut(index) {
                    driven.session.set_pace(pace);
                }
            }
            Command::Finish { index, reply } => {
                if let Some(mut driven) = self.sessions.get_mut(index).and_then(Option::take) {
                    let tally = driven.session.finish(now, &mut self.out);
                    driven.finish_turn(None, &mut self.out);
                    let _ = self.poll.registry().deregister(&mut driven.socket);
                    let _ = reply.send(tally);
                }
            }
        }
    }
}

impl Driven {
    fn finish_turn(&mut self, event: Option<SessionEvent>, out: &mut Outbox) {
        for (to, datagram) in out.iter() {
            if let Err(error) = self.socket.send_to(datagram, to) {
                tracing::debug!(%error, "a datagram was not sent");
            }
        }
        out.clear();
        if let Some(event) = event {
            let _ = self.events.try_send(event);
        }
    }
}
