//! Memory given back to the system when the last participant has left.
//!
//! What a lesson took is freed at its end, but the allocator keeps freed pages for whoever comes
//! next: after 200 active participants that was more than half of what they had taken. A node that
//! stands empty gives it back. Not while anybody is there: the allocator is locked meanwhile, for some
//! milliseconds, and a media thread that admits somebody needs it.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Checks in a row that must find nobody: between two lessons people come and go.
const EMPTY_CHECKS: u32 = 3;

/// Watches until it is dropped. `participants`: how many are here now.
pub async fn when_empty(participants: impl Fn() -> usize) {
    let mut checks = interval(CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    loop {
        checks.tick().await;
        if watch.is_due(participants()) {
            let _ = tokio::task::spawn_blocking(give_back).await;
        }
    }
}

#[derive(Debug, Default)]
struct Watch {
    /// Somebody was here since memory was last given back.
    is_used: bool,
    empty_checks: u32,
}

impl Watch {
    /// Whether memory is to be given back now; once for each time the node was in use.
    fn is_due(&mut self, participants: usize) -> bool {
        if participants > 0 {
            self.is_used = true;
            self.empty_checks = 0;
            return false;
        }
        self.empty_checks = self.empty_checks.saturating_add(1);
        self.empty_checks >= EMPTY_CHECKS && std::mem::take(&mut self.is_used)
    }
}

#[cfg(target_env = "gnu")]
fn give_back() {
    let start = std::time::Instant::now();
    // SAFETY: takes no pointer; the allocator locks what it works on.
    let gave = unsafe { libc::malloc_trim(0) } == 1;
    tracing::debug!(gave, took = ?start.elapsed(), "nobody is here: freed memory returned");
}

/// Other allocators give pages back by themselves, or have no way to be asked.
#[cfg(not(target_env = "gnu"))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_after_each_use_and_not_in_a_short_break() {
        let mut watch = Watch::default();
        let mut due = |people: &[usize]| -> Vec<bool> {
            people.iter().map(|&count| watch.is_due(count)).collect()
        };
        assert_eq!(due(&[0, 0, 0, 0]), [false; 4], "nobody was here yet");
        assert_eq!(due(&[1, 0, 0, 2, 0, 0]), [false; 6], "a short break");
        assert_eq!(due(&[0, 0, 0]), [true, false, false]);
        assert_eq!(due(&[7, 0, 0, 0]), [false, false, false, true]);
    }

    /// What is spread over the heap, with something small that stays behind each piece.
    #[cfg(target_env = "gnu")]
    #[test]
    fn freed_pages_are_returned() {
        fn resident() -> u64 {
            let text = std::fs::read_to_string("/proc/self/statm").unwrap();
            text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
        }
        let (mut pieces, mut stay) = (Vec::new(), Vec::new());
        for _ in 0..5000 {
            pieces.push(std::hint::black_box(vec![1_u8; 20_000]));
            stay.push(Box::new([1_u8; 64]));
        }
        let full = resident();
        drop(pieces);
        give_back();
        let left = resident();
        assert!(full - left > 50_000_000, "{full} {left}");
        drop(stay);
    }
}
