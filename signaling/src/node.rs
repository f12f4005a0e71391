//! What every session and room of one node shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus::Registry;

use crate::config::SignalingConfig;
use crate::metrics::Metrics;
use crate::plane::MediaPlane;
use crate::token::{Keyring, KeyringError};

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Keys(#[from] KeyringError),
    #[error("metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

pub(crate) struct Node {
    pub config: SignalingConfig,
    pub plane: Arc<dyn MediaPlane>,
    pub keyring: Keyring,
    pub metrics: Metrics,
    pub registry: Registry,
    draining: AtomicBool,
}

impl Node {
    pub fn new(
        config: SignalingConfig,
        plane: Arc<dyn MediaPlane>,
        registry: &Registry,
    ) -> Result<Self, SetupError> {
        let keyring = if config.token_keys.is_empty() && config.dev_mode {
            Keyring::random(config.token_leeway)?
        } else {
            Keyring::new(&config.token_keys, config.token_leeway)?
        };
        Ok(Self {
            keyring,
            metrics: Metrics::new(registry)?,
            registry: registry.clone(),
            config,
            plane,
            draining: AtomicBool::new(false),
        })
    }

    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn heartbeat_ms(&self) -> u32 {
        millis(self.config.heartbeat)
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Whole milliseconds as the wire carries them; 49 days at most.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
