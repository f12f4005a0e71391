//! More talkers than audio slots: the loudest are heard, and every switch is clean.

use std::time::Duration;

use firstbell::media::{MediaKind, ParticipantId, Source};
use firstbell::shard::Event;
use firstbell_linksim::Loss;

use crate::judge;
use crate::network::{Path, WIRELESS};
use crate::plan::Profile;
use crate::world::World;

const QUIET: u8 = 80;
const LOUD: u8 = 25;

const CLASS: Profile = Profile {
    camera: false,
    audio_slots: 2,
    ..Profile::PUPIL
};

fn hears(world: &World, listener: ParticipantId, speaker: ParticipantId) -> bool {
    world
        .slots(listener)
        .contains(&Some((speaker, Source::Microphone)))
}

fn class(world: &mut World, size: usize) -> Vec<ParticipantId> {
    let people: Vec<_> = (0..size).map(|_| world.join(1, CLASS)).collect();
    for id in &people {
        world.speak(*id, QUIET);
    }
    world.run_for(Duration::from_secs(2));
    people
}

#[test]
fn whoever_begins_to_speak_is_heard_at_once_and_every_switch_is_clean() {
    for seed in [201, 202, 203] {
        // Up: anything. Down: nothing is lost, so that every gap would be the node's.
        let path = Path::new(WIRELESS, WIRELESS.with_loss(Loss::None));
        let mut world = World::new(seed, path);
        let people = class(&mut world, 7);
        for turn in 0..12 {
            let speaker = people[turn * 3 % people.len()];
            world.speak(speaker, LOUD);
            world.run_for(Duration::from_millis(150));
            for listener in people.iter().filter(|id| **id != speaker) {
                assert!(hears(&world, *listener, speaker), "turn {turn}");
            }
            world.run_for(Duration::from_millis(850));
            world.speak(speaker, QUIET);
            // Silent for longer than a voice stays active.
            world.run_for(Duration::from_millis(1_700));
        }
        let mut switches = 0;
        for id in &people {
            for slot in world.client(*id).receivers_of(MediaKind::Audio) {
                switches += judge::audio(slot, true).unwrap().len() - 1;
            }
        }
        assert!(switches > 2 * people.len(), "{switches} switches");
        world.assert_no_faults();
    }
}

#[test]
fn the_loudest_are_heard_when_all_speak_at_once() {
    let mut world = World::new(211, Path::wireless());
    let people = class(&mut world, 8);
    for (place, id) in people.iter().enumerate() {
        world.speak(*id, 20 + 8 * (place as u8 % 4));
    }
    world.run_for(Duration::from_secs(4));
    // Places 0 and 4 speak 8 dB louder than the next.
    let loudest = [people[0], people[4]];
    for listener in &people {
        for speaker in loudest.iter().filter(|id| *id != listener) {
            assert!(
                hears(&world, *listener, *speaker),
                "{listener:?} {speaker:?}"
            );
        }
    }
    let named = world
        .events
        .iter()
        .rev()
        .find_map(|(_, event)| match event {
            Event::Speakers { participants, .. } => Some(participants.clone()),
            _ => None,
        });
    let named = named.unwrap();
    assert!(loudest.iter().all(|id| named.contains(id)), "{named:?}");
    for id in &people {
        for slot in world.client(*id).receivers_of(MediaKind::Audio) {
            judge::audio(slot, false).unwrap();
        }
    }
    world.assert_no_faults();
}

#[test]
fn pauses_of_discontinuous_transmission_stay_pauses() {
    let mut world = World::new(221, Path::wireless());
    let [listener, speaker] = [0, 1].map(|_| world.join(1, CLASS));
    world.speak(speaker, LOUD);
    for _ in 0..8 {
        world.run_for(Duration::from_millis(700));
        world.stop(speaker, Source::Microphone);
        world.run_for(Duration::from_millis(900));
        world.start(speaker, Source::Microphone);
    }
    world.run_for(Duration::from_millis(300));
    let runs: Vec<_> = world
        .client(listener)
        .receivers_of(MediaKind::Audio)
        .flat_map(|slot| judge::audio(slot, false).unwrap())
        .collect();
    assert_eq!(runs.len(), 1, "nothing was switched: {runs:?}");
    assert!(runs[0].units > 200);
    world.assert_no_faults();
}
