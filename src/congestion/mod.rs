//! What the network tells us, and what we make of it: towards publishers the feedback about their
//! packets, for each subscriber an estimate of its line, probes for more of it, and pacing.
//!
//! Start at [`CongestionController`]; [`BandwidthEstimator`] is where another algorithm goes in.

mod acked_bitrate;
mod application_limit;
mod arrival_clock;
mod config;
mod controller;
mod delay_based;
mod estimator;
mod flight_window;
mod gcc;
mod inter_arrival;
mod link_capacity;
mod loss_based;
mod loss_model;
mod pacer;
mod packet_class;
mod probe_controller;
mod probe_results;
mod prober;
mod queue_delay;
mod rate_control;
mod report_estimator;
mod report_tracker;
mod send_history;
mod sent_rate;
mod silence;
mod stream_index;
mod transport_feedback;
mod trendline;

#[cfg(test)]
mod tests;

pub use config::{CongestionConfig, FeedbackKind, MAX_BPS, MIN_BPS, START_BPS};
pub use controller::{CongestionController, CongestionCounters, Estimate};
pub use estimator::{BandwidthEstimator, FeedbackInput, Limit, LossReport, Outlook, RateBounds};
pub use gcc::Gcc;
pub use pacer::{Admit, MAX_QUEUE_MICROS, MAX_QUEUED, Pacer};
pub use packet_class::PacketClass;
pub use report_estimator::ReportEstimator;
pub use send_history::{MAX_RESULTS, MAX_SENT, PacketResult, ProbeId, SendHistory, SentPacket};
pub use transport_feedback::{FEEDBACK_INTERVAL, FeedbackRecorder, MAX_REMEMBERED, MAX_REPORTED};
