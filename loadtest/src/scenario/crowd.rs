//! Many participants of one run: they come in at a steady rate, stay, and leave together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::report::ParticipantReport;
use crate::verify::window::LOSS_AFTER;

use super::participant::{Arrivals, Seat, mark_deprived, participate, patience};
use super::run::{Phase, Run};

/// How often the progress shown is brought up to date.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

pub struct Crowd {
    run: Arc<Run>,
    phase: watch::Sender<Phase>,
    seats: Vec<Seat>,
    arrivals: Arc<Arrivals>,
    tasks: JoinSet<(usize, ParticipantReport)>,
}

impl Crowd {
    /// Nobody in yet. `phase` is what `run` follows.
    pub fn new(run: Run, phase: watch::Sender<Phase>, rooms: usize) -> Self {
        let seats = seats(rooms, run.seats);
        Self {
            run: Arc::new(run),
            phase,
            seats,
            arrivals: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    /// Lets everybody in and waits until they are, or have failed, or the time for it is over.
    pub async fn enter(&mut self, per_second: f64, mut show: impl FnMut(&Self)) {
        let gap = Duration::from_secs_f64(1.0 / per_second.max(0.01));
        let start = Instant::now();
        for index in 0..self.seats.len() {
            sleep_until(start + gap * index as u32).await;
            show(self);
            if let Some(seat) = self.seats.get(index).copied() {
                let (run, arrivals) = (self.run.clone(), self.arrivals.clone());
                self.tasks.spawn(async move {
                    let report = Box::pin(participate(run, seat, arrivals)).await;
                    (seat.number, report)
                });
            }
        }
        let crowd = &*self;
        let everybody = async {
            while crowd.secured() + crowd.failed() < crowd.seats.len() {
                show(crowd);
                sleep(PROGRESS_INTERVAL).await;
            }
        };
        let _ = timeout(patience(self.run.join_timeout), everybody).await;
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Everybody falls silent, and leaves once what is under way has arrived.
    pub async fn leave(mut self) -> Vec<ParticipantReport> {
        self.set_phase(Phase::Draining);
        sleep(LOSS_AFTER + Duration::from_millis(500)).await;
        self.set_phase(Phase::Ending);
        let mut reports: Vec<ParticipantReport> = self
            .seats
            .iter()
            .map(|_| ParticipantReport::default())
            .collect();
        while let Some(done) = self.tasks.join_next().await {
            if let Ok((number, report)) = done
                && let Some(place) = reports.get_mut(number)
            {
                *place = report;
            }
        }
        for report in &mut reports {
            if report.secured_after.is_none() && report.failure.is_none() {
                report.failure = Some("its task ended".into());
            }
        }
        mark_deprived(&mut reports, &self.seats, self.run.publishers);
        reports
    }

    pub fn len(&self) -> usize {
        self.seats.len()
    }

    pub fn secured(&self) -> usize {
        self.arrivals.secured.load(Ordering::Relaxed)
    }

    pub fn failed(&self) -> usize {
        self.arrivals.failed.load(Ordering::Relaxed)
    }

    /// For the progress bar.
    pub fn status(&self) -> String {
        let failed = match self.failed() {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let packets = self.run.driver.progress.packets.load(Ordering::Relaxed);
        let (secured, all) = (self.secured(), self.len());
        format!("{secured}/{all} joined{failed}, {packets} packets")
    }
}

/// Room after room is filled row by row: first one in each, then the next.
fn seats(rooms: usize, seats: usize) -> Vec<Seat> {
    (0..seats)
        .flat_map(|seat| (0..rooms).map(move |room| (room, seat)))
        .enumerate()
        .map(|(number, (room, seat))| Seat { number, room, seat })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_fill_row_by_row() {
        let places: Vec<_> = seats(2, 2)
            .iter()
            .map(|seat| (seat.number, seat.room, seat.seat))
            .collect();
        assert_eq!(places, [(0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 1, 1)]);
    }
}
