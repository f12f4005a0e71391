use proptest::prelude::*;

use super::*;

/// RFC 5769 §2.1: request with USERNAME "evtj:h6vY", long SOFTWARE, integrity and fingerprint.
const REQUEST: [u8; 108] = [
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
];

/// RFC 5769 §2.2: IPv4 response, 192.0.2.1:32853.
const RESPONSE_V4: [u8; 80] = [
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
    0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
];

/// RFC 5769 §2.3: IPv6 response, [2001:db8:1234:5678:11:2233:4455:6677]:32853.
const RESPONSE_V6: [u8; 92] = [
    0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
    0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08, 0x00, 0x14,
    0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75,
    0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c,
];

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: [u8; 12] = [
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
];

fn check(use_candidate: bool) -> BindingRequest<'static> {
    BindingRequest {
        transaction_id: TRANSACTION,
        remote_ufrag: "node",
        local_ufrag: "pupil",
        priority: 0x6E00_01FF,
        role: IceRole::Controlling(0x0102_0304_0506_0708),
        use_candidate,
        password: PASSWORD,
    }
}

fn written(write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut out = vec![0xEE; 512];
    let len = write(&mut out).unwrap();
    out.truncate(len);
    out
}

#[test]
fn reads_the_sample_request_of_rfc_5769() {
    let message = parse(&REQUEST).unwrap();
    assert_eq!(message.class(), StunClass::Request);
    assert_eq!(message.method(), BINDING);
    assert_eq!(message.transaction_id(), TRANSACTION);
    assert_eq!(message.username(), Some(("evtj", "h6vY")));
    assert_eq!(message.priority(), Some(0x6E00_01FF));
    assert_eq!(
        message.role(),
        Some(IceRole::Controlled(0x932F_F9B1_5126_3B36))
    );
    assert!(!message.use_candidate());
    assert!(message.has_fingerprint());
    assert!(message.verify_integrity(PASSWORD));
    assert!(!message.verify_integrity(b"VOkJxbRl1RmTxUk/WvJxBT"));
    assert!(message.unknown_required().is_empty());
    assert_eq!(peek_local_ufrag(&REQUEST), Some("evtj"));
}

#[test]
fn reads_the_sample_responses_of_rfc_5769() {
    for (bytes, address) in [
        (&RESPONSE_V4[..], "192.0.2.1:32853"),
        (
            &RESPONSE_V6[..],
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        ),
    ] {
        let message = parse(bytes).unwrap();
        assert_eq!(message.class(), StunClass::Success);
        assert_eq!(message.xor_mapped_address(), Some(address.parse().unwrap()));
        assert!(message.has_fingerprint());
        assert!(message.verify_integrity(PASSWORD));
        assert_eq!(peek_local_ufrag(bytes), None, "no request");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    for bit in 0..REQUEST.len() * 8 {
        let mut bytes = REQUEST;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let accepted = parse(&bytes)
            .is_ok_and(|message| message.has_fingerprint() && message.verify_integrity(PASSWORD));
        assert!(!accepted, "bit {bit}");
    }
}

#[test]
fn writes_a_check_that_reads_back() {
    for use_candidate in [false, true] {
        let bytes = written(|out| write_binding_request(out, &check(use_candidate)));
        let message = parse(&bytes).unwrap();
        assert_eq!(message.username(), Some(("node", "pupil")));
        assert_eq!(message.use_candidate(), use_candidate);
        assert_eq!(
            message.role(),
            Some(IceRole::Controlling(0x0102_0304_0506_0708))
        );
        assert!(message.has_fingerprint() && message.verify_integrity(PASSWORD));
        assert_eq!(peek_local_ufrag(&bytes), Some("node"));
    }
}

#[test]
fn writes_answers_that_read_back_and_are_no_larger_than_the_check() {
    let request = written(|out| write_binding_request(out, &check(false)));
    for address in ["203.0.113.7:4000", "[2001:db8::7]:65535"] {
        let mapped = address.parse().unwrap();
        let bytes = written(|out| write_binding_success(out, &TRANSACTION, mapped, PASSWORD));
        let message = parse(&bytes).unwrap();
        assert_eq!(message.class(), StunClass::Success);
        assert_eq!(message.xor_mapped_address(), Some(mapped));
        assert!(message.verify_integrity(PASSWORD));
        assert!(bytes.len() <= request.len());
        assert!(bytes.len() <= writer::MAX_BINDING_SUCCESS_LEN);
    }
    let bytes =
        written(|out| write_binding_error(out, &TRANSACTION, 487, "Role Conflict", Some(PASSWORD)));
    let message = parse(&bytes).unwrap();
    assert_eq!(message.class(), StunClass::Error);
    assert_eq!(message.error_code(), Some(487));
    assert!(message.verify_integrity(PASSWORD));
    assert!(bytes.len() <= request.len());
    let bytes = written(|out| write_binding_error(out, &TRANSACTION, 400, "Bad Request", None));
    let message = parse(&bytes).unwrap();
    assert_eq!(message.error_code(), Some(400));
    assert!(!message.verify_integrity(PASSWORD), "absent is not valid");
}

#[test]
fn a_short_buffer_gives_nothing() {
    let whole = written(|out| write_binding_request(out, &check(true))).len();
    for len in 0..whole {
        assert_eq!(write_binding_request(&mut vec![0; len], &check(true)), None);
    }
}

#[test]
fn methods_and_classes_round_trip() {
    for method in 0..0x1000 {
        for class in [
            StunClass::Request,
            StunClass::Indication,
            StunClass::Success,
            StunClass::Error,
        ] {
            let bytes =
                written(|out| StunWriter::new(out, class, method, &TRANSACTION).finish(None));
            let message = parse(&bytes).unwrap();
            assert_eq!((message.class(), message.method()), (class, method));
        }
    }
}

#[test]
fn refuses_what_is_malformed() {
    assert_eq!(parse(&[]).unwrap_err(), StunError::TooShort);
    assert_eq!(parse(&REQUEST[..19]).unwrap_err(), StunError::TooShort);
    assert_eq!(parse(&REQUEST[..104]).unwrap_err(), StunError::Length);
    let mut bytes = REQUEST;
    bytes[4] = 0;
    assert_eq!(parse(&bytes).unwrap_err(), StunError::NotStun);
    let mut bytes = REQUEST;
    bytes[107] ^= 1;
    assert_eq!(parse(&bytes).unwrap_err(), StunError::Fingerprint);
    // The last attribute claims more than is left.
    let mut bytes = REQUEST;
    bytes[103] = 8;
    assert_eq!(parse(&bytes).unwrap_err(), StunError::TruncatedAttribute);

    let with = |attributes: &[(u16, &[u8])]| {
        written(|out| {
            let mut writer = StunWriter::new(out, StunClass::Request, BINDING, &TRANSACTION);
            for (kind, value) in attributes {
                writer.attribute(*kind, &[value]);
            }
            writer.finish(None)
        })
    };
    let malformed: [(u16, &[u8]); 5] = [
        (attribute::PRIORITY, &[1, 2, 3]),
        (attribute::ICE_CONTROLLING, &[0; 4]),
        (attribute::MESSAGE_INTEGRITY, &[0; 19]),
        (attribute::XOR_MAPPED_ADDRESS, &[0, 2, 0, 0, 1, 2, 3, 4]),
        (attribute::ERROR_CODE, &[0, 0, 7, 0]),
    ];
    for (kind, value) in malformed {
        assert_eq!(
            parse(&with(&[(kind, value)])).unwrap_err(),
            StunError::MalformedAttribute(kind)
        );
    }
    let many = vec![(attribute::USE_CANDIDATE, &[][..]); MAX_ATTRIBUTES];
    assert_eq!(
        parse(&with(&many)).unwrap_err(),
        StunError::TooManyAttributes
    );
    assert_eq!(
        parse(&with(&[(attribute::FINGERPRINT, &[0; 4])])).unwrap_err(),
        StunError::Fingerprint
    );
}

#[test]
fn what_follows_integrity_has_no_effect() {
    let bytes = written(|out| {
        let mut writer = StunWriter::new(out, StunClass::Request, BINDING, &TRANSACTION);
        writer.attribute(attribute::USERNAME, &[b"a:b"]);
        let tag = integrity_of(&writer.out[..writer.len], PASSWORD).unwrap();
        writer.attribute(attribute::MESSAGE_INTEGRITY, &[tag.as_ref()]);
        writer.attribute(attribute::USE_CANDIDATE, &[]);
        writer.finish(None)
    });
    let message = parse(&bytes).unwrap();
    assert!(message.verify_integrity(PASSWORD));
    assert!(!message.use_candidate());
}

#[test]
fn unknown_required_attributes_are_named_optional_ones_are_not() {
    let bytes = written(|out| {
        let mut writer = StunWriter::new(out, StunClass::Request, BINDING, &TRANSACTION);
        for kind in [0x7001, 0xC057, 0x7002, 0x7003, 0x7004, 0x7005] {
            writer.attribute(kind, &[b"x"]);
        }
        writer.finish(None)
    });
    let message = parse(&bytes).unwrap();
    assert_eq!(
        message.unknown_required(),
        [0x7001, 0x7002, 0x7003, 0x7004],
        "bounded"
    );
}

mod against_rtc {
    use rtc::crypto::providers::AwsLcRsCrypto;
    use rtc::stun::attributes::{ATTR_USERNAME, ATTR_XORMAPPED_ADDRESS};
    use rtc::stun::error_code::ErrorCodeAttribute;
    use rtc::stun::fingerprint::FINGERPRINT;
    use rtc::stun::integrity::MessageIntegrity;
    use rtc::stun::message::{
        BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId,
    };
    use rtc::stun::textattrs::Username;
    use rtc::stun::xoraddr::XorMappedAddress;

    use super::*;

    fn read(bytes: &[u8]) -> Message {
        let mut message = Message::new();
        message.unmarshal_binary(bytes).unwrap();
        FINGERPRINT.check(&message).unwrap();
        message
    }

    fn integrity() -> MessageIntegrity<'static> {
        MessageIntegrity::new_raw_integrity_with_provider(PASSWORD, &AwsLcRsCrypto)
    }

    #[test]
    fn it_reads_what_we_write() {
        let mut request = read(&written(|out| write_binding_request(out, &check(true))));
        assert_eq!(request.typ, BINDING_REQUEST);
        assert_eq!(request.get(ATTR_USERNAME).unwrap(), b"node:pupil");
        MessageIntegrity::check(&mut request, PASSWORD, &AwsLcRsCrypto).unwrap();

        let mapped: SocketAddr = "[2001:db8::9]:1234".parse().unwrap();
        let mut answer = read(&written(|out| {
            write_binding_success(out, &TRANSACTION, mapped, PASSWORD)
        }));
        assert_eq!(answer.typ, BINDING_SUCCESS);
        MessageIntegrity::check(&mut answer, PASSWORD, &AwsLcRsCrypto).unwrap();
        let mut address = XorMappedAddress::default();
        address
            .get_from_as(&answer, ATTR_XORMAPPED_ADDRESS)
            .unwrap();
        assert_eq!(SocketAddr::new(address.ip, address.port), mapped);

        let refusal = read(&written(|out| {
            write_binding_error(out, &TRANSACTION, 487, "Role Conflict", None)
        }));
        let mut code = ErrorCodeAttribute::default();
        code.get_from(&refusal).unwrap();
        assert_eq!(
            (code.code.0, &code.reason[..]),
            (487, &b"Role Conflict"[..])
        );
    }

    #[test]
    fn we_read_what_it_writes() {
        let mapped: SocketAddr = "198.51.100.3:9".parse().unwrap();
        let mut message = Message::new();
        let setters: Vec<Box<dyn Setter>> = vec![
            Box::new(BINDING_SUCCESS),
            Box::new(TransactionId(TRANSACTION)),
            Box::new(Username::new(ATTR_USERNAME, "x:y".into())),
            Box::new(XorMappedAddress {
                ip: mapped.ip(),
                port: mapped.port(),
            }),
            Box::new(integrity()),
            Box::new(FINGERPRINT),
        ];
        message.build(&setters).unwrap();
        let ours = parse(&message.raw).unwrap();
        assert_eq!(ours.class(), StunClass::Success);
        assert_eq!(ours.username(), Some(("x", "y")));
        assert_eq!(ours.xor_mapped_address(), Some(mapped));
        assert!(ours.has_fingerprint() && ours.verify_integrity(PASSWORD));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = peek_local_ufrag(&bytes);
        let _ = parse(&bytes);
    }

    /// A valid header, so that the attributes are reached.
    #[test]
    fn arbitrary_attributes_never_panic(words in proptest::collection::vec(any::<u32>(), 0..60)) {
        let mut bytes = REQUEST[..20].to_vec();
        bytes[2..4].copy_from_slice(&(words.len() as u16 * 4).to_be_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        let _ = peek_local_ufrag(&bytes);
        if let Ok(message) = parse(&bytes) {
            let _ = message.verify_integrity(PASSWORD);
        }
    }

    #[test]
    fn checks_round_trip(
        remote in "[a-zA-Z0-9+/]{4,32}",
        local in "[a-zA-Z0-9+/]{4,32}",
        priority: u32,
        tie_breaker: u64,
        transaction_id: [u8; 12],
        password in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let bytes = written(|out| write_binding_request(out, &BindingRequest {
            transaction_id,
            remote_ufrag: &remote,
            local_ufrag: &local,
            priority,
            role: IceRole::Controlled(tie_breaker),
            use_candidate: false,
            password: &password,
        }));
        let message = parse(&bytes).unwrap();
        prop_assert_eq!(message.transaction_id(), transaction_id);
        prop_assert_eq!(message.username(), Some((&remote[..], &local[..])));
        prop_assert_eq!(message.priority(), Some(priority));
        prop_assert_eq!(message.role(), Some(IceRole::Controlled(tie_breaker)));
        prop_assert!(message.verify_integrity(&password));
    }
}
