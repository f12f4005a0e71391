//! Offers of real browsers, hostile ones and foreign stacks against the whole module.

use std::net::SocketAddr;

use super::*;

mod browsers;
mod checker;
mod foreign;
mod hostile;
mod lines;
mod restart;

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/fixtures/sdp-offers/",
                $name,
                ".sdp"
            )),
        )
    };
}
/// What browsers and aiortc really offered; `tests/fixtures/sdp-offers/`.
const FIXTURES: [(&str, &str); 13] = [
    fixture!("aiortc"),
    fixture!("chromium-audio-only"),
    fixture!("chromium-av-default"),
    fixture!("chromium-av1-svc-L3T3_KEY"),
    fixture!("chromium-h264-simulcast-3rid"),
    fixture!("chromium-recvonly"),
    fixture!("chromium-screenshare"),
    fixture!("chromium-simulcast-vp8-3rid"),
    fixture!("chromium-vp9-svc-L3T3_KEY"),
    fixture!("firefox-audio-only"),
    fixture!("firefox-av-default"),
    fixture!("firefox-recvonly"),
    fixture!("firefox-simulcast-3rid"),
];

fn fixture_named(name: &str) -> &'static str {
    let found = FIXTURES.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).expect("a fixture's name")
}

fn server_ice() -> IceCredentials {
    IceCredentials {
        ufrag: "srvufrag".into(),
        password: "serverpasswordserverpassword".into(),
    }
}

fn server_fingerprint() -> Fingerprint {
    Fingerprint::of(HashAlgorithm::Sha256, b"the node's certificate")
}

fn server_candidates() -> [Candidate; 2] {
    ["192.0.2.10:40000", "[2001:db8::10]:40000"].map(|address| Candidate {
        address: address.parse::<SocketAddr>().expect("an address"),
        protocol: CandidateProtocol::Udp,
    })
}

fn negotiate_as(offer: &str, setup_preference: DtlsRole) -> Result<Negotiated, SdpError> {
    let offer = parse_offer(offer)?;
    let mut ssrc = 1_000;
    let mut next_ssrc = || {
        ssrc += 1;
        ssrc
    };
    negotiate(
        &offer,
        AnswerParams {
            session_id: 4_242,
            ice: &server_ice(),
            candidates: &server_candidates(),
            fingerprint: &server_fingerprint(),
            setup_preference,
            cname: "cname-1",
            next_ssrc: &mut next_ssrc,
        },
    )
}

fn answer_to(offer: &str) -> Result<Negotiated, SdpError> {
    negotiate_as(offer, DtlsRole::Server)
}

/// An offer put together line by line, as far as a test cares.
fn offer_of(lines: &[String]) -> String {
    let mids: Vec<String> = (0..lines.len()).map(|index| index.to_string()).collect();
    let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, b"the client's certificate");
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpassword\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:actpass\r\n{}",
        mids.join(" "),
        lines.concat()
    )
}

fn audio_line(mid: &str, direction: &str) -> String {
    format!(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n\
         a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    )
}

fn video_line(mid: &str, direction: &str) -> String {
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n\
         a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\n\
         a=fmtp:97 apt=96\r\n"
    )
}
