//! Several runs of a side: each run is one observation of each number, and whether the sides differ is
//! asked of the spread between runs (Welch, "The generalization of Student's problem when several
//! different population variances are involved", 1947). Nothing is assumed of what happens within a run:
//! pauses, autocorrelation, tails are in the runs' numbers already.

use super::difference::Difference;
use super::judgement::{JUDGED, PERCENTS};
use crate::measure::Kind;
use crate::record::RunRecord;

/// Runs of a side from which the spread between runs is known well enough to speak of further runs.
pub const RUNS_MIN: usize = 3;

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RunNumbers {
    /// Response times at [`PERCENTS`], in nanoseconds.
    pub(super) response: [f64; PERCENTS.len()],
    /// Service times at the same.
    pub(super) service: [f64; PERCENTS.len()],
    /// Share of the planned requests without a good answer.
    pub(super) errors: f64,
    /// Good answers per second.
    pub(super) rate: f64,
}

impl RunNumbers {
    /// Of a record.
    pub(super) fn of(record: &RunRecord) -> RunNumbers {
        let times = |kind: Kind| {
            let histogram = record.histogram(kind);
            // The names of a record's percentiles are ours without the letter.
            PERCENTS.map(|(name, _)| histogram.percentile_ns(name.trim_start_matches('p')) as f64)
        };
        RunNumbers {
            response: times(Kind::Response),
            service: times(Kind::Service),
            errors: record.error_share(),
            rate: record.achieved_per_second,
        }
    }
}

/// Compares one number of all runs of both sides: the mean of each side, and Welch's interval.
pub(super) fn difference(sides: [&[RunNumbers]; 2], of: impl Fn(&RunNumbers) -> f64) -> Difference {
    let [first, other] = sides.map(|runs| Sample::of(&runs.iter().map(&of).collect::<Vec<_>>()));
    let variance = first.of_mean + other.of_mean;
    // Satterthwaite's degrees of freedom; not a number where nothing varies.
    let freedom = variance * variance
        / (first.of_mean * first.of_mean / first.freedom + other.of_mean * other.of_mean / other.freedom);
    Difference::new(first.mean, other.mean, variance.sqrt(), freedom, JUDGED)
}

/// The numbers of one side.
struct Sample {
    mean: f64,
    /// Variance of the mean.
    of_mean: f64,
    freedom: f64,
}

impl Sample {
    fn of(values: &[f64]) -> Sample {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let freedom = (count - 1.0).max(1.0);
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom;
        Sample { mean, of_mean: variance / count, freedom }
    }
}
