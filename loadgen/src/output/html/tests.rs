//! Tests of the report page: whole, self-contained, safe.

#![allow(clippy::unwrap_used)]

use super::chart::{LogScale, linear, seconds_axis};
use super::*;
use crate::measure::{ErrorClass, Totals};
use crate::output::judge;
use crate::record::{Description, GapRecord, RunRecord, StepRecord};
use crate::test_support::{Made, record, sample_record};

const MS: u64 = 1_000_000;

fn judged(mut record: RunRecord) -> RunRecord {
    record.verdict = judge(&record);
    record
}

/// Every tag that is opened is closed, in order; enough of a parser for what is written here.
fn check_nesting(page: &str) {
    let void = ["!DOCTYPE", "meta", "br"];
    let mut open: Vec<&str> = Vec::new();
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    for tag in head.split('<').chain(body.split('<')).filter(|tag| tag.contains('>')) {
        let (inside, _) = tag.split_once('>').unwrap();
        let name = inside.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if inside.ends_with('/') || void.contains(&name) {
            continue;
        }
        if inside.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "…{inside}");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

fn check_page(page: &str) {
    check_nesting(page);
    for word in ["NaN", "inf\"", "infinity", "<script", "http-equiv", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_calm_run_has_every_plot_but_errors() {
    let page = html_report(&judged(sample_record(20, 200, 2 * MS)));
    check_page(&page);
    assert!(page.contains("<span class=\"verdict good\">OK</span>"));
    assert_eq!(page.matches("<svg").count(), 4, "percentiles, heat map, throughput, connections");
    assert!(!page.contains("Errors"));
}

#[test]
fn a_broken_run_shows_its_errors_and_gaps() {
    let mut broken = record(12, 100, |second, k| Made {
        error: (second == 5).then_some(if k % 2 == 0 {
            ErrorClass::ReadTimeout
        } else {
            ErrorClass::Status(503)
        }),
        ..Made::good(2 * MS)
    });
    broken.description.mode = "gap".into();
    broken.gaps.push(GapRecord {
        start_unix_ms: 1_789_000_005_000,
        start_ns: 5_000 * MS,
        length_ns: 1_000 * MS,
        failed: 100,
        failed_by_class: [("read_timeout".to_owned(), 100)].into(),
        to_first_success_ns: Some(990 * MS),
        to_full_rate_ns: Some(1_200 * MS),
        server_before: "web1".into(),
        server_after: "web2".into(),
    });
    broken.longest_gap = broken.gaps.first().cloned();
    let page = html_report(&judged(broken));
    check_page(&page);
    let panel = ["<h2>Failover</h2>", "100 (read_timeout 100)", "<dd>990.0 ms</dd>", "<dd>1.200 s</dd>"];
    let fair = "1 server, answers on each: min";
    for words in
        ["UNSTABLE", "<code>status_503</code>", "web1 → web2", "class=\"error\"", fair].iter().chain(&panel)
    {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_run_of_nothing_and_a_search_have_a_page() {
    let empty = RunRecord::new(Description::default(), std::time::UNIX_EPOCH, &Totals::default(), vec![]);
    check_page(&html_report(&judged(empty)));
    let mut search = sample_record(1, 10, MS);
    search.steps = (0..6u32)
        .map(|step| StepRecord {
            rate_per_second: f64::from(step) * 1e3,
            offered_per_second: f64::from(step) * 1e3,
            achieved_per_second: f64::from(step) * 990.0,
            p50_ns: MS * u64::from(step),
            p99_ns: 3 * MS * u64::from(step * step),
            p999_ns: 0,
            not_ok: 0,
            client_busy_share: 0.1,
            confirms: false,
            passed: step < 4,
            reason: if step < 4 { String::new() } else { "p99 over 30 ms".into() },
        })
        .collect();
    let page = html_report(&judged(search));
    check_page(&page);
    assert_eq!(page.matches("class=\"passed\"").count(), 4);
    assert_eq!(page.matches("◀ knee").count(), 1);
    assert!(page.contains("<b>✓ ◀ knee</b>"), "{page}");
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let mut hostile = sample_record(6, 10, MS);
    let text = "<script>alert('x')</script>\"&\u{1b}";
    hostile.description.schedule = text.into();
    hostile.description.targets[0].url = text.into();
    hostile.description.command_line = vec![text.into()];
    hostile.description.options.insert(text.into(), text.into());
    hostile.host.settings.insert(text.into(), text.into());
    hostile.host.kernel = text.into();
    hostile.servers.insert(text.into(), 5);
    hostile.targets[0].name = text.into();
    hostile.verdict.reasons.push(text.into());
    hostile.series[3].max_ns = u64::MAX;
    hostile.counts.body_bytes = u64::MAX;
    check_page(&html_report(&hostile));
}

#[test]
fn a_long_run_makes_a_page_of_bounded_size() {
    let long = sample_record(300, 30, 2 * MS);
    let page = html_report(&long);
    check_page(&page);
    assert!(page.len() < 700_000, "{}", page.len());
}

#[test]
fn scales_have_round_marks_that_fit() {
    let labels =
        |ticks: Vec<super::chart::Tick>| ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>();
    assert_eq!(
        labels(LogScale::of(130_000, 4_200_000).ticks()),
        ["100 µs", "200 µs", "500 µs", "1 ms", "2 ms", "5 ms"]
    );
    assert!(labels(LogScale::of(0, u64::MAX).ticks()).len() <= 24);
    assert_eq!(labels(LogScale::of(5, 5).ticks()), ["5 ns", "10 ns"]);
    let (top, ticks) = linear(4_700.0, |value| format!("{value}"));
    assert_eq!(
        (top, labels(ticks)),
        (5_000.0, ["0", "1000", "2000", "3000", "4000", "5000"].map(str::to_owned).to_vec())
    );
    for largest in [0.0, f64::NAN, f64::INFINITY, 1e300, 3.0] {
        let (top, ticks) = linear(largest, |value| format!("{value}"));
        assert!(top.is_finite() && top > 0.0 && ticks.len() < 10, "{largest}: {ticks:?}");
    }
    assert_eq!(labels(seconds_axis(20.0)).last().unwrap(), "20 s");
    assert!(seconds_axis(f64::NAN).len() < 15 && seconds_axis(1e30).len() < 15);
}
