//! bytes <-> values, pure: demultiplexing, STUN, RTP, RTCP, codecs, SDP.

pub mod codec;
pub mod demux;
pub mod extensions;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod stun;
