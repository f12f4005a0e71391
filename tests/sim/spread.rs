//! Rooms whose people are on several shards: to each of them as if all were on one.

use std::collections::BTreeSet;
use std::time::Duration;

use firstbell::media::{MediaKind, ParticipantId, Source};
use firstbell::room::relay::RelayCounters;
use firstbell::room::{Permissions, Wants};
use firstbell::shard::{Command, EndReason, Event, ShardConfig};
use firstbell_linksim::Loss;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::judge;
use crate::media::{RECOVERY_BOUND, judge_all, run_and_settle};
use crate::network::{Path, WIRELESS};
use crate::people::{audio_runs, newest_at, showing, shows, video_runs};
use crate::plan::Profile;
use crate::relay::Links;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
/// What the way to another shard and back may add to what is at once on one.
const AT_ONCE: Duration = Duration::from_millis(2);

fn config(index: usize, shards: usize) -> ShardConfig {
    ShardConfig {
        shards,
        ..ShardConfig::new(index)
    }
}

fn node(seed: u64, path: Path, shards: usize) -> World {
    let configs = (0..shards).map(|index| config(index, shards)).collect();
    World::spread(seed, path, configs, Links::IDEAL)
}

/// Two shards whose outboxes are as small as the queues between them.
fn narrow(seed: u64, path: Path) -> World {
    let configs = (0..2).map(|index| ShardConfig {
        max_relay_bytes: 4 * 1024,
        ..config(index, 2)
    });
    World::spread(seed, path, configs.collect(), Links::NARROW)
}

/// One room, its people on the shards in turn.
fn join_all(world: &mut World, profiles: &[Profile]) -> Vec<ParticipantId> {
    let shards = world.shards().count();
    let places = profiles.iter().enumerate();
    places
        .map(|(at, profile)| world.join_on(at % shards, 1, *profile))
        .collect()
}

fn relayed(world: &World) -> RelayCounters {
    let mut sum = RelayCounters::default();
    for shard in world.shards() {
        let of = &shard.counters().relay;
        sum.packets_out += of.packets_out;
        sum.packets_in += of.packets_in;
        sum.packets_dropped += of.packets_dropped;
        sum.packets_repeated += of.packets_repeated;
        sum.packets_unknown += of.packets_unknown;
        sum.resent += of.resent;
        sum.nacked_out += of.nacked_out;
        sum.keyframe_requests_in += of.keyframe_requests_in;
        sum.refused += of.refused;
    }
    sum
}

fn entries(world: &World) -> Vec<usize> {
    world.shards().map(|shard| shard.table_entries()).collect()
}

/// Whatever came in a slot is of somebody whom the slot was said to show.
fn assert_nothing_of_others(world: &World, viewer: ParticipantId) {
    let history = world.slot_history(viewer);
    for (at, receiver) in world.client(viewer).receivers.iter().enumerate() {
        let told: BTreeSet<_> = history.iter().filter_map(|slots| slots[at]).collect();
        for packet in receiver.packets.values() {
            let Some(truth) = packet.content.truth() else {
                continue;
            };
            let of = (ParticipantId(truth.publisher), truth.source);
            assert!(told.contains(&of), "{viewer:?}: {of:?} in slot {at}");
        }
    }
}

#[test]
fn everybody_receives_all_of_what_their_slots_show_once() {
    let mut world = node(401, Path::ideal(), 2);
    let people = join_all(&mut world, &[Profile::PUPIL; 4]);
    world.run_for(8 * SECOND);
    for &viewer in &people {
        let others: BTreeSet<_> = people.iter().filter(|id| **id != viewer).collect();
        let video = video_runs(&world, viewer);
        let audio = audio_runs(&world, viewer, true);
        for runs in [&video, &audio] {
            let seen: BTreeSet<_> = runs
                .iter()
                .map(|run| ParticipantId(run.publisher))
                .collect();
            assert_eq!(
                runs.len(),
                others.len(),
                "{viewer:?}: one run each: {runs:?}"
            );
            assert!(
                seen.iter().eq(others.iter().copied()),
                "{viewer:?}: {runs:?}"
            );
        }
        assert!(video.iter().all(|run| run.units > 140), "{video:?}");
        assert!(audio.iter().all(|run| run.units > 380), "{audio:?}");
        for receiver in &world.client(viewer).receivers {
            assert_eq!((receiver.redundant, receiver.first_missing()), (0, None));
            let is_used = !receiver.packets.is_empty();
            assert!(!is_used || world.now - newest_at(receiver) < SECOND / 10);
        }
        assert_nothing_of_others(&world, viewer);
    }
    let relay = relayed(&world);
    assert!(relay.packets_in > 2_000, "{relay:?}");
    assert_eq!(
        (relay.packets_dropped, relay.packets_repeated, relay.refused),
        (0, 0, 0)
    );
    world.assert_no_faults();
}

#[test]
fn streams_stay_continuous_over_a_bad_network_and_two_shards() {
    for seed in [1, 2, 3, 5] {
        let mut world = node(seed, Path::wireless(), 2);
        let people = join_all(&mut world, &[Profile::PUPIL; 4]);
        run_and_settle(&mut world, 11 * SECOND);
        world.assert_no_faults();
        judge_all(&world, &people, RECOVERY_BOUND);
        for id in people {
            assert_nothing_of_others(&world, id);
        }
    }
}

/// A message too many is dropped and, if it was video, asked for again; state is not lost.
#[test]
fn full_queues_cost_video_nothing_but_time_and_leave_whole_gaps_in_audio() {
    for (seed, path) in [
        (11, Path::ideal()),
        (12, Path::ideal()),
        (13, Path::wireless()),
        (14, Path::wireless()),
    ] {
        let mut world = narrow(seed, path);
        let people = join_all(&mut world, &[Profile::PUPIL; 4]);
        run_and_settle(&mut world, 11 * SECOND);
        let relay = relayed(&world);
        assert!(world.relays.full > 20, "{}", world.relays.full);
        assert!(relay.packets_dropped > 20 && relay.resent > 10, "{relay:?}");
        for &viewer in &people {
            let video = video_runs(&world, viewer);
            assert!(video.len() >= 3, "{video:?}");
            for receiver in world.client(viewer).receivers_of(MediaKind::Video) {
                assert_eq!(receiver.first_missing(), None);
            }
            audio_runs(&world, viewer, false);
            assert_nothing_of_others(&world, viewer);
        }
        world.assert_no_faults();
    }
}

#[test]
fn a_late_joiner_on_another_shard_sees_everybody_soon_and_disturbs_nobody() {
    for (seed, path, bound) in [
        (21, Path::ideal(), SECOND / 4),
        (22, Path::wireless(), 5 * SECOND / 2),
        (23, Path::wireless(), 5 * SECOND / 2),
    ] {
        let mut world = node(seed, path, 2);
        let early = [0, 1].map(|_| world.join_on(0, 1, Profile::PUPIL));
        world.run_for(4 * SECOND);
        assert_eq!(relayed(&world), RelayCounters::default(), "not spread yet");
        let joined = world.now;
        let late = world.join_on(1, 1, Profile::PUPIL);
        world.run_for(3 * SECOND);
        let receivers = world.client(late).receivers_of(MediaKind::Video);
        let slots: Vec<_> = receivers.filter_map(|slot| slot.decodable_since).collect();
        assert_eq!(slots.len(), 2);
        for since in slots {
            assert!(since - joined < bound, "{:?}", since - joined);
        }
        for id in early {
            assert_eq!(video_runs(&world, id).len(), 2, "one run for each other");
            assert!(world.client_mut(id).sender(Source::Camera).keyframes <= 5);
        }
        world.assert_no_faults();
    }
}

#[test]
fn keyframe_requests_of_all_shards_together_are_at_most_one_a_second() {
    let mut world = node(31, Path::ideal(), 3);
    let teacher = world.join_on(0, 1, Profile::PUPIL);
    world.run_for(2 * SECOND);
    for at in 0..18 {
        world.join_on(at % 3, 1, Profile::LISTENER);
        world.run_for(SECOND / 4);
    }
    world.run_for(2 * SECOND);
    let camera = world.client_mut(teacher).sender(Source::Camera);
    let requests = camera.keyframe_requests.clone();
    assert!(requests.len() >= 3, "{requests:?}");
    for pair in requests.windows(2) {
        assert!(pair[1] - pair[0] >= SECOND, "{requests:?}");
    }
    assert!(relayed(&world).keyframe_requests_in >= 4);
    world.assert_no_faults();
}

const QUIET: u8 = 80;
const LOUD: u8 = 25;

const CLASS: Profile = Profile {
    camera: false,
    audio_slots: 2,
    ..Profile::PUPIL
};

fn hears(world: &World, listener: ParticipantId, speaker: ParticipantId) -> bool {
    shows(world, listener, speaker, Source::Microphone)
}

#[test]
fn whoever_speaks_on_one_shard_is_heard_at_once_on_the_others() {
    for seed in [201, 202] {
        // Down: nothing is lost, so that every gap would be the node's.
        let path = Path::new(WIRELESS, WIRELESS.with_loss(Loss::None));
        let mut world = node(seed, path, 3);
        let people = join_all(&mut world, &[CLASS; 8]);
        for &id in &people {
            world.speak(id, QUIET);
        }
        world.run_for(2 * SECOND);
        for turn in 0..9 {
            let speaker = people[turn * 3 % people.len()];
            world.speak(speaker, LOUD);
            world.run_for(Duration::from_millis(160));
            for &listener in people.iter().filter(|id| **id != speaker) {
                assert!(hears(&world, listener, speaker), "turn {turn}");
            }
            world.run_for(Duration::from_millis(840));
            world.speak(speaker, QUIET);
            world.run_for(Duration::from_millis(1_700));
        }
        for &id in &people {
            for slot in world.client(id).receivers_of(MediaKind::Audio) {
                judge::audio(slot, true).unwrap();
            }
            assert_nothing_of_others(&world, id);
        }
        let named: Vec<_> = spoken(&world);
        assert!(
            named.iter().filter(|who| !who.is_empty()).count() >= 9,
            "{named:?}"
        );
        assert!(
            world.speakers_from.iter().all(|(_, shard)| *shard == 0),
            "one shard names the speakers"
        );
        world.assert_no_faults();
    }
}

fn spoken(world: &World) -> Vec<Vec<ParticipantId>> {
    let events = world.events.iter();
    events
        .filter_map(|(_, event)| match event {
            Event::Speakers { participants, .. } => Some(participants.clone()),
            _ => None,
        })
        .collect()
}

/// Voices that nobody on a shard can hear do not go there.
#[test]
fn silent_microphones_that_no_slot_holds_are_not_relayed() {
    let mut world = node(221, Path::ideal(), 2);
    let people = join_all(&mut world, &[CLASS; 20]);
    for &id in &people {
        world.speak(id, QUIET);
    }
    world.run_for(4 * SECOND);
    let before = relayed(&world).packets_out;
    world.run_for(4 * SECOND);
    let packets = relayed(&world).packets_out - before;
    // Each shard's ten have two slots, and the shard shows at most 20 tracks of the other's.
    let of_one_voice = 4 * 50;
    assert!(packets <= 2 * 6 * of_one_voice, "{packets}");
    world.assert_no_faults();
}

#[test]
fn when_the_shard_that_names_the_speakers_is_left_another_does() {
    let mut world = node(231, Path::ideal(), 2);
    let people = join_all(&mut world, &[CLASS; 4]);
    world.run_for(SECOND);
    let [on_first, on_second] = [people[0], people[1]];
    world.speak(on_second, LOUD);
    world.speak(on_first, QUIET);
    for id in [people[2], people[3]] {
        world.speak(id, QUIET);
    }
    world.run_for(2 * SECOND);
    assert_eq!(spoken(&world).last(), Some(&vec![on_second]));
    assert!(world.speakers_from.iter().all(|(_, shard)| *shard == 0));
    let told = world.speakers_from.len();
    for id in [people[0], people[2]] {
        world.leave(id);
    }
    world.run_for(SECOND);
    assert_eq!(
        world.speakers_from[told..].first().map(|(_, shard)| *shard),
        Some(1)
    );
    assert_eq!(spoken(&world).last(), Some(&vec![on_second]), "as it was");
    world.speak(on_second, QUIET);
    world.run_for(3 * SECOND);
    assert_eq!(spoken(&world).last(), Some(&Vec::new()));
    world.assert_no_faults();
}

#[test]
fn muting_sharing_and_permissions_are_the_same_on_all_shards() {
    let mut world = node(51, Path::wireless(), 2);
    let viewer = world.join_on(0, 1, Profile::PUPIL);
    let anna = world.join_on(1, 1, Profile::PUPIL);
    world.run_for(3 * SECOND);
    for _ in 0..3 {
        for source in [Source::Camera, Source::Microphone] {
            assert!(shows(&world, viewer, anna, source));
            world.mute(anna, source, true);
            world.run_for(AT_ONCE);
            assert!(!shows(&world, viewer, anna, source), "at once");
        }
        world.run_for(SECOND + SECOND / 2);
        for source in [Source::Camera, Source::Microphone] {
            world.mute(anna, source, false);
        }
        let unmuted = world.now;
        world.run_for(2 * SECOND);
        let voice = showing(&world, viewer, anna, Source::Microphone);
        assert!(world.now - newest_at(voice) < SECOND / 10);
        let camera = showing(&world, viewer, anna, Source::Camera);
        let resumed = judge::video(camera).unwrap().pop().unwrap().first_at;
        assert!(resumed > unmuted && resumed - unmuted < SECOND);
    }
    for source in [Source::Screen, Source::ScreenAudio] {
        world.start(anna, source);
    }
    world.run_for(3 * SECOND);
    for source in [Source::Screen, Source::ScreenAudio] {
        let slot = showing(&world, viewer, anna, source);
        assert!(world.now - newest_at(slot) < SECOND / 4);
    }
    world.command(Command::Permissions {
        participant: anna,
        permissions: Permissions {
            microphone: false,
            camera: true,
            screen: false,
        },
    });
    world.run_for(AT_ONCE);
    let shown: Vec<_> = world.slots(viewer).into_iter().flatten().collect();
    assert_eq!(shown, [(anna, Source::Camera)]);
    world.stop(anna, Source::Camera);
    world.run_for(4 * SECOND);
    assert!(world.slots(viewer).iter().all(Option::is_none), "silent");
    world.start(anna, Source::Camera);
    world.run_for(2 * SECOND);
    assert!(shows(&world, viewer, anna, Source::Camera));
    world.assert_no_faults();
}

#[test]
fn pins_and_limits_hold_across_shards_and_every_switch_is_clean() {
    for seed in [71, 72] {
        let mut world = node(seed, Path::wireless(), 2);
        let viewer = world.join_on(
            0,
            1,
            Profile {
                video_slots: 1,
                ..Profile::LISTENER
            },
        );
        let others = [0, 1, 1].map(|shard| world.join_on(shard, 1, Profile::PUPIL));
        world.run_for(2 * SECOND);
        for turn in 0..9 {
            let pinned = others[turn % others.len()];
            world.want(
                viewer,
                Wants {
                    pinned: vec![pinned],
                    max_video: None,
                    tiles: Vec::new(),
                },
            );
            assert!(shows(&world, viewer, pinned, Source::Camera), "at once");
            world.run_for(Duration::from_millis(1_213));
        }
        world.run_for(SECOND);
        let runs = video_runs(&world, viewer);
        assert!(runs.len() >= 9, "{runs:?}");
        assert!(runs.iter().all(|run| run.units > 2), "{runs:?}");
        assert_nothing_of_others(&world, viewer);
        world.assert_no_faults();
    }
}

/// What was published while no slot here showed it is not asked for afterwards.
#[test]
fn a_track_that_is_wanted_again_begins_anew() {
    let mut world = node(75, Path::ideal(), 2);
    let profile = Profile {
        video_slots: 1,
        ..Profile::LISTENER
    };
    let viewer = world.join_on(0, 1, profile);
    let others = [0, 1].map(|_| world.join_on(1, 1, Profile::PUPIL));
    world.run_for(2 * SECOND);
    for turn in 0..10 {
        let wants = Wants {
            pinned: vec![others[turn % 2]],
            max_video: None,
            tiles: Vec::new(),
        };
        world.want(viewer, wants);
        world.run_for(SECOND / 2);
    }
    let relay = relayed(&world);
    assert!(relay.packets_in > 1_000, "{relay:?}");
    assert_eq!((relay.nacked_out, relay.resent), (0, 0), "{relay:?}");
    assert!(video_runs(&world, viewer).len() >= 5);
    world.assert_no_faults();
}

#[test]
fn voice_and_picture_have_one_clock_across_shards() {
    let mut world = node(81, Path::wireless(), 2);
    let people = join_all(&mut world, &[Profile::PUPIL; 3]);
    world.run_for(8 * SECOND);
    for &viewer in &people {
        for &of in people.iter().filter(|of| **of != viewer) {
            let offset = |source, rate| {
                judge::capture_offset(showing(&world, viewer, of, source), rate).unwrap()
            };
            let voice = offset(Source::Microphone, 48_000);
            let picture = offset(Source::Camera, 90_000);
            assert!((voice - picture).abs() < 0.002, "{voice} {picture}");
        }
    }
    world.assert_no_faults();
}

#[test]
fn leaving_cleans_up_on_both_shards() {
    let mut world = node(41, Path::wireless(), 2);
    let stays = world.join_on(0, 1, Profile::PUPIL);
    world.run_for(3 * SECOND);
    let alone = entries(&world);
    let others = [0, 1].map(|_| world.join_on(1, 1, Profile::PUPIL));
    world.run_for(3 * SECOND);
    let two = entries(&world);
    world.leave(others[0]);
    world.run_for(AT_ONCE);
    assert!(!shows(&world, stays, others[0], Source::Camera), "at once");
    assert!(shows(&world, stays, others[1], Source::Camera));
    assert!(entries(&world)[0] < two[0] && entries(&world)[1] < two[1]);
    world.leave(others[1]);
    world.run_for(SECOND);
    assert!(world.slots(stays).iter().all(Option::is_none));
    assert_eq!(entries(&world), alone, "as before they came");
    let last = world.join_on(1, 1, Profile::PUPIL);
    world.run_for(3 * SECOND);
    assert!(
        shows(&world, stays, last, Source::Camera) && shows(&world, last, stays, Source::Camera)
    );
    world.leave(stays);
    world.leave(last);
    world.run_for(SECOND);
    assert_eq!(entries(&world), [0, 0]);
    world.assert_no_faults();
}

/// The second person's join is faster than the first one's: the shard that is told of the other
/// finds nobody there yet, and nobody tells the other.
#[test]
fn shards_meet_whichever_opens_the_room_first() {
    for wait in [0, 5, 50, 1_500] {
        let mut world = node(141, Path::ideal(), 2);
        let second = world.join_knowing(1, 1, Profile::PUPIL, vec![0]);
        world.run_for(Duration::from_millis(wait));
        let first = world.join_knowing(0, 1, Profile::PUPIL, Vec::new());
        // The longest between two greetings, and a second for the keyframe.
        world.run_for(5 * SECOND / 2);
        for (viewer, of) in [(first, second), (second, first)] {
            let slot = showing(&world, viewer, of, Source::Camera);
            assert!(world.now - newest_at(slot) < SECOND / 10, "after {wait} ms");
        }
        world.leave(first);
        world.leave(second);
        world.run_for(SECOND);
        assert_eq!(entries(&world), [0, 0]);
        world.assert_no_faults();
    }
}

/// A shard that takes nothing any more: what waits for it is bounded, rooms that need it are
/// refused, and all is told once it takes messages again.
#[test]
fn a_shard_that_does_not_answer_costs_no_more_than_a_bound() {
    let configs = (0..2).map(|index| ShardConfig {
        max_rooms: 50,
        max_relay_bytes: 4 * 1024,
        ..config(index, 2)
    });
    let mut world = World::spread(151, Path::ideal(), configs.collect(), Links::IDEAL);
    let stays = world.join_on(0, 0, Profile::PUPIL);
    let other = world.join_on(1, 0, Profile::PUPIL);
    world.run_for(SECOND);
    world.relays.links.capacity = 0;
    let most = entries(&world)[1] + 50 + 20;
    for room in 1..300 {
        let id = world.join_knowing(1, room, Profile::LISTENER, vec![0]);
        world.run_for(Duration::from_millis(1));
        world.leave(id);
        assert!(entries(&world)[1] <= most, "{:?}", entries(&world));
    }
    let is_refusal = |event: &Event| {
        matches!(
            event,
            Event::Ended {
                why: EndReason::ShardFull,
                ..
            }
        )
    };
    assert!(world.count_events(is_refusal) > 100);
    world.relays.links.capacity = 1_000;
    world.leave(other);
    world.run_for(SECOND / 10);
    let last = world.join_on(1, 0, Profile::PUPIL);
    world.run_for(3 * SECOND);
    let shown: BTreeSet<_> = world.slots(stays).into_iter().flatten().collect();
    let sources = [(last, Source::Microphone), (last, Source::Camera)];
    assert!(shown.iter().eq(&sources), "{shown:?}");
    world.leave(stays);
    world.leave(last);
    world.run_for(SECOND);
    assert_eq!(entries(&world), [0, 0]);
    world.assert_no_faults();
}

/// A shard's room closes and opens again while word of it is still under way.
#[test]
fn a_room_that_closes_and_opens_again_at_once_is_known_as_the_new_one() {
    for seed in 0..12 {
        let mut world = narrow(seed, Path::ideal());
        let stays = world.join_on(0, 1, Profile::PUPIL);
        let mut other = world.join_on(1, 1, Profile::PUPIL);
        let mut dice = StdRng::seed_from_u64(seed);
        for _ in 0..12 {
            world.run_for(Duration::from_micros(dice.random_range(0..400_000)));
            world.leave(other);
            world.run_for(Duration::from_micros(dice.random_range(0..1_500)));
            other = world.join_on(1, 1, Profile::PUPIL);
        }
        world.run_for(3 * SECOND);
        for (viewer, of) in [(stays, other), (other, stays)] {
            let shown: BTreeSet<_> = world.slots(viewer).into_iter().flatten().collect();
            let sources = [(of, Source::Microphone), (of, Source::Camera)];
            assert!(shown.iter().eq(&sources), "{seed}: {shown:?}");
            let slot = showing(&world, viewer, of, Source::Camera);
            assert!(world.now - newest_at(slot) < SECOND / 4, "{seed}");
        }
        world.leave(stays);
        world.leave(other);
        world.run_for(SECOND);
        assert_eq!(entries(&world), [0, 0]);
        world.assert_no_faults();
    }
}

/// The same while the word of its closing cannot leave.
#[test]
fn a_room_that_is_open_again_before_its_farewell_left_is_known_as_the_new_one() {
    let configs = (0..2).map(|index| ShardConfig {
        max_relay_bytes: 4 * 1024,
        ..config(index, 2)
    });
    let mut world = World::spread(161, Path::ideal(), configs.collect(), Links::IDEAL);
    let stays = world.join_on(0, 1, Profile::PUPIL);
    let old = world.join_on(1, 1, Profile::PUPIL);
    world.run_for(2 * SECOND);
    world.relays.links.capacity = 0;
    // Packets, hellos and farewells of other rooms fill the outbox to the last byte.
    world.run_for(SECOND);
    for room in 2..200 {
        let id = world.join_knowing(1, room, Profile::LISTENER, vec![0]);
        world.leave(id);
    }
    world.leave(old);
    let new = world.join_on(1, 1, Profile::PUPIL);
    world.run_for(SECOND);
    assert!(shows(&world, stays, old, Source::Camera), "no word yet");
    world.relays.links.capacity = 1_000;
    world.run_for(3 * SECOND);
    for (viewer, of) in [(stays, new), (new, stays)] {
        let shown: BTreeSet<_> = world.slots(viewer).into_iter().flatten().collect();
        let sources = [(of, Source::Microphone), (of, Source::Camera)];
        assert!(shown.iter().eq(&sources), "{shown:?}");
        let slot = showing(&world, viewer, of, Source::Camera);
        assert!(world.now - newest_at(slot) < SECOND / 4);
    }
    world.leave(stays);
    world.leave(new);
    world.run_for(SECOND);
    assert_eq!(entries(&world), [0, 0]);
    world.assert_no_faults();
}

#[test]
fn hundreds_come_and_go_on_three_shards_and_leave_nothing_behind() {
    let mut world = node(101, Path::wireless(), 3);
    let mut dice = StdRng::seed_from_u64(101);
    let mut present = Vec::new();
    for _ in 0..400 {
        let room = dice.random_range(0..5);
        let profile = match dice.random_range(0..3) {
            0 => Profile::LISTENER,
            1 => CLASS,
            _ => Profile::PUPIL,
        };
        present.push(world.join_on(dice.random_range(0..3), room, profile));
        world.run_for(Duration::from_millis(dice.random_range(1..40)));
        if present.len() > 24 {
            let leaver = present.swap_remove(dice.random_range(0..present.len()));
            world.leave(leaver);
        }
    }
    world.assert_no_faults();
    assert!(relayed(&world).packets_in > 1_000);
    for id in present {
        world.leave(id);
    }
    world.run_for(SECOND);
    assert_eq!(entries(&world), [0, 0, 0]);
    assert!(world.relays.is_empty());
    for shard in world.shards() {
        assert_eq!(shard.poll_timeout(), None, "nothing is due any more");
        assert!(shard.relay_outbox().is_empty());
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_over_two_shards() {
    let trace = |seed| {
        let mut world = narrow(seed, Path::wireless());
        join_all(&mut world, &[Profile::PUPIL; 4]);
        world.run_for(3 * SECOND);
        world.trace()
    };
    let first = trace(1);
    assert_eq!(trace(1), first);
    assert_ne!(trace(2), first);
}
