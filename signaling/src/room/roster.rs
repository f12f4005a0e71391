//! Collects changes of the roster, so that a class that arrives at once costs each of its people
//! a message per [`BATCH`], not one per arrival.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::message::{ParticipantId, Person, ServerMessage};

/// From the first change to the message that tells of it.
pub(crate) const BATCH: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(crate) struct RosterBatch {
    /// The roster as everybody who was here at the last message knows it.
    announced: HashMap<ParticipantId, Person>,
    /// Who may have changed since. At most the people of the room and who left since.
    dirty: BTreeSet<ParticipantId>,
    /// Somebody was given the roster between two messages and may know a state that was never
    /// announced: the next message tells all that is dirty, changed or not.
    seen_between: bool,
    due: Option<Instant>,
}

impl RosterBatch {
    pub fn touch(&mut self, now: Instant, participant: &str) {
        self.dirty.insert(participant.to_owned());
        self.due.get_or_insert(now + BATCH);
    }

    /// To be called when somebody is given the whole roster as it is.
    pub fn given_out(&mut self) {
        self.seen_between |= !self.dirty.is_empty();
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The `roster` message for everybody, if there is anything to tell. `current` gives the
    /// person as of now, or `None` who has left.
    pub fn take(&mut self, current: impl Fn(&str) -> Option<Person>) -> Option<ServerMessage> {
        self.due = None;
        let tell_all = std::mem::take(&mut self.seen_between);
        let (mut joined, mut left, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for participant in std::mem::take(&mut self.dirty) {
            let Some(person) = current(&participant) else {
                if self.announced.remove(&participant).is_some() || tell_all {
                    left.push(participant);
                }
                continue;
            };
            match self.announced.insert(participant, person.clone()) {
                None => joined.push(person),
                Some(before) if before != person || tell_all => changed.push(person),
                Some(_) => {}
            }
        }
        let quiet = joined.is_empty() && left.is_empty() && changed.is_empty();
        (!quiet).then_some(ServerMessage::Roster {
            joined,
            left,
            changed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{LineQuality, Publishing, Role};

    fn person(id: &str, present: bool) -> Person {
        Person {
            participant: id.into(),
            name: id.to_uppercase(),
            role: Role::Pupil,
            publishing: Publishing::default(),
            present,
            line: LineQuality::Good,
        }
    }

    fn ids(message: Option<ServerMessage>) -> Option<(Vec<String>, Vec<String>, Vec<String>)> {
        let Some(ServerMessage::Roster {
            joined,
            left,
            changed,
        }) = message
        else {
            return None;
        };
        let names = |people: Vec<Person>| people.into_iter().map(|p| p.participant).collect();
        Some((names(joined), left, names(changed)))
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_told_once_and_together() {
        let now = Instant::now();
        let mut batch = RosterBatch::default();
        assert_eq!(batch.due(), None);
        for id in ["a", "b", "a"] {
            batch.touch(now, id);
        }
        batch.touch(now + Duration::from_millis(90), "c");
        assert_eq!(batch.due(), Some(now + BATCH));
        let all = batch.take(|id| Some(person(id, true)));
        assert_eq!(
            ids(all),
            Some((vec!["a".into(), "b".into(), "c".into()], vec![], vec![]))
        );
        assert_eq!(batch.due(), None);
        batch.touch(now, "a");
        batch.touch(now, "b");
        let delta = batch.take(|id| (id == "a").then(|| person(id, false)));
        assert_eq!(
            ids(delta),
            Some((vec![], vec!["b".into()], vec!["a".into()]))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_and_went_is_not_told() {
        let now = Instant::now();
        let mut batch = RosterBatch::default();
        batch.touch(now, "a");
        batch.take(|id| Some(person(id, true)));
        // A blink, and somebody who left at once.
        batch.touch(now, "a");
        batch.touch(now, "b");
        assert_eq!(batch.take(|id| (id == "a").then(|| person(id, true))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_saw_the_roster_between_is_corrected() {
        let now = Instant::now();
        let mut batch = RosterBatch::default();
        batch.touch(now, "a");
        batch.take(|id| Some(person(id, true)));
        batch.touch(now, "a");
        batch.touch(now, "b");
        batch.given_out();
        let told = batch.take(|id| (id == "a").then(|| person(id, true)));
        assert_eq!(
            ids(told),
            Some((vec![], vec!["b".into()], vec!["a".into()]))
        );
    }
}
