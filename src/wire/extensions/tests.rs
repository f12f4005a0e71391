use proptest::prelude::*;

use super::*;

#[test]
fn uris_round_trip_and_are_distinct() {
    for kind in ExtensionKind::ALL {
        assert_eq!(ExtensionKind::from_uri(kind.uri()), Some(kind));
    }
    assert_eq!(ExtensionKind::from_uri("urn:example:other"), None);
}

#[test]
fn the_order_of_all_is_the_index() {
    for (index, kind) in ExtensionKind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, index);
    }
}

#[test]
fn maps_both_ways_and_refuses_conflicts() {
    let mut map = ExtensionMap::default();
    assert_eq!(map.insert(ExtensionKind::Mid, 4), Ok(()));
    assert_eq!(map.insert(ExtensionKind::AudioLevel, 20), Ok(()));
    assert_eq!(map.get(ExtensionKind::Mid), Some(4));
    assert_eq!(map.kind(20), Some(ExtensionKind::AudioLevel));
    assert_eq!(map.kind(5), None);
    assert_eq!(map.kind(0), None);
    assert_eq!(map.get(ExtensionKind::AbsSendTime), None);
    assert_eq!(
        map.insert(ExtensionKind::AbsSendTime, 4),
        Err(ExtensionMapError::DuplicateId(4))
    );
    for id in [0, 15] {
        assert_eq!(
            map.insert(ExtensionKind::AbsSendTime, id),
            Err(ExtensionMapError::ReservedId(id))
        );
    }
    assert_eq!(map.insert(ExtensionKind::Mid, 9), Ok(()), "a kind may move");
    assert_eq!(map.kind(4), None);
}

#[test]
fn audio_level_is_one_byte() {
    for byte in 0..=255 {
        let level = AudioLevel::parse(&[byte]).unwrap();
        assert_eq!((level.voice, level.level), (byte >= 128, byte % 128));
        assert_eq!(level.to_byte(), byte);
    }
    assert_eq!(AudioLevel::parse(&[]), None);
    assert_eq!(AudioLevel::parse(&[1, 2]), None);
}

#[test]
fn transport_sequence_is_two_bytes() {
    assert_eq!(transport_sequence(&[1, 2]), Some(0x0102));
    assert_eq!(transport_sequence(&[1]), None);
    assert_eq!(transport_sequence(&[1, 2, 3, 4]), None);
}

#[test]
fn abs_send_time_is_six_eighteen_fixed_point() {
    assert_eq!(abs_send_time(Duration::ZERO), [0, 0, 0]);
    assert_eq!(abs_send_time(Duration::from_secs(1)), [0x04, 0, 0]);
    assert_eq!(abs_send_time(Duration::from_millis(500)), [0x02, 0, 0]);
    // 63.999999999 s is the last value before the wrap at 64 s.
    assert_eq!(
        abs_send_time(Duration::new(63, 999_999_999)),
        [0xFF, 0xFF, 0xFF]
    );
    assert_eq!(
        abs_send_time(Duration::from_millis(64_500)),
        [0x02, 0, 0],
        "wraps"
    );
}

#[test]
fn writes_the_one_byte_form() {
    let mut out = [0xEE; 32];
    let mut writer = ExtensionWriter::new(&mut out);
    writer.push(1, &[0xAA]);
    writer.push(14, &[1, 2, 3]);
    assert_eq!(writer.finish(), Some(12));
    assert_eq!(
        out[..12],
        [0xBE, 0xDE, 0, 2, 0x10, 0xAA, 0xE2, 1, 2, 3, 0, 0]
    );
}

#[test]
fn widens_when_an_element_needs_it() {
    let mut out = [0xEE; 32];
    let mut writer = ExtensionWriter::new(&mut out);
    writer.push(1, &[0xAA]);
    writer.push(2, &[0xBB, 0xCC]);
    writer.push(16, &[0xDD]);
    assert_eq!(writer.finish(), Some(16));
    assert_eq!(
        out[..16],
        [
            0x10, 0, 0, 3, 1, 1, 0xAA, 2, 2, 0xBB, 0xCC, 16, 1, 0xDD, 0, 0
        ]
    );
}

#[test]
fn what_cannot_be_written_fails_the_block() {
    let mut out = [0; 300];
    for (id, data) in [(0, &[1][..]), (15, &[1]), (3, &[0; 256])] {
        let mut writer = ExtensionWriter::new(&mut out);
        writer.push(id, data);
        writer.push(1, &[1]);
        assert_eq!(writer.finish(), None);
    }
    for len in 0..12 {
        let mut writer = ExtensionWriter::new(&mut out[..len]);
        writer.push(1, &[0xAA]);
        writer.push(14, &[1, 2, 3]);
        assert_eq!(writer.finish(), None, "{len} bytes");
    }
}

proptest! {
    #[test]
    fn never_writes_past_the_buffer(
        elements in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        len in 0..120usize,
    ) {
        let mut out = vec![0; len];
        let mut writer = ExtensionWriter::new(&mut out);
        for (id, data) in &elements {
            writer.push(*id, data);
        }
        if let Some(written) = writer.finish() {
            prop_assert!(written <= len && written % 4 == 0);
        }
    }
}
