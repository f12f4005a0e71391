//! The offer a load client makes, from text templates in the shape browsers use, and as much of the
//! answer as it needs.
//!
//! The offer, by order of m-lines: microphone, camera, screen, screen audio (all sending), then the
//! audio slots and the video slots (all receiving), in one BUNDLE.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::dtls::{Fingerprint, Hash};
use super::ice::Credentials;
use super::srtp::Side;

pub const OPUS: u8 = 111;
pub const VP8: u8 = 96;
pub const VP8_RTX: u8 = 97;
pub const H264: u8 = 102;
pub const H264_RTX: u8 = 103;

pub const AUDIO_LEVEL_ID: u8 = 1;
pub const ABS_SEND_TIME_ID: u8 = 2;
pub const TRANSPORT_SEQUENCE_ID: u8 = 3;
pub const MID_ID: u8 = 4;

/// What the SDK offers a desktop.
pub const AUDIO_SLOTS: usize = 4;
pub const VIDEO_SLOTS: usize = 9;
/// Sending m-lines in front of the slots.
const SENDERS: usize = 4;

const TRANSPORT_SEQUENCE_URI: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The streams a client publishes; numbers chosen by the client.
#[derive(Clone, Copy, Debug)]
pub struct OfferedStreams {
    pub microphone: u32,
    pub camera: u32,
    pub camera_rtx: u32,
    pub screen: u32,
    pub screen_rtx: u32,
    pub screen_audio: u32,
}

pub struct OfferParams<'a> {
    pub ice: &'a Credentials,
    /// SHA-256, `AA:BB:...`.
    pub fingerprint: &'a str,
    pub cname: &'a str,
    pub streams: OfferedStreams,
    pub audio_slots: usize,
    pub video_slots: usize,
}

#[derive(Clone, Copy)]
enum Line {
    SendAudio { ssrc: u32 },
    SendVideo { ssrc: u32, rtx: u32 },
    AudioSlot,
    VideoSlot,
}

pub fn offer(params: &OfferParams<'_>) -> String {
    let streams = params.streams;
    let mut lines = vec![
        Line::SendAudio {
            ssrc: streams.microphone,
        },
        Line::SendVideo {
            ssrc: streams.camera,
            rtx: streams.camera_rtx,
        },
        Line::SendVideo {
            ssrc: streams.screen,
            rtx: streams.screen_rtx,
        },
        Line::SendAudio {
            ssrc: streams.screen_audio,
        },
    ];
    lines.extend(std::iter::repeat_n(Line::AudioSlot, params.audio_slots));
    lines.extend(std::iter::repeat_n(Line::VideoSlot, params.video_slots));
    let mids: Vec<String> = (0..lines.len()).map(|mid| mid.to_string()).collect();
    let mut text = format!(
        "v=0\r\no=- {} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=extmap-allow-mixed\r\na=msid-semantic: WMS {}\r\n",
        streams.microphone,
        mids.join(" "),
        params.cname
    );
    for (mid, line) in lines.iter().enumerate() {
        push_line(&mut text, params, mid, *line);
    }
    text
}

fn push_line(text: &mut String, params: &OfferParams<'_>, mid: usize, line: Line) {
    let audio = matches!(line, Line::SendAudio { .. } | Line::AudioSlot);
    let sends = matches!(line, Line::SendAudio { .. } | Line::SendVideo { .. });
    let (kind, payloads) = if audio {
        ("audio", OPUS.to_string())
    } else {
        ("video", format!("{VP8} {VP8_RTX} {H264} {H264_RTX}"))
    };
    let _ = write!(
        text,
        "m={kind} 9 UDP/TLS/RTP/SAVPF {payloads}\r\nc=IN IP4 0.0.0.0\r\n\
         a=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle\r\n\
         a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\n",
        params.ice.ufrag, params.ice.password, params.fingerprint
    );
    if audio {
        let _ = write!(
            text,
            "a=extmap:{AUDIO_LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
        );
    }
    let _ = write!(
        text,
        "a=extmap:{ABS_SEND_TIME_ID} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
         a=extmap:{TRANSPORT_SEQUENCE_ID} {TRANSPORT_SEQUENCE_URI}\r\n\
         a=extmap:{MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a={}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
        if sends { "sendonly" } else { "recvonly" }
    );
    if sends {
        let _ = write!(text, "a=msid:{} track-{mid}\r\n", params.cname);
    }
    push_codecs(text, audio);
    push_streams(text, params.cname, line);
}

fn push_codecs(text: &mut String, audio: bool) {
    if audio {
        let _ = write!(
            text,
            "a=rtpmap:{OPUS} opus/48000/2\r\na=rtcp-fb:{OPUS} transport-cc\r\n\
             a=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n"
        );
        return;
    }
    for (payload, rtx, codec, format) in [
        (VP8, VP8_RTX, "VP8", ""),
        (
            H264,
            H264_RTX,
            "H264",
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
    ] {
        let _ = write!(
            text,
            "a=rtpmap:{payload} {codec}/90000\r\na=rtcp-fb:{payload} goog-remb\r\n\
             a=rtcp-fb:{payload} transport-cc\r\na=rtcp-fb:{payload} ccm fir\r\n\
             a=rtcp-fb:{payload} nack\r\na=rtcp-fb:{payload} nack pli\r\n"
        );
        if !format.is_empty() {
            let _ = write!(text, "a=fmtp:{payload} {format}\r\n");
        }
        let _ = write!(
            text,
            "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={payload}\r\n"
        );
    }
}

fn push_streams(text: &mut String, cname: &str, line: Line) {
    match line {
        Line::SendAudio { ssrc } => {
            let _ = write!(text, "a=ssrc:{ssrc} cname:{cname}\r\n");
        }
        Line::SendVideo { ssrc, rtx } => {
            let _ = write!(
                text,
                "a=ssrc-group:FID {ssrc} {rtx}\r\na=ssrc:{ssrc} cname:{cname}\r\n\
                 a=ssrc:{rtx} cname:{cname}\r\n"
            );
        }
        Line::AudioSlot | Line::VideoSlot => {}
    }
}

/// Mid of the microphone's and the camera's m-line in [`offer`].
pub const MICROPHONE_MID: &str = "0";
pub const CAMERA_MID: &str = "1";

/// Where the slots begin in [`offer`].
pub fn first_slot_mid() -> usize {
    SENDERS
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub ice: Credentials,
    pub fingerprint: Fingerprint,
    /// What we are, by the answer's `a=setup`.
    pub side: Side,
    pub candidates: Vec<SocketAddr>,
    pub media: Vec<AnswerMedia>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerMedia {
    pub mid: String,
    pub audio: bool,
    /// Not rejected by port 0 and not inactive.
    pub active: bool,
    pub sends: bool,
    pub payload_types: Vec<u8>,
    /// Ids by URI.
    pub extensions: Vec<(u8, String)>,
    pub ssrc: Option<u32>,
    pub rtx_ssrc: Option<u32>,
}

impl AnswerMedia {
    pub fn has_extension(&self, id: u8) -> bool {
        self.extensions.iter().any(|(known, _)| *known == id)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the answer has no {0}")]
    Missing(&'static str),
    #[error("the answer's {0} cannot be read")]
    Unreadable(&'static str),
    #[error("the answer does not say a=ice-lite")]
    NotLite,
    #[error("the answer has {answered} m-lines for {offered} of the offer")]
    MediaCount { offered: usize, answered: usize },
    #[error("m-line {0} of the answer has another kind or mid than the offer's")]
    MediaOrder(usize),
    #[error("slot {0} has no ssrc")]
    SlotWithoutSsrc(String),
}

#[derive(Default)]
struct Reading {
    ufrag: Option<String>,
    password: Option<String>,
    fingerprint: Option<Fingerprint>,
    side: Option<Side>,
    lite: bool,
    candidates: Vec<SocketAddr>,
    media: Vec<AnswerMedia>,
}

impl Answer {
    /// Reads an answer to an offer of this module with so many slots, and checks that it fits.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn read(text: &str, audio_slots: usize, video_slots: usize) -> Result<Self, AnswerError> {
        let mut reading = Reading::default();
        for line in text.lines() {
            reading.line(line.trim_end())?;
        }
        reading.check_media(audio_slots, video_slots)?;
        if !reading.lite {
            return Err(AnswerError::NotLite);
        }
        if reading.candidates.is_empty() {
            return Err(AnswerError::Missing("candidate"));
        }
        Ok(Self {
            ice: Credentials {
                ufrag: reading.ufrag.ok_or(AnswerError::Missing("ice-ufrag"))?,
                password: reading.password.ok_or(AnswerError::Missing("ice-pwd"))?,
            },
            fingerprint: reading
                .fingerprint
                .ok_or(AnswerError::Missing("fingerprint"))?,
            side: reading.side.ok_or(AnswerError::Missing("setup"))?,
            candidates: reading.candidates,
            media: reading.media,
        })
    }
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), AnswerError> {
        if let Some(media) = line.strip_prefix("m=") {
            return self.media_line(media);
        }
        let Some(attribute) = line.strip_prefix("a=") else {
            return Ok(());
        };
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "ice-lite" => self.lite = true,
            "ice-ufrag" => self.ufrag = Some(value.to_owned()),
            "ice-pwd" => self.password = Some(value.to_owned()),
            "fingerprint" => self.fingerprint = Some(read_fingerprint(value)?),
            "setup" => {
                self.side = Some(match value {
                    "active" => Side::Server,
                    "passive" => Side::Client,
                    _ => return Err(AnswerError::Unreadable("setup")),
                });
            }
            "candidate" => {
                let address = read_candidate(value)?;
                if let Some(address) = address
                    && !self.candidates.contains(&address)
                {
                    self.candidates.push(address);
                }
            }
            _ => self.media_attribute(name, value)?,
        }
        Ok(())
    }

    fn media_line(&mut self, line: &str) -> Result<(), AnswerError> {
        let mut words = line.split(' ');
        let (kind, port) = (words.next(), words.next());
        self.media.push(AnswerMedia {
            mid: String::new(),
            audio: kind == Some("audio"),
            active: port.is_some_and(|port| port != "0"),
            sends: false,
            payload_types: words
                .skip(1)
                .map(|word| {
                    word.parse()
                        .map_err(|_| AnswerError::Unreadable("payload type"))
                })
                .collect::<Result<_, _>>()?,
            extensions: Vec::new(),
            ssrc: None,
            rtx_ssrc: None,
        });
        Ok(())
    }

    fn media_attribute(&mut self, name: &str, value: &str) -> Result<(), AnswerError> {
        let Some(media) = self.media.last_mut() else {
            return Ok(());
        };
        let number = |text: &str| {
            text.parse::<u32>()
                .map_err(|_| AnswerError::Unreadable("ssrc"))
        };
        match name {
            "mid" => media.mid = value.to_owned(),
            "inactive" => media.active = false,
            "sendonly" | "sendrecv" => media.sends = true,
            "extmap" => {
                let (id, uri) = value
                    .split_once(' ')
                    .ok_or(AnswerError::Unreadable("extmap"))?;
                let id = id.split('/').next().unwrap_or(id);
                let id = id.parse().map_err(|_| AnswerError::Unreadable("extmap"))?;
                media.extensions.push((id, uri.to_owned()));
            }
            "ssrc" if media.ssrc.is_none() => {
                let ssrc = value.split(' ').next().unwrap_or_default();
                media.ssrc = Some(number(ssrc)?);
            }
            "ssrc-group" => {
                let words: Vec<&str> = value.split(' ').collect();
                if let ["FID", primary, rtx] = words.as_slice() {
                    media.ssrc = Some(number(primary)?);
                    media.rtx_ssrc = Some(number(rtx)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_media(&self, audio_slots: usize, video_slots: usize) -> Result<(), AnswerError> {
        let offered = SENDERS + audio_slots + video_slots;
        if self.media.len() != offered {
            return Err(AnswerError::MediaCount {
                offered,
                answered: self.media.len(),
            });
        }
        for (index, media) in self.media.iter().enumerate() {
            let audio = match index {
                0 | 3 => true,
                1 | 2 => false,
                slot => slot < SENDERS + audio_slots,
            };
            if media.audio != audio || media.mid != index.to_string() {
                return Err(AnswerError::MediaOrder(index));
            }
            if index >= SENDERS && media.active && media.sends && media.ssrc.is_none() {
                return Err(AnswerError::SlotWithoutSsrc(media.mid.clone()));
            }
        }
        Ok(())
    }
}

fn read_fingerprint(value: &str) -> Result<Fingerprint, AnswerError> {
    let unreadable = AnswerError::Unreadable("fingerprint");
    let (name, bytes) = value.split_once(' ').ok_or(unreadable.clone())?;
    let hash = match name.to_ascii_lowercase().as_str() {
        "sha-256" => Hash::Sha256,
        "sha-384" => Hash::Sha384,
        "sha-512" => Hash::Sha512,
        _ => return Err(unreadable),
    };
    let digest = bytes
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable)?;
    Ok(Fingerprint { hash, digest })
}

/// `None`: of a kind this client does not use (TCP, a name instead of an address).
fn read_candidate(value: &str) -> Result<Option<SocketAddr>, AnswerError> {
    let words: Vec<&str> = value.split(' ').collect();
    let [_, _, protocol, _, ip, port, ..] = words.as_slice() else {
        return Err(AnswerError::Unreadable("candidate"));
    };
    if !protocol.eq_ignore_ascii_case("udp") {
        return Ok(None);
    }
    let Ok(ip) = ip.parse::<IpAddr>() else {
        return Ok(None);
    };
    let port = port
        .parse()
        .map_err(|_| AnswerError::Unreadable("candidate"))?;
    Ok(Some(SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests;
