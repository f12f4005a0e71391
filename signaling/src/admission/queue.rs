//! Who waits to come in, in an order that is fair to classes.
//!
//! Classes take turns by deficit round robin (Shreedhar and Varghese, 1995): a class of a hundred
//! cannot hold up a class of ten, and a class whose joins are dear gets fewer of them for a turn.
//! Within a class the teacher comes first, then whoever came first.
//!
//! Whoever was promised a time (see [`promise`](super::promise)) and has waited it out is next,
//! out of turn. The class pays for that with its following turns.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque, btree_map};
use std::iter::Peekable;
use std::sync::Arc;
use std::time::Instant;

use super::work::JoinWork;

/// Who waits; chosen by the caller, unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Client(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Teachers, co-teachers, and whoever is in the class already and only reloads the page.
    Leading,
    Ordinary,
}

/// Where somebody stands within the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    pub rank: Rank,
    /// Rises with every arrival; a place that was kept has its former one.
    pub order: u64,
}

/// What a class may spend for each turn, in units of work.
const QUANTUM: i64 = 64;

/// How far ahead of its turns kept promises may bring a class. Beyond, promises of that class wait
/// for its turn: else a class that came early and in numbers would keep the others out.
const MAX_DEBT: i64 = 16 * QUANTUM;

/// The caller bounds how many wait, and how many are away.
#[derive(Debug, Default)]
pub struct FairQueue {
    /// Classes somebody waits for or is away from, and those still listed in `turns`.
    lines: HashMap<Arc<str>, Line>,
    /// Whose turn it is, then who follows. Each line once at most.
    turns: VecDeque<Arc<str>>,
    seats: HashMap<Client, Seat>,
    promises: BTreeSet<(Instant, Client)>,
    units: u64,
}

/// Those who wait for one class.
#[derive(Debug, Default)]
struct Line {
    waiting: BTreeMap<Standing, (Client, JoinWork)>,
    /// Who was sent away and will stand here again.
    away: BTreeMap<Standing, JoinWork>,
    /// Work of those who wait.
    units: u64,
    away_units: u64,
    /// The class has its place in `turns`.
    listed: bool,
    purse: Purse,
}

/// What a class may spend in its turn.
#[derive(Clone, Copy, Debug, Default)]
struct Purse {
    /// In units of work; below zero after promises were kept out of turn.
    credit: i64,
    /// The quantum of the present turn was given.
    granted: bool,
}

impl Purse {
    /// Whether the class, whose turn it is, can pay for `work`. If not, its turn is over.
    fn affords(&mut self, work: JoinWork) -> bool {
        if !self.granted {
            self.credit += QUANTUM;
        }
        self.granted = self.credit >= signed(work);
        self.granted
    }

    fn pay(&mut self, work: JoinWork) {
        self.credit -= signed(work);
    }
}

fn signed(work: JoinWork) -> i64 {
    i64::try_from(work.units()).unwrap_or(i64::MAX)
}

#[derive(Debug)]
struct Seat {
    class: Arc<str>,
    standing: Standing,
    promise: Option<Instant>,
}

/// Somebody's place in the order of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub client: Client,
    /// Work of the own class up to and including this client's, with that of those who are away
    /// and stand before it.
    pub depth: u64,
}

impl FairQueue {
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Work of all who wait.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// How many wait for one class, and their work.
    pub fn line(&self, class: &str) -> (usize, u64) {
        self.lines
            .get(class)
            .map_or((0, 0), |line| (line.waiting.len(), line.units))
    }

    /// Work of one class that comes before `standing`, with that of those who are away.
    pub fn depth(&self, class: &str, standing: Standing) -> u64 {
        self.lines.get(class).map_or(0, |line| {
            let waiting = line.waiting.range(..standing).map(|(_, (_, work))| work);
            let away = line.away.range(..standing).map(|(_, work)| work);
            waiting.chain(away).map(|work| work.units()).sum()
        })
    }

    /// Adds somebody who does not wait yet. A standing that another client of the class has is
    /// moved behind it.
    pub fn push(&mut self, client: Client, class: &Arc<str>, standing: Standing, work: JoinWork) {
        self.remove(client);
        let line = self.lines.entry(class.clone()).or_default();
        if !std::mem::replace(&mut line.listed, true) {
            self.turns.push_back(class.clone());
        }
        let mut standing = standing;
        while line.waiting.contains_key(&standing) {
            standing.order = standing.order.saturating_add(1);
        }
        line.waiting.insert(standing, (client, work));
        line.units += work.units();
        self.units += work.units();
        let seat = Seat {
            class: class.clone(),
            standing,
            promise: None,
        };
        self.seats.insert(client, seat);
    }

    /// From `at` on the client is next, whoever's turn it is. An earlier promise stands.
    pub fn promise(&mut self, client: Client, at: Instant) {
        let Some(seat) = self.seats.get_mut(&client) else {
            return;
        };
        match seat.promise {
            Some(earlier) if earlier <= at => return,
            Some(later) => {
                self.promises.remove(&(later, client));
            }
            None => {}
        }
        seat.promise = Some(at);
        self.promises.insert((at, client));
    }

    /// What the client was promised.
    pub fn promised(&self, client: Client) -> Option<Instant> {
        self.seats.get(&client)?.promise
    }

    /// Who is to be let in next. Asked again before anything else has changed, the answer is the
    /// same, or somebody whose promise is due.
    pub fn head(&mut self, now: Instant) -> Option<(Client, JoinWork)> {
        self.due(now).or_else(|| self.head_of_turn())
    }

    fn due(&self, now: Instant) -> Option<(Client, JoinWork)> {
        let due = self.promises.iter().take_while(|(at, _)| *at <= now);
        due.filter_map(|(_, client)| {
            let seat = self.seats.get(client)?;
            let line = self.lines.get(&seat.class)?;
            let (_, work) = line.waiting.get(&seat.standing)?;
            (line.purse.credit > -MAX_DEBT).then_some((*client, *work))
        })
        .next()
    }

    fn head_of_turn(&mut self) -> Option<(Client, JoinWork)> {
        loop {
            let class = self.turns.front()?;
            let Some(line) = self.lines.get_mut(class) else {
                self.turns.pop_front();
                continue;
            };
            let Some((_, &(client, work))) = line.waiting.first_key_value() else {
                line.listed = false;
                line.purse = Purse::default();
                if line.away.is_empty() {
                    self.lines.remove(class);
                }
                self.turns.pop_front();
                continue;
            };
            if line.purse.affords(work) {
                return Some((client, work));
            }
            self.turns.rotate_left(1);
        }
    }

    /// Somebody is sent away and may come back to this standing.
    pub fn send_away(&mut self, class: &Arc<str>, standing: Standing, work: JoinWork) {
        self.forget_away(class, standing);
        let line = self.lines.entry(class.clone()).or_default();
        line.away.insert(standing, work);
        line.away_units += work.units();
    }

    /// Whoever was sent away with this standing is back, or will not come any more.
    pub fn forget_away(&mut self, class: &str, standing: Standing) {
        let Some(line) = self.lines.get_mut(class) else {
            return;
        };
        if let Some(work) = line.away.remove(&standing) {
            line.away_units -= work.units();
        }
        if line.waiting.is_empty() && line.away.is_empty() && !line.listed {
            self.lines.remove(class);
        }
    }

    /// Classes that anybody waits for or is away from, with the work of both.
    pub fn classes(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.lines
            .iter()
            .map(|(class, line)| (class, line.units + line.away_units))
            .filter(|(_, units)| *units > 0)
    }

    pub fn has_class(&self, class: &str) -> bool {
        self.lines
            .get(class)
            .is_some_and(|line| line.units + line.away_units > 0)
    }

    /// Takes out somebody who is let in; the class pays for it.
    pub fn take(&mut self, client: Client) -> bool {
        let Some((class, work)) = self.unseat(client) else {
            return false;
        };
        if let Some(line) = self.lines.get_mut(&class) {
            line.purse.pay(work);
        }
        true
    }

    /// Takes out somebody who is not let in.
    pub fn remove(&mut self, client: Client) -> bool {
        self.unseat(client).is_some()
    }

    fn unseat(&mut self, client: Client) -> Option<(Arc<str>, JoinWork)> {
        let seat = self.seats.remove(&client)?;
        if let Some(at) = seat.promise {
            self.promises.remove(&(at, client));
        }
        let line = self.lines.get_mut(&seat.class)?;
        let (_, work) = line.waiting.remove(&seat.standing)?;
        line.units -= work.units();
        self.units -= work.units();
        Some((seat.class, work))
    }

    /// Everybody in the order in which they would be let in if nobody else came.
    pub fn order(&self) -> Vec<Turn> {
        let mut order = Vec::with_capacity(self.seats.len());
        let lines = self.turns.iter().filter_map(|class| self.lines.get(class));
        let mut turns: VecDeque<_> = lines.map(Walk::along).collect();
        while let Some(mut walk) = turns.pop_front() {
            while let Some(work) = walk.next_work() {
                if !walk.purse.affords(work) {
                    turns.push_back(walk);
                    break;
                }
                walk.purse.pay(work);
                order.extend(walk.step());
            }
        }
        order
    }
}

/// A line as it will be worked off.
struct Walk<'a> {
    purse: Purse,
    waiting: Peekable<btree_map::Iter<'a, Standing, (Client, JoinWork)>>,
    away: Peekable<btree_map::Iter<'a, Standing, JoinWork>>,
    depth: u64,
}

impl<'a> Walk<'a> {
    fn along(line: &'a Line) -> Self {
        Self {
            purse: line.purse,
            waiting: line.waiting.iter().peekable(),
            away: line.away.iter().peekable(),
            depth: 0,
        }
    }

    fn next_work(&mut self) -> Option<JoinWork> {
        self.waiting.peek().map(|(_, (_, work))| *work)
    }

    fn step(&mut self) -> Option<Turn> {
        let (standing, (client, work)) = self.waiting.next()?;
        while let Some((_, work)) = self.away.next_if(|(away, _)| *away < standing) {
            self.depth += work.units();
        }
        self.depth += work.units();
        Some(Turn {
            client: *client,
            depth: self.depth,
        })
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
