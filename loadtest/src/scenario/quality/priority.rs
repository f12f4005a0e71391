//! Precedence on a busy machine: what else it computes should not be what is measured.

/// The lowest of the real-time priorities comes before all ordinary work. Neither the tester nor a
/// node with a dozen people computes for long at a time.
const REAL_TIME: libc::c_int = 1;
/// Where that is not allowed: before ordinary work by this much.
const NICENESS: libc::c_int = -10;

/// This thread, and processes and threads it starts from now on, come before ordinary work. Where
/// nothing of that is allowed nothing changes, and a busy machine shows in the tester's own lag.
pub fn raise() {
    let priority = libc::sched_param {
        sched_priority: REAL_TIME,
    };
    // SAFETY: the pointer is to a value that outlives the call; 0 is the calling thread.
    let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const priority) };
    if done != 0 {
        // SAFETY: no pointers are involved.
        let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
    }
}
