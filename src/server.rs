//! The only place where the parts are wired: shards, handshake pool, plane, signalling, HTTP.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use firstbell_signaling::Server;
use firstbell_signaling::plane::MediaEvent;
use prometheus::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::config::{Config, HttpConfig, MediaConfig, TlsConfig};
use crate::handshake::{HandshakeConfig, HandshakeHandle, HandshakePool, HandshakeSink};
use crate::net::{self, DriverConfig, Prepared, ShardHandle, SocketOptions};
use crate::plane::{self, EventPump, NodeMetrics, PlacementLimits, Plane, ShardSeat, SinkToPlane};
use crate::shard::ShardConfig;
use crate::transport::dtls::Identity;
use crate::wire::sdp::DtlsRole;
use crate::{page, reclaim, tls};

/// The DTLS role this node takes where the client leaves it to us; docs/performance.md has the
/// figures for both.
const SETUP_PREFERENCE: DtlsRole = DtlsRole::Client;

/// Runs the node until SIGTERM or SIGINT, then stops it gracefully.
///
/// # Errors
/// Something cannot be started: a port is taken, a file cannot be read.
pub fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Before anybody is told that the node is there: from then on it must stop as one should.
    let signals = StopSignals::new()?;
    let registry = Registry::new();
    let (to_signaling, media_events) = mpsc::channel(config.media.event_queue);
    let media = MediaCore::start(&config, &registry, to_signaling)?;
    let signaling = Server::new(
        config.signaling.clone(),
        media.plane.clone(),
        media_events,
        &registry,
    )?;
    let app = signaling.router().merge(page::router());
    let handle = Handle::new();
    let stop = stop_on_signal(signals, handle.clone(), signaling, config.drain);
    let http = std::pin::pin!(serve_http(&config.http, app, handle));
    let served = serve_until_stopped(http, stop).await;
    media.stop();
    served
}

/// Serves until HTTP ends, be it by its own failure or because `stop` asked for it. A node that can
/// no longer be stopped by a signal ends.
async fn serve_until_stopped(
    mut http: Pin<&mut impl Future<Output = anyhow::Result<()>>>,
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::select! {
        served = &mut http => served,
        stopped = stop => {
            stopped?;
            http.await
        }
    }
}

/// SIGTERM and SIGINT, taken over from their default of ending the process at once.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Waits for SIGTERM or SIGINT, tells everybody, and ends the HTTP server.
async fn stop_on_signal(
    mut signals: StopSignals,
    handle: Handle<SocketAddr>,
    signaling: Server,
    drain: std::time::Duration,
) -> anyhow::Result<()> {
    tokio::select! {
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    tracing::info!("stopping: no new joins, telling everybody");
    signaling.drain(drain).await;
    handle.graceful_shutdown(Some(std::time::Duration::from_secs(1)));
    Ok(())
}

async fn serve_http(
    config: &HttpConfig,
    app: Router,
    handle: Handle<SocketAddr>,
) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(config.listen)
        .with_context(|| format!("cannot listen on {} (http.listen)", config.listen))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let service = app.into_make_service();
    let tls = match &config.tls {
        TlsConfig::Off => None,
        TlsConfig::Files { certificate, key } => Some(tls::from_files(certificate, key)?),
        TlsConfig::SelfSigned => Some(tls::self_signed(&interface_addresses()?)?),
    };
    announce(address, tls.is_some());
    match tls {
        None => {
            axum_server::from_tcp(listener)?
                .handle(handle)
                .serve(service)
                .await?
        }
        Some(tls) => {
            axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(tls))?
                .handle(handle)
                .serve(service)
                .await?;
        }
    }
    Ok(())
}

/// Says on standard output where the page is: what a person at a terminal needs, and what a test
/// that asked for port 0 reads.
fn announce(address: SocketAddr, tls: bool) {
    let scheme = if tls { "https" } else { "http" };
    let host = match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    // Nobody may be reading: a node without a terminal serves all the same.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "Firstbell serves {scheme}://{host}:{}", address.port());
    if tls && address.ip().is_unspecified() {
        for ip in interface_addresses().unwrap_or_default() {
            if ip.is_ipv4() && !ip.is_loopback() {
                let _ = writeln!(out, "  in this network: https://{ip}:{}", address.port());
            }
        }
    }
}

/// The media side of the node: threads with their handles, and the plane in front of them.
struct MediaCore {
    plane: Arc<Plane>,
    shards: Vec<(ShardHandle, JoinHandle<()>)>,
    /// Kept for its threads; stops when dropped.
    _handshake: HandshakePool,
}

impl MediaCore {
    fn start(
        config: &Config,
        registry: &Registry,
        to_signaling: mpsc::Sender<MediaEvent>,
    ) -> anyhow::Result<Self> {
        let identity = Arc::new(Identity::generate()?);
        let fingerprint = identity.fingerprint().clone();
        let prepared = prepare_shards(&config.media, config.signaling.limits.max_rooms)?;
        let pool = HandshakePool::start(
            HandshakeConfig {
                threads: config.handshake.threads,
                queue: config.handshake.queue,
                identity,
            },
            prepared
                .iter()
                .map(|shard| Arc::new(shard.handle()) as Arc<dyn HandshakeSink>)
                .collect(),
        )?;
        let seats = seats(&config.media, &prepared)?;
        let (to_pump, from_shards) = mpsc::channel(config.media.event_queue);
        let shards = start_shards(prepared, &pool.handle(), &to_pump)?;
        let plane = Arc::new(Plane::new(
            seats,
            PlacementLimits {
                max_per_shard: config.media.max_participants_per_shard,
                spread_above: config.media.spread_above,
            },
            pool.handle(),
            fingerprint,
            SETUP_PREFERENCE,
        ));
        let metrics = NodeMetrics::new(registry, pool.handle())?;
        let house = plane.clone();
        tokio::spawn(reclaim::when_empty(move || house.participants()));
        tokio::spawn(
            EventPump {
                from_shards,
                to_signaling,
                plane: plane.clone(),
                metrics,
            }
            .run(),
        );
        Ok(Self {
            plane,
            shards,
            _handshake: pool,
        })
    }

    fn stop(self) {
        for (handle, _) in &self.shards {
            handle.stop();
        }
        for (_, thread) in self.shards {
            if thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }
}

fn prepare_shards(media: &MediaConfig, max_rooms: usize) -> anyhow::Result<Vec<Prepared>> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let mut prepared = (0..media.shards)
        .map(|index| {
            let port = media
                .base_port
                .checked_add(u16::try_from(index)?)
                .context("port range")?;
            // Port 0 asks the system for any free port, for every shard.
            let port = if media.base_port == 0 { 0 } else { port };
            let listen = SocketAddr::new(media.listen_ip, port);
            let config = DriverConfig {
                shard: ShardConfig {
                    max_participants: media.max_participants_per_shard,
                    max_rooms,
                    shards: media.shards,
                    ..ShardConfig::new(index)
                },
                seed: rand::random(),
                listen,
                receive_buffer_bytes: media.socket_receive_buffer_bytes,
                send_buffer_bytes: media.socket_send_buffer_bytes,
                socket: SocketOptions {
                    gso: media.gso,
                    mmsg: media.mmsg,
                },
                command_queue: media.command_queue,
                pin_to: media
                    .pin_threads
                    .then(|| cores.get(index % cores.len().max(1)).copied())
                    .flatten(),
            };
            net::prepare(config)
                .with_context(|| format!("cannot open UDP {listen} (media.base_port + {index})"))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    net::connect(&mut prepared, media.relay_queue);
    Ok(prepared)
}

fn seats(media: &MediaConfig, prepared: &[Prepared]) -> anyhow::Result<Vec<ShardSeat>> {
    let interfaces = interface_addresses()?;
    (0..)
        .zip(prepared)
        .map(|(index, shard)| {
            let bound = shard.address();
            let candidates = plane::candidates(index, bound, &media.announce, &interfaces);
            anyhow::ensure!(
                !candidates.is_empty(),
                "no address to announce: set media.announce"
            );
            Ok(ShardSeat {
                handle: shard.handle(),
                candidates,
            })
        })
        .collect()
}

fn start_shards(
    prepared: Vec<Prepared>,
    handshake: &HandshakeHandle,
    events: &mpsc::Sender<plane::NodeEvent>,
) -> anyhow::Result<Vec<(ShardHandle, JoinHandle<()>)>> {
    prepared
        .into_iter()
        .enumerate()
        .map(|(shard, prepared)| {
            let handle = prepared.handle();
            let sink = SinkToPlane {
                shard,
                events: events.clone(),
                handshake: handshake.clone(),
            };
            Ok((handle, prepared.start(sink)?))
        })
        .collect()
}

fn interface_addresses() -> anyhow::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs().context("cannot list network interfaces")?;
    Ok(interfaces
        .into_iter()
        .map(|interface| interface.ip())
        .collect())
}
