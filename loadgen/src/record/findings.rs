//! What the modes find beside times and counts: gaps of `gap`, steps of `search`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Classes of failures that one gap tells apart.
const CLASSES_MAX: usize = 32;

/// A time without a good answer, found by the mode `gap`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GapRecord {
    /// Wall-clock time of the last good answer before it, in milliseconds since 1970.
    pub start_unix_ms: u64,
    /// The same, in nanoseconds since the run began.
    pub start_ns: u64,
    /// Its length in nanoseconds.
    pub length_ns: u64,
    /// Requests that were due in it, or on their way when it began, and failed or were never sent; also those
    /// whose failure was certain only after its end.
    pub failed: u64,
    /// The same by class.
    #[serde(default)]
    pub failed_by_class: BTreeMap<String, u64>,
    /// From the time when the first request was due that waited or failed, to the first good answer;
    /// nanoseconds; `None` when there was none.
    #[serde(default)]
    pub to_first_success_ns: Option<u64>,
    /// From its beginning until nothing failed any more for a second; nanoseconds.
    #[serde(default)]
    pub to_full_rate_ns: Option<u64>,
    /// The server that answered last before it; empty if unknown.
    pub server_before: String,
    /// The server that answered first after it; empty if unknown.
    pub server_after: String,
}

impl GapRecord {
    /// Its end, in nanoseconds since the run began.
    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.length_ns)
    }

    /// Counts a request that failed in it. Classes past the first are counted together, so that this is bounded.
    pub fn count(&mut self, class: &str) {
        self.failed = self.failed.saturating_add(1);
        let has_room = self.failed_by_class.len() < CLASSES_MAX || self.failed_by_class.contains_key(class);
        let class = if has_room { class } else { "other" };
        match self.failed_by_class.get_mut(class) {
            Some(count) => *count = count.saturating_add(1),
            None => drop(self.failed_by_class.insert(class.to_owned(), 1)),
        }
    }

    /// The classes with their counts: `connect_refused 3, connect_timeout 12`.
    pub fn classes(&self) -> String {
        let each = self.failed_by_class.iter().map(|(class, count)| format!("{class} {count}"));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// One step of a saturation search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Planned requests per second.
    pub rate_per_second: f64,
    /// Requests per second that the client turned to.
    #[serde(default)]
    pub offered_per_second: f64,
    /// Good answers per second.
    pub achieved_per_second: f64,
    /// Median response time in nanoseconds.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// 99.9th percentile.
    pub p999_ns: u64,
    /// Wrong answers and requests without one.
    pub not_ok: u64,
    /// The client's largest share of a core, 0 to 1.
    pub client_busy_share: f64,
    /// Whether it was the longer run at the end.
    #[serde(default)]
    pub confirms: bool,
    /// Whether the step met the search's conditions.
    pub passed: bool,
    /// Why not; empty if it did.
    pub reason: String,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// The highest good rate is known, and confirmed.
    #[default]
    Found,
    /// Not even the lowest rate kept the limits.
    NoneGood,
    /// The client was the limit: the highest good rate, if there is one, is a lower bound.
    ClientLimited,
    /// Rates that short steps found good were not good for longer.
    NotConfirmed,
    /// Somebody asked to stop.
    Interrupted,
    /// A run could not be made.
    Broken,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// The highest rate that kept the limits, requests per second; `None` if none did.
    pub highest_good_per_second: Option<f64>,
    /// Whether a longer run confirmed it.
    pub confirmed: bool,
    /// How the search ended.
    pub end: SearchEnd,
    /// The same in words.
    pub reason: String,
}
