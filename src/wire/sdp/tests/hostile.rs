//! Offers made to break a parser. None may panic; what is accepted must keep the rules.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::checker::check;
use super::*;

#[test]
fn texts_over_the_bounds_are_refused() {
    let mut long = offer_of(&[audio_line("0", "sendonly")]);
    while long.len() <= MAX_OFFER_BYTES {
        long.push_str("a=x:0123456789\r\n");
    }
    assert_eq!(parse_offer(&long).err(), Some(SdpError::TooLong));

    let lines = |count: usize| -> Vec<String> {
        (0..count)
            .map(|mid| audio_line(&mid.to_string(), "sendrecv"))
            .collect()
    };
    assert!(answer_to(&offer_of(&lines(MAX_MEDIA))).is_ok());
    assert_eq!(
        parse_offer(&offer_of(&lines(MAX_MEDIA + 1))).err(),
        Some(SdpError::TooManyMedia)
    );
}

#[test]
fn texts_that_are_no_sdp_are_refused() {
    for text in [
        "", "\r\n\r\n", "v=1\r\n", "hello", "m=audio", "\u{0}", "v=0x",
    ] {
        assert_eq!(parse_offer(text).err(), Some(SdpError::NotSdp), "{text:?}");
    }
    for line in [
        "hello",
        "ab=c",
        "=",
        "m=audio",
        "m=audio x y z",
        "m=a\u{e4} 9 p 1",
    ] {
        let text = format!("v=0\r\n{line}\r\n");
        assert_eq!(
            parse_offer(&text).err(),
            Some(SdpError::MalformedLine { line: 2 }),
            "{line:?}"
        );
    }
    assert_eq!(answer_to("v=0\r\n").err(), Some(SdpError::NoUsableMedia));
}

/// One repeated attribute fills an offer to the limit; what is kept of it stays bounded.
#[test]
fn repeated_attributes_are_kept_up_to_their_bounds() {
    let fingerprint = server_fingerprint();
    type Repeat<'a> = &'a dyn Fn(usize) -> String;
    let repeats: [Repeat<'_>; 9] = [
        &|n| format!("a=candidate:{n} 1 udp 1 192.0.2.1 {n} typ host"),
        &|n| format!("a=ssrc:{n} cname:x"),
        &|n| format!("a=ssrc-group:FID {n} {}", n + 1),
        &|_| format!("a=fingerprint:{fingerprint}"),
        &|n| format!("a=extmap:{} urn:ietf:params:rtp-hdrext:sdes:mid", n % 300),
        &|n| format!("a=rtcp-fb:{} nack", n % 128),
        &|n| format!("a=fmtp:{} apt=96", n % 300),
        &|n| format!("a=rtpmap:{} VP8/90000", n % 300),
        &|n| format!("a=rid:{n} send"),
    ];
    for repeat in repeats {
        let mut line = video_line("0", "sendrecv");
        for n in 0.. {
            let next = repeat(n);
            if line.len() + next.len() > MAX_OFFER_BYTES - 1_000 {
                break;
            }
            write!(line, "{next}\r\n").unwrap();
        }
        let negotiated = answer_to(&offer_of(&[line])).expect("an answer");
        assert!(negotiated.answer.len() < 2_000, "{}", negotiated.answer);
        assert!(negotiated.session.remote_fingerprints.len() <= 8);
    }
}

#[test]
fn an_m_line_of_all_numbers_keeps_each_payload_type_once() {
    let mut formats = String::new();
    while formats.len() < 100_000 {
        formats.push_str(" 96 97 255 256 4294967296 -1");
    }
    let line = video_line("0", "sendonly").replace(" 96 97", &formats);
    let negotiated = answer_to(&offer_of(&[line])).expect("an answer");
    assert!(
        negotiated
            .answer
            .contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n")
    );
}

/// Nothing an offer says adds a line of its own to the answer.
#[test]
fn the_answer_repeats_only_safe_words() {
    for bad in [
        "a=mid:a b",
        "a=mid:",
        "a=mid:x\u{85}y",
        "a=mid:\u{1f514}",
        "a=mid:x\ra=ice-lite",
    ] {
        let offer = offer_of(&[audio_line("0", "sendonly")]).replace("a=mid:0", bad);
        assert!(
            matches!(parse_offer(&offer), Err(SdpError::BadMid { .. })),
            "{bad:?}"
        );
    }
    let data = "m=application 9 UDP/DTLS/SCTP evil\ra=candidate:1\r\n";
    let offer = format!("{}{data}", offer_of(&[audio_line("0", "sendonly")]));
    match answer_to(&offer) {
        Ok(negotiated) => assert!(!negotiated.answer.contains("a=candidate:1\r")),
        Err(error) => assert!(matches!(
            error,
            SdpError::MalformedLine { .. } | SdpError::MissingMid { .. }
        )),
    }
}

/// One edit of a real offer: lines dropped, doubled, swapped, cut, or bytes overwritten.
#[derive(Clone, Debug)]
enum Edit {
    Drop(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index, prop::sample::Index),
    Replace(prop::sample::Index, prop::sample::Index, char),
    Take(prop::sample::Index, prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    use prop::sample::Index;
    let pair = || (any::<Index>(), any::<Index>());
    let sign = prop::sample::select(
        " :=/;*-+0969zA\r\n\u{0}\u{e4}\u{1f514}"
            .chars()
            .collect::<Vec<_>>(),
    );
    prop_oneof![
        any::<Index>().prop_map(Edit::Drop),
        any::<Index>().prop_map(Edit::Double),
        pair().prop_map(|(a, b)| Edit::Swap(a, b)),
        pair().prop_map(|(a, b)| Edit::Cut(a, b)),
        (pair(), sign).prop_map(|((a, b), sign)| Edit::Replace(a, b, sign)),
        pair().prop_map(|(a, b)| Edit::Take(a, b)),
    ]
}

fn apply(text: &str, edits: &[Edit], other: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let others: Vec<&str> = other.lines().collect();
    for edit in edits {
        if lines.is_empty() {
            break;
        }
        let count = lines.len();
        match edit {
            Edit::Drop(at) => drop(lines.remove(at.index(count))),
            Edit::Double(at) => {
                let line = lines[at.index(count)].clone();
                lines.insert(at.index(count), line);
            }
            Edit::Swap(a, b) => lines.swap(a.index(count), b.index(count)),
            Edit::Cut(at, end) => {
                let line = &mut lines[at.index(count)];
                *line = line.chars().take(end.index(line.len() + 1)).collect();
            }
            Edit::Replace(at, position, sign) => {
                let line = &mut lines[at.index(count)];
                let mut chars: Vec<char> = line.chars().collect();
                if !chars.is_empty() {
                    let position = position.index(chars.len());
                    chars[position] = *sign;
                }
                *line = chars.into_iter().collect();
            }
            Edit::Take(at, from) => {
                let line = others[from.index(others.len())].to_owned();
                lines.insert(at.index(count), line);
            }
        }
    }
    lines.join("\r\n") + "\r\n"
}

#[test]
fn a_media_type_is_a_token() {
    let offer = FIXTURES[2].1.replace("m=application", "m=/pplication");
    assert!(offer.contains("m=/pplication"));
    assert!(matches!(
        answer_to(&offer),
        Err(SdpError::MalformedLine { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn edited_offers_never_panic_and_answers_stay_readable(
        which in 0..FIXTURES.len(),
        other in 0..FIXTURES.len(),
        edits in prop::collection::vec(edit(), 0..8),
    ) {
        let text = apply(FIXTURES[which].1, &edits, FIXTURES[other].1);
        if let Ok(negotiated) = answer_to(&text) {
            prop_assert!(!negotiated.answer.replace("\r\n", "").contains(['\r', '\n']));
            let mut answer = std::io::Cursor::new(negotiated.answer.as_bytes());
            let parsed = rtc::sdp::SessionDescription::unmarshal(&mut answer);
            // The other reader knows the registered words only; an answer repeats those of the offer
            // (RFC 3264 §6).
            let repeated = |error: &rtc::shared::error::Error| match error {
                rtc::shared::error::Error::SdpInvalidValue(word) => {
                    let mut lines = text.lines().filter(|line| line.starts_with("m="));
                    lines.any(|line| line.contains(word.as_str()))
                }
                _ => false,
            };
            let readable = parsed.as_ref().err().is_none_or(repeated);
            prop_assert!(readable, "{:?}\n{}", parsed, negotiated.answer);
        }
    }

    #[test]
    fn any_text_never_panics(text in "(v=0\r\n)?([amcso]=[ -~]{0,40}(\r|\n|\r\n)){0,20}\\PC{0,40}") {
        let _ = answer_to(&text);
    }

    #[test]
    fn any_number_of_lines_of_any_kind_is_answered_by_the_rules(
        lines in prop::collection::vec((any::<bool>(), 0..4_usize, 0..8_u8), 1..MAX_MEDIA),
    ) {
        let lines: Vec<String> = lines
            .into_iter()
            .enumerate()
            .map(|(mid, (audio, direction, oddity))| {
                let direction = ["sendrecv", "sendonly", "recvonly", "inactive"][direction];
                let line = match audio {
                    true => audio_line(&mid.to_string(), direction),
                    false => video_line(&mid.to_string(), direction),
                };
                match oddity {
                    0 => line.replace(" 9 UDP", " 0 UDP"),
                    1 => line.replace("VP8", "VP9").replace("opus", "G722"),
                    2 => line + "a=rtcp-rsize\r\n",
                    _ => line,
                }
            })
            .collect();
        let offer = offer_of(&lines);
        match answer_to(&offer) {
            Ok(negotiated) => check(&offer, &negotiated),
            Err(error) => prop_assert_eq!(error, SdpError::NoUsableMedia),
        }
    }
}
