//! A node of its own to test: started with a throw-away development configuration on free ports,
//! stopped when dropped.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hyper::Uri;
use rand::Rng;
use tempfile::TempDir;

use crate::token::is_ready;

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Lines of the node's log shown when it does not start.
const LOG_LINES: usize = 20;
const MEDIA_PORTS: std::ops::Range<u16> = 20_000..60_000;

/// How the node under test is set up, where tests differ.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    pub capacity: usize,
    /// Media threads; without it one a core.
    pub shards: Option<usize>,
    /// Shard n on core n.
    pub pinned: bool,
    /// `media.gso` and `media.mmsg`; not written without, for nodes that do not know them.
    pub gso: Option<bool>,
    pub mmsg: Option<bool>,
    /// `media.spread_above`: people of one room on one media thread before the next gets some; not
    /// written without.
    pub spread_above: Option<usize>,
}

pub struct NodeUnderTest {
    child: Child,
    directory: TempDir,
    pub server: Uri,
}

/// The node's binary: as given, or beside this one, or built now.
///
/// # Errors
/// It is nowhere and cannot be built.
pub fn find_binary(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        if given.is_file() {
            return Ok(given.to_owned());
        }
        bail!("there is no node binary at {}", given.display());
    }
    let own = std::env::current_exe()?;
    let beside = own.with_file_name(format!("firstbell{}", std::env::consts::EXE_SUFFIX));
    if beside.is_file() {
        return Ok(beside);
    }
    build(&beside)?;
    Ok(beside)
}

/// Inside the workspace the binary can be made, in this binary's own profile and target directory.
fn build(binary: &Path) -> anyhow::Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if !workspace.join("Cargo.toml").is_file() {
        bail!(
            "there is no node binary at {} (see --node-binary)",
            binary.display()
        );
    }
    let directory = binary.parent().context("this binary is in no directory")?;
    let target = directory
        .parent()
        .context("this binary is in no target directory")?;
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    eprintln!("building the node ({profile}) ...");
    let status = Command::new("cargo")
        .args(["build", "--bin", "firstbell", "--profile", profile])
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", target)
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    if !status.success() || !binary.is_file() {
        bail!("the node cannot be built; give one with --node-binary");
    }
    Ok(())
}

impl NodeUnderTest {
    /// Starts `binary` and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, or is not ready in time.
    pub async fn start(binary: &Path, options: &NodeOptions) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("no temporary directory")?;
        let http_port = free_tcp_port()?;
        let shards = options
            .shards
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let media_port = free_media_ports(shards)?;
        let config = directory.path().join("node.toml");
        File::create(&config)?
            .write_all(configuration(http_port, media_port, shards, options).as_bytes())?;
        let log = File::create(directory.path().join("log"))?;
        let child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let server = format!("http://127.0.0.1:{http_port}").parse()?;
        let mut node = Self {
            child,
            directory,
            server,
        };
        node.wait_until_ready().await?;
        Ok(node)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the node ended at once ({status}):\n{}", self.log_tail());
            }
            if is_ready(&self.server).await.unwrap_or(false) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the node is not ready after {READY_TIMEOUT:?}:\n{}",
                    self.log_tail()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs; a node that ends during a test is a finding of its own.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines
            .get(lines.len().saturating_sub(LOG_LINES)..)
            .unwrap_or_default()
            .join("\n")
    }

    /// Asks it to stop and waits; then it is killed. `true`: it stopped when asked.
    pub fn stop(&mut self) -> bool {
        if !self.is_running() {
            return false;
        }
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .is_ok_and(|status| status.success());
        let deadline = Instant::now() + STOP_TIMEOUT;
        while asked && Instant::now() < deadline {
            if !self.is_running() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for NodeUnderTest {
    fn drop(&mut self) {
        self.stop();
    }
}

fn configuration(http_port: u16, media_port: u16, shards: usize, options: &NodeOptions) -> String {
    let capacity = options.capacity.max(2000);
    let pinned = options.pinned;
    let text = |value: Option<bool>| value.map(|value| value.to_string());
    let spread_above = options.spread_above.map(|above| above.to_string());
    let extra: String = [
        ("gso", text(options.gso)),
        ("mmsg", text(options.mmsg)),
        ("spread_above", spread_above),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(format!("{key} = {}\n", value?)))
    .collect();
    format!(
        "[http]\nlisten = \"127.0.0.1:{http_port}\"\n\n\
         [media]\nshards = {shards}\npin_threads = {pinned}\nlisten_ip = \"127.0.0.1\"\n\
         base_port = {media_port}\nannounce = [\"127.0.0.1\"]\n\
         max_participants_per_shard = {capacity}\n{extra}\n\
         [limits]\nmax_participants = {capacity}\nmax_participants_per_room = {capacity}\n\
         max_rooms = {capacity}\n\n\
         [signaling]\ndrain_seconds = 0\n\n\
         [dev]\nenabled = true\n\n\
         [log]\nfilter = \"warn\"\n"
    )
}

fn free_tcp_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The first of `count` UDP ports in a row that are free now.
fn free_media_ports(count: usize) -> anyhow::Result<u16> {
    let count = u16::try_from(count).context("too many shards")?;
    for _ in 0..100 {
        let base = rand::rng().random_range(MEDIA_PORTS.start..MEDIA_PORTS.end - count);
        let free = (base..base + count)
            .map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)))
            .collect::<Result<Vec<_>, _>>();
        if free.is_ok() {
            return Ok(base);
        }
    }
    bail!("no {count} free UDP ports in a row")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_free() {
        let base = free_media_ports(4).unwrap();
        for port in base..base + 4 {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn a_missing_binary_is_said() {
        let error = find_binary(Some(Path::new("/nowhere/firstbell"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/firstbell"));
    }

    #[test]
    fn settings_are_written_only_when_asked_for() {
        let plain = configuration(1, 2, 1, &NodeOptions::default());
        assert!(!plain.contains("gso") && !plain.contains("mmsg"));
        assert!(!plain.contains("spread_above"));
        assert!(plain.contains("pin_threads = false"));
        let options = NodeOptions {
            pinned: true,
            gso: Some(false),
            mmsg: Some(true),
            spread_above: Some(1),
            ..NodeOptions::default()
        };
        let written = configuration(1, 2, 1, &options);
        assert!(written.contains("gso = false\nmmsg = true\nspread_above = 1\n\n[limits]"));
        assert!(written.contains("pin_threads = true"));
    }

    #[tokio::test]
    async fn a_node_that_does_not_start_is_reported_with_its_log() {
        let started = NodeUnderTest::start(Path::new("/bin/false"), &NodeOptions::default()).await;
        let error = started.err().unwrap();
        assert!(error.to_string().contains("ended at once"), "{error}");
    }
}
