//! Sends probe clusters: says how many bytes are due when, and counts what leaves meanwhile.
//!
//! Follows libwebrtc's `BitrateProber`: media that leaves during a cluster counts for it, padding
//! fills up. We send what a clock of a millisecond or two makes due at once.

use std::collections::VecDeque;

use super::probe_results::ProbeCluster;
use super::send_history::ProbeId;

/// Clusters waiting to be sent; further ones are left out.
pub const MAX_WAITING_CLUSTERS: usize = 4;

/// Bytes of one cluster, whatever its rate: 15 ms at 27 Mbit/s. It ends with the packet that reaches
/// them.
pub const MAX_CLUSTER_BYTES: u64 = 50_000;

/// Sent at once, in time at the cluster's rate; what was missed beyond is not caught up, since a
/// burst measures nothing.
const QUANTUM_MICROS: i64 = 2_000;
const MAX_CATCH_UP_MICROS: i64 = 5_000;
/// Until padding that could not be sent is asked for again.
const RETRY_MICROS: i64 = 2_000;
/// A packet worth sending; about the least that headers leave.
pub const MIN_PROBE_PACKET: usize = 100;

/// What is sent within less is a burst, however much it is.
const MIN_CLUSTER_MICROS: i64 = 10_000;
/// A cluster that is not complete after this, because nobody sent its padding, is given up.
const MAX_CLUSTER_MICROS: i64 = 500_000;

#[derive(Clone, Copy, Debug)]
struct Active {
    cluster: ProbeCluster,
    began_us: i64,
    /// When the next packet is due.
    due_us: i64,
    /// Padding was asked for then, and nothing has left since.
    asked_us: Option<i64>,
    packets: u32,
    bytes: u64,
}

#[derive(Debug, Default)]
pub struct Prober {
    waiting: VecDeque<ProbeCluster>,
    /// The next one begins no earlier.
    ready_us: i64,
    active: Option<Active>,
}

impl Prober {
    /// Begins the cluster at `ready_us`, when what was sent before it is through: in the wake of a
    /// frame of ours its packets would be pushed together, and measure nothing. Returns whether
    /// there is room.
    pub fn push(&mut self, cluster: ProbeCluster, ready_us: i64) -> bool {
        let fits = self.waiting.len() < MAX_WAITING_CLUSTERS;
        if fits {
            self.ready_us = ready_us;
            self.waiting.push_back(cluster);
        }
        fits
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.active = None;
    }

    pub fn is_idle(&self) -> bool {
        self.active.is_none() && self.waiting.is_empty()
    }

    /// Whether the next packet of a cluster is due; `None` while there is none.
    pub fn is_due(&mut self, now_us: i64) -> Option<bool> {
        self.advance(now_us);
        self.active.map(|active| now_us >= active.due_us)
    }

    pub fn poll_timeout_us(&self) -> Option<i64> {
        match self.active {
            Some(active) => {
                let again = active
                    .asked_us
                    .map_or(i64::MIN, |asked| asked + RETRY_MICROS);
                Some(active.due_us.max(again))
            }
            None => self.waiting.front().map(|_| self.ready_us),
        }
    }

    /// Bytes of padding due now. When nothing leaves after it, it is due again a little later.
    pub fn due_bytes(&mut self, now_us: i64) -> Option<usize> {
        self.advance(now_us);
        let active = self.active.as_mut()?;
        let unanswered = active
            .asked_us
            .is_some_and(|asked| now_us < asked + RETRY_MICROS);
        if now_us < active.due_us || unanswered {
            return None;
        }
        active.asked_us = Some(now_us);
        let late = (now_us - active.due_us).min(MAX_CATCH_UP_MICROS);
        let micros = (QUANTUM_MICROS + late) as u64;
        let bytes = active.cluster.bps.saturating_mul(micros) / 8_000_000;
        Some((bytes.min(MAX_CLUSTER_BYTES) as usize).max(MIN_PROBE_PACKET))
    }

    /// Anything left for the subscriber; gives the cluster it counts for.
    pub fn on_sent(&mut self, now_us: i64, bytes: usize) -> Option<ProbeId> {
        self.advance(now_us);
        let active = self.active.as_mut()?;
        if active.packets == 0 {
            active.began_us = now_us;
            active.due_us = now_us;
        }
        active.asked_us = None;
        active.packets += 1;
        active.bytes += bytes as u64;
        let micros = bytes as u64 * 8_000_000 / active.cluster.bps.max(1);
        let earliest = now_us - MAX_CATCH_UP_MICROS;
        active.due_us = active.due_us.max(earliest) + micros.min(MAX_CLUSTER_MICROS as u64) as i64;
        let id = active.cluster.id;
        let ProbeCluster {
            min_packets,
            min_bytes,
            ..
        } = active.cluster;
        let enough = active.packets >= min_packets && active.bytes >= min_bytes;
        let spread = now_us - active.began_us >= MIN_CLUSTER_MICROS;
        if enough && spread || active.bytes >= MAX_CLUSTER_BYTES {
            self.active = None;
        }
        Some(id)
    }

    /// Gives up what takes too long, and begins the next cluster.
    fn advance(&mut self, now_us: i64) {
        let overdue = |active: &Active| now_us - active.began_us > MAX_CLUSTER_MICROS;
        if self.active.as_ref().is_some_and(overdue) {
            self.active = None;
        }
        if self.active.is_none() && now_us >= self.ready_us {
            self.active = self.waiting.pop_front().map(|cluster| Active {
                cluster,
                began_us: now_us,
                due_us: now_us,
                asked_us: None,
                packets: 0,
                bytes: 0,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(id: u32, bps: u64) -> ProbeCluster {
        ProbeCluster {
            id: ProbeId::new(id).unwrap(),
            bps,
            min_packets: 5,
            min_bytes: bps.saturating_mul(15) / 8_000,
        }
    }

    /// Sends what is due, in packets of at most `most`, with a clock of `step` microseconds; gives
    /// (time, bytes).
    fn run(prober: &mut Prober, most: usize, step: i64) -> Vec<(i64, usize)> {
        let mut sent = Vec::new();
        for now in (0..2_000_000).step_by(step as usize) {
            while let Some(due) = prober.due_bytes(now) {
                let bytes = due.min(most);
                assert!(prober.on_sent(now, bytes).is_some());
                sent.push((now, bytes));
            }
        }
        assert!(prober.is_idle());
        sent
    }

    #[test]
    fn a_cluster_is_sent_at_its_rate_and_ends() {
        for step in [100, 1_000, 4_000] {
            let mut prober = Prober::default();
            prober.push(cluster(1, 2_000_000), 0);
            let sent = run(&mut prober, 1_200, step);
            let bytes: usize = sent.iter().map(|(_, bytes)| bytes).sum();
            assert!((3_750..3_750 + 1_300).contains(&bytes), "{bytes}");
            let (first, last) = (sent[0], sent[sent.len() - 1]);
            let rate = (bytes - last.1) as f64 * 8e6 / (last.0 - first.0) as f64;
            assert!((1.5e6..2.7e6).contains(&rate), "{rate} at {step}");
        }
    }

    #[test]
    fn media_counts_and_needs_no_padding_but_a_burst_is_no_cluster() {
        let mut prober = Prober::default();
        prober.push(cluster(1, 1_000_000), 0);
        for _ in 0..6 {
            assert_eq!(prober.on_sent(0, 1_200), ProbeId::new(1));
        }
        assert_eq!(prober.due_bytes(50_000), None);
        assert_eq!(prober.on_sent(20_000, 1_200), ProbeId::new(1));
        assert_eq!(prober.on_sent(20_000, 1_200), None);
        assert!(prober.is_idle());
    }

    #[test]
    fn a_cluster_waits_until_what_was_sent_before_is_through() {
        let mut prober = Prober::default();
        prober.push(cluster(1, 1_000_000), 7_000);
        assert_eq!(prober.poll_timeout_us(), Some(7_000));
        assert_eq!(prober.on_sent(6_999, 1_200), None);
        assert_eq!(prober.due_bytes(6_999), None);
        assert!(prober.due_bytes(7_000).is_some());
    }

    #[test]
    fn a_slow_cluster_has_small_packets() {
        let mut prober = Prober::default();
        prober.push(cluster(1, 100_000), 0);
        let sent = run(&mut prober, 1_200, 1_000);
        assert_eq!(sent.len(), 5);
        assert!(sent.iter().all(|(_, bytes)| *bytes == MIN_PROBE_PACKET));
    }

    #[test]
    fn a_cluster_nobody_sends_is_given_up_and_the_next_begins() {
        let mut prober = Prober::default();
        for id in 1..10 {
            assert_eq!(prober.push(cluster(id, 1_000_000), 0), id <= 4);
        }
        assert!(prober.due_bytes(0).is_some());
        assert_eq!(prober.due_bytes(0), None);
        assert_eq!(prober.poll_timeout_us(), Some(RETRY_MICROS));
        assert!(prober.due_bytes(600_000).is_some());
        assert_eq!(prober.on_sent(600_000, 500), ProbeId::new(2));
        prober.clear();
        assert!(prober.is_idle() && prober.poll_timeout_us().is_none());
    }

    #[test]
    fn an_absurd_rate_is_bounded() {
        let mut prober = Prober::default();
        let absurd = ProbeCluster {
            min_bytes: u64::MAX,
            ..cluster(1, u64::MAX)
        };
        prober.push(absurd, 0);
        let sent = run(&mut prober, usize::MAX, 1_000);
        let bytes: usize = sent.iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes as u64 <= 2 * MAX_CLUSTER_BYTES, "{bytes}");
    }
}
