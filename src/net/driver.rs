//! The loop of one shard's thread.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use super::counters::NetCounters;
use super::handle::{ShardHandle, ThreadCommand};
use super::relay::{self, RelayPorts};
use super::udp::{ReceiveBatch, SendQueue, SocketOptions, UdpSocket};
use crate::shard::{Counters, Event, HandshakeInput, Shard, ShardConfig};
use crate::transport::SendArena;

/// Commands taken in one loop turn before datagrams get theirs: a storm of joins must not hold up
/// packets for longer than this many commands take.
const COMMANDS_PER_TURN: usize = 16;
/// Datagrams handled in one loop turn before timers, sends and commands get theirs; the message
/// that reaches it is finished, which may be 63 more. The rest of the batch waits for the next turn.
const DATAGRAMS_PER_TURN: usize = 256;
/// Messages of other shards handled in one loop turn, for the same reason. The rest waits in its
/// queue.
const RELAYED_PER_TURN: usize = 256;
/// The arena is sent once it holds this much; what one datagram fans out to fits above it.
const ARENA_HIGH_WATER: usize = 1 << 20;
/// Bytes one datagram can fan out to: an assembly of 1,000 on one shard, a full packet each.
const ARENA_FAN_OUT: usize = 1000 * 1500;
const ARENA_DATAGRAMS: usize = 16 * 1024;
/// Longest sleep: bounds what a lost wake-up costs.
const MAX_SLEEP: Duration = Duration::from_millis(500);
const COUNTERS_INTERVAL: Duration = Duration::from_secs(1);
/// Longest sleep while datagrams wait for the socket to take more. Its being writable wakes the
/// thread earlier; not so when the system was short of memory (ENOBUFS).
const BACKLOG_RETRY: Duration = Duration::from_millis(5);
/// Longest sleep while messages wait for room in a queue to another shard, which rings no bell when
/// it has some.
const RELAY_RETRY: Duration = Duration::from_millis(1);

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

pub struct DriverConfig {
    pub shard: ShardConfig,
    /// Seed of the shard's randomness, from the operating system.
    pub seed: [u8; 32],
    pub listen: SocketAddr,
    pub receive_buffer_bytes: usize,
    pub send_buffer_bytes: usize,
    pub socket: SocketOptions,
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
    fn counters(&mut self, counters: &Counters, net: NetCounters);
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
    waker: Arc<Waker>,
    relay: RelayPorts,
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
        config.socket,
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
    let handle = ShardHandle::new(sender, waker.clone());
    Ok(Prepared {
        config,
        socket,
        address,
        poll,
        commands,
        handle,
        waker,
        relay: RelayPorts::default(),
    })
}

/// Connects shards, all of a node in their order, so that rooms can be spread over them. `messages`:
/// that may wait on the way from one to another.
pub fn connect(shards: &mut [Prepared], messages: usize) {
    let wakers: Vec<_> = shards.iter().map(|shard| shard.waker.clone()).collect();
    for (shard, ports) in shards.iter_mut().zip(relay::ports(&wakers, messages)) {
        shard.relay = ports;
    }
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
            Driver::new(self, sink).run();
        })
    }
}

struct Driver<S> {
    shard: Shard,
    index: usize,
    socket: UdpSocket,
    poll: Poll,
    commands: Receiver<ThreadCommand>,
    relay: RelayPorts,
    sink: S,
    batch: ReceiveBatch,
    /// Messages of `batch` that are still to be handled.
    unhandled: Range<usize>,
    arena: SendArena,
    queue: SendQueue,
    counters_due: Instant,
    /// Edge-triggered readiness: true until a read found nothing.
    readable: bool,
    /// Readiness to write is asked for. Only while something waits for it: it would else wake the
    /// thread whenever the interface is done with a packet.
    awaits_writable: bool,
    stopping: bool,
}

impl<S: ShardSink> Driver<S> {
    fn new(prepared: Prepared, sink: S) -> Self {
        let Prepared {
            config,
            socket,
            poll,
            commands,
            relay,
            ..
        } = prepared;
        let now = Instant::now();
        // A clock before 1970 only makes NTP timestamps odd, not wrong relative to each other.
        let since_epoch = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or(Duration::from_secs(0));
        Self {
            index: config.shard.index,
            shard: Shard::new(config.shard, config.seed, now, since_epoch),
            batch: ReceiveBatch::new(&socket),
            unhandled: 0..0,
            queue: SendQueue::new(&socket),
            socket,
            poll,
            commands,
            relay,
            sink,
            arena: SendArena::new(ARENA_HIGH_WATER + ARENA_FAN_OUT, ARENA_DATAGRAMS),
            counters_due: now,
            readable: true,
            awaits_writable: false,
            stopping: false,
        }
    }

    fn run(mut self) {
        let mut ready = Events::with_capacity(8);
        while !self.stopping {
            let timeout = self.sleep();
            if let Err(error) = self.poll.poll(&mut ready, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(shard = self.index, %error, "waiting for packets failed");
                return;
            }
            let of_socket = |event: &&mio::event::Event| event.token() == SOCKET;
            self.readable |= ready
                .iter()
                .filter(of_socket)
                .any(|event| event.is_readable());
            self.turn(Instant::now());
        }
    }

    /// How long nothing needs to be done. Reads the clock only if that may be long.
    fn sleep(&self) -> Duration {
        let has_datagrams = self.readable || !self.unhandled.is_empty();
        if has_datagrams || !self.commands.is_empty() || self.relay.has_unread() {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let longest = if !self.shard.relay_outbox().is_empty() {
            RELAY_RETRY
        } else if self.queue.backlog_len() > 0 {
            BACKLOG_RETRY
        } else {
            MAX_SLEEP
        };
        let due = self
            .shard
            .poll_timeout()
            .map_or(longest, |at| at.saturating_duration_since(now));
        due.min(self.counters_due.saturating_duration_since(now))
            .min(longest)
    }

    /// One loop turn; the clock was read once for all of it.
    fn turn(&mut self, now: Instant) {
        self.take_commands(now);
        self.take_relayed(now);
        self.take_datagrams(now);
        if self.shard.poll_timeout().is_some_and(|at| at <= now) {
            self.shard.handle_timeout(now, &mut self.arena);
        }
        self.shard.end_turn(now, &mut self.arena);
        // Before the own subscribers get theirs, so that the other shards can begin.
        self.relay.send(self.shard.relay_outbox_mut());
        self.flush();
        self.await_writable();
        while let Some(input) = self.shard.poll_handshake() {
            self.sink.handshake(input);
        }
        while self.sink.takes_events()
            && let Some(event) = self.shard.poll_event()
        {
            self.sink.event(event);
        }
        if now >= self.counters_due {
            let net = NetCounters {
                sent: *self.queue.counters(),
                received: *self.batch.counters(),
                relay_blocked: self.relay.blocked,
            };
            self.sink.counters(self.shard.counters(), net);
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

    fn take_relayed(&mut self, now: Instant) {
        let Self {
            relay,
            shard,
            arena,
            socket,
            queue,
            ..
        } = self;
        relay.take(RELAYED_PER_TURN, |from, message| {
            shard.handle_relay(now, from, message, arena);
            if is_high(arena) {
                socket.send(queue, arena);
                arena.clear();
            }
        });
    }

    fn take_datagrams(&mut self, now: Instant) {
        let mut taken = 0;
        while taken < DATAGRAMS_PER_TURN {
            if self.unhandled.is_empty() && self.readable {
                self.read();
            }
            let Some(index) = self.unhandled.next() else {
                return;
            };
            taken += self.take_run(now, index);
        }
    }

    fn read(&mut self) {
        match self.socket.receive(&mut self.batch) {
            Ok(reading) => {
                self.readable = !reading.is_drained;
                self.unhandled = 0..reading.messages;
            }
            Err(error) => {
                tracing::warn!(shard = self.index, %error, "reading the socket failed");
                self.readable = false;
            }
        }
    }

    /// Hands on the datagrams of one received message, all from one source; how many.
    fn take_run(&mut self, now: Instant, index: usize) -> usize {
        let mut taken = 0;
        let Some((source, datagrams)) = self.batch.run(index) else {
            return taken;
        };
        for datagram in datagrams {
            self.shard
                .handle_datagram(now, source, datagram, &mut self.arena);
            if is_high(&self.arena) {
                self.socket.send(&mut self.queue, &self.arena);
                self.arena.clear();
            }
            taken += 1;
        }
        taken
    }

    fn flush_if_high(&mut self) {
        if is_high(&self.arena) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.arena.is_empty() {
            if self.queue.backlog_len() > 0 {
                self.socket.send_backlog(&mut self.queue);
            }
            return;
        }
        self.socket.send(&mut self.queue, &self.arena);
        self.arena.clear();
    }

    /// Asks to be woken when the socket takes more, as long as something waits for that.
    fn await_writable(&mut self) {
        let awaits = self.queue.backlog_len() > 0;
        if awaits == self.awaits_writable {
            return;
        }
        let interest = if awaits {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let descriptor = self.socket.as_raw_fd();
        let registry = self.poll.registry();
        // Should it fail, `BACKLOG_RETRY` still does, and the next turn asks again.
        match registry.reregister(&mut SourceFd(&descriptor), SOCKET, interest) {
            Ok(()) => self.awaits_writable = awaits,
            Err(error) => tracing::warn!(shard = self.index, %error, "cannot await the socket"),
        }
    }
}

fn is_high(arena: &SendArena) -> bool {
    arena.used() >= ARENA_HIGH_WATER || arena.queued().len() >= ARENA_DATAGRAMS / 2
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
