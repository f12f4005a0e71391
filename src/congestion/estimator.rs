//! What a bandwidth estimator is to the rest: feedback in, a rate and its reason out. Everything
//! else (history, probing, pacing) is the same for all of them, so that another can be put in.

use super::send_history::PacketResult;

/// Bounds of an estimate, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateBounds {
    pub start_bps: f64,
    pub min_bps: f64,
    pub max_bps: f64,
}

/// One feedback, resolved.
#[derive(Clone, Copy, Debug)]
pub struct FeedbackInput<'a> {
    /// Microseconds on the same clock as the times of sending.
    pub now_us: i64,
    /// In the order of the feedback.
    pub results: &'a [PacketResult],
    /// Those received, by arrival.
    pub by_arrival: &'a [PacketResult],
    pub round_trip_us: Option<i64>,
    /// A probe's result.
    pub probe_bps: Option<f64>,
    /// Less was sent than the estimate allows.
    pub application_limited: bool,
}

/// How one stream arrived since the last report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossReport {
    pub now_us: i64,
    pub expected: u64,
    pub lost: u64,
    pub round_trip_us: Option<i64>,
    /// What was sent to the subscriber, of late.
    pub sent_bps: f64,
}

/// What holds the estimate where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Limit {
    /// Nothing; it may rise.
    #[default]
    None,
    /// The path's queue grows.
    Delay,
    /// A queue is drained after the path's capacity dropped.
    Draining,
    /// Packets are lost because of what we send.
    Loss,
    /// As before, and more is being tried.
    LossRecovering,
    /// The receiver says so.
    Receiver,
    /// No feedback comes.
    Silence,
}

/// What an estimator says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// What may be sent now; within the bounds.
    pub target_bps: f64,
    /// What the path is taken to carry; more than the target while a queue is drained.
    pub capacity_bps: f64,
    /// Share of what was sent of late, 0 to 1.
    pub loss: f64,
    pub queue_us: i64,
    /// Nothing has over-used the path for longer than it takes to grow back after that.
    pub calm: bool,
    /// The path may carry much less than it did: nothing but audio should be sent before the next
    /// feedback.
    pub in_doubt: bool,
    pub limit: Limit,
}

/// An algorithm. Times are microseconds on the clock of sending.
pub trait BandwidthEstimator: Send {
    /// Whether it works from feedback about single packets; else from reports of losses.
    fn takes_feedback(&self) -> bool;

    /// Feedback about single packets. Returns whether a queue of an over-use was found empty
    /// again.
    fn on_feedback(&mut self, input: FeedbackInput<'_>) -> bool;

    /// A receiver report.
    fn on_loss_report(&mut self, report: LossReport);

    /// What the receiver believes it can take; `None` lifts it.
    fn on_receiver_limit(&mut self, now_us: i64, bps: Option<f64>);

    /// Something was sent long ago and no feedback came since. Called again and again while that
    /// is so.
    fn on_silence(&mut self, now_us: i64);

    fn outlook(&self) -> Outlook;
}
