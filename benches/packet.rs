//! The steps of one packet's way: parse, open, seal. 1200 bytes are a piece of a video frame, 160
//! bytes a voice.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use firstbell::transport::SrtpProfile;
use firstbell::transport::srtp::{MasterKey, SrtpInbound, SrtpOutbound};
use firstbell::wire::rtp::{RtpHeader, RtpWrite};

const PACKET_LENGTHS: [usize; 2] = [160, 1200];
const PROFILES: [(&str, SrtpProfile); 2] = [
    ("gcm", SrtpProfile::Aes128Gcm),
    ("cm_sha1", SrtpProfile::Aes128CmHmacSha1_80),
];

fn master(profile: SrtpProfile) -> MasterKey {
    MasterKey::new(profile, &[7; 16], &vec![9; profile.salt_len()]).unwrap()
}

/// A packet with room for the tag behind it; gives its header's length too.
fn packet(sequence_number: u16, len: usize, tag: usize) -> (Vec<u8>, usize) {
    let mut buffer = vec![0xAB; len + tag];
    let header = RtpWrite {
        marker: false,
        payload_type: 96,
        sequence_number,
        timestamp: 90_000,
        ssrc: 4711,
    };
    let extensions: [(u8, &[u8]); 2] = [(2, &[1, 2, 3]), (3, &[4, 5])];
    let header_len = header.write(&extensions, &mut buffer).unwrap();
    (buffer, header_len)
}

fn parse(criterion: &mut Criterion) {
    let (buffer, _) = packet(1, 1200, 0);
    criterion.bench_function("parse/header_and_extensions", |bencher| {
        bencher.iter(|| {
            let header = RtpHeader::parse(black_box(&buffer)).unwrap();
            black_box(header.extensions(&buffer).count())
        });
    });
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    for (name, profile) in PROFILES {
        let outbound = SrtpOutbound::new(profile, &master(profile)).unwrap();
        for len in PACKET_LENGTHS {
            let (mut buffer, header_len) = packet(1, len, profile.rtp_overhead());
            group.throughput(Throughput::Bytes(len as u64));
            group.bench_function(format!("{name}/{len}"), |bencher| {
                bencher.iter(|| {
                    outbound
                        .seal_rtp(1, header_len, len, black_box(&mut buffer))
                        .unwrap()
                });
            });
        }
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    for (name, profile) in PROFILES {
        let outbound = SrtpOutbound::new(profile, &master(profile)).unwrap();
        for len in PACKET_LENGTHS {
            let mut inbound = SrtpInbound::new(profile, &master(profile)).unwrap();
            let mut index = 0_u64;
            group.throughput(Throughput::Bytes(len as u64));
            group.bench_function(format!("{name}/{len}"), |bencher| {
                bencher.iter_batched_ref(
                    || {
                        // Each once and in order, as the replay window wants it.
                        index += 1;
                        let (mut buffer, header_len) =
                            packet(index as u16, len, profile.rtp_overhead());
                        outbound
                            .seal_rtp(index, header_len, len, &mut buffer)
                            .unwrap();
                        buffer
                    },
                    |buffer| {
                        let header = RtpHeader::parse(buffer).unwrap();
                        inbound.open_rtp(&header, buffer).unwrap()
                    },
                    BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, parse, seal, open);
criterion_main!(benches);
