//! Admission: when somebody may come in, and what a node does when more come than it can take.
//!
//! All of it is pure: time is an argument, randomness a seed. The same code runs in the node and,
//! in virtual time, in the simulations of `tests/`.
//!
//! - [`work`]: what letting somebody in costs
//! - [`pace`]: how much of it a second takes
//! - [`queue`]: who waits, in an order that is fair to classes
//! - [`forecast`]: how long until somebody's turn
//! - [`promise`]: what those who wait are told
//! - [`presence`]: who is in or waits, each person once
//! - [`kept`]: places of those who were sent away
//! - [`capacity`]: what a node carries, and what a class costs it
//! - [`reservation`]: who holds which share of it
//! - [`calendar`]: classes known before they begin
//! - [`ladder`]: what is given up when a node is short of something
//! - [`gate`]: all of it together, for one node

pub mod calendar;
pub mod capacity;
pub mod forecast;
pub mod gate;
pub mod kept;
pub mod ladder;
pub mod pace;
pub mod presence;
pub mod promise;
pub mod queue;
pub mod reservation;
pub mod work;
