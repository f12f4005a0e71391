//! The rules an answer must keep, read from the two texts alone and not from the code under test.

use std::collections::HashSet;
use std::io::Cursor;

use rtc::sdp::SessionDescription;

use super::{Negotiated, server_fingerprint, server_ice};

/// A description as lines: those before the first m-line, and each m-line with its own.
pub(super) struct Sections<'a> {
    pub(super) session: Vec<&'a str>,
    pub(super) media: Vec<Vec<&'a str>>,
}

impl<'a> Sections<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut sections = Self {
            session: Vec::new(),
            media: Vec::new(),
        };
        for line in text.lines() {
            if line.starts_with("m=") {
                sections.media.push(Vec::new());
            }
            sections
                .media
                .last_mut()
                .unwrap_or(&mut sections.session)
                .push(line);
        }
        sections
    }

    pub(super) fn by_mid(&self, mid: &str) -> &[&'a str] {
        let wanted = format!("a=mid:{mid}");
        self.media
            .iter()
            .find(|lines| lines.contains(&wanted.as_str()))
            .expect("an m-line of that mid")
    }
}

pub(super) fn values<'a>(lines: &[&'a str], prefix: &str) -> Vec<&'a str> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(prefix))
        .collect()
}

fn only<'a>(lines: &[&'a str], prefix: &str) -> &'a str {
    let values = values(lines, prefix);
    assert_eq!(values.len(), 1, "{prefix} in {lines:#?}");
    values[0]
}

fn direction<'a>(lines: &[&'a str]) -> Option<&'a str> {
    ["sendrecv", "sendonly", "recvonly", "inactive"]
        .into_iter()
        .find(|name| lines.contains(&format!("a={name}").as_str()))
}

fn port(lines: &[&str]) -> u16 {
    lines[0].split(' ').nth(1).unwrap().parse().unwrap()
}

fn formats<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    lines[0].split(' ').skip(3).collect()
}

/// Checks every rule; panics at the first one broken.
pub(super) fn check(offer: &str, negotiated: &Negotiated) {
    let answer = &negotiated.answer;
    assert!(answer.ends_with("\r\n"));
    assert!(
        answer
            .split("\r\n")
            .all(|line| !line.contains(['\r', '\n']))
    );
    let parsed = SessionDescription::unmarshal(&mut Cursor::new(answer.as_bytes()))
        .expect("rtc::sdp reads the answer");
    let (offered, answered) = (Sections::of(offer), Sections::of(answer));
    assert_eq!(parsed.media_descriptions.len(), offered.media.len());
    assert_eq!(answered.media.len(), offered.media.len());
    assert!(answered.session.contains(&"a=ice-lite"));

    let mut accepted = Vec::new();
    for (offered_lines, lines) in offered.media.iter().zip(&answered.media) {
        check_pair(offered_lines, lines);
        if port(lines) == 9 {
            accepted.push(only(lines, "a=mid:"));
            check_accepted(&offered, offered_lines, lines);
        } else {
            assert_eq!(port(lines), 0);
        }
    }
    check_bundle(&answered, &accepted);
    check_ssrcs(&offered, &answered);
    check_plan(negotiated, &answered, &accepted);
}

fn check_pair(offered: &[&str], lines: &[&str]) {
    let name = |lines: &[&str]| {
        let mut fields = lines[0].split(' ');
        (
            fields.next().unwrap().to_owned(),
            fields.nth(1).unwrap().to_owned(),
        )
    };
    assert_eq!(name(offered), name(lines), "media and protocol repeated");
    assert!(!formats(lines).is_empty());
    assert_eq!(values(offered, "a=mid:"), values(lines, "a=mid:"));
    for format in formats(lines) {
        assert!(formats(offered).contains(&format), "{format} was offered");
    }
}

fn check_bundle(answered: &Sections<'_>, accepted: &[&str]) {
    let groups = values(&answered.session, "a=group:BUNDLE ");
    let tag = match groups[..] {
        [] => {
            assert!(accepted.is_empty());
            return;
        }
        [group] => {
            let group: Vec<&str> = group.split(' ').collect();
            let (unique, expected) = (
                group.iter().copied().collect::<HashSet<_>>(),
                accepted.iter().copied().collect::<HashSet<_>>(),
            );
            assert_eq!(unique, expected, "BUNDLE holds what is accepted");
            assert_eq!(group.len(), unique.len());
            group[0]
        }
        _ => panic!("one BUNDLE group"),
    };
    for lines in &answered.media {
        let is_tag = lines.contains(&format!("a=mid:{tag}").as_str());
        let candidates = values(lines, "a=candidate:");
        assert_eq!(lines.contains(&"a=end-of-candidates"), is_tag);
        assert_eq!(
            candidates,
            if is_tag {
                vec![
                    "1 1 udp 2130706431 192.0.2.10 40000 typ host",
                    "2 1 udp 2130706175 2001:db8::10 40000 typ host",
                ]
            } else {
                vec![]
            }
        );
    }
}

fn check_accepted(offered: &Sections<'_>, offered_lines: &[&str], lines: &[&str]) {
    assert_eq!(only(lines, "a=ice-ufrag:"), server_ice().ufrag);
    assert_eq!(only(lines, "a=ice-pwd:"), server_ice().password);
    assert_eq!(
        only(lines, "a=fingerprint:"),
        server_fingerprint().to_string()
    );
    assert!(["active", "passive"].contains(&only(lines, "a=setup:")));
    assert!(lines.contains(&"a=rtcp-mux"));
    for flag in ["a=rtcp-rsize", "a=extmap-allow-mixed"] {
        assert_eq!(lines.contains(&flag), offered_lines.contains(&flag));
    }
    for refused in ["a=simulcast", "a=rid", "a=crypto", "a=ice-options"] {
        assert!(values(lines, refused).is_empty());
    }

    let session_direction = direction(&offered.session).unwrap_or("sendrecv");
    let offered_direction = direction(offered_lines).unwrap_or(session_direction);
    let mirrored = match offered_direction {
        "sendonly" => ["recvonly", "inactive"].as_slice(),
        "recvonly" => &["sendonly", "inactive"],
        "sendrecv" => &["sendrecv", "sendonly", "recvonly", "inactive"],
        _ => &["inactive"],
    };
    let answered_direction = direction(lines).expect("a direction");
    assert!(mirrored.contains(&answered_direction));
    let sends = answered_direction.starts_with("send");
    assert_eq!(values(lines, "a=msid:").len(), usize::from(sends));
    assert_eq!(!values(lines, "a=ssrc:").is_empty(), sends);

    check_extensions(offered_lines, lines);
    check_formats(offered_lines, lines);
}

/// Ids as offered, directions turned round, and only the four kinds we serve.
fn check_extensions(offered: &[&str], lines: &[&str]) {
    let known = [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ];
    let expected: Vec<String> = values(offered, "a=extmap:")
        .into_iter()
        .filter(|value| known.contains(&value.split(' ').nth(1).unwrap()))
        .map(|value| {
            if value.contains("/sendonly") {
                value.replace("/sendonly", "/recvonly")
            } else {
                value.replace("/recvonly", "/sendonly")
            }
        })
        .collect();
    assert_eq!(values(lines, "a=extmap:"), expected);
}

fn check_formats(offered: &[&str], lines: &[&str]) {
    for format in formats(lines) {
        let rtpmap = only(lines, &format!("a=rtpmap:{format} "));
        let offered_rtpmap = only(offered, &format!("a=rtpmap:{format} "));
        assert!(rtpmap.eq_ignore_ascii_case(offered_rtpmap));
        let codec = rtpmap.split('/').next().unwrap();
        assert!(["opus", "VP8", "H264", "rtx"].contains(&codec));
        let fmtp = values(lines, &format!("a=fmtp:{format} "));
        let offered_fmtp = values(offered, &format!("a=fmtp:{format} "));
        match codec {
            "opus" => assert!(fmtp[0].contains("useinbandfec=1")),
            "H264" => {
                let parameters = |fmtp: &str| -> HashSet<String> {
                    fmtp.split(';').map(str::to_owned).collect()
                };
                assert_eq!(parameters(fmtp[0]), parameters(offered_fmtp[0]));
                assert!(fmtp[0].contains("packetization-mode=1"));
            }
            "rtx" => assert_eq!(fmtp, offered_fmtp),
            _ => assert!(fmtp.is_empty()),
        }
        let rtx_of = format!("apt={format}");
        let has_rtx = lines
            .iter()
            .any(|line| line.starts_with("a=fmtp:") && line.ends_with(&rtx_of));
        for feedback in values(lines, &format!("a=rtcp-fb:{format} ")) {
            let offered_too = values(offered, &format!("a=rtcp-fb:{format} "));
            assert!(offered_too.contains(&feedback));
            assert!(feedback != "nack" || has_rtx, "NACK needs RTX");
        }
    }
}

/// Ours are different from each other and from the offer's; tracks are different.
fn check_ssrcs(offered: &Sections<'_>, answered: &Sections<'_>) {
    let ssrcs_of = |sections: &Sections<'_>| -> Vec<HashSet<u32>> {
        let lines = sections.media.iter();
        let of_line = |lines: &Vec<&str>| {
            values(lines, "a=ssrc:")
                .iter()
                .map(|value| value.split(' ').next().unwrap().parse().unwrap())
                .collect()
        };
        lines.map(of_line).collect()
    };
    let mut seen: HashSet<u32> = ssrcs_of(offered).into_iter().flatten().collect();
    for ssrcs in ssrcs_of(answered) {
        for ssrc in ssrcs {
            assert!(seen.insert(ssrc), "SSRC {ssrc} is used once");
        }
    }
    let mut tracks = HashSet::new();
    for lines in &answered.media {
        for msid in values(lines, "a=msid:") {
            assert!(tracks.insert(msid), "{msid} is used once");
        }
    }
}

/// The plan says what the text says.
fn check_plan(negotiated: &Negotiated, answered: &Sections<'_>, accepted: &[&str]) {
    let session = &negotiated.session;
    assert!(!session.remote_fingerprints.is_empty());
    for line in &session.publish {
        let mid = line.mid.as_str();
        assert!(accepted.contains(&mid));
        let lines = answered.by_mid(mid);
        assert!(direction(lines).unwrap().contains("recv"));
        assert_eq!(formats(lines)[0], line.payload_type.to_string());
    }
    for slot in &session.slots {
        let mid = slot.mid.as_str();
        assert!(accepted.contains(&mid));
        let lines = answered.by_mid(mid);
        assert!(direction(lines).unwrap().starts_with("send"));
        let ssrcs = [Some(slot.ssrc), slot.rtx_ssrc].into_iter().flatten();
        let expected: Vec<String> = ssrcs.map(|ssrc| format!("{ssrc} cname:cname-1")).collect();
        assert_eq!(values(lines, "a=ssrc:"), expected);
        let group = slot.rtx_ssrc.map(|rtx| format!("FID {} {rtx}", slot.ssrc));
        assert_eq!(
            values(lines, "a=ssrc-group:"),
            group.iter().collect::<Vec<_>>()
        );
        let mut payload_types = Vec::new();
        for codec in &slot.codecs {
            payload_types.push(codec.payload_type.to_string());
            payload_types.extend(codec.rtx_payload_type.map(|rtx| rtx.to_string()));
        }
        assert_eq!(formats(lines), payload_types);
    }
    let count = |wanted: &str| {
        let of_line = |lines: &&Vec<&str>| direction(lines).unwrap().contains(wanted);
        answered.media.iter().filter(of_line).count()
    };
    assert_eq!(count("recv"), session.publish.len());
    assert_eq!(count("send"), session.slots.len());
}
