//! What the node must know of codec payloads: where a decoder can start, and the fields of the
//! VP8 descriptor that must be continuous across switches. Payloads are never decoded.

use crate::media::Codec;

pub mod h264;
pub mod opus;
pub mod red;
pub mod vp8;

/// Whether a decoder that has seen nothing yet can start at the frame this payload begins. True
/// for every Opus packet: each is decodable on its own.
pub fn is_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => true,
        Codec::Vp8 => vp8::is_keyframe(payload),
        Codec::H264 => h264::is_keyframe(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_has_its_own_rule() {
        let vp8_keyframe = [0x10, 0x00];
        let h264_idr = [0x65, 0x88];
        assert!(is_keyframe(Codec::Vp8, &vp8_keyframe));
        assert!(!is_keyframe(Codec::Vp8, &h264_idr));
        assert!(is_keyframe(Codec::H264, &h264_idr));
        assert!(!is_keyframe(Codec::H264, &vp8_keyframe));
        assert!(is_keyframe(Codec::Opus, &[0x78]));
    }
}
