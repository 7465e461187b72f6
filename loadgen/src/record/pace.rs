//! How many good answers had to come in each second of an open loop, so that the verdict can tell a
//! server that stops from one that is slow. Called once, when a run is over.
//!
//! A request that is due at `t` is usually answered at `t` plus what answers usually take. So the
//! answers of a second are to those requests that were due that much earlier: at the beginning of the
//! measuring and where the rate rises, fewer than are due in the second itself. "Usually" is the tenth
//! percentile of response times, the median or the ninetieth, whichever expects the fewest.

use super::run::RunRecord;
use super::series::SecondRecord;
use crate::measure::{Kind, percentile};
use crate::schedule::Shape;

/// Percentiles of response times by which a request is followed to the second of its answer.
const USUAL: [f64; 3] = [10.0, 50.0, 90.0];

impl RunRecord {
    /// Fills in `expected` of each row.
    pub(super) fn expect_answers(&mut self, shape: &Shape) {
        let response = self.histogram(Kind::Response).histogram.histogram();
        let usual_ns: Vec<u64> = match response.is_empty() {
            true => vec![0],
            false => USUAL.iter().map(|&percent| percentile(&response, percent)).collect(),
        };
        let due = Due::new(self, shape);
        let expected = |row: &SecondRecord| {
            let of_shift = |&shift_ns: &u64| {
                due.before(row.end_ns.saturating_sub(shift_ns))
                    - due.before(row.start_ns.saturating_sub(shift_ns))
            };
            usual_ns.iter().map(of_shift).fold(f64::INFINITY, f64::min).max(0.0).round() as u64
        };
        let all: Vec<u64> = self.series.iter().map(expected).collect();
        for (row, expected) in self.series.iter_mut().zip(all) {
            row.expected = expected;
        }
    }
}

/// Measured requests that were due before any moment: counted at the ends of rows, by the shape of the
/// schedule between them.
pub(super) struct Due<'a> {
    shape: &'a Shape,
    /// End of each row, and those due before it.
    ends: Vec<(u64, f64)>,
    measured: std::ops::Range<u64>,
}

impl<'a> Due<'a> {
    pub(super) fn new(record: &RunRecord, shape: &'a Shape) -> Self {
        let mut sum = 0.0;
        let end = |row: &SecondRecord| {
            sum += row.planned as f64;
            (row.end_ns, sum)
        };
        let ends = record.series.iter().map(end).collect();
        Self { shape, ends, measured: record.description.warm_up_ns..record.description.duration_ns }
    }

    pub(super) fn before(&self, at_ns: u64) -> f64 {
        let row = self.ends.partition_point(|&(end_ns, _)| end_ns <= at_ns);
        let (start_ns, already) = row.checked_sub(1).map_or((0, 0.0), |before| self.ends[before]);
        let Some(&(end_ns, at_end)) = self.ends.get(row) else { return already };
        let within = |ns: u64| self.shape.expected_before(ns.clamp(self.measured.start, self.measured.end));
        let whole = within(end_ns) - within(start_ns);
        match whole > 0.0 {
            true => already + (at_end - already) * (within(at_ns) - within(start_ns)) / whole,
            false => already,
        }
    }
}
