use super::*;
use crate::wire::rtcp::{Arrival, StreamFeedback};
use proptest::collection::vec;
use proptest::prelude::*;

fn packet(sequence: u64) -> SentPacket {
    SentPacket {
        sequence,
        ssrc: 1 + (sequence % 3) as u32,
        rtp_sequence: (sequence / 3) as u16,
        bytes: 1000 + (sequence % 7) as usize,
        class: PacketClass::Video,
    }
}

fn sent(sequences: std::ops::Range<u64>) -> SendHistory {
    let mut history = SendHistory::new(true);
    for sequence in sequences {
        history.on_sent(sequence as i64 * 1_000, &packet(sequence), None);
    }
    history
}

fn feedback(base: u16, reference: i32, arrivals: Vec<Option<i32>>) -> TransportFeedback {
    TransportFeedback {
        sender_ssrc: 0,
        media_ssrc: 0,
        base_sequence: base,
        reference_time: reference,
        feedback_count: 0,
        arrivals,
    }
}

fn told(history: &mut SendHistory, feedback: &TransportFeedback) -> Vec<(u64, Option<i64>)> {
    let mut results = Vec::new();
    history.on_transport_feedback(feedback, &mut results);
    results
        .iter()
        .map(|result| (result.sequence, result.arrival_us))
        .collect()
}

#[test]
fn feedback_across_the_wrap_becomes_results() {
    let mut history = sent(65_530..65_545);
    let mut results = Vec::new();
    let told = feedback(65_534, 5, vec![Some(4), None, Some(8), Some(-2), None]);
    assert_eq!(history.on_transport_feedback(&told, &mut results), 0);
    let expected: Vec<_> = [
        (65_534, Some(1_000)),
        (65_535, None),
        (65_536, Some(3_000)),
        (65_537, Some(2_500)),
    ]
    .into_iter()
    .map(|(sequence, arrival_us)| PacketResult {
        sequence,
        sent_us: sequence as i64 * 1_000,
        bytes: 1000 + (sequence % 7) as u32,
        class: PacketClass::Video,
        probe: None,
        arrival_us,
        was_lost: false,
        // Four packets were sent before, about which nothing was said.
        unanswered_bytes: u32::from(sequence == 65_534) * 4018,
    })
    .collect();
    assert_eq!(results, expected);
}

#[test]
fn bytes_are_in_flight_until_later_feedback() {
    let mut history = sent(0..10);
    let all: u64 = (0..10).map(|sequence| 1000 + sequence % 7).sum();
    assert_eq!(history.in_flight(), all);
    assert_eq!(history.oldest_in_flight_us(), Some(0));
    // Packet 0 to 2: their feedback was lost.
    let mut results = Vec::new();
    history.on_transport_feedback(&feedback(3, 0, vec![None, Some(1), Some(1)]), &mut results);
    let unanswered: Vec<_> = results.iter().map(|it| it.unanswered_bytes).collect();
    assert_eq!(unanswered, [0, 1000 + 1001 + 1002, 0]);
    let rest: u64 = (6..10).map(|sequence| 1000 + sequence % 7).sum();
    assert_eq!(history.in_flight(), rest);
    assert_eq!(history.oldest_in_flight_us(), Some(6_000));
    told(&mut history, &feedback(9, 0, vec![Some(1)]));
    assert_eq!(history.in_flight(), 0);
    assert_eq!(history.oldest_in_flight_us(), None);
}

#[test]
fn a_packet_is_lost_once_and_may_come_after_all() {
    let mut history = sent(0..10);
    let first = feedback(0, 0, vec![Some(1), None, Some(1)]);
    assert_eq!(
        told(&mut history, &first),
        [(0, Some(250)), (1, None), (2, Some(500))]
    );
    assert!(told(&mut history, &first).is_empty());
    let mut results = Vec::new();
    history.on_transport_feedback(&feedback(1, 0, vec![Some(9)]), &mut results);
    assert_eq!(results.len(), 1);
    assert!(results[0].was_lost);
    assert_eq!(results[0].arrival_us, Some(2_250));
    // It does not go back.
    let taken_back = feedback(0, 0, vec![None, None, None, Some(1)]);
    assert_eq!(told(&mut history, &taken_back), [(3, Some(250))]);
}

#[test]
fn packets_behind_the_last_received_are_not_lost_yet() {
    let mut history = sent(0..10);
    assert_eq!(told(&mut history, &feedback(0, 0, vec![None; 5])), []);
    let some = feedback(0, 0, vec![Some(1), None, None]);
    assert_eq!(told(&mut history, &some), [(0, Some(250))]);
}

#[test]
fn feedback_about_unknown_packets_is_counted_and_ignored() {
    let mut empty = SendHistory::new(false);
    let mut results = Vec::new();
    let told = feedback(0, 0, vec![Some(1); 3]);
    assert_eq!(empty.on_transport_feedback(&told, &mut results), 3);
    assert_eq!(empty.oldest_in_flight_us(), None);
    let mut history = sent(5..10);
    assert_eq!(history.on_transport_feedback(&told, &mut results), 3);
    assert!(results.is_empty());
}

#[test]
fn the_oldest_are_forgotten_and_gaps_hold_nothing() {
    let most = MAX_SENT as u64;
    let mut history = sent(0..most + 10);
    assert_eq!(history.remembered(), MAX_SENT);
    assert!(told(&mut history, &feedback(9, 0, vec![Some(1)])).is_empty());
    assert_eq!(told(&mut history, &feedback(10, 0, vec![Some(1)])).len(), 1);
    // Two numbers were passed over.
    let next = most + 12;
    history.on_sent(0, &packet(next), None);
    let three = feedback((next - 2) as u16, 0, vec![Some(1), None, Some(1)]);
    assert_eq!(told(&mut history, &three), [(next, Some(500))]);
    // So many that nothing is left; an older number is not taken.
    let far = next + 3 * most;
    history.on_sent(0, &packet(far), None);
    history.on_sent(0, &packet(far - 1), None);
    assert_eq!(history.in_flight(), 1000 + far % 7);
    let old = feedback((far - 1) as u16, 0, vec![Some(1), Some(1)]);
    assert_eq!(told(&mut history, &old), [(far, Some(500))]);
}

#[test]
fn congestion_feedback_names_streams() {
    let mut history = sent(0..30);
    let arrival = |offset| Some(Arrival { ecn: 0, offset });
    let stream = |ssrc, begin_sequence, arrivals| StreamFeedback {
        ssrc,
        begin_sequence,
        arrivals,
    };
    let mut results = Vec::new();
    let unknown = history.on_congestion_feedback(
        &CongestionFeedback {
            sender_ssrc: 9,
            streams: vec![
                stream(1, 2, vec![arrival(Some(1024)), None, arrival(Some(512))]),
                stream(2, 0, vec![arrival(None), arrival(Some(0)), None]),
                stream(7, 0, vec![arrival(Some(3)); 2]),
            ],
            report_timestamp: 5,
        },
        &mut results,
    );
    assert_eq!(unknown, 2);
    let told: Vec<_> = results
        .iter()
        .map(|result| (result.sequence, result.arrival_us))
        .collect();
    let expected = [
        (6, Some(-1_000_000)),
        (9, None),
        (12, Some(-500_000)),
        (4, Some(0)),
    ];
    assert_eq!(told, expected);
    // What the first stream's last one passed over was answered further down; the rest was not.
    assert_eq!(
        results[0].unanswered_bytes,
        [0u32, 1, 2, 3, 5, 7, 8, 10, 11]
            .map(|n| 1000 + n % 7)
            .iter()
            .sum::<u32>()
    );
}

proptest! {
    /// Whatever is fed back: each packet ends once, no more in flight than was sent, and nothing
    /// grows.
    #[test]
    fn hostile_feedback_settles_each_packet_at_most_twice(
        steps in vec((0..40u64, any::<u16>(), any::<i32>(), vec(any::<Option<i16>>(), 0..60)), 1..60),
    ) {
        let mut history = SendHistory::new(false);
        let mut received = std::collections::HashSet::new();
        let mut lost = std::collections::HashSet::new();
        let (mut next, mut total) = (65_000, 0);
        for (count, base, reference, arrivals) in steps {
            for sequence in next..next + count {
                history.on_sent(0, &packet(sequence), None);
                total += 1000 + sequence % 7;
            }
            next += count;
            let near = (next as u16).wrapping_sub(base % 100);
            let arrivals = arrivals.into_iter().map(|arrival| arrival.map(i32::from));
            let mut results = Vec::new();
            let told = feedback(near, reference, arrivals.collect());
            history.on_transport_feedback(&told, &mut results);
            for result in results {
                prop_assert!((65_000..next).contains(&result.sequence));
                let fresh = match result.arrival_us {
                    Some(_) => received.insert(result.sequence),
                    None => lost.insert(result.sequence),
                };
                prop_assert!(fresh);
                prop_assert_eq!(
                    result.was_lost,
                    result.arrival_us.is_some() && lost.contains(&result.sequence)
                );
            }
            prop_assert!(history.in_flight() <= total);
        }
    }
}
