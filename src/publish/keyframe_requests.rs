//! Keyframe requests of everyone who waits for one source, as few requests upstream.

use std::time::{Duration, Instant};

/// Least time between two requests to one source, whoever asks.
pub const REQUEST_INTERVAL: Duration = Duration::from_secs(1);

/// After this many requests without a keyframe (a muted camera sends none), ask seldom.
const EAGER_TRIES: u8 = 5;
const PATIENT_INTERVAL: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
struct Wanted {
    since: Instant,
    tries: u8,
}

/// Remembers that a keyframe is wanted until one arrives.
#[derive(Clone, Debug, Default)]
pub struct KeyframeRequests {
    wanted: Option<Wanted>,
    last_sent: Option<Instant>,
}

impl KeyframeRequests {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn request(&mut self, now: Instant) {
        let since = self.wanted.map_or(now, |wanted| wanted.since);
        self.wanted = Some(Wanted { since, tries: 0 });
    }

    /// A keyframe serves all who waited.
    pub fn on_keyframe(&mut self) {
        self.wanted = None;
    }

    /// The source sends again after a pause: ask eagerly once more if a keyframe is still wanted.
    pub fn on_resumed(&mut self) {
        if let Some(wanted) = &mut self.wanted {
            wanted.tries = 0;
        }
    }

    /// When [`poll`](Self::poll) will next be true.
    pub fn due(&self) -> Option<Instant> {
        let wanted = self.wanted?;
        let interval = if wanted.tries < EAGER_TRIES {
            REQUEST_INTERVAL
        } else {
            PATIENT_INTERVAL
        };
        let allowed = self.last_sent.map(|sent| sent + interval);
        Some(allowed.map_or(wanted.since, |allowed| allowed.max(wanted.since)))
    }

    /// Whether a request is to be sent now; counts it as sent.
    pub fn poll(&mut self, now: Instant) -> bool {
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        self.last_sent = Some(now);
        if let Some(wanted) = &mut self.wanted {
            wanted.tries = wanted.tries.saturating_add(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    #[test]
    fn a_thousand_requests_are_one_a_second() {
        let mut now = Instant::now();
        let mut requests = KeyframeRequests::new();
        let mut sent = 0;
        for _ in 0..300 {
            for _ in 0..10 {
                requests.request(now);
            }
            sent += u32::from(requests.poll(now));
            now += STEP;
        }
        assert_eq!(sent, 3, "3 s");
    }

    #[test]
    fn a_keyframe_serves_all_and_the_rate_holds_across_it() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::new();
        assert_eq!(requests.due(), None);
        requests.request(start);
        assert!(requests.poll(start));
        requests.on_keyframe();
        assert_eq!(requests.due(), None);
        assert!(!requests.poll(start + REQUEST_INTERVAL * 3));
        requests.request(start + STEP);
        assert!(!requests.poll(start + STEP));
        assert_eq!(requests.due(), Some(start + REQUEST_INTERVAL));
        assert!(requests.poll(start + REQUEST_INTERVAL));
    }

    #[test]
    fn unanswered_requests_are_repeated_ever_more_seldom_until_the_source_is_back() {
        let mut now = Instant::now();
        let mut requests = KeyframeRequests::new();
        requests.request(now);
        let mut times = Vec::new();
        for _ in 0..2000 {
            if requests.poll(now) {
                times.push(now);
            }
            now += STEP;
        }
        let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[..4].iter().all(|gap| *gap == REQUEST_INTERVAL));
        assert!(gaps[4..].iter().all(|gap| *gap == PATIENT_INTERVAL));
        requests.on_resumed();
        assert!(requests.due().unwrap() <= times.last().copied().unwrap() + REQUEST_INTERVAL);
    }
}
