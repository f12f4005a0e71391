//! What a probe cluster measured: how fast its packets arrived against how fast they left.
//!
//! Follows libwebrtc's `ProbeBitrateEstimator`.

use arrayvec::ArrayVec;

use super::send_history::{PacketResult, ProbeId};

/// Clusters whose results may still come; a new one takes the oldest's place.
pub const MAX_AWAITED_CLUSTERS: usize = 8;

/// Share of a cluster's packets and bytes that must have arrived.
const MIN_ARRIVED: f64 = 0.8;
/// A cluster takes no longer, neither in sending nor in arriving.
const MAX_INTERVAL_MICROS: i64 = 1_000_000;
/// Arriving that much faster than sent, it was held back on the way and says nothing.
const MAX_SPEED_UP: f64 = 2.0;
/// Arriving slower than this share of the rate of sending, it filled the path.
const SATURATED: f64 = 0.9;
/// Then so much of what arrived is used, to leave the queue room to drain.
const UTILIZATION: f64 = 0.95;

/// What must be sent for a cluster to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    pub id: ProbeId,
    pub bps: u64,
    pub min_packets: u32,
    pub min_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Awaited {
    cluster: ProbeCluster,
    packets: u32,
    bits: f64,
    sent: Edge,
    arrived: Edge,
}

/// First and last time, and the bits at either.
#[derive(Clone, Copy, Debug)]
struct Edge {
    first_us: i64,
    first_bits: f64,
    last_us: i64,
    last_bits: f64,
}

impl Edge {
    const NONE: Self = Self {
        first_us: i64::MAX,
        first_bits: 0.0,
        last_us: i64::MIN,
        last_bits: 0.0,
    };

    fn add(&mut self, at_us: i64, bits: f64) {
        if at_us < self.first_us {
            (self.first_us, self.first_bits) = (at_us, 0.0);
        }
        if at_us > self.last_us {
            (self.last_us, self.last_bits) = (at_us, 0.0);
        }
        if at_us == self.first_us {
            self.first_bits += bits;
        }
        if at_us == self.last_us {
            self.last_bits += bits;
        }
    }

    fn seconds(&self) -> Option<f64> {
        let micros = self.last_us.checked_sub(self.first_us)?;
        (1..=MAX_INTERVAL_MICROS)
            .contains(&micros)
            .then(|| micros as f64 / 1e6)
    }
}

#[derive(Debug, Default)]
pub struct ProbeResults {
    awaited: ArrayVec<Awaited, MAX_AWAITED_CLUSTERS>,
}

impl ProbeResults {
    /// Packets of this cluster are about to be sent.
    pub fn expect(&mut self, cluster: ProbeCluster) {
        if self.awaited.is_full() {
            self.awaited.remove(0);
        }
        self.awaited.push(Awaited {
            cluster,
            packets: 0,
            bits: 0.0,
            sent: Edge::NONE,
            arrived: Edge::NONE,
        });
    }

    /// Takes the results of one feedback. Gives the rate that the latest cluster with enough
    /// results measured; it may become more exact with later feedback.
    pub fn on_results(&mut self, by_arrival: &[PacketResult]) -> Option<f64> {
        let mut measured = None;
        for result in by_arrival {
            let (Some(id), Some(arrival_us)) = (result.probe, result.arrival_us) else {
                continue;
            };
            let awaited = self.awaited.iter_mut().find(|it| it.cluster.id == id);
            if let Some(awaited) = awaited {
                let bits = f64::from(result.bytes) * 8.0;
                awaited.packets += 1;
                awaited.bits += bits;
                awaited.sent.add(result.sent_us, bits);
                awaited.arrived.add(arrival_us, bits);
                measured = awaited.measure().or(measured);
            }
        }
        measured
    }

    #[cfg(test)]
    pub(super) fn awaited(&self) -> usize {
        self.awaited.len()
    }
}

impl Awaited {
    fn measure(&self) -> Option<f64> {
        let min_packets = MIN_ARRIVED * f64::from(self.cluster.min_packets);
        let min_bits = MIN_ARRIVED * self.cluster.min_bytes as f64 * 8.0;
        if f64::from(self.packets) < min_packets || self.bits < min_bits {
            return None;
        }
        // The time of sending does not cover what left at its end. libwebrtc leaves out the last
        // packet; we send several at once.
        let sent_bps = (self.bits - self.sent.last_bits) / self.sent.seconds()?;
        let arrived_bps = (self.bits - self.arrived.first_bits) / self.arrived.seconds()?;
        if sent_bps <= 0.0 || arrived_bps > MAX_SPEED_UP * sent_bps {
            return None;
        }
        Some(match arrived_bps < SATURATED * sent_bps {
            true => UTILIZATION * arrived_bps,
            false => arrived_bps.min(sent_bps),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::PacketClass;

    fn id(id: u32) -> ProbeId {
        ProbeId::new(id).unwrap()
    }

    fn cluster(number: u32) -> ProbeCluster {
        ProbeCluster {
            id: id(number),
            bps: 1_000_000,
            min_packets: 5,
            min_bytes: 1_900,
        }
    }

    /// (sent, arrival) in 0.1 ms, of 400 bytes each.
    fn measured(number: u32, packets: &[(i64, i64)]) -> Option<f64> {
        let mut results = ProbeResults::default();
        results.expect(cluster(1));
        let packets: Vec<_> = packets
            .iter()
            .map(|(sent, arrival)| PacketResult {
                sequence: 0,
                sent_us: sent * 100,
                bytes: 400,
                class: PacketClass::Padding,
                probe: Some(id(number)),
                arrival_us: Some(arrival * 100),
                was_lost: false,
                unanswered_bytes: 0,
            })
            .collect();
        results.on_results(&packets)
    }

    fn spaced(sent: i64, arrival: i64) -> Vec<(i64, i64)> {
        (0..6).map(|n| (n * sent, 900 + n * arrival)).collect()
    }

    #[test]
    fn an_open_path_gives_the_rate_of_sending_and_a_filled_one_what_it_carries() {
        assert_eq!(measured(1, &spaced(32, 32)), Some(1e6));
        assert_eq!(measured(1, &spaced(32, 31)), Some(1e6));
        assert_eq!(measured(1, &spaced(32, 64)), Some(0.95 * 5e5));
    }

    #[test]
    fn packets_sent_at_once_are_no_rate_of_their_own() {
        let pairs: Vec<_> = (0..6).map(|n| (n / 2 * 64, 900 + n * 32)).collect();
        assert_eq!(measured(1, &pairs), Some(1e6));
        let at_once: Vec<_> = (0..6).map(|n| (0, 900 + n * 32)).collect();
        assert_eq!(measured(1, &at_once), None);
    }

    #[test]
    fn too_few_too_slow_too_fast_and_unknown_ones_say_nothing() {
        assert_eq!(measured(1, &spaced(32, 32)[..3]), None);
        assert!(measured(1, &spaced(32, 32)[..4]).is_some());
        assert_eq!(measured(1, &spaced(32, 5)), None);
        // The fifth arrives after more than a second, before there is enough.
        assert_eq!(measured(1, &spaced(32, 4_000)), None);
        assert_eq!(measured(2, &spaced(32, 32)), None);
    }

    #[test]
    fn clusters_awaited_are_bounded() {
        let mut results = ProbeResults::default();
        for number in 1..100 {
            results.expect(cluster(number));
        }
        assert_eq!(results.awaited(), MAX_AWAITED_CLUSTERS);
    }
}
