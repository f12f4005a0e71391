use super::*;
use crate::wire::extensions::ExtensionMap;
use crate::wire::rtp::RtpWrite;
use crate::wire::sdp::Mid;
use arrayvec::ArrayString;

const MEDIA: u32 = 0x1111;
const RTX: u32 = 0x2222;
const MS: Duration = Duration::from_millis(1);

fn line(source: Source, codec: Codec, feedback: Feedback) -> PublishLine {
    let mut extensions = ExtensionMap::default();
    extensions.insert(ExtensionKind::AudioLevel, 3).unwrap();
    PublishLine {
        mid: Mid(ArrayString::from("0").unwrap()),
        source,
        codec,
        payload_type: 96,
        rtx_payload_type: Some(97),
        ssrc: None,
        rtx_ssrc: None,
        extensions,
        feedback,
    }
}

fn with_nack_and_pli() -> Feedback {
    Feedback {
        nack: true,
        pli: true,
        fir: true,
        ..Feedback::default()
    }
}

fn camera(now: Instant) -> Track {
    Track::new(now, &line(Source::Camera, Codec::Vp8, with_nack_and_pli()))
}

fn microphone(now: Instant) -> Track {
    Track::new(
        now,
        &line(Source::Microphone, Codec::Opus, Feedback::default()),
    )
}

fn packet(payload_type: u8, ssrc: u32, sequence_number: u16, payload: &[u8]) -> Vec<u8> {
    let header = RtpWrite {
        marker: false,
        payload_type,
        sequence_number,
        timestamp: u32::from(sequence_number) * 3000,
        ssrc,
    };
    let mut out = vec![0; 64];
    let len = header.write(&[(3, &[0x80 | 30])], &mut out).unwrap();
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

/// The packet's index and payload, or why it was dropped.
fn receive(track: &mut Track, now: Instant, packet: &[u8]) -> Result<(u64, Vec<u8>), TrackDrop> {
    let header = RtpHeader::parse(packet).unwrap();
    let ingress = track.receive(now, &header, packet)?;
    Ok((ingress.index, ingress.payload.to_vec()))
}

const KEYFRAME: [u8; 2] = [0x10, 0x00];
const DELTA: [u8; 2] = [0x10, 0x01];

fn feedback(track: &mut Track, now: Instant) -> Vec<Rtcp> {
    let mut out = Vec::new();
    track.poll_feedback(now, &mut out);
    out
}

#[test]
fn rtx_fills_the_gap_it_was_asked_for() {
    let start = Instant::now();
    let mut track = camera(start);
    receive(&mut track, start, &packet(96, MEDIA, 65_535, &KEYFRAME)).unwrap();
    let (index, _) = receive(&mut track, start, &packet(96, MEDIA, 2, &DELTA)).unwrap();
    assert_eq!(track.poll_timeout(), Some(start + 10 * MS));
    let expected = Rtcp::Nack(Nack {
        sender_ssrc: NODE_SSRC,
        media_ssrc: MEDIA,
        lost: vec![0, 1],
    });
    assert_eq!(feedback(&mut track, start + 10 * MS), [expected]);
    let mut original = vec![0, 1];
    original.extend_from_slice(&DELTA);
    let rtx = packet(97, RTX, 900, &original);
    let repaired = receive(&mut track, start + 20 * MS, &rtx);
    assert_eq!(repaired, Ok((index - 1, DELTA.to_vec())));
    assert_eq!(track.cached(index - 1).unwrap().payload, DELTA);
    assert_eq!(track.rtx_ssrc(), Some(RTX));
    let again = receive(
        &mut track,
        start + 21 * MS,
        &packet(97, RTX, 901, &original),
    );
    assert_eq!(again, Err(TrackDrop::Duplicate));
    let Some(Rtcp::Nack(nack)) = feedback(&mut track, start + 60 * MS).pop() else {
        panic!("no second request");
    };
    assert_eq!(nack.lost, [0]);
    // The retransmission does not hide the loss: 4 expected, 2 received.
    let report = track.report_block(start + 60 * MS).unwrap();
    assert_eq!((report.ssrc, report.cumulative_lost), (MEDIA, 2));
    assert_eq!(report.highest_sequence, 65_538);
}

#[test]
fn what_does_not_belong_is_dropped_with_its_reason() {
    let now = Instant::now();
    let mut track = camera(now);
    let early = receive(&mut track, now, &packet(97, RTX, 1, &[0, 5, 0x10, 0]));
    assert_eq!(early, Err(TrackDrop::EarlyRtx));
    let mut drop = |bytes: &[u8]| receive(&mut track, now, bytes).unwrap_err();
    assert_eq!(
        drop(&packet(99, MEDIA, 1, &DELTA)),
        TrackDrop::UnknownPayloadType
    );
    assert_eq!(
        drop(&packet(96, MEDIA, 1, &[0x90])),
        TrackDrop::MalformedPayload
    );
    assert_eq!(drop(&packet(97, RTX, 1, &[])), TrackDrop::EmptyRtx);
    assert_eq!(drop(&packet(97, RTX, 1, &[0])), TrackDrop::MalformedPayload);
    assert_eq!(
        track.ssrc(),
        None,
        "nothing was learnt from what was dropped"
    );
    receive(&mut track, now, &packet(96, MEDIA, 5000, &DELTA)).unwrap();
    let mut drop = |bytes: &[u8]| receive(&mut track, now, bytes).unwrap_err();
    assert_eq!(drop(&packet(96, 7, 5001, &DELTA)), TrackDrop::UnknownSsrc);
    assert_eq!(drop(&packet(96, MEDIA, 5000, &DELTA)), TrackDrop::Duplicate);
    assert_eq!(drop(&packet(96, MEDIA, 3000, &DELTA)), TrackDrop::TooOld);
    let mut probe = packet(97, RTX, 2, &[0, 0, 3]);
    probe[0] |= 0x20;
    assert_eq!(drop(&probe), TrackDrop::EmptyRtx, "padding alone");
}

#[test]
fn a_keyframe_is_asked_for_as_the_publisher_understands_and_one_clears_it() {
    let start = Instant::now();
    let mut track = camera(start);
    track.request_keyframe(start);
    assert_eq!(track.poll_timeout(), None, "no stream to ask about yet");
    receive(&mut track, start, &packet(96, MEDIA, 1, &DELTA)).unwrap();
    let pli = PictureLossIndication {
        sender_ssrc: NODE_SSRC,
        media_ssrc: MEDIA,
    };
    assert_eq!(
        feedback(&mut track, start),
        [Rtcp::PictureLossIndication(pli)]
    );
    receive(&mut track, start, &packet(96, MEDIA, 2, &KEYFRAME)).unwrap();
    assert!(feedback(&mut track, start + 2000 * MS).is_empty());

    let fir_only = Feedback {
        fir: true,
        ..Feedback::default()
    };
    let mut track = Track::new(start, &line(Source::Screen, Codec::Vp8, fir_only));
    receive(&mut track, start, &packet(96, MEDIA, 1, &DELTA)).unwrap();
    for (second, sequence) in [(0, 1), (1, 2)] {
        let now = start + second * 1000 * MS;
        track.request_keyframe(now);
        let Some(Rtcp::FullIntraRequest(fir)) = feedback(&mut track, now).pop() else {
            panic!("no FIR");
        };
        let entry = FullIntraRequestEntry {
            ssrc: MEDIA,
            sequence,
        };
        assert_eq!(fir.entries, [entry]);
    }
}

#[test]
fn a_gap_too_large_to_repair_asks_for_a_keyframe() {
    let now = Instant::now();
    let mut track = camera(now);
    receive(&mut track, now, &packet(96, MEDIA, 1, &KEYFRAME)).unwrap();
    receive(&mut track, now, &packet(96, MEDIA, 1000, &DELTA)).unwrap();
    let asked = feedback(&mut track, now + 10 * MS);
    assert!(
        matches!(asked[..], [Rtcp::PictureLossIndication(_)]),
        "{asked:?}"
    );
}

#[test]
fn audio_has_levels_and_no_feedback_and_may_be_empty() {
    let now = Instant::now();
    let mut track = microphone(now);
    let bytes = packet(96, MEDIA, 9, &[]);
    let header = RtpHeader::parse(&bytes).unwrap();
    let ingress = track.receive(now, &header, &bytes).unwrap();
    let level = ingress.level.unwrap();
    assert_eq!((level.voice, level.level), (true, 30));
    let index = ingress.index;
    receive(&mut track, now, &packet(96, MEDIA, 20, &[1])).unwrap();
    track.request_keyframe(now);
    assert!(feedback(&mut track, now + 100 * MS).is_empty());
    assert_eq!(track.poll_timeout(), None);
    assert_eq!(track.cached(index), None);
    assert!(track.is_live(now + AUDIO_SILENCE));
    assert!(!track.is_live(now + AUDIO_SILENCE + MS));
}

#[test]
fn sender_reports_return_in_report_blocks_and_set_the_clocks() {
    let start = Instant::now();
    let wall = Duration::from_secs(1_800_000_000);
    let mut publisher = PublisherClock::new();
    let mut track = microphone(start);
    receive(&mut track, start, &packet(96, MEDIA, 1, &[1])).unwrap();
    let mut report = SenderReport {
        ssrc: RTX,
        ntp: 0x0001_2345_6789_0000,
        rtp_timestamp: 3000,
        packet_count: 0,
        octet_count: 0,
        reports: Vec::new(),
    };
    track.on_sender_report(start, wall, &report, &mut publisher);
    assert_eq!(publisher, PublisherClock::new(), "of another stream");
    report.ssrc = MEDIA;
    track.on_sender_report(start, wall, &report, &mut publisher);
    let block = track.report_block(start + 500 * MS).unwrap();
    assert_eq!(block.last_sr, 0x2345_6789);
    assert_eq!(block.delay_since_last_sr, 32_768);
    let clock = track.clock();
    let later = clock.rtp_at(start + 1000 * MS, wall + 1000 * MS, &publisher);
    assert_eq!(later, Some(51_000));
}
