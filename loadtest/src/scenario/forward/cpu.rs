//! CPU time of one thread, by what Linux says in `/proc`, and where threads may run.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What a thread used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Exact, user and system together.
    pub on_cpu_ns: u64,
    /// Ready to run while something else had the core.
    pub waiting_ns: u64,
    /// In clock ticks, usually 10 ms: good for a share over seconds.
    pub user_ticks: u64,
    pub system_ticks: u64,
}

impl CpuTime {
    /// What was used since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            on_cpu_ns: self.on_cpu_ns.saturating_sub(before.on_cpu_ns),
            waiting_ns: self.waiting_ns.saturating_sub(before.waiting_ns),
            user_ticks: self.user_ticks.saturating_sub(before.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(before.system_ticks),
        }
    }

    pub fn plus(self, more: Self) -> Self {
        Self {
            on_cpu_ns: self.on_cpu_ns + more.on_cpu_ns,
            waiting_ns: self.waiting_ns + more.waiting_ns,
            user_ticks: self.user_ticks + more.user_ticks,
            system_ticks: self.system_ticks + more.system_ticks,
        }
    }

    /// Share of user time, 0 to 1; `None` before the first tick.
    pub fn user_share(self) -> Option<f64> {
        let ticks = self.user_ticks + self.system_ticks;
        (ticks > 0).then(|| self.user_ticks as f64 / ticks as f64)
    }
}

/// A thread whose CPU time can be read.
#[derive(Clone, Debug)]
pub struct ThreadClock(PathBuf);

impl ThreadClock {
    /// The thread that calls.
    pub fn own() -> Self {
        // SAFETY: gettid has no arguments and cannot fail.
        let id = unsafe { libc::gettid() };
        Self(PathBuf::from(format!("/proc/self/task/{id}")))
    }

    /// The thread of this name in another process.
    ///
    /// # Errors
    /// No such process or thread.
    pub fn named(pid: u32, name: &str) -> anyhow::Result<Self> {
        let tasks = PathBuf::from(format!("/proc/{pid}/task"));
        for task in std::fs::read_dir(&tasks).with_context(|| format!("no process {pid}"))? {
            let task = task?.path();
            let found = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
            if found.trim_end() == name {
                return Ok(Self(task));
            }
        }
        bail!("process {pid} has no thread called {name}")
    }

    /// # Errors
    /// The thread has ended, or the kernel keeps no such times.
    pub fn read(&self) -> anyhow::Result<CpuTime> {
        let text = |name: &str| read(&self.0, name);
        let (on_cpu_ns, waiting_ns) =
            parse_schedstat(&text("schedstat")?).context("schedstat is unreadable")?;
        let (user_ticks, system_ticks) =
            parse_stat(&text("stat")?).context("stat is unreadable")?;
        Ok(CpuTime {
            on_cpu_ns,
            waiting_ns,
            user_ticks,
            system_ticks,
        })
    }
}

fn read(directory: &Path, name: &str) -> anyhow::Result<String> {
    let path = directory.join(name);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Nanoseconds on a CPU and waiting for one: the first two of three numbers.
fn parse_schedstat(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace();
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// utime and stime, fields 14 and 15 of proc(5). The name, field 2, may hold anything.
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The core media of the node and the ideal forwarder run on, and the one of everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    pub under_test: usize,
    pub tester: usize,
}

impl Cores {
    /// The media threads of the node have the first cores, the tester the one behind them or,
    /// where there is none, the last. `None`: a machine of one core, where the tester would measure
    /// itself.
    pub fn choose(media_threads: usize) -> Option<Self> {
        let cores = Self::count();
        (cores > 1).then_some(Self {
            under_test: 0,
            tester: media_threads.clamp(1, cores - 1),
        })
    }

    /// Cores of this machine that we may use.
    pub fn count() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Keeps all threads of this process, and those they will start, off the core under test.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn confine_tester(self) -> anyhow::Result<()> {
        for task in std::fs::read_dir("/proc/self/task")? {
            let id = task?.file_name().to_string_lossy().parse().unwrap_or(0);
            pin(id, self.tester)?;
        }
        Ok(())
    }

    /// Puts the calling thread on the core under test.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn enter(self) -> anyhow::Result<()> {
        pin(0, self.under_test)
    }
}

fn pin(thread: i32, core: usize) -> anyhow::Result<()> {
    // SAFETY: all zeroes is an empty set; CPU_SET checks its bound; the kernel reads the set during
    // the call only.
    let done = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(thread, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if done != 0 {
        bail!(
            "cannot run on core {core}: {}",
            std::io::Error::last_os_error()
        );
    }
    Ok(())
}

/// Lets the calling thread sleep to the microsecond.
pub fn sleep_exactly() {
    // SAFETY: prctl with PR_SET_TIMERSLACK takes one number; failing it changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1_000_u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "77 (a) b) c) R 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 1 0 5";
        assert_eq!(parse_stat(stat), Some((123, 45)));
        assert_eq!(parse_stat("77 (a) R 1"), None);
        assert_eq!(parse_schedstat("123456 789 3\n"), Some((123_456, 789)));
        assert_eq!(parse_schedstat(""), None);
    }

    #[test]
    fn work_shows_in_the_own_clock() {
        let clock = ThreadClock::own();
        let before = clock.read().unwrap();
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 20 {
            std::hint::black_box(0);
        }
        let used = clock.read().unwrap().since(before);
        assert!(used.on_cpu_ns > 0, "{used:?}");
    }

    #[test]
    fn threads_are_found_by_name() {
        let (send, receive) = std::sync::mpsc::channel::<()>();
        // A thread takes its name itself, after it began.
        let (began, has_begun) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("find-me".into())
            .spawn(move || {
                began.send(()).unwrap();
                receive.recv()
            })
            .unwrap();
        has_begun.recv().unwrap();
        assert!(ThreadClock::named(std::process::id(), "find-me").is_ok());
        assert!(ThreadClock::named(std::process::id(), "nobody").is_err());
        drop(send);
        let _ = thread.join().unwrap();
    }

    #[test]
    fn shares_and_differences() {
        let before = CpuTime {
            waiting_ns: 0,
            on_cpu_ns: 10,
            user_ticks: 1,
            system_ticks: 1,
        };
        let after = CpuTime {
            waiting_ns: 7,
            on_cpu_ns: 50,
            user_ticks: 2,
            system_ticks: 4,
        };
        let used = after.since(before);
        assert_eq!(used.on_cpu_ns, 40);
        assert_eq!(used.user_share(), Some(0.25));
        assert_eq!(CpuTime::default().user_share(), None);
    }
}
