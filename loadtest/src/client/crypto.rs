//! The cryptography the `rtc` crates are given.

use std::sync::Arc;

use rtc::srtp::crypto::{CryptoError, RTCCrypto, RTCCryptoProvider, default_provider};

/// Shared by all clients of a process.
#[derive(Clone)]
pub struct Crypto(Arc<dyn RTCCryptoProvider>);

impl Crypto {
    /// # Errors
    /// The build has no provider.
    pub fn new() -> Result<Self, CryptoError> {
        Ok(Self(default_provider()?))
    }

    pub fn operations(&self) -> &dyn RTCCrypto {
        self.0.crypto()
    }
}
