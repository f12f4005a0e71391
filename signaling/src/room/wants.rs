//! What people wish to see, kept in their own terms and given to the plane in its.

use super::actor::Room;
use crate::message::{ErrorCode, ParticipantId, Tile};
use crate::plane::{MediaError, MediaTile, MediaWants};
use crate::translate::error_code;

/// Participants that one person may pin. More: `bad_message`.
const MAX_PINNED: usize = 64;

/// Tiles that one person may name, more than clients have slots. More: `bad_message`.
const MAX_TILES: usize = 64;

/// As one person last asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wants {
    /// At most [`MAX_PINNED`].
    pub pinned: Vec<ParticipantId>,
    pub max_video: Option<u8>,
    /// At most [`MAX_TILES`], each track once.
    pub tiles: Vec<Tile>,
}

impl Wants {
    fn is_within_bounds(&self) -> bool {
        self.pinned.len() <= MAX_PINNED && self.tiles.len() <= MAX_TILES
    }

    /// Of a track named twice the last tile counts.
    fn keep_last_tiles(&mut self) {
        let tiles = std::mem::take(&mut self.tiles);
        for tile in tiles {
            let same =
                |kept: &Tile| kept.participant == tile.participant && kept.source == tile.source;
            self.tiles.retain(|kept| !same(kept));
            self.tiles.push(tile);
        }
    }

    fn name(&self, participant: &str) -> bool {
        self.pinned.iter().any(|id| id == participant)
            || self.tiles.iter().any(|t| t.participant == participant)
    }
}

impl Room {
    pub fn set_wants(&mut self, participant: &str, mut wants: Wants) -> Result<(), ErrorCode> {
        if !wants.is_within_bounds() {
            return Err(ErrorCode::BadMessage);
        }
        wants.keep_last_tiles();
        if let Some(member) = self.people.get_mut(participant) {
            member.wants = wants;
        }
        self.send_wants(participant)
            .map_err(|error| error_code(&error))
    }

    /// Gives the plane a person's wants as they mean now: who is not here is left out.
    fn send_wants(&self, participant: &str) -> Result<(), MediaError> {
        let Some(member) = self.people.get(participant) else {
            return Ok(());
        };
        let session = |id: &ParticipantId| self.people.get(id).map(|m| m.media.session);
        let tile = |tile: &Tile| {
            Some(MediaTile {
                session: session(&tile.participant)?,
                source: tile.source.into(),
                height: tile.height,
            })
        };
        let wants = MediaWants {
            pinned: member.wants.pinned.iter().filter_map(session).collect(),
            max_video: member.wants.max_video,
            tiles: member.wants.tiles.iter().filter_map(tile).collect(),
        };
        self.node.plane.set_wants(member.media.session, wants)
    }

    /// `participant` has another media session now: whoever named the person goes on doing so.
    pub fn renew_wants_for(&self, participant: &str) {
        for member in self.people.iter() {
            if member.wants.name(participant)
                && let Err(error) = self.send_wants(&member.id)
            {
                tracing::debug!(participant = member.id, %error, "wants not renewed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::VideoSource;

    fn tile(participant: &str, source: VideoSource, height: u16) -> Tile {
        let participant = participant.into();
        Tile {
            participant,
            source,
            height,
        }
    }

    #[test]
    fn the_last_tile_of_a_track_counts() {
        let mut wants = Wants {
            tiles: vec![
                tile("a", VideoSource::Camera, 180),
                tile("a", VideoSource::Screen, 720),
                tile("b", VideoSource::Camera, 0),
                tile("a", VideoSource::Camera, 360),
            ],
            ..Wants::default()
        };
        wants.keep_last_tiles();
        assert_eq!(
            wants.tiles,
            [
                tile("a", VideoSource::Screen, 720),
                tile("b", VideoSource::Camera, 0),
                tile("a", VideoSource::Camera, 360),
            ]
        );
        assert!(wants.name("b") && !wants.name("c"));
    }

    #[test]
    fn bounds_are_inclusive() {
        let mut wants = Wants {
            pinned: vec!["p".into(); MAX_PINNED],
            tiles: vec![tile("p", VideoSource::Camera, 1); MAX_TILES],
            ..Wants::default()
        };
        assert!(wants.is_within_bounds());
        wants.tiles.push(tile("p", VideoSource::Camera, 1));
        assert!(!wants.is_within_bounds());
    }
}
