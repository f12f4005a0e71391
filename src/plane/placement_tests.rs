use proptest::prelude::*;

use super::*;

fn placement(shards: usize, max_per_shard: usize, spread_above: usize) -> Placement {
    let limits = PlacementLimits {
        max_per_shard,
        spread_above,
    };
    Placement::new(shards, limits)
}

fn take(placement: &mut Placement, room: u64, session: u64) -> Result<usize, Full> {
    placement.take(MediaRoom(room), MediaSession(session))
}

#[test]
fn rooms_spread_out_and_their_people_stay_together() {
    let mut placement = placement(2, 10, 5);
    assert_eq!(take(&mut placement, 1, 1), Ok(0));
    assert_eq!(take(&mut placement, 2, 2), Ok(1));
    assert_eq!(take(&mut placement, 1, 3), Ok(0));
    assert_eq!(
        take(&mut placement, 3, 4),
        Ok(1),
        "shard 1 has fewer people"
    );
    assert_eq!(placement.others(MediaRoom(1), 0), [0; 0]);
}

#[test]
fn a_full_shard_refuses_and_takes_again_after_a_leave() {
    let mut placement = placement(1, 2, 5);
    assert!(take(&mut placement, 1, 1).is_ok());
    assert!(take(&mut placement, 1, 2).is_ok());
    assert_eq!(take(&mut placement, 1, 3), Err(Full));
    assert_eq!(
        take(&mut placement, 1, 2),
        Err(Full),
        "a session has one place"
    );
    placement.release(MediaSession(1));
    placement.release(MediaSession(1));
    assert!(take(&mut placement, 1, 3).is_ok());
}

#[test]
fn nothing_is_left_when_all_have_left() {
    let mut placement = placement(3, 100, 4);
    for session in 0..100 {
        take(&mut placement, session % 7, session).unwrap();
    }
    for session in 0..100 {
        placement.release(MediaSession(session));
    }
    assert!(placement.is_empty());
}

#[test]
fn classes_that_start_together_spread_evenly() {
    let mut placement = placement(4, 10_000, 200);
    for room in 0..400 {
        take(&mut placement, room, room).unwrap();
    }
    assert_eq!(placement.load, [100; 4]);
}

#[test]
fn a_room_too_large_for_one_shard_fills_one_after_the_other_then_all() {
    let mut placement = placement(3, 1_000, 10);
    let shards: Vec<_> = (0..36)
        .map(|session| take(&mut placement, 1, session).unwrap())
        .collect();
    assert!(shards[..10].iter().all(|shard| *shard == 0));
    assert!(shards[10..20].iter().all(|shard| *shard == 1));
    assert!(shards[20..30].iter().all(|shard| *shard == 2));
    assert_eq!(shards[30..], [0, 1, 2, 0, 1, 2]);
    assert_eq!(placement.others(MediaRoom(1), 1), [0, 2]);
    for session in 0..10 {
        placement.release(MediaSession(session));
    }
    // Two are left there; the shard is filled up before the others get more.
    assert_eq!(take(&mut placement, 1, 100), Ok(0));
}

#[test]
fn a_room_spreads_from_the_second_participant_on_when_told_to() {
    let mut placement = placement(2, 100, 1);
    let shards: Vec<_> = (0..6)
        .map(|session| take(&mut placement, 1, session).unwrap())
        .collect();
    assert_eq!(shards, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn a_room_is_on_no_more_shards_than_know_each_other() {
    let mut placement = placement(MAX_SHARDS_PER_ROOM + 10, 1_000, 1);
    for session in 0..200 {
        take(&mut placement, 1, session).unwrap();
    }
    let others = placement.others(MediaRoom(1), 0).len();
    assert_eq!(others, MAX_PEERS);
}

proptest! {
    /// Whatever comes and goes: nobody is placed on a full shard, nobody refused while one has
    /// room, and a room is on one shard as long as it is small and its shard has room.
    #[test]
    fn places_are_given_within_the_limits(
        steps in prop::collection::vec((any::<bool>(), 0u64..3, 0u64..40), 1..200),
    ) {
        let (max, above) = (8, 5);
        let mut placement = placement(3, max, above);
        for (comes, room, session) in steps {
            if !comes {
                placement.release(MediaSession(session));
                continue;
            }
            let before = placement.load.clone();
            let shares = placement.rooms.get(&MediaRoom(room)).cloned().unwrap_or_default();
            let known = placement.sessions.contains_key(&MediaSession(session));
            match take(&mut placement, room, session) {
                Ok(shard) => {
                    prop_assert!(!known && before[shard] < max);
                    if let [only] = shares[..]
                        && only.participants < above
                        && before[only.shard] < max
                    {
                        prop_assert_eq!(shard, only.shard);
                    }
                }
                Err(Full) => prop_assert!(known || before.iter().all(|load| *load == max)),
            }
            let placed: usize = placement.rooms.values().flatten().map(|s| s.participants).sum();
            prop_assert_eq!(placed, placement.load.iter().sum::<usize>());
        }
    }
}
