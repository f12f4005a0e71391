//! What a client does that is refused: as the SDK does.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// Tries that a client has at first, and how long one more takes to come.
const BUDGET: u32 = 20;
const REFILL: Duration = Duration::from_secs(30);

/// One person's page.
#[derive(Clone, Debug)]
pub struct Retries {
    left: u32,
    refilled_at: Duration,
}

impl Retries {
    /// `now`: time since the simulation began.
    pub fn new(now: Duration) -> Self {
        Self {
            left: BUDGET,
            refilled_at: now,
        }
    }

    /// When the client tries again after it was asked to wait; `None`: it gives up.
    pub fn after_refusal(
        &mut self,
        now: Duration,
        retry_after: Duration,
        rng: &mut StdRng,
    ) -> Option<Duration> {
        let refills = (now - self.refilled_at).as_millis() / REFILL.as_millis();
        let refills = u32::try_from(refills).unwrap_or(u32::MAX);
        if refills > 0 {
            self.left = BUDGET.min(self.left.saturating_add(refills));
            self.refilled_at += REFILL * refills;
        }
        self.left = self.left.checked_sub(1)?;
        let jitter = (retry_after / 2).max(Duration::from_millis(250));
        Some(now + retry_after + jitter.mul_f64(rng.random()))
    }
}
