//! What a rate has to keep to count as good.

use std::collections::BTreeMap;

use crate::cli::units::{in_words, percent, some_time_ns};
use crate::measure::Kind;
use crate::output::duration;
use crate::record::{RunRecord, ratio};

/// Share of the planned requests that have to be answered in time for a step to count as reached.
const REACHED: f64 = 0.99;

/// What has to hold.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArguments {
    /// Median response time at most
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    pub(super) p50: Option<u64>,
    /// 99th percentile of response times at most (default, if no time is limited: 10ms)
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    p99: Option<u64>,
    /// 99.9th percentile at most
    #[arg(long = "p99.9", value_name = "TIME", value_parser = some_time_ns)]
    p999: Option<u64>,
    /// Requests without a good answer at most, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1, value_parser = percent)]
    pub(super) max_errors: f64,
}

impl LimitArguments {
    fn p99(&self) -> Option<u64> {
        let has_one = self.p50.is_some() || self.p99.is_some() || self.p999.is_some();
        if has_one { self.p99 } else { Some(10_000_000) }
    }

    /// Why a run does not keep the limits.
    pub(super) fn breach(&self, record: &RunRecord) -> Option<String> {
        let response = record.histogram(Kind::Response);
        if response.is_empty() {
            return Some("no good answer".to_owned());
        }
        let errors = record.error_share() * 100.0;
        if errors > self.max_errors {
            return Some(format!("{errors:.2} % without a good answer"));
        }
        let limits = [("50", self.p50), ("99", self.p99()), ("99.9", self.p999)];
        for (name, limit) in limits {
            let measured = response.percentile_ns(name);
            if limit.is_some_and(|limit| measured > limit) {
                return Some(format!("p{name} {}", duration(measured)));
            }
        }
        let reached = ratio(record.counts.in_time, record.counts.planned);
        // The last requests of a healthy step are still on their way when its schedule ends.
        let in_time = record.counts.in_time as f64 + record.on_their_way();
        (in_time < record.counts.planned as f64 * REACHED)
            .then(|| format!("{:.1} % of the planned requests answered in time", reached * 100.0))
    }

    /// Tells the limits to a record.
    pub(super) fn describe(&self, options: &mut BTreeMap<String, String>) {
        for (name, limit) in [("p50", self.p50), ("p99", self.p99()), ("p99.9", self.p999)] {
            if let Some(limit) = limit {
                options.insert(format!("limit_{name}"), in_words(limit));
            }
        }
        options.insert("limit_errors".to_owned(), format!("{} %", self.max_errors));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{Made, record};

    #[test]
    fn answers_on_their_way_at_the_end_break_no_limit_and_lateness_does() {
        let limits =
            LimitArguments { p50: Some(10_000_000_000), max_errors: 0.1, ..LimitArguments::default() };
        let healthy = record(1, 100, |_, _| Made::good(45_000_000));
        assert!(healthy.counts.in_time < 99, "{:?}", healthy.counts);
        assert_eq!(limits.breach(&healthy), None);
        let late = record(1, 100, |_, k| Made { wait_ns: k * 5_000_000, ..Made::good(2_000_000) });
        assert!(limits.breach(&late).is_some_and(|why| why.contains("answered in time")));
    }
}
