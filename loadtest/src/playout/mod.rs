//! What a person would hear and see: jitter buffers and decoders as browsers have them, as far as
//! measuring needs them. Pure: packets and time in, figures out.
//!
//! Times count from the start of the run.

pub mod audio;
pub mod freeze;
pub mod lateness;
pub mod missing;
pub mod red;
pub mod unwrap;
pub mod video;
