//! What went through the hop, second by second.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use firstbell_linksim::Fate;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::report::delays;

use super::relay::Direction;

/// Seconds kept; the oldest are forgotten, the totals are not.
const MAX_SECONDS: usize = 3600;

#[derive(Clone)]
struct Flow {
    packets: u64,
    bytes: u64,
    arrived_bytes: u64,
    dropped: u64,
    lost: u64,
    /// Microseconds in the queue.
    queued: Histogram<u64>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            packets: 0,
            bytes: 0,
            arrived_bytes: 0,
            dropped: 0,
            lost: 0,
            queued: delays(),
        }
    }
}

impl Flow {
    fn sent(&mut self, len: usize, fate: Fate) {
        self.packets += 1;
        self.bytes += len as u64;
        match fate {
            Fate::Dropped => self.dropped += 1,
            Fate::Lost { .. } => self.lost += 1,
            Fate::Arrives { .. } => {}
        }
        if let Some(queued) = fate.queued() {
            self.queued.saturating_record(queued.as_micros() as u64);
        }
    }

    fn figures(&self, seconds: f64) -> Figures {
        let kbps = |bytes: u64| (bytes * 8) as f64 / 1000.0 / seconds.max(1e-3);
        let ms = |microseconds: u64| microseconds as f64 / 1000.0;
        Figures {
            packets: self.packets,
            sent_kbps: kbps(self.bytes),
            arrived_kbps: kbps(self.arrived_bytes),
            dropped: self.dropped,
            lost: self.lost,
            queue_ms_p50: ms(self.queued.value_at_quantile(0.5)),
            queue_ms_p95: ms(self.queued.value_at_quantile(0.95)),
            queue_ms_max: ms(self.queued.max()),
        }
    }
}

/// Rates count UDP payload.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    pub packets: u64,
    pub sent_kbps: f64,
    pub arrived_kbps: f64,
    /// The queue was full.
    pub dropped: u64,
    pub lost: u64,
    pub queue_ms_p50: f64,
    pub queue_ms_p95: f64,
    pub queue_ms_max: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct SecondFigures {
    /// Since the hop began.
    pub second: u64,
    pub down: Figures,
    pub up: Figures,
}

#[derive(Clone, Default)]
struct Both {
    down: Flow,
    up: Flow,
}

impl Both {
    fn of(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Down => &mut self.down,
            Direction::Up => &mut self.up,
        }
    }
}

#[derive(Default)]
pub struct Stats {
    second: u64,
    current: Both,
    total: Both,
    seconds: VecDeque<SecondFigures>,
    pub refused_clients: u64,
    /// Datagrams dropped as too many were on their way.
    pub overflows: u64,
    pub rebindings: u64,
}

impl Stats {
    pub fn sent(&mut self, now: Duration, direction: Direction, len: usize, fate: Fate) {
        self.advance(now);
        self.current.of(direction).sent(len, fate);
        self.total.of(direction).sent(len, fate);
    }

    pub fn arrived(&mut self, at: Duration, direction: Direction, len: usize) {
        self.advance(at);
        self.current.of(direction).arrived_bytes += len as u64;
        self.total.of(direction).arrived_bytes += len as u64;
    }

    /// Closes the seconds that are over.
    pub fn advance(&mut self, now: Duration) {
        while now.as_secs() > self.second {
            let over = std::mem::take(&mut self.current);
            if self.seconds.len() == MAX_SECONDS {
                self.seconds.pop_front();
            }
            self.seconds.push_back(SecondFigures {
                second: self.second,
                down: over.down.figures(1.0),
                up: over.up.figures(1.0),
            });
            self.second += 1;
        }
    }

    pub fn summary(&self, now: Duration, clients: usize) -> HopSummary {
        let elapsed = now.as_secs_f64();
        HopSummary {
            scenario: "link",
            elapsed,
            clients,
            refused_clients: self.refused_clients,
            overflows: self.overflows,
            rebindings: self.rebindings,
            down: self.total.down.figures(elapsed),
            up: self.total.up.figures(elapsed),
            seconds: self.seconds.iter().cloned().collect(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct HopSummary {
    pub scenario: &'static str,
    pub elapsed: f64,
    pub clients: usize,
    pub refused_clients: u64,
    pub overflows: u64,
    pub rebindings: u64,
    pub down: Figures,
    pub up: Figures,
    pub seconds: Vec<SecondFigures>,
}

impl fmt::Display for HopSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "link: {:.0} s, {} client(s), {} rebinding(s)",
            self.elapsed, self.clients, self.rebindings
        )?;
        writeln!(
            f,
            "        {:>10}{:>12}{:>12}{:>9}{:>9}{:>12}{:>12}",
            "packets", "sent kb/s", "came kb/s", "dropped", "lost", "queue p95", "queue max"
        )?;
        for (name, figures) in [("down", &self.down), ("up", &self.up)] {
            writeln!(
                f,
                "  {name:<6}{:>10}{:>12.0}{:>12.0}{:>9}{:>9}{:>9.0} ms{:>9.0} ms",
                figures.packets,
                figures.sent_kbps,
                figures.arrived_kbps,
                figures.dropped,
                figures.lost,
                figures.queue_ms_p95,
                figures.queue_ms_max
            )?;
        }
        write!(
            f,
            "  {} client(s) refused, {} datagrams too many at once",
            self.refused_clients, self.overflows
        )
    }
}

#[cfg(test)]
mod tests {
    use firstbell_linksim::Arrivals;

    use super::*;

    #[test]
    fn seconds_are_closed_and_totals_go_on() {
        let mut stats = Stats::default();
        let at = |ms| Duration::from_millis(ms);
        let arrives = |queued| Fate::Arrives {
            at: Arrivals {
                first: Duration::ZERO,
                copy: None,
            },
            queued,
        };
        stats.sent(at(100), Direction::Down, 1000, arrives(at(20)));
        stats.sent(at(200), Direction::Down, 500, Fate::Dropped);
        stats.arrived(at(300), Direction::Down, 1000);
        stats.sent(at(2100), Direction::Up, 100, Fate::Lost { queued: at(0) });
        stats.advance(at(4000));
        let summary = stats.summary(at(4000), 1);
        let down: Vec<_> = summary.seconds.iter().map(|s| s.down.packets).collect();
        assert_eq!(down, [2, 0, 0, 0]);
        let first = &summary.seconds[0].down;
        assert_eq!((first.dropped, first.lost), (1, 0));
        assert!((first.sent_kbps - 12.0).abs() < 1e-9 && (first.arrived_kbps - 8.0).abs() < 1e-9);
        assert!((first.queue_ms_p95 - 20.0).abs() < 0.5);
        assert_eq!(summary.seconds[2].up.lost, 1);
        assert!((summary.down.sent_kbps - 3.0).abs() < 1e-9, "over all four");
        assert!(summary.to_string().contains("1 client(s)"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut stats = Stats::default();
        stats.advance(Duration::from_secs(MAX_SECONDS as u64 + 10));
        assert_eq!(stats.seconds.len(), MAX_SECONDS);
        assert_eq!(stats.seconds[0].second, 10);
    }
}
