//! Opus packets (RFC 6716 §3): how long they last and whether they carry sound.

/// Longest packet in samples at 48 kHz: 120 ms (RFC 6716 §3.2.5).
const MAX_SAMPLES: u32 = 5760;

/// Samples at 48 kHz, the RTP clock, that the packet lasts (RFC 6716 §3.1, §3.2). `None` when
/// it is malformed: empty, no frame count, or longer than 120 ms.
pub fn samples(payload: &[u8]) -> Option<u32> {
    let (&toc, rest) = payload.split_first()?;
    let config = toc >> 3;
    let frame = match (config, config & 3) {
        (0..=11, 0) => 480,
        (0..=11, 1) => 960,
        (0..=11, 2) => 1920,
        (0..=11, _) => 2880,
        (12..=15, low) => 480 << (low & 1),
        (_, low) => 120 << low,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3F),
    };
    let samples = frame * frames;
    (1..=MAX_SAMPLES).contains(&samples).then_some(samples)
}

/// Whether the packet is discontinuous transmission's placeholder: at most the table of contents
/// and one more byte, and thus without a frame to play (RFC 7587 §3.1.3).
pub fn is_dtx(payload: &[u8]) -> bool {
    (1..=2).contains(&payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_table_of_contents() {
        let toc = |config: u8, code: u8| config << 3 | code;
        // SILK, hybrid and CELT rows of RFC 6716 table 2.
        for (config, expected) in [
            (0, 480),
            (1, 960),
            (2, 1920),
            (3, 2880),
            (11, 2880),
            (12, 480),
            (13, 960),
            (14, 480),
            (15, 960),
            (16, 120),
            (17, 240),
            (18, 480),
            (19, 960),
            (31, 960),
        ] {
            assert_eq!(samples(&[toc(config, 0), 0]), Some(expected), "{config}");
            assert_eq!(samples(&[toc(config, 1)]), Some(2 * expected));
            assert_eq!(samples(&[toc(config, 3), 0]), None, "no frames");
        }
        assert_eq!(samples(&[toc(31, 3), 6]), Some(5760));
        assert_eq!(samples(&[toc(31, 3), 7]), None, "longer than 120 ms");
        assert_eq!(samples(&[toc(31, 3)]), None, "count is missing");
        assert_eq!(samples(&[]), None);
    }

    #[test]
    fn placeholders_are_tiny() {
        assert!(is_dtx(&[0x78]) && is_dtx(&[0x78, 0xFF]));
        assert!(!is_dtx(&[]) && !is_dtx(&[0x78, 0xFF, 0xFE]));
    }
}
