//! What a process takes of the machine's memory, by the kernel's own account.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_millis(500);
/// Readings in a row that must agree.
const STEADY: usize = 3;
/// Within so many parts of a reading.
const TOLERANCE: u64 = 500;
/// Longest wait for that; then the last reading counts.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes, from `/proc/PID/smaps_rollup`.
///
/// [`Self::own`] is the figure to compare: pages the process alone has written (heap, stacks,
/// tables), in memory or swapped out. RSS and PSS also hold the program's code and other files'
/// pages, which no participant adds to and which come and go with the page cache. Memory the kernel
/// holds for it (socket buffers, page tables) is in none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    pub private_dirty: u64,
    pub swap: u64,
    pub rss: u64,
    pub pss: u64,
}

impl Reading {
    /// # Errors
    /// The process has ended, or the kernel has no such account.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let file = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&file).with_context(|| format!("no {file}"))?;
        Self::parse(&text)
    }

    /// Once it no longer changes.
    ///
    /// # Errors
    /// The process has ended.
    pub async fn steady(pid: u32) -> anyhow::Result<Self> {
        let mut last = Self::of(pid)?;
        let mut agreeing = 1;
        for _ in 0..PATIENCE.as_millis() / INTERVAL.as_millis() {
            sleep(INTERVAL).await;
            let now = Self::of(pid)?;
            let moved = now.own().abs_diff(last.own());
            agreeing = if moved <= now.own() / TOLERANCE {
                agreeing + 1
            } else {
                1
            };
            last = now;
            if agreeing == STEADY {
                break;
            }
        }
        Ok(last)
    }

    pub fn own(&self) -> u64 {
        self.private_dirty + self.swap
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut found = [None; 4];
        let names = ["Private_Dirty:", "Swap:", "Rss:", "Pss:"];
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(place) = words
                .next()
                .and_then(|word| names.iter().position(|name| *name == word))
            else {
                continue;
            };
            let kilobytes: u64 = words.next().context("a name without a value")?.parse()?;
            found[place] = Some(kilobytes * 1024);
        }
        let [Some(private_dirty), Some(swap), Some(rss), Some(pss)] = found else {
            bail!("the kernel's account lacks a line");
        };
        Ok(Self {
            private_dirty,
            swap,
            rss,
            pss,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_account_is_read() {
        let text = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\n\
            Rss:               19512 kB\nPss:               10032 kB\nPss_Dirty:  1 kB\n\
            Private_Clean:     2 kB\nPrivate_Dirty:      9244 kB\nSwap:    4 kB\nSwapPss: 9 kB\n";
        let reading = Reading::parse(text).unwrap();
        assert_eq!(reading.own(), (9244 + 4) * 1024);
        assert_eq!((reading.rss, reading.pss), (19_512 * 1024, 10_032 * 1024));
        assert!(Reading::parse("Rss: 1 kB\n").is_err());
    }

    #[test]
    fn memory_that_was_written_is_counted() {
        let pid = std::process::id();
        let before = Reading::of(pid).unwrap().own();
        let written = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = Reading::of(pid).unwrap().own();
        assert!(after - before >= 30 << 20, "{before} {after}");
        drop(written);
    }
}
