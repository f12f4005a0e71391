use std::io::Cursor;

use rtc::sdp::SessionDescription;

use super::*;

fn ice() -> Credentials {
    Credentials {
        ufrag: "uf".into(),
        password: "password-0123456789-ab".into(),
    }
}

fn text() -> String {
    offer(&OfferParams {
        ice: &ice(),
        fingerprint: "AA:BB",
        cname: "client-1",
        streams: OfferedStreams {
            microphone: 1,
            camera: 2,
            camera_rtx: 3,
            screen: 4,
            screen_rtx: 5,
            screen_audio: 6,
        },
        audio_slots: AUDIO_SLOTS,
        video_slots: VIDEO_SLOTS,
    })
}

#[test]
fn the_offer_is_valid_sdp_of_the_agreed_shape() {
    let parsed = SessionDescription::unmarshal(&mut Cursor::new(text())).unwrap();
    let media = &parsed.media_descriptions;
    assert_eq!(media.len(), 4 + AUDIO_SLOTS + VIDEO_SLOTS);
    let kinds: Vec<&str> = media
        .iter()
        .map(|media| media.media_name.media.as_str())
        .collect();
    assert_eq!(kinds[..4], ["audio", "video", "video", "audio"]);
    assert!(
        kinds[4..4 + AUDIO_SLOTS]
            .iter()
            .all(|kind| *kind == "audio")
    );
    assert!(kinds[4 + AUDIO_SLOTS..].iter().all(|kind| *kind == "video"));
    for (index, line) in media.iter().enumerate() {
        let direction = if index < 4 { "sendonly" } else { "recvonly" };
        assert!(line.attribute(direction).is_some(), "{index}");
        assert_eq!(
            line.attribute("mid").flatten(),
            Some(index.to_string().as_str())
        );
        for needed in [
            "rtcp-mux",
            "rtcp-rsize",
            "ice-ufrag",
            "ice-pwd",
            "fingerprint",
        ] {
            assert!(line.attribute(needed).is_some(), "{index} {needed}");
        }
        assert_eq!(line.attribute("ssrc").is_some(), index < 4, "{index}");
    }
    let bundle = parsed.attribute("group").unwrap();
    assert_eq!(bundle.split(' ').count(), 1 + media.len());
}

/// An answer as an ICE-lite node gives it.
fn answer_text() -> String {
    let mut text = String::from(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 1 4\r\n\
         a=fingerprint:sha-256 0a:FF\r\n",
    );
    for index in 0..4 + AUDIO_SLOTS + VIDEO_SLOTS {
        let audio = matches!(index, 0 | 3..=7);
        let port = if index == 2 { 0 } else { 9 };
        let (kind, payloads) = if audio {
            ("audio", "111")
        } else {
            ("video", "96 97")
        };
        text += &format!(
            "m={kind} {port} UDP/TLS/RTP/SAVPF {payloads}\r\na=mid:{index}\r\n\
             a=ice-ufrag:remote\r\na=ice-pwd:secret\r\na=setup:passive\r\n\
             a=extmap:3 {TRANSPORT_SEQUENCE_URI}\r\n\
             a=candidate:1 1 UDP 2130706431 192.0.2.7 40001 typ host\r\n\
             a=candidate:2 1 tcp 1 192.0.2.7 40001 typ host tcptype passive\r\n"
        );
        text += match index {
            0..4 => "a=recvonly\r\n".to_owned(),
            4..8 => format!("a=sendonly\r\na=ssrc:{} cname:x\r\n", 1000 + index),
            _ => format!(
                "a=sendonly\r\na=ssrc-group:FID {} {}\r\na=ssrc:{} cname:x\r\n",
                1000 + index,
                2000 + index,
                1000 + index
            ),
        }
        .as_str();
    }
    text
}

#[test]
fn an_answer_is_read() {
    let answer = Answer::read(&answer_text(), AUDIO_SLOTS, VIDEO_SLOTS).unwrap();
    assert_eq!(answer.ice.ufrag, "remote");
    assert_eq!(answer.side, Side::Client);
    assert_eq!(
        answer.candidates,
        ["192.0.2.7:40001".parse::<SocketAddr>().unwrap()]
    );
    assert_eq!(
        answer.fingerprint,
        Fingerprint {
            hash: Hash::Sha256,
            digest: vec![0x0A, 0xFF]
        }
    );
    assert!(!answer.media[2].active);
    assert_eq!(answer.media[4].ssrc, Some(1004));
    assert_eq!(
        (answer.media[9].ssrc, answer.media[9].rtx_ssrc),
        (Some(1009), Some(2009))
    );
    assert!(answer.media[9].has_extension(TRANSPORT_SEQUENCE_ID));
}

#[test]
fn answers_that_do_not_fit_are_named() {
    let whole = answer_text();
    let read = |text: &str| Answer::read(text, AUDIO_SLOTS, VIDEO_SLOTS);
    assert_eq!(
        Answer::read(&whole, AUDIO_SLOTS, VIDEO_SLOTS + 1),
        Err(AnswerError::MediaCount {
            offered: 18,
            answered: 17
        })
    );
    assert_eq!(
        read(&whole.replace("a=ice-lite\r\n", "")),
        Err(AnswerError::NotLite)
    );
    assert_eq!(
        read(&whole.replace("a=ssrc:1005 cname:x\r\n", "")),
        Err(AnswerError::SlotWithoutSsrc("5".into()))
    );
    assert_eq!(
        read(&whole.replace("a=mid:6\r\n", "")),
        Err(AnswerError::MediaOrder(6))
    );
    assert_eq!(
        read(&whole.replace("a=candidate", "a=x")),
        Err(AnswerError::Missing("candidate"))
    );
    assert_eq!(
        read(&whole.replace("passive\r\n", "both\r\n")),
        Err(AnswerError::Unreadable("setup"))
    );
}
