//! Another WebRTC stack offers, we answer, and it must be content with the answer.

use std::time::Instant;

use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine,
};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use super::checker::check;
use super::*;
use crate::media::{MediaKind, Source};

fn encoding(kind: RtpCodecKind) -> RTCRtpEncodingParameters {
    let (ssrc, mime_type, clock_rate, channels) = match kind {
        RtpCodecKind::Video => (0x2222, MIME_TYPE_VP8, 90_000, 0),
        _ => (0x1111, MIME_TYPE_OPUS, 48_000, 2),
    };
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            ..Default::default()
        },
        ..Default::default()
    }
}

fn peer(lines: &[(RtpCodecKind, RTCRtpTransceiverDirection)]) -> (RTCPeerConnection, String) {
    let mut media_engine = MediaEngine::default();
    media_engine.register_default_codecs().unwrap();
    let now = Instant::now();
    let mut peer = RTCPeerConnectionBuilder::new()
        .with_media_engine(media_engine)
        .build(now)
        .unwrap();
    for (kind, direction) in lines {
        let send_encodings = match direction {
            RTCRtpTransceiverDirection::Recvonly => vec![],
            _ => vec![encoding(*kind)],
        };
        let init = RTCRtpTransceiverInit {
            direction: *direction,
            streams: vec![],
            send_encodings,
        };
        peer.add_transceiver_from_kind(*kind, Some(init)).unwrap();
    }
    let offer = peer.create_offer(None).unwrap();
    peer.set_local_description(now, offer.clone()).unwrap();
    (peer, offer.sdp)
}

#[test]
fn webrtc_rs_takes_our_answer_to_its_offer() {
    use RTCRtpTransceiverDirection::{Recvonly, Sendonly, Sendrecv};
    let lines = [
        (RtpCodecKind::Audio, Sendonly),
        (RtpCodecKind::Video, Sendrecv),
        (RtpCodecKind::Audio, Recvonly),
        (RtpCodecKind::Video, Recvonly),
    ];
    for preference in [DtlsRole::Client, DtlsRole::Server] {
        let (mut peer, offer) = peer(&lines);
        let negotiated = negotiate_as(&offer, preference).expect(&offer);
        check(&offer, &negotiated);
        let sources: Vec<_> = negotiated
            .session
            .publish
            .iter()
            .map(|line| line.source)
            .collect();
        assert_eq!(sources, [Source::Microphone, Source::Camera]);
        assert_eq!(negotiated.session.publish[0].ssrc, Some(0x1111));
        assert_eq!(negotiated.session.publish[1].ssrc, Some(0x2222));
        let kinds: Vec<_> = negotiated
            .session
            .slots
            .iter()
            .map(|slot| slot.kind)
            .collect();
        assert_eq!(
            kinds,
            [MediaKind::Video, MediaKind::Audio, MediaKind::Video]
        );
        let answer = RTCSessionDescription::answer(negotiated.answer).unwrap();
        peer.set_remote_description(Instant::now(), answer)
            .expect("our answer is taken");
    }
}
