//! The offer of this scenario: that of all load clients, with what browsers offer beyond it:
//! redundant audio (RED, RFC 2198), and the camera in three sizes (RFC 8851, RFC 8853). And what
//! the answer makes of that.

use std::fmt::Write as _;

use crate::client::sdp::{self, Answer, OfferParams};

pub const RED: u8 = 63;
pub const RID_ID: u8 = 10;
pub const REPAIRED_RID_ID: u8 = 11;
/// From the smallest to the largest, as the page names them.
pub const RIDS: [&str; 3] = ["q", "h", "f"];

const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// The offer; with simulcast the camera's streams are told apart by their RIDs, not by SSRCs.
pub fn offer(params: &OfferParams<'_>, simulcast: bool) -> String {
    let plain = sdp::offer(params);
    let mut sections = plain.split("m=");
    let mut text = sections.next().unwrap_or_default().to_owned();
    for section in sections {
        let is = |mid: &str| section.contains(&format!("a=mid:{mid}\r\n"));
        text.push_str("m=");
        if section.starts_with("audio") {
            push_with_red(section, &mut text);
        } else if simulcast && is(sdp::CAMERA_MID) {
            push_with_simulcast(section, &mut text);
        } else {
            text.push_str(section);
        }
    }
    text
}

/// In front where it is sent: the first codec of the answer is the one used. Browsers offer to
/// receive it behind Opus.
fn push_with_red(section: &str, text: &mut String) {
    let opus = sdp::OPUS;
    let formats = match section.contains("a=sendonly") {
        true => format!("SAVPF {RED} {opus}\r\n"),
        false => format!("SAVPF {opus} {RED}\r\n"),
    };
    text.push_str(&section.replacen(&format!("SAVPF {opus}\r\n"), &formats, 1));
    let _ = write!(
        text,
        "a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {opus}/{opus}\r\n"
    );
}

fn push_with_simulcast(section: &str, text: &mut String) {
    for line in section.split_inclusive("\r\n") {
        if !line.starts_with("a=ssrc") {
            text.push_str(line);
        }
    }
    let _ = write!(
        text,
        "a=extmap:{RID_ID} {RID_URI}\r\na=extmap:{REPAIRED_RID_ID} {REPAIRED_RID_URI}\r\n"
    );
    for rid in RIDS {
        let _ = write!(text, "a=rid:{rid} send\r\n");
    }
    let _ = write!(text, "a=simulcast:send {}\r\n", RIDS.join(";"));
}

/// What may be sent, by the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// RED is the answer's first choice.
    pub red: bool,
    /// RIDs taken of the camera, as this client names them; empty: one stream.
    pub rids: Vec<&'static str>,
    pub with_level: bool,
    pub with_transport_sequence: bool,
    pub camera: bool,
}

impl Sending {
    pub fn of(text: &str, answer: &Answer) -> Self {
        let media = |mid: &str| answer.media.iter().find(|m| m.mid == mid && m.active);
        let microphone = media(sdp::MICROPHONE_MID);
        let camera = media(sdp::CAMERA_MID);
        let rids = match camera {
            Some(camera) if camera.has_extension(RID_ID) => answered_rids(text),
            _ => Vec::new(),
        };
        Self {
            red: microphone.is_some_and(|m| m.payload_types.first() == Some(&RED)),
            rids,
            with_level: microphone.is_some_and(|m| m.has_extension(sdp::AUDIO_LEVEL_ID)),
            with_transport_sequence: answer
                .media
                .iter()
                .any(|m| m.has_extension(sdp::TRANSPORT_SEQUENCE_ID)),
            camera: camera.is_some(),
        }
    }
}

/// `a=simulcast:recv q;h;f` of the camera; alternatives (`q,x`) and paused streams (`~q`) count by
/// their first name.
fn answered_rids(text: &str) -> Vec<&'static str> {
    let mid = format!("a=mid:{}", sdp::CAMERA_MID);
    let section = text
        .split("m=")
        .find(|section| section.lines().any(|line| line.trim_end() == mid));
    let streams = section
        .into_iter()
        .flat_map(str::lines)
        .find_map(|line| line.trim_end().strip_prefix("a=simulcast:recv "))
        .unwrap_or_default();
    let named: Vec<&str> = streams
        .split(';')
        .filter_map(|stream| stream.split(',').next())
        .map(|stream| stream.trim_start_matches('~'))
        .collect();
    RIDS.into_iter().filter(|rid| named.contains(rid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ice::Credentials;
    use crate::scenario::participant::streams;

    fn text(simulcast: bool) -> String {
        let ice = Credentials::random();
        let params = OfferParams {
            ice: &ice,
            fingerprint: "AA:BB",
            cname: "c",
            streams: streams(),
            audio_slots: 1,
            video_slots: 1,
        };
        offer(&params, simulcast)
    }

    fn section(text: &str, mid: usize) -> &str {
        text.split("m=").nth(mid + 1).unwrap()
    }

    #[test]
    fn red_leads_where_audio_is_sent() {
        let text = text(true);
        assert!(section(&text, 0).starts_with("audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n"));
        assert!(section(&text, 4).starts_with("audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n"));
        for mid in [0, 3, 4] {
            assert!(section(&text, mid).contains("a=fmtp:63 111/111\r\n"));
        }
        assert!(!section(&text, 5).contains("red"));
    }

    #[test]
    fn the_camera_has_rids_instead_of_ssrcs() {
        let offered = text(true);
        let camera = section(&offered, 1);
        assert!(camera.contains("a=simulcast:send q;h;f\r\n"));
        assert!(camera.contains("a=rid:h send\r\n"));
        assert!(!camera.contains("a=ssrc"));
        assert!(section(&offered, 2).contains("a=ssrc-group:FID"));
        let plain = text(false);
        assert!(section(&plain, 1).contains("a=ssrc-group:FID"));
        assert!(!plain.contains("simulcast"));
    }

    #[test]
    fn the_answer_says_which_encodings_are_taken() {
        let answer = "v=0\r\nm=audio 9 x 63 111\r\na=mid:0\r\nm=video 9 x 96\r\na=mid:1\r\n\
            a=simulcast:recv f;~h;z\r\nm=video 9 x 96\r\na=mid:2\r\na=simulcast:recv q\r\n";
        assert_eq!(answered_rids(answer), ["h", "f"]);
        assert!(answered_rids("m=video 9 x 96\r\na=mid:1\r\n").is_empty());
    }
}
