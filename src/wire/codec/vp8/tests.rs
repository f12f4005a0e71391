use proptest::prelude::*;

use super::*;

/// Every field: long picture id 0x1234, TL0PICIDX 0x56, temporal layer 2 with Y, KEYIDX 3; then
/// the frame header of a 640x480 keyframe.
const KEYFRAME: [u8; 16] = [
    0x90, 0xF0, 0x92, 0x34, 0x56, 0xA3, 0x50, 0x01, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01,
];

#[test]
fn reads_every_field() {
    assert_eq!(
        PayloadDescriptor::parse(&KEYFRAME),
        Ok(PayloadDescriptor {
            non_reference: false,
            start_of_partition: true,
            partition: 0,
            picture_id: Some(PictureId {
                value: 0x1234,
                long: true
            }),
            tl0_pic_idx: Some(0x56),
            temporal_id: Some(2),
            layer_sync: true,
            len: 6,
        })
    );
    assert!(is_keyframe(&KEYFRAME));
    assert_eq!(keyframe_size(&KEYFRAME), Some((640, 480)));
}

#[test]
fn every_combination_of_fields_has_its_length() {
    let cases: [(&[u8], usize); 7] = [
        (&[0x00], 1),
        (&[0x80, 0x00], 2),
        (&[0x80, 0x80, 0x11], 3),
        (&[0x80, 0x80, 0x81, 0x11], 4),
        (&[0x80, 0x40, 0x07], 3),
        (&[0x80, 0x10, 0x1F], 3),
        (&[0x80, 0xE0, 0x11, 0x07, 0x40], 5),
    ];
    for (bytes, len) in cases {
        assert_eq!(PayloadDescriptor::parse(bytes).unwrap().len, len);
        for short in 0..len {
            assert_eq!(
                PayloadDescriptor::parse(&bytes[..short]),
                Err(Vp8Error::Truncated)
            );
        }
    }
    // K without T: the byte holds KEYIDX only.
    let key_index_only = PayloadDescriptor::parse(&[0x80, 0x10, 0xFF]).unwrap();
    assert_eq!(key_index_only.temporal_id, None);
    assert!(!key_index_only.layer_sync);
}

#[test]
fn a_keyframe_begins_at_the_first_partition_only() {
    let mut payload = KEYFRAME;
    payload[0] = 0x80; // continuation
    assert!(!is_keyframe(&payload));
    assert_eq!(keyframe_size(&payload), None);
    payload[0] = 0x91; // begins the second partition
    assert!(!is_keyframe(&payload));
    payload = KEYFRAME;
    payload[6] |= 1; // interframe
    assert!(!is_keyframe(&payload));
    assert!(!is_keyframe(&KEYFRAME[..6]), "no frame header");
    assert!(!is_keyframe(&[]));
    assert_eq!(keyframe_size(&KEYFRAME[..15]), None);
}

#[test]
fn short_ids_keep_seven_bits() {
    let mut payload = [0x80, 0xC0, 0x7F, 0x01, 0xAA];
    let descriptor = PayloadDescriptor::parse(&payload).unwrap();
    descriptor.set_picture_id(&mut payload, 0x1285);
    descriptor.set_tl0_pic_idx(&mut payload, 0xFE);
    assert_eq!(payload, [0x80, 0xC0, 0x05, 0xFE, 0xAA]);
}

#[test]
fn without_the_fields_nothing_is_written() {
    let mut payload = [0x80, 0x20, 0x40, 0xAA];
    let before = payload;
    let descriptor = PayloadDescriptor::parse(&payload).unwrap();
    descriptor.set_picture_id(&mut payload, 1);
    descriptor.set_tl0_pic_idx(&mut payload, 1);
    assert_eq!(payload, before);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..24)) {
        let _ = is_keyframe(&payload);
        let _ = keyframe_size(&payload);
        if let Ok(descriptor) = PayloadDescriptor::parse(&payload) {
            prop_assert!(descriptor.len <= payload.len());
            // Rewriting a shorter packet than the one parsed must not go out of bounds either.
            let mut short = payload[..payload.len() / 2].to_vec();
            descriptor.set_picture_id(&mut short, u16::MAX);
            descriptor.set_tl0_pic_idx(&mut short, u8::MAX);
        }
    }

    #[test]
    fn rewriting_changes_the_two_fields_only(
        mut payload in proptest::collection::vec(any::<u8>(), 8..24),
        picture_id: u16,
        tl0_pic_idx: u8,
    ) {
        payload[0] |= 0x80;
        let before = PayloadDescriptor::parse(&payload).unwrap();
        let rest = payload[before.len..].to_vec();
        before.set_picture_id(&mut payload, picture_id);
        before.set_tl0_pic_idx(&mut payload, tl0_pic_idx);
        let after = PayloadDescriptor::parse(&payload).unwrap();
        let mask = |long| if long { 0x7FFF } else { 0x7F };
        let expected = PayloadDescriptor {
            picture_id: before.picture_id.map(|old| PictureId {
                value: picture_id & mask(old.long),
                long: old.long,
            }),
            tl0_pic_idx: before.tl0_pic_idx.map(|_| tl0_pic_idx),
            ..before
        };
        prop_assert_eq!(after, expected);
        prop_assert_eq!(&payload[after.len..], &rest[..]);
    }
}
