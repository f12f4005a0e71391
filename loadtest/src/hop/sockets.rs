//! The hop's sockets and clock.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::Context;
use firstbell_linksim::Schedule;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use crate::client::driver::socket_towards;

use super::args::{Lines, LinkArgs};
use super::control::{self, Command};
use super::relay::{Direction, Relay};
use super::stats::HopSummary;

/// Commands, signals and the end are looked for this often.
const LOOK: Duration = Duration::from_millis(20);
const MAX_DATAGRAM: usize = 2048;
/// Datagrams read from one socket before the others get their turn.
const MAX_BURST: usize = 64;

struct Client {
    port: usize,
    address: SocketAddr,
    /// Towards the node; another after a rebinding.
    upstream: UdpSocket,
}

pub struct Sockets {
    poll: Poll,
    start: Instant,
    /// What clients send to, and where it goes on to.
    ports: Vec<(UdpSocket, SocketAddr)>,
    clients: Vec<Client>,
    numbers: HashMap<(usize, SocketAddr), usize>,
    relay: Relay,
    commands: Receiver<Command>,
    rebind_at: Vec<Duration>,
    end: Option<Duration>,
    seconds: Option<u64>,
    is_over: Arc<AtomicBool>,
    /// Sockets that may have something to read.
    readable: Vec<bool>,
}

impl Sockets {
    /// # Errors
    /// An address cannot be bound.
    pub fn bind(args: &LinkArgs, lines: Lines) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut ports = Vec::new();
        for index in 0..args.ports {
            let beyond = |address: SocketAddr| {
                let port = address.port().checked_add(index).context("no such port")?;
                anyhow::Ok(SocketAddr::new(address.ip(), port))
            };
            let listen = beyond(args.listen)?;
            let mut socket =
                UdpSocket::bind(listen).with_context(|| format!("cannot open UDP {listen}"))?;
            let token = Token(ports.len());
            poll.registry()
                .register(&mut socket, token, Interest::READABLE)?;
            ports.push((socket, beyond(args.to)?));
        }
        let mut rebind_at = args
            .rebind_at
            .iter()
            .map(|at| Duration::try_from_secs_f64(*at).context("--rebind-at"))
            .collect::<anyhow::Result<Vec<_>>>()?;
        rebind_at.sort_unstable();
        let readable = vec![false; ports.len()];
        Ok(Self {
            poll,
            start: Instant::now(),
            ports,
            clients: Vec::new(),
            numbers: HashMap::new(),
            relay: Relay::new(lines, args.seed),
            commands: control::listen(),
            rebind_at,
            end: args.seconds.map(Duration::from_secs),
            seconds: args.seconds,
            is_over: Arc::default(),
            readable,
        })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// # Errors
    /// The system's poll fails.
    pub fn run(&mut self) -> anyhow::Result<HopSummary> {
        end_by_signal(self.is_over.clone());
        let mut events = Events::with_capacity(256);
        let mut datagram = vec![0; MAX_DATAGRAM];
        while !self.is_over.load(Ordering::Relaxed) {
            let now = self.now();
            if self.end.is_some_and(|end| end <= now) {
                break;
            }
            let until = self
                .relay
                .next_due()
                .unwrap_or(Duration::MAX)
                .min(now + LOOK);
            let wait = match self.readable.contains(&true) {
                true => Duration::ZERO,
                false => until.saturating_sub(now),
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error.into());
            }
            for event in &events {
                if let Some(readable) = self.readable.get_mut(event.token().0) {
                    *readable = true;
                }
            }
            self.read_all(&mut datagram);
            self.send_due();
            self.obey();
        }
        let now = self.now();
        self.relay.stats.advance(now);
        Ok(self.relay.stats.summary(now, self.clients.len()))
    }

    fn read_all(&mut self, datagram: &mut [u8]) {
        for index in 0..self.readable.len() {
            for _ in 0..MAX_BURST {
                if !self.readable.get(index).is_some_and(|readable| *readable) {
                    break;
                }
                if !self.read_one(index, datagram)
                    && let Some(readable) = self.readable.get_mut(index)
                {
                    *readable = false;
                }
            }
        }
    }

    /// `false`: nothing to read for now.
    fn read_one(&mut self, index: usize, datagram: &mut [u8]) -> bool {
        let now = self.now();
        match index.checked_sub(self.ports.len()) {
            None => {
                let Some(Ok((len, from))) = self.ports.get(index).map(|p| p.0.recv_from(datagram))
                else {
                    return false;
                };
                if let Some(client) = self.client(index, from) {
                    let datagram = datagram.get(..len).unwrap_or_default();
                    self.relay.take(now, client, Direction::Up, datagram);
                }
            }
            Some(client) => {
                let received = self.clients.get(client).map(|c| c.upstream.recv(datagram));
                let Some(Ok(len)) = received else {
                    return false;
                };
                let datagram = datagram.get(..len).unwrap_or_default();
                self.relay.take(now, client, Direction::Down, datagram);
            }
        }
        true
    }

    /// The number of whoever sends from this address; new ones get one and a socket.
    fn client(&mut self, port: usize, address: SocketAddr) -> Option<usize> {
        if let Some(client) = self.numbers.get(&(port, address)) {
            return Some(*client);
        }
        let token = self.readable.len();
        let upstream = self.upstream(port, token).ok()?;
        let number = self.relay.add_client()?;
        self.numbers.insert((port, address), number);
        self.clients.push(Client {
            port,
            address,
            upstream,
        });
        self.readable.push(false);
        Some(number)
    }

    fn upstream(&self, port: usize, token: usize) -> io::Result<UdpSocket> {
        let (_, to) = self.ports.get(port).ok_or(io::ErrorKind::NotFound)?;
        let socket = socket_towards(*to)?;
        socket.connect(to)?;
        let mut socket = UdpSocket::from_std(socket);
        self.poll
            .registry()
            .register(&mut socket, Token(token), Interest::READABLE)?;
        Ok(socket)
    }

    fn send_due(&mut self) {
        while let Some(parcel) = self.relay.pop_due(self.start.elapsed()) {
            let Some(client) = self.clients.get(parcel.client) else {
                continue;
            };
            let sent = match parcel.direction {
                Direction::Up => client.upstream.send(&parcel.datagram),
                Direction::Down => match self.ports.get(client.port) {
                    Some((socket, _)) => socket.send_to(&parcel.datagram, client.address),
                    None => continue,
                },
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a datagram was not sent");
            }
        }
    }

    fn obey(&mut self) {
        let now = self.now();
        if self.rebind_at.first().is_some_and(|at| *at <= now) {
            self.rebind_at.remove(0);
            self.rebind();
        }
        while let Ok(command) = self.commands.try_recv() {
            self.command(now, command);
        }
    }

    fn command(&mut self, now: Duration, command: Command) {
        match command {
            Command::Stats => {
                self.relay.stats.advance(now);
                let summary = self.relay.stats.summary(now, self.clients.len());
                match serde_json::to_string(&summary) {
                    Ok(json) => println!("{json}"),
                    Err(error) => eprintln!("{error}"),
                }
            }
            Command::Restart => {
                let lines = self.relay.lines().clone();
                self.relay.change(now, lines);
            }
            Command::Profile(name) => match Lines::named(&name, self.seconds) {
                Ok(lines) => self.relay.change(now, lines),
                Err(error) => eprintln!("{error:#}"),
            },
            Command::Down { kbps } => {
                let mut lines = self.relay.lines().clone();
                let mut shape = *lines.down.at(Duration::ZERO);
                shape.rate = Some(kbps.saturating_mul(1000));
                lines.down = Schedule::constant(shape);
                self.relay.change(now, lines);
            }
            Command::Rebind => self.rebind(),
            Command::Spare => self.relay.spare(),
            Command::Quit => self.is_over.store(true, Ordering::Relaxed),
        }
    }

    /// Every client comes from another port from now on; what the node sends to the old one is
    /// lost, as behind a NAT that forgot.
    fn rebind(&mut self) {
        self.relay.stats.rebindings += 1;
        for index in 0..self.clients.len() {
            let Some(port) = self.clients.get(index).map(|client| client.port) else {
                continue;
            };
            match (
                self.upstream(port, self.ports.len() + index),
                self.clients.get_mut(index),
            ) {
                (Ok(upstream), Some(client)) => client.upstream = upstream,
                (Err(error), _) => eprintln!("no new port: {error}"),
                (Ok(_), None) => {}
            }
        }
    }
}

/// SIGINT and SIGTERM end the hop in good order, with its summary.
fn end_by_signal(is_over: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut terminate) = signal(SignalKind::terminate()) else {
                return;
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            is_over.store(true, Ordering::Relaxed);
        });
    });
}

#[cfg(test)]
#[path = "sockets_tests.rs"]
mod tests;
