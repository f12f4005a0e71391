//! What a subscriber's congestion control begins with.

use super::estimator::RateBounds;

/// libwebrtc's start.
pub const START_BPS: u64 = 300_000;
/// A voice at its lowest.
pub const MIN_BPS: u64 = 10_000;
/// More than any room allocates to one subscriber.
pub const MAX_BPS: u64 = 20_000_000;

/// What the subscriber tells about its packets; negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackKind {
    /// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions).
    TransportWide,
    /// RFC 8888.
    CongestionControl,
    /// Receiver reports and perhaps REMB.
    Reports,
}

#[derive(Clone, Copy, Debug)]
pub struct CongestionConfig {
    pub feedback: FeedbackKind,
    pub start_bps: u64,
    pub min_bps: u64,
    pub max_bps: u64,
}

impl CongestionConfig {
    pub fn new(feedback: FeedbackKind) -> Self {
        Self {
            feedback,
            start_bps: START_BPS,
            min_bps: MIN_BPS,
            max_bps: MAX_BPS,
        }
    }

    /// Ordered, and never zero.
    pub(super) fn bounds(&self) -> RateBounds {
        let min = self.min_bps.max(1);
        let max = self.max_bps.max(min);
        RateBounds {
            start_bps: self.start_bps.clamp(min, max) as f64,
            min_bps: min as f64,
            max_bps: max as f64,
        }
    }
}
