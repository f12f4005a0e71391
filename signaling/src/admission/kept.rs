//! Places of those who were sent away: who comes back in time stands where they stood.
//!
//! They are asked to come back one after the other, at the pace at which the node lets people in, so
//! that a thousand refused together do not return together.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use super::queue::Standing;

/// Places kept at most; some 400 bytes each. Beyond, people are sent away without one.
pub const MAX_KEPT: usize = 20_000;

/// Nobody is asked to come back sooner, or later.
pub const SOONEST: Duration = Duration::from_secs(1);
pub const LATEST: Duration = Duration::from_secs(60);

/// Clients wait as long as asked, and at random up to half as long again.
const CLIENT_JITTER: f64 = 1.5;

/// A client that was slow all the same finds its place this much later.
const GRACE: Duration = Duration::from_secs(20);

/// A client is asked to come back after this share of the time until its turn, so that with its own
/// jitter it is there about then.
const RETURN_SHARE: std::ops::Range<f64> = 0.75..0.9;

/// The place of one who was sent away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub ticket: String,
    pub retry_after: Duration,
}

#[derive(Debug)]
struct Entry {
    class: Arc<str>,
    identity: Arc<str>,
    standing: Standing,
    until: Instant,
}

type Person = (Arc<str>, Arc<str>);

/// Bounded by [`MAX_KEPT`].
#[derive(Debug, Default)]
pub struct KeptPlaces {
    by_ticket: HashMap<String, Entry>,
    by_person: HashMap<Person, String>,
    expiry: BTreeSet<(Instant, String)>,
    /// When the turn of the last one sent away will be.
    last_turn: Option<Instant>,
}

impl KeptPlaces {
    pub fn len(&self) -> usize {
        self.by_ticket.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_ticket.is_empty()
    }

    /// When somebody sent away now should come back: `free_in` is when there will be room, `takes`
    /// how long letting this one in takes.
    pub fn retry_after(
        &mut self,
        now: Instant,
        free_in: Duration,
        takes: Duration,
        rng: &mut StdRng,
    ) -> Duration {
        let free_at = now + free_in.min(LATEST);
        let turn = self.last_turn.map_or(free_at, |last| last.max(free_at)) + takes;
        // Turns further ahead than anybody waits are not counted on.
        let turn = turn.min(now + LATEST);
        self.last_turn = Some(turn);
        let share = rng.random_range(RETURN_SHARE);
        (turn - now).mul_f64(share).clamp(SOONEST, LATEST)
    }

    /// Keeps somebody's place until a while after `retry_after`. `None`: no more can be kept. The
    /// caller has seen to it that the person has none yet, by [`KeptPlaces::reclaim`].
    pub fn keep(
        &mut self,
        now: Instant,
        (class, identity): Person,
        standing: Standing,
        retry_after: Duration,
        rng: &mut StdRng,
    ) -> Option<String> {
        let person = (class, identity);
        if let Some(former) = self.by_person.remove(&person) {
            self.forget(&former);
        }
        if self.by_ticket.len() >= MAX_KEPT {
            return None;
        }
        let ticket = format!("{:032x}", rng.random::<u128>());
        let until = now + retry_after.mul_f64(CLIENT_JITTER) + GRACE;
        self.expiry.insert((until, ticket.clone()));
        self.by_person.insert(person.clone(), ticket.clone());
        let (class, identity) = person;
        let entry = Entry {
            class,
            identity,
            standing,
            until,
        };
        self.by_ticket.insert(ticket.clone(), entry);
        Some(ticket)
    }

    /// Gives back the place of who shows `ticket`, or of the person without one: a reloaded page
    /// has lost it.
    pub fn reclaim(
        &mut self,
        now: Instant,
        class: &Arc<str>,
        identity: &Arc<str>,
        ticket: Option<&str>,
    ) -> Option<Standing> {
        let shown = ticket.filter(|ticket| {
            self.by_ticket
                .get(*ticket)
                .is_some_and(|entry| entry.class == *class)
        });
        let ticket = match shown {
            Some(ticket) => ticket.to_owned(),
            None => {
                let person = (class.clone(), identity.clone());
                self.by_person.get(&person)?.clone()
            }
        };
        self.forget(&ticket)
            .filter(|entry| now < entry.until)
            .map(|entry| entry.standing)
    }

    /// Forgets a place that nobody came back to; gives its class and standing. To be called until
    /// there is none.
    pub fn expire(&mut self, now: Instant) -> Option<(Arc<str>, Standing)> {
        let (until, ticket) = self.expiry.first()?;
        if *until > now {
            return None;
        }
        let ticket = ticket.clone();
        let entry = self.forget(&ticket)?;
        Some((entry.class, entry.standing))
    }

    fn forget(&mut self, ticket: &str) -> Option<Entry> {
        let (ticket, entry) = self.by_ticket.remove_entry(ticket)?;
        let person = (entry.class.clone(), entry.identity.clone());
        if self.by_person.get(&person) == Some(&ticket) {
            self.by_person.remove(&person);
        }
        self.expiry.remove(&(entry.until, ticket));
        Some(entry)
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
