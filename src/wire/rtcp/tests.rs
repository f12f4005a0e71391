use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn written(packets: &[Rtcp]) -> Vec<u8> {
    let mut out = Vec::new();
    write_compound(packets, &mut out);
    out
}

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 12,
        cumulative_lost: -3,
        highest_sequence: 0x0001_FFFF,
        jitter: 90,
        last_sr: 0x8899_AABB,
        delay_since_last_sr: 65_536,
    }
}

fn sender_report() -> Rtcp {
    Rtcp::SenderReport(SenderReport {
        ssrc: 1,
        ntp: 0x0102_0304_0506_0708,
        rtp_timestamp: 2,
        packet_count: 3,
        octet_count: 4,
        reports: vec![block(5), block(6)],
    })
}

fn source_description(cname: &str) -> Rtcp {
    Rtcp::SourceDescription(SourceDescription {
        chunks: vec![
            SourceDescriptionChunk {
                ssrc: 1,
                cname: Some(cname.to_string()),
            },
            SourceDescriptionChunk {
                ssrc: 2,
                cname: None,
            },
        ],
    })
}

fn nack(lost: Vec<u16>) -> Rtcp {
    Rtcp::Nack(Nack {
        sender_ssrc: 1,
        media_ssrc: 2,
        lost,
    })
}

fn transport_feedback(arrivals: Vec<Option<i32>>) -> Rtcp {
    Rtcp::TransportFeedback(TransportFeedback {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence: 65_530,
        reference_time: -2,
        feedback_count: 255,
        arrivals,
    })
}

fn congestion_feedback() -> Rtcp {
    let arrival = |ecn, offset| Some(Arrival { ecn, offset });
    Rtcp::CongestionFeedback(CongestionFeedback {
        sender_ssrc: 1,
        streams: vec![
            StreamFeedback {
                ssrc: 2,
                begin_sequence: 65_534,
                arrivals: vec![arrival(0, Some(8_189)), None, arrival(3, None)],
            },
            StreamFeedback {
                ssrc: 3,
                begin_sequence: 7,
                arrivals: vec![arrival(1, Some(0)), arrival(2, Some(1))],
            },
        ],
        report_timestamp: 0x8899_AABB,
    })
}

/// One of each, in a form that survives writing unchanged.
fn one_of_each() -> Vec<Rtcp> {
    vec![
        sender_report(),
        Rtcp::ReceiverReport(ReceiverReport {
            ssrc: 9,
            reports: vec![block(10)],
        }),
        source_description("firstbell"),
        nack(vec![65_534, 65_535, 0, 14, 15, 400]),
        Rtcp::PictureLossIndication(PictureLossIndication {
            sender_ssrc: 1,
            media_ssrc: 2,
        }),
        Rtcp::FullIntraRequest(FullIntraRequest {
            sender_ssrc: 1,
            media_ssrc: 0,
            entries: vec![FullIntraRequestEntry {
                ssrc: 7,
                sequence: 200,
            }],
        }),
        Rtcp::ReceiverEstimatedMaximumBitrate(ReceiverEstimatedMaximumBitrate {
            sender_ssrc: 1,
            bitrate: 2_500_000 >> 4 << 4,
            ssrcs: vec![3, 4],
        }),
        transport_feedback(vec![Some(0), None, Some(255), Some(256), Some(-1), None]),
        Rtcp::Goodbye(Goodbye {
            ssrcs: vec![1, 2],
            reason: Some("Schluss für heute".into()),
        }),
        congestion_feedback(),
    ]
}

#[test]
fn one_of_each_round_trips_in_one_compound() {
    let packets = one_of_each();
    assert_eq!(parse_compound(&written(&packets)), Ok(packets));
}

#[test]
fn every_truncation_is_an_error_or_a_shorter_compound() {
    for packet in one_of_each() {
        let bytes = written(std::slice::from_ref(&packet));
        assert_eq!(bytes.len() % 4, 0);
        for len in 0..bytes.len() {
            assert!(parse_compound(&bytes[..len]).is_err(), "{packet:?} {len}");
        }
        // The same with a header that agrees: the body itself is too short.
        for words in 0..bytes.len() / 4 - 1 {
            let mut short = bytes[..4 + 4 * words].to_vec();
            short[2..4].copy_from_slice(&(words as u16).to_be_bytes());
            assert_ne!(parse_compound(&short), Ok(vec![packet.clone()]));
        }
    }
}

#[test]
fn the_compound_is_checked() {
    assert_eq!(parse_compound(&[]), Err(RtcpError::Empty));
    assert_eq!(
        parse_compound(&[0x41, 200, 0, 0]),
        Err(RtcpError::Version(1))
    );
    assert_eq!(
        parse_compound(&[0x80, 204, 0, 1]),
        Err(RtcpError::TruncatedCompound)
    );
    assert_eq!(
        parse_compound(&[0x85, 204, 0, 0]),
        Ok(vec![Rtcp::Other {
            packet_type: 204,
            format: 5
        }])
    );
    let many = [0x80, 204, 0, 0].repeat(MAX_COMPOUND_PACKETS + 1);
    assert_eq!(parse_compound(&many), Err(RtcpError::TooManyPackets));
    assert!(parse_compound(&many[4..]).is_ok());
}

#[test]
fn padding_is_taken_off_the_last_packet_only() {
    let pli = one_of_each().swap_remove(4);
    let mut padded = written(std::slice::from_ref(&pli));
    padded.extend([0, 0, 0, 4]);
    padded[0] |= 0x20;
    padded[3] += 1;
    assert_eq!(parse_compound(&padded), Ok(vec![pli]));
    for count in [0, 13, 255] {
        let mut wrong = padded.clone();
        wrong[15] = count;
        assert_eq!(parse_compound(&wrong), Err(RtcpError::Padding), "{count}");
    }
    let twice = [&padded[..], &padded].concat();
    assert_eq!(parse_compound(&twice), Err(RtcpError::Padding));
    assert_eq!(parse_compound(&[0xA0, 204, 0, 0]), Err(RtcpError::Padding));
}

#[test]
fn other_packets_are_not_written() {
    let other = Rtcp::Other {
        packet_type: 207,
        format: 0,
    };
    let pli = one_of_each().swap_remove(4);
    assert_eq!(written(&[other, pli.clone()]), written(&[pli]));
}

#[test]
fn nack_packs_runs_into_pairs() {
    assert_eq!(
        written(&[nack(vec![65_535, 0, 15, 16])])[12..],
        [0xFF, 0xFF, 0x80, 0x01, 0x00, 0x10, 0x00, 0x00]
    );
}

#[test]
fn nack_is_bounded() {
    // 100 pairs with all bits set name 1700 packets.
    let mut bytes = vec![0x81, 205, 0, 102, 0, 0, 0, 1, 0, 0, 0, 2];
    for pair in 0..100u16 {
        bytes.extend((pair * 17).to_be_bytes());
        bytes.extend([0xFF, 0xFF]);
    }
    let expected: Vec<u16> = (0..MAX_LOST_PER_NACK as u16).collect();
    assert_eq!(parse_compound(&bytes), Ok(vec![nack(expected)]));
}

#[test]
fn a_count_of_32_reports_is_cut_to_31() {
    let mut report = ReceiverReport {
        ssrc: 1,
        reports: (0..32).map(block).collect(),
    };
    let bytes = written(&[Rtcp::ReceiverReport(report.clone())]);
    report.reports.pop();
    assert_eq!(
        parse_compound(&bytes),
        Ok(vec![Rtcp::ReceiverReport(report)])
    );
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let bytes = written(&[source_description(&"ä".repeat(200))]);
    let expected = source_description(&"ä".repeat(127));
    assert_eq!(parse_compound(&bytes), Ok(vec![expected]));
}

#[test]
fn remb_of_another_name_and_of_a_huge_bitrate() {
    let mut bytes = written(&one_of_each()[6..7]);
    bytes[17] = 0xFF; // exponent 63
    let packets = parse_compound(&bytes);
    let Ok([Rtcp::ReceiverEstimatedMaximumBitrate(remb)]) = packets.as_deref() else {
        panic!("not a REMB");
    };
    assert_eq!(remb.bitrate, u64::MAX);
    bytes[12] = b'X';
    assert_eq!(
        parse_compound(&bytes),
        Ok(vec![Rtcp::Other {
            packet_type: 206,
            format: 15
        }])
    );
}

#[test]
fn transport_feedback_status_chunks() {
    let body = |arrivals| written(&[transport_feedback(arrivals)])[20..].to_vec();
    // 20 small deltas: a run. The deltas are zeros.
    assert_eq!(body(vec![Some(0); 20])[..2], [0x20, 20]);
    // Alternating: one-bit vectors of 14.
    let alternating: Vec<_> = (0..14).map(|at| (at % 2 == 0).then_some(1)).collect();
    assert_eq!(body(alternating)[..2], [0xAA, 0xAA]);
    // A large delta among them: two-bit vector of 7; the last four are lost.
    let mixed = vec![Some(1), Some(-1), Some(1), None, None, None, None];
    assert_eq!(body(mixed)[..6], [0xD9, 0x00, 1, 0xFF, 0xFF, 1]);
    // Clamped to 16 bits.
    assert_eq!(body(vec![Some(40_000)])[2..4], [0x7F, 0xFF]);
}

#[test]
fn transport_feedback_is_bounded_and_refuses_the_reserved_status() {
    let head = |count: u16, chunk: u16| {
        let mut bytes = vec![0x8F, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0];
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(chunk.to_be_bytes());
        bytes.extend([0, 0]);
        parse_compound(&bytes)
    };
    let most = MAX_TRANSPORT_FEEDBACK_STATUSES as u16;
    assert!(head(most, 0x1FFF).is_ok());
    assert_eq!(head(most + 1, 0x1FFF), Err(RtcpError::TooManyStatuses));
    assert_eq!(head(1, 0x6001), Err(RtcpError::ReservedStatus));
    assert_eq!(head(1, 0xF000), Err(RtcpError::ReservedStatus));
    // Deltas are missing: three were received, two bytes are left.
    assert_eq!(head(3, 0x2003), Err(RtcpError::Truncated(205)));
}

#[test]
fn congestion_feedback_blocks() {
    let bytes = written(&[congestion_feedback()]);
    assert_eq!(bytes[..4], [0x8B, 205, 0, 9]);
    // Three blocks and two bytes that fill the word.
    assert_eq!(bytes[14..24], [0, 3, 0x9F, 0xFD, 0, 0, 0xFF, 0xFF, 0, 0]);
    // What stands in the block of a packet that was not received does not count.
    let mut odd = bytes.clone();
    odd[18..20].copy_from_slice(&[0x7F, 0xFF]);
    // "Over range" reads like "not available".
    odd[21] = 0xFE;
    assert_eq!(parse_compound(&odd), Ok(vec![congestion_feedback()]));
}

#[test]
fn congestion_feedback_is_bounded() {
    let with_count = |count: u16| {
        let mut bytes = written(&[congestion_feedback()]);
        bytes[14..16].copy_from_slice(&count.to_be_bytes());
        parse_compound(&bytes)
    };
    assert_eq!(with_count(16_384), Err(RtcpError::Truncated(205)));
    assert_eq!(with_count(16_385), Err(RtcpError::TooManyStatuses));
}

#[test]
fn ntp_time_counts_from_1900() {
    assert_eq!(ntp_from_epoch(Duration::ZERO), 2_208_988_800 << 32);
    assert_eq!(
        ntp_from_epoch(Duration::from_millis(1_500)),
        2_208_988_801 << 32 | 1 << 31
    );
    // The era ends in 2036.
    assert_eq!(
        ntp_from_epoch(Duration::from_secs((1 << 32) - 2_208_988_800)),
        0
    );
}

/// The same bytes must mean the same to an independent implementation.
mod against_rtc {
    use rtc::rtcp::goodbye::Goodbye as RtcGoodbye;
    use rtc::rtcp::packet::{Packet, marshal, unmarshal};
    use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest as RtcFir;
    use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication as RtcPli;
    use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate as RtcRemb;
    use rtc::rtcp::receiver_report::ReceiverReport as RtcReceiverReport;
    use rtc::rtcp::sender_report::SenderReport as RtcSenderReport;
    use rtc::rtcp::source_description::SourceDescription as RtcSourceDescription;
    use rtc::rtcp::transport_feedbacks::cc_feedback_report::{
        CcFeedbackReport, CcFeedbackReportBlock,
    };
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

    use super::*;

    fn read<T: Clone + 'static>(packet: &Rtcp) -> T {
        let packets = unmarshal(&mut &written(std::slice::from_ref(packet))[..]).unwrap();
        assert_eq!(packets.len(), 1);
        let any = packets[0].as_any();
        any.downcast_ref::<T>().expect("another type").clone()
    }

    #[test]
    fn it_writes_back_the_same_bytes() {
        for packet in one_of_each() {
            let bytes = written(std::slice::from_ref(&packet));
            let theirs: Vec<Box<dyn Packet>> = unmarshal(&mut &bytes[..]).unwrap();
            let again = marshal(&theirs).unwrap();
            assert_eq!(parse_compound(&again), Ok(vec![packet]));
            assert_eq!(again[1], bytes[1], "packet type");
        }
    }

    #[test]
    fn it_reads_our_reports() {
        let packets = one_of_each();
        let report: RtcSenderReport = read(&packets[0]);
        assert_eq!((report.ssrc, report.rtp_time), (1, 2));
        assert_eq!(report.ntp_time, 0x0102_0304_0506_0708);
        assert_eq!((report.packet_count, report.octet_count), (3, 4));
        let theirs = &report.reports[1];
        assert_eq!((theirs.ssrc, theirs.fraction_lost), (6, 12));
        assert_eq!(theirs.total_lost, 0xFF_FFFD);
        assert_eq!(theirs.last_sequence_number, 0x0001_FFFF);
        assert_eq!((theirs.jitter, theirs.delay), (90, 65_536));
        assert_eq!(theirs.last_sender_report, 0x8899_AABB);
        let report: RtcReceiverReport = read(&packets[1]);
        assert_eq!((report.ssrc, report.reports[0].ssrc), (9, 10));
    }

    #[test]
    fn it_reads_our_descriptions() {
        let packets = one_of_each();
        let sdes: RtcSourceDescription = read(&packets[2]);
        assert_eq!(sdes.chunks.len(), 2);
        assert_eq!(&sdes.chunks[0].items[0].text[..], b"firstbell");
        assert!(sdes.chunks[1].items.is_empty());
        let goodbye: RtcGoodbye = read(&packets[8]);
        assert_eq!(goodbye.sources, [1, 2]);
        assert_eq!(goodbye.reason, "Schluss für heute".as_bytes());
    }

    #[test]
    fn it_reads_our_feedback() {
        let packets = one_of_each();
        let nack: TransportLayerNack = read(&packets[3]);
        let lost: Vec<u16> = nack
            .nacks
            .iter()
            .flat_map(|pair| pair.packet_list())
            .collect();
        assert_eq!(lost, [65_534, 65_535, 0, 14, 15, 400]);
        let pli: RtcPli = read(&packets[4]);
        assert_eq!((pli.sender_ssrc, pli.media_ssrc), (1, 2));
        let fir: RtcFir = read(&packets[5]);
        assert_eq!((fir.fir[0].ssrc, fir.fir[0].sequence_number), (7, 200));
        let remb: RtcRemb = read(&packets[6]);
        assert_eq!(remb.bitrate as u64, 2_500_000 >> 4 << 4);
        assert_eq!(remb.ssrcs, [3, 4]);
    }

    #[test]
    fn it_reads_our_congestion_feedback() {
        let report: CcFeedbackReport = read(&congestion_feedback());
        assert_eq!(
            (report.sender_ssrc, report.report_timestamp),
            (1, 0x8899_AABB)
        );
        let [first, second] = &report.report_blocks[..] else {
            panic!("not two streams");
        };
        assert_eq!((first.media_ssrc, first.begin_sequence), (2, 65_534));
        let blocks = |stream: &CcFeedbackReportBlock| -> Vec<(bool, u8, u16)> {
            let blocks = stream.metric_blocks.iter();
            blocks
                .map(|block| (block.received, block.ecn as u8, block.arrival_time_offset))
                .collect()
        };
        assert_eq!(
            blocks(first),
            [(true, 0, 8_189), (false, 0, 0), (true, 3, 0x1FFF)]
        );
        assert_eq!(blocks(second), [(true, 1, 0), (true, 2, 1)]);
    }

    #[test]
    fn it_reads_our_transport_feedback() {
        let arrivals: Vec<Option<i32>> = (0..200)
            .map(|at| match at % 11 {
                3 | 4 => None,
                5 => Some(-300),
                7 => Some(2_000),
                _ if at > 100 => Some(40),
                _ => None,
            })
            .collect();
        let cc: TransportLayerCc = read(&transport_feedback(arrivals.clone()));
        assert_eq!(cc.base_sequence_number, 65_530);
        assert_eq!(cc.packet_status_count, 200);
        assert_eq!(cc.reference_time, 0xFF_FFFE);
        assert_eq!(cc.fb_pkt_count, 255);
        let deltas: Vec<i64> = cc.recv_deltas.iter().map(|delta| delta.delta).collect();
        let expected: Vec<i64> = arrivals
            .iter()
            .flatten()
            .map(|delta| i64::from(*delta) * 250)
            .collect();
        assert_eq!(deltas, expected);
    }
}

fn arrivals() -> impl Strategy<Value = Vec<Option<i32>>> {
    // Runs, so that all chunk forms occur.
    let arrival = prop_oneof![
        Just(None),
        (0..256).prop_map(Some),
        (-32_768..32_768).prop_map(Some)
    ];
    vec((arrival, 1..40usize), 0..20).prop_map(|runs| {
        runs.into_iter()
            .flat_map(|(arrival, len)| std::iter::repeat_n(arrival, len))
            .collect()
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parse_compound(&bytes);
    }

    /// A header that agrees with the body, so that the bodies are reached.
    #[test]
    fn arbitrary_bodies_never_panic(
        format in 0..32u8,
        packet_type in 200..208u8,
        words in vec(any::<u32>(), 0..40),
    ) {
        let mut bytes = vec![0x80 | format, packet_type, 0, words.len() as u8];
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        if let Ok(packets) = parse_compound(&bytes) {
            // What was understood must be writable and then mean the same.
            let understood = !matches!(packets[..], [Rtcp::Other { .. }]);
            if understood {
                let again = parse_compound(&written(&packets)).unwrap();
                prop_assert_eq!(again.len(), 1);
            }
        }
    }

    #[test]
    fn transport_feedback_round_trips(
        arrivals in arrivals(), base_sequence: u16, reference_time in -(1 << 23)..(1 << 23),
    ) {
        let packet = Rtcp::TransportFeedback(TransportFeedback {
            sender_ssrc: 1,
            media_ssrc: 2,
            base_sequence,
            reference_time,
            feedback_count: 3,
            arrivals,
        });
        prop_assert_eq!(parse_compound(&written(std::slice::from_ref(&packet))), Ok(vec![packet]));
    }

    #[test]
    fn nack_round_trips(first: u16, gaps in vec(1..30u16, 0..200)) {
        let lost = gaps.iter().scan(first, |at, gap| {
            *at = at.wrapping_add(*gap);
            Some(*at)
        });
        let packet = nack(lost.collect());
        prop_assert_eq!(parse_compound(&written(std::slice::from_ref(&packet))), Ok(vec![packet]));
    }

    #[test]
    fn bitrates_keep_eighteen_bits(bitrate: u64) {
        let remb = ReceiverEstimatedMaximumBitrate { sender_ssrc: 1, bitrate, ssrcs: vec![] };
        let packets = parse_compound(&written(&[Rtcp::ReceiverEstimatedMaximumBitrate(remb)]));
        let Ok([Rtcp::ReceiverEstimatedMaximumBitrate(read)]) = packets.as_deref() else {
            panic!("not a REMB");
        };
        prop_assert!(read.bitrate <= bitrate);
        prop_assert!(bitrate - read.bitrate <= bitrate >> 17);
    }
}
