//! The steps of `run --steps`, each with numbers of its own: one table that mixes all rates says nothing
//! about any of them. Called once, when a run is over.
//!
//! A step's numbers are those of the seconds of the series that lie wholly within it; answers count in the
//! second in which they came. A step without a whole second, or shorter than two, has none: a number there
//! would be as much the last step's as its own.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::run::RunRecord;
use crate::measure::{new_total_histogram, percentile};
use crate::schedule::Shape;

/// The shortest step that has numbers.
const SHORTEST_NS: u64 = 2_000_000_000;

/// One step of a schedule in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateStepRecord {
    /// Planned requests per second.
    pub rate_per_second: f64,
    /// Beginning, in nanoseconds since the run began.
    pub start_ns: u64,
    /// End, in nanoseconds since the run began.
    pub end_ns: u64,
    /// What is known of it; `None` of a step that is too short.
    pub seconds: Option<StepSeconds>,
}

/// What happened in the whole seconds of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepSeconds {
    /// Their length in nanoseconds.
    pub length_ns: u64,
    /// Requests per second that the client turned to.
    pub offered_per_second: f64,
    /// Good answers per second.
    pub achieved_per_second: f64,
    /// Median response time in nanoseconds; 0 without a good answer, as the others.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// 99.9th percentile.
    pub p999_ns: u64,
    /// Wrong answers, failures, and requests never sent.
    pub not_ok: u64,
}

impl RunRecord {
    /// Fills in the steps of a schedule that has some; a warm-up is none.
    pub(super) fn know_steps(&mut self, shape: &Shape) {
        let Shape::Steps(steps) = shape else { return };
        let (warm_up_ns, run_end_ns) = (self.description.warm_up_ns, self.description.duration_ns);
        let mut end_ns = 0u64;
        for step in steps {
            let start_ns = end_ns;
            end_ns = end_ns.saturating_add(step.duration_ns);
            // A run that was ended early has no further steps.
            let (start_ns, end_ns) = (start_ns.max(warm_up_ns), end_ns.min(run_end_ns));
            if start_ns < end_ns {
                let seconds = self.seconds_within(start_ns, end_ns);
                let rate_per_second = step.rate.as_f64();
                self.rate_steps.push(RateStepRecord { rate_per_second, start_ns, end_ns, seconds });
            }
        }
    }

    fn seconds_within(&self, start_ns: u64, end_ns: u64) -> Option<StepSeconds> {
        if end_ns - start_ns < SHORTEST_NS {
            return None;
        }
        let mut known = StepSeconds::default();
        let (mut offered, mut ok) = (0u64, 0u64);
        let mut response: Histogram<u64> = new_total_histogram();
        for row in self.series.iter().filter(|row| row.start_ns >= start_ns && row.end_ns <= end_ns) {
            known.length_ns = known.length_ns.saturating_add(row.end_ns - row.start_ns);
            offered = offered.saturating_add(row.offered);
            ok = ok.saturating_add(row.ok);
            for count in [row.wrong, row.failed, row.unsent] {
                known.not_ok = known.not_ok.saturating_add(count);
            }
            response.add(row.response.histogram()).expect("a checked histogram of the same range");
        }
        let seconds = known.length_ns as f64 / 1e9;
        if known.length_ns == 0 {
            return None;
        }
        known.offered_per_second = offered as f64 / seconds;
        known.achieved_per_second = ok as f64 / seconds;
        known.p50_ns = percentile(&response, 50.0);
        known.p99_ns = percentile(&response, 99.0);
        known.p999_ns = percentile(&response, 99.9);
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::{Rate, Shape, Step};
    use crate::test_support::{SECOND, timely};

    const MS: u64 = 1_000_000;

    fn step(rate: u64, ms: u64) -> Step {
        Step { rate: Rate::per_second(rate), duration_ns: ms * MS }
    }

    #[test]
    fn each_step_has_the_numbers_of_its_own_seconds() {
        // A second of warm-up, then answers of 2 ms, and of 20 ms at the higher rate.
        let shape = Shape::Steps(vec![step(100, 1_000), step(100, 3_000), step(400, 3_500), step(50, 1_500)]);
        let answered =
            |due_ns: u64| due_ns + if (4 * SECOND..7_500 * MS).contains(&due_ns) { 20 } else { 2 } * MS;
        let record = timely(&shape, SECOND, answered);
        let rates: Vec<f64> = record.rate_steps.iter().map(|step| step.rate_per_second).collect();
        assert_eq!(rates, [100.0, 400.0, 50.0], "the warm-up is no step");
        let known: Vec<_> = record.rate_steps.iter().filter_map(|step| step.seconds.as_ref()).collect();
        assert_eq!(known.len(), 2, "a step of 1.5 s has no numbers");
        assert_eq!((known[0].length_ns, known[1].length_ns), (3 * SECOND, 3 * SECOND));
        assert_eq!((known[0].offered_per_second, known[1].offered_per_second), (100.0, 400.0));
        assert!(known[0].p99_ns < 3 * MS && known[1].p50_ns > 19 * MS, "{known:?}");
        assert!((390.0..=400.0).contains(&known[1].achieved_per_second) && known[1].not_ok == 0, "{known:?}");
    }

    #[test]
    fn other_schedules_have_no_steps() {
        let record = timely(&Shape::Constant(step(100, 3_000)), 0, |due_ns| due_ns + MS);
        assert!(record.rate_steps.is_empty());
    }
}
