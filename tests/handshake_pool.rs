//! The handshake pool from outside: whole handshakes through threads and queues, and the attack
//! on the DTLS library's reassembly with a handshake beside it.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, outside `#[test]`

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use firstbell::handshake::{
    DtlsFailure, HandshakeConfig, HandshakeHandle, HandshakeOutput, HandshakePool, HandshakeSink,
    MAX_WAITING,
};
use firstbell::media::ParticipantId;
use firstbell::transport::SrtpKeys;
use firstbell::transport::dtls::guard::MAX_FRAGMENTS;
use firstbell::transport::dtls::{DtlsEngine, DtlsOutcome, Identity, RtcDtls};
use firstbell::wire::sdp::DtlsRole;

/// A shard's queue that a test reads; it can be made to refuse.
#[derive(Default)]
struct Shard {
    outputs: Mutex<VecDeque<(ParticipantId, HandshakeOutput)>>,
    refusals: Mutex<usize>,
}

impl HandshakeSink for Shard {
    fn deliver(
        &self,
        participant: ParticipantId,
        output: HandshakeOutput,
    ) -> Result<(), HandshakeOutput> {
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 && matches!(output, HandshakeOutput::Established(_)) {
            *refusals -= 1;
            return Err(output);
        }
        self.outputs
            .lock()
            .unwrap()
            .push_back((participant, output));
        Ok(())
    }
}

struct Fixture {
    pool: HandshakePool,
    handle: HandshakeHandle,
    shard: Arc<Shard>,
    ours: Arc<Identity>,
    theirs: Arc<Identity>,
}

impl Fixture {
    fn new(threads: usize, queue: usize) -> Self {
        let ours = Arc::new(Identity::generate().unwrap());
        let shard = Arc::new(Shard::default());
        let config = HandshakeConfig {
            threads,
            queue,
            identity: Arc::clone(&ours),
        };
        let pool = HandshakePool::start(config, vec![shard.clone() as _]).unwrap();
        Self {
            handle: pool.handle(),
            pool,
            shard,
            ours,
            theirs: Arc::new(Identity::generate().unwrap()),
        }
    }

    fn register(&self, participant: ParticipantId, role: DtlsRole) {
        let expected = self.theirs.fingerprint().clone();
        self.handle
            .register(participant, 0, role, vec![expected])
            .unwrap();
    }

    fn browser(&self, role: DtlsRole) -> RtcDtls {
        RtcDtls::new(
            Arc::clone(&self.theirs),
            role,
            vec![self.ours.fingerprint().clone()],
        )
    }

    fn next(&self) -> Option<(ParticipantId, HandshakeOutput)> {
        self.shard.outputs.lock().unwrap().pop_front()
    }

    /// Plays the browser until both sides have keys.
    fn finish(&self, participant: ParticipantId, browser: &mut RtcDtls) -> (SrtpKeys, SrtpKeys) {
        let (mut ours, mut theirs) = (None, None);
        browser.start(Instant::now());
        self.handle.begin(participant);
        // Far beyond any loaded machine's handshake: a hang fails here instead of blocking.
        for _ in 0..60_000 {
            while let Some(datagram) = browser.poll_transmit() {
                self.handle.datagram(participant, datagram).unwrap();
            }
            while let Some((of, output)) = self.next() {
                assert_eq!(of, participant);
                match output {
                    HandshakeOutput::Transmit(datagram) => {
                        browser.handle_datagram(Instant::now(), &datagram).unwrap();
                    }
                    HandshakeOutput::Established(keys) => ours = Some(*keys),
                    other => panic!("{other:?}"),
                }
            }
            match browser.poll_outcome() {
                Some(DtlsOutcome::Established(keys)) => theirs = Some(*keys),
                None => {}
                other => panic!("{other:?}"),
            }
            browser.handle_timeout(Instant::now());
            match (ours.take(), theirs.take()) {
                (Some(ours), Some(theirs)) => return (ours, theirs),
                (one, other) => (ours, theirs) = (one, other),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no handshake: {:?}", self.handle.counters());
    }

    fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..60_000 {
            if done(self) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{what}: {:?}", self.handle.counters());
    }
}

const ALICE: ParticipantId = ParticipantId(1);
const MALLORY: ParticipantId = ParticipantId(2);

#[test]
fn handshakes_in_both_roles_end_in_keys_and_removal() {
    let fixture = Fixture::new(2, 256);
    for (ours, theirs) in [
        (DtlsRole::Server, DtlsRole::Client),
        (DtlsRole::Client, DtlsRole::Server),
    ] {
        fixture.register(ALICE, ours);
        let (ours, theirs) = fixture.finish(ALICE, &mut fixture.browser(theirs));
        assert_eq!(ours.profile, theirs.profile);
        fixture.handle.remove(ALICE);
        fixture.handle.remove(ALICE);
        fixture.until("removed", |fixture| fixture.handle.counters().live == 0);
    }
    let counters = fixture.handle.counters();
    assert_eq!((counters.begun, counters.established), (2, 2));
    assert_eq!(counters.failed.iter().sum::<u64>(), 0);
    drop(fixture.pool);
    assert!(
        fixture.handle.datagram(ALICE, vec![22]).is_err(),
        "the threads are gone"
    );
}

#[test]
fn keys_that_a_full_shard_refuses_are_offered_again() {
    let fixture = Fixture::new(1, 256);
    *fixture.shard.refusals.lock().unwrap() = 5;
    fixture.register(ALICE, DtlsRole::Server);
    fixture.finish(ALICE, &mut fixture.browser(DtlsRole::Client));
    assert_eq!(*fixture.shard.refusals.lock().unwrap(), 0);
}

#[test]
fn the_wrong_certificate_is_reported_and_counted() {
    let mut fixture = Fixture::new(1, 256);
    fixture.register(ALICE, DtlsRole::Client);
    fixture.theirs = Arc::new(Identity::generate().unwrap());
    let mut browser = fixture.browser(DtlsRole::Server);
    fixture.handle.begin(ALICE);
    let mut failed = None;
    for _ in 0..60_000 {
        while let Some((_, output)) = fixture.next() {
            match output {
                HandshakeOutput::Transmit(datagram) => {
                    let _ = browser.handle_datagram(Instant::now(), &datagram);
                }
                HandshakeOutput::Failed(failure) => failed = Some(failure),
                other => panic!("{other:?}"),
            }
        }
        while let Some(datagram) = browser.poll_transmit() {
            fixture.handle.datagram(ALICE, datagram).unwrap();
        }
        if failed.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(failed, Some(DtlsFailure::FingerprintMismatch));
    let counters = fixture.handle.counters();
    assert_eq!(counters.failed[DtlsFailure::FingerprintMismatch.index()], 1);
    assert_eq!(counters.established, 0);
}

#[test]
fn a_full_queue_refuses_and_strangers_are_counted() {
    let fixture = Fixture::new(1, 4);
    let refused = (0..100_000)
        .filter(|_| fixture.handle.datagram(MALLORY, vec![22; 20]).is_err())
        .count() as u64;
    fixture.until("all accounted for", |fixture| {
        let counters = fixture.handle.counters();
        counters.queue_full == refused && counters.unknown_participant == 100_000 - refused
    });
    assert_eq!(fixture.handle.counters().live, 0);
}

/// One byte of a 60,000-byte ClientHello; lengths are 24 bits.
fn one_byte_fragment(message_len: u32, offset: u32, sequence: u64) -> Vec<u8> {
    let mut datagram = vec![22, 0xFE, 0xFD, 0, 0];
    datagram.extend_from_slice(&sequence.to_be_bytes()[2..]);
    datagram.extend_from_slice(&13_u16.to_be_bytes());
    datagram.push(1);
    datagram.extend_from_slice(&message_len.to_be_bytes()[1..]);
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(&offset.to_be_bytes()[1..]);
    datagram.extend_from_slice(&[0, 0, 1, 0x42]);
    datagram
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// The attack: one ClientHello in 60,000 fragments of one byte, last first, so that nothing is
/// reassembled until the first arrives and the library recurses once per fragment. Once with the
/// length declared truly and once with one that the guard's limit of length lets through. Both
/// participants share the only thread.
#[test]
fn sixty_thousand_fragments_do_no_harm() {
    const FRAGMENTS: u32 = 60_000;
    for (message_len, admitted) in [(FRAGMENTS, 0), (16_000, u64::from(MAX_FRAGMENTS))] {
        let fixture = Fixture::new(1, 64);
        fixture.register(ALICE, DtlsRole::Server);
        fixture.register(MALLORY, DtlsRole::Server);
        fixture.until("registered", |fixture| fixture.handle.counters().live == 2);
        let before = resident_bytes();
        let attack = std::thread::spawn({
            let handle = fixture.handle.clone();
            move || {
                for at in (0..FRAGMENTS).rev() {
                    let offset = at % message_len;
                    let datagram = one_byte_fragment(message_len, offset, u64::from(at));
                    // Until the pool takes it: every single one must have been looked at.
                    while handle.datagram(MALLORY, datagram.clone()).is_err() {
                        std::thread::yield_now();
                    }
                }
            }
        });
        let participant = ParticipantId(3);
        fixture.register(participant, DtlsRole::Client);
        fixture.finish_under_attack(participant);
        attack.join().unwrap();
        fixture.until("every fragment judged", |fixture| {
            let dropped: u64 = fixture.handle.counters().guard_drops.iter().sum();
            dropped == u64::from(FRAGMENTS) - admitted
        });
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 8 << 20, "resident memory grew by {grown} bytes");
        let counters = fixture.handle.counters();
        assert_eq!(counters.panics, 0);
        assert_eq!(counters.established, 1);
        // The thread is well: the other participant that waited all the time gets in too.
        fixture.finish(ALICE, &mut fixture.browser(DtlsRole::Client));
    }
}

/// A flood is taken within the bound, and gives all its places back.
#[test]
fn a_flood_gives_its_places_back() {
    let fixture = Fixture::new(1, 4 * MAX_WAITING as usize);
    // Not registered, so that the thread has nothing to do with them but to take them; how many it
    // takes meanwhile is its affair, but more than these can never wait.
    let refused = (0..10_000)
        .filter(|_| fixture.handle.datagram(MALLORY, vec![0; 20]).is_err())
        .count() as u64;
    assert_eq!(fixture.handle.counters().queue_full, refused);
    fixture.until("the taken ones judged", |fixture| {
        fixture.handle.counters().unknown_participant == 10_000 - refused
    });
    // All places are given back.
    fixture.register(MALLORY, DtlsRole::Server);
    fixture.finish(MALLORY, &mut fixture.browser(DtlsRole::Client));
}

impl Fixture {
    /// Like [`finish`](Self::finish), but the queue may be full of the attack: datagrams are
    /// repeated by DTLS's timers, as in the field.
    fn finish_under_attack(&self, participant: ParticipantId) {
        let mut browser = self.browser(DtlsRole::Server);
        self.handle.begin(participant);
        let mut established = false;
        for _ in 0..120_000 {
            while let Some(datagram) = browser.poll_transmit() {
                let _ = self.handle.datagram(participant, datagram);
            }
            while let Some((of, output)) = self.next() {
                match output {
                    HandshakeOutput::Transmit(datagram) if of == participant => {
                        let _ = browser.handle_datagram(Instant::now(), &datagram);
                    }
                    HandshakeOutput::Established(_) if of == participant => established = true,
                    HandshakeOutput::Transmit(_) => {}
                    other => panic!("{of:?}: {other:?}"),
                }
            }
            if established {
                return;
            }
            browser.handle_timeout(Instant::now());
            std::thread::sleep(Duration::from_micros(200));
        }
        panic!("the attack keeps others out: {:?}", self.handle.counters());
    }
}
