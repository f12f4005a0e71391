//! Who holds which share of a node.
//!
//! A share is taken when a class is placed, not when its load is measured: classes that begin
//! together all see the load of before. A class holds the larger of what it was expected to be and
//! of who is there. Some time after its beginning those who did not come are not expected any more,
//! and it holds who is there and a little more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::capacity::{ClassProfile, Load};

/// Of a node's capacity, what may be taken by classes that are new to it. The rest is for people who
/// come to classes that run, which are larger than expected.
pub const NEW_CLASS_SHARE: f64 = 0.9;

/// How long a class that nobody announced holds the size it opened with.
pub const SETTLE_AFTER: Duration = Duration::from_secs(120);

/// The share cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// One node's shares. Holds one entry for each class that runs, is waited for, or is about to begin.
#[derive(Debug)]
pub struct Reservations {
    capacity: Load,
    profile: ClassProfile,
    /// People that a class is taken to have when its first one comes unannounced.
    unannounced: u32,
    classes: HashMap<Arc<str>, Share>,
    /// Of classes that are announced, and of all others.
    announced: Load,
    others: Load,
    /// The most that announced classes will need together within the hour.
    booked_ahead: Load,
    /// No share changes by itself before this.
    settle_at: Option<Instant>,
}

/// What one class holds.
#[derive(Clone, Copy, Debug)]
struct Share {
    expected: u32,
    /// Until then those who are expected hold their places, whether they are there or not.
    firm_until: Instant,
    is_announced: bool,
    people: u32,
    /// What the totals contain for this class.
    size: u32,
}

impl Share {
    fn size_at(&self, now: Instant) -> u32 {
        if now < self.firm_until {
            return self.expected.max(self.people);
        }
        let some_more = self.people + self.people / 4 + 2;
        self.people.max(self.expected.min(some_more))
    }

    /// The last person's leaving gives the share back, unless the class was announced and may yet
    /// begin, or begin again.
    fn is_over(&self, now: Instant) -> bool {
        self.people == 0 && (!self.is_announced || now >= self.firm_until)
    }
}

impl Reservations {
    pub fn new(capacity: Load, profile: ClassProfile, unannounced: u32) -> Self {
        Self {
            capacity,
            profile,
            unannounced: unannounced.max(1),
            classes: HashMap::new(),
            announced: Load::NONE,
            others: Load::NONE,
            booked_ahead: Load::NONE,
            settle_at: None,
        }
    }

    /// What is taken, and what announced classes are about to take.
    pub fn taken(&self) -> Load {
        self.others.plus(self.announced.most(self.booked_ahead))
    }

    /// How much of the node is taken; 1 is all of it.
    pub fn share(&self) -> f64 {
        self.taken().share_of(self.capacity)
    }

    /// The share that would be taken with a class of `people` more.
    pub fn share_with(&self, people: u32) -> f64 {
        let cost = self.profile.cost(people);
        self.taken().plus(cost).share_of(self.capacity)
    }

    pub fn capacity(&self) -> Load {
        self.capacity
    }

    /// People that a class is taken to have when its first one comes unannounced.
    pub fn unannounced(&self) -> u32 {
        self.unannounced
    }

    /// The same node with nothing on it.
    pub fn emptied(&self) -> Self {
        Self::new(self.capacity, self.profile, self.unannounced)
    }

    pub fn len(&self) -> usize {
        self.classes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// People that `class` holds places for.
    pub fn size(&self, class: &str) -> u32 {
        self.classes.get(class).map_or(0, |share| share.size)
    }

    /// Whether the class holds places because it was announced.
    pub fn is_announced(&self, class: &str) -> bool {
        self.classes
            .get(class)
            .is_some_and(|share| share.is_announced)
    }

    pub fn holds(&self, class: &str) -> bool {
        self.classes.contains_key(class)
    }

    /// One person more for `class`: it holds a share from now on.
    ///
    /// # Errors
    /// There is no room: for a new class somewhat earlier than for one more in a class that runs.
    pub fn arrive(&mut self, now: Instant, class: &Arc<str>) -> Result<(), Full> {
        let (mut share, limit) = match self.classes.get(class) {
            Some(share) => (*share, 1.0),
            None => (self.new_share(now), NEW_CLASS_SHARE),
        };
        share.people += 1;
        let size = share.size_at(now);
        if size > share.size {
            let more = self.profile.cost(size).minus(self.profile.cost(share.size));
            if self.taken().plus(more).share_of(self.capacity) > limit {
                return Err(Full);
            }
        }
        self.put(now, class, share);
        Ok(())
    }

    /// One person less.
    pub fn leave(&mut self, now: Instant, class: &Arc<str>) {
        if let Some(mut share) = self.classes.get(class).copied() {
            share.people = share.people.saturating_sub(1);
            self.put(now, class, share);
        }
    }

    /// `class` is about to begin, as announced: it holds places for `expected` people until
    /// `firm_until`, and longer for those who are there. This was promised, so that it cannot fail.
    pub fn hold(&mut self, now: Instant, class: &Arc<str>, expected: u32, firm_until: Instant) {
        let mut share = match self.classes.get(class) {
            Some(share) => *share,
            None => self.new_share(now),
        };
        if share.is_announced {
            share.expected = share.expected.max(expected);
            share.firm_until = share.firm_until.max(firm_until);
        } else {
            share.expected = expected;
            share.firm_until = firm_until;
        }
        self.forget(class);
        share.size = 0;
        share.is_announced = true;
        self.put(now, class, share);
    }

    /// The announcement was taken back: who is there stays.
    pub fn release(&mut self, now: Instant, class: &Arc<str>) {
        if let Some(mut share) = self.classes.get(class).copied() {
            share.firm_until = now;
            self.put(now, class, share);
        }
    }

    /// What announced classes will need together within the hour, whether they hold it yet or not.
    pub fn set_booked_ahead(&mut self, load: Load) {
        self.booked_ahead = load;
    }

    /// Gives back what is held for people who did not come in time.
    pub fn settle(&mut self, now: Instant) {
        if self.settle_at.is_none_or(|at| now < at) {
            return;
        }
        let due: Vec<_> = self
            .classes
            .iter()
            .filter(|(_, share)| share.firm_until <= now)
            .map(|(class, share)| (class.clone(), *share))
            .collect();
        for (class, share) in due {
            self.put(now, &class, share);
        }
        let firm = self.classes.values().map(|share| share.firm_until);
        self.settle_at = firm.filter(|until| *until > now).min();
    }

    /// When [`Reservations::settle`] has something to do.
    pub fn settle_at(&self) -> Option<Instant> {
        self.settle_at
    }

    fn new_share(&self, now: Instant) -> Share {
        Share {
            expected: self.unannounced,
            firm_until: now + SETTLE_AFTER,
            is_announced: false,
            people: 0,
            size: 0,
        }
    }

    fn put(&mut self, now: Instant, class: &Arc<str>, mut share: Share) {
        self.forget(class);
        if share.is_over(now) {
            return;
        }
        share.size = share.size_at(now);
        let cost = self.profile.cost(share.size);
        let total = self.total_of(&share);
        *total = total.plus(cost);
        if share.firm_until > now {
            let soonest = self.settle_at.unwrap_or(share.firm_until);
            self.settle_at = Some(soonest.min(share.firm_until));
        }
        self.classes.insert(class.clone(), share);
    }

    fn forget(&mut self, class: &str) {
        if let Some(share) = self.classes.remove(class) {
            let cost = self.profile.cost(share.size);
            let total = self.total_of(&share);
            *total = total.minus(cost);
        }
    }

    fn total_of(&mut self, share: &Share) -> &mut Load {
        if share.is_announced {
            &mut self.announced
        } else {
            &mut self.others
        }
    }
}

#[cfg(test)]
#[path = "reservation_tests.rs"]
mod tests;
