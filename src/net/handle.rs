//! How other threads talk to a shard: a bounded queue and a wake-up.

use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};
use mio::Waker;

use crate::handshake::{HandshakeOutput, HandshakeSink};
use crate::media::ParticipantId;
use crate::shard::Command;

/// The shard's command queue is full (or its thread is gone). Nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shard's command queue is full")]
pub struct Overloaded;

/// Sends commands to one shard. Cheap to clone; never blocks.
#[derive(Clone)]
pub struct ShardHandle {
    commands: Sender<ThreadCommand>,
    waker: Arc<Waker>,
}

/// What the shard's thread takes from its queue.
pub(super) enum ThreadCommand {
    Shard(Command),
    /// Stop the thread after this loop turn.
    Stop,
}

impl ShardHandle {
    pub(super) fn new(commands: Sender<ThreadCommand>, waker: Arc<Waker>) -> Self {
        Self { commands, waker }
    }

    /// Queues `command` and wakes the shard.
    ///
    /// # Errors
    /// The queue is full; the command is dropped.
    pub fn send(&self, command: Command) -> Result<(), Overloaded> {
        self.queue(ThreadCommand::Shard(command))
            .map_err(|_| Overloaded)
    }

    /// Asks the thread to end. A full queue is waited for: stopping is not media work.
    pub fn stop(&self) {
        if self.commands.send(ThreadCommand::Stop).is_ok() {
            let _ = self.waker.wake();
        }
    }

    fn queue(&self, command: ThreadCommand) -> Result<(), ThreadCommand> {
        match self.commands.try_send(command) {
            Ok(()) => {
                // A lost wake-up costs at most one poll interval of the driver.
                let _ = self.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => Err(command),
        }
    }
}

impl HandshakeSink for ShardHandle {
    fn deliver(
        &self,
        participant: ParticipantId,
        output: HandshakeOutput,
    ) -> Result<(), HandshakeOutput> {
        match self.queue(ThreadCommand::Shard(Command::Handshake {
            participant,
            output,
        })) {
            Ok(()) => Ok(()),
            Err(ThreadCommand::Shard(Command::Handshake { output, .. })) => Err(output),
            // What could not be queued comes back as it was given.
            Err(_) => Ok(()),
        }
    }
}
