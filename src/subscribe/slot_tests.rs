use super::*;
use crate::media::{ParticipantId, Source};
use crate::wire::extensions::{ExtensionKind, ExtensionMap};
use crate::wire::rtp::RtpHeader;
use crate::wire::sdp::{Feedback, Mid};
use arrayvec::ArrayString;

const SSRC: u32 = 0xaaaa;
const RTX_SSRC: u32 = 0xbbbb;
const WALL: Duration = Duration::from_secs(1_800_000_000);
const MS: Duration = Duration::from_millis(1);

/// Keeps plain packets with the index they would be sealed with.
#[derive(Default)]
struct Sent {
    packets: Vec<(u64, Vec<u8>)>,
    is_closed: bool,
}

impl RtpSink for Sent {
    fn send_rtp(
        &mut self,
        index: u64,
        max_len: usize,
        _: &mut SendArena,
        write: impl FnOnce(&mut [u8]) -> Option<(usize, usize)>,
    ) -> bool {
        let mut buffer = vec![0; max_len];
        let (header_len, packet_len) = write(&mut buffer).unwrap();
        buffer.truncate(packet_len);
        assert_eq!(RtpHeader::parse(&buffer).unwrap().len, header_len);
        if !self.is_closed {
            self.packets.push((index, buffer));
        }
        !self.is_closed
    }
}

struct Bench {
    slot: Slot,
    sent: Sent,
    arena: SendArena,
    transport_sequence: u64,
    start: Instant,
}

impl Bench {
    fn new(kind: MediaKind) -> Self {
        let mut extensions = ExtensionMap::default();
        extensions.insert(ExtensionKind::AbsSendTime, 2).unwrap();
        extensions
            .insert(ExtensionKind::TransportSequence, 5)
            .unwrap();
        let codec = |codec, payload_type| SlotCodec {
            codec,
            payload_type,
            rtx_payload_type: (codec != Codec::Opus).then_some(payload_type + 1),
        };
        let codecs = match kind {
            MediaKind::Audio => vec![codec(Codec::Opus, 111)],
            MediaKind::Video => vec![codec(Codec::Vp8, 96), codec(Codec::H264, 98)],
        };
        let line = SlotLine {
            mid: Mid(ArrayString::from("0").unwrap()),
            kind,
            ssrc: SSRC,
            rtx_ssrc: Some(RTX_SSRC),
            codecs,
            extensions,
            feedback: Feedback::default(),
        };
        let seed = SlotSeed {
            sequence: 100,
            timestamp: 1_000_000,
            picture_id: 500,
            rtx_sequence: 7,
        };
        let start = Instant::now();
        Self {
            slot: Slot::new(start, &line, seed),
            sent: Sent::default(),
            arena: SendArena::new(0, 0),
            transport_sequence: 0,
            start,
        }
    }

    fn forward(&mut self, packet: &Ingress<'_>) -> Forwarded {
        let mut link = EgressLink {
            connection: &mut self.sent,
            transport_sequence: &mut self.transport_sequence,
        };
        self.slot.forward(WALL, packet, &mut link, &mut self.arena)
    }

    fn retransmit(&mut self, after: Duration, lost: u16, payload: &[u8]) -> Retransmitted {
        let mut link = EgressLink {
            connection: &mut self.sent,
            transport_sequence: &mut self.transport_sequence,
        };
        let find = |track, index| {
            assert_eq!(track, ANNA);
            Some(CachedPacket {
                index,
                timestamp: 77,
                marker: true,
                payload,
            })
        };
        let now = self.start + after;
        self.slot
            .retransmit(now, WALL, lost, find, &mut link, &mut self.arena)
    }

    /// The last packet sent: index, header and payload.
    fn last(&self) -> (u64, RtpHeader, &[u8]) {
        let (index, packet) = self.sent.packets.last().unwrap();
        let header = RtpHeader::parse(packet).unwrap();
        assert_eq!(header.sequence_number, *index as u16);
        (*index, header, header.payload(packet).unwrap())
    }
}

const ANNA: TrackKey = TrackKey {
    participant: ParticipantId(1),
    source: Source::Camera,
};
const BEN: TrackKey = TrackKey {
    participant: ParticipantId(2),
    source: Source::Camera,
};

fn video(arrival: Instant, index: u64, payload: &[u8]) -> Ingress<'_> {
    Ingress {
        index,
        timestamp: 77,
        marker: false,
        payload,
        codec: Codec::Vp8,
        keyframe: crate::wire::codec::vp8::is_keyframe(payload),
        starts_frame: payload.first().is_some_and(|first| first & 0x10 != 0),
        level: None,
        arrival,
    }
}

fn vp8(picture_id: u16, tl0: u8, is_keyframe: bool) -> [u8; 7] {
    let [high, low] = picture_id.to_be_bytes();
    [0x90, 0xe0, 0x80 | high, low, tl0, 0, u8::from(!is_keyframe)]
}

#[test]
fn video_starts_at_a_keyframe_and_continues_all_numbers_across_a_switch() {
    let mut bench = Bench::new(MediaKind::Video);
    let start = bench.start;
    assert_eq!(
        bench.forward(&video(start, 9, &vp8(1, 1, true))),
        Forwarded::Refused
    );
    assert!(bench.slot.assign(ANNA, Codec::Vp8));
    assert!(bench.slot.needs_keyframe());
    let delta = bench.forward(&video(start, 10, &vp8(2, 2, false)));
    assert_eq!(delta, Forwarded::WaitingForKeyframe);
    assert_eq!(
        bench.forward(&video(start, 11, &vp8(3, 3, true))),
        Forwarded::Sent
    );
    assert!(!bench.slot.needs_keyframe());
    let (index, header, payload) = bench.last();
    assert_eq!((index, header.ssrc, header.payload_type), (100, SSRC, 96));
    assert_eq!(header.timestamp, 1_000_000);
    assert_eq!(payload, vp8(500, 500u16 as u8, true));
    bench.forward(&video(start, 14, &vp8(5, 4, false)));
    assert_eq!(bench.last().0, 103);

    assert!(bench.slot.assign(BEN, Codec::Vp8));
    let later = start + 100 * MS;
    let delta = bench.forward(&video(later, 3, &vp8(900, 80, false)));
    assert_eq!(delta, Forwarded::WaitingForKeyframe);
    assert_eq!(
        bench.forward(&video(later, 4, &vp8(901, 81, true))),
        Forwarded::Sent
    );
    let (index, header, payload) = bench.last();
    assert_eq!((index, header.timestamp), (104, 1_009_000));
    assert_eq!(payload, vp8(503, 502u16 as u8, true));
    assert_eq!(
        bench.forward(&video(later, 3, &vp8(900, 80, false))),
        Forwarded::Refused
    );
    assert_eq!(
        bench.forward(&video(later, 4, &vp8(901, 81, true))),
        Forwarded::Refused
    );
    // Mapping the same track again changes nothing; clearing does.
    bench.slot.assign(BEN, Codec::Vp8);
    assert!(!bench.slot.needs_keyframe());
    bench.slot.clear();
    assert_eq!(bench.slot.shows(), None);
    assert_eq!(
        bench.forward(&video(later, 5, &vp8(902, 82, true))),
        Forwarded::Refused
    );
}

#[test]
fn headers_are_equally_long_and_count_transport_wide() {
    let mut bench = Bench::new(MediaKind::Video);
    let start = bench.start;
    bench.slot.assign(ANNA, Codec::Vp8);
    bench.forward(&video(start, 10, &vp8(1, 1, true)));
    bench.sent.is_closed = true;
    let closed = bench.forward(&video(start, 11, &vp8(1, 1, false)));
    assert_eq!(closed, Forwarded::NotQueued);
    bench.sent.is_closed = false;
    bench.forward(&video(start, 12, &vp8(1, 1, false)));
    assert_eq!(
        bench.retransmit(MS, 101, &vp8(1, 1, false)),
        Retransmitted::Sent
    );
    let mut numbers = Vec::new();
    for (_, packet) in &bench.sent.packets {
        let header = RtpHeader::parse(packet).unwrap();
        let extensions: Vec<_> = header.extensions(packet).collect();
        assert_eq!(header.len, 12 + 4 + 8);
        assert_eq!(extensions[0].0, 2);
        let (id, number) = extensions[1];
        assert_eq!(id, 5);
        numbers.push(u16::from_be_bytes(number.try_into().unwrap()));
    }
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn a_nack_is_answered_with_the_same_bytes_in_the_rtx_stream() {
    let mut bench = Bench::new(MediaKind::Video);
    let start = bench.start;
    bench.slot.assign(ANNA, Codec::Vp8);
    bench.forward(&video(start, 10, &vp8(1, 1, true)));
    bench.forward(&video(start, 12, &vp8(2, 2, false)));
    let sent = bench.last().2.to_vec();
    bench.slot.assign(BEN, Codec::Vp8);
    bench.forward(&video(start, 900, &vp8(60, 60, true)));
    assert_eq!(
        bench.retransmit(MS, 102, &vp8(2, 2, false)),
        Retransmitted::Sent
    );
    let (index, header, payload) = bench.last();
    assert_eq!((index, header.ssrc, header.payload_type), (7, RTX_SSRC, 97));
    assert_eq!((header.timestamp, header.marker), (1_000_000, true));
    assert_eq!(payload[..2], 102u16.to_be_bytes());
    assert_eq!(payload[2..], sent);
    assert_eq!(bench.retransmit(2 * MS, 102, &[]), Retransmitted::TooSoon);
    assert_eq!(bench.retransmit(2 * MS, 99, &[]), Retransmitted::Unknown);
    // 101 was passed over: it may be in the cache by now.
    assert_eq!(
        bench.retransmit(2 * MS, 101, &vp8(2, 2, false)),
        Retransmitted::Sent
    );
    assert_eq!(bench.last().0, 8, "each its own number");
    assert_eq!(
        bench.retransmit(26 * MS, 102, &vp8(2, 2, false)),
        Retransmitted::Sent
    );
}

#[test]
fn retransmissions_have_a_budget() {
    let mut bench = Bench::new(MediaKind::Video);
    let start = bench.start;
    bench.slot.assign(ANNA, Codec::Vp8);
    for index in 0..300 {
        bench.forward(&video(start, 1000 + index, &vp8(1, 1, index == 0)));
    }
    let mut again = |at: Duration| {
        let answers = (100..400).map(|lost| bench.retransmit(at, lost, &[0x10, 1]));
        answers
            .filter(|answer| *answer == Retransmitted::Sent)
            .count()
    };
    assert_eq!(again(MS), MAX_RETRANSMISSIONS as usize);
    assert_eq!(again(MS + BUDGET_INTERVAL), MAX_RETRANSMISSIONS as usize);
}

#[test]
fn padding_leaves_no_trace_or_fills_its_number() {
    let mut bench = Bench::new(MediaKind::Video);
    let start = bench.start;
    bench.slot.assign(ANNA, Codec::Vp8);
    bench.forward(&video(start, 10, &vp8(1, 1, true)));
    assert_eq!(bench.forward(&video(start, 11, &[])), Forwarded::Skipped);
    assert_eq!(
        bench.forward(&video(start, 13, &vp8(2, 2, false))),
        Forwarded::Sent
    );
    assert_eq!(bench.last().0, 102);
    assert_eq!(bench.forward(&video(start, 12, &[])), Forwarded::Sent);
    let (index, header, payload) = bench.last();
    assert_eq!((index, header.has_padding, payload.len()), (101, true, 0));
}

#[test]
fn audio_switches_at_once_with_a_marker_and_passes_empty_packets() {
    let mut bench = Bench::new(MediaKind::Audio);
    let start = bench.start;
    let audio = |index, payload| Ingress {
        index,
        codec: Codec::Opus,
        ..video(start, index, payload)
    };
    assert!(!bench.slot.assign(ANNA, Codec::Vp8));
    assert!(bench.slot.assign(ANNA, Codec::Opus));
    assert!(!bench.slot.needs_keyframe());
    assert_eq!(bench.slot.rtx_ssrc(), None);
    let mut markers = Vec::new();
    for (track, index) in [(ANNA, 50), (ANNA, 51), (BEN, 9), (BEN, 10)] {
        bench.slot.assign(track, Codec::Opus);
        assert_eq!(bench.forward(&audio(index, &[])), Forwarded::Sent);
        let (index, header, _) = bench.last();
        markers.push((index, header.marker));
    }
    let expected = [(100, true), (101, false), (102, true), (103, false)];
    assert_eq!(markers, expected);
    assert_eq!(bench.retransmit(MS, 100, &[]), Retransmitted::NoRtx);
}

#[test]
fn reports_carry_the_rewritten_clock_and_give_the_round_trip() {
    let mut bench = Bench::new(MediaKind::Video);
    let start = bench.start;
    let publisher = PublisherClock::new();
    let mut clock = SenderClock::new(90_000);
    clock.on_packet(start, 77);
    let report = |bench: &Bench| {
        bench
            .slot
            .sender_report(start + MS, WALL + MS, &clock, &publisher)
    };
    bench.slot.assign(ANNA, Codec::Vp8);
    assert_eq!(report(&bench), None, "nothing plays");
    bench.forward(&video(start, 10, &vp8(1, 1, true)));
    let sent = report(&bench).unwrap();
    assert_eq!((sent.ssrc, sent.ntp), (SSRC, ntp_from_epoch(WALL + MS)));
    assert_eq!((sent.rtp_timestamp, sent.packet_count), (1_000_090, 1));
    assert_eq!(sent.octet_count, 7);
    let mut block = ReportBlock {
        ssrc: SSRC,
        fraction_lost: 0,
        cumulative_lost: 0,
        highest_sequence: 0,
        jitter: 0,
        last_sr: (sent.ntp >> 16) as u32,
        delay_since_last_sr: 65_536,
    };
    bench.slot.on_receiver_report(WALL + 1081 * MS, &block);
    let round_trip = bench.slot.round_trip().unwrap();
    assert!(
        (79..=81).contains(&round_trip.as_millis()),
        "{round_trip:?}"
    );
    block.delay_since_last_sr = u32::MAX / 2;
    bench.slot.on_receiver_report(WALL + 1081 * MS, &block);
    assert_eq!(bench.slot.round_trip(), Some(round_trip), "absurd");
}

#[test]
fn pieces_of_a_frame_that_differ_by_a_byte_leave_equally_long() {
    for len in 0..64 {
        let padded = len + usize::from(egress::equalising(len));
        assert!(padded >= len && padded < len + 16 && padded.is_multiple_of(16));
    }
    assert_eq!(
        662 + usize::from(egress::equalising(662)),
        663 + usize::from(egress::equalising(663))
    );
}
