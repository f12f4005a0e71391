//! Judging what a client receives: is it whole, is it continuous, and is it what the slot is said
//! to show?
//!
//! Each slot has a [`slot::SlotVerifier`]: packets pass a [`window::ReceiveWindow`] (order, gaps,
//! NACK), are checked in order, and their publisher is held against the signalled mapping by a
//! [`source::SourceJudge`].

pub mod fault;
pub mod slot;
pub mod source;
pub mod window;
