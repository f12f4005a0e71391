use super::checker::{Sections, check, values};
use super::*;
use crate::media::{Codec, MediaKind, Source};
use crate::wire::extensions::ExtensionKind;

fn plan_of(name: &str) -> SessionPlan {
    answer_to(fixture_named(name)).expect(name).session
}

#[test]
fn every_fixture_gets_an_answer_that_keeps_the_rules() {
    for (name, offer) in FIXTURES {
        for preference in [DtlsRole::Client, DtlsRole::Server] {
            let negotiated = negotiate_as(offer, preference).expect(name);
            check(offer, &negotiated);
            // All of them say actpass.
            assert_eq!(negotiated.session.dtls_role, preference, "{name}");
            let only_new_codecs = name.contains("vp9") || name.contains("av1");
            assert_eq!(
                negotiated.warnings,
                match only_new_codecs {
                    true => vec![SdpWarning::VideoCodecUnsupported],
                    false => vec![],
                },
                "{name}"
            );
        }
    }
}

#[test]
fn chromium_publishes_and_receives_by_its_own_numbers() {
    let plan = plan_of("chromium-av-default");
    let [microphone, camera] = &plan.publish[..] else {
        panic!("two sources: {plan:?}");
    };
    assert_eq!(microphone.source, Source::Microphone);
    assert_eq!(microphone.codec, Codec::Opus);
    assert_eq!(microphone.payload_type, 111);
    assert_eq!(microphone.ssrc, Some(1_625_964_687));
    assert_eq!(microphone.rtx_ssrc, None);
    assert_eq!(
        microphone.extensions.get(ExtensionKind::AudioLevel),
        Some(1)
    );
    assert!(microphone.feedback.transport_cc && !microphone.feedback.nack);

    assert_eq!(camera.source, Source::Camera);
    assert_eq!(camera.codec, Codec::Vp8);
    assert_eq!(
        (camera.payload_type, camera.rtx_payload_type),
        (96, Some(97))
    );
    assert_eq!(camera.ssrc, Some(2_125_856_579));
    assert_eq!(camera.rtx_ssrc, Some(3_015_854_460));
    assert_eq!(camera.extensions.get(ExtensionKind::Mid), Some(4));
    assert_eq!(
        camera.extensions.get(ExtensionKind::TransportSequence),
        Some(3)
    );
    // Offered, but not answered yet.
    assert_eq!(camera.extensions.get(ExtensionKind::RtpStreamId), None);
    assert_eq!(
        camera.feedback,
        Feedback {
            nack: true,
            pli: true,
            fir: true,
            transport_cc: true,
            remb: true
        }
    );

    assert_eq!(plan.slots.len(), 2, "both lines are sendrecv");
    let video = &plan.slots[1];
    assert_eq!(video.kind, MediaKind::Video);
    let codecs: Vec<_> = video
        .codecs
        .iter()
        .map(|codec| (codec.codec, codec.payload_type, codec.rtx_payload_type))
        .collect();
    // 108 is the constrained baseline in packetization mode 1.
    assert_eq!(
        codecs,
        [(Codec::Vp8, 96, Some(97)), (Codec::H264, 108, Some(109))]
    );
}

#[test]
fn data_channels_are_refused_and_leave_the_bundle() {
    for name in ["chromium-av-default", "firefox-av-default", "aiortc"] {
        let negotiated = answer_to(fixture_named(name)).expect(name);
        let sections = Sections::of(&negotiated.answer);
        assert_eq!(
            sections.media[2],
            [
                "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
                "c=IN IP4 0.0.0.0",
                "a=mid:2",
                "a=inactive",
            ]
        );
        assert!(sections.session.contains(&"a=group:BUNDLE 0 1"), "{name}");
    }
}

#[test]
fn a_screen_is_told_from_a_camera_by_its_line_only() {
    // Alone it is the first video line; a client that shares offers the camera's line before it.
    let plan = plan_of("chromium-screenshare");
    assert_eq!(plan.publish.len(), 1);
    assert_eq!(plan.publish[0].source, Source::Camera);
}

#[test]
fn simulcast_offers_are_taken_as_one_stream() {
    let chromium = plan_of("chromium-simulcast-vp8-3rid");
    assert_eq!(chromium.publish[1].ssrc, None, "learnt by mid");
    let h264 = plan_of("chromium-h264-simulcast-3rid");
    assert_eq!(h264.publish[0].codec, Codec::H264);
    assert_eq!(h264.publish[0].payload_type, 108);
    let firefox = plan_of("firefox-simulcast-3rid");
    assert_eq!(firefox.publish[1].ssrc, Some(188_097_762));
    assert_eq!(firefox.publish[1].rtx_ssrc, Some(2_456_630_035));
    for name in ["chromium-simulcast-vp8-3rid", "firefox-simulcast-3rid"] {
        assert!(plan_of(name).slots.is_empty(), "{name} only sends");
    }
}

#[test]
fn recvonly_offers_become_slots() {
    for (name, h264) in [("chromium-recvonly", true), ("firefox-recvonly", false)] {
        let plan = plan_of(name);
        assert!(plan.publish.is_empty(), "{name}");
        let kinds: Vec<_> = plan.slots.iter().map(|slot| slot.kind).collect();
        assert_eq!(kinds, [MediaKind::Audio, MediaKind::Video], "{name}");
        let codecs = plan.slots[1].codecs.iter().map(|codec| codec.codec);
        let expected = [Codec::Vp8, Codec::H264];
        assert!(codecs.eq(expected.into_iter().take(1 + usize::from(h264))));
        assert_eq!(plan.slots[0].rtx_ssrc, None);
        assert!(plan.slots[1].rtx_ssrc.is_some());
    }
}

#[test]
fn firefox_session_fingerprint_and_all_of_aiortcs_are_kept() {
    assert_eq!(plan_of("firefox-av-default").remote_fingerprints.len(), 1);
    let aiortc = plan_of("aiortc");
    let algorithms: Vec<_> = aiortc
        .remote_fingerprints
        .iter()
        .map(|fingerprint| fingerprint.algorithm)
        .collect();
    assert_eq!(
        algorithms,
        [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512
        ]
    );
    assert_eq!(aiortc.remote_ice.ufrag, "nz3F");
    assert!(!aiortc.publish[1].feedback.transport_cc);
    assert!(aiortc.publish[1].feedback.remb);
}

#[test]
fn an_offer_of_unknown_codecs_only_is_answered_with_refusals() {
    for name in ["chromium-vp9-svc-L3T3_KEY", "chromium-av1-svc-L3T3_KEY"] {
        let negotiated = answer_to(fixture_named(name)).expect(name);
        assert!(negotiated.session.is_empty());
        let sections = Sections::of(&negotiated.answer);
        assert!(sections.media[0][0].starts_with("m=video 0 UDP/TLS/RTP/SAVPF "));
        assert!(values(&sections.session, "a=group").is_empty());
    }
}

#[test]
fn dtx_is_answered_as_offered() {
    let offer = fixture_named("chromium-audio-only");
    let with_dtx = offer.replace("useinbandfec=1", "useinbandfec=1;usedtx=1");
    assert!(!answer_to(offer).unwrap().answer.contains("usedtx"));
    let answer = answer_to(&with_dtx).unwrap().answer;
    assert!(answer.contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"));
}
