use super::*;
use crate::congestion::PacketClass;

struct Path {
    delay: DelayBased,
    now_ms: i64,
    queue_ms: f64,
}

impl Path {
    fn new(start_bps: f64) -> Self {
        let mut delay = DelayBased::new(start_bps, 10e3, 10e6);
        delay.set_round_trip(50_000);
        Self {
            delay,
            now_ms: 0,
            queue_ms: 0.0,
        }
    }

    /// 100 ms of packets every 10 ms, whose queue grows by `growth` ms for each.
    fn feedback(&mut self, growth: f64, recent: Option<RecentRates>, acked_bps: f64) -> bool {
        let mut results = Vec::new();
        for _ in 0..10 {
            self.now_ms += 10;
            self.queue_ms = (self.queue_ms + growth).max(0.0);
            let sent_us = self.now_ms * 1_000;
            results.push(PacketResult {
                sequence: 0,
                sent_us,
                bytes: 1_000,
                class: PacketClass::Video,
                probe: None,
                arrival_us: Some(sent_us + 20_000 + (self.queue_ms * 1e3) as i64),
                was_lost: false,
                unanswered_bytes: 0,
            });
        }
        self.delay.on_feedback(DelayInput {
            now_us: self.now_ms * 1_000 + 50_000,
            by_arrival: &results,
            acked_bps: Some(acked_bps),
            arrival_bps: Some(acked_bps),
            recent,
            probe_bps: None,
            application_limited: false,
        })
    }
}

fn rates(sent_bps: f64, arrival_bps: f64) -> Option<RecentRates> {
    Some(RecentRates {
        sent_bps,
        arrival_bps,
    })
}

#[test]
fn a_slowly_growing_queue_is_backed_off_from_and_not_drained() {
    let mut path = Path::new(1e6);
    for _ in 0..20 {
        path.feedback(0.0, rates(1e6, 1e6), 1e6);
    }
    assert!(path.delay.bps() > 1e6);
    let mut before = path.delay.bps();
    for _ in 0..20 {
        path.feedback(1.0, rates(1.1e6, 1e6), 1e6);
        if path.delay.bps() < before {
            break;
        }
        before = path.delay.bps();
    }
    assert_eq!(path.delay.bps(), 0.85e6 - 5e3);
    assert_eq!(path.delay.drain_share(), 1.0);
    assert!(!path.delay.is_calm(path.now_ms * 1_000));
}

#[test]
fn a_collapse_is_seen_before_the_trend_and_drained() {
    let mut path = Path::new(3e6);
    for _ in 0..20 {
        path.feedback(0.0, rates(3e6, 3e6), 3e6);
    }
    path.feedback(20.0, rates(3e6, 0.5e6), 2e6);
    assert!(!path.delay.is_in_doubt());
    path.feedback(20.0, rates(3e6, 0.5e6), 1.5e6);
    assert!(path.delay.is_in_doubt());
    path.feedback(20.0, rates(3e6, 0.5e6), 1e6);
    assert!(!path.delay.is_in_doubt());
    assert_eq!(path.delay.bps(), 0.85 * 0.5e6 - 5e3);
    assert_eq!(path.delay.drain_share(), DRAIN_SHARE);
    // Over-use does not count again while it drains; capacity that falls further does.
    path.feedback(5.0, rates(0.2e6, 0.5e6), 0.2e6);
    assert_eq!(path.delay.bps(), 0.85 * 0.5e6 - 5e3);
    path.feedback(5.0, rates(0.5e6, 0.2e6), 0.2e6);
    assert_eq!(path.delay.bps(), 0.85 * 0.2e6 - 5e3);
    let mut recovered = false;
    for _ in 0..60 {
        recovered |= path.feedback(-5.0, rates(0.1e6, 0.2e6), 0.1e6);
        assert_eq!(path.delay.drain_share() < 1.0, !recovered);
        if recovered {
            break;
        }
    }
    assert!(recovered);
    assert!(path.delay.queue_micros() <= DRAINED_MICROS);
}

#[test]
fn a_queue_that_is_not_ours_is_drained_only_for_a_while() {
    let mut path = Path::new(3e6);
    for _ in 0..20 {
        path.feedback(0.0, rates(3e6, 3e6), 3e6);
    }
    path.feedback(20.0, rates(3e6, 0.5e6), 2e6);
    path.feedback(0.0, rates(3e6, 0.5e6), 1e6);
    path.feedback(0.0, rates(3e6, 0.5e6), 1e6);
    let draining = (0..60)
        .take_while(|_| {
            path.feedback(0.0, rates(0.2e6, 0.2e6), 0.2e6);
            path.delay.drain_share() < 1.0
        })
        .count();
    assert!((25..=30).contains(&draining), "{draining}");
}

#[test]
fn a_pause_of_the_path_is_only_waited_for() {
    let mut path = Path::new(3e6);
    for _ in 0..20 {
        path.feedback(0.0, rates(3e6, 3e6), 3e6);
    }
    let before = path.delay.bps();
    path.feedback(10.0, rates(3e6, 3e6), 3e6);
    path.feedback(0.0, rates(3e6, 0.5e6), 3e6);
    assert!(path.delay.is_in_doubt());
    path.feedback(-10.0, rates(3e6, 3e6), 3e6);
    assert!(!path.delay.is_in_doubt());
    assert!(path.delay.bps() >= 0.7 * before && path.delay.drain_share() == 1.0);
}

#[test]
fn slow_arrival_of_little_sent_is_no_collapse() {
    let mut path = Path::new(3e6);
    path.feedback(0.0, None, 3e6);
    assert_eq!(path.delay.collapsed(rates(1e6, 0.1e6)), None);
    path.feedback(10.0, None, 3e6);
    path.feedback(0.0, None, 3e6);
    assert!(path.delay.queue_micros() >= LONG_QUEUE_MICROS);
    assert_eq!(path.delay.collapsed(rates(0.1e6, 0.1e6)), None);
    assert_eq!(path.delay.collapsed(rates(1e6, 0.1e6)), Some(0.1e6));
}

#[test]
fn a_probe_raises_and_never_lowers() {
    let mut path = Path::new(1e6);
    path.feedback(0.0, None, 1e6);
    let mut probe = |bps| {
        path.now_ms += 100;
        path.delay.on_feedback(DelayInput {
            now_us: path.now_ms * 1_000,
            by_arrival: &[],
            acked_bps: Some(1e6),
            arrival_bps: None,
            recent: None,
            probe_bps: Some(bps),
            application_limited: true,
        });
        path.delay.bps()
    };
    assert_eq!(probe(2e6), 2e6);
    assert_eq!(probe(1.5e6), 2e6);
}
