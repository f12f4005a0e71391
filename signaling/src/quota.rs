//! Counted places with an upper bound, given back when their permit is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus::IntGauge;
use tokio::sync::Notify;

#[derive(Clone)]
pub(crate) struct Quota {
    shared: Arc<Shared>,
}

struct Shared {
    used: AtomicUsize,
    max: usize,
    gauge: IntGauge,
    emptied: Notify,
}

/// One place taken.
pub(crate) struct Permit {
    shared: Arc<Shared>,
}

impl Quota {
    /// `gauge` shows the places taken.
    pub fn new(max: usize, gauge: IntGauge) -> Self {
        Self {
            shared: Arc::new(Shared {
                used: AtomicUsize::new(0),
                max,
                gauge,
                emptied: Notify::new(),
            }),
        }
    }

    /// A place, or `None` when all are taken.
    pub fn take(&self) -> Option<Permit> {
        let shared = &self.shared;
        shared
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                (used < shared.max).then_some(used + 1)
            })
            .ok()?;
        Some(self.permit())
    }

    /// A place beyond the bound if need be, for somebody who is about to free another one.
    pub fn take_over(&self) -> Permit {
        self.shared.used.fetch_add(1, Ordering::AcqRel);
        self.permit()
    }

    fn permit(&self) -> Permit {
        self.shared.gauge.inc();
        Permit {
            shared: self.shared.clone(),
        }
    }

    /// Waits until no place is taken.
    pub async fn empty(&self) {
        loop {
            let emptied = self.shared.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.shared.used.load(Ordering::Acquire) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.gauge.dec();
        if self.shared.used.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_bounded_and_given_back() {
        let gauge = IntGauge::new("places", "test").unwrap();
        let quota = Quota::new(2, gauge.clone());
        let (a, b) = (quota.take().unwrap(), quota.take().unwrap());
        assert!(quota.take().is_none());
        let over = quota.take_over();
        assert_eq!(gauge.get(), 3);
        drop(a);
        assert!(quota.take().is_none());
        drop(b);
        let again = quota.take().unwrap();
        let empty = tokio::spawn({
            let quota = quota.clone();
            async move { quota.empty().await }
        });
        drop((over, again));
        empty.await.unwrap();
        assert_eq!(gauge.get(), 0);
    }
}
