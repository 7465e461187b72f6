//! What a run writes is read back by the tools of others: HdrHistogram's Python package reads the
//! interval log, to the last count, and the files agree with each other.
//!
//! The package is looked for in `target/python-tools` (where `.ci/run` puts it) and beside `python3`.
//! Without it the test says so and passes; with TORII_TEST_REQUIRE_ALL=1 it fails instead.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use torii_loadgen::measure::{
    ErrorClass, Gauges, Kind, Recorder, Sample, Setup, new_total_histogram, percentile, start,
};
use torii_loadgen::output::{OutputArguments, Reporting};
use torii_loadgen::record::{Began, Description, HistogramRecord, TargetDescription, read};

const SECOND: u64 = 1_000_000_000;

/// Sums up a log by tag, as the package reads it: values at percentiles, counts, times, maxima.
const READER: &str = r#"
import json, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
sums, intervals = {}, []
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 2**42 - 1, 3))
while True:
    interval = reader.get_next_interval_histogram()
    if interval is None:
        break
    tag = interval.get_tag()
    intervals.append([tag, interval.get_start_time_stamp(), interval.get_end_time_stamp()])
    sums.setdefault(tag, HdrHistogram(1, 2**42 - 1, 3)).add(interval)
record = json.load(open(sys.argv[2]))
merged = HdrHistogram(1, 2**42 - 1, 3)
merged.decode_and_add(record["histograms"]["response"]["histogram"])
print(json.dumps({
    "of_record": merged.get_total_count(),
    "start": reader.get_start_time_sec(),
    "intervals": intervals,
    "sums": {tag: {
        "count": sum.get_total_count(),
        "p50": sum.get_value_at_percentile(50),
        "p99": sum.get_value_at_percentile(99),
        "p99.9": sum.get_value_at_percentile(99.9),
        "max": sum.get_max_value(),
    } for tag, sum in sums.items()},
}))
"#;

/// A Python that has the package, or `None` after saying why not.
fn python() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-tools/bin/python");
    let has_package = |python: &PathBuf| {
        let asked = Command::new(python).args(["-c", "import hdrh.log"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    let found = [tools, "python3".into()].into_iter().find(has_package);
    if found.is_none() {
        let message = "no Python with the package hdrhistogram (pip install hdrhistogram): not checked";
        let required = std::env::var_os("TORII_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{message}");
        eprintln!("skipped: {message}");
    }
    found
}

/// Tells one second of 500 requests with times from 1 µs to 40 s, some of them failing.
fn tell_second(recorder: &mut Recorder, second: u64) {
    for k in 0..500 {
        let planned_ns = second * SECOND + k * SECOND / 500;
        recorder.planned(planned_ns, planned_ns + k * 10);
        recorder.offered(planned_ns);
        let service_ns = 1_000 * (1 << (k % 25)) + second * 777;
        let finished_ns = planned_ns + k * 1_000 + service_ns;
        if k % 100 == 99 {
            recorder.failed(ErrorClass::ReadTimeout, 0, planned_ns, finished_ns, || "no answer".into());
            continue;
        }
        recorder.completed(&Sample {
            planned_ns,
            written_ns: planned_ns + k * 1_000,
            first_byte_ns: planned_ns + k * 1_000 + service_ns / 2,
            finished_ns,
            status: 200,
            body_bytes: 10,
            target: 0,
            server: None,
        });
    }
}

fn description() -> Description {
    Description {
        mode: "run".into(),
        open_loop: true,
        schedule: "constant 500/s".into(),
        rate_per_second: Some(500.0),
        duration_ns: 5 * SECOND,
        targets: vec![TargetDescription {
            method: "GET".into(),
            url: "http://192.0.2.1/".into(),
            weight: 1,
            ..TargetDescription::default()
        }],
        ..Description::default()
    }
}

/// Makes a run of five seconds and writes every file of it.
fn run_into(folder: &Path) -> OutputArguments {
    let file = |name: &str| folder.join(name);
    let arguments = OutputArguments {
        json: Some(file("run.json")),
        hgrm: vec![
            file("response.hgrm").to_str().unwrap().parse().unwrap(),
            format!("service:{}", file("service.hgrm").display()).parse().unwrap(),
        ],
        interval_log: Some(file("run.hlog")),
        ndjson: Some(file("run.ndjson")),
        html: Some(file("run.html")),
        quiet: true,
        ..OutputArguments::default()
    };
    let mut reporting = Reporting::open(&arguments, &description(), Began::default()).unwrap();
    let (collector, mut recorders) = start(Setup { duration_ns: 5 * SECOND, ..Setup::default() });
    let mut recorder = recorders.remove(0);
    let engine = std::thread::spawn(move || {
        for second in 0..5 {
            tell_second(&mut recorder, second);
            recorder.roll((second + 1) * SECOND, Gauges::default());
        }
        recorder.finish(5 * SECOND, Gauges::default());
    });
    let totals = collector.collect(&mut reporting);
    engine.join().unwrap();
    let record = reporting.record(description(), None, &totals);
    reporting.publish(&record).unwrap();
    arguments
}

#[test]
fn the_interval_log_is_read_back_by_hdrhistograms_python_package() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let arguments = run_into(folder.path());
    let log = arguments.interval_log.unwrap();
    let output = Command::new(python)
        .args(["-c", READER])
        .arg(&log)
        .arg(arguments.json.as_ref().unwrap())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let record = read(arguments.json.as_deref().unwrap()).unwrap();
    for kind in [Kind::Response, Kind::Service, Kind::FirstByte, Kind::SendLag, Kind::Failed] {
        let ours = record.histogram(kind);
        let theirs = &seen["sums"][kind.label()];
        assert_eq!(theirs["count"], ours.count, "{kind:?}: {seen}");
        for (name, value) in [("p50", "50"), ("p99", "99"), ("p99.9", "99.9")] {
            assert_eq!(theirs[name], ours.percentile_ns(value), "{kind:?} {name}");
        }
        assert_eq!(theirs["max"], ours.max_ns, "{kind:?}");
    }
    assert_eq!(record.histogram(Kind::Response).count, 5 * 495);
    assert_eq!(seen["of_record"], 5 * 495, "the record's histogram is one of HdrHistogram's too");
    assert_eq!(seen["start"], record.started_unix_ms as f64 / 1e3);
    let first = &seen["intervals"][0];
    assert_eq!(first[1].as_f64().unwrap().round(), record.started_unix_ms as f64, "milliseconds since 1970");
}

/// Values at percentiles of histograms in a list, as the package finds them.
const PERCENTILES_READER: &str = r#"
import json, sys
from hdrh.histogram import HdrHistogram
for text in json.load(sys.stdin):
    histogram = HdrHistogram.decode(text)
    print(*[histogram.get_value_at_percentile(p) for p in (50, 90, 99, 99.9)])
"#;

#[test]
fn percentiles_are_those_of_hdrhistograms_python_package_to_the_rank() {
    let Some(python) = python() else { return };
    // Counts of which every percentile asked for is a whole rank, and each value a slot of its own.
    let histogram = |count: u64| {
        let mut histogram = new_total_histogram();
        let mut value = 1_000;
        for _ in 0..count {
            histogram.saturating_record(value);
            value = histogram.next_non_equivalent(value);
        }
        histogram
    };
    let histograms = [1_000, 2_000, 20_000].map(histogram);
    let texts: Vec<serde_json::Value> = histograms
        .iter()
        .map(|histogram| serde_json::to_value(HistogramRecord::new(histogram)).unwrap()["histogram"].take())
        .collect();
    let mut child = Command::new(python)
        .args(["-c", PERCENTILES_READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(serde_json::Value::from(texts).to_string().as_bytes()).unwrap();
    drop(input);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let theirs: Vec<Vec<u64>> =
        output.lines().map(|line| line.split(' ').map(|value| value.parse().unwrap()).collect()).collect();
    let ours: Vec<Vec<u64>> = histograms
        .iter()
        .map(|histogram| [50.0, 90.0, 99.0, 99.9].map(|percent| percentile(histogram, percent)).to_vec())
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn every_file_of_a_run_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = run_into(folder.path());
    let record = read(arguments.json.as_deref().unwrap()).unwrap();
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let total = |hgrm: String| {
        let line = hgrm
            .lines()
            .find_map(|line| line.split_once("Total count    =")?.1.strip_suffix(']').map(str::to_owned));
        line.unwrap().trim().parse::<u64>().unwrap()
    };
    assert_eq!(total(text("response.hgrm")), record.counts.ok);
    assert_eq!(total(text("service.hgrm")), record.counts.ok);
    let lines = text("run.ndjson");
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row["ok"].as_u64().unwrap()).sum::<u64>(), record.counts.ok);
    assert_eq!(record.series.iter().map(|row| row.ok).sum::<u64>(), record.counts.ok);
    assert!(text("run.html").contains("read_timeout"));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 6, "nothing else is left in the folder");
}

/// Runs the program; gives its exit code, its output and its errors.
fn program(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_torii-loadgen")).args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_recorded_run_is_reported_again_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    run_into(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let run = path("run.json");

    let (code, table, errors) =
        program(&["report", &run, "-o", &path("again.html"), "--hgrm", &path("again.hgrm")]);
    assert_eq!((code, errors.as_str()), (0, ""), "{table}");
    let headline = table.lines().next().unwrap();
    assert!(headline.starts_with("TARGET-SATURATED  500/s planned,"), "{headline}");
    assert!(table.contains("25 read_timeout"), "{table}");
    let same =
        |left: &str, right: &str| std::fs::read(path(left)).unwrap() == std::fs::read(path(right)).unwrap();
    assert!(same("again.html", "run.html") && same("again.hgrm", "response.hgrm"));

    let (code, table, _) = program(&["report", &run, "--fail-if", "errors>0", "--fail-if", "p50>1h"]);
    assert_eq!((code, table.as_str()), (2, ""), "1h is no time of a condition");
    let (code, table, _) = program(&["report", &run, "--fail-if", "errors>0"]);
    assert_eq!(code, 1, "{table}");

    let (code, verdict, errors) = program(&["compare", &run, &run]);
    assert_eq!((code, errors.as_str()), (0, ""), "{verdict}");
    assert!(verdict.starts_with("NO DIFFERENCE SHOWN\n"), "{verdict}");
}

#[test]
fn files_that_are_no_records_end_with_code_2_and_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.json");
    let path = bad.to_str().unwrap();
    for (content, words) in
        [("", "EOF"), ("{\"format\":1}", "invalid type"), ("[1]", "not the record of a run")]
    {
        std::fs::write(&bad, content).unwrap();
        for mode in [&["report", path][..], &["compare", path, path]] {
            let (code, output, errors) = program(mode);
            assert_eq!((code, output.as_str()), (2, ""), "{errors}");
            assert!(errors.contains(words) && errors.lines().count() == 1, "{errors}");
        }
    }
    let (code, _, errors) = program(&["report", "/nonexistent/run.json"]);
    assert_eq!(code, 2);
    assert!(errors.contains("/nonexistent/run.json: No such file"), "{errors}");
    let (code, _, errors) = program(&["compare", ",", ","]);
    assert!(code == 2 && errors.contains("1 to 50 records"), "{errors}");
}
