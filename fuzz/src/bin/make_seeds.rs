//! Writes the seeds of the binary targets: `cargo run --bin make_seeds` in `fuzz/`. They are
//! committed; run it again after adding one. The seeds of the text targets are kept by hand.

use std::path::Path;
use std::{fs, io};

use firstbell::wire::rtcp::{
    Arrival, CongestionFeedback, FullIntraRequest, FullIntraRequestEntry, Goodbye, Nack,
    PictureLossIndication, ReceiverEstimatedMaximumBitrate, ReceiverReport, ReportBlock, Rtcp,
    SenderReport, SourceDescription, SourceDescriptionChunk, StreamFeedback, TransportFeedback,
    write_compound,
};
use firstbell::wire::rtp::RtpWrite;
use firstbell::wire::stun::{
    BindingRequest, IceRole, write_binding_error, write_binding_request, write_binding_success,
};
use firstbell_fuzz::STUN_PASSWORD;
use firstbell_fuzz::congestion::{LARGE_DELTA, NOT_RECEIVED, Op};

type Seed = (&'static str, Vec<u8>);

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let (stun, rtp, rtcp) = (stun(), rtp(), rtcp());
    let mut demux: Vec<Seed> = [&stun[..2], &rtp[..2], &rtcp[..2]].concat();
    demux.push((
        "dtls_record",
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ));
    for (target, seeds) in [
        ("demux", demux),
        ("stun", stun),
        ("rtp", rtp),
        ("rtcp", rtcp),
        ("codec", codec()),
        ("congestion", congestion()),
    ] {
        let directory = root.join(target);
        fs::create_dir_all(&directory)?;
        for (name, bytes) in seeds {
            fs::write(directory.join(name), bytes)?;
        }
    }
    Ok(())
}

/// What `write` writes; nothing if it does not fit, which the replay test would notice.
fn written(write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut out = vec![0; 1500];
    let len = write(&mut out).unwrap_or(0);
    out.truncate(len);
    out
}

fn stun() -> Vec<Seed> {
    let transaction_id = *b"0123456789ab";
    let check = |role, use_candidate| {
        written(|out| {
            let request = BindingRequest {
                transaction_id,
                remote_ufrag: "node",
                local_ufrag: "pupil",
                priority: 0x6E00_1EFF,
                role,
                use_candidate,
                password: STUN_PASSWORD,
            };
            write_binding_request(out, &request)
        })
    };
    let success = |address: [u16; 8]| {
        written(|out| {
            write_binding_success(out, &transaction_id, (address, 4000).into(), STUN_PASSWORD)
        })
    };
    vec![
        ("check", check(IceRole::Controlling(7), false)),
        ("check_nominating", check(IceRole::Controlling(7), true)),
        ("check_controlled", check(IceRole::Controlled(8), false)),
        (
            "success_v4",
            written(|out| {
                let mapped = ([203, 0, 113, 7], 4000).into();
                write_binding_success(out, &transaction_id, mapped, STUN_PASSWORD)
            }),
        ),
        ("success_v6", success([0x2001, 0xDB8, 0, 0, 0, 0, 0, 7])),
        (
            "role_conflict",
            written(|out| {
                write_binding_error(
                    out,
                    &transaction_id,
                    487,
                    "Role Conflict",
                    Some(STUN_PASSWORD),
                )
            }),
        ),
    ]
}

fn rtp() -> Vec<Seed> {
    let packet = |extensions: &[(u8, &[u8])], payload: &[u8]| {
        let header = RtpWrite {
            marker: true,
            payload_type: 96,
            sequence_number: 65_535,
            timestamp: 90_000,
            ssrc: 0x1234_5678,
        };
        let mut bytes = written(|out| header.write(extensions, out));
        bytes.extend(payload);
        bytes
    };
    // Mid "0", abs-send-time, transport-wide sequence number, audio level.
    let one_byte: [(u8, &[u8]); 4] = [(4, b"0"), (2, &[1, 2, 3]), (3, &[0, 9]), (1, &[0x87])];
    let two_byte: [(u8, &[u8]); 3] = [(4, b"camera"), (20, &[0x87]), (21, &[])];
    let mut padded = packet(&one_byte[..1], &[1, 2, 3, 0, 0, 3]);
    padded[0] |= 0x20;
    // A source list of two, behind which the extension block begins.
    let mut contributing = packet(&one_byte, b"payload");
    contributing[0] |= 2;
    contributing.splice(12..12, [0, 0, 0, 1, 0, 0, 0, 2]);
    vec![
        ("one_byte", packet(&one_byte, b"payload")),
        ("two_byte", packet(&two_byte, b"payload")),
        ("plain", packet(&[], b"payload")),
        ("padded", padded),
        ("contributing", contributing),
    ]
}

fn rtcp() -> Vec<Seed> {
    let block = ReportBlock {
        ssrc: 5,
        fraction_lost: 12,
        cumulative_lost: -3,
        highest_sequence: 0x0001_FFFF,
        jitter: 90,
        last_sr: 0x8899_AABB,
        delay_since_last_sr: 65_536,
    };
    let (sender_ssrc, media_ssrc) = (1, 2);
    let reports = vec![block; 2];
    let chunk = SourceDescriptionChunk {
        ssrc: 1,
        cname: Some("firstbell".into()),
    };
    let sender = Rtcp::SenderReport(SenderReport {
        ssrc: 1,
        ntp: 0xE000_0000_8000_0000,
        rtp_timestamp: 2,
        packet_count: 3,
        octet_count: 4,
        reports: reports.clone(),
    });
    let receiver = Rtcp::ReceiverReport(ReceiverReport { ssrc: 1, reports });
    let description = Rtcp::SourceDescription(SourceDescription {
        chunks: vec![chunk],
    });
    let nack = Rtcp::Nack(Nack {
        sender_ssrc,
        media_ssrc,
        lost: vec![65_534, 65_535, 0, 14, 400],
    });
    let pli = Rtcp::PictureLossIndication(PictureLossIndication {
        sender_ssrc,
        media_ssrc,
    });
    let entry = FullIntraRequestEntry {
        ssrc: 7,
        sequence: 3,
    };
    let fir = Rtcp::FullIntraRequest(FullIntraRequest {
        sender_ssrc,
        media_ssrc: 0,
        entries: vec![entry],
    });
    let remb = Rtcp::ReceiverEstimatedMaximumBitrate(ReceiverEstimatedMaximumBitrate {
        sender_ssrc,
        bitrate: 2_500_000,
        ssrcs: vec![3, 4],
    });
    let arrivals = [
        vec![Some(4); 20],
        vec![None, Some(300), Some(-2), Some(1), None],
    ]
    .concat();
    let feedback = Rtcp::TransportFeedback(TransportFeedback {
        sender_ssrc,
        media_ssrc,
        base_sequence: 65_530,
        reference_time: -2,
        feedback_count: 255,
        arrivals,
    });
    let goodbye = Rtcp::Goodbye(Goodbye {
        ssrcs: vec![1, 2],
        reason: Some("bell".into()),
    });
    let compound = |packets: &[Rtcp]| {
        let mut out = Vec::new();
        write_compound(packets, &mut out);
        out
    };
    vec![
        ("sender_report", compound(&[sender, description.clone()])),
        ("transport_feedback", compound(&[feedback])),
        (
            "receiver_report",
            compound(&[receiver, description, goodbye]),
        ),
        ("nack", compound(&[nack])),
        ("keyframe_requests", compound(&[pli, fir])),
        ("remb", compound(&[remb])),
        ("congestion_feedback", compound(&[congestion_feedback()])),
    ]
}

fn congestion_feedback() -> Rtcp {
    let arrival = |offset| Some(Arrival { ecn: 1, offset });
    Rtcp::CongestionFeedback(CongestionFeedback {
        sender_ssrc: 1,
        streams: vec![
            StreamFeedback {
                ssrc: 3,
                begin_sequence: 65_534,
                arrivals: vec![arrival(Some(90)), None, arrival(None)],
            },
            StreamFeedback {
                ssrc: 4,
                begin_sequence: 7,
                arrivals: vec![arrival(Some(0)); 2],
            },
        ],
        report_timestamp: 0x8899_AABB,
    })
}

fn codec() -> Vec<Seed> {
    vec![
        (
            "vp8_keyframe",
            vec![
                0x90, 0xF0, 0x92, 0x34, 0x56, 0xA3, 0x50, 0x01, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02,
                0xE0, 0x01,
            ],
        ),
        ("vp8_short_id", vec![0x80, 0xE0, 0x11, 0x07, 0x40, 0x01]),
        ("vp8_plain", vec![0x10, 0x01]),
        (
            "h264_stap_a",
            vec![0x78, 0, 2, 0x09, 0xF0, 0, 1, 0x67, 0, 1, 0x68],
        ),
        ("h264_fu_a", vec![0x7C, 0x85, 0x88]),
        ("h264_idr", vec![0x65, 0x88]),
        ("opus", vec![0x78, 0xFF, 0xFE, 0x01]),
        ("opus_code_3", vec![0xFB, 0x06, 0x01]),
        (
            "red",
            vec![0xEF, 0x0F, 0x00, 0x02, 0x6F, 0x78, 0xFF, 0x78, 0xFE],
        ),
    ]
}

/// Steps of `firstbell_fuzz::congestion`.
mod steps {
    use super::{LARGE_DELTA, NOT_RECEIVED, Op};

    pub fn want(bps: u32) -> Vec<u8> {
        [&[Op::Want as u8][..], &bps.to_be_bytes()].concat()
    }

    pub fn remb(kbps: u32) -> Vec<u8> {
        [&[Op::Remb as u8][..], &kbps.to_be_bytes()].concat()
    }

    /// Rounds, mask of losses, growth of the queue in 0.1 ms for each packet, size in 4 bytes.
    pub fn talk(rounds: u8, mask: u8, growth: i8, size: u8) -> Vec<u8> {
        vec![Op::Talk as u8, rounds, mask, growth as u8, size]
    }

    pub fn send(count: usize, class: u8, bytes: u16) -> Vec<u8> {
        let once = [&[Op::Send as u8, class][..], &bytes.to_be_bytes()].concat();
        once.repeat(count)
    }

    pub fn pass(ms: u16) -> Vec<u8> {
        [&[Op::Pass as u8][..], &(10 * ms).to_be_bytes()].concat()
    }

    pub fn timeout() -> Vec<u8> {
        vec![Op::Timeout as u8]
    }

    pub fn forget() -> Vec<u8> {
        vec![Op::Forget as u8]
    }

    pub fn report(highest: u32, lost: u32) -> Vec<u8> {
        let numbers = [highest.to_be_bytes(), lost.to_be_bytes()].concat();
        [&[Op::Report as u8, 1][..], &numbers, &[0, 80]].concat()
    }

    pub fn odd_transport_feedback() -> Vec<u8> {
        let head = [Op::Transport as u8, 0, 6, 0, 0, 0, 2, 5];
        [&head[..], &[4, NOT_RECEIVED, 0, LARGE_DELTA, 0xFF, 0xF0, 9]].concat()
    }

    pub fn stream_feedback() -> Vec<u8> {
        let head = [Op::Congestion as u8, 2, 0, 6, 0, 1, 0, 0, 3];
        [&head[..], &[0x80, 40, 0, 0, 0xA0, 1]].concat()
    }
}

/// Behind the byte that says the kind of feedback.
fn congestion() -> Vec<Seed> {
    use steps::*;
    let (transport_wide, congestion_control, reports_only) = (vec![0], vec![1], vec![2]);
    let capacity_drops = [
        transport_wide.clone(),
        want(4_000_000),
        talk(40, 0, 0, 250),
        talk(4, 0, 120, 250),
        talk(60, 0, -100, 60),
        talk(90, 0, 0, 250),
    ];
    let losses = [
        transport_wide.clone(),
        want(2_000_000),
        talk(60, 0b0101, 0, 250),
        talk(60, 1, 1, 250),
    ];
    let odd_feedback = [
        transport_wide,
        send(6, 2, 1_200),
        odd_transport_feedback(),
        pass(3_000),
        timeout(),
        forget(),
        send(6, 0, 60),
        odd_transport_feedback(),
    ];
    let streams = [
        congestion_control,
        want(900_000),
        send(6, 2, 900),
        pass(40),
        stream_feedback(),
        timeout(),
        remb(700),
    ];
    let several = (0..6).map(|at| [pass(1_000), report(at * 100, at * at * 5)].concat());
    let reports = [
        [reports_only, send(9, 0, 90), remb(700)].concat(),
        several.flatten().collect(),
    ];
    vec![
        ("capacity_drops", capacity_drops.concat()),
        ("losses", losses.concat()),
        ("odd_feedback", odd_feedback.concat()),
        ("streams", streams.concat()),
        ("reports", reports.concat()),
    ]
}
