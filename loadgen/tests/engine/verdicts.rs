//! The verdict on real runs: a slow origin is no unstable one, and one that stops is.

use torii_loadgen::engine::{Load, Watch, run};
use torii_loadgen::origin::{AnswerShape, Delay};
use torii_loadgen::output::{OutputArguments, Reporting};
use torii_loadgen::record::{Description, RunRecord, VerdictName};

use crate::support::{MS, open_loop, origin, plan, url};

/// Runs against an origin with this delay, and has the run judged.
fn judged(delay: Delay, warm_up_ms: u64, duration_ms: u64) -> RunRecord {
    let origin = origin(AnswerShape::default(), delay);
    let mut plan = plan(&url(&origin), open_loop(100, warm_up_ms + duration_ms));
    plan.warm_up_ns = warm_up_ms * MS;
    plan.connections = 400;
    let Load::Open(schedule) = plan.load.clone() else { unreachable!("open_loop makes an open loop") };
    let description = Description {
        open_loop: true,
        rate_per_second: Some(100.0),
        warm_up_ns: plan.warm_up_ns,
        duration_ns: plan.load.duration_ns(),
        ..Description::default()
    };
    let watch = Watch::default();
    let arguments = OutputArguments { quiet: true, ..OutputArguments::default() };
    let mut reporting = Reporting::open(&arguments, &description, watch.started.clone()).unwrap();
    let finished = run(plan, watch, &mut reporting).unwrap();
    reporting.record(description, Some(&schedule.shape), &finished.totals)
}

/// Whether the verdict speaks of seconds without answers; on a busy machine a graver one comes first.
fn tells_of_stops(record: &RunRecord) -> bool {
    let verdict = &record.verdict;
    verdict.reasons.iter().chain(&verdict.notes).any(|text| text.contains("fewer than half of the good"))
}

#[test]
fn an_origin_that_takes_700_ms_is_slow_and_not_unstable() {
    let record = judged(Delay::Fixed(700 * MS), 1_000, 2_000);
    assert_eq!(record.counts.ok, 200);
    assert!(!tells_of_stops(&record) && record.verdict.name != VerdictName::Unstable, "{:?}", record.verdict);
}

#[test]
fn an_origin_that_stops_for_two_seconds_is_unstable() {
    let record = judged(Delay::Stall { every_ns: 3_500 * MS, length_ns: 2_000 * MS }, 500, 5_500);
    assert_eq!(record.counts.ok, 550);
    assert!(tells_of_stops(&record), "{:?}", record.verdict);
}
