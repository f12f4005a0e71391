//! A model of a line between two hosts, in virtual time: delay, jitter, a rate with a queue in front
//! of it, loss that comes alone or in bursts, reordering, duplication, changes over time.
//!
//! Pure: the caller says what time it is and gets told when a packet arrives. The load tester drives
//! it with a clock, the simulation without one; neither knows the other. Randomness comes from a
//! seed, so a run can be had again.
//!
//! [`Shape`] says how a line is, [`Schedule`] how it changes, [`Link`] is one direction of it in use,
//! [`Flight`] holds what is on its way, [`TcpFlow`] is another user of the same line.

mod flight;
mod link;
mod loss;
mod profile;
mod random;
mod schedule;
mod shape;
mod tcp;

pub use flight::Flight;
pub use link::{Arrivals, Counters, Fate, Link};
pub use loss::Loss;
pub use profile::{PROFILES, Profile};
pub use random::Random;
pub use schedule::Schedule;
pub use shape::{Queue, Shape};
pub use tcp::{TCP_ACK_BYTES, TCP_SEGMENT_BYTES, TcpFlow};
