//! How much of its sources a client sends.

use std::time::Duration;

use super::media::VideoShape;

/// Opus sends a packet this often while nobody speaks (DTX).
const PAUSED_VOICE_INTERVAL: Duration = Duration::from_millis(400);
const VOICE_INTERVAL: Duration = Duration::from_millis(20);
/// A frame a second, of two packets: a node shows a camera as long as it is not silent for longer.
const PAUSED_CAMERA: VideoShape = VideoShape {
    bits_per_second: 8_000,
    frames_per_second: 1,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    #[default]
    Full,
    /// As little as keeps every source alive.
    Trickle,
    Stopped,
}

impl Pace {
    pub fn voice_interval(self) -> Duration {
        match self {
            Pace::Full => VOICE_INTERVAL,
            Pace::Trickle | Pace::Stopped => PAUSED_VOICE_INTERVAL,
        }
    }

    /// What a camera of this shape sends.
    pub fn camera(self, full: VideoShape) -> VideoShape {
        match self {
            Pace::Full => full,
            Pace::Trickle | Pace::Stopped => PAUSED_CAMERA,
        }
    }
}
