use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const VP8_ONLY: &[Codec] = &[Codec::Vp8];
const BOTH: &[Codec] = &[Codec::Vp8, Codec::H264];
const ME: ParticipantId = ParticipantId(0);

fn camera(id: u64) -> TrackKey {
    TrackKey {
        participant: ParticipantId(id),
        source: Source::Camera,
    }
}

fn screen(id: u64) -> TrackKey {
    TrackKey {
        participant: ParticipantId(id),
        source: Source::Screen,
    }
}

fn microphone(id: u64) -> TrackKey {
    TrackKey {
        participant: ParticipantId(id),
        source: Source::Microphone,
    }
}

fn video(track: TrackKey, recent: Instant) -> VideoCandidate {
    VideoCandidate {
        track,
        codec: Codec::Vp8,
        leading: false,
        speaking: None,
        recent,
    }
}

fn voice(id: u64, active: bool, loudness: u8) -> AudioCandidate {
    AudioCandidate {
        track: microphone(id),
        always: false,
        active,
        live: true,
        loudness,
    }
}

fn slots<'a>(shows: &[Option<TrackKey>], codecs: &'a [Codec]) -> Vec<VideoSlot<'a>> {
    let slot = |&shows| VideoSlot { shows, codecs };
    shows.iter().map(slot).collect()
}

#[test]
fn video_order_is_pinned_screen_leading_speaker_recent() {
    let start = Instant::now();
    let at = |s| start + Duration::from_secs(s);
    let mut candidates: Vec<_> = (1..=6).map(|id| video(camera(id), at(id))).collect();
    candidates.push(video(screen(6), at(0)));
    candidates[1].leading = true;
    candidates[2].speaking = Some(0);
    let empty = slots(&[None; 5], BOTH);
    let mapping = assign_video(ME, &empty, &candidates, &[ParticipantId(1)], None);
    let expected = [camera(1), screen(6), camera(2), camera(3), camera(6)];
    assert_eq!(mapping, expected.map(Some));
}

#[test]
fn a_speaker_takes_the_place_of_the_least_recent_and_no_other_tile_moves() {
    let start = Instant::now();
    let at = |s| start + Duration::from_secs(s);
    let mut candidates: Vec<_> = (1..=4).map(|id| video(camera(id), at(id))).collect();
    let shown = [Some(camera(3)), Some(camera(1)), Some(camera(2))];
    assert_eq!(
        assign_video(ME, &slots(&shown, BOTH), &candidates, &[], None),
        shown,
        "the most recent does not displace who is shown"
    );
    candidates[3].speaking = Some(0);
    assert_eq!(
        assign_video(ME, &slots(&shown, BOTH), &candidates, &[], None),
        [Some(camera(3)), Some(camera(4)), Some(camera(2))]
    );
}

#[test]
fn max_video_leaves_slots_empty_and_zero_all() {
    let now = Instant::now();
    let candidates: Vec<_> = (1..=4).map(|id| video(camera(id), now)).collect();
    let shown = [None, Some(camera(2)), Some(camera(3))];
    let mapping = assign_video(ME, &slots(&shown, BOTH), &candidates, &[], Some(2));
    assert_eq!(mapping, shown);
    let mapping = assign_video(ME, &slots(&shown, BOTH), &candidates, &[], Some(0));
    assert_eq!(mapping, [None; 3]);
}

#[test]
fn a_codec_nobody_can_carry_leaves_its_turn_to_the_next() {
    let now = Instant::now();
    let mut candidates: Vec<_> = (1..=3).map(|id| video(camera(id), now)).collect();
    candidates[0].codec = Codec::H264;
    candidates[0].leading = true;
    let mapping = assign_video(ME, &slots(&[None; 2], VP8_ONLY), &candidates, &[], None);
    assert_eq!(mapping, [Some(camera(2)), Some(camera(3))]);
}

#[test]
fn all_voices_are_mapped_while_they_fit() {
    let mut ranked = vec![voice(0, true, 90), voice(1, false, 0), voice(2, false, 0)];
    ranked[1].live = false;
    rank_audio(&mut ranked);
    let mapping = assign_audio(ME, &[None; 3], &ranked);
    let heard: BTreeSet<_> = mapping
        .iter()
        .flatten()
        .map(|track| track.participant.0)
        .collect();
    assert_eq!(heard, BTreeSet::from([1, 2]));
}

#[test]
fn a_voice_takes_a_silent_slot_at_once_but_an_active_one_only_by_a_margin() {
    let shown = [Some(microphone(1)), Some(microphone(2))];
    let mut ranked = vec![voice(1, true, 80), voice(2, false, 60), voice(3, true, 40)];
    rank_audio(&mut ranked);
    assert_eq!(
        assign_audio(ME, &shown, &ranked),
        [Some(microphone(1)), Some(microphone(3))]
    );
    let mut ranked = vec![
        voice(1, true, 80),
        voice(2, true, 60),
        voice(3, true, 60 + MARGIN),
    ];
    rank_audio(&mut ranked);
    assert_eq!(assign_audio(ME, &shown, &ranked), shown);
    let mut ranked = vec![
        voice(1, true, 80),
        voice(2, true, 60),
        voice(3, true, 61 + MARGIN),
    ];
    rank_audio(&mut ranked);
    assert_eq!(
        assign_audio(ME, &shown, &ranked),
        [Some(microphone(1)), Some(microphone(3))]
    );
}

#[test]
fn a_screens_sound_is_kept_whoever_speaks() {
    let sound = TrackKey {
        participant: ParticipantId(9),
        source: Source::ScreenAudio,
    };
    let mut ranked = vec![
        voice(1, true, 120),
        voice(2, true, 110),
        voice(3, true, 100),
    ];
    ranked.push(AudioCandidate {
        track: sound,
        always: true,
        active: false,
        live: true,
        loudness: 0,
    });
    rank_audio(&mut ranked);
    let shown = [Some(microphone(1)), Some(microphone(2))];
    let mapping = assign_audio(ME, &shown, &ranked);
    assert_eq!(mapping, [Some(microphone(1)), Some(sound)]);
    assert_eq!(assign_audio(ME, &mapping, &ranked), mapping);
}

#[derive(Clone, Debug)]
struct Scene {
    candidates: Vec<VideoCandidate>,
    shows: Vec<Option<TrackKey>>,
    pinned: Vec<ParticipantId>,
    max_video: Option<u8>,
}

fn scene() -> impl Strategy<Value = Scene> {
    let start = Instant::now();
    let candidate = (0..8u64, any::<bool>(), any::<bool>(), 0..9usize, 0..20u64).prop_map(
        move |(id, is_screen, leading, speaking, recent)| VideoCandidate {
            track: if is_screen { screen(id) } else { camera(id) },
            codec: if id % 3 == 0 { Codec::H264 } else { Codec::Vp8 },
            leading,
            speaking: (speaking < 3).then_some(speaking),
            recent: start + Duration::from_secs(recent),
        },
    );
    (
        prop::collection::vec(candidate, 0..14),
        prop::collection::vec(prop::option::of((1..8u64).prop_map(camera)), 0..7),
        prop::collection::vec((0..8u64).prop_map(ParticipantId), 0..3),
        prop::option::of(0..8u8),
    )
        .prop_map(|(mut candidates, mut shows, pinned, max_video)| {
            let mut seen = BTreeSet::new();
            candidates.retain(|candidate| seen.insert(candidate.track));
            let mut seen = BTreeSet::new();
            for slot in &mut shows {
                *slot = slot.filter(|track| seen.insert(*track));
            }
            Scene {
                candidates,
                shows,
                pinned,
                max_video,
            }
        })
}

proptest! {
    #[test]
    fn video_mappings_hold_their_promises(scene in scene()) {
        let Scene { candidates, shows, pinned, max_video } = scene;
        let before = slots(&shows, BOTH);
        let mapping = assign_video(ME, &before, &candidates, &pinned, max_video);
        prop_assert_eq!(mapping.len(), shows.len());
        let filled: Vec<_> = mapping.iter().flatten().collect();
        let unique: BTreeSet<_> = filled.iter().collect();
        prop_assert_eq!(filled.len(), unique.len(), "a track twice");
        prop_assert!(filled.iter().all(|track| track.participant != ME), "oneself");
        let known = |track: &TrackKey| candidates.iter().any(|other| other.track == *track);
        prop_assert!(filled.iter().all(|track| known(track)));

        let others = candidates.iter().filter(|other| other.track.participant != ME).count();
        let most = max_video.map_or(shows.len(), |max| shows.len().min(max.into()));
        prop_assert_eq!(filled.len(), most.min(others), "as many as fit");

        for (slot, track) in mapping.iter().enumerate() {
            let formerly = shows.iter().position(|shown| shown.is_some() && shown == track);
            prop_assert!(formerly.is_none_or(|former| former == slot), "a tile moved");
        }
        let is_shown_of = |id: &ParticipantId| filled.iter().any(|track| track.participant == *id);
        let is_missing = |id: &ParticipantId| {
            let has_video = candidates.iter().any(|other| other.track.participant == *id);
            *id != ME && has_video && !is_shown_of(id)
        };
        if pinned.iter().any(is_missing) {
            prop_assert!(
                filled.iter().all(|track| pinned.contains(&track.participant)),
                "somebody pinned is missing while others are shown"
            );
        }

        let mut reversed = candidates.clone();
        reversed.reverse();
        let again = assign_video(ME, &before, &reversed, &pinned, max_video);
        prop_assert_eq!(&again, &mapping, "the order of candidates decides nothing");
        let settled = assign_video(ME, &slots(&mapping, BOTH), &candidates, &pinned, max_video);
        prop_assert_eq!(settled, mapping, "a second look changes nothing");
    }

    #[test]
    fn audio_mappings_hold_their_promises(
        voices in prop::collection::vec((any::<bool>(), any::<bool>(), 0..=127u8), 0..10),
        shown in prop::collection::vec(prop::option::of(1..9u64), 0..5),
    ) {
        let mut ranked: Vec<_> = voices
            .iter()
            .enumerate()
            .map(|(id, &(active, live, loudness))| AudioCandidate {
                live,
                ..voice(id as u64, active, loudness)
            })
            .collect();
        rank_audio(&mut ranked);
        let mut seen = BTreeSet::new();
        let shows: Vec<_> = shown
            .iter()
            .map(|id| id.filter(|id| seen.insert(*id)).map(microphone))
            .collect();
        let mapping = assign_audio(ME, &shows, &ranked);
        let filled: Vec<_> = mapping.iter().flatten().collect();
        let unique: BTreeSet<_> = filled.iter().collect();
        prop_assert_eq!(filled.len(), unique.len());
        prop_assert!(filled.iter().all(|track| track.participant != ME));
        let others = ranked.iter().filter(|other| other.track != microphone(0)).count();
        prop_assert_eq!(filled.len(), others.min(shows.len()), "all while they fit");
        for (slot, track) in mapping.iter().enumerate() {
            let formerly = shows.iter().position(|shown| shown.is_some() && shown == track);
            prop_assert!(formerly.is_none_or(|former| former == slot), "a voice moved");
        }
        prop_assert_eq!(assign_audio(ME, &mapping, &ranked), mapping);
    }
}
