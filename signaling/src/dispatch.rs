//! Carries the media plane's events to their rooms.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::node::Node;
use crate::plane::{EventScope, MediaEvent};
use crate::room::RoomCommand;

/// How long one event may wait for a full mailbox, and with it all events behind it. Rooms never
/// wait, so that a mailbox stays full only while the node as a whole is too slow.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs until the plane drops its sender.
pub(crate) async fn run(node: Arc<Node>, mut events: mpsc::Receiver<MediaEvent>) {
    while let Some(event) = events.recv().await {
        let room = match event.scope() {
            EventScope::Session(session) => node.directory.room_of_session(session),
            EventScope::Room(room) => node.directory.room_by_id(room),
        };
        // Otherwise the person, or the whole room, has just left.
        if let Some(room) = room {
            let sent = room.mailbox.send(RoomCommand::Media(event));
            if timeout(PATIENCE, sent).await.is_err() {
                node.metrics.media_events_dropped.inc();
            }
        }
    }
}
