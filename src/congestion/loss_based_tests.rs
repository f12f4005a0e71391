use super::*;
use crate::congestion::PacketClass;

struct Path {
    estimator: LossBased,
    now_us: i64,
    sequence: u64,
    delay_based_bps: f64,
    acked_bps: f64,
}

impl Path {
    fn new(delay_based_bps: f64) -> Self {
        Self {
            estimator: LossBased::new(10e3, 10e6),
            now_us: 0,
            sequence: 0,
            delay_based_bps,
            acked_bps: 0.0,
        }
    }

    /// Sends `bps` for a second with feedback every 100 ms; of each ten packets the first `lost`
    /// are lost.
    fn second(&mut self, bps: f64, lost: u64) -> f64 {
        self.acked_bps = bps * (1.0 - lost as f64 / 10.0);
        for _ in 0..10 {
            let results: Vec<_> = (0..10).map(|_| self.packet(bps, lost)).collect();
            self.feed(&results);
        }
        self.limit()
    }

    fn packet(&mut self, bps: f64, lost: u64) -> PacketResult {
        self.now_us += 10_000;
        self.sequence += 1;
        let arrives = self.sequence % 10 >= lost;
        PacketResult {
            sequence: self.sequence,
            sent_us: self.now_us,
            bytes: (bps / 100.0 / 8.0) as u32,
            class: PacketClass::Video,
            probe: None,
            arrival_us: arrives.then_some(self.now_us),
            was_lost: false,
            unanswered_bytes: 0,
        }
    }

    fn feed(&mut self, results: &[PacketResult]) {
        self.estimator.on_feedback(LossInput {
            results,
            acked_bps: Some(self.acked_bps),
            delay_based_bps: self.delay_based_bps,
            application_limited: false,
        });
    }

    fn limit(&self) -> f64 {
        self.estimator.limit_bps().unwrap_or(f64::INFINITY)
    }
}

#[test]
fn without_losses_it_is_the_delay_based_rate() {
    let mut path = Path::new(2e6);
    assert_eq!(path.estimator.limit_bps(), None);
    path.second(1e6, 0);
    assert_eq!(path.estimator.limit_bps(), Some(2e6));
    assert_eq!(path.estimator.state(), LossState::Unlimited);
}

#[test]
fn heavy_losses_bring_it_down_to_what_arrives_and_it_comes_back() {
    let mut path = Path::new(2e6);
    path.second(2e6, 0);
    for _ in 0..3 {
        path.second(2e6, 5);
    }
    let limited = path.limit();
    assert!((1e6..1.1e6).contains(&limited), "{limited}");
    assert_ne!(path.estimator.state(), LossState::Unlimited);
    assert!(path.estimator.average_loss() > 0.4);
    let mut seconds = 0;
    while path.limit() < 2e6 {
        let limit = path.limit();
        path.second(limit, 0);
        seconds += 1;
        assert!(seconds < 60, "{limit}");
    }
    assert!(seconds >= 2, "{seconds}");
}

#[test]
fn a_tenth_lost_is_borne_but_not_without_bound() {
    let mut path = Path::new(8e6);
    for _ in 0..20 {
        path.second(3e6, 1);
    }
    // 100 kbit/s over the share lost beyond 5 %; never below what arrives.
    let limit = path.limit();
    assert!((1.9e6..2.8e6).contains(&limit), "{limit}");
}

#[test]
fn a_probe_lifts_the_limit() {
    let mut path = Path::new(2e6);
    path.second(2e6, 0);
    for _ in 0..5 {
        path.second(1e6, 6);
    }
    assert!(path.limit() < 1e6);
    path.estimator.on_probe(0.1e6);
    assert!(path.limit() < 1e6, "less is no news");
    path.estimator.on_probe(1.5e6);
    assert_eq!(path.limit(), 1.5e6);
}

#[test]
fn what_comes_late_was_not_lost() {
    let mut path = Path::new(2e6);
    for _ in 0..40 {
        let mut results: Vec<_> = (0..10).map(|_| path.packet(1e6, 5)).collect();
        let late: Vec<_> = results
            .iter()
            .filter(|result| result.arrival_us.is_none())
            .map(|result| PacketResult {
                arrival_us: Some(result.sent_us),
                was_lost: true,
                ..*result
            })
            .collect();
        results.extend(late);
        path.feed(&results);
    }
    assert_eq!(path.estimator.average_loss(), 0.0);
    assert_eq!(path.estimator.state(), LossState::Unlimited);
}
