//! What the ha thread asks of the scheduler: to run before everything ordinary, on one core.
//!
//! Called once, by that thread. The lowest real-time priority is enough: the thread wakes some fifty
//! times a second for microseconds, and yields to the kernel's own real-time threads.

use std::io;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Lowest of 1..=99.
const PRIORITY: libc::c_int = 1;

/// Makes the calling thread SCHED_FIFO. Processes that it starts are not (SCHED_RESET_ON_FORK): a notify
/// script must not keep a worker from its core.
///
/// # Errors
/// `PermissionDenied` without CAP_SYS_NICE or a limit RLIMIT_RTPRIO above 0.
pub fn begin() -> io::Result<()> {
    // SAFETY: all fields of a `sched_param` are integers, for which zero is a value.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = PRIORITY;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to `parameters`, which lives until the call returns; 0 is this thread.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// Keeps the calling thread on a core.
///
/// # Errors
/// The core is not there, or not for this process.
pub fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &cores)?)
}
