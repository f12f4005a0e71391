//! The media plane: what signalling needs of the packet-forwarding core, and nothing more.
//!
//! Signalling owns this trait and its value types and never imports the node. The node implements
//! it over its shards; tests implement it with a fake. SDP passes through as opaque text, and
//! people's names and roles never cross this line: the plane knows ids and permissions.
//!
//! Slow consumers: the plane sends [`MediaEvent`]s over one bounded channel handed to signalling at
//! start. Events carry state, not differences (a participant's whole slot mapping, a room's whole
//! speaker list), so a later event makes up for a lost one.

use std::future::Future;
use std::pin::Pin;

pub use crate::admission::ladder::{Pictures, Service};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A live room. Minted by signalling, unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaRoom(pub u64);

/// One media session of one person. A reload or a resume with a new offer is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaSession(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaSource {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    Audio,
    Video,
}

/// What the core lets through from one participant; everything else it drops and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaPermissions {
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
}

impl MediaPermissions {
    pub const ALL: Self = Self {
        microphone: true,
        camera: true,
        screen: true,
    };
}

/// How slots are filled when there are more sources than slots; higher first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MediaPriority {
    Ordinary,
    /// Teachers and co-teachers keep a video slot whoever speaks.
    Leading,
}

#[derive(Clone, Debug)]
pub struct MediaJoin {
    pub room: MediaRoom,
    pub session: MediaSession,
    /// SDP offer as the client sent it; bounded in length by signalling.
    pub offer: String,
    pub permissions: MediaPermissions,
    pub priority: MediaPriority,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaJoined {
    pub answer: String,
    /// Which m-line (by mid) publishes what.
    pub publish: Vec<(String, MediaSource)>,
    /// Slots in the order of the offer's m-lines.
    pub slots: Vec<(String, SlotKind)>,
    /// What of the offer could not be used, each as a stable code (`video_codec_unsupported`, ...).
    pub warnings: Vec<MediaWarning>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaWarning {
    AudioCodecUnsupported,
    VideoCodecUnsupported,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    #[error("the offer cannot be read: {0}")]
    BadOffer(String),
    #[error("the offer has no codec this node forwards (Opus; VP8 or H.264)")]
    UnsupportedMedia,
    #[error("the media core is overloaded")]
    Overloaded,
    #[error("no such media session")]
    UnknownSession,
}

/// Which video a participant wants to see. Replaces the former wants as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaWants {
    /// Shown before all others, in this order.
    pub pinned: Vec<MediaSession>,
    /// At most this many video slots are filled; `None`: all of them.
    pub max_video: Option<u8>,
    /// How large tracks are shown; each track once, 64 in all at most. Others are sent as large as
    /// the plane thinks fit.
    pub tiles: Vec<MediaTile>,
}

/// How large a participant shows a video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTile {
    pub session: MediaSession,
    /// [`MediaSource::Camera`] or [`MediaSource::Screen`].
    pub source: MediaSource,
    /// In device pixels; 0: not to be seen, nothing need be sent.
    pub height: u16,
}

/// A participant's line as the plane sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLine {
    /// The estimate of what the line to the participant carries, in kbit/s; `None`: not known yet.
    pub downlink_kbps: Option<u32>,
    pub video: LineVideo,
    pub uplink: Uplink,
}

impl MediaLine {
    /// As long as the plane has said nothing.
    pub const UNKNOWN: Self = Self {
        downlink_kbps: None,
        video: LineVideo::Full,
        uplink: Uplink::Good,
    };
}

/// Pictures to a participant, and why they are less than asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineVideo {
    Full,
    Reduced(LineReason),
    Off(LineReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineReason {
    /// The line carries too little.
    Narrow,
    /// Too much gets lost on it.
    Lossy,
    /// What is sent waits too long in a queue.
    Delayed,
}

/// What comes from a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uplink {
    Good,
    /// So much gets lost that others notice.
    Lossy,
    /// Nothing comes, although something is published.
    Silent,
}

/// Why a media session ended on the plane's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaEnd {
    /// No authenticated connectivity check for 30 s (RFC 7675).
    ConsentExpired,
    /// DTLS failed or the certificate did not match the offer's fingerprint.
    HandshakeFailed,
    /// Nothing came before the deadline for the first connectivity check.
    NeverConnected,
    /// The peer sent close_notify.
    PeerClosed,
    /// The core had no room after all, although the join was answered.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The path is up and secured: media can flow.
    Connected { session: MediaSession },
    Ended {
        session: MediaSession,
        why: MediaEnd,
    },
    /// The whole mapping of one participant's slots, by slot index.
    Slots {
        session: MediaSession,
        slots: Vec<Option<(MediaSession, MediaSource)>>,
    },
    /// Who speaks now, loudest first.
    Speakers {
        room: MediaRoom,
        sessions: Vec<MediaSession>,
    },
    /// The encodings of one source of a participant that somebody is sent, by RID as offered. On
    /// every change; only for sources sent as simulcast. Empty: nobody is sent any.
    Layers {
        session: MediaSession,
        source: MediaSource,
        active: Vec<String>,
    },
    /// On change, at most once a second for each participant.
    Line {
        session: MediaSession,
        line: MediaLine,
    },
}

/// Whom an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventScope {
    Session(MediaSession),
    Room(MediaRoom),
}

impl MediaEvent {
    pub fn scope(&self) -> EventScope {
        match self {
            Self::Connected { session }
            | Self::Ended { session, .. }
            | Self::Slots { session, .. }
            | Self::Layers { session, .. }
            | Self::Line { session, .. } => EventScope::Session(*session),
            Self::Speakers { room, .. } => EventScope::Room(*room),
        }
    }

    /// Whether `former`, which came before, says nothing any more: events carry whole state.
    pub fn replaces(&self, former: &Self) -> bool {
        let source = |event: &Self| match event {
            Self::Layers { source, .. } => Some(*source),
            _ => None,
        };
        std::mem::discriminant(self) == std::mem::discriminant(former)
            && self.scope() == former.scope()
            && source(self) == source(former)
    }
}

/// How near the core is to its end, each as a share of its bound: 0 idle, 1 at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MediaPressure {
    /// CPU time of the busiest media thread.
    pub cpu: f64,
    /// Datagrams that wait to be sent.
    pub send_backlog: f64,
    /// Handshakes that wait.
    pub handshake_queue: f64,
}

/// The packet-forwarding core as signalling sees it. Calls never block: what cannot be queued is
/// answered with [`MediaError::Overloaded`].
pub trait MediaPlane: Send + Sync + 'static {
    fn join(&self, join: MediaJoin) -> BoxFuture<'_, Result<MediaJoined, MediaError>>;

    /// ICE restart (RFC 8445 §9) with a new offer of the same m-lines; gives the new answer.
    fn restart(
        &self,
        session: MediaSession,
        offer: String,
    ) -> BoxFuture<'_, Result<String, MediaError>>;

    /// Ends a session. Unknown sessions are ignored: leaving twice is no error.
    fn leave(&self, session: MediaSession);

    fn set_wants(&self, session: MediaSession, wants: MediaWants) -> Result<(), MediaError>;

    fn set_permissions(
        &self,
        session: MediaSession,
        permissions: MediaPermissions,
    ) -> Result<(), MediaError>;

    /// The client says it stopped or resumed sending `source`, so that slots are freed at once
    /// instead of after a silence.
    fn set_muted(
        &self,
        session: MediaSession,
        source: MediaSource,
        muted: bool,
    ) -> Result<(), MediaError>;

    /// How near the core is to its end, over the last second. Asked every second.
    fn pressure(&self) -> MediaPressure {
        MediaPressure::default()
    }

    /// What everybody is given from now on; [`Service::default`] before the first call. A core that
    /// cannot give less ignores it.
    fn set_service(&self, _service: Service) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_replaces_its_like_only() {
        let layers = |session, source, active: &[&str]| MediaEvent::Layers {
            session: MediaSession(session),
            source,
            active: active.iter().map(|rid| (*rid).to_owned()).collect(),
        };
        let one = layers(1, MediaSource::Camera, &["q"]);
        assert!(layers(1, MediaSource::Camera, &[]).replaces(&one));
        assert!(!layers(1, MediaSource::Screen, &["q"]).replaces(&one));
        assert!(!layers(2, MediaSource::Camera, &["q"]).replaces(&one));
        let session = MediaSession(1);
        let line = MediaLine::UNKNOWN;
        assert!(!MediaEvent::Line { session, line }.replaces(&one));
        assert!(!one.replaces(&MediaEvent::Connected { session }));
    }
}
