//! The path under a session: ICE restart, consent, a NAT that rebinds, an outage.

use std::net::SocketAddr;
use std::time::Duration;

use firstbell::media::{MediaKind, ParticipantId, Source};
use firstbell::shard::{EndReason, Event};
use firstbell::transport::DropReason;

use crate::judge;
use crate::network::{CUT, Path, WIRELESS};
use crate::plan::Profile;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

fn pair(seed: u64, path: Path) -> (World, [ParticipantId; 2]) {
    let mut world = World::new(seed, path);
    let people = [0, 1].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(2 * SECOND);
    (world, people)
}

fn ended(world: &World, id: ParticipantId) -> Option<(Duration, EndReason)> {
    world.events.iter().find_map(|(at, event)| match event {
        Event::Ended { participant, why } if *participant == id => Some((*at, *why)),
        _ => None,
    })
}

/// Arrival of the newest packet in any slot.
fn newest(world: &World, id: ParticipantId) -> Duration {
    let receivers = world.client(id).receivers.iter();
    let times = receivers.flat_map(|slot| slot.packets.values().map(|packet| packet.at));
    times.max().unwrap_or_default()
}

fn assert_whole(world: &World, people: &[ParticipantId], runs: usize) {
    for id in people {
        for slot in world.client(*id).receivers_of(MediaKind::Video) {
            let found = judge::video(slot).unwrap();
            assert!(found.is_empty() || found.len() == runs, "{found:?}");
        }
        for slot in world.client(*id).receivers_of(MediaKind::Audio) {
            assert!(judge::audio(slot, false).unwrap().len() <= 1);
        }
        assert!(world.now - newest(world, *id) < SECOND / 10);
    }
    world.assert_no_faults();
}

#[test]
fn an_ice_restart_takes_nothing_from_the_media() {
    let (mut world, people) = pair(301, Path::wireless());
    for generation in 1..=4 {
        let answers = world.client(people[0]).ice.answers;
        world.restart_ice(people[0], generation);
        world.run_for(SECOND);
        assert!(world.client(people[0]).ice.answers > answers);
    }
    assert_whole(&world, &people, 1);
    assert!(!world.drops().contains_key("bad_integrity"));
    assert!(people.iter().all(|id| ended(&world, *id).is_none()));
}

#[test]
fn a_restart_to_another_address_moves_the_media_there() {
    let (mut world, people) = pair(302, Path::ideal());
    let entries = world.shard.table_entries();
    // From the home's wireless network to the telephone's.
    world.restart_ice(people[0], 1);
    world.rebind(people[0], SocketAddr::from(([203, 0, 113, 5], 7_000)));
    world.run_for(3 * SECOND);
    assert!(world.now - newest(&world, people[0]) < SECOND / 10);
    assert!(world.now - newest(&world, people[1]) < SECOND / 10);
    world.run_for(31 * SECOND);
    assert!(
        world.shard.table_entries() <= entries + 1,
        "the old address is forgotten, the old ufrag remembered"
    );
    assert_whole(&world, &people, 1);
}

#[test]
fn whoever_falls_silent_ends_after_thirty_seconds_and_leaves_nothing() {
    let (mut world, people) = pair(303, Path::ideal());
    let alone = {
        let mut alone = World::new(303, Path::ideal());
        alone.join(1, Profile::PUPIL);
        alone.run_for(4 * SECOND);
        alone.shard.table_entries()
    };
    let vanished = world.now;
    world.vanish(people[1]);
    // Its last check was up to two seconds before.
    world.run_for(28 * SECOND - Duration::from_millis(100));
    assert_eq!(ended(&world, people[1]), None);
    assert_eq!(world.counters().participants, 2);
    world.run_for(3 * SECOND);
    let (at, why) = ended(&world, people[1]).unwrap();
    assert_eq!(why, EndReason::ConsentExpired);
    assert!(at - vanished <= 30 * SECOND);
    assert_eq!(world.counters().participants, 1);
    assert!(world.slots(people[0]).iter().all(Option::is_none));
    // What was on its way when it vanished, and nothing else, waits no more.
    assert_eq!(world.shard.table_entries(), alone);
    assert!(world.removed.contains(&people[1]));
    world.assert_no_faults();
}

#[test]
fn whoever_never_connects_ends_too() {
    let mut world = World::new(304, Path::ideal());
    let id = world.join(1, Profile::PUPIL);
    world.vanish(id);
    world.run_for(31 * SECOND);
    assert_eq!(
        ended(&world, id),
        Some((30 * SECOND, EndReason::NeverConnected))
    );
    assert_eq!(world.shard.table_entries(), 0);
}

#[test]
fn a_rebinding_is_followed_only_after_an_authenticated_check() {
    let (mut world, people) = pair(305, Path::ideal());
    let [moving, other] = people;
    let next_check = world.now + 3 * SECOND;
    world.client_mut(moving).ice.check_again(next_check);
    let old = world.client(moving).address;
    let new = SocketAddr::from(([203, 0, 113, 9], 50_123));
    world.rebind(moving, new);
    let unroutable = world.counters().dropped(DropReason::Unroutable);
    let heard = newest(&world, other);
    world.run_for(2 * SECOND);
    // Its media comes from an address that nobody has vouched for: dropped and counted. What is
    // for it still goes where it was.
    assert!(world.counters().dropped(DropReason::Unroutable) > unroutable + 100);
    assert!(newest(&world, other) - heard < SECOND / 10);
    assert!(!world.has_sent_to(new) && world.has_sent_to(old));
    world.run_for(SECOND + SECOND / 2);
    assert!(world.has_sent_to(new), "the check came");
    world.run_for(2 * SECOND);
    for id in people {
        assert!(world.now - newest(&world, id) < SECOND / 10, "{id:?}");
    }
    assert_eq!(
        world.count_events(|event| matches!(event, Event::Connected { .. })),
        2
    );
    world.assert_no_faults();
}

#[test]
fn after_an_outage_the_picture_is_back_within_two_seconds() {
    for (seed, is_up) in [(311, true), (312, false), (313, true), (314, false)] {
        let (mut world, [sender, viewer]) = pair(seed, Path::wireless());
        let cut = match is_up {
            true => (sender, Path::new(CUT, WIRELESS)),
            false => (viewer, Path::new(WIRELESS, CUT)),
        };
        world.set_path(cut.0, cut.1);
        // Shorter than a video track's silence, longer than anything can be repaired.
        world.run_for(Duration::from_millis(1_800));
        world.set_path(cut.0, Path::wireless());
        let over = world.now;
        world.run_for(5 * SECOND);
        let slots = world.slots(viewer);
        let at = slots
            .iter()
            .position(|slot| *slot == Some((sender, Source::Camera)));
        let slot = &world.client(viewer).receivers[at.unwrap()];
        judge::video_after_losses(slot).unwrap();
        let since = slot.decodable_since.unwrap();
        assert!(since < over + 2 * SECOND, "{:?} {is_up}", since - over);
        assert!(world.now - newest(&world, viewer) < SECOND / 10);
        for slot in world.client(viewer).receivers_of(MediaKind::Audio) {
            judge::audio(slot, false).unwrap();
        }
        world.assert_no_faults();
    }
}
