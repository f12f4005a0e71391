//! What a join costs the handshake pool: our side of a whole DTLS handshake, as either role. The
//! peer's calls are not counted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use firstbell::transport::dtls::{DtlsEngine, DtlsOutcome, Identity, RtcDtls};
use firstbell::wire::sdp::DtlsRole;

/// A handshake has six flights at most; more rounds mean that it does not end.
const MAX_ROUNDS: usize = 20;

/// CPU time of our calls in one handshake.
fn handshake(ours: &Arc<Identity>, theirs: &Arc<Identity>, role: DtlsRole) -> Duration {
    let other = match role {
        DtlsRole::Client => DtlsRole::Server,
        DtlsRole::Server => DtlsRole::Client,
    };
    let mut spent = Duration::ZERO;
    let mut timed = |step: &mut dyn FnMut()| {
        let began = Instant::now();
        step();
        spent += began.elapsed();
    };
    let mut node = None;
    timed(&mut || {
        let expected = vec![theirs.fingerprint().clone()];
        node = Some(RtcDtls::new(Arc::clone(ours), role, expected));
    });
    let mut node = node.expect("made above");
    let mut peer = RtcDtls::new(Arc::clone(theirs), other, vec![ours.fingerprint().clone()]);
    peer.start(Instant::now());
    timed(&mut || node.start(Instant::now()));
    for _ in 0..MAX_ROUNDS {
        while let Some(datagram) = peer.poll_transmit() {
            timed(&mut || node.handle_datagram(Instant::now(), &datagram).unwrap());
        }
        let mut to_peer = Vec::new();
        timed(&mut || to_peer.extend(std::iter::from_fn(|| node.poll_transmit())));
        for datagram in to_peer {
            peer.handle_datagram(Instant::now(), &datagram).unwrap();
        }
        if let Some(DtlsOutcome::Established(keys)) = node.poll_outcome() {
            black_box(keys);
            return spent;
        }
    }
    unreachable!("the handshake does not end");
}

fn roles(criterion: &mut Criterion) {
    let (ours, theirs) = (
        Arc::new(Identity::generate().unwrap()),
        Arc::new(Identity::generate().unwrap()),
    );
    let mut group = criterion.benchmark_group("handshake");
    for (name, role) in [
        ("as_client", DtlsRole::Client),
        ("as_server", DtlsRole::Server),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| handshake(&ours, &theirs, role)).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, roles);
criterion_main!(benches);
