use proptest::prelude::*;

use super::*;

/// Marker, payload type 96, one CSRC, one-byte extensions 1 = [0xAA] and 3 = [1, 2, 3], one byte
/// of padding in the block, payload "hello".
const PACKET: [u8; 33] = [
    0x91, 0xE0, 0x12, 0x34, 0, 0, 0, 7, 0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 9, 0xBE, 0xDE, 0, 2, 0x10,
    0xAA, 0, 0x32, 1, 2, 3, 0, b'h', b'e', b'l', b'l', b'o',
];

fn packet_with_block(profile: u16, elements: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    packet.extend(profile.to_be_bytes());
    packet.extend(((elements.len() / 4) as u16).to_be_bytes());
    packet.extend(elements);
    packet
}

fn extensions_of(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
    RtpHeader::parse(packet)
        .unwrap()
        .extensions(packet)
        .map(|(id, data)| (id, data.to_vec()))
        .collect()
}

#[test]
fn reads_every_field() {
    let header = RtpHeader::parse(&PACKET).unwrap();
    assert_eq!(
        header,
        RtpHeader {
            marker: true,
            payload_type: 96,
            sequence_number: 0x1234,
            timestamp: 7,
            ssrc: 0xCAFE_BABE,
            has_padding: false,
            extension: Some(ExtensionBlock {
                profile: 0xBEDE,
                start: 20,
                len: 8
            }),
            len: 28,
        }
    );
    assert_eq!(header.payload(&PACKET), Ok(&b"hello"[..]));
    assert_eq!(
        extensions_of(&PACKET),
        [(1, vec![0xAA]), (3, vec![1, 2, 3])]
    );
}

#[test]
fn refuses_truncated_headers() {
    for len in 0..28 {
        assert!(RtpHeader::parse(&PACKET[..len]).is_err(), "{len} bytes");
    }
    assert_eq!(RtpHeader::parse(&PACKET[..28]).unwrap().len, 28);
    let mut packet = PACKET;
    packet[0] = 0x51;
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Version(1)));
}

#[test]
fn strips_padding_and_refuses_nonsense() {
    let mut packet = vec![0xA0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let header = RtpHeader::parse(&packet).unwrap();
    assert_eq!(header.payload(&packet), Err(RtpError::Padding), "no count");
    packet.extend([1, 2, 0, 0, 3]);
    assert_eq!(header.payload(&packet), Ok(&[1, 2][..]));
    packet[16] = 5;
    assert_eq!(header.payload(&packet), Ok(&[][..]), "padding alone");
    for count in [0, 6, 255] {
        packet[16] = count;
        assert_eq!(header.payload(&packet), Err(RtpError::Padding));
    }
}

#[test]
fn one_byte_elements_stay_inside_the_block() {
    // The element claims 16 bytes; the block has 3, the packet plenty.
    let mut packet = packet_with_block(0xBEDE, &[0x1F, 1, 2, 3]);
    packet.extend([9; 40]);
    assert_eq!(extensions_of(&packet), []);
    // Id 15, and id 0 with a length, end the block.
    for stop in [0xF0, 0x01] {
        let packet = packet_with_block(0xBEDE, &[0x10, 5, stop, 0, 0x20, 6, 0, 0]);
        assert_eq!(extensions_of(&packet), [(1, vec![5])]);
    }
}

#[test]
fn two_byte_elements() {
    for profile in [0x1000, 0x100F] {
        let packet = packet_with_block(profile, &[15, 0, 0, 200, 2, 7, 8, 0, 1, 9, 0, 0]);
        assert_eq!(extensions_of(&packet), [(15, vec![]), (200, vec![7, 8])]);
    }
    assert_eq!(
        extensions_of(&packet_with_block(0x1234, &[0x10, 5, 0, 0])),
        []
    );
    assert_eq!(extensions_of(&packet_with_block(0x1000, &[0, 0, 0, 7])), []);
}

#[test]
fn setters_change_their_field_only() {
    let before = RtpHeader::parse(&PACKET).unwrap();
    let mut packet = PACKET;
    set_sequence_number(&mut packet, 0xFFFE);
    set_timestamp(&mut packet, 0x0102_0304);
    set_ssrc(&mut packet, 5);
    set_payload_type(&mut packet, 127);
    let after = RtpHeader::parse(&packet).unwrap();
    assert_eq!(
        after,
        RtpHeader {
            sequence_number: 0xFFFE,
            timestamp: 0x0102_0304,
            ssrc: 5,
            payload_type: 127,
            ..before
        }
    );
    set_marker(&mut packet, false);
    assert_eq!(
        RtpHeader::parse(&packet),
        Ok(RtpHeader {
            marker: false,
            ..after
        })
    );
    let mut short = [0x80];
    set_ssrc(&mut short, 9);
    set_marker(&mut short, true);
    assert_eq!(short, [0x80]);
}

fn write_of(marker: bool) -> RtpWrite {
    RtpWrite {
        marker,
        payload_type: 100,
        sequence_number: 65535,
        timestamp: 1 << 31,
        ssrc: 77,
    }
}

#[test]
fn writes_a_header_that_reads_back() {
    let mut out = [0xEE; 64];
    assert_eq!(write_of(true).write(&[], &mut out), Some(12));
    let header = RtpHeader::parse(&out[..12]).unwrap();
    assert_eq!((header.marker, header.payload_type), (true, 100));
    assert_eq!((header.sequence_number, header.timestamp), (65535, 1 << 31));
    assert_eq!((header.ssrc, header.extension), (77, None));

    let extensions: [(u8, &[u8]); 2] = [(2, &[1, 2, 3]), (4, &[9, 9])];
    let len = write_of(false).write(&extensions, &mut out).unwrap();
    assert_eq!(len, 24);
    assert_eq!(
        extensions_of(&out[..len]),
        [(2, vec![1, 2, 3]), (4, vec![9, 9])]
    );
    for short in 0..len {
        assert_eq!(write_of(false).write(&extensions, &mut out[..short]), None);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        mut packet in proptest::collection::vec(any::<u8>(), 0..128),
        version in any::<bool>(),
    ) {
        if version && let Some(first) = packet.first_mut() {
            *first = 0x80 | (*first & 0x3F);
        }
        if let Ok(header) = RtpHeader::parse(&packet) {
            prop_assert!(header.len <= packet.len());
            let _ = header.payload(&packet);
            let total: usize = header.extensions(&packet).map(|(_, data)| data.len() + 1).sum();
            prop_assert!(total <= header.extension.map_or(0, |block| block.len));
            // A header kept past its packet must not read out of bounds either.
            let _ = header.payload(&packet[..header.len / 2]);
            let _ = header.extensions(&packet[..header.len / 2]).count();
        }
    }

    #[test]
    fn written_headers_round_trip(
        marker: bool,
        payload_type in 0..128u8,
        sequence_number: u16,
        timestamp: u32,
        ssrc: u32,
        extensions in proptest::collection::vec(
            (1..=255u8, proptest::collection::vec(any::<u8>(), 0..20)), 0..6),
        payload in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let extensions: Vec<(u8, &[u8])> = extensions
            .iter()
            .filter(|(id, _)| *id != 15)
            .map(|(id, data)| (*id, &data[..]))
            .collect();
        let mut packet = vec![0; 256];
        let write = RtpWrite { marker, payload_type, sequence_number, timestamp, ssrc };
        let len = write.write(&extensions, &mut packet).unwrap();
        packet.truncate(len);
        packet.extend(&payload);
        let header = RtpHeader::parse(&packet).unwrap();
        prop_assert_eq!(header.len, len);
        prop_assert_eq!((header.marker, header.payload_type), (marker, payload_type));
        prop_assert_eq!(header.sequence_number, sequence_number);
        prop_assert_eq!((header.timestamp, header.ssrc), (timestamp, ssrc));
        prop_assert_eq!(header.payload(&packet).unwrap(), &payload[..]);
        let read: Vec<(u8, &[u8])> = header.extensions(&packet).collect();
        prop_assert_eq!(read, extensions);
    }
}
