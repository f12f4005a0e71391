//! What the load tester can do to a node: one module a scenario.

mod crowd;
pub mod forward;
pub mod join;
pub mod memory;
mod participant;
pub mod quality;
mod run;
