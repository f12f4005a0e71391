//! The pool's threads and the handle others hold.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::AcqRel};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::counters::{HandshakeCounters, Shared};
use super::worker::{Control, Worker};
use super::{Full, HandshakeSink, MAX_ASSOCIATIONS};
use crate::media::ParticipantId;
use crate::transport::dtls::Identity;
use crate::wire::sdp::{DtlsRole, Fingerprint};

/// Room for every participant's registration, begin and removal at once.
const CONTROL_QUEUE: usize = 3 * MAX_ASSOCIATIONS;

/// Datagrams of one participant that may wait for its thread: two flights of a handshake with long
/// certificates. A participant who floods fills this share of the queue and no more.
pub const MAX_WAITING: u32 = 16;

/// Counts of waiting datagrams per thread. Participants whose ids collide share one: a flood then
/// slows down that one other, whose DTLS repeats what was dropped.
const WAITING_COUNTS: usize = 1024;

pub struct HandshakeConfig {
    /// At least 1.
    pub threads: usize,
    /// DTLS datagrams waiting for one thread. When full, further ones are dropped and counted.
    pub queue: usize,
    pub identity: Arc<Identity>,
}

/// Owns the threads; dropping it stops them.
pub struct HandshakePool {
    handle: HandshakeHandle,
    threads: Vec<JoinHandle<()>>,
}

/// One thread's ends of its queues.
#[derive(Clone)]
struct Lane {
    control: Sender<Control>,
    datagrams: Sender<(ParticipantId, Vec<u8>)>,
    waiting: Waiting,
    /// Registered and not yet removed.
    registered: Arc<AtomicUsize>,
}

/// How many datagrams of each participant wait for a thread.
#[derive(Clone)]
pub(super) struct Waiting(Arc<[AtomicU32]>);

impl Default for Waiting {
    fn default() -> Self {
        Self((0..WAITING_COUNTS).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Waiting {
    /// One more, unless [`MAX_WAITING`] wait already.
    fn enter(&self, participant: ParticipantId) -> bool {
        let count = self.of(participant);
        let entered = count.fetch_add(1, AcqRel) < MAX_WAITING;
        if !entered {
            count.fetch_sub(1, AcqRel);
        }
        entered
    }

    /// One of those that entered was taken, or found no room.
    pub fn leave(&self, participant: ParticipantId) {
        self.of(participant).fetch_sub(1, AcqRel);
    }

    fn of(&self, participant: ParticipantId) -> &AtomicU32 {
        // By the whole id: the lane is chosen by the remainder of a small number, so ids of one
        // lane still spread over the table.
        let at = (participant.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize;
        &self.0[at % WAITING_COUNTS]
    }
}

/// For the plane and the shards; cloning is cheap. No call blocks.
#[derive(Clone)]
pub struct HandshakeHandle {
    lanes: Arc<[Lane]>,
    shared: Arc<Shared>,
}

impl HandshakePool {
    /// Starts the threads. `outputs` are the shards' sinks, by shard index.
    ///
    /// # Errors
    /// When a thread cannot be started; those that were are stopped again.
    pub fn start(
        config: HandshakeConfig,
        outputs: Vec<Arc<dyn HandshakeSink>>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let outputs: Arc<[_]> = outputs.into();
        let mut threads = Vec::new();
        let mut lanes = Vec::new();
        for index in 0..config.threads.max(1) {
            let (lane, control, datagrams) = Lane::new(config.queue);
            let worker = Worker::new(
                Arc::clone(&config.identity),
                Arc::clone(&outputs),
                Arc::clone(&lane.registered),
                lane.waiting.clone(),
                Arc::clone(&shared),
            );
            lanes.push(lane);
            let thread = std::thread::Builder::new()
                .name(format!("handshake-{index}"))
                .spawn(move || worker.run(&control, &datagrams));
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    stop(&lanes, threads);
                    return Err(error);
                }
            }
        }
        let handle = HandshakeHandle {
            lanes: lanes.into(),
            shared,
        };
        Ok(Self { handle, threads })
    }

    pub fn handle(&self) -> HandshakeHandle {
        self.handle.clone()
    }
}

impl Drop for HandshakePool {
    fn drop(&mut self) {
        stop(&self.handle.lanes, std::mem::take(&mut self.threads));
    }
}

fn stop(lanes: &[Lane], threads: Vec<JoinHandle<()>>) {
    for lane in lanes {
        // Waits for room should the queue be full; it cannot be for long. An error says that the
        // thread is gone already.
        let _ = lane.control.send(Control::Stop);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

type Datagrams = Receiver<(ParticipantId, Vec<u8>)>;

impl Lane {
    fn new(queue: usize) -> (Self, Receiver<Control>, Datagrams) {
        let (control, control_end) = bounded(CONTROL_QUEUE);
        let (datagrams, datagrams_end) = bounded(queue.max(1));
        let lane = Self {
            control,
            datagrams,
            waiting: Waiting::default(),
            registered: Arc::default(),
        };
        (lane, control_end, datagrams_end)
    }
}

impl HandshakeHandle {
    /// Makes room for a participant. Before its join reaches the shard, so that no datagram comes
    /// first. `shard` is the index of its sink; `fingerprints` are the offer's.
    ///
    /// # Errors
    /// [`Full`]: nothing was registered, the join must be refused.
    pub fn register(
        &self,
        participant: ParticipantId,
        shard: usize,
        role: DtlsRole,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<(), Full> {
        let lane = self.lane(participant);
        let refuse = |_| {
            lane.registered.fetch_sub(1, AcqRel);
            Shared::count(&self.shared.queue_full);
            Full
        };
        if lane.registered.fetch_add(1, AcqRel) >= MAX_ASSOCIATIONS {
            return Err(refuse(()));
        }
        let registration = Control::Register {
            participant,
            shard,
            role,
            fingerprints,
        };
        lane.control.try_send(registration).map_err(|_| refuse(()))
    }

    /// The participant's path is up; as DTLS client we send our ClientHello.
    pub fn begin(&self, participant: ParticipantId) {
        self.control(participant, Control::Begin(participant));
    }

    /// A DTLS datagram from the participant's validated address.
    ///
    /// # Errors
    /// [`Full`]: dropped and counted, for the queue is full or holds [`MAX_WAITING`] of the
    /// participant; DTLS repeats what matters.
    pub fn datagram(&self, participant: ParticipantId, datagram: Vec<u8>) -> Result<(), Full> {
        let lane = self.lane(participant);
        let mut queued = lane.waiting.enter(participant);
        if queued && lane.datagrams.try_send((participant, datagram)).is_err() {
            lane.waiting.leave(participant);
            queued = false;
        }
        if queued {
            Ok(())
        } else {
            Shared::count(&self.shared.queue_full);
            Err(Full)
        }
    }

    /// Forgets the participant. Asking for one that is not there does nothing.
    pub fn remove(&self, participant: ParticipantId) {
        self.control(participant, Control::Remove(participant));
    }

    pub fn counters(&self) -> HandshakeCounters {
        self.shared.snapshot()
    }

    /// Sized so that each participant's begin and removal fit; a full queue means a caller that
    /// repeats itself, which is counted and not waited for.
    fn control(&self, participant: ParticipantId, message: Control) {
        match self.lane(participant).control.try_send(message) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => Shared::count(&self.shared.queue_full),
        }
    }

    fn lane(&self, participant: ParticipantId) -> &Lane {
        // Never empty: `start` makes at least one.
        let at = (participant.0 % self.lanes.len() as u64) as usize;
        &self.lanes[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_participant_has_its_share_of_the_queue_and_no_more() {
        let waiting = Waiting::default();
        let (flooder, other) = (ParticipantId(1), ParticipantId(2));
        for _ in 0..MAX_WAITING {
            assert!(waiting.enter(flooder));
        }
        assert!(!waiting.enter(flooder));
        assert!(waiting.enter(other));
        waiting.leave(flooder);
        assert!(waiting.enter(flooder));
        assert!(!waiting.enter(flooder));
    }
}
