use super::*;
use crate::client::dtls::{Fingerprint, Hash};
use crate::client::ice::Credentials;
use crate::client::rtp::RtpHead;
use crate::client::sdp::AnswerMedia;
use crate::client::srtp::Side;
use crate::scenario::quality::camera::Camera;
use crate::scenario::quality::voice::{Voice, VoiceFormat};

const MS: Duration = Duration::from_millis(1);

fn answer() -> Answer {
    let media = |index: usize, audio: bool, ssrc: Option<u32>| AnswerMedia {
        mid: index.to_string(),
        audio,
        active: true,
        sends: ssrc.is_some(),
        payload_types: Vec::new(),
        extensions: Vec::new(),
        ssrc,
        rtx_ssrc: ssrc.filter(|_| !audio).map(|ssrc| ssrc + 1),
    };
    Answer {
        ice: Credentials::random(),
        fingerprint: Fingerprint {
            hash: Hash::Sha256,
            digest: Vec::new(),
        },
        side: Side::Client,
        candidates: Vec::new(),
        media: vec![
            media(0, true, None),
            media(1, false, None),
            media(2, false, None),
            media(3, true, None),
            media(4, true, Some(7)),
            media(5, false, Some(100)),
        ],
    }
}

/// A publisher whose packets reach a receiver directly, unless `lost` says otherwise.
fn run(red_depth: Option<usize>, lost: impl Fn(u16) -> bool) -> Receiver {
    let mut receiver = Receiver::new(1, &answer());
    let format = VoiceFormat {
        red_depth,
        with_level: false,
    };
    let mut voice = Voice::new(Duration::ZERO, 1, format, 7, (1, 2));
    let mut camera = Camera::new(Duration::ZERO, 1, &["f"], 100, (1, 2));
    let mut packet = Vec::new();
    let mut now = Duration::ZERO;
    while now < 10_000 * MS {
        if voice.due() <= now {
            voice.write(now, None, &mut packet);
            let rtp = Rtp::read(&packet).unwrap();
            if !lost(rtp.sequence) {
                receiver.on_rtp(now, &rtp);
            }
        }
        camera.produce(now);
        while camera.write(now, || None, &mut packet) {
            let rtp = Rtp::read(&packet).unwrap();
            // What is sent again comes.
            if rtp.ssrc != 100 || !lost(rtp.sequence) {
                receiver.on_rtp(now, &rtp);
            }
        }
        let requests = receiver.advance(now);
        camera.retransmit(now, 100, &requests.lost);
        if requests.keyframe {
            camera.request_keyframe(100);
        }
        now += MS;
    }
    receiver
}

#[test]
fn a_good_line_is_heard_and_seen_whole() {
    for red_depth in [None, Some(1)] {
        let mut receiver = run(red_depth, |_| false);
        assert!(receiver.is_served());
        receiver.finish(10_000 * MS);
        assert_eq!(receiver.corrupted, 0);
        let ear = receiver.ear.unwrap();
        assert!(ear.playout.figures().concealed <= 4);
        assert_eq!(ear.with_copies > 0, red_depth.is_some());
        let eye = receiver.eye.unwrap();
        assert_eq!(eye.playout.figures().freezes, 0);
        assert!((248..=250).contains(&eye.playout.figures().frames));
        assert_eq!(eye.missing.requested, 0);
    }
}

#[test]
fn copies_and_retransmissions_make_good_for_losses() {
    let every_tenth = |sequence: u16| sequence % 10 == 3;
    let plain = run(None, every_tenth).ear.unwrap().playout.figures();
    let share = plain.concealed as f64 / plain.steps as f64;
    assert!((0.08..0.12).contains(&share), "{plain:?}");
    let mut receiver = run(Some(1), every_tenth);
    receiver.finish(10_000 * MS);
    let ear = receiver.ear.unwrap().playout.figures();
    assert!(ear.concealed <= 10, "{ear:?}");
    let eye = receiver.eye.unwrap();
    assert!(eye.retransmissions > 100);
    assert_eq!(eye.playout.figures().freezes, 0);
    assert!(eye.playout.figures().frames >= 247);
}

#[test]
fn what_is_damaged_or_foreign_is_counted() {
    let mut receiver = Receiver::new(1, &answer());
    let mut packet = Vec::new();
    let head = RtpHead {
        marker: false,
        payload_type: sdp::OPUS,
        sequence: 1,
        timestamp: 1,
        ssrc: 7,
    };
    head.write(&[], &mut packet);
    packet.extend_from_slice(b"not verifiable");
    receiver.on_rtp(MS, &Rtp::read(&packet).unwrap());
    let mut stranger = Vec::new();
    RtpHead { ssrc: 8, ..head }.write(&[], &mut stranger);
    receiver.on_rtp(MS, &Rtp::read(&stranger).unwrap());
    assert_eq!(receiver.corrupted, 2);
    let mut other_room = Receiver::new(9, &answer());
    let mut voice = Voice::new(
        Duration::ZERO,
        1,
        VoiceFormat {
            red_depth: None,
            with_level: false,
        },
        7,
        (1, 2),
    );
    voice.write(Duration::ZERO, None, &mut packet);
    other_room.on_rtp(MS, &Rtp::read(&packet).unwrap());
    assert_eq!(other_room.corrupted, 1);
}
