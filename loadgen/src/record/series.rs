//! The run over time: one row for each second, each with its own histograms.
//!
//! A long run keeps its record bounded: past [`SECONDS_MAX`] rows, neighbours are joined two by two
//! and rows are twice as long from then on.

use serde::{Deserialize, Serialize};

use super::blob::Blob;
use crate::measure::{Kind, Second, SecondSink, percentile};

/// Rows that a record may hold. Of 2 to 6 KiB each: some 20 MiB for the longest.
pub const SECONDS_MAX: usize = 3_600;

/// What happened in one interval of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecondRecord {
    /// Beginning, in nanoseconds since the run began.
    pub start_ns: u64,
    /// End, in nanoseconds since the run began.
    pub end_ns: u64,
    /// Requests whose time came.
    pub planned: u64,
    /// Good answers that had to come in it, going by when requests were due and how long answers
    /// usually took; 0 where there is no schedule to go by.
    #[serde(default)]
    pub expected: u64,
    /// Requests that the engine turned to.
    pub offered: u64,
    /// Requests that it gave up without sending them.
    #[serde(default)]
    pub unsent: u64,
    /// Good answers.
    pub ok: u64,
    /// Good answers of the measured time, whenever they were due: the base of rates.
    #[serde(default)]
    pub in_time: u64,
    /// Complete answers with a fault.
    pub wrong: u64,
    /// Requests without a complete answer.
    pub failed: u64,
    /// Requests of the warm-up, which count in no other column.
    pub warm_up: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    /// Connections open at the end.
    pub open_connections: u64,
    /// Due requests waiting for a connection at the end.
    pub queued: u64,
    /// Median response time in nanoseconds; 0 without a good answer.
    pub p50_ns: u64,
    /// The response time that 99 % did not pass.
    pub p99_ns: u64,
    /// The greatest response time.
    pub max_ns: u64,
    /// Response times.
    pub response: Blob,
    /// Service times.
    pub service: Blob,
}

impl SecondRecord {
    /// Records an interval.
    pub fn new(second: &Second) -> SecondRecord {
        let counts = &second.parts.counts;
        let response = second.parts.histograms.of(Kind::Response);
        let at = |percent: f64| percentile(response, percent);
        SecondRecord {
            start_ns: second.start_ns,
            end_ns: second.end_ns,
            planned: counts.planned,
            expected: 0,
            offered: counts.offered,
            unsent: counts.unsent(),
            ok: counts.ok,
            in_time: counts.in_time,
            wrong: counts.wrong,
            failed: counts.failed,
            warm_up: counts.warm_up,
            body_bytes: counts.body_bytes,
            open_connections: second.parts.gauges.open_connections,
            queued: second.parts.gauges.queued,
            p50_ns: at(50.0),
            p99_ns: at(99.0),
            max_ns: at(100.0),
            response: Blob::encode(response),
            service: Blob::encode(second.parts.histograms.of(Kind::Service)),
        }
    }

    /// Length in seconds, at least a millisecond: rates of an empty row stay finite.
    pub fn seconds(&self) -> f64 {
        (self.end_ns.saturating_sub(self.start_ns) as f64 / 1e9).max(1e-3)
    }

    /// Joins the row that follows.
    fn join(&mut self, next: &SecondRecord) {
        let joined = |ours: &Blob, theirs: &Blob| {
            let mut histogram = ours.histogram();
            histogram.add(theirs.histogram()).expect("a checked histogram of the same range");
            histogram
        };
        let response = joined(&self.response, &next.response);
        self.end_ns = next.end_ns;
        for (ours, theirs) in [
            (&mut self.planned, next.planned),
            (&mut self.expected, next.expected),
            (&mut self.offered, next.offered),
            (&mut self.unsent, next.unsent),
            (&mut self.ok, next.ok),
            (&mut self.in_time, next.in_time),
            (&mut self.wrong, next.wrong),
            (&mut self.failed, next.failed),
            (&mut self.warm_up, next.warm_up),
            (&mut self.body_bytes, next.body_bytes),
        ] {
            *ours = ours.saturating_add(theirs);
        }
        (self.open_connections, self.queued) = (next.open_connections, next.queued);
        self.p50_ns = percentile(&response, 50.0);
        self.p99_ns = percentile(&response, 99.0);
        self.max_ns = response.max();
        self.service = Blob::encode(&joined(&self.service, &next.service));
        self.response = Blob::encode(&response);
    }
}

/// Builds the rows while a run goes on.
#[derive(Debug)]
pub struct Series {
    rows: Vec<SecondRecord>,
    seconds_per_row: u64,
    seconds_max: usize,
}

impl Default for Series {
    fn default() -> Self {
        Series::with_room_for(SECONDS_MAX)
    }
}

impl Series {
    /// A series that joins rows past this number (at least two).
    pub fn with_room_for(seconds_max: usize) -> Series {
        Series { rows: Vec::new(), seconds_per_row: 1, seconds_max: seconds_max.max(2) }
    }

    /// The rows.
    pub fn into_rows(self) -> Vec<SecondRecord> {
        self.rows
    }

    fn halve(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let mut rows = rows.into_iter();
        while let Some(mut row) = rows.next() {
            if let Some(next) = rows.next() {
                row.join(&next);
            }
            self.rows.push(row);
        }
        self.seconds_per_row = self.seconds_per_row.saturating_mul(2);
    }
}

impl SecondSink for Series {
    fn second(&mut self, second: &Second) {
        let row = SecondRecord::new(second);
        let same_row = !second.index.is_multiple_of(self.seconds_per_row);
        match self.rows.last_mut() {
            Some(last) if same_row => last.join(&row),
            _ => self.rows.push(row),
        }
        if self.rows.len() > self.seconds_max {
            self.halve();
        }
    }
}
