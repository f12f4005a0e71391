//! People come, go, mute, share and choose; everybody else's streams stay whole.

use std::time::Duration;

use firstbell::media::{MediaKind, ParticipantId, Source};
use firstbell::room::{Permissions, Wants};
use firstbell::shard::{Event, ShardConfig};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::judge::{self, Run};
use crate::network::Path;
use crate::plan::Profile;
use crate::receiver::Receiver;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// The runs of all video slots of one participant, checked.
pub fn video_runs(world: &World, id: ParticipantId) -> Vec<Run> {
    let receivers = world.client(id).receivers_of(MediaKind::Video);
    receivers
        .flat_map(|slot| judge::video(slot).unwrap())
        .collect()
}

pub fn audio_runs(world: &World, id: ParticipantId, lossless: bool) -> Vec<Run> {
    let receivers = world.client(id).receivers_of(MediaKind::Audio);
    receivers
        .flat_map(|slot| judge::audio(slot, lossless).unwrap())
        .collect()
}

pub fn shows(world: &World, viewer: ParticipantId, of: ParticipantId, source: Source) -> bool {
    world.slots(viewer).contains(&Some((of, source)))
}

/// The slot that shows a source now.
pub fn showing(
    world: &World,
    viewer: ParticipantId,
    of: ParticipantId,
    source: Source,
) -> &Receiver {
    let slots = world.slots(viewer);
    let at = slots.iter().position(|slot| *slot == Some((of, source)));
    &world.client(viewer).receivers[at.expect("not shown")]
}

pub fn newest_at(receiver: &Receiver) -> Duration {
    let times = receiver.packets.values().map(|packet| packet.at);
    times.max().unwrap_or_default()
}

/// Where a keyframe request or a keyframe's first packet is lost, the next request is due a second
/// later, and may be lost as well.
#[test]
fn a_late_joiner_sees_everybody_soon_and_disturbs_nobody() {
    let cases = [
        (21, Path::ideal(), SECOND / 4),
        (22, Path::wireless(), 5 * SECOND / 2),
        (23, Path::wireless(), 5 * SECOND / 2),
        (24, Path::wireless(), 5 * SECOND / 2),
    ];
    for (seed, path, bound) in cases {
        let mut world = World::new(seed, path);
        let early = [0, 1].map(|_| world.join(1, Profile::PUPIL));
        world.run_for(4 * SECOND);
        let joined = world.now;
        let late = world.join(1, Profile::PUPIL);
        world.run_for(3 * SECOND);
        let slots: Vec<_> = world
            .client(late)
            .receivers_of(MediaKind::Video)
            .filter_map(|slot| slot.decodable_since)
            .collect();
        assert_eq!(slots.len(), 2);
        for since in slots {
            assert!(since - joined < bound, "{:?}", since - joined);
        }
        for id in early {
            assert_eq!(video_runs(&world, id).len(), 2, "one run for each other");
            // One keyframe to begin with and one for each who joined; where the first get lost,
            // one a second more.
            let camera = world.client_mut(id).sender(Source::Camera);
            let losses = if bound < SECOND { 0 } else { 5 };
            assert!(camera.keyframes <= 3 + losses, "{}", camera.keyframes);
            let mut requests = camera.keyframe_requests.windows(2);
            assert!(requests.all(|pair| pair[1] - pair[0] > SECOND * 9 / 10));
        }
        world.assert_no_faults();
    }
}

#[test]
fn keyframe_requests_upstream_are_at_most_one_a_second_whoever_asks() {
    let mut world = World::new(31, Path::ideal());
    let teacher = world.join(1, Profile::PUPIL);
    world.run_for(2 * SECOND);
    for _ in 0..12 {
        world.join(1, Profile::LISTENER);
        world.run_for(SECOND / 4);
    }
    world.run_for(2 * SECOND);
    let requests = &world
        .client_mut(teacher)
        .sender(Source::Camera)
        .keyframe_requests;
    assert!(requests.len() >= 3, "{requests:?}");
    for pair in requests.windows(2) {
        assert!(pair[1] - pair[0] >= SECOND, "{requests:?}");
    }
    world.assert_no_faults();
}

#[test]
fn leaving_frees_slots_for_others() {
    let mut world = World::new(41, Path::wireless());
    let viewer = world.join(
        1,
        Profile {
            video_slots: 1,
            audio_slots: 1,
            ..Profile::PUPIL
        },
    );
    let first = world.join(1, Profile::PUPIL);
    world.run_for(3 * SECOND);
    assert!(shows(&world, viewer, first, Source::Camera));
    let entries = world.shard.table_entries();
    let second = world.join(1, Profile::PUPIL);
    world.run_for(2 * SECOND);
    assert!(
        !shows(&world, viewer, second, Source::Camera),
        "no slot is free"
    );
    world.leave(first);
    assert!(!shows(&world, viewer, first, Source::Camera), "at once");
    world.run_for(3 * SECOND);
    assert!(shows(&world, viewer, second, Source::Camera));
    assert!(shows(&world, viewer, second, Source::Microphone));
    assert_eq!(world.shard.table_entries(), entries);
    let publishers: Vec<_> = video_runs(&world, viewer)
        .iter()
        .map(|run| run.publisher)
        .collect();
    assert_eq!(publishers, [first.0, second.0]);
    world.assert_no_faults();
}

#[test]
fn muting_frees_the_slots_and_unmuting_fills_them_cleanly() {
    let mut world = World::new(51, Path::wireless());
    let [viewer, anna] = [0, 1].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(3 * SECOND);
    for _ in 0..3 {
        for source in [Source::Camera, Source::Microphone] {
            assert!(shows(&world, viewer, anna, source));
            world.mute(anna, source, true);
            assert!(!shows(&world, viewer, anna, source), "at once");
        }
        // Shorter and longer than what counts as silence.
        world.run_for(SECOND + SECOND / 2);
        for source in [Source::Camera, Source::Microphone] {
            world.mute(anna, source, false);
        }
        let unmuted = world.now;
        world.run_for(2 * SECOND);
        let camera = showing(&world, viewer, anna, Source::Camera);
        let voice = showing(&world, viewer, anna, Source::Microphone);
        assert!(world.now - newest_at(voice) < SECOND / 10);
        let resumed = judge::video(camera).unwrap().pop().unwrap().first_at;
        assert!(
            resumed > unmuted && resumed - unmuted < SECOND,
            "{resumed:?} {unmuted:?}"
        );
    }
    assert_eq!(video_runs(&world, viewer).len(), 4);
    audio_runs(&world, viewer, false);
    world.assert_no_faults();
}

#[test]
fn a_camera_that_falls_silent_without_a_word_loses_its_slot_and_gets_it_back() {
    let mut world = World::new(52, Path::wireless());
    let [viewer, anna] = [0, 1].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(2 * SECOND);
    world.stop(anna, Source::Camera);
    world.run_for(4 * SECOND);
    assert!(!shows(&world, viewer, anna, Source::Camera));
    world.start(anna, Source::Camera);
    world.run_for(2 * SECOND);
    assert!(shows(&world, viewer, anna, Source::Camera));
    assert_eq!(video_runs(&world, viewer).len(), 2);
    world.assert_no_faults();
}

#[test]
fn a_shared_screen_comes_before_cameras_and_goes_when_it_stops() {
    let mut world = World::new(61, Path::wireless());
    let viewer = world.join(
        1,
        Profile {
            video_slots: 2,
            audio_slots: 2,
            ..Profile::PUPIL
        },
    );
    let others = [0, 1, 2].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(2 * SECOND);
    let sharer = others[2];
    for source in [Source::Screen, Source::ScreenAudio] {
        world.start(sharer, source);
    }
    world.run_for(3 * SECOND);
    for source in [Source::Screen, Source::ScreenAudio] {
        assert!(shows(&world, viewer, sharer, source));
        let slot = showing(&world, viewer, sharer, source);
        assert!(world.now - newest_at(slot) < SECOND / 4);
    }
    for source in [Source::Screen, Source::ScreenAudio] {
        world.mute(sharer, source, true);
        assert!(!shows(&world, viewer, sharer, source));
    }
    world.run_for(3 * SECOND);
    let shown = world.slots(viewer);
    let cameras = shown
        .iter()
        .flatten()
        .filter(|(_, source)| *source == Source::Camera);
    assert_eq!(
        cameras.count(),
        2,
        "both video slots have cameras again: {shown:?}"
    );
    let runs = video_runs(&world, viewer);
    assert_eq!(
        runs.iter()
            .filter(|run| run.source == Source::Screen)
            .count(),
        1
    );
    audio_runs(&world, viewer, false);
    world.assert_no_faults();
}

#[test]
fn one_slot_switched_between_cameras_over_a_bad_network_is_one_stream() {
    for seed in [71, 72, 73, 74] {
        let mut world = World::new(seed, Path::wireless());
        let viewer = world.join(
            1,
            Profile {
                video_slots: 1,
                ..Profile::LISTENER
            },
        );
        let others = [0, 1, 2].map(|_| world.join(1, Profile::PUPIL));
        world.run_for(2 * SECOND);
        for turn in 0..9 {
            let pinned = others[turn % others.len()];
            world.want(
                viewer,
                Wants {
                    pinned: vec![pinned],
                    ..Wants::default()
                },
            );
            assert!(shows(&world, viewer, pinned, Source::Camera), "at once");
            // Not a multiple of the frame interval: switches fall anywhere within frames.
            world.run_for(Duration::from_millis(1_213));
        }
        world.run_for(SECOND);
        let runs = video_runs(&world, viewer);
        assert!(runs.len() >= 9, "{runs:?}");
        assert!(runs.iter().all(|run| run.units > 2), "{runs:?}");
        world.assert_no_faults();
    }
}

#[test]
fn voice_and_picture_of_one_person_have_one_clock() {
    let mut world = World::new(81, Path::wireless());
    let people = [0, 1, 2].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(8 * SECOND);
    for viewer in people {
        for of in people.iter().filter(|of| **of != viewer) {
            let offset = |source, rate| {
                judge::capture_offset(showing(&world, viewer, *of, source), rate).unwrap()
            };
            let voice = offset(Source::Microphone, 48_000);
            let picture = offset(Source::Camera, 90_000);
            assert!((voice - picture).abs() < 0.002, "{voice} {picture}");
        }
    }
    world.assert_no_faults();
}

#[test]
fn what_is_not_permitted_reaches_nobody_and_is_counted() {
    let mut world = World::new(91, Path::ideal());
    let viewer = world.join(1, Profile::LISTENER);
    let pupil = world.join(
        1,
        Profile {
            permissions: Permissions {
                camera: false,
                ..Permissions::ALL
            },
            ..Profile::PUPIL
        },
    );
    world.run_for(3 * SECOND);
    assert!(video_runs(&world, viewer).is_empty());
    assert!(
        !audio_runs(&world, viewer, true).is_empty(),
        "the microphone is allowed"
    );
    let dropped = world.drops()["not_permitted"];
    assert!(dropped > 50, "{dropped}");
    world.command(firstbell::shard::Command::Permissions {
        participant: pupil,
        permissions: Permissions::ALL,
    });
    world.run_for(2 * SECOND);
    assert_eq!(video_runs(&world, viewer).len(), 1, "now it is");
    world.command(firstbell::shard::Command::Permissions {
        participant: pupil,
        permissions: Permissions {
            microphone: false,
            camera: false,
            screen: false,
        },
    });
    world.run_for(SECOND / 10);
    let received = |world: &World| {
        let receivers = &world.client(viewer).receivers;
        receivers
            .iter()
            .map(|slot| slot.packets.len())
            .sum::<usize>()
    };
    let before = received(&world);
    world.run_for(SECOND);
    assert_eq!(received(&world), before);
    assert!(world.slots(viewer).iter().all(Option::is_none));
    world.assert_no_faults();
}

#[test]
fn a_thousand_come_and_go_and_leave_nothing_behind() {
    let mut world = World::new(101, Path::wireless());
    let mut dice = StdRng::seed_from_u64(101);
    let mut present = Vec::new();
    for _ in 0..1_000 {
        let room = dice.random_range(0..8);
        let profile = match dice.random_range(0..3) {
            0 => Profile::LISTENER,
            1 => Profile {
                camera: false,
                ..Profile::PUPIL
            },
            _ => Profile::PUPIL,
        };
        present.push(world.join(room, profile));
        world.run_for(Duration::from_millis(dice.random_range(1..16)));
        if present.len() > 24 {
            let leaver = present.swap_remove(dice.random_range(0..present.len()));
            world.leave(leaver);
        }
    }
    world.assert_no_faults();
    assert!(world.shard.table_entries() > 0);
    assert!(world.counters().forwarding.packets_forwarded > 1_000);
    for id in present {
        world.leave(id);
    }
    assert_eq!(world.shard.table_entries(), 0);
    assert_eq!(world.counters().participants, 0);
    assert_eq!(world.counters().rooms, 0);
    world.removed.sort();
    let all: Vec<_> = (0..1_000).map(ParticipantId).collect();
    assert_eq!(world.removed, all, "the pool is told of each once");
    assert!(
        world.shard.poll_timeout().is_none(),
        "nothing is due any more"
    );
    world.run_for(SECOND);
    assert_eq!(
        world.shard.table_entries(),
        0,
        "late datagrams change nothing"
    );
}

#[test]
fn a_full_room_refuses_and_those_inside_go_on() {
    let config = ShardConfig {
        max_participants_per_room: 2,
        ..ShardConfig::new(0)
    };
    let mut world = World::with_config(111, Path::ideal(), config);
    let [viewer, anna] = [0, 1].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(SECOND);
    let entries = world.shard.table_entries();
    let refused = world.join(1, Profile::PUPIL);
    assert_eq!(world.shard.table_entries(), entries);
    assert_eq!(
        world.count_events(
            |event| matches!(event, Event::Ended { participant, .. } if *participant == refused)
        ),
        1
    );
    world.vanish(refused);
    world.run_for(SECOND);
    assert!(shows(&world, viewer, anna, Source::Camera));
    assert_eq!(video_runs(&world, viewer).len(), 1);
    world.assert_no_faults();
}
