//! Coordinated omission: a stall shows in the response times exactly as theory says, and not in the
//! service times, where tools that start their clock at the write would look.

use torii_loadgen::measure::Kind;
use torii_loadgen::origin::{AnswerShape, Delay};

use crate::support::{MS, finish, open_loop, origin, plan, url};

const RATE: u64 = 1000;
const EVERY_MS: u64 = 1000;
const STALL_MS: u64 = 400;
const PERIODS: u64 = 4;
const CONNECTIONS: u64 = 4;

/// Requests whose response takes longer than `over_ms`: those due in the first `STALL - over` of each
/// stall, since a request that is due `x` into it waits for its rest, `STALL - x`.
fn expected_over(over_ms: u64) -> u64 {
    PERIODS * RATE * (STALL_MS - over_ms) / 1000
}

#[test]
fn a_stall_is_in_the_response_times_as_theory_says_and_not_in_the_service_times() {
    let origin =
        origin(AnswerShape::default(), Delay::Stall { every_ns: EVERY_MS * MS, length_ns: STALL_MS * MS });
    // The first period has no stall: measured are whole periods after the time that its stall would
    // have taken.
    let warm_up_ms = STALL_MS + 50;
    let mut plan = plan(&url(&origin), open_loop(RATE, warm_up_ms + PERIODS * EVERY_MS));
    plan.warm_up_ns = warm_up_ms * MS;
    plan.connections = CONNECTIONS;
    let totals = finish(plan).totals;
    assert_eq!(totals.counts.ok, PERIODS * RATE);

    let response = totals.histograms.of(Kind::Response);
    let service = totals.histograms.of(Kind::Service);
    let over = |histogram: &hdrhistogram::Histogram<u64>, ms: u64| histogram.count_between(ms * MS, u64::MAX);
    for ms in [100, 200, 300, 390] {
        let (measured, expected) = (over(response, ms), expected_over(ms));
        // Never less. More as far as the requests that wait for the end of the stall need time to be
        // sent over few connections, which a loaded machine has less of.
        let least = expected - PERIODS * 2;
        let most = expected + PERIODS * RATE / 8;
        assert!((least..=most).contains(&measured), "over {ms} ms: {measured}, expected {expected}");
    }
    // Only what was on its way when the stall began: one request on each connection.
    assert!(over(service, 100) <= PERIODS * CONNECTIONS, "{}", over(service, 100));
    assert!(over(service, 100) >= PERIODS, "somebody was there to feel each stall");
    assert!(service.value_at_quantile(0.95) < 100 * MS);
    assert!(response.value_at_quantile(0.95) > 300 * MS);
}
