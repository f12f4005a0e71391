//! The program as an operator sees it: started, stopped, without a terminal.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, outside `#[test]`

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Far more than any loaded machine needs to stop a node that is idle.
const PATIENCE: Duration = Duration::from_secs(30);

fn start() -> Child {
    Command::new(env!("CARGO_BIN_EXE_firstbell"))
        .arg("serve")
        .env("FIRSTBELL_HTTP__LISTEN", "127.0.0.1:0")
        .env("FIRSTBELL_MEDIA__BASE_PORT", "0")
        .env("FIRSTBELL_MEDIA__SHARDS", "1")
        .env("FIRSTBELL_DEV__ENABLED", "true")
        .env("FIRSTBELL_SIGNALING__DRAIN_SECONDS", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn terminate(node: &Child) {
    let status = Command::new("kill")
        .args(["-TERM", &node.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn ended(node: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = node.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            node.kill().unwrap();
            panic!("the node did not stop");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_node_whose_log_nobody_reads_still_stops_when_told_to() {
    let mut node = start();
    let mut said = String::new();
    BufReader::new(node.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.starts_with("Firstbell serves http://"), "{said}");
    // Both ends of the log are closed now: each further line of it cannot be written.
    drop(node.stderr.take());
    terminate(&node);
    assert!(ended(&mut node).success());
}
