//! What those who wait are told, and the look ahead that it comes from.

use std::time::Instant;

use super::{Event, Gate, TELL_NEW_EVERY};
use crate::admission::forecast::Forecast;
use crate::admission::promise::{TELL_EVERY, tell};

impl<T> Gate<T> {
    pub(super) fn tell(&mut self, now: Instant, events: &mut Vec<Event<T>>) {
        let since = self.told_at.map(|at| now.saturating_duration_since(at));
        let due = since.is_none_or(|since| {
            since >= TELL_EVERY || (self.untold > 0 && since >= TELL_NEW_EVERY)
        });
        if self.waiting.is_empty() || !due {
            return;
        }
        self.told_at = Some(now);
        let forecast = self.look_ahead(now);
        for (position, turn) in (1..).zip(self.queue.order()) {
            let Some(entry) = self.waiting.get_mut(&turn.client) else {
                continue;
            };
            if entry.told.is_some_and(|told| told.is_fresh(now)) {
                continue;
            }
            let estimate = forecast.wait(turn.depth);
            if let Some(told) = tell(now, entry.told.as_ref(), position, estimate) {
                self.untold -= usize::from(entry.told.is_none());
                entry.told = Some(told);
                self.queue.promise(turn.client, told.promise());
                events.push(Event::Told(turn.client, told));
            }
        }
        self.forecast = Some((now, forecast));
    }

    /// A look ahead of a moment ago, or a new one.
    pub(super) fn recent_forecast(&mut self, now: Instant) -> &Forecast {
        let (at, forecast) = match self.forecast.take() {
            Some((at, forecast)) if now.saturating_duration_since(at) < TELL_NEW_EVERY => {
                (at, forecast)
            }
            _ => (now, self.look_ahead(now)),
        };
        &self.forecast.insert((at, forecast)).1
    }

    fn look_ahead(&mut self, now: Instant) -> Forecast {
        let mut classes: Vec<_> = self.queue.classes().map(|(_, units)| units).collect();
        let only_coming = self
            .arrivals
            .classes(now)
            .filter(|class| !self.queue.has_class(class));
        classes.extend(only_coming.map(|_| 0));
        let arrivals = self.arrivals.rate(now);
        Forecast::new(classes, arrivals, self.rate.units_per_second())
    }
}
