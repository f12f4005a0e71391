//! The options of `link`, and the lines they describe.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use firstbell_linksim::{Loss, PROFILES, Profile, Queue, Schedule, Shape};

/// Share of packets in per cent.
fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("0 to 100 expected".into()),
    }
}

fn profile_names() -> PossibleValuesParser {
    let profiles = PROFILES.iter();
    PossibleValuesParser::new(
        profiles.map(|profile| PossibleValue::new(profile.name).help(profile.about)),
    )
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(ms) if (0.0..=60_000.0).contains(&ms) => Ok(Duration::from_secs_f64(ms / 1000.0)),
        _ => Err("0 to 60000 milliseconds expected".into()),
    }
}

/// A line between clients and a node. Commands are read from standard input, one a line: `stats`
/// (what happened so far, as JSON), `restart` (the changes over time begin again), `profile NAME`,
/// `down KBIT_PER_S`, `rebind` (all clients get new ports towards the node), `spare` (the clients
/// there are so far have good lines from now on), `quit`.
#[derive(Args, Clone, Debug)]
pub struct LinkArgs {
    /// Where clients send to
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where the node listens
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub to: SocketAddr,
    /// Ports in a row, one for each media thread of the node
    #[arg(long, default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub ports: u16,
    /// A line by name
    #[arg(long, value_name = "NAME", value_parser = profile_names(), conflicts_with = "custom")]
    pub profile: Option<String>,
    /// All clients behind one line instead of one each
    #[arg(long)]
    pub shared: bool,
    /// Ports towards the node change after so many seconds, as by a NAT that forgets
    #[arg(long, value_name = "SECONDS", value_delimiter = ',')]
    pub rebind_at: Vec<f64>,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Ends by itself; a profile's changes are spread over this time
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: Option<u64>,
    /// The summary as JSON on stdout
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub custom: CustomLine,
}

#[derive(Args, Clone, Debug, Default)]
#[group(id = "custom", multiple = true)]
pub struct CustomLine {
    /// Rate towards clients; without it any
    #[arg(long, value_name = "KBIT_PER_S")]
    pub down_kbps: Option<u64>,
    /// Rate towards the node
    #[arg(long, value_name = "KBIT_PER_S")]
    pub up_kbps: Option<u64>,
    /// What would wait longer is dropped
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "300")]
    pub queue_ms: Duration,
    /// Each way
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "0")]
    pub delay_ms: Duration,
    /// On top of the delay, towards clients, in order
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "0")]
    pub jitter_ms: Duration,
    /// Lost towards clients
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0")]
    pub loss: f64,
    /// Lost packets in a row on average; without it each is lost for itself
    #[arg(long, value_name = "PACKETS")]
    pub burst: Option<f64>,
    /// Lost towards the node
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0")]
    pub up_loss: f64,
    /// Late by up to 30 ms, towards clients
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0")]
    pub reorder: f64,
    /// Come twice, towards clients
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0")]
    pub duplicate: f64,
    /// Rates towards clients from times on, such as 0:3000,20:500,40:3000
    #[arg(long, value_name = "SECONDS:KBIT_PER_S,...", value_delimiter = ',',
          value_parser = change, conflicts_with = "down_kbps")]
    pub schedule: Vec<(f64, u64)>,
}

fn change(text: &str) -> Result<(f64, u64), String> {
    let parse = || {
        let (at, rate) = text.split_once(':')?;
        let at: f64 = at.parse().ok()?;
        (0.0..=86_400.0)
            .contains(&at)
            .then_some((at, rate.parse().ok()?))
    };
    parse().ok_or_else(|| format!("\"{text}\" is not SECONDS:KBIT_PER_S"))
}

impl LinkArgs {
    pub fn name(&self) -> &str {
        self.profile.as_deref().unwrap_or("custom")
    }
}

/// How both directions go on, from their start.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    pub down: Schedule,
    pub up: Schedule,
    pub is_shared: bool,
}

impl Lines {
    /// # Errors
    /// No such profile, or shares that cannot be.
    pub fn of(args: &LinkArgs) -> anyhow::Result<Self> {
        match &args.profile {
            Some(name) => {
                let mut lines = Self::named(name, args.seconds)?;
                lines.is_shared |= args.shared;
                Ok(lines)
            }
            None => Ok(Self {
                down: args.custom.down()?,
                up: Schedule::constant(args.custom.up()),
                is_shared: args.shared,
            }),
        }
    }

    /// # Errors
    /// No such profile.
    pub fn named(name: &str, seconds: Option<u64>) -> anyhow::Result<Self> {
        let profile = Profile::find(name).with_context(|| {
            let known: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            format!("no profile \"{name}\"; there are {}", known.join(", "))
        })?;
        let total = Duration::from_secs(seconds.unwrap_or(profile.seconds));
        Ok(Self {
            down: profile.down(total),
            up: profile.up(),
            is_shared: profile.is_shared,
        })
    }
}

impl CustomLine {
    fn down(&self) -> anyhow::Result<Schedule> {
        let share = self.loss / 100.0;
        let loss = match self.burst {
            _ if share == 0.0 => Loss::None,
            None => Loss::Random { share },
            Some(burst) if burst >= 1.0 && share < 1.0 => {
                let loss = Loss::gilbert(share, burst);
                if matches!(loss, Loss::Bursts { to_bad, .. } if to_bad > 1.0) {
                    bail!("{}% lost need bursts longer than {burst}", self.loss);
                }
                loss
            }
            Some(_) => bail!("--burst: one packet or more, and less than all lost"),
        };
        let shape = |kbps: Option<u64>| Shape {
            rate: kbps.map(|kbps| kbps.saturating_mul(1000)),
            queue: Queue::Time(self.queue_ms),
            overhead: Shape::UDP_OVERHEAD,
            delay: self.delay_ms,
            jitter: self.jitter_ms,
            loss,
            reorder: self.reorder / 100.0,
            reorder_by: Duration::from_millis(30),
            duplicate: self.duplicate / 100.0,
            ..Shape::IDEAL
        };
        let (first, later) = match self.schedule.split_first() {
            Some(((_, kbps), later)) => (Some(*kbps), later),
            None => (self.down_kbps, &[][..]),
        };
        Ok(later
            .iter()
            .fold(Schedule::constant(shape(first)), |schedule, (at, kbps)| {
                schedule.then(Duration::from_secs_f64(*at), shape(Some(*kbps)))
            }))
    }

    fn up(&self) -> Shape {
        let share = self.up_loss / 100.0;
        Shape {
            rate: self.up_kbps.map(|kbps| kbps.saturating_mul(1000)),
            queue: Queue::Time(self.queue_ms),
            overhead: Shape::UDP_OVERHEAD,
            delay: self.delay_ms,
            loss: match share {
                0.0 => Loss::None,
                share => Loss::Random { share },
            },
            ..Shape::IDEAL
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        link: LinkArgs,
    }

    fn lines(options: &str) -> anyhow::Result<Lines> {
        let fixed = "link --listen 127.0.0.1:0 --to 127.0.0.1:9 ";
        let cli = Cli::try_parse_from((fixed.to_owned() + options).split_whitespace())?;
        Lines::of(&cli.link)
    }

    #[test]
    fn options_become_a_line() {
        let lines = lines(
            "--schedule 0:3000,20:500,40:3000 --loss 30 --burst 2 --delay-ms 25 --queue-ms 500 \
             --up-kbps 1000",
        )
        .unwrap();
        let at = |seconds| *lines.down.at(Duration::from_secs(seconds));
        assert_eq!(at(0).rate, Some(3_000_000));
        assert_eq!(at(20).rate, Some(500_000));
        assert_eq!(at(40).rate, Some(3_000_000));
        assert_eq!(at(20).loss, Loss::gilbert(0.3, 2.0));
        assert_eq!(at(20).queue, Queue::Time(Duration::from_millis(500)));
        let up = lines.up.at(Duration::ZERO);
        assert_eq!((up.rate, up.loss), (Some(1_000_000), Loss::None));
        assert_eq!(up.delay, Duration::from_millis(25));
    }

    #[test]
    fn a_profile_is_spread_over_the_time_and_excludes_what_would_change_it() {
        let lines_of = lines("--profile variable-capacity --seconds 100").unwrap();
        assert_eq!(
            lines_of.down.at(Duration::from_secs(29)).rate,
            Some(500_000)
        );
        assert!(lines("--profile shared-link").unwrap().is_shared);
        for wrong in [
            "--profile none",
            "--profile loss-5 --loss 3",
            "--loss 101",
            "--loss 60 --burst 1",
            "--schedule 3",
            "--schedule 0:100 --down-kbps 3",
        ] {
            assert!(lines(wrong).is_err(), "{wrong}");
        }
    }
}
