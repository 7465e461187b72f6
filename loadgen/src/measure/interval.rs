//! What one engine thread measured in about one second. Travels to the collector and comes back empty.

use hdrhistogram::Histogram;

use super::counts::{Counts, Statuses};
use super::errors::ErrorTable;
use super::histograms::Histograms;

/// States that have a size rather than a count, as they are at the end of an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Connections that are open.
    pub open_connections: u64,
    /// Requests that are on their way.
    pub in_flight: u64,
    /// Due requests in the client's queue for a connection.
    pub queued: u64,
}

/// What the thread itself used since it began, by the kernel's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadUse {
    /// CPU time in user mode, in nanoseconds.
    pub user_ns: u64,
    /// CPU time in the kernel, in nanoseconds.
    pub system_ns: u64,
    /// Of these, time the engine spent on purpose turning in place before a due time.
    pub spun_ns: u64,
    /// Time it was ready to run and had no core.
    pub waited_ns: u64,
    /// Times the thread gave the core away by waiting.
    pub voluntary_switches: u64,
    /// Times the core was taken from the thread.
    pub involuntary_switches: u64,
}

impl ThreadUse {
    /// The use of the calling thread now; zero where the kernel does not tell.
    pub fn of_this_thread(spun_ns: u64) -> ThreadUse {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else {
            return ThreadUse { spun_ns, ..ThreadUse::default() };
        };
        let positive = |value: i64| u64::try_from(value).unwrap_or(0);
        ThreadUse {
            user_ns: positive(usage.user_time().num_nanoseconds()),
            system_ns: positive(usage.system_time().num_nanoseconds()),
            spun_ns,
            waited_ns: waited_for_a_core_ns(),
            voluntary_switches: positive(usage.voluntary_context_switches()),
            involuntary_switches: positive(usage.involuntary_context_switches()),
        }
    }

    /// CPU time that was work: user and system without the deliberate spinning.
    pub fn busy_ns(&self) -> u64 {
        self.user_ns.saturating_add(self.system_ns).saturating_sub(self.spun_ns)
    }
}

/// The second number of schedstat (proc_pid_schedstat(5)); zero where the kernel keeps none.
fn waited_for_a_core_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_ascii_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// One thread's measurements between two times. About 1.2 MiB; boxed, and used again and again.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Which thread, from 0.
    pub thread: usize,
    /// Whether the thread's part in the run ends here.
    pub is_last: bool,
    /// Beginning, in nanoseconds since the run began.
    pub start_ns: u64,
    /// End, in nanoseconds since the run began.
    pub end_ns: u64,
    /// Counters.
    pub counts: Counts,
    /// Times.
    pub histograms: Histograms<u32>,
    /// Answers that each closed connection had carried.
    pub answers_per_connection: Histogram<u32>,
    /// Errors by class.
    pub errors: ErrorTable,
    /// Answers by status code.
    pub statuses: Statuses,
    /// Good answers, and other ends, of each target in the order of the set-up.
    pub targets: Vec<(u64, u64)>,
    /// Complete answers of each server, by the thread's own numbers.
    pub servers: Vec<u64>,
    /// Names of servers that this thread saw first in this interval, continuing its numbers.
    pub new_servers: Vec<String>,
    /// Sizes at the end.
    pub gauges: Gauges,
    /// The thread's use since it began.
    pub thread_use: ThreadUse,
}

/// The most answers on one connection that are told apart.
const ANSWERS_MAX: u64 = 1 << 30;

impl Interval {
    /// An empty interval of a thread for this number of targets.
    pub(super) fn new(thread: usize, targets: usize) -> Box<Interval> {
        Box::new(Interval {
            thread,
            is_last: false,
            start_ns: 0,
            end_ns: 0,
            counts: Counts::default(),
            histograms: Histograms::default(),
            answers_per_connection: Histogram::new_with_bounds(1, ANSWERS_MAX, 3)
                .expect("constant bounds that the crate's rules allow"),
            errors: ErrorTable::default(),
            statuses: Statuses::default(),
            targets: vec![(0, 0); targets],
            servers: Vec::new(),
            new_servers: Vec::new(),
            gauges: Gauges::default(),
            thread_use: ThreadUse::default(),
        })
    }

    /// Empties it for its next use.
    pub(super) fn clear(&mut self) {
        self.counts = Counts::default();
        self.histograms.clear();
        self.answers_per_connection.reset();
        self.errors.clear();
        self.statuses.clear();
        self.targets.fill((0, 0));
        self.servers.fill(0);
        self.new_servers.clear();
    }
}
