//! Tests of the search for gaps.

use super::*;
use crate::measure::ErrorClass;

const MS: u64 = 1_000_000;

/// Longer than any request of these tests takes.
const LONGEST: u64 = 1_100 * MS;

fn good(planned_ms: u64, ended_ms: u64, server: &str) -> Outcome {
    let (planned_ns, ended_ns) = (planned_ms * MS, ended_ms * MS);
    Outcome { planned_ns, ended_ns, fate: Fate::Good(Some(server.to_owned())) }
}

fn bad(planned_ms: u64, ended_ms: u64, class: ErrorClass) -> Outcome {
    Outcome { planned_ns: planned_ms * MS, ended_ns: ended_ms * MS, fate: Fate::Failed(class) }
}

/// Takes outcomes in the order of their ends; returns what was told, as kind, beginning in ms and count.
fn take(finder: &mut GapFinder, mut outcomes: Vec<Outcome>) -> Vec<(&'static str, u64, u64)> {
    outcomes.sort_by_key(|outcome| outcome.ended_ns);
    let mut told = Vec::new();
    for outcome in &outcomes {
        finder.take(outcome, |news| told.push(in_short(&news)));
    }
    told
}

fn in_short(news: &News<'_>) -> (&'static str, u64, u64) {
    let (kind, gap) = match news {
        News::Over(gap) => ("over", gap),
        News::CutOff(gap) => ("cut off", gap),
        News::Corrected(gap) => ("corrected", gap),
    };
    (kind, gap.start_ns / MS, gap.failed)
}

/// What a finder tells of a good answer.
fn over(finder: &mut GapFinder, outcome: &Outcome) -> Option<GapRecord> {
    let mut told = None;
    finder.take(outcome, |news| {
        if let News::Over(gap) = news {
            told = Some(gap.clone());
        }
    });
    told
}

#[test]
fn a_failover_is_one_gap_with_its_failures_and_both_servers() {
    let mut finder = GapFinder::new(50 * MS, LONGEST);
    for at in [10, 20, 30] {
        assert_eq!(over(&mut finder, &good(at, at, "a")), None);
    }
    for at in [40, 60, 80] {
        let class = if at == 40 { ErrorClass::ConnectRefused } else { ErrorClass::ConnectTimeout };
        assert_eq!(over(&mut finder, &bad(at - 5, at, class)), None);
    }
    let gap = over(&mut finder, &good(125, 130, "b")).unwrap_or_default();
    assert_eq!((gap.start_ns, gap.length_ns, gap.failed), (30 * MS, 100 * MS, 3));
    assert_eq!((gap.server_before.as_str(), gap.server_after.as_str()), ("a", "b"));
    assert_eq!(gap.failed_by_class["connect_refused"], 1);
    assert_eq!(gap.failed_by_class["connect_timeout"], 2);
    assert_eq!(gap.to_first_success_ns, Some(95 * MS), "since the first that failed was due");
    assert_eq!(gap.to_full_rate_ns, Some(100 * MS));
    let found = finder.end(140 * MS, |_| {});
    assert_eq!((found.gaps.len(), &found.longest), (1, &gap), "10 ms at the end are no gap");
}

#[test]
fn what_was_due_in_a_gap_and_fails_later_is_counted_in_it() {
    let mut finder = GapFinder::new(50 * MS, LONGEST);
    over(&mut finder, &good(10, 10, "a"));
    assert!(over(&mut finder, &good(210, 210, "b")).is_some_and(|gap| gap.failed == 0));
    for due in [20, 30, 40] {
        over(&mut finder, &bad(due, due + 1_000, ErrorClass::ConnectTimeout));
    }
    over(&mut finder, &good(1_100, 1_100, "b"));
    let gaps = finder.end(1_100 * MS, |_| {}).gaps;
    assert_eq!((gaps[0].failed, gaps[0].to_first_success_ns), (3, Some(190 * MS)));
    assert_eq!((gaps.len(), gaps[1].failed), (2, 0), "{gaps:?}");
}

#[test]
fn the_full_rate_is_back_when_nothing_fails_any_more() {
    let mut finder = GapFinder::new(50 * MS, LONGEST);
    over(&mut finder, &good(100, 100, "a"));
    over(&mut finder, &good(300, 300, "b"));
    for at in [310, 330, 350] {
        over(&mut finder, &bad(at, at + 1, ErrorClass::ConnectRefused));
        over(&mut finder, &good(at + 10, at + 10, "b"));
    }
    for at in (370..1_800).step_by(10) {
        over(&mut finder, &good(at, at, "b"));
    }
    // Long after it: another story.
    over(&mut finder, &bad(1_800, 1_801, ErrorClass::ConnectRefused));
    let gaps = finder.end(1_802 * MS, |_| {}).gaps;
    assert_eq!(gaps[1].to_full_rate_ns, Some(250 * MS), "{gaps:?}");
}

#[test]
fn a_run_without_an_answer_is_one_gap_that_never_ended() {
    let mut finder = GapFinder::new(50 * MS, LONGEST);
    assert_eq!(over(&mut finder, &bad(900, 900, ErrorClass::ConnectRefused)), None);
    let found = finder.end(1_000 * MS, |_| {});
    let gap = &found.longest;
    assert_eq!((gap.start_ns, gap.length_ns, gap.failed), (0, 1_000 * MS, 1));
    assert_eq!((gap.to_first_success_ns, gap.to_full_rate_ns), (None, None));
}

#[test]
fn the_longest_is_known_even_if_it_is_short() {
    let mut finder = GapFinder::new(50 * MS, LONGEST);
    assert!([10, 20, 45, 55].into_iter().all(|at| over(&mut finder, &good(at, at, "a")).is_none()));
    over(&mut finder, &bad(30, 56, ErrorClass::ReadTimeout));
    let found = finder.end(60 * MS, |_| {});
    assert_eq!((found.gaps.len(), found.longest.start_ns, found.longest.length_ns), (0, 20 * MS, 25 * MS));
    assert_eq!(found.longest.classes(), "read_timeout 1");
}

/// Requests every 10 ms that are answered within 1 ms, but for those due in `silent`: they hang for a second.
fn with_silences(silent: &[(u64, u64)], until_ms: u64) -> Vec<Outcome> {
    let hangs = |at: &u64| silent.iter().any(|(from, to)| (from..to).contains(&at));
    let outcome = |at: u64| match hangs(&at) {
        true => bad(at, at + 1_000, ErrorClass::ReadTimeout),
        false => good(at, at + 1, "a"),
    };
    (0..until_ms).step_by(10).map(outcome).collect()
}

#[test]
fn requests_that_hang_past_the_end_of_their_gap_are_counted_in_it() {
    let mut finder = GapFinder::new(100 * MS, LONGEST);
    let told = take(&mut finder, with_silences(&[(500, 900), (1_200, 1_400)], 4_000));
    let expected = [("over", 491, 0), ("over", 1_191, 0), ("corrected", 491, 40), ("corrected", 1_191, 20)];
    assert_eq!(told, expected);
    let found = finder.end(4_000 * MS, |news| panic!("nothing is left to tell: {news:?}"));
    let counts: Vec<_> = found.gaps.iter().map(|gap| (gap.failed, gap.classes())).collect();
    assert_eq!(counts, [(40, "read_timeout 40".to_owned()), (20, "read_timeout 20".to_owned())]);
}

#[test]
fn the_end_of_the_run_settles_what_is_open() {
    let mut finder = GapFinder::new(100 * MS, LONGEST);
    let mut outcomes = with_silences(&[(500, 900)], 1_000);
    let unsent = |at: u64| Outcome { planned_ns: at * MS, ended_ns: 1_950 * MS, fate: Fate::Unsent };
    outcomes.push(unsent(899));
    assert_eq!(take(&mut finder, outcomes), [("over", 491, 0)]);
    let mut told = Vec::new();
    let found = finder.end(1_000 * MS, |news| told.push(in_short(&news)));
    assert_eq!(told, [("corrected", 491, 41)]);
    assert_eq!(found.gaps[0].classes(), "read_timeout 40, unsent 1");
}

#[test]
fn what_was_on_its_way_when_a_gap_began_is_counted_in_it() {
    let mut finder = GapFinder::new(100 * MS, LONGEST);
    // The answers took 200 ms, and the last one came at 500: twenty were awaited when the server fell.
    let answered = (0..=300).step_by(10).map(|at| good(at, at + 200, "a"));
    let reset = (310..=500).step_by(10).map(|at| bad(at, 501, ErrorClass::ReadReset));
    // Long after it, and none of its: a request that hangs among others that are answered.
    let after = (700..2_000).step_by(10).map(|at| good(at, at + 1, "b"));
    let alone = bad(705, 1_705, ErrorClass::ReadTimeout);
    let told = take(&mut finder, answered.chain(reset).chain(after).chain([alone]).collect());
    assert_eq!(told, [("over", 0, 0), ("over", 500, 20)], "the first answer ended the first gap");
    let found = finder.end(2_000 * MS, |_| {});
    assert_eq!(found.gaps.iter().map(|gap| gap.failed).collect::<Vec<_>>(), [0, 20]);
}

#[test]
fn gaps_and_their_classes_are_bounded() {
    let mut finder = GapFinder::new(MS, LONGEST);
    let mut told = 0;
    for at in 1..=GAPS_MAX as u64 + 5 {
        finder.take(&good(at * 10, at * 10, "a"), |news| told += usize::from(matches!(news, News::Over(_))));
    }
    assert_eq!(told, GAPS_MAX + 5);
    for status in 400..500 {
        finder.take(&bad(5, 100_051, ErrorClass::Status(status)), |_| {});
    }
    let found = finder.end(0, |_| {});
    assert_eq!((found.gaps.len(), found.left_out), (GAPS_MAX, 5));
    let gap = &found.gaps[0];
    assert_eq!((gap.failed, gap.failed_by_class.len()), (100, 33));
    assert_eq!(gap.failed_by_class.values().sum::<u64>(), 100);
    assert_eq!(gap.failed_by_class["other"], 68);
}
