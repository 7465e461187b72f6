//! `search`: however it ends, its curve is printed, its record written, and its exit code says how.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use torii_loadgen::record::{RunRecord, SearchEnd, read};

use crate::support::{Origin, call, program};

/// The record at a path, and its folder, which has to live as long.
fn json() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("search.json").to_str().unwrap().to_owned();
    (folder, file)
}

/// What holds of every search: its curve is on standard output and in the record.
fn check(file: &str, out: &str) -> RunRecord {
    let record = read(file.as_ref()).unwrap();
    let search = record.search.as_ref().unwrap();
    assert!(!search.reason.is_empty());
    for step in &record.steps {
        assert!(step.offered_per_second > 0.0, "{step:?}");
    }
    let first = out.lines().next().unwrap();
    match search.highest_good_per_second {
        Some(_) => assert!(first.contains("highest rate that keeps the limits: "), "{out}"),
        None => assert!(first.contains("no rate kept the limits"), "{out}"),
    }
    if !record.steps.is_empty() {
        assert!(out.contains("client CPU") && out.contains("offered"), "{out}");
    }
    assert_eq!(out.contains("◀ knee"), search.highest_good_per_second.is_some(), "{out}");
    record
}

#[test]
fn a_search_that_finds_a_rate_says_so_first() {
    let origin = Origin::start(&["--delay", "5ms"]);
    let (_folder, file) = json();
    let limits = ["--p50", "10s", "--max-errors", "100", "--from", "20", "--to", "40", "--json", &file];
    let lengths = ["--step", "500ms", "--warm-up", "0", "-d", "600ms"];
    let (code, out, err) = call(&[&["search", &origin.1][..], &limits, &lengths].concat());
    let record = check(&file, &out);
    let search = record.search.unwrap();
    if search.end == SearchEnd::Found {
        // A busy machine makes a run CLIENT-LIMITED, and says 3.
        assert!(code == 0 || code == 3, "{code} {out} {err}");
        assert!(search.confirmed && search.highest_good_per_second > Some(0.0), "{search:?}");
        assert!(record.steps.iter().any(|step| step.confirms));
    }
}

#[test]
fn a_search_without_a_good_rate_writes_its_record_and_fails() {
    let origin = Origin::start(&["--delay", "60ms"]);
    let (_folder, file) = json();
    let limits = ["--p50", "1ms", "--from", "20", "--to", "40", "--json", &file];
    let lengths = ["--step", "300ms", "--warm-up", "0", "-d", "300ms"];
    let (code, out, err) = call(&[&["search", &origin.1][..], &limits, &lengths].concat());
    let record = check(&file, &out);
    let search = record.search.unwrap();
    assert_eq!(search.highest_good_per_second, None);
    let expected = if search.end == SearchEnd::ClientLimited { 3 } else { 1 };
    assert_eq!(code, expected, "{search:?} {out} {err}");
    assert!(!record.steps.is_empty() && record.steps.iter().all(|step| !step.passed));
}

#[test]
fn a_search_that_the_client_limits_says_so_by_its_exit_code() {
    let origin = Origin::start(&["--delay", "1s"]);
    let (_folder, file) = json();
    // Enough descriptors for the connections, had the program not been started with many that are open.
    let search = format!(
        "ulimit -n 270 && for i in {{10..180}}; do eval \"exec $i</dev/null\"; done && \
         exec {} search {} --from 400 --p50 10s --step 500ms --warm-up 0 -c 200 -t 1 --json {file}",
        program().get_program().to_str().unwrap(),
        origin.1
    );
    let output = Command::new("bash").args(["-c", &search]).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{out} {err}");
    let record = check(&file, &out);
    assert_eq!(record.search.unwrap().end, SearchEnd::ClientLimited);
    assert!(out.starts_with("CLIENT-LIMITED"), "{out}");
}

#[test]
fn an_interrupted_search_tells_what_it_has_found() {
    let origin = Origin::start(&["--delay", "20ms"]);
    let (_folder, file) = json();
    let limits = ["--p50", "10s", "--max-errors", "100", "--from", "10", "--json", &file];
    let lengths = ["--step", "1s", "--warm-up", "0"];
    let mut search = program();
    search.args(["search", &origin.1]).args(limits).args(lengths);
    let mut search = search.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut steps = BufReader::new(search.stderr.take().unwrap()).lines();
    let first = steps.next().unwrap().unwrap();
    let killed = Command::new("kill").args(["-INT", &search.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut out = String::new();
    search.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let code = search.wait().unwrap().code().unwrap();
    let record = check(&file, &out);
    let search = record.search.unwrap();
    match first.ends_with("kept") {
        // A busy machine makes a run CLIENT-LIMITED, and says 3.
        true => {
            assert!((code == 0 || code == 3) && search.highest_good_per_second.is_some(), "{first} {out}")
        }
        // Nothing was good: the machine is very busy.
        false => assert!(code == 1 || code == 3, "{first} {out}"),
    }
    if search.end == SearchEnd::Interrupted {
        assert!(out.contains("the search was interrupted"), "{out}");
    }
}

#[test]
fn a_search_records_what_it_was_asked_and_refuses_what_is_no_number() {
    let origin = Origin::start(&[]);
    let (_folder, file) = json();
    let asked = ["--p50", "10s", "--max-errors", "50", "--from", "20", "--to", "20", "--precision", "7"];
    let lengths = ["--step", "300ms", "--warm-up", "0", "-d", "400ms", "--json", &file];
    call(&[&["search", &origin.1][..], &asked, &lengths].concat());
    let options = read(file.as_ref()).unwrap().description.options;
    for (name, value) in [
        ("limit_p50", "10s"),
        ("limit_errors", "50 %"),
        ("search_from", "20/s"),
        ("search_to", "20/s"),
        ("search_step", "300ms"),
        ("search_confirmation", "400ms"),
        ("search_warm_up", "0ns"),
        ("search_precision", "7 %"),
    ] {
        assert_eq!(options.get(name).map(String::as_str), Some(value), "{name}: {options:?}");
    }
    for option in ["--max-errors", "--precision"] {
        let (code, _, err) = call(&["search", &origin.1, option, "NaN"]);
        assert!(code == 2 && err.contains("write 0 to 100"), "{err}");
    }
}
