//! From a snapshot of the room to slots and routes: the glue around the pure assignment.

use std::time::Instant;

use super::assignment::{
    AudioCandidate, VideoCandidate, VideoSlot, assign_audio, assign_video, rank_audio,
};
use super::publisher::Publisher;
use super::routes::Route;
use super::{Participant, Room, Turn};
use crate::media::{MediaKind, Source};
use crate::subscribe::TrackKey;

impl Room {
    /// Fills every connected participant's slots anew as far as anything changed. Tracks that a
    /// slot newly shows are asked for a keyframe.
    pub fn assign(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.audio_dirty) {
            let candidates = self.audio_candidates(turn.now);
            self.assign_all(turn, MediaKind::Audio, |viewer| {
                let slots: Vec<_> = viewer
                    .slots_of(MediaKind::Audio)
                    .map(|(_, place)| place.slot.shows())
                    .collect();
                assign_audio(viewer.id, &slots, &candidates)
            });
        }
        if std::mem::take(&mut self.video_dirty) {
            let candidates = self.video_candidates();
            self.assign_all(turn, MediaKind::Video, |viewer| {
                let slots: Vec<_> = viewer
                    .slots_of(MediaKind::Video)
                    .map(|(_, place)| VideoSlot {
                        shows: place.slot.shows(),
                        codecs: &place.codecs,
                    })
                    .collect();
                let wants = &viewer.wants;
                assign_video(
                    viewer.id,
                    &slots,
                    &candidates,
                    &wants.pinned,
                    wants.max_video,
                )
            });
        }
    }

    fn assign_all(
        &mut self,
        turn: &mut Turn<'_>,
        kind: MediaKind,
        mapping_of: impl Fn(&Participant) -> Vec<Option<TrackKey>>,
    ) {
        let mut changes = Vec::new();
        for (seat, viewer) in self.seats.iter() {
            if !viewer.is_connected() {
                continue;
            }
            let mapping = mapping_of(viewer);
            for ((slot, place), shows) in viewer.slots_of(kind).zip(mapping) {
                if place.slot.shows() != shows {
                    changes.push((Route { seat, slot }, shows));
                }
            }
        }
        for (route, shows) in changes {
            self.show(turn.now, route, shows);
        }
    }

    /// Makes one slot show `track`, or nothing.
    fn show(&mut self, now: Instant, route: Route, track: Option<TrackKey>) {
        let target = track.and_then(|track| {
            let &publisher = self.by_id.get(&track.participant)?;
            let published = self.publisher(publisher)?.published(track.source)?;
            Some((track, publisher, published.track.codec()))
        });
        let Some(viewer) = self.seats.get_mut(route.seat) else {
            return;
        };
        let Some(place) = viewer.places.get_mut(route.slot) else {
            return;
        };
        let previous = place.slot.shows();
        let target = target.filter(|&(track, _, codec)| place.slot.assign(track, codec));
        if target.is_none() {
            place.slot.clear();
        }
        viewer.slots_changed = true;
        self.any_slots_changed = true;
        let needs_keyframe = place.slot.needs_keyframe();
        if let Some(previous) = previous
            && let Some(&publisher) = self.by_id.get(&previous.participant)
        {
            self.routes.remove(publisher, previous.source, route);
        }
        if let Some(relay) = &mut self.relay {
            relay.on_routes_changed();
        }
        if let Some((track, publisher, _)) = target {
            self.routes.add(publisher, track.source, route);
            if needs_keyframe {
                self.request_keyframe(now, track);
            }
        }
    }

    fn publishers_everywhere(&self) -> impl Iterator<Item = (usize, &Publisher)> {
        let publishers = self.publishers.iter().enumerate();
        publishers.filter_map(|(seat, publisher)| Some((seat, publisher.as_ref()?)))
    }

    fn audio_candidates(&self, now: Instant) -> Vec<AudioCandidate> {
        let mut candidates = Vec::new();
        for (seat, publisher) in self.publishers_everywhere() {
            let Some(participant) = self.seats.who(seat) else {
                continue;
            };
            for (source, published) in publisher.tracks() {
                // An open microphone counts before its first packet, so that it has its slot
                // when the first word comes; a screen's sound counts while it plays.
                let counts = match source {
                    Source::Microphone => !published.muted && publisher.allows(source),
                    Source::ScreenAudio => published.live,
                    Source::Camera | Source::Screen => false,
                };
                if !counts {
                    continue;
                }
                let is_voice = source == Source::Microphone;
                candidates.push(AudioCandidate {
                    track: TrackKey {
                        participant,
                        source,
                    },
                    always: !is_voice,
                    active: is_voice && self.speakers.is_active(seat, now),
                    live: published.live,
                    loudness: if is_voice {
                        self.speakers.loudness(seat, now)
                    } else {
                        0
                    },
                });
            }
        }
        rank_audio(&mut candidates);
        candidates
    }

    fn video_candidates(&self) -> Vec<VideoCandidate> {
        let speaking = self.speakers.speaking();
        let mut candidates = Vec::new();
        for (seat, publisher) in self.publishers_everywhere() {
            let Some(participant) = self.seats.who(seat) else {
                continue;
            };
            for (source, published) in publisher.tracks() {
                if source.kind() != MediaKind::Video || !published.live {
                    continue;
                }
                let last_spoke = self.speakers.last_spoke(seat);
                candidates.push(VideoCandidate {
                    track: TrackKey {
                        participant,
                        source,
                    },
                    codec: published.track.codec(),
                    leading: self.seats.is_leading(seat),
                    speaking: speaking.iter().position(|&speaker| speaker == seat),
                    recent: last_spoke
                        .map_or(published.live_since, |at| at.max(published.live_since)),
                });
            }
        }
        candidates
    }
}
