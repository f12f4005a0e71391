use super::*;
use crate::congestion::{Gcc, MAX_BPS, MAX_QUEUED, MAX_RESULTS, MAX_SENT, MIN_BPS, START_BPS};
use crate::wire::rtcp::{Arrival, StreamFeedback};
use proptest::collection::vec;
use proptest::prelude::*;

struct Subscriber {
    controller: CongestionController<u32>,
    now: Instant,
    sequence: u64,
}

impl Subscriber {
    fn new(feedback: FeedbackKind) -> Self {
        let now = Instant::now();
        Self {
            controller: CongestionController::new(now, CongestionConfig::new(feedback)),
            now,
            sequence: 100,
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn send(&mut self, bytes: usize, class: PacketClass) {
        let packet = SentPacket {
            sequence: self.sequence,
            ssrc: 1,
            rtp_sequence: self.sequence as u16,
            bytes,
            class,
        };
        self.sequence += 1;
        self.controller.on_sent(self.now, packet);
    }

    fn offer(&mut self, bytes: usize, class: PacketClass) -> Admit {
        let admit = self.controller.admit(self.now, bytes, class);
        match admit {
            Admit::Now => self.send(bytes, class),
            Admit::Queue => self.controller.queue(0, bytes, class),
            Admit::Refuse => {}
        }
        admit
    }

    /// The last `count` packets sent arrived, `micros` apart, the last just now.
    fn acknowledge(&mut self, count: u64, micros: u64) {
        let now_us = (self.now - self.controller.epoch).as_micros() as u64;
        let first = now_us - (count - 1) * micros;
        let delta = |n| match n {
            0 => (first % 64_000 / 250) as i32,
            _ => (micros / 250) as i32,
        };
        let feedback = TransportFeedback {
            sender_ssrc: 1,
            media_ssrc: 1,
            base_sequence: (self.sequence - count) as u16,
            reference_time: (first / 64_000) as i32,
            feedback_count: 0,
            arrivals: (0..count).map(|n| Some(delta(n))).collect(),
        };
        self.controller.on_transport_feedback(self.now, &feedback);
    }

    fn timeout(&mut self) {
        self.controller.handle_timeout(self.now);
        while let Some(_item) = self.controller.release(self.now) {
            self.send(1_000, PacketClass::Video);
        }
        while let Some(bytes) = self.controller.due_padding(self.now) {
            self.send(bytes, PacketClass::Padding);
        }
    }

    /// A tick every millisecond, in which 50 packets a second are sent, and acknowledged after
    /// `rtt_ms`.
    fn talk(&mut self, ms: u64, acknowledged: bool) {
        for at in 0..ms {
            self.pass(1);
            if at % 20 == 0 {
                let _ = self.offer(200, PacketClass::Audio);
            }
            if at % 100 == 99 && acknowledged {
                self.acknowledge(5, 20_000);
            }
            if self
                .controller
                .poll_timeout()
                .is_some_and(|due| due <= self.now)
            {
                self.timeout();
            }
        }
    }
}

#[test]
fn begins_with_the_start_and_probes_for_what_is_wanted() {
    let mut subscriber = Subscriber::new(FeedbackKind::TransportWide);
    assert_eq!(subscriber.controller.estimate().target_bps, START_BPS);
    subscriber.controller.set_wanted(subscriber.now, 2_000_000);
    assert_eq!(
        subscriber.controller.poll_timeout(),
        None,
        "nothing was sent"
    );
    subscriber.send(200, PacketClass::Audio);
    assert_eq!(subscriber.controller.counters().probe_clusters, 2);
    assert!(subscriber.controller.poll_timeout().is_some());
    subscriber.pass(5);
    let padding = subscriber.controller.due_padding(subscriber.now);
    assert!(
        padding.is_some_and(|bytes| (200..900).contains(&bytes)),
        "{padding:?}"
    );
    assert_eq!(subscriber.controller.due_padding(subscriber.now), None);
}

#[test]
fn padding_that_nobody_sends_is_asked_for_in_vain_and_then_given_up() {
    let mut subscriber = Subscriber::new(FeedbackKind::TransportWide);
    subscriber.controller.set_wanted(subscriber.now, 2_000_000);
    subscriber.send(200, PacketClass::Audio);
    let mut wakeups = 0;
    for _ in 0..3_000 {
        subscriber.pass(1);
        let now = subscriber.now;
        if subscriber
            .controller
            .poll_timeout()
            .is_some_and(|due| due <= now)
        {
            wakeups += 1;
            subscriber.controller.handle_timeout(now);
            let _unsent = subscriber.controller.due_padding(now);
            assert_eq!(subscriber.controller.due_padding(now), None);
            assert!(
                subscriber
                    .controller
                    .poll_timeout()
                    .is_none_or(|due| due > now)
            );
        }
    }
    assert!(wakeups < 1_600, "{wakeups}");
    assert_eq!(subscriber.controller.estimate().target_bps, START_BPS);
}

#[test]
fn what_the_path_holds_bounds_what_is_under_way_but_for_sound() {
    let mut subscriber = Subscriber::new(FeedbackKind::TransportWide);
    subscriber.talk(2_000, true);
    let mut sent = 0;
    while subscriber.offer(1_000, PacketClass::Video) == Admit::Now {
        sent += 1;
        subscriber.pass(20);
    }
    // 300 kbit/s for the round trip, two feedback intervals and 150 ms.
    assert!((10..25).contains(&sent), "{sent}");
    assert_eq!(subscriber.offer(200, PacketClass::Audio), Admit::Now);
    let retransmission = subscriber.offer(1_000, PacketClass::Retransmission);
    assert_eq!(retransmission, Admit::Queue);
    assert_eq!(subscriber.controller.release(subscriber.now), None);
    subscriber.acknowledge(sent + 1, 20_000);
    assert!(subscriber.controller.release(subscriber.now).is_some());
}

#[test]
fn silence_lowers_it_and_feedback_ends_the_silence() {
    let mut subscriber = Subscriber::new(FeedbackKind::TransportWide);
    subscriber.talk(2_000, true);
    let before = subscriber.controller.estimate().target_bps;
    subscriber.talk(1_900, false);
    assert_eq!(subscriber.controller.estimate().target_bps, before);
    subscriber.talk(3_000, false);
    let silent = subscriber.controller.estimate();
    assert_eq!(silent.limit, Limit::Silence);
    assert!(silent.target_bps < before * 7 / 10, "{}", silent.target_bps);
    subscriber.talk(200, true);
    assert_ne!(subscriber.controller.estimate().limit, Limit::Silence);
}

#[test]
fn a_pause_is_no_silence() {
    let mut subscriber = Subscriber::new(FeedbackKind::TransportWide);
    subscriber.talk(2_000, true);
    let before = subscriber.controller.estimate().target_bps;
    subscriber.send(200, PacketClass::Audio);
    for _ in 0..60 {
        subscriber.pass(1_000);
        subscriber.controller.handle_timeout(subscriber.now);
    }
    assert_eq!(subscriber.controller.estimate().target_bps, before);
}

#[test]
fn the_receivers_own_estimate_is_a_cap() {
    let mut subscriber = Subscriber::new(FeedbackKind::TransportWide);
    subscriber.talk(1_000, true);
    subscriber.controller.on_remb(subscriber.now, 120_000);
    let capped = subscriber.controller.estimate();
    assert_eq!(
        (capped.target_bps, capped.limit),
        (120_000, Limit::Receiver)
    );
    subscriber.controller.on_remb(subscriber.now, u64::MAX);
    assert!(subscriber.controller.estimate().target_bps >= START_BPS);
    subscriber.controller.on_remb(subscriber.now, 1);
    assert_eq!(subscriber.controller.estimate().target_bps, MIN_BPS);
    subscriber.controller.on_remb(subscriber.now, 0);
    assert!(subscriber.controller.estimate().target_bps >= START_BPS);
}

#[test]
fn without_feedback_about_packets_reports_and_remb_decide() {
    let mut subscriber = Subscriber::new(FeedbackKind::Reports);
    subscriber.controller.on_remb(subscriber.now, 1_000_000);
    assert_eq!(subscriber.controller.estimate().target_bps, 1_000_000);
    let block = |second: u32, lost: i32| ReportBlock {
        ssrc: 1,
        fraction_lost: 0,
        cumulative_lost: lost,
        highest_sequence: second * 50,
        jitter: 0,
        last_sr: 0,
        delay_since_last_sr: 0,
    };
    let rtt = Some(Duration::from_millis(80));
    for second in 0..3 {
        subscriber.talk(1_000, false);
        let blocks = [block(second, 0)];
        subscriber
            .controller
            .on_receiver_report(subscriber.now, &blocks, rtt);
    }
    let fine = subscriber.controller.estimate();
    assert_eq!((fine.target_bps, fine.limit), (1_000_000, Limit::Receiver));
    assert_eq!(fine.round_trip, rtt);
    for second in 3..6u32 {
        subscriber.talk(1_000, false);
        let blocks = [block(second, 20 * (second as i32 - 2))];
        subscriber
            .controller
            .on_receiver_report(subscriber.now, &blocks, rtt);
    }
    let lossy = subscriber.controller.estimate();
    assert_eq!(lossy.limit, Limit::Loss);
    assert_eq!(lossy.loss, 0.4);
    assert!(lossy.target_bps < 600_000, "{}", lossy.target_bps);
    // No probes: nothing could measure them.
    subscriber.controller.set_wanted(subscriber.now, 5_000_000);
    assert_eq!(subscriber.controller.counters().probe_clusters, 0);
}

#[test]
fn another_algorithm_can_be_put_in() {
    struct Fixed;
    impl BandwidthEstimator for Fixed {
        fn takes_feedback(&self) -> bool {
            true
        }
        fn on_feedback(&mut self, _input: FeedbackInput<'_>) -> bool {
            false
        }
        fn on_loss_report(&mut self, _report: LossReport) {}
        fn on_receiver_limit(&mut self, _now_us: i64, _bps: Option<f64>) {}
        fn on_silence(&mut self, _now_us: i64) {}
        fn outlook(&self) -> crate::congestion::Outlook {
            crate::congestion::Outlook {
                target_bps: 1e12,
                ..Gcc::new(CongestionConfig::new(FeedbackKind::TransportWide).bounds()).outlook()
            }
        }
    }
    let now = Instant::now();
    let config = CongestionConfig::new(FeedbackKind::TransportWide);
    let controller = CongestionController::<u32>::with_estimator(now, config, Box::new(Fixed));
    // Within the bounds whatever it says.
    assert_eq!(controller.estimate().target_bps, MAX_BPS);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Send(usize, u8),
    Offer(usize, u8),
    Timeout,
    Forget,
    Want(u64),
    Remb(u64),
    Transport(u16, i32, Vec<Option<i16>>),
    Congestion(u32, u16, u32, Vec<Option<u16>>),
    Report(u32, u32, i32, Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = 20..70_000usize;
    prop_oneof![
        (0..200u64).prop_map(Step::Pass),
        any::<u32>().prop_map(|ms| Step::Pass(u64::from(ms))),
        (bytes.clone(), 0..4u8).prop_map(|(bytes, class)| Step::Send(bytes, class)),
        (20..1_500usize, 0..4u8).prop_map(|(bytes, class)| Step::Offer(bytes, class)),
        (20..1_500usize, 0..4u8).prop_map(|(bytes, class)| Step::Offer(bytes, class)),
        Just(Step::Timeout),
        Just(Step::Forget),
        any::<u64>().prop_map(Step::Want),
        (0..10_000_000u64).prop_map(Step::Want),
        any::<u64>().prop_map(Step::Remb),
        (0..300u16, any::<i32>(), vec(any::<Option<i16>>(), 0..100))
            .prop_map(|(back, reference, arrivals)| Step::Transport(back, reference, arrivals)),
        (
            0..100u16,
            0..9i32,
            vec(proptest::option::of(0..100i16), 0..100)
        )
            .prop_map(|(back, reference, arrivals)| Step::Transport(back, reference, arrivals)),
        (
            0..3u32,
            any::<u16>(),
            any::<u32>(),
            vec(any::<Option<u16>>(), 0..60)
        )
            .prop_map(|(ssrc, begin, at, arrivals)| Step::Congestion(ssrc, begin, at, arrivals)),
        (0..99u32, any::<u32>(), any::<i32>(), any::<Option<u64>>())
            .prop_map(|(ssrc, highest, lost, rtt)| Step::Report(ssrc, highest, lost, rtt)),
    ]
}

fn class(at: u8) -> PacketClass {
    match at {
        0 => PacketClass::Audio,
        1 => PacketClass::Retransmission,
        2 => PacketClass::Video,
        _ => PacketClass::Padding,
    }
}

fn take(subscriber: &mut Subscriber, step: Step) {
    let now = subscriber.now;
    match step {
        Step::Pass(ms) => subscriber.pass(ms),
        Step::Send(bytes, at) => subscriber.send(bytes, class(at)),
        Step::Offer(bytes, at) => {
            let admit = subscriber.offer(bytes, class(at));
            assert!(at > 0 || admit == Admit::Now, "sound waits");
        }
        Step::Timeout => {
            // What is sent then may be the one packet too many without feedback; no more.
            for _ in 0..2 {
                subscriber.timeout();
            }
            let due = subscriber.controller.poll_timeout();
            assert!(due.is_none_or(|due| due > now), "due again at once");
        }
        Step::Forget => subscriber.controller.retain_queued(|_| false),
        Step::Want(bps) => subscriber.controller.set_wanted(now, bps),
        Step::Remb(bps) => subscriber.controller.on_remb(now, bps),
        Step::Transport(back, reference_time, arrivals) => {
            let feedback = TransportFeedback {
                sender_ssrc: 1,
                media_ssrc: 1,
                base_sequence: (subscriber.sequence as u16).wrapping_sub(back),
                reference_time,
                feedback_count: 0,
                arrivals: arrivals.iter().map(|it| it.map(i32::from)).collect(),
            };
            subscriber.controller.on_transport_feedback(now, &feedback);
        }
        Step::Congestion(ssrc, begin_sequence, report_timestamp, arrivals) => {
            let arrival = |offset: &Option<u16>| {
                offset.map(|offset| Arrival {
                    ecn: 3,
                    offset: Some(offset),
                })
            };
            let feedback = CongestionFeedback {
                sender_ssrc: 1,
                streams: vec![StreamFeedback {
                    ssrc,
                    begin_sequence: begin_sequence % 200,
                    arrivals: arrivals.iter().map(arrival).collect(),
                }],
                report_timestamp,
            };
            subscriber.controller.on_congestion_feedback(now, &feedback);
        }
        Step::Report(ssrc, highest_sequence, cumulative_lost, rtt) => {
            let block = ReportBlock {
                ssrc,
                fraction_lost: 255,
                cumulative_lost,
                highest_sequence,
                jitter: 0,
                last_sr: 0,
                delay_since_last_sr: 0,
            };
            let rtt = rtt.map(Duration::from_micros);
            subscriber.controller.on_receiver_report(now, &[block], rtt);
        }
    }
}

proptest! {
    /// Whatever a subscriber says, whenever: the estimate stays in its bounds, sound never waits,
    /// timeouts move on, and nothing grows beyond its named bound.
    #[test]
    fn hostile_subscribers_harm_nobody(kind in 0..3u8, steps in vec(step(), 1..300)) {
        let kind = match kind {
            0 => FeedbackKind::TransportWide,
            1 => FeedbackKind::CongestionControl,
            _ => FeedbackKind::Reports,
        };
        let mut subscriber = Subscriber::new(kind);
        for step in steps {
            take(&mut subscriber, step);
            let controller = &subscriber.controller;
            let estimate = controller.estimate();
            prop_assert!((MIN_BPS..=MAX_BPS).contains(&estimate.target_bps));
            prop_assert!(estimate.target_bps <= estimate.capacity_bps);
            prop_assert!((0.0..=1.0).contains(&estimate.loss), "{}", estimate.loss);
            prop_assert!(estimate.round_trip.is_none_or(|rtt| rtt <= MAX_ROUND_TRIP));
            prop_assert!(controller.pacer.len() <= MAX_QUEUED);
            prop_assert!(controller.history.packets_in_flight() <= MAX_SENT as u64);
            prop_assert!(controller.results.capacity() <= MAX_RESULTS);
            prop_assert!(controller.results.is_empty());
        }
    }
}
