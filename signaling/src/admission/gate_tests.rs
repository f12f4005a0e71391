use proptest::prelude::*;

use super::*;
use crate::admission::calendar::{Lesson, LessonId};
use crate::admission::capacity::{ClassProfile, Load};

const SECOND: Duration = Duration::from_secs(1);

/// A gate whose events are kept by client.
struct Node {
    gate: Gate<u64>,
    now: Instant,
    events: Vec<Event<u64>>,
    next: u64,
}

fn config() -> AdmissionConfig {
    AdmissionConfig {
        joins_per_second: 10,
        burst: 4,
        max_wait: 10 * SECOND,
        capacity: Load::UNLIMITED,
        ..AdmissionConfig::default()
    }
}

impl Node {
    fn new(config: AdmissionConfig) -> Self {
        Self {
            gate: Gate::new(config, 200, 1),
            now: Instant::now(),
            events: Vec::new(),
            next: 0,
        }
    }

    fn come(&mut self, class: &str, identity: &str) -> u64 {
        self.come_as(class, identity, Rank::Ordinary, None)
    }

    fn come_as(&mut self, class: &str, identity: &str, rank: Rank, place: Option<String>) -> u64 {
        self.next += 1;
        let arrival = Arrival {
            client: Client(self.next),
            class: class.into(),
            identity: identity.into(),
            rank,
            work: JoinWork::ORDINARY,
            place,
        };
        self.gate
            .arrive(self.now, arrival, self.next, &mut self.events);
        self.next
    }

    /// Many people of one class.
    fn crowd(&mut self, class: &str, people: u64) -> Vec<u64> {
        (0..people)
            .map(|_| {
                let identity = format!("{class} {}", self.next);
                self.come(class, &identity)
            })
            .collect()
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.gate.due(self.now)
            && due < until
        {
            assert!(due >= self.now);
            self.now = due;
            self.gate.poll(self.now, &mut self.events);
        }
        self.now = until;
        self.gate.poll(self.now, &mut self.events);
    }

    fn admitted(&self) -> Vec<u64> {
        let admitted = self.events.iter().filter_map(|event| match event {
            Event::Admitted { payload, .. } => Some(*payload),
            _ => None,
        });
        admitted.collect()
    }

    fn refusal(&self, client: u64) -> Option<&Refusal> {
        self.events.iter().find_map(|event| match event {
            Event::Refused { payload, refusal } if *payload == client => Some(refusal),
            _ => None,
        })
    }

    fn told(&self, client: u64) -> Vec<Told> {
        let told = self.events.iter().filter_map(|event| match event {
            Event::Told(to, told) if to.0 == client => Some(*told),
            _ => None,
        });
        told.collect()
    }
}

fn reason(node: &Node, client: u64) -> Option<Reason> {
    node.refusal(client).map(|refusal| refusal.reason)
}

#[test]
fn a_lone_join_does_not_wait_and_hears_nothing_of_a_queue() {
    let mut node = Node::new(AdmissionConfig::default());
    let client = node.come("7b", "anna");
    let waited = Duration::ZERO;
    assert_eq!(
        node.events,
        [Event::Admitted {
            payload: client,
            waited
        }]
    );
    assert_eq!(node.gate.due(node.now), None);
    // Nor does a class that comes together.
    node.crowd("7b", 60);
    assert_eq!(node.admitted().len(), 61);
}

#[test]
fn who_waits_is_told_at_once_and_let_in_about_then() {
    let mut node = Node::new(config());
    let crowd = node.crowd("7b", 44);
    assert_eq!(node.admitted().len(), 4);
    node.wait(60 * SECOND / 1000);
    let last = node.told(crowd[43])[0];
    assert_eq!(last.position, 40);
    assert!(last.eta.abs_diff(4 * SECOND) < SECOND / 3, "{last:?}");
    node.wait(2 * SECOND);
    let last = *node.told(crowd[43]).last().unwrap();
    assert!(last.position <= 25 && last.eta <= Duration::from_millis(2500));
    node.wait(2 * SECOND);
    assert_eq!(node.admitted(), crowd);
    // Nobody was told more often than once a second.
    assert!(node.told(crowd[43]).len() <= 5);
}

#[test]
fn the_teacher_passes_the_own_class() {
    let mut node = Node::new(config());
    node.crowd("7b", 10);
    let pupil = node.crowd("8c", 2)[1];
    let teacher = node.come_as("8c", "teacher", Rank::Leading, None);
    node.wait(3 * SECOND);
    let admitted = node.admitted();
    let at = |client| admitted.iter().position(|other| *other == client).unwrap();
    assert!(at(teacher) < at(pupil));
    assert_eq!(admitted.len(), 13);
}

#[test]
fn refusals_come_at_once_with_a_place_that_is_kept() {
    let mut node = Node::new(config());
    node.crowd("a", 1);
    node.crowd("b", 1);
    let mut sent_away = None;
    for number in 0..200 {
        let class = if number % 2 == 0 { "a" } else { "b" };
        let client = node.come(class, &format!("pupil {number}"));
        if sent_away.is_none() && node.refusal(client).is_some() {
            sent_away = Some((class, number, client));
        }
    }
    let (class, number, client) = sent_away.unwrap();
    let refusal = node.refusal(client).unwrap().clone();
    assert!(refusal.retry_after >= SECOND);
    node.wait(refusal.retry_after);
    let identity = format!("pupil {number}");
    let back = node.come_as(class, &identity, Rank::Ordinary, refusal.place);
    let later = node.come(class, "later");
    node.wait(15 * SECOND);
    let admitted = node.admitted();
    let at = |client| admitted.iter().position(|other| *other == client);
    assert!(at(back).is_some(), "{:?}", node.refusal(back));
    assert!(at(later).is_none_or(|later| at(back).unwrap() < later));
}

#[test]
fn no_class_fills_the_queue_and_new_classes_give_way_first() {
    let mut node = Node::new(config());
    node.come("full", "teacher");
    let crowd = node.crowd("full", 120);
    // A hundred may wait; one class alone may take two thirds of that.
    let away = crowd.iter().find(|client| node.refusal(**client).is_some());
    assert_eq!(reason(&node, *away.unwrap()), Some(Reason::ClassBusy));
    assert!((60..70).contains(&node.gate.state().waiting));
    let new = node.come("new", "anna");
    assert_eq!(reason(&node, new), Some(Reason::NewClassesWait));
    let mut node = Node::new(config());
    node.come("full", "teacher");
    node.come("small", "teacher");
    node.crowd("full", 120);
    let small = node.crowd("small", 5);
    assert!(small.iter().all(|client| node.refusal(*client).is_none()));
}

#[test]
fn a_reload_takes_no_second_place_and_keeps_the_first() {
    let mut node = Node::new(config());
    node.crowd("7b", 4);
    let first = node.come("7b", "anna");
    node.crowd("7b", 9);
    let again = node.come("7b", "anna");
    assert!(node.events.contains(&Event::Displaced { payload: first }));
    assert_eq!(node.gate.state().waiting, 10);
    node.wait(SECOND / 9);
    assert_eq!(node.admitted().last(), Some(&again));
    assert_eq!(node.gate.vanish(node.now, Client(first)), None);
    // Inside, a reload does not wait behind the class.
    let inside = node.come("7b", "anna");
    node.wait(SECOND / 9);
    assert_eq!(node.admitted().last(), Some(&inside));
    assert_eq!(node.gate.presences.people("7b"), 14);
}

#[test]
fn who_vanishes_leaves_nothing_behind() {
    let mut node = Node::new(config());
    let crowd = node.crowd("7b", 20);
    for client in &crowd {
        node.gate.vanish(node.now, Client(*client));
    }
    node.wait(20 * SECOND);
    assert_eq!(node.admitted().len(), 4);
    for number in 0..4 {
        let identity = format!("7b {number}");
        node.gate.left(node.now, &"7b".into(), &identity);
    }
    assert_eq!(node.gate.due(node.now), None);
    let state = node.gate.state();
    assert_eq!((state.waiting, state.classes, state.reserved), (0, 0, 0.0));
    assert!(node.gate.presences.is_empty() && node.gate.by_age.is_empty());
    assert_eq!(node.gate.untold, 0);
}

#[test]
fn a_class_and_a_node_can_be_full() {
    let profile = ClassProfile::default();
    let capacity = Load {
        packets_per_second: profile.cost(300).packets_per_second,
        ..Load::UNLIMITED
    };
    let mut node = Node::new(AdmissionConfig {
        burst: 1000,
        capacity,
        ..AdmissionConfig::default()
    });
    let crowd = node.crowd("assembly", 201);
    assert_eq!(reason(&node, crowd[199]), None);
    assert_eq!(reason(&node, crowd[200]), Some(Reason::ClassFull));
    assert_eq!(node.refusal(crowd[200]).unwrap().place, None);
    // Who is in may come again, also when the class is full.
    let again = node.come("assembly", "assembly 0");
    assert_eq!(node.admitted().last(), Some(&again));
    let classes: Vec<_> = (0..6).map(|class| format!("class {class}")).collect();
    let firsts: Vec<_> = classes.iter().map(|class| node.come(class, "a")).collect();
    assert_eq!(reason(&node, firsts[4]), None);
    assert_eq!(reason(&node, firsts[5]), Some(Reason::NodeFull));
    assert!(node.refusal(firsts[5]).unwrap().retry_after >= 15 * SECOND);
}

#[test]
fn a_node_that_becomes_slow_sends_away_who_waited_too_long_and_keeps_the_place() {
    let mut node = Node::new(config());
    node.come("7b", "teacher");
    let crowd = node.crowd("7b", 60);
    node.gate.set_admission_share(0.1);
    node.wait(25 * SECOND);
    let last = *crowd.last().unwrap();
    let refusal = node.refusal(last).unwrap().clone();
    assert_eq!(refusal.reason, Reason::TooSlow);
    assert!(refusal.place.is_some());
    // It was told that it would take longer.
    let told = node.told(last);
    assert!(told.last().unwrap().eta > 20 * SECOND, "{told:?}");
    node.gate.set_admission_share(1.0);
    let back = node.come_as("7b", "somebody", Rank::Ordinary, refusal.place);
    node.wait(SECOND);
    assert!(node.admitted().contains(&back));
}

#[test]
fn announced_classes_hold_their_share_and_others_do_not_get_it() {
    let profile = ClassProfile::default();
    let capacity = Load {
        packets_per_second: profile.cost(100).packets_per_second,
        ..Load::UNLIMITED
    };
    let mut node = Node::new(AdmissionConfig {
        capacity,
        ..config()
    });
    let wall = 1_800_000_000;
    let lesson = |class: &str, starts_at: u64, expected| Lesson {
        class: class.into(),
        starts_at,
        ends_at: starts_at + 2700,
        expected,
    };
    let eight = lesson("7b", wall + 1800, 80);
    assert_eq!(node.gate.announce(node.now, wall, eight.clone()), Ok(true));
    assert_eq!(node.gate.announce(node.now, wall, eight.clone()), Ok(false));
    assert_eq!(node.gate.lessons().count(), 1);
    assert_eq!(node.gate.state().reserved, 0.8);
    // Unannounced, and half an hour before: no room for a class of twelve.
    let other = node.come("other", "anna");
    assert_eq!(reason(&node, other), Some(Reason::NodeFull));
    node.gate.begin_lessons(node.now, wall + 1800);
    let pupils = node.crowd("7b", 4);
    assert!(pupils.iter().all(|client| node.refusal(*client).is_none()));
    assert_eq!(node.gate.state().reserved, 0.8);
    let nobody = node.gate.cancel(node.now, wall + 1800, LessonId(0));
    assert_eq!(nobody, None);
    let cancelled = node.gate.cancel(node.now, wall + 1800, eight.id());
    assert_eq!(cancelled, Some(eight));
    assert!(node.gate.state().reserved < 0.1);
    let other = node.come("other", "anna");
    assert_eq!(reason(&node, other), None);
}

#[derive(Clone, Debug)]
enum Step {
    Come {
        class: u8,
        person: u8,
        leading: bool,
    },
    Return,
    Vanish(usize),
    Leave(usize),
    Wait(u64),
    Share(f64),
}

fn step() -> impl Strategy<Value = Step> {
    let come = (0..5_u8, 0..40_u8, any::<bool>()).prop_map(|(class, person, leading)| Step::Come {
        class,
        person,
        leading,
    });
    prop_oneof![
        8 => come,
        1 => Just(Step::Return),
        1 => (0..1000_usize).prop_map(Step::Vanish),
        2 => (0..1000_usize).prop_map(Step::Leave),
        2 => (0..3000_u64).prop_map(Step::Wait),
        1 => (0.1..1.0_f64).prop_map(Step::Share),
    ]
}

proptest! {
    /// Whatever people do: each try has one outcome, nobody's place is counted twice, and when all
    /// have gone nothing is left.
    #[test]
    fn every_try_has_one_outcome_and_nothing_is_left(
        steps in proptest::collection::vec(step(), 1..300),
    ) {
        let mut node = Node::new(config());
        let mut people: HashMap<u64, (String, String)> = HashMap::new();
        let mut vanished = 0;
        let mut over: Vec<u64> = Vec::new();
        for step in steps {
            match step {
                Step::Come { class, person, leading } => {
                    let rank = if leading { Rank::Leading } else { Rank::Ordinary };
                    let (class, person) = (class.to_string(), person.to_string());
                    let client = node.come_as(&class, &person, rank, None);
                    people.insert(client, (class, person));
                }
                Step::Return => {
                    let refused = node.events.iter().rev().find_map(|event| match event {
                        Event::Refused { payload, refusal } => {
                            Some((*payload, refusal.place.clone()))
                        }
                        _ => None,
                    });
                    if let Some((client, place)) = refused {
                        let (class, person) = people[&client].clone();
                        let back = node.come_as(&class, &person, Rank::Ordinary, place);
                        people.insert(back, (class, person));
                    }
                }
                Step::Vanish(pick) => {
                    let client = pick as u64 % (node.next + 1);
                    vanished += usize::from(node.gate.vanish(node.now, Client(client)).is_some());
                }
                Step::Leave(pick) => {
                    let inside = node.admitted();
                    let left = inside.get(pick % inside.len().max(1));
                    if let Some(client) = left.filter(|client| !over.contains(client)) {
                        let (class, person) = &people[client];
                        node.gate.left(node.now, &class.as_str().into(), person);
                        over.push(*client);
                    }
                }
                Step::Wait(millis) => node.wait(Duration::from_millis(millis)),
                Step::Share(share) => node.gate.set_admission_share(share),
            }
            prop_assert_eq!(node.gate.waiting.len(), node.gate.queue.len());
            prop_assert_eq!(node.gate.waiting.len(), node.gate.by_age.len());
            let untold = node.gate.waiting.values().filter(|entry| entry.told.is_none());
            prop_assert_eq!(untold.count(), node.gate.untold);
        }
        node.wait(300 * SECOND);
        let outcomes = node.events.iter().filter(|event| !matches!(event, Event::Told(..)));
        prop_assert_eq!(outcomes.count() + vanished, people.len());
        for client in node.admitted().into_iter().filter(|client| !over.contains(client)) {
            let (class, person) = &people[&client];
            node.gate.left(node.now, &class.as_str().into(), person);
        }
        let state = node.gate.state();
        prop_assert_eq!((state.waiting, state.classes, state.kept_places), (0, 0, 0));
        prop_assert_eq!(state.reserved, 0.0);
        prop_assert!(node.gate.presences.is_empty());
        prop_assert_eq!(node.gate.queue.classes().count(), 0);
    }
}
