//! Configuration: as written (serde) -> as meant (addresses, newtypes), all errors at once.
//!
//! [`written`] mirrors the file: every key, its unit in its name, its default. [`meant`] is what the
//! rest of the node reads: checked, with addresses and durations as types. [`load`] goes from the
//! first to the second and reports every mistake it finds, not only the first.

mod admission;
mod load;
mod meant;
mod written;

pub use load::{ConfigError, ENVIRONMENT_PREFIX, from_sources, load};
pub use meant::{
    AnnouncedAddress, Config, HandshakePoolConfig, HttpConfig, LogConfig, LogFormat, MediaConfig,
    TlsConfig,
};

#[cfg(test)]
mod tests;
