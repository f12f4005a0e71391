//! What the network tells us, and what we make of it: towards publishers the feedback about their
//! packets, for each subscriber an estimate of its line, probes for more of it, and pacing.

mod arrival_clock;
mod packet_class;
mod send_history;
mod stream_index;
mod transport_feedback;

pub use packet_class::PacketClass;
pub use send_history::{MAX_RESULTS, MAX_SENT, PacketResult, ProbeId, SendHistory, SentPacket};
pub use transport_feedback::{FEEDBACK_INTERVAL, FeedbackRecorder, MAX_REMEMBERED, MAX_REPORTED};
