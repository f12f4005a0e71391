//! What a browser says about the packets it got.

use crate::congestion::FeedbackKind;
use crate::wire::rtcp::{Arrival, CongestionFeedback, Rtcp, StreamFeedback, TransportFeedback};

/// A packet that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub at_us: i64,
    pub sequence: u64,
}

/// About the packets from `from` to the last of `arrived`, which is not empty.
pub fn feedback_about(kind: FeedbackKind, now_us: i64, from: u64, arrived: &[Heard]) -> Rtcp {
    match kind {
        FeedbackKind::CongestionControl => congestion_feedback(now_us, from, arrived),
        _ => transport_feedback(from, arrived),
    }
}

fn transport_feedback(from: u64, arrived: &[Heard]) -> Rtcp {
    let (first, last) = (arrived[0], arrived[arrived.len() - 1]);
    let reference = first.at_us / 64_000;
    let mut previous = reference * 256;
    let mut arrivals = vec![None; (last.sequence + 1 - from) as usize];
    for heard in arrived {
        let tick = heard.at_us / 250;
        arrivals[(heard.sequence - from) as usize] = Some((tick - previous) as i32);
        previous = tick;
    }
    Rtcp::TransportFeedback(TransportFeedback {
        sender_ssrc: 1,
        media_ssrc: 1,
        base_sequence: from as u16,
        reference_time: reference as i32,
        feedback_count: 0,
        arrivals,
    })
}

fn congestion_feedback(now_us: i64, from: u64, arrived: &[Heard]) -> Rtcp {
    let last = arrived[arrived.len() - 1];
    let mut arrivals = vec![None; (last.sequence + 1 - from) as usize];
    for heard in arrived {
        let offset = (now_us - heard.at_us) * 1024 / 1_000_000;
        arrivals[(heard.sequence - from) as usize] = Some(Arrival {
            ecn: 0,
            offset: Some(offset as u16),
        });
    }
    Rtcp::CongestionFeedback(CongestionFeedback {
        sender_ssrc: 1,
        streams: vec![StreamFeedback {
            ssrc: 1,
            begin_sequence: from as u16,
            arrivals,
        }],
        report_timestamp: ((now_us << 16) / 1_000_000) as u32,
    })
}
