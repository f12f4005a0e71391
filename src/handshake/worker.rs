//! One thread of the pool: its participants' associations and their timers.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, after, never, select_biased};

use super::counters::Shared;
use super::pool::Waiting;
use super::{HANDSHAKE_DEADLINE, HandshakeSink};
use crate::media::ParticipantId;
use crate::transport::dtls::{
    DtlsEngine, DtlsError, DtlsFailure, DtlsOutcome, HandshakeOutput, Identity, RtcDtls,
};
use crate::wire::sdp::{DtlsRole, Fingerprint};

/// After which a result that a shard's full queue refused is offered again.
const REDELIVERY: Duration = Duration::from_millis(10);

/// The nearest an engine's timer is set, so that one which stays due cannot keep the thread busy.
const MIN_TIMER: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) enum Control {
    Register {
        participant: ParticipantId,
        shard: usize,
        role: DtlsRole,
        fingerprints: Vec<Fingerprint>,
    },
    Begin(ParticipantId),
    Remove(ParticipantId),
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Handshaking {
        deadline: Instant,
    },
    Established,
    /// Failed or closed; waits for its removal.
    Over,
}

struct Association {
    engine: Box<dyn DtlsEngine>,
    shard: usize,
    phase: Phase,
    /// A result that the shard has not taken yet.
    undelivered: Option<HandshakeOutput>,
    /// Its entry among the worker's timers.
    timer: Option<Instant>,
}

pub(super) struct Worker {
    identity: Arc<Identity>,
    outputs: Arc<[Arc<dyn HandshakeSink>]>,
    registered: Arc<AtomicUsize>,
    waiting: Waiting,
    shared: Arc<Shared>,
    /// At most [`MAX_ASSOCIATIONS`](super::MAX_ASSOCIATIONS), counted at registration.
    associations: HashMap<ParticipantId, Association>,
    /// At most one entry per association.
    timers: BTreeSet<(Instant, ParticipantId)>,
}

impl Worker {
    pub fn new(
        identity: Arc<Identity>,
        outputs: Arc<[Arc<dyn HandshakeSink>]>,
        registered: Arc<AtomicUsize>,
        waiting: Waiting,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            identity,
            outputs,
            registered,
            waiting,
            shared,
            associations: HashMap::new(),
            timers: BTreeSet::new(),
        }
    }

    /// Until [`Control::Stop`] or all handles are gone.
    pub fn run(
        mut self,
        control: &Receiver<Control>,
        datagrams: &Receiver<(ParticipantId, Vec<u8>)>,
    ) {
        loop {
            let timer = self.timers.first().map_or_else(never, |(at, _)| {
                after(at.saturating_duration_since(Instant::now()))
            });
            // Control first: a registration is seen before the datagrams sent after it.
            select_biased! {
                recv(control) -> message => match message {
                    Ok(Control::Stop) | Err(_) => return,
                    Ok(message) => self.on_control(Instant::now(), message),
                },
                recv(timer) -> _ => {}
                recv(datagrams) -> message => {
                    if let Ok((participant, datagram)) = message {
                        self.waiting.leave(participant);
                        // The datagram may have overtaken its registration between the two reads.
                        loop {
                            match control.try_recv() {
                                Ok(Control::Stop) | Err(TryRecvError::Disconnected) => return,
                                Ok(message) => self.on_control(Instant::now(), message),
                                Err(TryRecvError::Empty) => break,
                            }
                        }
                        self.on_datagram(Instant::now(), participant, &datagram);
                    }
                }
            }
            self.on_timers(Instant::now());
        }
    }

    fn on_control(&mut self, now: Instant, message: Control) {
        match message {
            Control::Register {
                participant,
                shard,
                role,
                fingerprints,
            } => self.register(participant, shard, role, fingerprints),
            Control::Begin(participant) => {
                if self.associations.contains_key(&participant) {
                    self.begin(now, participant);
                    self.drive(now, participant, |engine| engine.start(now));
                }
            }
            Control::Remove(participant) => self.remove(participant),
            Control::Stop => {}
        }
    }

    fn register(
        &mut self,
        participant: ParticipantId,
        shard: usize,
        role: DtlsRole,
        fingerprints: Vec<Fingerprint>,
    ) {
        // The same id again is a new association; the old one's place is given back.
        self.remove(participant);
        let engine = RtcDtls::new(Arc::clone(&self.identity), role, fingerprints);
        self.associations.insert(
            participant,
            Association {
                engine: Box::new(engine),
                shard,
                phase: Phase::Waiting,
                undelivered: None,
                timer: None,
            },
        );
        self.shared.live.fetch_add(1, Relaxed);
    }

    fn remove(&mut self, participant: ParticipantId) {
        if let Some(association) = self.associations.remove(&participant) {
            if let Some(at) = association.timer {
                self.timers.remove(&(at, participant));
            }
            self.registered.fetch_sub(1, AcqRel);
            self.shared.live.fetch_sub(1, Relaxed);
        }
    }

    /// The deadline runs from the first sign of a path: begin, or the participant's ClientHello.
    fn begin(&mut self, now: Instant, participant: ParticipantId) {
        if let Some(association) = self.associations.get_mut(&participant)
            && association.phase == Phase::Waiting
        {
            Shared::count(&self.shared.begun);
            association.phase = Phase::Handshaking {
                deadline: now + HANDSHAKE_DEADLINE,
            };
        }
    }

    fn on_datagram(&mut self, now: Instant, participant: ParticipantId, datagram: &[u8]) {
        if !self.associations.contains_key(&participant) {
            Shared::count(&self.shared.unknown_participant);
            return;
        }
        self.begin(now, participant);
        let mut ignored = None;
        self.drive(now, participant, |engine| {
            ignored = engine.handle_datagram(now, datagram).err();
        });
        match ignored {
            None => {}
            Some(DtlsError::Guard(reason)) => self.shared.count_guard_drop(reason),
            Some(DtlsError::NotStarted | DtlsError::Ended) => {
                Shared::count(&self.shared.out_of_place);
            }
        }
    }

    fn on_timers(&mut self, now: Instant) {
        while let Some((at, participant)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let Some(association) = self.associations.get_mut(&participant) else {
                continue;
            };
            association.timer = None;
            if matches!(association.phase, Phase::Handshaking { deadline } if deadline <= now) {
                let failed = DtlsOutcome::Failed(DtlsFailure::TimedOut);
                self.on_outcome(participant, failed);
                self.rearm(now, participant);
            } else {
                self.drive(now, participant, |engine| engine.handle_timeout(now));
            }
        }
    }

    /// Runs one step of an engine and passes on what comes of it. A panic in the library fails
    /// this association and no other.
    fn drive(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        step: impl FnOnce(&mut dyn DtlsEngine),
    ) {
        let Some(association) = self.associations.get_mut(&participant) else {
            return;
        };
        if association.phase == Phase::Over {
            self.rearm(now, participant);
            return;
        }
        let engine = association.engine.as_mut();
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            step(engine);
            let transmits: Vec<_> = std::iter::from_fn(|| engine.poll_transmit()).collect();
            let outcomes: Vec<_> = std::iter::from_fn(|| engine.poll_outcome()).collect();
            (transmits, outcomes)
        }));
        let (transmits, outcomes) = stepped.unwrap_or_else(|_| {
            Shared::count(&self.shared.panics);
            let failed = DtlsOutcome::Failed(DtlsFailure::Protocol);
            (Vec::new(), vec![failed])
        });
        let shard = association.shard;
        for datagram in transmits {
            let output = HandshakeOutput::Transmit(datagram);
            if deliver(&self.outputs, shard, participant, output).is_err() {
                Shared::count(&self.shared.transmits_refused);
            }
        }
        for outcome in outcomes {
            self.on_outcome(participant, outcome);
        }
        self.rearm(now, participant);
    }

    fn on_outcome(&mut self, participant: ParticipantId, outcome: DtlsOutcome) {
        let Some(association) = self.associations.get_mut(&participant) else {
            return;
        };
        let output = match outcome {
            DtlsOutcome::Established(keys) => {
                association.phase = Phase::Established;
                Shared::count(&self.shared.established);
                HandshakeOutput::Established(keys)
            }
            DtlsOutcome::Failed(failure) => {
                association.phase = Phase::Over;
                self.shared.count_failure(failure);
                HandshakeOutput::Failed(failure)
            }
            DtlsOutcome::PeerClosed => {
                association.phase = Phase::Over;
                Shared::count(&self.shared.peer_closed);
                HandshakeOutput::PeerClosed
            }
        };
        // A later result replaces one that was never taken: an end makes keys worthless.
        association.undelivered =
            deliver(&self.outputs, association.shard, participant, output).err();
    }

    /// Offers an undelivered result again and sets the association's timer anew.
    fn rearm(&mut self, now: Instant, participant: ParticipantId) {
        let Some(association) = self.associations.get_mut(&participant) else {
            return;
        };
        if let Some(output) = association.undelivered.take() {
            association.undelivered =
                deliver(&self.outputs, association.shard, participant, output).err();
        }
        let redelivery = association.undelivered.is_some().then(|| now + REDELIVERY);
        let retransmit = association
            .engine
            .poll_timeout()
            .map(|at| at.max(now + MIN_TIMER));
        let (deadline, retransmit) = match association.phase {
            Phase::Handshaking { deadline } => (Some(deadline), retransmit),
            Phase::Established => (None, retransmit),
            Phase::Waiting | Phase::Over => (None, None),
        };
        let next = [redelivery, deadline, retransmit]
            .into_iter()
            .flatten()
            .min();
        if association.timer != next {
            if let Some(at) = association.timer.take() {
                self.timers.remove(&(at, participant));
            }
            if let Some(at) = next {
                self.timers.insert((at, participant));
            }
            association.timer = next;
        }
    }
}

fn deliver(
    outputs: &[Arc<dyn HandshakeSink>],
    shard: usize,
    participant: ParticipantId,
    output: HandshakeOutput,
) -> Result<(), HandshakeOutput> {
    match outputs.get(shard) {
        Some(sink) => sink.deliver(participant, output),
        // Registered for a shard that does not exist: nobody waits for this.
        None => Ok(()),
    }
}
