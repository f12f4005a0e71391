//! Logs. No IP addresses and no names at `info` and above: the node writes ids and counts.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use crate::config::{LogConfig, LogFormat};

/// Starts logging to standard error. A second call changes nothing.
pub fn start(config: &LogConfig) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_timer(SystemTime)
        // A log that cannot be written is lost. Reporting that would panic the thread that logged,
        // which may be the one that carries media, or the one that stops the node.
        .log_internal_errors(false);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Already started by an embedding test: its choice stands.
    let _ = started;
}
