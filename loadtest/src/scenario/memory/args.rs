//! The options of `memory`.

use std::path::PathBuf;

use clap::Args;

use crate::client::sdp;

/// People of one class, as long as nothing else is said.
const CLASS: u32 = 25;

/// A node is started and its memory read: empty (but warm), with participants who only listen, each
/// alone in a room and then in classes, with the same number of active ones, and after they have
/// left. Rooms take turns at sending all they have, the others send a trickle: what a participant's
/// caches once needed they keep, and few cores carry many rooms.
#[derive(Args, Clone, Debug)]
pub struct MemoryArgs {
    /// Participants at once
    #[arg(long, default_value_t = 500, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub participants: u32,
    /// Classes they are in; without it as many as make 25 a class
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub rooms: Option<u32>,
    /// Video slots a participant offers
    #[arg(long, default_value_t = sdp::VIDEO_SLOTS as u32, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=40))]
    pub video_slots: u32,
    /// Bit rate of a camera
    #[arg(long, default_value_t = 700, value_name = "KBIT_PER_S",
          value_parser = clap::value_parser!(u32).range(20..=20_000))]
    pub video_kbps: u32,
    /// Frame rate of a camera
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub video_fps: u32,
    /// Classes that send all they have at the same time
    #[arg(long, default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub full_rooms: u32,
    /// How long each class sends all it has
    #[arg(long, default_value_t = 4.0, value_name = "SECONDS", value_parser = seconds)]
    pub turn_seconds: f64,
    /// How long idle participants stay before memory is read
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS", value_parser = seconds)]
    pub idle_seconds: f64,
    /// New joins a second
    #[arg(long, default_value_t = 50.0, value_name = "N")]
    pub joins_per_second: f64,
    /// Most bytes an idle participant may take
    #[arg(long, default_value_t = 150_000, value_name = "BYTES")]
    pub max_idle_bytes: u64,
    /// Most bytes an active participant may take
    #[arg(long, default_value_t = 400_000, value_name = "BYTES")]
    pub max_active_bytes: u64,
    /// Most of what the active took that may still be taken after they have left: what the
    /// allocator keeps, and buffers that are larger than they were
    #[arg(long, default_value_t = 0.25, value_name = "SHARE", value_parser = share)]
    pub max_left: f64,
    /// Node to start; without it `firstbell` beside this program, built if it is missing
    #[arg(long, value_name = "FILE")]
    pub node_binary: Option<PathBuf>,
    /// The summary as one JSON object on stdout, and no progress shown
    #[arg(long)]
    pub json: bool,
}

impl MemoryArgs {
    pub fn rooms(&self) -> usize {
        self.rooms.unwrap_or(self.participants.div_ceil(CLASS)) as usize
    }

    /// Participants a class; the last ones may stay away, so that all classes are equal.
    pub fn seats(&self) -> usize {
        (self.participants as usize / self.rooms()).max(1)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("between 0.1 and 3600".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("between 0 and 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: MemoryArgs,
    }

    #[test]
    fn classes_are_of_25_unless_said_otherwise() {
        let shape = |line: &[&str]| {
            let args = Line::parse_from(["memory"].iter().chain(line)).args;
            (args.rooms(), args.seats())
        };
        assert_eq!(shape(&[]), (20, 25));
        assert_eq!(shape(&["--participants", "40"]), (2, 20));
        assert_eq!(shape(&["--participants", "100", "--rooms", "10"]), (10, 10));
        assert_eq!(shape(&["--participants", "3"]), (1, 3));
    }
}
