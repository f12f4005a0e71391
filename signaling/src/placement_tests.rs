use std::time::Duration;

use super::*;

fn class(name: u32) -> Arc<str> {
    format!("class {name}").into()
}

fn room_for(people: u32) -> Load {
    Load {
        packets_per_second: ClassProfile::default().cost(people).packets_per_second,
        ..Load::UNLIMITED
    }
}

fn placement(people: &[u32]) -> (Placement, Vec<NodeId>) {
    let mut placement = Placement::default();
    let profile = ClassProfile::default();
    let nodes = people
        .iter()
        .map(|people| placement.add_node(room_for(*people), profile, 12))
        .collect();
    (placement, nodes)
}

#[test]
fn a_class_stays_where_it_is_and_is_placed_anew_after_its_end() {
    let now = Instant::now();
    let (mut placement, nodes) = placement(&[1000, 1000]);
    let at = placement.arrive(now, &class(1)).unwrap();
    let other = placement.arrive(now, &class(2)).unwrap();
    assert_ne!(at, other);
    placement.report(at, room_for(800));
    for _ in 1..30 {
        assert_eq!(placement.arrive(now, &class(1)), Ok(at));
    }
    for _ in 0..30 {
        placement.leave(now, &class(1));
    }
    assert_eq!(placement.node_of(&class(1)), None);
    assert_eq!(placement.share(at), 0.0);
    // Its former node says it is full, of something that placement does not know of.
    assert_eq!(placement.arrive(now, &class(1)), Ok(other));
    assert_eq!(nodes.len(), 2);
}

#[test]
fn load_reported_late_does_not_pull_classes_to_one_node() {
    let now = Instant::now();
    let (mut placement, nodes) = placement(&[2000; 4]);
    for node in &nodes[1..] {
        placement.report(*node, room_for(100));
    }
    for number in 0..100 {
        placement.arrive(now, &class(number)).unwrap();
    }
    let shares: Vec<_> = nodes.iter().map(|node| placement.share(*node)).collect();
    let most = shares.iter().copied().fold(0.0, f64::max);
    let least = shares.iter().copied().fold(1.0, f64::min);
    assert!(most - least < 0.06, "{shares:?}");
}

#[test]
fn nodes_fill_in_proportion_to_what_they_carry() {
    let now = Instant::now();
    let (mut placement, nodes) = placement(&[3000, 1000]);
    for number in 0..80 {
        placement
            .hold(now, &class(number), 30, now + Duration::from_secs(900))
            .unwrap();
    }
    let (large, small) = (placement.share(nodes[0]), placement.share(nodes[1]));
    assert!((large - small).abs() <= 0.03, "{large} {small}");
}

#[test]
fn a_full_or_closed_node_takes_no_new_class_but_its_own_people() {
    let now = Instant::now();
    let (mut placement, nodes) = placement(&[40, 40]);
    let at = placement.arrive(now, &class(1)).unwrap();
    placement.set_open(at, false);
    assert_eq!(placement.arrive(now, &class(1)), Ok(at));
    let other = placement.arrive(now, &class(2)).unwrap();
    assert_ne!(other, at);
    placement.arrive(now, &class(3)).unwrap();
    placement.arrive(now, &class(4)).unwrap();
    assert_eq!(placement.arrive(now, &class(5)), Err(NotPlaced::NoRoom));
    assert_eq!(
        placement.hold(now, &class(5), 30, now),
        Err(NotPlaced::NoRoom)
    );
    let more = (0..100)
        .take_while(|_| placement.arrive(now, &class(1)).is_ok())
        .count();
    assert_eq!(more, 38);
    assert_eq!(placement.arrive(now, &class(1)), Err(NotPlaced::NodeFull));
    assert_eq!(nodes, [NodeId(0), NodeId(1)]);
}

#[test]
fn classes_of_a_lost_node_are_placed_anew() {
    let now = Instant::now();
    let (mut placement, nodes) = placement(&[1000, 1000]);
    let classes: Vec<_> = (0..10).map(class).collect();
    for class in &classes {
        placement.arrive(now, class).unwrap();
    }
    placement.lose(nodes[0]);
    assert_eq!(placement.share(nodes[0]), 0.0);
    for class in &classes {
        let at = placement.arrive(now, class);
        assert_eq!(at, Ok(nodes[1]));
    }
    placement.set_open(nodes[0], true);
    assert_eq!(placement.arrive(now, &class(99)), Ok(nodes[0]));
}

#[test]
fn announced_classes_that_nobody_came_to_are_forgotten() {
    let now = Instant::now();
    let (mut placement, nodes) = placement(&[100]);
    let firm = now + Duration::from_secs(900);
    placement.hold(now, &class(1), 80, firm).unwrap();
    assert_eq!(placement.arrive(now, &class(2)), Err(NotPlaced::NoRoom));
    assert_eq!(placement.arrive(firm, &class(2)), Ok(nodes[0]));
    assert_eq!(placement.node_of(&class(1)), None);
}

#[test]
fn equally_empty_nodes_are_chosen_alike_by_everybody_and_differently_by_class() {
    let now = Instant::now();
    let first = |number| {
        let (mut placement, _) = placement(&[1000; 8]);
        placement.arrive(now, &class(number)).unwrap()
    };
    let mut chosen: Vec<_> = (0..64).map(first).collect();
    assert_eq!(chosen, (0..64).map(first).collect::<Vec<_>>());
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen.len(), 8);
}
