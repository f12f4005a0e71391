//! A participant without a browser: real WebSocket, ICE, DTLS and SRTP, media that can be verified.
//!
//! [`signaling`] joins over the WebSocket, [`session`] is the media path as a sans-IO state machine,
//! [`driver`] runs many of them on few threads. None of it shares code with the node.

pub mod crypto;
pub mod driver;
pub mod dtls;
pub mod ice;
pub mod media;
pub mod outbox;
pub mod pace;
pub mod payload;
pub mod protocol;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod session;
pub mod signaling;
pub mod srtp;
pub mod transport_feedback;
pub mod vp8;
