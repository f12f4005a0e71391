//! Congestion control of one subscriber: what may be sent to it, and when.
//!
//! It owns the send history, the estimator, probing and pacing, and knows nothing of tracks. The
//! caller
//!
//! 1. asks [`admit`](CongestionController::admit) for each packet it has for the subscriber, and
//!    sends it, queues a reference to it, or leaves it out;
//! 2. tells [`on_sent`](CongestionController::on_sent) of each packet that leaves, whatever its kind;
//! 3. hands in the subscriber's feedback as it comes, and calls
//!    [`handle_timeout`](CongestionController::handle_timeout) at
//!    [`poll_timeout`](CongestionController::poll_timeout);
//! 4. after either sends what [`release`](CongestionController::release) and
//!    [`due_padding`](CongestionController::due_padding) give, until they give nothing;
//! 5. reads [`estimate`](CongestionController::estimate) for its allocation, and says with
//!    [`set_wanted`](CongestionController::set_wanted) what it would allocate if it could: that is
//!    what is probed for.

use std::time::{Duration, Instant};

use super::application_limit::ApplicationLimit;
use super::config::{CongestionConfig, FeedbackKind};
use super::estimator::{BandwidthEstimator, FeedbackInput, Limit, LossReport, RateBounds};
use super::flight_window::FlightWindow;
use super::gcc::Gcc;
use super::pacer::{Admit, Pacer};
use super::packet_class::PacketClass;
use super::probe_controller::{ProbeController, ProbeView};
use super::probe_results::{ProbeCluster, ProbeResults};
use super::prober::Prober;
use super::report_estimator::ReportEstimator;
use super::report_tracker::ReportTracker;
use super::send_history::{PacketResult, ProbeId, SendHistory, SentPacket};
use super::sent_rate::SentRate;
use super::silence::Silence;
use crate::wire::rtcp::{CongestionFeedback, ReportBlock, TransportFeedback};

/// A cluster lasts at least this long, and has at least so many packets.
const CLUSTER_MICROS: u64 = 15_000;
const CLUSTER_PACKETS: u32 = 5;

/// Results for which memory is kept between feedbacks: those of 100 ms at 25 Mbit/s.
const KEPT_RESULTS: usize = 256;

/// No round trip counts as longer: what is older is a lie or belongs to another path.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(10);

/// What is known of a subscriber's line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What may be sent now, in bits per second, audio and headers included: allocate this.
    pub target_bps: u64,
    /// What the line is taken to carry; more than the target only while a queue is drained.
    pub capacity_bps: u64,
    /// Share lost of what was sent of late, 0 to 1.
    pub loss: f64,
    pub round_trip: Option<Duration>,
    /// How long packets wait on the way, above the least of late.
    pub queue_delay: Duration,
    /// What holds the estimate where it is.
    pub limit: Limit,
    /// More is queued than the pacer would take now: the target fell. Forget it with
    /// [`CongestionController::retain_queued`] and go on with a lower layer.
    pub overloaded: bool,
    /// Less is sent than the target, so that it cannot rise but by probing.
    pub application_limited: bool,
}

/// What happened, for the metrics; they only count up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CongestionCounters {
    /// Packets that feedback named and nobody remembers.
    pub unknown_in_feedback: u64,
    pub probe_clusters: u64,
    pub queued: u64,
    pub refused: u64,
}

/// `T` is the caller's reference to a packet that waits for its turn.
pub struct CongestionController<T> {
    epoch: Instant,
    history: SendHistory,
    estimator: Box<dyn BandwidthEstimator>,
    bounds: RateBounds,
    application: ApplicationLimit,
    sent: SentRate,
    reports: ReportTracker,
    probes: ProbeController,
    prober: Prober,
    probe_results: ProbeResults,
    next_probe: ProbeId,
    pacer: Pacer<T>,
    window: FlightWindow,
    /// Bytes that may be in flight.
    window_bytes: u64,
    round_trip_us: Option<i64>,
    silence: Silence,
    counters: CongestionCounters,
    /// Reused, so that feedback takes no memory.
    results: Vec<PacketResult>,
    by_arrival: Vec<PacketResult>,
}

impl<T> CongestionController<T> {
    pub fn new(now: Instant, config: CongestionConfig) -> Self {
        let estimator: Box<dyn BandwidthEstimator> = match config.feedback {
            FeedbackKind::TransportWide | FeedbackKind::CongestionControl => {
                Box::new(Gcc::new(config.bounds()))
            }
            FeedbackKind::Reports => Box::new(ReportEstimator::new(config.bounds())),
        };
        Self::with_estimator(now, config, estimator)
    }

    /// With another algorithm.
    pub fn with_estimator(
        now: Instant,
        config: CongestionConfig,
        estimator: Box<dyn BandwidthEstimator>,
    ) -> Self {
        let bounds = config.bounds();
        Self {
            epoch: now,
            history: SendHistory::new(config.feedback == FeedbackKind::CongestionControl),
            estimator,
            bounds,
            application: ApplicationLimit::new(bounds.start_bps),
            sent: SentRate::default(),
            reports: ReportTracker::default(),
            probes: ProbeController::new(bounds.max_bps),
            prober: Prober::default(),
            probe_results: ProbeResults::default(),
            next_probe: ProbeId::MIN,
            pacer: Pacer::new(0, bounds.start_bps),
            window: FlightWindow::default(),
            window_bytes: u64::MAX,
            round_trip_us: None,
            silence: Silence::default(),
            counters: CongestionCounters::default(),
            results: Vec::new(),
            by_arrival: Vec::new(),
        }
    }

    pub fn estimate(&self) -> Estimate {
        let outlook = self.estimator.outlook();
        let bps = |bps: f64| bps.clamp(self.bounds.min_bps, self.bounds.max_bps) as u64;
        Estimate {
            target_bps: bps(outlook.target_bps),
            capacity_bps: bps(outlook.capacity_bps),
            loss: outlook.loss,
            round_trip: self.round_trip_us.map(micros),
            queue_delay: micros(outlook.queue_us),
            limit: outlook.limit,
            overloaded: !self.pacer.fits(0),
            application_limited: self.application.was_limited(),
        }
    }

    pub fn counters(&self) -> CongestionCounters {
        self.counters
    }

    /// What would be sent if the line allowed, in bits per second. While it is more than the
    /// estimate, the line is probed, which costs padding.
    pub fn set_wanted(&mut self, now: Instant, bps: u64) {
        self.probes.set_wanted(bps as f64);
        self.plan_probes(self.micros(now), News::default());
    }

    // ---- sending --------------------------------------------------------------------------------

    /// What to do with a packet of `bytes` on the wire. Audio always goes.
    pub fn admit(&mut self, now: Instant, bytes: usize, class: PacketClass) -> Admit {
        let now_us = self.micros(now);
        // During a cluster its rate is the pace: a burst in it would measure nothing.
        let waits = self.is_blocked() || self.prober.is_due(now_us) == Some(false);
        let waits = waits && class != PacketClass::Audio;
        let admit = match (waits, self.pacer.fits(bytes)) {
            (true, true) => Admit::Queue,
            (true, false) => Admit::Refuse,
            (false, _) => self.pacer.admit(now_us, bytes, class),
        };
        match admit {
            Admit::Now => {}
            Admit::Queue => self.counters.queued += 1,
            Admit::Refuse => self.counters.refused += 1,
        }
        admit
    }

    /// Takes a reference to a packet that [`admit`](Self::admit) said to queue.
    pub fn queue(&mut self, item: T, bytes: usize, class: PacketClass) {
        self.pacer.push(item, bytes, class);
    }

    /// A queued packet whose turn it is.
    pub fn release(&mut self, now: Instant) -> Option<T> {
        let now_us = self.micros(now);
        if self.is_blocked() {
            return None;
        }
        match self.prober.is_due(now_us) {
            Some(true) => self.pacer.release_next(),
            Some(false) => None,
            None => self.pacer.release(now_us),
        }
    }

    /// Bytes of padding that a probe is short of, on the wire: send about so many, in packets of
    /// class [`PacketClass::Padding`], and tell [`on_sent`](Self::on_sent). Ask after
    /// [`release`](Self::release) gave nothing.
    pub fn due_padding(&mut self, now: Instant) -> Option<usize> {
        let now_us = self.micros(now);
        if self.is_blocked() || !self.pacer.is_empty() {
            return None;
        }
        self.prober.due_bytes(now_us)
    }

    /// As much is in flight as the path holds, or nobody knows how much that is: all but audio waits
    /// for feedback.
    fn is_blocked(&self) -> bool {
        self.history.in_flight() >= self.window_bytes
    }

    /// Forgets queued items for which `keep` says no, as after a switch to another layer.
    pub fn retain_queued(&mut self, keep: impl FnMut(&T) -> bool) {
        self.pacer.retain(keep);
    }

    /// Packets queued.
    pub fn queued(&self) -> usize {
        self.pacer.len()
    }

    /// How long what is queued will take.
    pub fn queue_time(&self) -> Duration {
        micros(self.pacer.queue_micros())
    }

    /// A packet left.
    pub fn on_sent(&mut self, now: Instant, packet: SentPacket) {
        let now_us = self.micros(now);
        let probe = self.prober.on_sent(now_us, packet.bytes);
        if probe.is_some() && packet.class == PacketClass::Padding {
            self.pacer.owe(packet.bytes);
        }
        self.history.on_sent(now_us, &packet, probe);
        self.application.on_sent(now_us, packet.bytes);
        self.sent.on_sent(now_us, packet.bytes);
        if self.silence.on_sent(now_us) {
            self.plan_probes(now_us, News::default());
        }
    }

    // ---- feedback -------------------------------------------------------------------------------

    pub fn on_transport_feedback(&mut self, now: Instant, feedback: &TransportFeedback) {
        let unknown = self
            .history
            .on_transport_feedback(feedback, &mut self.results);
        self.counters.unknown_in_feedback += unknown as u64;
        self.on_results(self.micros(now));
    }

    pub fn on_congestion_feedback(&mut self, now: Instant, feedback: &CongestionFeedback) {
        let unknown = self
            .history
            .on_congestion_feedback(feedback, &mut self.results);
        self.counters.unknown_in_feedback += unknown as u64;
        self.on_results(self.micros(now));
    }

    /// What the receiver believes it can take, whatever else is known.
    pub fn on_remb(&mut self, now: Instant, bps: u64) {
        let now_us = self.micros(now);
        // As libwebrtc: zero is no limit.
        let bps = (bps > 0).then_some(bps as f64);
        self.estimator.on_receiver_limit(now_us, bps);
        self.apply(now_us, News::default());
    }

    /// Report blocks about streams sent to the subscriber, and the round trip they tell. They
    /// count only where there is no better feedback.
    pub fn on_receiver_report(
        &mut self,
        now: Instant,
        blocks: &[ReportBlock],
        round_trip: Option<Duration>,
    ) {
        if self.estimator.takes_feedback() {
            return;
        }
        let now_us = self.micros(now);
        let round_trip_us = round_trip.map(|rtt| rtt.min(MAX_ROUND_TRIP).as_micros() as i64);
        self.round_trip_us = round_trip_us.or(self.round_trip_us);
        self.silence.on_feedback(now_us);
        // What was sent so far is answered for.
        self.history.give_up_flight();
        let (expected, lost) = self.reports.on_report(blocks);
        self.estimator.on_loss_report(LossReport {
            now_us,
            expected,
            lost,
            round_trip_us: self.round_trip_us,
            sent_bps: self.sent.bps(now_us),
        });
        self.apply(now_us, News::default());
    }

    fn on_results(&mut self, now_us: i64) {
        let received = |result: &&PacketResult| result.arrival_us.is_some();
        self.by_arrival
            .extend(self.results.iter().filter(received).copied());
        // In place: stable sorting would take memory.
        self.by_arrival
            .sort_unstable_by_key(|result| (result.arrival_us, result.sequence));
        // What was called lost before tells when feedback got through, not how long it takes.
        let mut fresh = self.by_arrival.iter().rev().filter(|it| !it.was_lost);
        let round_trip_us = fresh.next().map(|last| {
            let micros = now_us - last.sent_us;
            micros.clamp(0, MAX_ROUND_TRIP.as_micros() as i64)
        });
        if round_trip_us.is_some() {
            self.round_trip_us = round_trip_us;
            self.silence.on_feedback(now_us);
        }
        if let Some(micros) = round_trip_us {
            self.window.on_feedback(now_us, micros);
        }
        if !self.results.is_empty() && self.estimator.takes_feedback() {
            self.estimate_from_results(now_us, round_trip_us);
        }
        // Feedback may come that is about all that was sent.
        self.results.clear();
        self.by_arrival.clear();
        self.results.shrink_to(KEPT_RESULTS);
        self.by_arrival.shrink_to(KEPT_RESULTS);
    }

    fn estimate_from_results(&mut self, now_us: i64, round_trip_us: Option<i64>) {
        let probe_bps = self.probe_results.on_results(&self.by_arrival);
        let recovered = self.estimator.on_feedback(FeedbackInput {
            now_us,
            results: &self.results,
            by_arrival: &self.by_arrival,
            round_trip_us,
            probe_bps,
            application_limited: self.application.is_limited(now_us),
        });
        let measured = probe_bps.is_some();
        self.apply(
            now_us,
            News {
                recovered,
                measured,
            },
        );
    }

    /// The estimate may have changed.
    fn apply(&mut self, now_us: i64, news: News) {
        let outlook = self.estimator.outlook();
        self.application.set_estimate(outlook.capacity_bps);
        self.pacer.set_target(now_us, outlook.target_bps);
        let window = self.window.bytes(outlook.target_bps);
        self.window_bytes = match outlook.in_doubt {
            true => 0,
            false => window.unwrap_or(u64::MAX),
        };
        self.plan_probes(now_us, news);
    }

    // ---- time -----------------------------------------------------------------------------------

    /// When [`handle_timeout`](Self::handle_timeout), [`release`](Self::release) and
    /// [`due_padding`](Self::due_padding) are to be called next. May be in the past.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let probing = self.prober.poll_timeout_us();
        // What is blocked goes on with the next feedback.
        let sending = match (self.is_blocked(), probing) {
            (true, _) => None,
            (false, None) => self.pacer.poll_timeout_us(),
            (false, probing) => probing,
        };
        [sending, self.next_plan_us(), self.next_silence_us()]
            .into_iter()
            .flatten()
            .min()
            .map(|at| self.epoch + micros(at))
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let now_us = self.micros(now);
        if self.next_silence_us().is_some_and(|at| at <= now_us) {
            self.silence.on_reaction(now_us);
            self.prober.clear();
            // Or nothing would ever leave again.
            self.history.give_up_flight();
            self.estimator.on_silence(now_us);
            self.apply(now_us, News::default());
        } else {
            self.plan_probes(now_us, News::default());
        }
    }

    fn next_silence_us(&self) -> Option<i64> {
        let round_trip_us = match self.estimator.takes_feedback() {
            true => Some(self.round_trip_us.unwrap_or(0)),
            false => None,
        };
        self.silence.due_us(&self.history, round_trip_us)
    }

    fn next_plan_us(&self) -> Option<i64> {
        if !self.may_probe() || !self.prober.is_idle() {
            return None;
        }
        let outlook = self.estimator.outlook();
        let useful = outlook.calm || self.application.was_limited();
        self.probes.poll_timeout_us(&outlook, useful)
    }

    /// Only with feedback about single packets can a probe be measured, and only on a path that
    /// carries something.
    fn may_probe(&self) -> bool {
        self.estimator.takes_feedback() && self.silence.has_begun()
    }

    fn plan_probes(&mut self, now_us: i64, news: News) {
        if !self.may_probe() {
            return;
        }
        let outlook = self.estimator.outlook();
        let plan = self.probes.plan(ProbeView {
            now_us,
            capacity_bps: outlook.capacity_bps,
            limit: outlook.limit,
            useful: outlook.calm || self.application.is_limited(now_us),
            recovered: news.recovered,
            measured: news.measured,
        });
        for bps in plan {
            let bps = bps as u64;
            let cluster = ProbeCluster {
                id: self.next_probe,
                bps,
                min_packets: CLUSTER_PACKETS,
                min_bytes: bps * CLUSTER_MICROS / 8_000_000,
            };
            if self.prober.push(cluster, self.pacer.paid_us()) {
                self.probe_results.expect(cluster);
                self.next_probe = self.next_probe.checked_add(1).unwrap_or(ProbeId::MIN);
                self.counters.probe_clusters += 1;
            }
        }
    }

    fn micros(&self, now: Instant) -> i64 {
        now.saturating_duration_since(self.epoch).as_micros() as i64
    }
}

/// What a feedback said, for the probes.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    recovered: bool,
    measured: bool,
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0).unsigned_abs())
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
