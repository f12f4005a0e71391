//! Announced classes at the gate. `wall` is the time in seconds since the epoch.

use std::time::{Duration, Instant};

use super::Gate;
use crate::admission::calendar::{AHEAD, Lesson, LessonId, NotAnnounced};

impl<T> Gate<T> {
    /// Keeps a share of the node for a lesson. True: it was not announced before.
    ///
    /// # Errors
    /// It is no lesson, or the node is full at that time.
    pub fn announce(
        &mut self,
        now: Instant,
        wall: u64,
        lesson: Lesson,
    ) -> Result<bool, NotAnnounced> {
        let capacity = self.book.capacity();
        let is_new = self
            .calendar
            .announce(wall, lesson, capacity, &self.config.profile)?;
        self.begin_lessons(now, wall);
        Ok(is_new)
    }

    /// Takes an announcement back. Whoever is in stays.
    pub fn cancel(&mut self, now: Instant, wall: u64, id: LessonId) -> Option<Lesson> {
        let (lesson, begun) = self.calendar.cancel(id)?;
        if begun {
            self.book.release(now, &lesson.class);
        }
        self.begin_lessons(now, wall);
        Some(lesson)
    }

    /// By their beginning.
    pub fn lessons(&self) -> impl Iterator<Item = &Lesson> {
        self.calendar.iter()
    }

    /// Lets lessons hold their shares whose time has come. To be called every second or so.
    pub fn begin_lessons(&mut self, now: Instant, wall: u64) {
        for lesson in self.calendar.begin(wall) {
            let firm = lesson.firm_until().saturating_sub(wall);
            let firm_until = now + Duration::from_secs(firm);
            self.book
                .hold(now, &lesson.class, lesson.expected, firm_until);
        }
        let ahead =
            self.calendar
                .most_booked(wall, wall.saturating_add(AHEAD), &self.config.profile);
        self.book.set_booked_ahead(ahead);
    }
}
