use proptest::prelude::*;

use super::*;

fn source() -> impl Strategy<Value = Source> {
    prop::sample::select(Source::ALL.to_vec())
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(CODECS.to_vec())
}

fn millis() -> impl Strategy<Value = Duration> {
    (0..u64::from(u32::MAX)).prop_map(Duration::from_millis)
}

prop_compose! {
    fn track()(
        codec in codec(),
        flags in any::<[bool; 2]>(),
        live_for in millis(),
        report in any::<Option<(u64, u32)>>(),
    ) -> TrackState {
        TrackState {
            codec,
            muted: flags[0],
            live: flags[1],
            live_for,
            report: report.map(|(ntp, rtp_timestamp)| SenderReportTime { ntp, rtp_timestamp }),
        }
    }
}

prop_compose! {
    fn publisher()(
        participant in any::<u64>(),
        flags in any::<[bool; 4]>(),
        offset in any::<Option<i64>>(),
        spoke_before in prop::option::of(millis()),
        tracks in prop::array::uniform4(prop::option::of(track())),
    ) -> PublisherState {
        PublisherState {
            participant: ParticipantId(participant),
            leading: flags[0],
            permissions: Permissions {
                microphone: flags[1],
                camera: flags[2],
                screen: flags[3],
            },
            clock: PublisherClock::with_offset(offset),
            spoke_before,
            tracks,
        }
    }
}

fn written(room: u64, message: &RelayMessage<'_>) -> Vec<u8> {
    let mut out = [0xEE; MAX_MESSAGE_BYTES];
    let len = encode(RoomId(room), message, &mut out).unwrap();
    for short in [0, 1, len - 1] {
        assert_eq!(encode(RoomId(room), message, &mut out[..short]), None);
    }
    encode(RoomId(room), message, &mut out[..len]).unwrap();
    out[..len].to_vec()
}

/// Both sides of a message as text, so that one comparison serves all kinds.
fn comes_back(room: u64, message: &RelayMessage<'_>, now: Instant) {
    let bytes = written(room, message);
    let (read_room, read) = decode(&bytes, now).unwrap();
    assert_eq!(read_room, RoomId(room));
    assert_eq!(format!("{read:?}"), format!("{message:?}"));
    let mut longer = bytes.clone();
    longer.push(0);
    let takes_rest = matches!(
        message,
        RelayMessage::Media { .. } | RelayMessage::Nack { .. }
    );
    assert_eq!(
        decode(&longer, now).is_some(),
        takes_rest && !matches!(message, RelayMessage::Nack { .. })
    );
}

proptest! {
    #[test]
    fn every_message_comes_back_as_it_was(
        room in any::<u64>(),
        participant in any::<u64>().prop_map(ParticipantId),
        since in any::<u64>(),
        asks in any::<bool>(),
        source in source(),
        sources in (0u8..16).prop_map(SourceSet),
        state in publisher(),
        lost in prop::collection::vec(any::<[u8; 2]>(), 0..MAX_NACKED),
    ) {
        let now = Instant::now();
        for message in [
            RelayMessage::Hello { since, asks },
            RelayMessage::Bye,
            RelayMessage::Publisher(state),
            RelayMessage::Gone { participant },
            RelayMessage::Wants { participant, sources },
            RelayMessage::Keyframe { participant, source },
            RelayMessage::Nack { participant, source, lost: &lost },
        ] {
            comes_back(room, &message, now);
        }
    }

    #[test]
    fn every_packet_comes_back_as_it_was(
        index in any::<u64>(),
        timestamp in any::<u32>(),
        codec in codec(),
        flags in any::<[bool; 3]>(),
        level in prop::option::of(any::<u8>()),
        payload in prop::collection::vec(any::<u8>(), 0..2048),
        source in source(),
    ) {
        let now = Instant::now();
        let packet = Ingress {
            index,
            timestamp,
            marker: flags[0],
            payload: &payload,
            codec,
            keyframe: flags[1],
            starts_frame: flags[2],
            level: level.and_then(|byte| AudioLevel::parse(&[byte])),
            arrival: now,
        };
        let participant = ParticipantId(3);
        comes_back(9, &RelayMessage::Media { participant, source, packet }, now);
    }

    #[test]
    fn other_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let now = Instant::now();
        if let Some((room, message)) = decode(&bytes, now) {
            let mut out = [0; MAX_MESSAGE_BYTES];
            prop_assert!(encode(room, &message, &mut out).is_some());
        }
    }
}

#[test]
fn the_largest_datagram_fits() {
    let payload = [0; 2048];
    let packet = Ingress {
        index: u64::MAX,
        timestamp: 0,
        marker: false,
        payload: &payload,
        codec: Codec::H264,
        keyframe: false,
        starts_frame: false,
        level: None,
        arrival: Instant::now(),
    };
    let message = RelayMessage::Media {
        participant: ParticipantId(1),
        source: Source::Screen,
        packet,
    };
    let mut out = [0; MAX_MESSAGE_BYTES];
    assert!(encode(RoomId(1), &message, &mut out).is_some());
}

#[test]
fn source_sets_are_sets() {
    let mut set = SourceSet::default();
    set.insert(Source::Camera);
    set.insert(Source::ScreenAudio);
    let mut other = SourceSet::default();
    other.insert(Source::ScreenAudio);
    assert!(set.contains(Source::Camera) && !set.contains(Source::Microphone));
    assert!(!set.without(other).contains(Source::ScreenAudio));
    assert_eq!(set.without(other).union(other), set);
    set.remove(Source::Camera);
    assert_eq!(set, other);
}
