//! Runs the committed fuzz seeds through the functions the fuzzers call, on the stable toolchain
//! and without a sanitizer, so that what a fuzzer once found stays found.

use std::path::Path;
use std::{fs, io};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Runs every seed in `directory` and returns how many there were.
fn replay(directory: &str, run: impl Fn(&[u8])) -> io::Result<usize> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut count = 0;
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        let seed = fs::read(&path)?;
        assert!(!seed.is_empty(), "{} is empty", path.display());
        println!("{}", path.display());
        run(&seed);
        // What a cut datagram looks like.
        for len in (0..seed.len()).step_by(1 + seed.len() / 256) {
            run(&seed[..len]);
        }
        count += 1;
    }
    Ok(count)
}

#[test]
fn demux() {
    assert!(replay("fuzz/seeds/demux", targets::demux).unwrap() >= 7);
}

#[test]
fn stun() {
    let valid = |seed: &[u8]| {
        let message = firstbell::wire::stun::parse(seed);
        message.is_ok_and(|message| message.verify_integrity(targets::STUN_PASSWORD))
    };
    let valid_seeds = std::cell::Cell::new(0);
    let seeds = replay("fuzz/seeds/stun", |seed| {
        targets::stun(seed);
        valid_seeds.set(valid_seeds.get() + usize::from(valid(seed)));
    })
    .unwrap();
    assert!(seeds >= 6);
    assert_eq!(valid_seeds.get(), seeds, "the whole seeds and only they");
}

#[test]
fn rtp() {
    assert!(replay("fuzz/seeds/rtp", targets::rtp).unwrap() >= 5);
}

#[test]
fn rtcp() {
    assert!(replay("fuzz/seeds/rtcp", targets::rtcp).unwrap() >= 7);
}

#[test]
fn codec() {
    assert!(replay("fuzz/seeds/codec", targets::codec).unwrap() >= 8);
}

#[test]
fn congestion() {
    assert!(replay("fuzz/seeds/congestion", targets::congestion).unwrap() >= 5);
}

#[test]
fn message() {
    assert!(replay("fuzz/seeds/message", targets::message).unwrap() >= 8);
}

#[test]
fn sdp() {
    assert!(replay("tests/fixtures/sdp-offers", targets::sdp).unwrap() >= 13);
}
