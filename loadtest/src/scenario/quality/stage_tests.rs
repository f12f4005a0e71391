use firstbell_linksim::Shape;

use super::*;

#[test]
fn it_measures_for_as_long_as_it_is_told() {
    let shape = Shape::limited(10_000_000, SECOND, SECOND / 100);
    let shared = Shared {
        links: vec![Link::new(1, Schedule::constant(Shape::IDEAL))],
        schedules: vec![Schedule::constant(shape)],
        competitor: Some((0.5, SECOND / 100)),
    };
    let (to_stage, commands) = std::sync::mpsc::channel();
    let (events, _) = mpsc::channel(1);
    let stage = Stage::new(Instant::now(), shared, commands, events).unwrap();
    to_stage.send(Command::Begin(SECOND / 2)).unwrap();
    let outcome = stage.run().unwrap().unwrap();
    assert!(outcome.receivers.is_empty());
    assert!(outcome.competitor_kbps.is_some_and(|kbps| kbps > 0.0));
}

#[test]
fn without_anybody_to_direct_it_ends() {
    let shared = Shared {
        links: Vec::new(),
        schedules: Vec::new(),
        competitor: None,
    };
    let (to_stage, commands) = std::sync::mpsc::channel();
    drop(to_stage);
    let (events, _) = mpsc::channel(1);
    let stage = Stage::new(Instant::now(), shared, commands, events).unwrap();
    assert!(stage.run().unwrap().is_none());
}
