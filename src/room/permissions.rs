//! What a participant may send and wishes to see.

use crate::media::{ParticipantId, Source};

/// Pins beyond this are ignored: there are never more video slots than this.
pub const MAX_PINNED: usize = 64;

/// Tiles beyond this are ignored, as for pins.
pub const MAX_TILES: usize = 64;

/// What is let through from one participant; everything else is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub microphone: bool,
    pub camera: bool,
    /// The screen and its audio.
    pub screen: bool,
}

impl Permissions {
    pub const ALL: Self = Self {
        microphone: true,
        camera: true,
        screen: true,
    };

    pub fn allow(self, source: Source) -> bool {
        match source {
            Source::Microphone => self.microphone,
            Source::Camera => self.camera,
            Source::Screen | Source::ScreenAudio => self.screen,
        }
    }
}

/// Which video a participant wants to see. Replaces the former wants as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Shown before all others, in this order; at most [`MAX_PINNED`] are heeded.
    pub pinned: Vec<ParticipantId>,
    /// At most this many video slots are filled; `None`: all of them.
    pub max_video: Option<u8>,
    /// How large tracks are shown, each track once; at most [`MAX_TILES`] are heeded.
    pub tiles: Vec<Tile>,
}

/// How large a participant shows a video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    pub participant: ParticipantId,
    pub source: Source,
    /// In device pixels; 0: not to be seen.
    pub height: u16,
}
