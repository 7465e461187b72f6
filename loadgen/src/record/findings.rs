//! What the modes find beside times and counts: gaps of `gap`, steps of `search`.

use serde::{Deserialize, Serialize};

/// A time without a good answer, found by the mode `gap`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GapRecord {
    /// Wall-clock time of the last good answer before it, in milliseconds since 1970.
    pub start_unix_ms: u64,
    /// The same, in nanoseconds since the run began.
    pub start_ns: u64,
    /// Its length in nanoseconds.
    pub length_ns: u64,
    /// Requests that failed in it.
    pub failed: u64,
    /// Class of the first of these, and further ones.
    pub classes: Vec<String>,
    /// The server that answered last before it; empty if unknown.
    pub server_before: String,
    /// The server that answered first after it; empty if unknown.
    pub server_after: String,
}

/// One step of a saturation search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Planned requests per second.
    pub rate_per_second: f64,
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
    /// Whether the step met the search's conditions.
    pub passed: bool,
    /// Why not; empty if it did.
    pub reason: String,
}
