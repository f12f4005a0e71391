//! What the fuzz targets call: one function per target. Each takes any bytes, must not panic, and
//! checks what must hold of whatever the parser accepted.
//!
//! `tests/fuzz_seeds.rs` of the root package includes this file and runs the committed seeds
//! through it, so that `cargo test` covers them.

pub mod congestion;

pub use congestion::congestion;

use firstbell::media::Source;
use firstbell::wire::codec::{h264, opus, red, vp8};
use firstbell::wire::demux::DatagramKind;
use firstbell::wire::rtp::{RtpHeader, RtpWrite};
use firstbell::wire::sdp as wire_sdp;
use firstbell::wire::{rtcp as wire_rtcp, rtp as wire_rtp, stun as wire_stun};
use firstbell_signaling::message::ClientMessage;

/// The password of the seeds' STUN messages, from RFC 5769.
pub const STUN_PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

/// A datagram as it comes from a socket: classified, then parsed as what it claims to be.
pub fn demux(data: &[u8]) {
    match firstbell::wire::demux::demux(data) {
        Ok(DatagramKind::Stun) => stun(data),
        Ok(DatagramKind::Rtp) => rtp(data),
        Ok(DatagramKind::Rtcp) => rtcp(data),
        Ok(DatagramKind::Dtls) | Err(_) => {}
    }
}

pub fn stun(data: &[u8]) {
    let peeked = wire_stun::peek_local_ufrag(data);
    let Ok(message) = wire_stun::parse(data) else {
        return;
    };
    let is_check =
        message.class() == wire_stun::StunClass::Request && message.method() == wire_stun::BINDING;
    if is_check {
        assert_eq!(peeked, message.username().map(|(local, _)| local));
    } else {
        assert_eq!(peeked, None);
    }
    assert!(
        message
            .error_code()
            .is_none_or(|code| (300..700).contains(&code))
    );
    message.verify_integrity(STUN_PASSWORD);
}

pub fn rtp(data: &[u8]) {
    let Ok(header) = RtpHeader::parse(data) else {
        return;
    };
    assert!(header.len <= data.len());
    if let Ok(payload) = header.payload(data) {
        assert!(header.len + payload.len() <= data.len());
    }
    let extensions: Vec<(u8, &[u8])> = header.extensions(data).collect();
    let write = RtpWrite {
        marker: !header.marker,
        payload_type: header.payload_type ^ 0x7F,
        sequence_number: !header.sequence_number,
        timestamp: !header.timestamp,
        ssrc: !header.ssrc,
    };
    rewritten_in_place(data, &header, &write);
    built_anew(&extensions, &write);
}

/// The setters change what they name and nothing else.
fn rewritten_in_place(data: &[u8], header: &RtpHeader, write: &RtpWrite) {
    let mut packet = data.to_vec();
    wire_rtp::set_marker(&mut packet, write.marker);
    wire_rtp::set_payload_type(&mut packet, write.payload_type);
    wire_rtp::set_sequence_number(&mut packet, write.sequence_number);
    wire_rtp::set_timestamp(&mut packet, write.timestamp);
    wire_rtp::set_ssrc(&mut packet, write.ssrc);
    let expected = RtpHeader {
        marker: write.marker,
        payload_type: write.payload_type,
        sequence_number: write.sequence_number,
        timestamp: write.timestamp,
        ssrc: write.ssrc,
        ..*header
    };
    assert_eq!(RtpHeader::parse(&packet), Ok(expected));
    assert_eq!(
        packet[wire_rtp::FIXED_HEADER_LEN..],
        data[wire_rtp::FIXED_HEADER_LEN..]
    );
}

/// What was read can be written, and then reads the same.
fn built_anew(extensions: &[(u8, &[u8])], write: &RtpWrite) {
    // Two bytes of head for each element suffice, and three of padding.
    let elements: usize = extensions.iter().map(|(_, data)| data.len() + 2).sum();
    let mut out = vec![0; wire_rtp::FIXED_HEADER_LEN + 4 + elements + 3];
    let Some(len) = write.write(extensions, &mut out) else {
        // The two-byte form may use the id that the one-byte form reserves; we do not write it. A
        // block of the largest size may not hold its elements in another form.
        let reserved = extensions.iter().any(|(id, _)| *id == 15);
        assert!(reserved || elements > 4 * usize::from(u16::MAX));
        return;
    };
    let reads_the_same = RtpHeader::parse(&out[..len]).is_ok_and(|header| {
        let read = header.extensions(&out[..len]);
        header.len == len && read.eq(extensions.iter().copied())
    });
    assert!(reads_the_same, "{extensions:?}");
}

pub fn rtcp(data: &[u8]) {
    let Ok(packets) = wire_rtcp::parse_compound(data) else {
        return;
    };
    assert!(packets.len() <= wire_rtcp::MAX_COMPOUND_PACKETS);
    let mut once = Vec::new();
    wire_rtcp::write_compound(&packets, &mut once);
    if once.is_empty() {
        return; // nothing but packets of other types
    }
    // Writing may normalise (order within a NACK, texts, chunk forms), but only once.
    let again = wire_rtcp::parse_compound(&once);
    let mut twice = Vec::new();
    wire_rtcp::write_compound(again.as_deref().unwrap_or_default(), &mut twice);
    assert_eq!(once, twice, "{packets:?} became {again:?}");
}

pub fn codec(data: &[u8]) {
    h264::is_keyframe(data);
    opus::is_dtx(data);
    assert!(opus::samples(data).is_none_or(|samples| (1..=5760).contains(&samples)));

    redundant_audio(data);
    let keyframe = vp8::is_keyframe(data);
    assert!(keyframe || vp8::keyframe_size(data).is_none());
    let Ok(descriptor) = vp8::PayloadDescriptor::parse(data) else {
        assert!(!keyframe);
        return;
    };
    assert!(descriptor.len <= data.len());
    let mut payload = data.to_vec();
    descriptor.set_picture_id(&mut payload, 0x2AAA);
    descriptor.set_tl0_pic_idx(&mut payload, 0x55);
    let expected = vp8::PayloadDescriptor {
        picture_id: descriptor.picture_id.map(|old| vp8::PictureId {
            value: if old.long { 0x2AAA } else { 0x2A },
            ..old
        }),
        tl0_pic_idx: descriptor.tl0_pic_idx.map(|_| 0x55),
        ..descriptor
    };
    assert_eq!(vp8::PayloadDescriptor::parse(&payload), Ok(expected));
    assert_eq!(payload[descriptor.len..], data[descriptor.len..]);
}

/// What was read is written with the same bytes.
fn redundant_audio(data: &[u8]) {
    let Ok(blocks) = red::parse(data) else {
        return;
    };
    assert!(!blocks.is_empty());
    let Some((own, repeated)) = blocks.split_last() else {
        return;
    };
    let mut again = vec![0; red::len(repeated, own.frame)];
    let written = red::write(own.payload_type, repeated, own.frame, &mut again);
    assert!(written.is_some());
    assert_eq!(again, data);
}

/// An offer, answered as the node answers it.
pub fn sdp(data: &[u8]) {
    let Ok(offer) = std::str::from_utf8(data)
        .map_err(drop)
        .and_then(|text| wire_sdp::parse_offer(text).map_err(drop))
    else {
        return;
    };
    let ice = wire_sdp::IceCredentials {
        ufrag: "node".into(),
        password: "0123456789abcdefghijkl".into(),
    };
    let mut ssrc = 0;
    let params = wire_sdp::AnswerParams {
        session_id: 1,
        ice: &ice,
        candidates: &[wire_sdp::Candidate {
            address: ([192, 0, 2, 1], 5000).into(),
            protocol: wire_sdp::CandidateProtocol::Udp,
        }],
        fingerprint: &wire_sdp::Fingerprint::of(wire_sdp::HashAlgorithm::Sha256, b"der"),
        setup_preference: wire_sdp::DtlsRole::Client,
        cname: "firstbell",
        next_ssrc: &mut || {
            ssrc += 1;
            ssrc
        },
    };
    let Ok(negotiated) = wire_sdp::negotiate(&offer, params) else {
        return;
    };
    let plan = &negotiated.session;
    assert!(plan.publish.len() <= Source::ALL.len());
    assert!(plan.slots.len() <= wire_sdp::MAX_AUDIO_SLOTS + wire_sdp::MAX_VIDEO_SLOTS);
    // Nothing of the offer may break out of its line in the answer.
    let answer = negotiated.answer;
    assert!(answer.ends_with("\r\n") && !answer.contains("\r\n\r\n"));
    let ends = answer.matches("\r\n").count();
    assert_eq!(answer.matches(['\r', '\n']).count(), 2 * ends);
}

/// A text message of a client.
pub fn message(data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<ClientMessage>(data) else {
        return;
    };
    let again = serde_json::to_string(&message).and_then(|text| serde_json::from_str(&text));
    assert!(again.is_ok_and(|again: ClientMessage| again == message));
}
