//! What the network tells us: transport-wide feedback, later estimates and pacing.

mod transport_feedback;

pub use transport_feedback::{FEEDBACK_INTERVAL, FeedbackRecorder, MAX_REMEMBERED, MAX_REPORTED};
