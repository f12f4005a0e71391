//! The `firstbell` program: parse, check, start, wait.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use firstbell::config::{self, Config, TlsConfig};
use firstbell::{server, telemetry};

/// WebRTC SFU for school video conferences.
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Run the node (the default).
    Serve(Serve),
    /// Check a configuration file, report every mistake, and exit with 1 if there is one.
    CheckConfig(ConfigFile),
}

#[derive(Args)]
struct ConfigFile {
    /// Configuration file; without it the built-in defaults and the environment count.
    #[arg(long, value_name = "FILE", env = "FIRSTBELL_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    file: ConfigFile,
    /// HTTPS with a certificate made at start, so that phones and tablets in the same network can
    /// join a trial (they warn once).
    #[arg(long)]
    self_signed: bool,
    /// Address and port of the page instead of the configuration's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(arguments)) => serve(&arguments),
        Some(Command::CheckConfig(file)) => check_config(&file),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firstbell: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Serve) -> anyhow::Result<()> {
    let mut config = load(&arguments.file)?;
    if arguments.self_signed {
        config.http.tls = TlsConfig::SelfSigned;
    }
    if let Some(listen) = arguments.listen {
        config.http.listen = listen;
    }
    telemetry::start(&config.log);
    server::run(config)
}

fn check_config(file: &ConfigFile) -> anyhow::Result<()> {
    let config = load(file)?;
    println!(
        "The configuration is good: {} shard(s) from UDP port {}, page on {}{}.",
        config.media.shards,
        config.media.base_port,
        config.http.listen,
        if config.signaling.dev_mode {
            ", DEVELOPMENT MODE"
        } else {
            ""
        },
    );
    Ok(())
}

fn load(file: &ConfigFile) -> anyhow::Result<Config> {
    Ok(config::load(file.config.as_deref())?)
}
