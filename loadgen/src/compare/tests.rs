//! Tests of comparing: the same load shows no difference, another one does, and other shapes are refused.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::measure::{ErrorClass, Kind};
use crate::record::{Description, RequestField, RunRecord, SecondRecord, VerdictName};
use crate::schedule::Random;
use crate::test_support::{Made, record};

const MS: u64 = 1_000_000;

/// A run whose times scatter like those of a real server: a common part of each second and a heavy
/// tail, scaled by `per_mille`.
fn scattered(seed: u64, per_mille: u64) -> RunRecord {
    record(12, 400, move |second, k| {
        let mut random = Random::new(seed.wrapping_mul(1_000_003) + second);
        let of_second = random.next_u64() % 100;
        let mut random = Random::new((seed << 32) + second * 400 + k);
        let draw = random.next_u64() % 10_000 + 1;
        let tail = 10_000 / draw;
        Made::good((900 + of_second + draw / 50 + tail * 20) * 1_000 * per_mille / 1_000)
    })
}

/// A row in which nothing happened.
fn empty_row(record: &RunRecord) -> SecondRecord {
    let empty = record.histogram(Kind::Tls).histogram;
    let row = record.series[0].clone();
    let (response, service) = (empty.clone(), empty);
    SecondRecord {
        planned: 0,
        offered: 0,
        ok: 0,
        in_time: 0,
        p50_ns: 0,
        p99_ns: 0,
        max_ns: 0,
        response,
        service,
        ..row
    }
}

#[test]
fn the_same_load_shows_no_difference_but_for_chance() {
    let mut shown = 0;
    for seed in 0..5 {
        let comparison = compare(&[scattered(seed, 1_000)], &[scattered(seed + 100, 1_000)], 0.02).unwrap();
        shown += usize::from(comparison.was_worse());
    }
    assert!(shown <= 1, "{shown} of 5 comparisons of like with like show a difference");
}

#[test]
fn a_slower_server_is_found_out_either_way_round() {
    let (fast, slow) = (scattered(1, 1_000), scattered(2, 1_200));
    let worse = compare(std::slice::from_ref(&fast), std::slice::from_ref(&slow), 0.02).unwrap();
    assert!(worse.was_worse(), "{}", comparison_text(&worse, ["fast", "slow"]));
    let p50 = &worse.findings[0];
    assert_eq!((p50.name.as_str(), p50.direction), ("p50", Direction::WorseHere));
    let relative = p50.difference.relative();
    assert!((0.1..0.3).contains(&relative), "{relative}");
    let likely = p50.difference.likely;
    assert!(likely.low <= p50.difference.change() && p50.difference.change() <= likely.high, "{likely:?}");
    let better = compare(&[slow], &[fast], 0.02).unwrap();
    assert!(!better.was_worse());
    let text = comparison_text(&better, ["slow", "fast"]);
    assert!(text.contains("✓ better in these runs") && text.contains("fewer than 3 runs"), "{text}");
}

#[test]
fn the_verdict_on_single_runs_is_about_them_alone() {
    for runs in [1, 2] {
        let side = |first: u64, per_mille| {
            (first..first + runs).map(|seed| scattered(seed, per_mille)).collect::<Vec<_>>()
        };
        let comparison = compare(&side(0, 1_000), &side(50, 1_500), 0.02).unwrap();
        assert!(comparison.was_worse() && !comparison.is_regression(), "{comparison:?}");
        assert!(
            comparison.verdict().starts_with("B WAS WORSE IN THESE RUNS ONLY"),
            "{}",
            comparison.verdict()
        );
    }
}

#[test]
fn a_difference_within_the_tolerance_does_not_matter() {
    let comparison = compare(&[scattered(1, 1_000)], &[scattered(1, 1_030)], 0.10).unwrap();
    assert!(!comparison.was_worse(), "{}", comparison_text(&comparison, ["a", "b"]));
}

#[test]
fn errors_that_appear_are_a_regression() {
    let with_errors = record(12, 400, |_, k| Made {
        error: (k % 40 == 0).then_some(ErrorClass::ReadReset),
        ..Made::good(MS)
    });
    let comparison = compare(&[record(12, 400, |_, _| Made::good(MS))], &[with_errors], 0.02).unwrap();
    let errors = comparison.findings.iter().find(|finding| finding.name == "errors").unwrap();
    assert_eq!(errors.direction, Direction::WorseHere);
    assert!((errors.difference.other - 0.025).abs() < 1e-9);
}

#[test]
fn requests_that_were_never_sent_are_errors() {
    let fits = record(12, 400, |_, _| Made::good(MS));
    let unsent = record(12, 400, |_, k| Made { unsent: k % 4 == 0, ..Made::good(MS) });
    assert!((unsent.error_share() - 0.25).abs() < 1e-9);
    let comparison = compare(std::slice::from_ref(&fits), &[unsent], 0.02).unwrap();
    let errors = comparison.findings.iter().find(|finding| finding.name == "errors").unwrap();
    assert!((errors.difference.other - 0.25).abs() < 1e-9, "{errors:?}");
    assert_eq!(errors.direction, Direction::WorseHere);
}

#[test]
fn what_ended_after_the_schedule_is_in_the_errors_too() {
    let fits = record(12, 400, |_, _| Made::good(MS));
    let mut late = record(13, 400, |second, k| Made {
        error: (second == 12 && k < 300).then_some(ErrorClass::CancelledAtEnd),
        unsent: second == 12 && k >= 300,
        ..Made::good(MS)
    });
    // The last row is the grace: its requests were due before.
    late.description.duration_ns -= 1_000 * MS;
    let (row, before) = (12, 11);
    late.series[before].planned += std::mem::take(&mut late.series[row].planned);
    let comparison = compare(std::slice::from_ref(&fits), std::slice::from_ref(&late), 0.02).unwrap();
    let errors = comparison.findings.iter().find(|finding| finding.name == "errors").unwrap();
    assert!((errors.difference.other - late.error_share()).abs() < 1e-9, "{errors:?} {}", late.error_share());
    let rate = comparison.findings.iter().find(|finding| finding.name == "rate").unwrap();
    assert!((rate.difference.other - 400.0).abs() < 1e-6, "{rate:?}");
}

#[test]
fn runs_that_asked_for_something_else_are_refused() {
    let first = scattered(1, 1_000);
    let change = |change: fn(&mut Description)| {
        let mut other = first.clone();
        change(&mut other.description);
        obstacles(&first, &other).join("\n")
    };
    let field = |description: &mut Description| {
        description.request_fields.push(RequestField { name: "X-A".into(), value: "1".into() });
    };
    let found = [
        (change(field), "header of the requests differs:  and X-A: 1"),
        (change(|description| description.targets[0].method = "HEAD".into()), "what is requested"),
        (change(|description| description.targets[0].body_bytes = 5), "body 5 B"),
        (change(|description| description.targets[0].body_sha256 = "ab".repeat(32)), "abab"),
        (change(|description| description.seed = 7), "the seed differs: 0 and 7"),
        (change(|description| description.keep_alive = false), "keep-alive"),
    ];
    for (found, words) in found {
        assert!(found.contains(words), "{words}: {found}");
    }
    for (name, value) in [
        ("expect_status", "200"),
        ("think_time", "10ms"),
        ("requests_per_connection", "5"),
        ("users", "4"),
        ("verify_persistence", "SRV"),
    ] {
        let mut other = first.clone();
        other.description.options.insert(name.into(), value.into());
        assert_eq!(obstacles(&first, &other), [format!("{name} differs: not given and {value}")]);
    }
}

#[test]
fn several_runs_of_a_side_are_drawn_run_by_run() {
    let side =
        |first: u64, per_mille| (first..first + 5).map(|seed| scattered(seed, per_mille)).collect::<Vec<_>>();
    let comparison = compare(&side(0, 1_000), &side(50, 1_150), 0.02).unwrap();
    assert_eq!(comparison.runs, [5, 5]);
    assert!(comparison.is_regression(), "{}", comparison_text(&comparison, ["a", "b"]));
    assert!(!comparison.notes.iter().any(|note| note.contains("fewer than")));
    let p50 = &comparison.findings[0].difference;
    assert!(p50.first > 0.0 && (0.1..0.2).contains(&p50.relative()), "{p50:?}");
}

#[test]
fn errors_of_one_second_are_found_with_any_number_of_runs() {
    let good = |_| record(12, 400, |_, _| Made::good(MS));
    let with_errors = || {
        record(12, 400, |second, k| Made {
            error: (second == 5 && k < 100).then_some(ErrorClass::ReadReset),
            ..Made::good(MS)
        })
    };
    for runs in [1, 5] {
        let first: Vec<_> = (0..runs).map(good).collect();
        let mut other = first.clone();
        other[0] = with_errors();
        let comparison = compare(&first, &other, 0.02).unwrap();
        let errors = comparison.findings.iter().find(|finding| finding.name == "errors").unwrap();
        assert_eq!(errors.direction, Direction::WorseHere, "{errors:?}");
        assert!(comparison.was_worse() && !comparison.is_regression());
        // The other way round they are better here; further runs are not promised.
        let comparison = compare(&other, &first, 0.02).unwrap();
        assert!(
            comparison.verdict().starts_with("B WAS BETTER IN THESE RUNS ONLY"),
            "{}",
            comparison.verdict()
        );
    }
    let all: Vec<_> = (0..3).map(|_| with_errors()).collect();
    let none: Vec<_> = (0..3).map(good).collect();
    assert_eq!(
        compare(&none, &all, 0.02).unwrap().verdict(),
        "B IS WORSE",
        "errors of every run are no chance"
    );
}

#[test]
fn what_hangs_to_the_end_of_the_grace_is_an_error_and_no_improvement() {
    let fits = record(12, 400, |_, _| Made::good(MS));
    let mut hung = fits.clone();
    let count = hung.counts.planned * 15 / 1_000;
    let grace =
        SecondRecord { failed: count, start_ns: 12_000 * MS, end_ns: 12_200 * MS, ..empty_row(&hung) };
    (hung.counts.ok, hung.counts.failed) = (hung.counts.ok - count, count);
    hung.series[11].ok -= count;
    hung.series.push(grace);
    let comparison = compare(std::slice::from_ref(&fits), &[hung], 0.02).unwrap();
    let errors = comparison.findings.iter().find(|finding| finding.name == "errors").unwrap();
    assert_eq!(errors.direction, Direction::WorseHere);
    assert!((errors.difference.other - 0.015).abs() < 1e-9, "{errors:?}");
    assert!(!comparison.verdict().contains("BETTER"), "{}", comparison.verdict());
}

#[test]
fn runs_of_another_shape_or_unfit_for_use_are_refused_with_reasons() {
    let first = scattered(1, 1_000);
    assert_eq!(obstacles(&first, &scattered(2, 1_000)), Vec::<String>::new());
    let mut other = scattered(2, 1_000);
    other.description.targets[0].url = "https://198.51.100.7:8443/".into();
    assert_eq!(obstacles(&first, &other), Vec::<String>::new(), "another address is what it is for");
    other.description.targets[0].url = "http://198.51.100.7/other".into();
    other.description.connections = 9;
    other.description.schedule = "constant 500/s".into();
    other.verdict.name = VerdictName::ClientLimited;
    other.host.cpu_model = "another".into();
    let found = obstacles(&first, &other).join("\n");
    for words in
        ["CLIENT-LIMITED", "connections differs: 8 and 9", "400/s and constant 500/s", "/other", "machine"]
    {
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[test]
fn runs_that_are_too_short_or_empty_say_so() {
    let short = record(3, 10, |_, _| Made::good(MS));
    let short = std::slice::from_ref(&short);
    let error = compare(short, short, 0.02).unwrap_err();
    assert!(error.contains("3 measured seconds"), "{error}");
    let silent = record(8, 10, |_, _| Made { error: Some(ErrorClass::ReadTimeout), ..Made::good(MS) });
    let silent = std::slice::from_ref(&silent);
    let error = compare(silent, silent, 0.02).unwrap_err();
    assert!(error.contains("not one good answer"), "{error}");
    assert!(compare(&[], &[], 0.02).is_err());
}

#[test]
fn a_rare_percentile_is_not_judged() {
    let comparison = compare(&[scattered(1, 1_000)], &[scattered(2, 1_000)], 0.02).unwrap();
    let p9999 = comparison.findings.iter().find(|finding| finding.name == "p99.99").unwrap();
    assert_eq!(p9999.direction, Direction::TooFew);
}
