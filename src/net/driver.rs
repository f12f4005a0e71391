//! The loop of one shard's thread.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use super::handle::{ShardHandle, ThreadCommand};
use super::udp::{ReceiveBatch, SendReport, UdpSocket};
use crate::shard::{Counters, Event, HandshakeInput, Shard, ShardConfig};
use crate::transport::SendArena;

/// Commands taken in one loop turn before datagrams get theirs: a storm of joins must not hold up
/// packets for longer than this many commands take.
const COMMANDS_PER_TURN: usize = 16;
/// Batches read in one loop turn before timers, sends and commands get theirs.
const BATCHES_PER_TURN: usize = 4;
/// The arena is sent once it holds this much; what one datagram fans out to fits above it.
const ARENA_HIGH_WATER: usize = 1 << 20;
/// Bytes one datagram can fan out to: an assembly of 1,000 on one shard, a full packet each.
const ARENA_FAN_OUT: usize = 1000 * 1500;
const ARENA_DATAGRAMS: usize = 16 * 1024;
/// Longest sleep: bounds what a lost wake-up costs.
const MAX_SLEEP: Duration = Duration::from_millis(500);
const COUNTERS_INTERVAL: Duration = Duration::from_secs(1);

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

pub struct DriverConfig {
    pub shard: ShardConfig,
    /// Seed of the shard's randomness, from the operating system.
    pub seed: [u8; 32],
    pub listen: SocketAddr,
    pub receive_buffer_bytes: usize,
    pub send_buffer_bytes: usize,
    pub command_queue: usize,
    /// Core to pin the thread to.
    pub pin_to: Option<core_affinity::CoreId>,
}

/// Where a shard's outputs go. Calls come from the shard's thread and must not block.
pub trait ShardSink: 'static {
    /// Whether [`ShardSink::event`] has room for one more; events stay with the shard until then.
    fn takes_events(&self) -> bool;
    fn event(&mut self, event: Event);
    fn handshake(&mut self, input: HandshakeInput);
    fn counters(&mut self, counters: &Counters, sent: SendReport);
}

/// A shard with its socket bound and its queue open, not yet running: whoever it talks to may need
/// its handle first.
pub struct Prepared {
    config: DriverConfig,
    socket: UdpSocket,
    address: SocketAddr,
    poll: Poll,
    commands: Receiver<ThreadCommand>,
    handle: ShardHandle,
}

/// Binds the socket of a shard.
///
/// # Errors
/// The address is taken or not this machine's.
pub fn prepare(config: DriverConfig) -> io::Result<Prepared> {
    let socket = UdpSocket::bind(
        config.listen,
        config.receive_buffer_bytes,
        config.send_buffer_bytes,
    )?;
    let address = socket.local_address()?;
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    poll.registry().register(
        &mut SourceFd(&socket.as_raw_fd()),
        SOCKET,
        Interest::READABLE,
    )?;
    let (sender, commands) = bounded(config.command_queue);
    let handle = ShardHandle::new(sender, waker);
    Ok(Prepared {
        config,
        socket,
        address,
        poll,
        commands,
        handle,
    })
}

impl Prepared {
    pub fn handle(&self) -> ShardHandle {
        self.handle.clone()
    }

    /// The address the socket is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(self, sink: impl ShardSink + Send) -> io::Result<JoinHandle<()>> {
        let name = format!("shard-{}", self.config.shard.index);
        std::thread::Builder::new().name(name).spawn(move || {
            if let Some(core) = self.config.pin_to
                && !core_affinity::set_for_current(core)
            {
                tracing::warn!(
                    shard = self.config.shard.index,
                    "cannot pin the media thread"
                );
            }
            Driver::new(self.config, self.socket, self.poll, self.commands, sink).run();
        })
    }
}

struct Driver<S> {
    shard: Shard,
    index: usize,
    socket: UdpSocket,
    poll: Poll,
    commands: Receiver<ThreadCommand>,
    sink: S,
    batch: ReceiveBatch,
    arena: SendArena,
    sent: SendReport,
    counters_due: Instant,
    /// Edge-triggered readiness: true until a read found nothing.
    readable: bool,
    stopping: bool,
}

impl<S: ShardSink> Driver<S> {
    fn new(
        config: DriverConfig,
        socket: UdpSocket,
        poll: Poll,
        commands: Receiver<ThreadCommand>,
        sink: S,
    ) -> Self {
        let now = Instant::now();
        // A clock before 1970 only makes NTP timestamps odd, not wrong relative to each other.
        let since_epoch = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or(Duration::from_secs(0));
        Self {
            index: config.shard.index,
            shard: Shard::new(config.shard, config.seed, now, since_epoch),
            socket,
            poll,
            commands,
            sink,
            batch: ReceiveBatch::default(),
            arena: SendArena::new(ARENA_HIGH_WATER + ARENA_FAN_OUT, ARENA_DATAGRAMS),
            sent: SendReport::default(),
            counters_due: now,
            readable: true,
            stopping: false,
        }
    }

    fn run(mut self) {
        let mut ready = Events::with_capacity(8);
        while !self.stopping {
            let timeout = self.sleep(Instant::now());
            if let Err(error) = self.poll.poll(&mut ready, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(shard = self.index, %error, "waiting for packets failed");
                return;
            }
            self.readable |= ready.iter().any(|event| event.token() == SOCKET);
            self.turn(Instant::now());
        }
    }

    /// How long nothing needs to be done.
    fn sleep(&self, now: Instant) -> Duration {
        if self.readable || !self.commands.is_empty() {
            return Duration::ZERO;
        }
        let due = self
            .shard
            .poll_timeout()
            .map_or(MAX_SLEEP, |at| at.saturating_duration_since(now));
        due.min(self.counters_due.saturating_duration_since(now))
            .min(MAX_SLEEP)
    }

    /// One loop turn; the clock was read once for all of it.
    fn turn(&mut self, now: Instant) {
        self.take_commands(now);
        self.take_datagrams(now);
        if self.shard.poll_timeout().is_some_and(|at| at <= now) {
            self.shard.handle_timeout(now, &mut self.arena);
        }
        self.shard.end_turn(now, &mut self.arena);
        self.flush();
        while let Some(input) = self.shard.poll_handshake() {
            self.sink.handshake(input);
        }
        while self.sink.takes_events()
            && let Some(event) = self.shard.poll_event()
        {
            self.sink.event(event);
        }
        if now >= self.counters_due {
            self.sink.counters(self.shard.counters(), self.sent);
            self.counters_due = now + COUNTERS_INTERVAL;
        }
    }

    fn take_commands(&mut self, now: Instant) {
        for _ in 0..COMMANDS_PER_TURN {
            match self.commands.try_recv() {
                Ok(ThreadCommand::Shard(command)) => {
                    self.shard.handle_command(now, command, &mut self.arena);
                    self.flush_if_high();
                }
                Ok(ThreadCommand::Stop) => self.stopping = true,
                Err(_) => return,
            }
        }
    }

    fn take_datagrams(&mut self, now: Instant) {
        for _ in 0..BATCHES_PER_TURN {
            if !self.readable {
                return;
            }
            let count = match self.socket.receive(&mut self.batch) {
                Ok(count) => count,
                Err(error) => {
                    tracing::warn!(shard = self.index, %error, "reading the socket failed");
                    0
                }
            };
            self.readable = count > 0;
            for index in 0..count {
                if let Some((source, datagram)) = self.batch.datagram(index) {
                    self.shard
                        .handle_datagram(now, source, datagram, &mut self.arena);
                }
                self.flush_if_high();
            }
        }
    }

    fn flush_if_high(&mut self) {
        if self.arena.used() >= ARENA_HIGH_WATER || self.arena.queued().len() >= ARENA_DATAGRAMS / 2
        {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.arena.is_empty() {
            return;
        }
        let report = self.socket.send(&self.arena);
        self.sent.sent += report.sent;
        self.sent.buffer_full += report.buffer_full;
        self.sent.refused += report.refused;
        self.arena.clear();
    }
}
