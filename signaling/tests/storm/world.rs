//! Schools, nodes and a clock: the real admission and placement code in virtual time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firstbell_signaling::AdmissionConfig;
use firstbell_signaling::admission::calendar::Lesson;
use firstbell_signaling::admission::capacity::{ClassProfile, Load};
use firstbell_signaling::admission::gate::{Arrival, Event, Gate, Refusal};
use firstbell_signaling::admission::promise::Told;
use firstbell_signaling::admission::queue::{Client, Rank};
use firstbell_signaling::admission::work::JoinWork;
use firstbell_signaling::placement::{NodeId, Placement};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::client::Retries;

/// What a person is told whose class no node has room for.
const NOT_PLACED_RETRY: Duration = Duration::from_secs(15);

/// When the simulation begins, by the clock on the wall.
const WALL: u64 = 1_800_000_000;

/// Somebody who will come.
#[derive(Clone, Debug)]
pub struct Plan {
    pub at: Duration,
    pub class: Arc<str>,
    pub leading: bool,
}

/// What became of one person.
#[derive(Clone, Debug)]
pub struct Person {
    pub plan: Plan,
    pub node: Option<NodeId>,
    /// When each try was refused.
    pub refused_at: Vec<Duration>,
    /// Every word on the wait: when, and how long it will take. Of the last try.
    pub told: Vec<(Duration, Told)>,
    /// The last try.
    pub asked_at: Duration,
    pub admitted_at: Option<Duration>,
    pub gave_up: bool,
    /// Whenever this person was sent away, a place was kept.
    pub had_place: bool,
    /// Was sent away after having been let wait.
    pub refused_late: bool,
    place: Option<String>,
    retries: Retries,
}

impl Person {
    /// From the first try to admission.
    pub fn wait(&self) -> Option<Duration> {
        Some(self.admitted_at? - self.plan.at)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Ask(usize),
    Poll(usize),
}

pub struct World {
    pub start: Instant,
    pub now: Duration,
    pub people: Vec<Person>,
    pub nodes: Vec<Gate<usize>>,
    pub placement: Placement,
    profile: ClassProfile,
    heap: BinaryHeap<Reverse<(Duration, Happening)>>,
    /// When each node is next polled.
    polls: Vec<Option<Duration>>,
    rng: StdRng,
    /// Fullest that each node ever was, by who was in.
    pub fullest: Vec<f64>,
    inside: Vec<HashMap<Arc<str>, u32>>,
    carried: Vec<Load>,
    capacity: Load,
}

impl World {
    pub fn new(nodes: usize, config: &AdmissionConfig, plans: Vec<Plan>, seed: u64) -> Self {
        let mut placement = Placement::default();
        let unannounced = config.unannounced_class_size;
        for _ in 0..nodes {
            placement.add_node(config.capacity, config.profile, unannounced);
        }
        let gate = |node| Gate::new(config.clone(), 200, seed ^ node as u64);
        let person = |plan: Plan| Person {
            asked_at: plan.at,
            retries: Retries::new(plan.at),
            plan,
            node: None,
            refused_at: Vec::new(),
            told: Vec::new(),
            admitted_at: None,
            gave_up: false,
            had_place: true,
            refused_late: false,
            place: None,
        };
        let people: Vec<_> = plans.into_iter().map(person).collect();
        let ask =
            |(index, person): (usize, &Person)| Reverse((person.plan.at, Happening::Ask(index)));
        Self {
            start: Instant::now(),
            now: Duration::ZERO,
            heap: people.iter().enumerate().map(ask).collect(),
            people,
            nodes: (0..nodes).map(gate).collect(),
            placement,
            profile: config.profile,
            polls: vec![None; nodes],
            rng: StdRng::seed_from_u64(seed),
            fullest: vec![0.0; nodes],
            inside: vec![HashMap::new(); nodes],
            carried: vec![Load::NONE; nodes],
            capacity: config.capacity,
        }
    }

    /// Tells placement and nodes of every class before anybody comes.
    pub fn announce_all(&mut self) {
        let mut sizes: HashMap<Arc<str>, u32> = HashMap::new();
        for person in &self.people {
            *sizes.entry(person.plan.class.clone()).or_default() += 1;
        }
        let mut sizes: Vec<_> = sizes.into_iter().collect();
        sizes.sort_unstable();
        let firm_until = self.start + Duration::from_secs(900);
        for (class, expected) in sizes {
            let lesson = Lesson {
                class: class.clone(),
                starts_at: WALL,
                ends_at: WALL + 2700,
                expected,
            };
            let node = self
                .placement
                .hold(self.start, &class, expected, firm_until)
                .unwrap();
            self.nodes[node.0]
                .announce(self.start, WALL, lesson)
                .unwrap();
        }
    }

    fn instant(&self) -> Instant {
        self.start + self.now
    }

    /// Runs until `end`, or until nothing more happens.
    pub fn run(&mut self, end: Duration) {
        while let Some(Reverse((at, _))) = self.heap.peek()
            && *at <= end
            && let Some(Reverse((at, happening))) = self.heap.pop()
        {
            assert!(at >= self.now, "time runs backwards");
            self.now = at;
            match happening {
                Happening::Ask(person) => self.ask(person),
                Happening::Poll(node) => self.poll(node, at),
            }
        }
    }

    fn ask(&mut self, index: usize) {
        let now = self.instant();
        let person = &mut self.people[index];
        person.asked_at = self.now;
        person.told.clear();
        let class = person.plan.class.clone();
        let Ok(node) = self.placement.arrive(now, &class) else {
            self.refused(index, NOT_PLACED_RETRY, None);
            return;
        };
        person.node = Some(node);
        let arrival = Arrival {
            client: Client(index as u64),
            class,
            identity: format!("person {index}").into(),
            rank: if person.plan.leading {
                Rank::Leading
            } else {
                Rank::Ordinary
            },
            work: JoinWork::ORDINARY,
            place: person.place.take(),
        };
        let mut events = Vec::new();
        self.nodes[node.0].arrive(now, arrival, index, &mut events);
        self.handle(node.0, events);
    }

    fn poll(&mut self, node: usize, at: Duration) {
        if self.polls[node] != Some(at) {
            return;
        }
        self.polls[node] = None;
        let mut events = Vec::new();
        self.nodes[node].poll(self.start + at, &mut events);
        self.handle(node, events);
    }

    fn handle(&mut self, node: usize, events: Vec<Event<usize>>) {
        for event in events {
            match event {
                Event::Admitted { payload, .. } => self.admitted(node, payload),
                Event::Refused { payload, refusal } => {
                    let Refusal {
                        retry_after, place, ..
                    } = refusal;
                    let class = self.people[payload].plan.class.clone();
                    self.placement.leave(self.instant(), &class);
                    self.refused(payload, retry_after, place);
                }
                Event::Told(client, told) => {
                    self.people[client.0 as usize].told.push((self.now, told));
                }
                Event::Displaced { payload } => panic!("{payload} came twice"),
            }
        }
        let now = self.instant();
        if let Some(due) = self.nodes[node].due(now) {
            let due = due - self.start;
            if self.polls[node].is_none_or(|at| due < at) {
                self.polls[node] = Some(due);
                self.heap.push(Reverse((due, Happening::Poll(node))));
            }
        }
    }

    fn admitted(&mut self, node: usize, index: usize) {
        let person = &mut self.people[index];
        assert_eq!(person.admitted_at, None, "{index} was let in twice");
        person.admitted_at = Some(self.now);
        let people = self.inside[node]
            .entry(person.plan.class.clone())
            .or_default();
        let before = self.profile.cost(*people);
        *people += 1;
        let carried = &mut self.carried[node];
        *carried = carried.minus(before).plus(self.profile.cost(*people));
        let share = carried.share_of(self.capacity);
        self.fullest[node] = self.fullest[node].max(share);
    }

    fn refused(&mut self, index: usize, retry_after: Duration, place: Option<String>) {
        let person = &mut self.people[index];
        person.refused_at.push(self.now);
        person.had_place &= place.is_some();
        person.refused_late |= person.asked_at < self.now;
        person.place = place;
        match person
            .retries
            .after_refusal(self.now, retry_after, &mut self.rng)
        {
            Some(at) => self.heap.push(Reverse((at, Happening::Ask(index)))),
            None => person.gave_up = true,
        }
    }

    /// People in, by node.
    pub fn spread(&self) -> Vec<u32> {
        let sum = |classes: &HashMap<_, u32>| classes.values().sum();
        self.inside.iter().map(sum).collect()
    }
}
