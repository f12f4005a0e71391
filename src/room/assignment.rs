//! Which track each slot of one participant shows: pure functions of a snapshot.
//!
//! Both keep what is shown where it is: a tile moves only when its place goes to another, never
//! because the order of the others changed.

use std::time::Instant;

use super::speakers::MARGIN;
use crate::media::{Codec, ParticipantId, Source};
use crate::subscribe::TrackKey;

/// One audio track that may be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioCandidate {
    pub track: TrackKey,
    /// Kept whatever others say: a shared screen's sound.
    pub always: bool,
    /// Voice was heard lately.
    pub active: bool,
    /// Packets come: outranks a microphone that never sent.
    pub live: bool,
    /// Smoothed loudness, 0 to 127.
    pub loudness: u8,
}

/// One live video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoCandidate {
    pub track: TrackKey,
    pub codec: Codec,
    /// Published by a teacher or co-teacher.
    pub leading: bool,
    /// Place among the speakers, 0 the loudest.
    pub speaking: Option<usize>,
    /// When its publisher last spoke or, if never, when the track came alive.
    pub recent: Instant,
}

/// What one participant's slot holds and can hold.
#[derive(Clone, Copy, Debug)]
pub struct VideoSlot<'a> {
    pub shows: Option<TrackKey>,
    pub codecs: &'a [Codec],
}

/// Sorts candidates into the one order that [`assign_audio`] expects; the same for all viewers.
pub fn rank_audio(candidates: &mut [AudioCandidate]) {
    candidates.sort_by(|a, b| {
        let rank = |candidate: &AudioCandidate| {
            (
                candidate.always,
                candidate.active,
                candidate.live,
                candidate.loudness,
            )
        };
        rank(b)
            .cmp(&rank(a))
            .then_with(|| order(a.track).cmp(&order(b.track)))
    });
}

/// The mapping of `viewer`'s audio slots. `ranked` by [`rank_audio`].
///
/// All others are mapped while they fit. Beyond that whoever is heard stays, until an active
/// candidate meets a silent one or is louder by [`MARGIN`].
pub fn assign_audio(
    viewer: ParticipantId,
    slots: &[Option<TrackKey>],
    ranked: &[AudioCandidate],
) -> Vec<Option<TrackKey>> {
    let place = |track: TrackKey| {
        ranked
            .iter()
            .position(|candidate| candidate.track == track && publisher(track) != viewer)
    };
    // Slot contents as places in `ranked`.
    let mut shown: Vec<Option<usize>> = Vec::with_capacity(slots.len());
    for slot in slots {
        let kept = slot
            .and_then(place)
            .filter(|kept| !shown.contains(&Some(*kept)));
        shown.push(kept);
    }
    let challengers = (0..ranked.len()).filter(|&index| publisher(ranked[index].track) != viewer);
    for challenger in challengers {
        if shown.contains(&Some(challenger)) {
            continue;
        }
        if let Some(free) = shown.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(challenger);
            continue;
        }
        let weakest = shown.iter_mut().flatten().max_by_key(|index| **index);
        match weakest {
            Some(weakest) if displaces(&ranked[challenger], &ranked[*weakest]) => {
                *weakest = challenger;
            }
            _ => break,
        }
    }
    shown
        .into_iter()
        .map(|place| place.map(|index| ranked[index].track))
        .collect()
}

fn displaces(challenger: &AudioCandidate, shown: &AudioCandidate) -> bool {
    if challenger.always != shown.always {
        return challenger.always;
    }
    if !challenger.active {
        return challenger.live && !shown.live && !shown.active;
    }
    !shown.active || challenger.loudness > shown.loudness.saturating_add(MARGIN)
}

/// The mapping of `viewer`'s video slots.
///
/// Order: pinned, screens, leading, speakers, then what is shown already, then the most recent;
/// at most `max_video` are shown. What stays keeps its slot, newcomers take free ones in order.
pub fn assign_video(
    viewer: ParticipantId,
    slots: &[VideoSlot<'_>],
    candidates: &[VideoCandidate],
    pinned: &[ParticipantId],
    max_video: Option<u8>,
) -> Vec<Option<TrackKey>> {
    let slot_of = |track: TrackKey| slots.iter().position(|slot| slot.shows == Some(track));
    let mut ordered: Vec<&VideoCandidate> = candidates
        .iter()
        .filter(|candidate| publisher(candidate.track) != viewer)
        .collect();
    ordered.sort_by_cached_key(|candidate| {
        let is_shown = slot_of(candidate.track).is_some();
        video_rank(candidate, pinned, is_shown)
    });

    let most = max_video.map_or(slots.len(), |max| usize::from(max).min(slots.len()));
    let mut mapping = vec![None; slots.len()];
    let mut newcomers = Vec::new();
    for candidate in ordered.iter().take(most) {
        match slot_of(candidate.track) {
            Some(slot) if slots[slot].codecs.contains(&candidate.codec) => {
                mapping[slot] = Some(candidate.track);
            }
            _ => newcomers.push(*candidate),
        }
    }
    // Whoever finds no slot of its codec leaves its turn to the next in order.
    let mut vacant = newcomers.len();
    let substitutes = ordered.iter().skip(most).copied();
    for candidate in newcomers.into_iter().chain(substitutes) {
        if vacant == 0 {
            break;
        }
        let kept = slot_of(candidate.track)
            .filter(|&slot| mapping[slot].is_none())
            .filter(|&slot| slots[slot].codecs.contains(&candidate.codec));
        let free = (0..slots.len())
            .find(|&slot| mapping[slot].is_none() && slots[slot].codecs.contains(&candidate.codec));
        if let Some(slot) = kept.or(free) {
            mapping[slot] = Some(candidate.track);
            vacant -= 1;
        }
    }
    mapping
}

/// Smaller comes first.
type VideoRank = (
    usize,
    bool,
    bool,
    usize,
    bool,
    std::cmp::Reverse<Instant>,
    (u64, Source),
);

fn video_rank(candidate: &VideoCandidate, pinned: &[ParticipantId], is_shown: bool) -> VideoRank {
    let publisher = publisher(candidate.track);
    let pin = pinned.iter().position(|&id| id == publisher);
    let is_screen = candidate.track.source == Source::Screen;
    (
        pin.unwrap_or(usize::MAX),
        !is_screen,
        !candidate.leading,
        // Speakers among each other: who is shown stays, the rank decides the rest.
        match (candidate.speaking, is_shown) {
            (Some(_), true) => 0,
            (Some(place), false) => place + 1,
            (None, _) => usize::MAX,
        },
        !is_shown,
        std::cmp::Reverse(candidate.recent),
        order(candidate.track),
    )
}

fn publisher(track: TrackKey) -> ParticipantId {
    track.participant
}

fn order(track: TrackKey) -> (u64, Source) {
    (track.participant.0, track.source)
}

#[cfg(test)]
#[path = "assignment_tests.rs"]
mod tests;
