//! Between the wire's words and the media plane's.

use crate::admission::gate::Reason;
use crate::admission::ladder::Step;
use crate::admission::queue::Rank;
use crate::message::{
    self, ErrorCode, LineQuality, Publishing, Role, ServiceLevel, TrackKind, TrackSource,
    VideoSource, Warning,
};
use crate::plane::{
    LineReason, LineVideo, MediaError, MediaLine, MediaPermissions, MediaPriority, MediaSource,
    MediaWarning, SlotKind, Uplink,
};

impl From<MediaSource> for TrackSource {
    fn from(source: MediaSource) -> Self {
        match source {
            MediaSource::Microphone => Self::Microphone,
            MediaSource::Camera => Self::Camera,
            MediaSource::Screen => Self::Screen,
            MediaSource::ScreenAudio => Self::ScreenAudio,
        }
    }
}

impl From<VideoSource> for MediaSource {
    fn from(source: VideoSource) -> Self {
        match source {
            VideoSource::Camera => Self::Camera,
            VideoSource::Screen => Self::Screen,
        }
    }
}

impl From<SlotKind> for TrackKind {
    fn from(kind: SlotKind) -> Self {
        match kind {
            SlotKind::Audio => Self::Audio,
            SlotKind::Video => Self::Video,
        }
    }
}

impl From<MediaWarning> for Warning {
    fn from(warning: MediaWarning) -> Self {
        match warning {
            MediaWarning::AudioCodecUnsupported => Self::AudioCodecUnsupported,
            MediaWarning::VideoCodecUnsupported => Self::VideoCodecUnsupported,
        }
    }
}

/// What people are told of the step that the node is on.
pub(crate) fn service_level(step: Step) -> Option<ServiceLevel> {
    match step {
        Step::Full => None,
        Step::AudioFirst => Some(ServiceLevel::AudioFirst),
        Step::ThumbnailsLimited => Some(ServiceLevel::ThumbnailsLimited),
        Step::SpeakersOnly => Some(ServiceLevel::SpeakersOnly),
        Step::AudioOnly => Some(ServiceLevel::AudioOnly),
        Step::Queue => Some(ServiceLevel::Queue),
    }
}

/// What somebody who is not let in is told.
pub(crate) fn refusal_code(reason: Reason) -> ErrorCode {
    match reason {
        Reason::Busy | Reason::ClassBusy | Reason::NewClassesWait | Reason::TooSlow => {
            ErrorCode::Overloaded
        }
        Reason::NodeFull => ErrorCode::NodeFull,
        Reason::ClassFull => ErrorCode::RoomFull,
    }
}

impl From<LineReason> for message::LineReason {
    fn from(reason: LineReason) -> Self {
        match reason {
            LineReason::Narrow => Self::Narrow,
            LineReason::Lossy => Self::Lossy,
            LineReason::Delayed => Self::Delayed,
        }
    }
}

impl From<MediaLine> for message::Line {
    fn from(line: MediaLine) -> Self {
        let (video, reason) = match line.video {
            LineVideo::Full => (message::LineVideo::Full, None),
            LineVideo::Reduced(reason) => (message::LineVideo::Reduced, Some(reason)),
            LineVideo::Off(reason) => (message::LineVideo::Off, Some(reason)),
        };
        Self {
            downlink_kbps: line.downlink_kbps,
            video,
            reason: reason.map(Into::into),
            uplink: match line.uplink {
                Uplink::Good => message::Uplink::Good,
                Uplink::Lossy => message::Uplink::Lossy,
                Uplink::Silent => message::Uplink::Silent,
            },
        }
    }
}

/// What the others are told of a line.
pub(crate) fn line_quality(line: MediaLine) -> LineQuality {
    match (line.video, line.uplink) {
        (LineVideo::Off(_), _) | (_, Uplink::Silent) => LineQuality::Bad,
        (LineVideo::Reduced(_), _) | (_, Uplink::Lossy) => LineQuality::Weak,
        (LineVideo::Full, Uplink::Good) => LineQuality::Good,
    }
}

/// An unknown session is one whose media is over: the client has to join again.
pub(crate) fn error_code(error: &MediaError) -> ErrorCode {
    match error {
        MediaError::BadOffer(_) => ErrorCode::BadOffer,
        MediaError::UnsupportedMedia => ErrorCode::UnsupportedMedia,
        MediaError::Overloaded => ErrorCode::Overloaded,
        MediaError::UnknownSession => ErrorCode::NotJoined,
    }
}

pub(crate) fn priority(role: Role) -> MediaPriority {
    match role {
        Role::Teacher | Role::CoTeacher => MediaPriority::Leading,
        Role::Pupil | Role::Guest => MediaPriority::Ordinary,
    }
}

pub(crate) fn rank(role: Role) -> Rank {
    match role {
        Role::Teacher | Role::CoTeacher => Rank::Leading,
        Role::Pupil | Role::Guest => Rank::Ordinary,
    }
}

/// Every role may send everything, until a class has rules of its own.
pub(crate) fn permissions(_role: Role) -> MediaPermissions {
    MediaPermissions::ALL
}

/// Whether `publishing` has `source` live.
pub(crate) fn is_live(publishing: Publishing, source: MediaSource) -> bool {
    match source {
        MediaSource::Microphone => publishing.microphone,
        MediaSource::Camera => publishing.camera,
        MediaSource::Screen | MediaSource::ScreenAudio => publishing.screen,
    }
}
