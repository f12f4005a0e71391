//! A packet's new numbers and header, and who is shown in which slot.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use firstbell::media::{Codec, MediaKind, ParticipantId, Source};
use firstbell::publish::Ingress;
use firstbell::room::assignment::{
    AudioCandidate, VideoCandidate, VideoSlot, assign_audio, assign_video, rank_audio,
};
use firstbell::subscribe::rewriter::{Placed, Rewriter};
use firstbell::subscribe::{EgressLink, Forwarded, RtpSink, Slot, SlotSeed, TrackKey};
use firstbell::transport::SendArena;
use firstbell::wire::extensions::{ExtensionKind, ExtensionMap};
use firstbell::wire::sdp::{Feedback, Mid, SlotCodec, SlotLine};

const PAYLOAD_LENGTHS: [usize; 2] = [100, 1150];
const CANDIDATES: [u64; 2] = [30, 300];
const AUDIO_SLOTS: usize = 4;
const VIDEO_SLOTS: usize = 9;
const FRAME_TICKS: u32 = 3_000;

fn track(participant: u64, source: Source) -> TrackKey {
    TrackKey {
        participant: ParticipantId(participant),
        source,
    }
}

fn rewriter(criterion: &mut Criterion) {
    let now = Instant::now();
    let mut rewriter = Rewriter::new(7, 7);
    rewriter.begin(1000, 1000, now, 90_000);
    let mut index = 1000;
    criterion.bench_function("rewrite/numbers", |bencher| {
        bencher.iter(|| {
            index += 1;
            let placed = rewriter.place(black_box(index), index as u32, now);
            assert!(matches!(placed, Placed::At(_)));
        });
    });
}

/// Takes packets without sealing them: what is left is header, rewriting and copy.
struct Unsealed;

impl RtpSink for Unsealed {
    fn send_rtp(
        &mut self,
        _: u64,
        max_len: usize,
        out: &mut SendArena,
        write: impl FnOnce(&mut [u8]) -> Option<(usize, usize)>,
    ) -> bool {
        let to = ([10, 0, 0, 1], 9).into();
        out.push_with(to, max_len, |buffer| write(buffer).map(|(_, len)| len))
    }
}

fn slot_line() -> SlotLine {
    let mut extensions = ExtensionMap::default();
    extensions.insert(ExtensionKind::AbsSendTime, 2).unwrap();
    extensions
        .insert(ExtensionKind::TransportSequence, 3)
        .unwrap();
    SlotLine {
        mid: Mid(ArrayString::from("5").unwrap()),
        kind: MediaKind::Video,
        ssrc: 4711,
        rtx_ssrc: Some(4712),
        codecs: vec![SlotCodec {
            codec: Codec::Vp8,
            payload_type: 96,
            rtx_payload_type: Some(97),
        }],
        extensions,
        feedback: Feedback::default(),
    }
}

fn slot(criterion: &mut Criterion) {
    let now = Instant::now();
    let wall = Duration::from_secs(1_700_000_000);
    let mut group = criterion.benchmark_group("rewrite/slot");
    for len in PAYLOAD_LENGTHS {
        let seed = SlotSeed {
            sequence: 1,
            timestamp: 2,
            picture_id: 3,
            rtx_sequence: 4,
        };
        let mut slot = Slot::new(now, &slot_line(), seed);
        assert!(slot.assign(track(1, Source::Camera), Codec::Vp8));
        let mut arena = SendArena::new(4096, 4);
        let mut payload = vec![0xAB; len];
        // X, S; I, L; a long picture id; TL0PICIDX; a keyframe's first byte.
        payload[..6].copy_from_slice(&[0x90, 0xC0, 0x80, 1, 1, 0x10]);
        let (mut index, mut transport_sequence) = (1000, 0);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("{len}"), |bencher| {
            bencher.iter(|| {
                index += 1;
                let packet = Ingress {
                    index,
                    timestamp: index as u32 * FRAME_TICKS,
                    marker: true,
                    payload: black_box(&payload),
                    codec: Codec::Vp8,
                    keyframe: true,
                    starts_frame: true,
                    level: None,
                    arrival: now,
                };
                let mut link = EgressLink {
                    connection: &mut Unsealed,
                    transport_sequence: &mut transport_sequence,
                };
                let forwarded = slot.forward(wall, &packet, &mut link, &mut arena);
                assert_eq!(forwarded, Forwarded::Sent);
                black_box(&arena);
                arena.clear();
            });
        });
    }
    group.finish();
}

fn voices(count: u64) -> Vec<AudioCandidate> {
    (1..=count)
        .map(|id| AudioCandidate {
            track: track(id, Source::Microphone),
            always: false,
            active: id % 10 == 0,
            live: id % 2 == 0,
            loudness: (id * 37 % 128) as u8,
        })
        .collect()
}

fn cameras(count: u64, now: Instant) -> Vec<VideoCandidate> {
    (1..=count)
        .map(|id| VideoCandidate {
            track: track(id, Source::Camera),
            codec: Codec::Vp8,
            leading: id == 1,
            speaking: (id % 10 == 0).then_some((id / 10) as usize),
            recent: now + Duration::from_millis(id * 7919 % 100_000),
        })
        .collect()
}

/// One viewer's slots, filled from before, with others speaking now.
fn assignment(criterion: &mut Criterion) {
    let now = Instant::now();
    let viewer = ParticipantId(0);
    let mut group = criterion.benchmark_group("assignment");
    for count in CANDIDATES {
        let mut ranked = voices(count);
        rank_audio(&mut ranked);
        let heard: Vec<_> = (0..AUDIO_SLOTS as u64)
            .map(|id| Some(track(id + 1, Source::Microphone)))
            .collect();
        group.bench_function(format!("rank_audio/{count}"), |bencher| {
            bencher.iter_batched_ref(
                || voices(count),
                |candidates| rank_audio(black_box(candidates)),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("audio/{count}"), |bencher| {
            bencher.iter(|| assign_audio(viewer, black_box(&heard), &ranked));
        });
        let candidates = cameras(count, now);
        let seen: Vec<_> = (0..VIDEO_SLOTS as u64)
            .map(|id| VideoSlot {
                shows: Some(track(id + 2, Source::Camera)),
                codecs: &[Codec::Vp8, Codec::H264],
            })
            .collect();
        group.bench_function(format!("video/{count}"), |bencher| {
            bencher.iter(|| assign_video(viewer, black_box(&seen), &candidates, &[], None));
        });
    }
    group.finish();
}

criterion_group!(benches, rewriter, slot, assignment);
criterion_main!(benches);
