//! Tests of outputs: what is printed and written for runs of every sort.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::measure::{Check, ErrorClass, Kind, Totals};
use crate::record::{Description, GapRecord, RunRecord, VerdictName};
use crate::test_support::{Made, SECOND, measured, record, sample_record};

const MS: u64 = 1_000_000;

/// The same record, judged.
fn judged(mut record: RunRecord) -> RunRecord {
    record.verdict = judge(&record);
    record
}

fn empty_record() -> RunRecord {
    judged(RunRecord::new(Description::default(), std::time::UNIX_EPOCH, &Totals::default(), vec![]))
}

/// One second of stall each ten, at 100 requests a second: each waits for the stall's end.
fn stalled() -> RunRecord {
    judged(record(20, 100, |second, k| match second % 10 {
        5 => Made { wait_ns: SECOND - k * SECOND / 100, ..Made::good(2 * MS) },
        _ => Made::good(2 * MS),
    }))
}

#[test]
fn a_calm_run_is_ok() {
    let record = judged(sample_record(20, 1_000, 2 * MS));
    assert_eq!(record.verdict.name, VerdictName::Ok, "{:?}", record.verdict);
    let text = table(&record, &[], false);
    assert!(text.starts_with("OK  1,000/s planned, 999.9/s answered, 100 % good; response p50 2."), "{text}");
    assert!(text.contains("Response and service time agree"), "{text}");
    assert!(text.contains("server        web1"), "{text}");
    assert!(
        text.contains("fairness      2 servers, answers on each: min 10,000, median 10,000, max 10,000"),
        "{text}"
    );
    assert!(text.contains("fairness      1 connection, answers on each: min 20,000"), "{text}");
    assert!(text.contains("20,000 planned = 20,000 offered + 0 never sent"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 140 && !line.ends_with(' ')));
}

#[test]
fn a_run_of_nothing_fails_without_a_nan() {
    let record = empty_record();
    assert_eq!(record.verdict.name, VerdictName::Failed);
    let text = table(&record, &[], true);
    assert!(text.contains("Nothing was answered"), "{text}");
    for word in ["NaN", "inf ", "inf,"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn a_late_client_may_not_be_believed() {
    let mut late = sample_record(5, 100, MS);
    late.client.busy_share = 0.97;
    let late = judged(late);
    assert_eq!(late.verdict.name, VerdictName::ClientLimited);
    assert!(table(&late, &[], false).starts_with("CLIENT-LIMITED – do not use these numbers  "));
    let mut shut_out = sample_record(5, 100, MS);
    (shut_out.client.busy_share, shut_out.client.occupied_share) = (0.5, 0.97);
    let shut_out = judged(shut_out);
    assert_eq!(shut_out.verdict.name, VerdictName::ClientLimited);
    assert!(shut_out.verdict.reasons[0].contains("no core for 47 %"), "{:?}", shut_out.verdict.reasons);
    let ports = judged(record(5, 100, |_, k| Made {
        error: (k == 3).then_some(ErrorClass::AddrInUse),
        ..Made::good(MS)
    }));
    assert_eq!(ports.verdict.name, VerdictName::ClientLimited);
    assert_eq!(exit_code(&ports, true), 3);
}

#[test]
fn a_few_late_requests_do_not_condemn_a_short_run_and_many_do() {
    let late = |rate: u64, late: u64| {
        judged(record(1, rate, move |_, k| Made {
            lag_ns: if k < late { 314_000 } else { 5_000 },
            ..Made::good(MS)
        }))
    };
    for (rate, few) in [(10, 1), (10, 4), (100, 9), (2_000, 20)] {
        let run = late(rate, few);
        assert_eq!(run.verdict.name, VerdictName::Ok, "{few} of {rate}: {:?}", run.verdict.reasons);
        let is_told = run.verdict.notes.iter().any(|note| note.contains("too few to say"));
        assert_eq!(is_told, few * 100 > rate, "{few} of {rate}: {:?}", run.verdict.notes);
    }
    for (rate, many) in [(1, 1), (3, 3), (10, 5), (100, 10), (2_000, 21)] {
        let run = late(rate, many);
        assert_eq!(run.verdict.name, VerdictName::ClientLimited, "{many} of {rate}");
        assert!(run.verdict.reasons[0].contains("send lag"), "{:?}", run.verdict.reasons);
    }
    // Who looks for gaps bears as much as lies between two requests.
    let mut gap = late(10, 10);
    gap.description.mode = "gap".into();
    assert_eq!(judged(gap).verdict.name, VerdictName::Ok);
}

#[test]
fn a_stall_makes_a_run_unstable_and_is_explained() {
    let record = stalled();
    assert_eq!(record.verdict.name, VerdictName::Unstable);
    assert!(
        record.verdict.reasons[0].starts_with("in 2 of 20 seconds the 99th percentile"),
        "{:?}",
        record.verdict
    );
    let text = table(&record, &[], false);
    assert!(text.contains("coordinated omission"), "{text}");
    assert!(text.contains("The largest part was waiting for a free connection"), "{text}");
    let service = record.histogram(Kind::Service);
    assert!(service.max_ns < 3 * MS && record.histogram(Kind::Response).max_ns > 990 * MS);
    let failing = judged(crate::test_support::record(20, 100, |second, _| Made {
        error: (second == 7).then_some(ErrorClass::ReadTimeout),
        ..Made::good(MS)
    }));
    assert_eq!(failing.verdict.name, VerdictName::Unstable);
    assert!(
        failing.verdict.reasons.iter().any(|reason| reason.contains("first at 7 s: 0 of 100")),
        "{failing:?}"
    );
}

#[test]
fn a_target_that_falls_behind_is_saturated() {
    let record = judged(record(20, 100, |second, k| Made {
        wait_ns: (second * 100 + k) * 5 * MS,
        ..Made::good(2 * MS)
    }));
    assert_eq!(record.verdict.name, VerdictName::TargetSaturated, "{:?}", record.verdict);
    assert_eq!(exit_code(&record, false), 0);
}

#[test]
fn broken_expectations_fail_a_run() {
    for class in [ErrorClass::WrongServer, ErrorClass::CheckFailed(Check::Body)] {
        let one = judged(record(5, 100, move |second, k| Made {
            error: (second == 1 && k == 1).then_some(class),
            ..Made::good(MS)
        }));
        assert_eq!(one.verdict.name, VerdictName::Failed, "{class:?}");
        assert_eq!(exit_code(&one, false), 1);
    }
}

#[test]
fn conditions_are_read_and_checked() {
    let record = judged(record(10, 100, |second, k| Made {
        error: (second == 1 && k < 2).then_some(ErrorClass::ReadReset),
        ..Made::good(2 * MS)
    }));
    for (text, broken) in [
        ("p99.9>5ms", false),
        ("p99.9 > 1ms", true),
        ("max>=2000us", true),
        ("mean<1ms", false),
        ("service.p50<=2.1ms", true),
        ("send_lag.p99.9>1us", true),
        ("all.min<0ns", false),
        ("tls.p50>1h", true),
        ("errors>0", true),
        ("errors==2", true),
        ("read_reset!=2", false),
        ("read_timeout>0", false),
        ("error_rate>0.1%", true),
        ("error_rate>0.2%", false),
        ("rate<99/s", false),
        ("rate<99.9", true),
        ("unsent>0", false),
        ("connect.p50>1ms", false),
        ("tls.p50>1ms", true),
    ] {
        match text.parse::<Condition>() {
            Ok(condition) => {
                let outcome = condition.check(&record);
                assert_eq!(outcome.broken, broken, "{}", outcome.explanation);
            }
            Err(error) => assert!(text.contains("1h"), "{text}: {error}"),
        }
    }
    let refused =
        ["", "p99", "p101>1ms", "p99>5", "p99>ms", "errors>1ms", "error_rate>1", "x>1", "p99=5ms", "pNaN>1s"];
    for text in refused {
        let error = text.parse::<Condition>().unwrap_err().to_string();
        assert!(!error.is_empty(), "{text}");
    }
}

#[test]
fn hostile_text_reaches_no_terminal() {
    let mut record = sample_record(2, 10, MS);
    record.description.schedule = "\x1b[2Jconstant".into();
    record.description.targets[0].url = format!("http://x/{}\r\n\u{202e}", "a".repeat(1_000));
    record.servers.insert("\x07bell".into(), u64::MAX);
    record.gaps.push(GapRecord {
        start_unix_ms: u64::MAX,
        start_ns: u64::MAX,
        length_ns: u64::MAX,
        failed: u64::MAX,
        failed_by_class: [("\x1b]0;title\x07".to_owned(), u64::MAX)].into(),
        to_first_success_ns: Some(u64::MAX),
        to_full_rate_ns: None,
        server_before: "\x1b".into(),
        server_after: String::new(),
    });
    record.longest_gap = record.gaps.first().cloned();
    record.description.mode = "gap".into();
    let text = table(&record, &[], false);
    let hidden = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
    assert!(!text.contains(hidden), "{text:?}");
}

#[test]
fn hgrm_has_the_four_columns_of_the_plotter() {
    let record = sample_record(10, 1_000, 2 * MS);
    for histogram in [&record.histograms["response"], &record.histograms["tls"]] {
        let mut text = Vec::new();
        write_hgrm(&histogram.histogram.histogram(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        // The plotter: trim, leave out '#', split at one or more spaces, keep rows of four columns.
        let rows: Vec<Vec<f64>> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(' ').filter(|cell| !cell.is_empty()).collect::<Vec<_>>())
            .filter(|cells| cells.len() == 4 && cells[0] != "Value")
            .map(|cells| cells.iter().map(|cell| cell.parse().unwrap()).collect())
            .collect();
        assert_eq!(rows.is_empty(), histogram.is_empty());
        assert!(!text.contains('\t') && !text.contains("NaN"), "{text}");
        assert!(rows.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][3] <= pair[1][3]), "{text}");
        for row in &rows {
            assert!((1.0 / (1.0 - row[1]) - row[3]).abs() / row[3] < 0.01, "{row:?}");
        }
        if let Some(last) = rows.last() {
            assert!((last[0] - histogram.max_ns as f64 / 1e6).abs() < 0.01, "{last:?}");
            assert!(text.contains("Total count    =        10000]"), "{text}");
        }
    }
}

#[test]
fn the_interval_log_is_read_back_by_the_library() {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    struct Log(IntervalLog<Vec<u8>>, Vec<u8>);
    impl crate::measure::SecondSink for Log {
        fn second(&mut self, second: &crate::measure::Second) {
            self.0.write(second).unwrap();
        }
    }
    let mut log = Log(IntervalLog::start(Vec::new(), 1_789_000_000_250).unwrap(), Vec::new());
    measured(5, 100, &mut log, |_, _| Made::good(2 * MS));
    log.1 = log.0.into_inner();
    let sum = |bytes: &[u8]| {
        let mut sum = crate::measure::new_total_histogram();
        let (mut intervals, mut base) = (0, None);
        for entry in IntervalLogIterator::new(bytes) {
            match entry.unwrap() {
                LogEntry::BaseTime(time) => base = Some(time.as_secs_f64()),
                LogEntry::Interval(interval) if interval.tag().unwrap().as_str() == "response" => {
                    intervals += 1;
                    assert!((interval.max() - 2.01).abs() < 0.01, "max in ms: {}", interval.max());
                    sum.add(crate::record::Blob::parse(interval.encoded_histogram()).unwrap().histogram())
                        .unwrap();
                }
                _ => {}
            }
        }
        (intervals, base, sum.len())
    };
    assert_eq!(sum(&log.1), (5, Some(1_789_000_000.25), 500));
    let record = sample_record(5, 100, 2 * MS);
    let mut text = Vec::new();
    write_series(&record, &mut text).unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap().lines().filter(|line| line.starts_with("Tag=service,")).count(),
        5
    );
}

#[test]
fn each_second_is_one_line_of_json() {
    struct Lines(SecondLines<Vec<u8>>);
    impl crate::measure::SecondSink for Lines {
        fn second(&mut self, second: &crate::measure::Second) {
            self.0.write(second, 1_789_000_000_250).unwrap();
        }
    }
    let mut lines = Lines(SecondLines::new(Vec::new()));
    measured(3, 10, &mut lines, |second, _| Made {
        error: (second == 2).then_some(ErrorClass::ReadReset),
        ..Made::good(2 * MS)
    });
    let text = String::from_utf8(lines.0.into_inner()).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["ok"], 10);
    assert_eq!(rows[2]["start_unix_ms"], 1_789_000_002_250_u64);
    assert_eq!(rows[2]["errors"]["read_reset"], 10);
    assert_eq!(rows[2]["response_ns"]["p99"], 0);
}

#[test]
fn the_display_draws_in_place_on_a_terminal_and_in_lines_elsewhere() {
    struct Display(Live<Vec<u8>>);
    impl crate::measure::SecondSink for Display {
        fn second(&mut self, second: &crate::measure::Second) {
            self.0.show(second);
        }
    }
    let shown_on = |style, columns| {
        let mut display = Display(Live::new(Vec::new(), style, 4 * SECOND, 0, columns));
        measured(4, 100, &mut display, |second, _| Made {
            error: (second == 1).then_some(ErrorClass::ReadReset),
            ..Made::good(2 * MS)
        });
        display.0.clear();
        String::from_utf8(display.0.into_inner()).unwrap()
    };
    let shown = |style| shown_on(style, || 80);
    let lines = shown(LiveStyle::Lines);
    assert_eq!(lines.lines().count(), 4);
    assert!(!lines.contains('\x1b'), "{lines:?}");
    assert!(lines.contains("     4 s  offered      100/s  answered      100/s"), "{lines}");
    assert!(lines.lines().nth(1).unwrap().contains("p99         –"), "{lines}");
    let panel = shown(LiveStyle::Terminal);
    assert_eq!(panel.matches("\x1b[5A").count(), 4, "three times over itself, once away: {panel:?}");
    assert!(panel.lines().all(|line| line.chars().count() < 80), "{panel}");
    let narrow = shown_on(LiveStyle::Terminal, || 30);
    assert_eq!(narrow.matches("\x1b[9A").count(), 4, "no line wraps: {narrow:?}");
    assert!(narrow.contains("running 4 s of 4 s") && narrow.contains("errors 100"), "{narrow}");
    let visible = |line: &str| line.rsplit("\x1b[J").next().unwrap().chars().count();
    assert!(narrow.lines().all(|line| visible(line) <= 30), "{narrow}");
    // A terminal that is made narrower wraps what was drawn; all of it is erased.
    thread_local!(static ASKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
    let shrinking = shown_on(LiveStyle::Terminal, || match ASKED.replace(ASKED.get() + 1) {
        0..=3 => 40,
        _ => 20,
    });
    assert!(shrinking.contains("\x1b[13A"), "{shrinking:?}");
    for (terminal, draws) in [(Some("xterm"), true), (Some("dumb"), false), (Some(""), false), (None, false)]
    {
        assert_eq!(live::can_draw(terminal), draws, "{terminal:?}");
    }
}

#[test]
fn the_small_chart_shows_a_pause_and_what_lies_beside_it() {
    assert_eq!(live::sparkline(&[100, 105, 0, 200, 1_000, 100_000]), "▁▁ ▂▃█");
    assert_eq!(live::sparkline(&[]), "");
    assert_eq!(live::sparkline(&[u64::MAX, 1]), "█▁");
}

#[test]
fn a_damaged_record_is_refused_or_shown_and_never_stops_the_program() {
    let whole = serde_json::to_vec(&stalled()).unwrap();
    let mut random = crate::schedule::Random::new(11);
    let mut shown = 0;
    for _ in 0..100 {
        let mut bytes = whole.clone();
        for _ in 0..=random.next_u64() % 2 {
            let place = (random.next_u64() % bytes.len() as u64) as usize;
            match random.next_u64() % 3 {
                // Digits become other digits: numbers that cannot be rather than text that is not JSON.
                0 => bytes[place] = b'9',
                1 => {
                    drop(bytes.drain(place..place + (random.next_u64() % 3) as usize % (bytes.len() - place)))
                }
                _ => bytes.splice(place..place, *b"99").for_each(drop),
            }
        }
        let Ok(record) = crate::record::from_bytes(&bytes) else { continue };
        shown += 1;
        let record = judged(record);
        for text in [table(&record, &[], false), html_report(&record)] {
            assert!(!text.contains("NaN"), "{text}");
        }
        write_series(&record, &mut Vec::new()).unwrap();
        if shown % 8 == 1 {
            let record = std::slice::from_ref(&record);
            // Whether it can be compared is not the question.
            let _ = crate::compare::compare(record, record, 0.02);
        }
    }
    assert!(shown > 0, "some of them are still records");
}

#[test]
fn numbers_read_well_at_every_size() {
    let times = [
        (0, "0"),
        (999, "999 ns"),
        (1_234, "1.234 µs"),
        (12_345_678, "12.35 ms"),
        (999_999_999, "1000 ms"),
        (61_200_000_000, "61.20 s"),
        (u64::MAX, "18446744074 s"),
    ];
    for (ns, text) in times {
        assert_eq!(duration(ns), text);
    }
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!(rate(4_999.84), "4,999.8/s");
    assert_eq!(
        (rate(f64::NAN), rate(f64::INFINITY), rate(30_000.04)),
        ("0/s".into(), "0/s".into(), "30,000/s".into())
    );
    assert_eq!(
        (share(1.0), share(0.999_999_9), share(0.0)),
        ("100 %".into(), "> 99.999 %".into(), "0 %".into())
    );
    assert_eq!(
        (share(0.000_000_1), share(f64::NAN), share(0.1234)),
        ("< 0.001 %".into(), "0 %".into(), "12.34 %".into())
    );
    assert_eq!(duration_in_words(1_500 * MS), "1.5 s");
    assert!(wall_clock(u64::MAX).starts_with("9999") || wall_clock(u64::MAX).starts_with("10000"));
}
