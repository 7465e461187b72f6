//! The system calls of the guard that no library wraps. Each is tried once at the guard's start, and what
//! it would have gained is gone without it, nothing else.

use libc::{c_int, c_uint};

/// Priority of the guard among real-time processes: above ordinary ones, below the kernel's own.
const REAL_TIME: c_int = 10;

/// Closes every descriptor from `first` on: whatever torii's other parts left open across an exec.
pub fn close_from(first: u32) {
    // SAFETY: the caller owns no descriptor from `first` on; it was started a moment ago.
    unsafe { libc::syscall(libc::SYS_close_range, first as c_uint, c_uint::MAX, 0 as c_uint) };
}

/// Runs ahead of ordinary processes: its work takes less than a millisecond, once in its life. `false`
/// when that is not permitted.
pub fn run_in_real_time() -> bool {
    let parameters = libc::sched_param { sched_priority: REAL_TIME };
    // SAFETY: a structure that outlives the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) == 0 }
}

/// Keeps what is in memory now there, and what will be: a machine that runs out of memory takes it away
/// from processes that sleep, and this one sleeps until then. `false` when that is not permitted.
pub fn stay_in_memory() -> bool {
    // SAFETY: no pointers; MCL_ONFAULT brings nothing into memory that was not there.
    unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) == 0 }
}

/// Ends the process at once, should the next calls hang for a second: standard error may be a pipe that
/// nobody reads.
pub fn end_in_a_second() {
    // SAFETY: no pointers. The signal's default is to end the process.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(1);
    }
}

/// Ends the process without running what the runtime does at its end.
pub fn end(status: c_int) -> ! {
    // SAFETY: does not return; nothing of this process is left to be written.
    unsafe { libc::_exit(status) }
}
