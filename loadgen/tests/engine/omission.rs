//! Coordinated omission: a stall shows in the response times exactly as theory says, and not in the
//! service times, where tools that start their clock at the write would look.

use std::sync::mpsc::sync_channel;

use torii_loadgen::engine::{Outcome, Watch};
use torii_loadgen::measure::Kind;
use torii_loadgen::origin::{AnswerShape, Delay};

use crate::support::{MS, finish_watched, open_loop, origin, plan, url};

const RATE: u64 = 1000;
const EVERY_MS: u64 = 10_000;
const STALL_MS: u64 = 1_000;
const STALLS: u64 = 2;
const CONNECTIONS: u64 = 4;

/// Requests whose response takes longer than `over_ms`: those due in the first `STALL - over` of each
/// stall, since a request that is due `x` into it waits for its rest, `STALL - x`.
fn expected_over(over_ms: u64) -> u64 {
    STALLS * RATE * (STALL_MS - over_ms) / 1000
}

/// A stall as its requests saw it: from the first that it held up to the end of the last.
struct Seen {
    begin_ns: u64,
    end_ns: u64,
}

/// The stalls. Each is longer than the origin's by what it takes to send and answer, over few connections,
/// all that had become due. Theory knows no such time; a loaded machine has more of it than an idle one.
fn stalls_seen(outcomes: &[Outcome]) -> Vec<Seen> {
    let took_half = |outcome: &&Outcome| outcome.ended_ns - outcome.planned_ns > STALL_MS * MS / 2;
    let stalled: Vec<&Outcome> = outcomes.iter().filter(took_half).collect();
    let same_stall = |one: &&Outcome, other: &&Outcome| other.planned_ns - one.planned_ns < EVERY_MS * MS / 2;
    let begins: Vec<u64> = stalled.chunk_by(same_stall).map(|stall| stall[0].planned_ns).collect();
    assert_eq!(begins.len() as u64, STALLS);
    let seen = |begin_ns: u64| {
        let end_ns = begin_ns + STALL_MS * MS;
        let due_in_it = outcomes.iter().filter(|outcome| (begin_ns..end_ns).contains(&outcome.planned_ns));
        Seen { begin_ns, end_ns: due_in_it.map(|outcome| outcome.ended_ns).max().unwrap_or(end_ns) }
    };
    begins.into_iter().map(seen).collect()
}

#[test]
fn a_stall_is_in_the_response_times_as_theory_says_and_not_in_the_service_times() {
    let origin =
        origin(AnswerShape::default(), Delay::Stall { every_ns: EVERY_MS * MS, length_ns: STALL_MS * MS });
    // The first period has no stall: measured are whole periods after the time that its stall would
    // have taken.
    let warm_up_ms = STALL_MS + 50;
    let mut plan = plan(&url(&origin), open_loop(RATE, warm_up_ms + STALLS * EVERY_MS));
    plan.warm_up_ns = warm_up_ms * MS;
    plan.connections = CONNECTIONS;
    let (observer, outcomes) = sync_channel(2 * (RATE * STALLS * EVERY_MS / 1000) as usize);
    let totals = finish_watched(plan, Watch { observer: Some(observer), ..Watch::default() }).totals;
    assert_eq!(totals.counts.ok, RATE * STALLS * EVERY_MS / 1000);
    let mut outcomes: Vec<Outcome> =
        outcomes.try_iter().filter(|outcome| outcome.planned_ns >= warm_up_ms * MS).collect();
    outcomes.sort_by_key(|outcome| outcome.planned_ns);
    assert_eq!(outcomes.len() as u64, totals.counts.ok);

    let response = totals.histograms.of(Kind::Response);
    let service = totals.histograms.of(Kind::Service);
    let over = |histogram: &hdrhistogram::Histogram<u64>, ms: u64| histogram.count_between(ms * MS, u64::MAX);
    let stalls = stalls_seen(&outcomes);
    let catching_up_ms: u64 = stalls
        .iter()
        .map(|stall| (stall.end_ns - stall.begin_ns).div_ceil(MS).saturating_sub(STALL_MS))
        .sum();
    assert!(catching_up_ms < STALLS * STALL_MS / 4, "{catching_up_ms} ms to catch up with {STALLS} stalls");
    for ms in [50, 100, 250, 500, 750, 900, 990] {
        let (measured, expected) = (over(response, ms), expected_over(ms));
        // A stall begins between two requests: one of them may be on either side. And 0.1 % is what
        // the histogram's own steps make of a time.
        let rounding = STALLS * (1 + RATE * ms / 1_000_000);
        let apart = |outcome: &&Outcome| {
            let is_held_up = |stall: &Seen| (stall.begin_ns..stall.end_ns).contains(&outcome.planned_ns);
            outcome.ended_ns - outcome.planned_ns >= ms * MS && !stalls.iter().any(is_held_up)
        };
        // A loaded machine also makes pauses of its own.
        let own_pauses = outcomes.iter().filter(apart).count() as u64;
        let most = expected + rounding + RATE * catching_up_ms / 1000 + own_pauses;
        assert!(
            (expected - rounding..=most).contains(&measured),
            "over {ms} ms: {measured}, expected {expected} to {most}"
        );
    }
    // Only what was on its way when a stall began: one request on each connection.
    let felt = over(service, STALL_MS / 2);
    assert!((STALLS..=STALLS * CONNECTIONS).contains(&felt), "{felt}");
    assert!(service.value_at_quantile(0.99) < 100 * MS);
    assert!(response.value_at_quantile(0.99) > 850 * MS);
}
