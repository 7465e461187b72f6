//! What the client itself used: the ground of the verdict CLIENT-LIMITED.

use serde::{Deserialize, Serialize};

use super::run::ratio;
use crate::measure::ThreadUse;

/// The client's own use of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// CPU time of each engine thread in user mode, in nanoseconds.
    pub threads_user_ns: Vec<u64>,
    /// CPU time of each engine thread in the kernel.
    pub threads_system_ns: Vec<u64>,
    /// Time that each engine thread spun on purpose; part of the times above.
    pub threads_spun_ns: Vec<u64>,
    /// Context switches of each engine thread by waiting.
    #[serde(default)]
    pub threads_voluntary_switches: Vec<u64>,
    /// Context switches of each engine thread by force.
    #[serde(default)]
    pub threads_involuntary_switches: Vec<u64>,
    /// Time that each engine thread was ready to run and had no core.
    #[serde(default)]
    pub threads_waited_ns: Vec<u64>,
    /// Context switches by waiting, all threads.
    pub voluntary_switches: u64,
    /// Context switches by force, all threads.
    pub involuntary_switches: u64,
    /// The largest share of a core that one thread worked for, over the schedule (warm-up included, the
    /// grace not), 0 to 1.
    pub busy_share: f64,
    /// The same in the busiest second.
    pub busiest_second_share: f64,
    /// The largest share of the time that one thread worked or wanted to and had no core.
    #[serde(default)]
    pub occupied_share: f64,
}

impl ClientRecord {
    pub(super) fn new(threads: &[ThreadUse], length_ns: u64, busiest_second_share: f64) -> ClientRecord {
        let share = |thread: &ThreadUse| ratio(thread.busy_ns(), length_ns).min(1.0);
        let occupied =
            |thread: &ThreadUse| ratio(thread.busy_ns().saturating_add(thread.waited_ns), length_ns).min(1.0);
        let each = |of: fn(&ThreadUse) -> u64| threads.iter().map(of).collect::<Vec<_>>();
        let sum = |of: fn(&ThreadUse) -> u64| threads.iter().map(of).fold(0, u64::saturating_add);
        ClientRecord {
            threads_user_ns: each(|thread| thread.user_ns),
            threads_system_ns: each(|thread| thread.system_ns),
            threads_spun_ns: each(|thread| thread.spun_ns),
            threads_voluntary_switches: each(|thread| thread.voluntary_switches),
            threads_involuntary_switches: each(|thread| thread.involuntary_switches),
            threads_waited_ns: each(|thread| thread.waited_ns),
            voluntary_switches: sum(|thread| thread.voluntary_switches),
            involuntary_switches: sum(|thread| thread.involuntary_switches),
            busy_share: threads.iter().map(share).fold(0.0, f64::max),
            busiest_second_share,
            occupied_share: threads.iter().map(occupied).fold(0.0, f64::max),
        }
    }

    /// CPU time of all engine threads in seconds, spinning left out.
    pub fn cpu_seconds(&self) -> f64 {
        let sum = |list: &[u64]| list.iter().fold(0u64, |sum, &ns| sum.saturating_add(ns));
        let busy = sum(&self.threads_user_ns).saturating_add(sum(&self.threads_system_ns));
        busy.saturating_sub(sum(&self.threads_spun_ns)) as f64 / 1e9
    }
}
