//! Nanoseconds since a run began: the one clock of all its threads.

use std::time::{Duration, Instant};

/// The clock of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
}

impl RunClock {
    /// A clock that shows zero until `origin`.
    pub fn new(origin: Instant) -> Self {
        Self { origin }
    }

    /// Nanoseconds since the run began.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        let since = Instant::now().saturating_duration_since(self.origin);
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    }

    /// Processor time of this thread, nanoseconds.
    pub fn thread_cpu_ns() -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
    }

    /// Sleeps until the run begins.
    pub fn wait_for_start(&self) {
        std::thread::sleep(self.origin.saturating_duration_since(Instant::now()));
        while self.origin > Instant::now() {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}
