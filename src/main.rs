//! The `firstbell` program: parse, check, start, wait.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use firstbell::config::{self, Config, TlsConfig};
use firstbell::{server, telemetry};
use firstbell_signaling::message::Role;
use firstbell_signaling::token::{Grant, Keyring, unix_now};

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
    /// Print a join token signed with the first key of the configuration.
    Token(Token),
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

#[derive(Args)]
struct Token {
    #[command(flatten)]
    file: ConfigFile,
    /// The class, as in the page's address /r/ROOM.
    #[arg(long)]
    room: String,
    /// Who it is, unique within the school; reloads and takeovers go by this.
    #[arg(long)]
    identity: String,
    /// Shown to the others.
    #[arg(long)]
    name: String,
    #[arg(long, value_enum, default_value_t = RoleName::Pupil)]
    role: RoleName,
    /// Validity in seconds.
    #[arg(long, default_value_t = 8 * 3600, value_name = "SECONDS")]
    valid_for: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Teacher,
    CoTeacher,
    Pupil,
    Guest,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(arguments)) => serve(&arguments),
        Some(Command::CheckConfig(file)) => check_config(&file),
        Some(Command::Token(arguments)) => token(arguments),
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

fn token(arguments: Token) -> anyhow::Result<()> {
    let config = load(&arguments.file)?.signaling;
    let keyring = Keyring::new(&config.token_keys, config.token_leeway)?;
    let grant = Grant {
        room: arguments.room,
        identity: arguments.identity,
        name: arguments.name,
        role: match arguments.role {
            RoleName::Teacher => Role::Teacher,
            RoleName::CoTeacher => Role::CoTeacher,
            RoleName::Pupil => Role::Pupil,
            RoleName::Guest => Role::Guest,
        },
    };
    let now = unix_now();
    let token = keyring.sign(&grant, now + f64::from(arguments.valid_for))?;
    // What the node would refuse is better refused here.
    keyring.verify(&token, &grant.room, now)?;
    println!("{token}");
    Ok(())
}

fn load(file: &ConfigFile) -> anyhow::Result<Config> {
    Ok(config::load(file.config.as_deref())?)
}
