//! A media plane without media, for tests: it answers every offer alike, remembers what it was
//! asked, and says what the test tells it to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::plane::{
    BoxFuture, MediaError, MediaEvent, MediaJoin, MediaJoined, MediaPermissions, MediaPlane,
    MediaPressure, MediaRoom, MediaSession, MediaSource, MediaWants, Service, SlotKind,
};

/// Events that wait for signalling at most.
const EVENT_QUEUE: usize = 1024;

/// What the plane was asked, other than joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaneCall {
    Restart(MediaSession),
    Leave(MediaSession),
    Wants(MediaSession, MediaWants),
    Permissions(MediaSession, MediaPermissions),
    Muted(MediaSession, MediaSource, bool),
    Service(Service),
}

#[derive(Default)]
struct State {
    live: BTreeMap<MediaSession, MediaJoin>,
    calls: Vec<PlaneCall>,
    refusal: Option<MediaError>,
    pressure: MediaPressure,
}

/// Every offer gets: m-lines 0 (microphone) and 1 (camera) published, 2 (audio), 3 and 4 (video)
/// as slots. An offer that starts with `bad` is a bad offer.
pub struct FakePlane {
    state: Mutex<State>,
    events: mpsc::Sender<MediaEvent>,
    held: watch::Sender<bool>,
}

impl FakePlane {
    pub fn new() -> (Arc<Self>, mpsc::Receiver<MediaEvent>) {
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let plane = Self {
            state: Mutex::default(),
            events,
            held: watch::Sender::new(false),
        };
        (Arc::new(plane), receiver)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event to signalling; waits while its queue is full.
    pub async fn emit(&self, event: MediaEvent) {
        // The receiver ends with the server under test.
        let _ = self.events.send(event).await;
    }

    /// Sessions that joined and did not leave, oldest first.
    pub fn live(&self) -> Vec<MediaSession> {
        self.state().live.keys().copied().collect()
    }

    pub fn room_of(&self, session: MediaSession) -> Option<MediaRoom> {
        self.state().live.get(&session).map(|join| join.room)
    }

    pub fn join_of(&self, session: MediaSession) -> Option<MediaJoin> {
        self.state().live.get(&session).cloned()
    }

    /// Everything asked since the last call of this, in order.
    pub fn take_calls(&self) -> Vec<PlaneCall> {
        std::mem::take(&mut self.state().calls)
    }

    /// Refuses joins and restarts with this error from now on; `None`: no longer.
    pub fn refuse(&self, error: Option<MediaError>) {
        self.state().refusal = error;
    }

    /// Says from now on that the core is this near to its end.
    pub fn press(&self, pressure: MediaPressure) {
        self.state().pressure = pressure;
    }

    /// While held, joins wait for their answer.
    pub fn hold_joins(&self, held: bool) {
        self.held.send_replace(held);
    }

    fn known(&self, session: MediaSession, call: PlaneCall) -> Result<(), MediaError> {
        let mut state = self.state();
        state.calls.push(call);
        if state.live.contains_key(&session) {
            Ok(())
        } else {
            Err(MediaError::UnknownSession)
        }
    }
}

impl MediaPlane for FakePlane {
    fn join(&self, join: MediaJoin) -> BoxFuture<'_, Result<MediaJoined, MediaError>> {
        let mut held = self.held.subscribe();
        Box::pin(async move {
            // Fails only when the plane itself is gone.
            let _ = held.wait_for(|held| !held).await;
            let mut state = self.state();
            if let Some(error) = state.refusal.clone() {
                return Err(error);
            }
            if join.offer.starts_with("bad") {
                return Err(MediaError::BadOffer("starts with bad".into()));
            }
            let answer = format!("answer {}", join.session.0);
            state.live.insert(join.session, join);
            Ok(MediaJoined {
                answer,
                publish: vec![
                    ("0".into(), MediaSource::Microphone),
                    ("1".into(), MediaSource::Camera),
                ],
                slots: vec![
                    ("2".into(), SlotKind::Audio),
                    ("3".into(), SlotKind::Video),
                    ("4".into(), SlotKind::Video),
                ],
                warnings: Vec::new(),
            })
        })
    }

    fn restart(
        &self,
        session: MediaSession,
        offer: String,
    ) -> BoxFuture<'_, Result<String, MediaError>> {
        Box::pin(async move {
            self.known(session, PlaneCall::Restart(session))?;
            if let Some(error) = self.state().refusal.clone() {
                return Err(error);
            }
            Ok(format!("answer {} to {offer}", session.0))
        })
    }

    fn leave(&self, session: MediaSession) {
        let mut state = self.state();
        state.calls.push(PlaneCall::Leave(session));
        state.live.remove(&session);
    }

    fn set_wants(&self, session: MediaSession, wants: MediaWants) -> Result<(), MediaError> {
        self.known(session, PlaneCall::Wants(session, wants))
    }

    fn set_permissions(
        &self,
        session: MediaSession,
        permissions: MediaPermissions,
    ) -> Result<(), MediaError> {
        self.known(session, PlaneCall::Permissions(session, permissions))
    }

    fn set_muted(
        &self,
        session: MediaSession,
        source: MediaSource,
        muted: bool,
    ) -> Result<(), MediaError> {
        self.known(session, PlaneCall::Muted(session, source, muted))
    }

    fn pressure(&self) -> MediaPressure {
        self.state().pressure
    }

    fn set_service(&self, service: Service) {
        self.state().calls.push(PlaneCall::Service(service));
    }
}
