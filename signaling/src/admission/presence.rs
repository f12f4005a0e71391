//! Who of each class is in, or waits: one person is one place, however often the page is reloaded.

use std::collections::HashMap;
use std::sync::Arc;

use super::queue::Client;

/// Bounded by who was let in and who waits.
#[derive(Debug, Default)]
pub struct Presences {
    classes: HashMap<Arc<str>, Class>,
}

#[derive(Debug, Default)]
struct Class {
    people: HashMap<Arc<str>, Person>,
    /// Those of them who are in.
    inside: usize,
}

#[derive(Debug, Default)]
struct Person {
    /// Joins let in and not over: two for a moment when a new page takes over from an old one.
    inside: u32,
    waiting: Option<Client>,
}

impl Presences {
    /// People of `class`, in or waiting.
    pub fn people(&self, class: &str) -> usize {
        self.classes
            .get(class)
            .map_or(0, |class| class.people.len())
    }

    /// Whether anybody is in.
    pub fn runs(&self, class: &str) -> bool {
        self.classes
            .get(class)
            .is_some_and(|class| class.inside > 0)
    }

    pub fn is_inside(&self, class: &str, identity: &str) -> bool {
        self.person(class, identity)
            .is_some_and(|person| person.inside > 0)
    }

    /// As which client the person waits.
    pub fn waiting(&self, class: &str, identity: &str) -> Option<Client> {
        self.person(class, identity)?.waiting
    }

    /// The person waits from now on, as `client`.
    pub fn wait(&mut self, class: &Arc<str>, identity: &Arc<str>, client: Client) {
        self.person_mut(class, identity).waiting = Some(client);
    }

    /// The person waits no longer. True: and is gone.
    pub fn give_up(&mut self, class: &str, identity: &str) -> bool {
        self.change(class, identity, |person| person.waiting = None)
    }

    /// The person waits no longer and is in, once more.
    pub fn enter(&mut self, class: &Arc<str>, identity: &Arc<str>) {
        let person = self.person_mut(class, identity);
        person.waiting = None;
        person.inside += 1;
        let first = person.inside == 1;
        if let Some(class) = self.classes.get_mut(class) {
            class.inside += usize::from(first);
        }
    }

    /// A join of the person is over. True: the person is gone.
    pub fn leave(&mut self, class: &str, identity: &str) -> bool {
        self.change(class, identity, |person| {
            person.inside = person.inside.saturating_sub(1);
        })
    }

    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    fn person(&self, class: &str, identity: &str) -> Option<&Person> {
        self.classes.get(class)?.people.get(identity)
    }

    fn person_mut(&mut self, class: &Arc<str>, identity: &Arc<str>) -> &mut Person {
        let class = self.classes.entry(class.clone()).or_default();
        class.people.entry(identity.clone()).or_default()
    }

    fn change(&mut self, class: &str, identity: &str, change: impl FnOnce(&mut Person)) -> bool {
        let Some(of) = self.classes.get_mut(class) else {
            return false;
        };
        let Some(person) = of.people.get_mut(identity) else {
            return false;
        };
        let before = person.inside > 0;
        change(person);
        of.inside -= usize::from(before && person.inside == 0);
        let gone = person.inside == 0 && person.waiting.is_none();
        if gone {
            of.people.remove(identity);
        }
        if of.people.is_empty() {
            self.classes.remove(class);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn a_reload_is_no_second_person_and_a_wait_keeps_who_left() {
        let mut presences = Presences::default();
        let (class, anna) = (name("7b"), name("anna"));
        presences.wait(&class, &anna, Client(1));
        assert_eq!(presences.waiting("7b", "anna"), Some(Client(1)));
        assert!(!presences.runs("7b") && !presences.is_inside("7b", "anna"));
        presences.enter(&class, &anna);
        assert_eq!(presences.waiting("7b", "anna"), None);
        presences.wait(&class, &anna, Client(2));
        assert_eq!(presences.people("7b"), 1);
        // The old page goes first, or the new one does.
        assert!(!presences.leave("7b", "anna"));
        assert!(!presences.runs("7b"));
        presences.enter(&class, &anna);
        presences.enter(&class, &anna);
        assert!(!presences.leave("7b", "anna"));
        assert!(presences.runs("7b"));
        assert!(presences.leave("7b", "anna"));
        assert!(presences.is_empty());
    }

    #[test]
    fn who_gives_up_is_gone_unless_inside() {
        let mut presences = Presences::default();
        let (class, anna, ben) = (name("7b"), name("anna"), name("ben"));
        presences.enter(&class, &anna);
        presences.wait(&class, &anna, Client(1));
        presences.wait(&class, &ben, Client(2));
        assert!(!presences.give_up("7b", "anna"));
        assert!(presences.give_up("7b", "ben"));
        assert!(!presences.give_up("7b", "ben") && !presences.leave("7b", "ben"));
        assert_eq!(presences.people("7b"), 1);
        assert!(!presences.leave("8c", "anna"));
    }
}
