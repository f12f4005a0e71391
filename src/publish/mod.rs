//! What comes in: tracks, receive windows, the packet cache, keyframe requests.

pub mod index_window;
pub mod keyframe_requests;
pub mod nack_list;
pub mod packet_cache;
pub mod receive_window;
pub mod reception;
pub mod sender_clock;
pub mod track;
pub mod voice_history;

pub use packet_cache::CachedPacket;
pub use sender_clock::{PublisherClock, SenderClock, SenderReportTime};
pub use track::{Ingress, NODE_SSRC, Track, TrackDrop, relayed_ssrc};
