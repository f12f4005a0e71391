//! How m-lines become sources and slots, and what an offer must have.

use super::checker::{Sections, check, values};
use super::*;
use crate::media::{MediaKind, Source};

fn accepted(lines: &[String]) -> Negotiated {
    let offer = offer_of(lines);
    let negotiated = answer_to(&offer).expect("an answer");
    check(&offer, &negotiated);
    negotiated
}

/// The classroom page's offer: senders first, then slots.
fn classroom(audio_slots: usize, video_slots: usize) -> Vec<String> {
    let mut lines = vec![
        audio_line("0", "sendonly"),
        video_line("1", "sendonly"),
        video_line("2", "sendonly"),
        audio_line("3", "sendonly"),
    ];
    for index in 0..audio_slots + video_slots {
        let mid = (4 + index).to_string();
        lines.push(match index < audio_slots {
            true => audio_line(&mid, "recvonly"),
            false => video_line(&mid, "recvonly"),
        });
    }
    lines
}

#[test]
fn senders_become_sources_by_their_order_and_receivers_slots() {
    let session = accepted(&classroom(3, 9)).session;
    let sources: Vec<_> = session
        .publish
        .iter()
        .map(|line| (line.mid.as_str(), line.source))
        .collect();
    assert_eq!(
        sources,
        [
            ("0", Source::Microphone),
            ("1", Source::Camera),
            ("2", Source::Screen),
            ("3", Source::ScreenAudio)
        ]
    );
    let slots: Vec<_> = session.slots.iter().map(|slot| slot.mid.as_str()).collect();
    let expected: Vec<String> = (4..16).map(|mid| mid.to_string()).collect();
    assert_eq!(slots, expected);
}

#[test]
fn a_third_sender_of_a_kind_is_inactive() {
    let lines: Vec<_> = (0..3)
        .map(|mid| video_line(&mid.to_string(), "sendonly"))
        .collect();
    let negotiated = accepted(&lines);
    assert_eq!(negotiated.session.publish.len(), 2);
    let sections = Sections::of(&negotiated.answer);
    assert!(sections.by_mid("2").contains(&"a=inactive"));
    // Still a slot where it also receives.
    let lines: Vec<_> = (0..3)
        .map(|mid| video_line(&mid.to_string(), "sendrecv"))
        .collect();
    let negotiated = accepted(&lines);
    assert_eq!(negotiated.session.slots.len(), 3);
    let sections = Sections::of(&negotiated.answer);
    assert!(sections.by_mid("2").contains(&"a=sendonly"));
}

#[test]
fn slots_beyond_the_bounds_are_inactive() {
    let session = accepted(&classroom(MAX_AUDIO_SLOTS + 2, MAX_VIDEO_SLOTS + 3)).session;
    let count = |kind| {
        session
            .slots
            .iter()
            .filter(|slot| slot.kind == kind)
            .count()
    };
    assert_eq!(count(MediaKind::Audio), MAX_AUDIO_SLOTS);
    assert_eq!(count(MediaKind::Video), MAX_VIDEO_SLOTS);
}

#[test]
fn a_refused_camera_does_not_turn_the_screen_into_one() {
    let camera = video_line("0", "sendonly").replace("VP8", "AV1");
    let negotiated = accepted(&[camera, video_line("1", "sendonly")]);
    assert_eq!(negotiated.session.publish.len(), 1);
    assert_eq!(negotiated.session.publish[0].source, Source::Screen);
    assert_eq!(negotiated.warnings, [SdpWarning::VideoCodecUnsupported]);
    // The tag moves to the first line that is accepted.
    assert!(negotiated.answer.contains("a=group:BUNDLE 1\r\n"));
}

#[test]
fn stopped_lines_stay_refused_and_bundle_only_ones_are_taken() {
    let stopped = video_line("1", "inactive").replace("m=video 9", "m=video 0");
    let bundled = video_line("2", "recvonly").replace("m=video 9", "m=video 0");
    let lines = [
        audio_line("0", "sendonly"),
        stopped,
        format!("{bundled}a=bundle-only\r\n"),
    ];
    let negotiated = accepted(&lines);
    assert!(negotiated.warnings.is_empty());
    let sections = Sections::of(&negotiated.answer);
    assert!(sections.by_mid("1")[0].starts_with("m=video 0 "));
    assert!(sections.by_mid("2")[0].starts_with("m=video 9 "));
    // A stopped line needs no name.
    let unnamed = lines.concat().replace("a=mid:1\r\n", "");
    assert!(answer_to(&offer_of(&[unnamed]).replace("BUNDLE 0", "BUNDLE 0 2")).is_ok());
}

#[test]
fn every_setup_of_the_offer_is_answered() {
    for preference in [DtlsRole::Client, DtlsRole::Server] {
        for (offered, role, answered) in [
            ("active", DtlsRole::Server, "a=setup:passive"),
            ("passive", DtlsRole::Client, "a=setup:active"),
        ] {
            let offer = offer_of(&[audio_line("0", "sendonly")]);
            let offer = offer.replace("setup:actpass", &format!("setup:{offered}"));
            let negotiated = negotiate_as(&offer, preference).unwrap();
            assert_eq!(negotiated.session.dtls_role, role);
            assert!(negotiated.answer.contains(answered));
        }
        let offer = offer_of(&[audio_line("0", "sendonly")]).replace("a=setup:actpass\r\n", "");
        let negotiated = negotiate_as(&offer, preference).unwrap();
        assert_eq!(negotiated.session.dtls_role, preference);
    }
}

#[test]
fn offers_that_lack_something_are_refused_by_name() {
    let good = offer_of(&[audio_line("0", "sendonly"), video_line("1", "recvonly")]);
    assert!(answer_to(&good).is_ok());
    let weak = good.replace("sha-256", "sha-1");
    let long_mid = good.replace("a=mid:1", "a=mid:12345678901234567");
    let mid_line = long_mid
        .lines()
        .position(|line| line.starts_with("a=mid:123"));
    for (offer, expected) in [
        (
            good.replace("a=mid:1\r\n", ""),
            SdpError::MissingMid { index: 1 },
        ),
        (
            good.replace("a=mid:1", "a=mid:0"),
            SdpError::DuplicateMid("0".into()),
        ),
        (
            long_mid,
            SdpError::BadMid {
                line: mid_line.unwrap() + 1,
            },
        ),
        (
            good.replace("a=group:BUNDLE 0 1\r\n", ""),
            SdpError::NotBundled("0".into()),
        ),
        (
            good.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"),
            SdpError::NotBundled("1".into()),
        ),
        (
            good.replace("a=rtcp-mux\r\n", ""),
            SdpError::MissingRtcpMux("0".into()),
        ),
        (
            good.replace("a=ice-ufrag:clnt\r\n", ""),
            SdpError::MissingIceCredentials,
        ),
        (
            good.replace("a=ice-ufrag:clnt", "a=ice-ufrag:x"),
            SdpError::BadIceCredentials,
        ),
        (
            good.replace("a=fingerprint", "a=no-fingerprint"),
            SdpError::MissingFingerprint,
        ),
        (weak, SdpError::UnsupportedFingerprint),
        (good.replace("actpass", "holdconn"), SdpError::BadSetup),
        (
            good.replace("a=setup", "a=ice-lite\r\na=setup"),
            SdpError::PeerIsIceLite,
        ),
        (
            good.replace("m=audio 9", "m=audio 0")
                .replace("m=video 9", "m=text 9"),
            SdpError::NoUsableMedia,
        ),
    ] {
        assert_eq!(answer_to(&offer).err(), Some(expected), "{offer}");
    }
}

#[test]
fn plain_rtp_is_refused_but_not_the_rest() {
    let plain = audio_line("0", "sendonly").replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    let negotiated = accepted(&[plain, video_line("1", "sendonly")]);
    assert_eq!(negotiated.session.publish.len(), 1);
    assert!(negotiated.answer.contains("m=audio 0 RTP/AVP 111\r\n"));
}

#[test]
fn our_ssrcs_avoid_zero_repeats_and_the_offers_own() {
    let lines = [
        format!("{}a=ssrc:7 cname:x\r\n", audio_line("0", "sendonly")),
        video_line("1", "recvonly"),
        video_line("2", "recvonly"),
    ];
    let offer = parse_offer(&offer_of(&lines)).unwrap();
    let mut draws = [0, 7, 7, 7].into_iter();
    let negotiated = negotiate(
        &offer,
        AnswerParams {
            session_id: u64::MAX,
            ice: &server_ice(),
            candidates: &[],
            fingerprint: &server_fingerprint(),
            setup_preference: DtlsRole::Server,
            cname: "c",
            next_ssrc: &mut || draws.next().unwrap(),
        },
    )
    .unwrap();
    let ssrcs: Vec<u32> = negotiated
        .session
        .slots
        .iter()
        .flat_map(|slot| [Some(slot.ssrc), slot.rtx_ssrc])
        .flatten()
        .collect();
    assert_eq!(ssrcs, [1, 8, 9, 10]);
    let sections = Sections::of(&negotiated.answer);
    let origin = values(&sections.session, "o=- ")[0];
    assert_eq!(
        origin.split(' ').next().unwrap(),
        ((1u64 << 62) - 1).to_string()
    );
}

#[test]
fn two_byte_extension_ids_need_consent_and_reserved_ones_never_pass() {
    use crate::wire::extensions::ExtensionKind;
    let extmaps = "a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
        a=extmap:20 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    let line = format!("{}{extmaps}", audio_line("0", "sendonly"));
    for (line, level) in [
        (line.clone(), None),
        (format!("{line}a=extmap-allow-mixed\r\n"), Some(20)),
    ] {
        let session = answer_to(&offer_of(&[line])).unwrap().session;
        let extensions = session.publish[0].extensions;
        assert_eq!(extensions.get(ExtensionKind::AudioLevel), level);
        assert_eq!(extensions.get(ExtensionKind::Mid), None);
    }
}
