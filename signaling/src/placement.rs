//! Which node carries a class.
//!
//! A class takes its share of a node when it is placed, and stays there until its last person has
//! left. Load that nodes report comes late: it can make a node look fuller than its shares, never
//! emptier, so that classes that begin together do not pile onto the node that was idle last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::admission::capacity::{ClassProfile, Load};
use crate::admission::reservation::{Full, NEW_CLASS_SHARE, Reservations};
use crate::stable_hash::stable_hash;

/// A node, by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPlaced {
    /// No node that takes new classes has room for this one.
    NoRoom,
    /// The class has its node, which is full.
    NodeFull,
}

/// Holds one entry for each node and each class that is placed.
#[derive(Debug, Default)]
pub struct Placement {
    nodes: Vec<Node>,
    classes: HashMap<Arc<str>, NodeId>,
}

#[derive(Debug)]
struct Node {
    book: Reservations,
    /// As the node last said.
    reported: Load,
    /// Takes classes it does not have yet: alive and not draining.
    is_open: bool,
}

impl Node {
    /// How full the node would be with a class of `people` more.
    fn share_with(&self, people: u32) -> f64 {
        let reported = self.reported.share_of(self.book.capacity());
        let more = self.book.share_with(people) - self.book.share();
        self.book.share_with(people).max(reported + more)
    }
}

impl Placement {
    /// `unannounced`: how many people a class is taken to have when its first one comes.
    pub fn add_node(&mut self, capacity: Load, profile: ClassProfile, unannounced: u32) -> NodeId {
        self.nodes.push(Node {
            book: Reservations::new(capacity, profile, unannounced),
            reported: Load::NONE,
            is_open: true,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// Whether the node takes classes it does not have yet.
    pub fn set_open(&mut self, node: NodeId, is_open: bool) {
        if let Some(node) = self.nodes.get_mut(node.0) {
            node.is_open = is_open;
        }
    }

    /// The node is gone, and with it what it carried: its classes are placed anew.
    pub fn lose(&mut self, node: NodeId) {
        self.classes.retain(|_, at| *at != node);
        if let Some(lost) = self.nodes.get_mut(node.0) {
            lost.book = lost.book.emptied();
            lost.reported = Load::NONE;
            lost.is_open = false;
        }
    }

    /// What the node measured, some time ago.
    pub fn report(&mut self, node: NodeId, load: Load) {
        if let Some(node) = self.nodes.get_mut(node.0) {
            node.reported = load;
        }
    }

    pub fn node_of(&self, class: &str) -> Option<NodeId> {
        self.classes.get(class).copied()
    }

    /// How much of the node is taken; 1 is all of it.
    pub fn share(&self, node: NodeId) -> f64 {
        self.nodes.get(node.0).map_or(1.0, |node| node.book.share())
    }

    /// The node for one person more of `class`.
    ///
    /// # Errors
    /// The class's node is full; or it has none, and no node has room for a new class.
    pub fn arrive(&mut self, now: Instant, class: &Arc<str>) -> Result<NodeId, NotPlaced> {
        if let Some(node) = self.node_of(class) {
            let Some(at) = self.nodes.get_mut(node.0) else {
                return Err(NotPlaced::NodeFull);
            };
            at.book.settle(now);
            return match at.book.arrive(now, class) {
                Ok(()) => Ok(node),
                Err(Full) => Err(NotPlaced::NodeFull),
            };
        }
        let (id, node) = self.best(now, class, None)?;
        node.book
            .arrive(now, class)
            .map_err(|Full| NotPlaced::NoRoom)?;
        self.classes.insert(class.clone(), id);
        Ok(id)
    }

    /// The node for a class of `expected` people that is about to begin. It holds their places until
    /// `firm_until`.
    ///
    /// # Errors
    /// The class has no node yet, and none has room.
    pub fn hold(
        &mut self,
        now: Instant,
        class: &Arc<str>,
        expected: u32,
        firm_until: Instant,
    ) -> Result<NodeId, NotPlaced> {
        let id = match self.node_of(class) {
            Some(id) => id,
            None => self.best(now, class, Some(expected))?.0,
        };
        if let Some(node) = self.nodes.get_mut(id.0) {
            node.book.hold(now, class, expected, firm_until);
            self.classes.insert(class.clone(), id);
        }
        Ok(id)
    }

    /// One person less.
    pub fn leave(&mut self, now: Instant, class: &Arc<str>) {
        let Some(id) = self.node_of(class) else {
            return;
        };
        if let Some(node) = self.nodes.get_mut(id.0) {
            node.book.leave(now, class);
            if !node.book.holds(class) {
                self.classes.remove(class);
            }
        }
    }

    /// The emptiest of the nodes with room; of equally empty ones, that which every placement would
    /// choose for this class.
    fn best(
        &mut self,
        now: Instant,
        class: &str,
        expected: Option<u32>,
    ) -> Result<(NodeId, &mut Node), NotPlaced> {
        self.settle(now);
        self.nodes
            .iter_mut()
            .enumerate()
            .filter(|(_, node)| node.is_open)
            .map(|(index, node)| {
                let people = expected.unwrap_or_else(|| node.book.unannounced());
                (node.share_with(people), index, node)
            })
            .filter(|(share, ..)| *share <= NEW_CLASS_SHARE)
            .min_by(|(a, i, _), (b, j, _)| {
                let lot = |index: &usize| stable_hash(&[class.as_bytes(), &index.to_le_bytes()]);
                a.total_cmp(b).then_with(|| lot(i).cmp(&lot(j)))
            })
            .map(|(_, index, node)| (NodeId(index), node))
            .ok_or(NotPlaced::NoRoom)
    }

    /// Gives back what was held for people who did not come.
    fn settle(&mut self, now: Instant) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if node.book.settle_at().is_some_and(|at| at <= now) {
                node.book.settle(now);
                let book = &node.book;
                self.classes
                    .retain(|class, at| at.0 != index || book.holds(class));
            }
        }
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
