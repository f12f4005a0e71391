//! The gate of one node: everybody who wants in passes here.
//!
//! Whoever comes is let in at once, or waits and is told for how long, or is sent away within this
//! call with a time to come back and, where there is a queue, a place in it. New classes are sent
//! away before people of classes that run, and people who were sent away before wait before both.
//! Nothing here touches people who are in.

mod decide;
mod lessons;
mod telling;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::calendar::Calendar;
use super::forecast::{Arrivals, Forecast};
use super::kept::KeptPlaces;
use super::pace::Pace;
use super::presence::Presences;
use super::promise::{ServiceRate, TELL_EVERY, Told};
use super::queue::{Client, FairQueue, Rank, Standing};
use super::reservation::Reservations;
use super::work::JoinWork;
use crate::config::AdmissionConfig;

/// Those who have just come are told where they stand this often; each walk through the queue costs
/// in proportion to its length.
const TELL_NEW_EVERY: Duration = Duration::from_millis(50);

/// Somebody who wants in. The caller has checked who it is.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub client: Client,
    pub class: Arc<str>,
    /// The same person from another device, or after a reload, has the same.
    pub identity: Arc<str>,
    pub rank: Rank,
    pub work: JoinWork,
    /// The ticket of a place that was kept.
    pub place: Option<String>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The wait would be too long, or too many wait.
    Busy,
    /// The same, for one more of a class that many wait for already.
    ClassBusy,
    /// There is room for people of classes that run, and not for a class more.
    NewClassesWait,
    /// Waited, and it took too long: the node has become slower meanwhile.
    TooSlow,
    /// The node carries no more.
    NodeFull,
    /// The class has no more places.
    ClassFull,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub retry_after: Duration,
    /// Whoever shows this in time stands where it stood.
    pub place: Option<String>,
}

/// What becomes of those who came; `T` is what the caller gave with each.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<T> {
    /// Let in. The caller says when it is over, by [`Gate::left`].
    Admitted {
        payload: T,
        waited: Duration,
    },
    Refused {
        payload: T,
        refusal: Refusal,
    },
    /// Told where it stands. Its payload stays here: [`Gate::payload`].
    Told(Client, Told),
    /// The same person came again, and stands in its place.
    Displaced {
        payload: T,
    },
}

#[derive(Debug)]
struct Waiting<T> {
    payload: T,
    class: Arc<str>,
    identity: Arc<str>,
    standing: Standing,
    work: JoinWork,
    since: Instant,
    told: Option<Told>,
}

/// Owner of all of a node's admission. Bounds: who waits by `max_waiting`, places by
/// [`MAX_KEPT`](super::kept::MAX_KEPT), lessons by
/// [`MAX_LESSONS`](super::calendar::MAX_LESSONS), people by what is let in.
#[derive(Debug)]
pub struct Gate<T> {
    config: AdmissionConfig,
    max_people_per_class: usize,
    book: Reservations,
    calendar: Calendar,
    presences: Presences,
    queue: FairQueue,
    waiting: HashMap<Client, Waiting<T>>,
    /// Who has waited longest comes first.
    by_age: BTreeSet<(Instant, Client)>,
    /// Of those who wait, how many were never told where they stand.
    untold: usize,
    told_at: Option<Instant>,
    /// Somebody has waited since people were let in last.
    waited: bool,
    kept: KeptPlaces,
    arrivals: Arrivals,
    /// The last look ahead, and when it was made.
    forecast: Option<(Instant, Forecast)>,
    pace: Pace,
    rate: ServiceRate,
    rng: StdRng,
    next_order: u64,
}

/// How the gate stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateState {
    pub waiting: usize,
    pub kept_places: usize,
    pub lessons: usize,
    pub classes: usize,
    /// Of the capacity, what classes hold; 1 is all of it.
    pub reserved: f64,
    /// Work that waits, as a share of what may wait.
    pub queue_pressure: f64,
}

impl<T> Gate<T> {
    /// `seed` decides tickets and jitter; a secret one makes tickets hard to guess.
    pub fn new(config: AdmissionConfig, max_people_per_class: usize, seed: u64) -> Self {
        let pace = Pace::new(config.joins_per_second, config.burst);
        Self {
            book: Reservations::new(
                config.capacity,
                config.profile,
                config.unannounced_class_size,
            ),
            rate: ServiceRate::new(pace.units_per_second()),
            pace,
            max_people_per_class,
            calendar: Calendar::default(),
            presences: Presences::default(),
            queue: FairQueue::default(),
            waiting: HashMap::new(),
            by_age: BTreeSet::new(),
            untold: 0,
            told_at: None,
            waited: false,
            kept: KeptPlaces::default(),
            arrivals: Arrivals::default(),
            forecast: None,
            rng: StdRng::seed_from_u64(seed),
            next_order: 0,
            config,
        }
    }

    /// Somebody comes. Everything that follows at once is in `events`.
    pub fn arrive(
        &mut self,
        now: Instant,
        arrival: Arrival,
        payload: T,
        events: &mut Vec<Event<T>>,
    ) {
        let Arrival {
            client,
            class,
            identity,
            rank,
            work,
            place,
        } = arrival;
        self.book.settle(now);
        let kept = self.reclaim(now, &class, &identity, place.as_deref());
        if kept.is_none() {
            self.arrivals.count(now, &class, work.units());
        }
        if let Some(former) = self.presences.waiting(&class, &identity) {
            self.take_over(former, client, payload, work, events);
            return self.poll(now, events);
        }
        let is_inside = self.presences.is_inside(&class, &identity);
        let standing = kept.unwrap_or_else(|| self.new_standing(rank, is_inside));
        let entry = Waiting {
            payload,
            class,
            identity,
            standing,
            work,
            since: now,
            told: None,
        };
        match self.decide(now, &entry, kept.is_some()) {
            Ok(()) => {
                self.insert(client, entry);
                self.poll(now, events);
            }
            Err(reason) => {
                let refusal = self.refusal(now, &entry, reason);
                let payload = entry.payload;
                events.push(Event::Refused { payload, refusal });
            }
        }
    }

    /// Does what time has brought: lets in who may come in, tells who waits, sends away who waited
    /// too long.
    pub fn poll(&mut self, now: Instant, events: &mut Vec<Event<T>>) {
        self.book.settle(now);
        while let Some((class, standing)) = self.kept.expire(now) {
            self.queue.forget_away(&class, standing);
        }
        self.refuse_overdue(now, events);
        self.let_in(now, events);
        self.tell(now, events);
    }

    /// When [`Gate::poll`] is next needed for those who wait; `None` while nobody does.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        let (_, work) = self.queue.head(now)?;
        let admission = now + self.pace.wait(now, work);
        let every = if self.untold > 0 {
            TELL_NEW_EVERY
        } else {
            TELL_EVERY
        };
        let telling = self.told_at.map_or(now, |at| at + every);
        let overdue = self.by_age.first().map(|(at, _)| *at + self.longest_wait());
        Some(
            overdue
                .map_or(admission, |at| at.min(admission))
                .min(telling),
        )
    }

    /// The client is gone, or does not want in any more. Its payload, if it still waited.
    pub fn vanish(&mut self, now: Instant, client: Client) -> Option<T> {
        let entry = self.remove(client)?;
        self.gone(now, &entry);
        Some(entry.payload)
    }

    /// A join that was let in is over: it failed after all, or the person has left.
    pub fn left(&mut self, now: Instant, class: &Arc<str>, identity: &str) {
        if self.presences.leave(class, identity) {
            self.book.leave(now, class);
        }
    }

    /// What was given with a client that waits.
    pub fn payload(&self, client: Client) -> Option<&T> {
        self.waiting.get(&client).map(|entry| &entry.payload)
    }

    /// From now on joins come in at this share of the node's rate.
    pub fn set_admission_share(&mut self, share: f64) {
        let units = f64::from(self.config.joins_per_second) * JoinWork::ORDINARY.units() as f64;
        self.pace.set_units_per_second(units * share);
        self.rate.set_nominal(self.pace.units_per_second());
    }

    pub fn state(&self) -> GateState {
        GateState {
            waiting: self.waiting.len(),
            kept_places: self.kept.len(),
            lessons: self.calendar.len(),
            classes: self.book.len(),
            reserved: self.book.share(),
            queue_pressure: self.queue.units() as f64 / self.most_units(),
        }
    }

    /// The place that was kept for somebody who is back.
    fn reclaim(
        &mut self,
        now: Instant,
        class: &Arc<str>,
        identity: &Arc<str>,
        ticket: Option<&str>,
    ) -> Option<Standing> {
        let standing = self.kept.reclaim(now, class, identity, ticket)?;
        self.queue.forget_away(class, standing);
        Some(standing)
    }

    fn new_standing(&mut self, rank: Rank, is_inside: bool) -> Standing {
        self.next_order += 1;
        Standing {
            rank: if is_inside { Rank::Leading } else { rank },
            order: self.next_order,
        }
    }

    /// The same person came again: the newcomer stands where the former stood.
    fn take_over(
        &mut self,
        former: Client,
        client: Client,
        payload: T,
        work: JoinWork,
        events: &mut Vec<Event<T>>,
    ) {
        let promised = self.queue.promised(former);
        let Some(entry) = self.remove(former) else {
            return;
        };
        let (displaced, entry) = (
            entry.payload,
            Waiting {
                payload,
                work,
                // Somebody else has to be told.
                told: None,
                class: entry.class,
                identity: entry.identity,
                standing: entry.standing,
                since: entry.since,
            },
        );
        events.push(Event::Displaced { payload: displaced });
        self.insert(client, entry);
        if let Some(at) = promised {
            self.queue.promise(client, at);
        }
    }

    fn insert(&mut self, client: Client, entry: Waiting<T>) {
        self.presences.wait(&entry.class, &entry.identity, client);
        self.queue
            .push(client, &entry.class, entry.standing, entry.work);
        self.by_age.insert((entry.since, client));
        self.untold += usize::from(entry.told.is_none());
        self.waiting.insert(client, entry);
    }

    fn remove(&mut self, client: Client) -> Option<Waiting<T>> {
        let entry = self.waiting.remove(&client)?;
        self.queue.remove(client);
        self.by_age.remove(&(entry.since, client));
        self.untold -= usize::from(entry.told.is_none());
        Some(entry)
    }

    /// Somebody who waited is not let in.
    fn gone(&mut self, now: Instant, entry: &Waiting<T>) {
        if self.presences.give_up(&entry.class, &entry.identity) {
            self.book.leave(now, &entry.class);
        }
    }

    fn let_in(&mut self, now: Instant, events: &mut Vec<Event<T>>) {
        let mut units = 0;
        while let Some((client, work)) = self.queue.head(now) {
            if !self.pace.take(now, work) {
                break;
            }
            units += work.units();
            self.queue.take(client);
            if let Some(entry) = self.remove(client) {
                self.presences.enter(&entry.class, &entry.identity);
                events.push(Event::Admitted {
                    waited: now.saturating_duration_since(entry.since),
                    payload: entry.payload,
                });
            }
        }
        let waits = !self.queue.is_empty();
        let waited = std::mem::replace(&mut self.waited, waits);
        self.rate.observe(now, units, waited);
    }

    fn refuse_overdue(&mut self, now: Instant, events: &mut Vec<Event<T>>) {
        while let Some(&(since, client)) = self.by_age.first()
            && now.saturating_duration_since(since) >= self.longest_wait()
        {
            let Some(entry) = self.remove(client) else {
                self.by_age.remove(&(since, client));
                continue;
            };
            self.gone(now, &entry);
            let refusal = self.refusal(now, &entry, Reason::TooSlow);
            let payload = entry.payload;
            events.push(Event::Refused { payload, refusal });
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
