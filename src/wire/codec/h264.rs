//! H264 payloads (RFC 6184 §5): just enough to see where a decoder can start.

const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETER_SET: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Whether the payload begins a keyframe: a sequence parameter set or the start of an IDR slice,
/// as a single NAL unit, in an aggregate (STAP-A) or as the first fragment (FU-A). STAP-B, MTAP
/// and FU-B belong to the interleaved mode, which is never negotiated.
pub fn is_keyframe(payload: &[u8]) -> bool {
    let Some((&indicator, rest)) = payload.split_first() else {
        return false;
    };
    match nal_type(indicator) {
        STAP_A => aggregated(rest).any(|header| starts_keyframe(nal_type(header))),
        FU_A => rest
            .first()
            .is_some_and(|&header| header & 0x80 != 0 && starts_keyframe(nal_type(header))),
        single => starts_keyframe(single),
    }
}

fn nal_type(header: u8) -> u8 {
    header & 0x1F
}

fn starts_keyframe(nal_type: u8) -> bool {
    matches!(nal_type, IDR_SLICE | SEQUENCE_PARAMETER_SET)
}

/// First bytes of the NAL units of a STAP-A, up to the first that does not fit.
fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (&size, behind) = rest.split_first_chunk::<2>()?;
        let (unit, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(size)))?;
        rest = behind;
        unit.first().copied()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_units() {
        for nal_type in 0..24 {
            let expected = nal_type == IDR_SLICE || nal_type == SEQUENCE_PARAMETER_SET;
            assert_eq!(is_keyframe(&[0x60 | nal_type, 0x88]), expected);
        }
        assert!(!is_keyframe(&[]));
    }

    #[test]
    fn aggregates() {
        // Access unit delimiter, SPS, PPS.
        assert!(is_keyframe(&[
            0x78, 0, 2, 0x09, 0xF0, 0, 1, 0x67, 0, 1, 0x68
        ]));
        // Picture parameter set and a slice.
        assert!(!is_keyframe(&[0x78, 0, 1, 0x68, 0, 2, 0x41, 0x9A]));
        // The SPS runs past the end.
        assert!(!is_keyframe(&[0x78, 0, 9, 0x67]));
        assert!(!is_keyframe(&[0x78, 0, 0, 0x67]), "empty unit");
        assert!(!is_keyframe(&[0x78, 0]));
        assert!(!is_keyframe(&[0x78]));
    }

    #[test]
    fn fragments() {
        assert!(is_keyframe(&[0x7C, 0x85]), "first fragment of an IDR slice");
        assert!(!is_keyframe(&[0x7C, 0x05]), "middle fragment");
        assert!(!is_keyframe(&[0x7C, 0x45]), "last fragment");
        assert!(!is_keyframe(&[0x7C, 0x81]), "first fragment of a slice");
        assert!(!is_keyframe(&[0x7C]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = is_keyframe(&payload);
        }

        #[test]
        fn arbitrary_aggregates_never_panic(
            mut payload in proptest::collection::vec(0..4u8, 1..64),
        ) {
            payload[0] = 0x78;
            let _ = is_keyframe(&payload);
        }
    }
}
