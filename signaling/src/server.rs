//! The way in: what the node starts, mounts and stops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus::Registry;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::config::SignalingConfig;
use crate::node::{Node, SetupError};
use crate::plane::{MediaEvent, MediaPlane};
use crate::room::RoomCommand;
use crate::{dispatch, door, http};

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
        tokio::spawn(dispatch::run(node.clone(), events));
        tokio::spawn(door::keep(node.clone()));
        Ok(Self { node })
    }

    /// Routes: `/v1/ws`, `/v1/config`, `/v1/classes`, `/v1/dev/token`, `/healthz`, `/readyz`,
    /// `/metrics`.
    pub fn router(&self) -> Router {
        http::router(self.node.clone())
    }

    /// Stops gently: `/readyz` says no, nobody new is let in, and everybody hears
    /// `ended{draining}`. Returns true when all sockets and rooms are gone, false when `deadline`
    /// has passed before.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.node.start_draining();
        let gone = async {
            for room in self.node.directory.all_rooms() {
                // A closed room is gone already.
                let _ = room.mailbox.send(RoomCommand::Drain).await;
            }
            self.node.sockets.empty().await;
            self.node.rooms.empty().await;
        };
        timeout(deadline, gone).await.is_ok()
    }

    /// Rooms, people and media sessions that signalling remembers; 0 when everybody has left.
    pub fn directory_entries(&self) -> usize {
        self.node.directory.len()
    }
}
