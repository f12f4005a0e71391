//! Classes known before they begin.
//!
//! A lesson that was announced and accepted has its place among all others announced for that time,
//! from the announcement on. An hour ahead, classes that nobody announced get no share it will need;
//! [`EARLY`] before it begins it holds its own (see [`Reservations`](super::reservation)).
//!
//! Times are seconds since the epoch: lessons follow the clock on the wall, also when it is set.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::capacity::{ClassProfile, Load};
use super::reservation::NEW_CLASS_SHARE;
use crate::stable_hash::stable_hash;

/// Lessons announced on one node at most: a large school's year. Beyond: [`NotAnnounced::TooMany`].
pub const MAX_LESSONS: usize = 20_000;

/// A lesson holds its share this long before its beginning: people come early.
pub const EARLY: u64 = 5 * 60;

/// Those expected who are not there this long after the beginning hold no places any more.
pub const NO_SHOW_AFTER: u64 = 15 * 60;

/// How far ahead shares are kept from classes that nobody announced: the length of a lesson that
/// begins now.
pub const AHEAD: u64 = 60 * 60;

/// Lessons are announced at most this far ahead; a mistyped year is further.
pub const FARTHEST: u64 = 400 * 24 * 3600;

/// The longest lesson.
pub const LONGEST: u64 = 24 * 3600;

/// Of the class's name and the time: the same wherever and whenever it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LessonId(pub u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    pub class: Arc<str>,
    pub starts_at: u64,
    /// After the start.
    pub ends_at: u64,
    pub expected: u32,
}

impl Lesson {
    pub fn id(&self) -> LessonId {
        let start = self.starts_at.to_le_bytes();
        LessonId(stable_hash(&[self.class.as_bytes(), &start]))
    }

    /// Until when those who are expected hold their places.
    pub fn firm_until(&self) -> u64 {
        self.ends_at
            .min(self.starts_at.saturating_add(NO_SHOW_AFTER))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnnounced {
    /// Nobody is expected, it is over, it ends before it begins, or it is too far ahead or long.
    NoLesson,
    /// The node's capacity is given away for that time.
    Full,
    TooMany,
}

/// Of one node. Bounded by [`MAX_LESSONS`]; lessons that are over are forgotten.
#[derive(Debug, Default)]
pub struct Calendar {
    lessons: BTreeMap<(u64, LessonId), Entry>,
    starts: HashMap<LessonId, u64>,
}

#[derive(Debug)]
struct Entry {
    lesson: Lesson,
    /// It holds its share.
    begun: bool,
}

impl Calendar {
    pub fn len(&self) -> usize {
        self.lessons.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lessons.is_empty()
    }

    /// By their beginning.
    pub fn iter(&self) -> impl Iterator<Item = &Lesson> {
        self.lessons.values().map(|entry| &entry.lesson)
    }

    /// Takes a lesson in. The same class at the same time replaces what was announced before.
    /// True: it is new.
    ///
    /// # Errors
    /// It is no lesson, or there is no room for it; what was announced before stands.
    pub fn announce(
        &mut self,
        now: u64,
        lesson: Lesson,
        capacity: Load,
        profile: &ClassProfile,
    ) -> Result<bool, NotAnnounced> {
        let over = lesson.ends_at <= now || lesson.ends_at <= lesson.starts_at;
        let far = lesson.starts_at > now.saturating_add(FARTHEST)
            || lesson.ends_at - lesson.starts_at.min(lesson.ends_at) > LONGEST;
        if lesson.expected == 0 || over || far {
            return Err(NotAnnounced::NoLesson);
        }
        let key = (lesson.starts_at, lesson.id());
        let former = self.lessons.remove(&key);
        let full = self.lessons.len() >= MAX_LESSONS;
        let load = profile.cost(lesson.expected).plus(self.most_booked(
            lesson.starts_at,
            lesson.ends_at,
            profile,
        ));
        let refused = if full {
            Some(NotAnnounced::TooMany)
        } else if load.share_of(capacity) > NEW_CLASS_SHARE {
            Some(NotAnnounced::Full)
        } else {
            None
        };
        if let Some(refused) = refused {
            if let Some(former) = former {
                self.lessons.insert(key, former);
            }
            return Err(refused);
        }
        self.starts.insert(key.1, key.0);
        let begun = false;
        self.lessons.insert(key, Entry { lesson, begun });
        Ok(former.is_none())
    }

    /// Takes a lesson out. True beside it: it holds its share already.
    pub fn cancel(&mut self, id: LessonId) -> Option<(Lesson, bool)> {
        let start = self.starts.remove(&id)?;
        let entry = self.lessons.remove(&(start, id))?;
        Some((entry.lesson, entry.begun))
    }

    /// Lessons that hold their share from now on; each once. Forgets those that are over.
    pub fn begin(&mut self, now: u64) -> Vec<Lesson> {
        let starts = &mut self.starts;
        // Whatever is over began at least as long ago as it lasts: only the past is looked at.
        let over: Vec<_> = self
            .lessons
            .range(..(now, LessonId(0)))
            .filter(|(_, entry)| entry.lesson.ends_at <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            starts.remove(&key.1);
            self.lessons.remove(&key);
        }
        let soon = now.saturating_add(EARLY);
        let mut begun = Vec::new();
        for (_, entry) in self.lessons.range_mut(..=(soon, LessonId(u64::MAX))) {
            if !std::mem::replace(&mut entry.begun, true) {
                begun.push(entry.lesson.clone());
            }
        }
        begun
    }

    /// The most that lessons need together at any time from `from` to before `to`.
    pub fn most_booked(&self, from: u64, to: u64, profile: &ClassProfile) -> Load {
        let mut changes: Vec<(u64, bool, Load)> = Vec::new();
        let earliest = from.saturating_sub(LONGEST);
        if to <= from {
            return Load::NONE;
        }
        for entry in self
            .lessons
            .range((earliest, LessonId(0))..(to, LessonId(0)))
        {
            let lesson = &entry.1.lesson;
            if lesson.ends_at > from {
                let cost = profile.cost(lesson.expected);
                changes.push((lesson.starts_at, true, cost));
                changes.push((lesson.ends_at, false, cost));
            }
        }
        // Those that end make room for those that begin at the same time.
        changes.sort_unstable_by_key(|(at, begins, _)| (*at, *begins));
        let (mut load, mut most) = (Load::NONE, Load::NONE);
        for (_, begins, cost) in changes {
            load = if begins {
                load.plus(cost)
            } else {
                load.minus(cost)
            };
            most = most.most(load);
        }
        most
    }
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
