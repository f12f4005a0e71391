//! Commands on standard input, for tests that drive the hop.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, sync_channel};

/// Commands that wait; the reader of standard input waits when it is full.
const MAX_WAITING: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Stats,
    Restart,
    Profile(String),
    Down { kbps: u64 },
    Rebind,
    Spare,
    Quit,
}

impl Command {
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["stats"] => Some(Self::Stats),
            ["restart"] => Some(Self::Restart),
            ["profile", name] => Some(Self::Profile(name.to_owned())),
            ["down", kbps] => Some(Self::Down {
                kbps: kbps.parse().ok()?,
            }),
            ["rebind"] => Some(Self::Rebind),
            ["spare"] => Some(Self::Spare),
            ["quit"] => Some(Self::Quit),
            _ => None,
        }
    }
}

/// Reads standard input on a thread of its own. The end of input ends no hop: it may run without
/// anybody at the keyboard.
pub fn listen() -> Receiver<Command> {
    let (sender, receiver) = sync_channel(MAX_WAITING);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match Command::parse(&line) {
                Some(command) => {
                    if sender.send(command).is_err() {
                        return;
                    }
                }
                None if line.trim().is_empty() => {}
                None => eprintln!("not understood: {line}"),
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words() {
        assert_eq!(Command::parse(" stats "), Some(Command::Stats));
        assert_eq!(
            Command::parse("profile loss-5"),
            Some(Command::Profile("loss-5".into()))
        );
        assert_eq!(
            Command::parse("down 500"),
            Some(Command::Down { kbps: 500 })
        );
        for wrong in ["", "stats now", "down", "down x", "profile"] {
            assert_eq!(Command::parse(wrong), None, "{wrong}");
        }
    }
}
