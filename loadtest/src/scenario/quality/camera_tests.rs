use std::collections::BTreeMap;

use super::*;
use crate::client::rtp::Rtp;
use crate::playout::unwrap::Unwrap16;
use crate::playout::video::{VideoPacket, VideoPlayout};

const MS: Duration = Duration::from_millis(1);

/// Runs a camera and gives its packets with the times they left, by SSRC.
fn run(
    camera: &mut Camera,
    from: Duration,
    until: Duration,
) -> BTreeMap<u32, Vec<(Duration, Vec<u8>)>> {
    let mut sent: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    let mut packet = Vec::new();
    let mut now = from;
    while now < until {
        camera.produce(now);
        while camera.write(now, || Some(1), &mut packet) {
            let ssrc = Rtp::read(&packet).unwrap().ssrc;
            sent.entry(ssrc).or_default().push((now, packet.clone()));
        }
        now = camera.due();
    }
    sent
}

fn camera(rids: &[&'static str]) -> Camera {
    Camera::new(Duration::ZERO, 7, rids, 100, (1, 2))
}

fn packet(bytes: &[u8], numbers: &mut Unwrap16) -> VideoPacket {
    let rtp = Rtp::read(bytes).unwrap();
    let (descriptor, len) = Descriptor::read(rtp.payload).unwrap();
    let keyframe = match FrameHeader::read(&rtp.payload[len..]) {
        Ok((FrameHeader::Keyframe { height, .. }, _)) if descriptor.starts_frame => Some(height),
        _ => None,
    };
    VideoPacket {
        number: numbers.extend(rtp.sequence),
        timestamp: rtp.timestamp,
        marker: rtp.marker,
        starts_frame: descriptor.starts_frame,
        picture_id: descriptor.picture_id,
        tl0_pic_idx: descriptor.tl0_pic_idx,
        temporal_id: descriptor.temporal_id,
        layer_sync: rtp.payload[len - 1] & LAYER_SYNC != 0,
        keyframe,
    }
}

#[test]
fn each_encoding_keeps_its_rate_and_is_a_stream_that_plays() {
    let sent = run(&mut camera(&["q", "h", "f"]), Duration::ZERO, 10_000 * MS);
    assert_eq!(sent.keys().copied().collect::<Vec<_>>(), [100, 102, 104]);
    for (packets, size) in sent.values().zip(SIZES) {
        let bytes: usize = packets
            .iter()
            .map(|(_, packet)| Rtp::read(packet).unwrap().payload.len())
            .sum();
        let rate = (bytes * 8) as f64 / 10.0 / f64::from(size.bits_per_second);
        assert!((0.95..1.05).contains(&rate), "{} at {rate}", size.rid);
        let mut playout = VideoPlayout::default();
        let mut numbers = Unwrap16::default();
        let mut before = None;
        for (at, bytes) in packets {
            let sequence = Rtp::read(bytes).unwrap().sequence;
            assert!(before.is_none_or(|before: u16| sequence == before.wrapping_add(1)));
            before = Some(sequence);
            assert!(bytes.len() <= 1200);
            assert_eq!(
                Rtp::read(bytes).unwrap().extension(RID_ID),
                Some(size.rid.as_bytes())
            );
            playout.insert(*at, packet(bytes, &mut numbers));
        }
        let figures = playout.figures();
        assert!((249..=251).contains(&figures.frames), "{figures:?}");
        assert_eq!((figures.keyframes, figures.freezes), (1, 0));
        assert_eq!(playout.height(), Some(size.height));
    }
}

#[test]
fn without_simulcast_the_largest_is_sent_without_rids_and_temporal_layers() {
    let sent = run(&mut camera(&[]), Duration::ZERO, 1_000 * MS);
    assert_eq!(sent.len(), 1);
    for (_, bytes) in &sent[&100] {
        assert_eq!(Rtp::read(bytes).unwrap().extension(RID_ID), None);
        let read = packet(bytes, &mut Unwrap16::default());
        assert_eq!(read.temporal_id, 0);
    }
}

#[test]
fn packets_of_a_frame_are_paced() {
    let sent = run(&mut camera(&["f"]), Duration::ZERO, 2_000 * MS);
    // The keyframe: 24 kB at 3 Mb/s are 64 ms.
    let times: Vec<Duration> = sent[&100].iter().map(|(at, _)| *at).collect();
    assert!(times.is_sorted());
    let burst = times.iter().filter(|at| **at < 10 * MS).count();
    assert!((3..=6).contains(&burst), "{burst} packets in 10 ms");
}

#[test]
fn a_keyframe_comes_when_asked_for_but_not_too_often() {
    let mut camera = camera(&["q"]);
    for tick in 0..50 {
        camera.request_keyframe(100);
        run(&mut camera, 40 * MS * tick, 40 * MS * (tick + 1));
    }
    let (_, _, figures) = camera.figures().next().unwrap();
    assert_eq!(figures.keyframe_requests, 50);
    assert!((6..=7).contains(&figures.keyframes), "2 s, one in 320 ms");
}

#[test]
fn what_nobody_watches_stops_and_begins_again_with_a_keyframe() {
    let mut camera = camera(&["q", "h", "f"]);
    run(&mut camera, Duration::ZERO, 1_000 * MS);
    camera.set_watched(&["q".into()]);
    run(&mut camera, 1_000 * MS, 1_200 * MS);
    let sent = run(&mut camera, 1_200 * MS, 2_000 * MS);
    assert_eq!(sent.keys().copied().collect::<Vec<_>>(), [100]);
    camera.set_watched(&["f".into(), "q".into()]);
    let sent = run(&mut camera, 2_000 * MS, 2_500 * MS);
    assert_eq!(sent.keys().copied().collect::<Vec<_>>(), [100, 104]);
    let mut numbers = Unwrap16::default();
    assert_eq!(packet(&sent[&104][0].1, &mut numbers).keyframe, Some(720));
    assert_eq!(packet(&sent[&100][0].1, &mut numbers).keyframe, None);
}

#[test]
fn a_lost_packet_comes_again_before_all_others() {
    let mut camera = camera(&["q", "h"]);
    let sent = run(&mut camera, Duration::ZERO, 500 * MS);
    let (_, lost) = &sent[&102][5];
    let lost = Rtp::read(lost).unwrap();
    camera.retransmit(
        500 * MS,
        102,
        &[lost.sequence, lost.sequence.wrapping_add(9_000)],
    );
    let mut again = Vec::new();
    assert!(camera.write(500 * MS, || None, &mut again));
    let rtx = Rtp::read(&again).unwrap();
    assert_eq!((rtx.ssrc, rtx.payload_type), (103, sdp::VP8_RTX));
    assert_eq!(rtx.payload[..2], lost.sequence.to_be_bytes());
    assert_eq!(&rtx.payload[2..], lost.payload);
    assert_eq!(rtx.extension(REPAIRED_RID_ID), Some(&b"h"[..]));
    assert_eq!(rtx.extension(RID_ID), None);
}
