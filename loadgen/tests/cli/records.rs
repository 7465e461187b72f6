//! What the files of a run say, and that they agree with each other.

use std::net::TcpListener;

use crate::support::call;

/// The seconds since 1970 behind a word of an interval log's head.
fn seconds_behind(log: &str, word: &str) -> f64 {
    let line = log.lines().find_map(|line| line.strip_prefix(word)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn one_wall_clock_serves_every_output() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, log, lines) = (file("out.json"), file("out.hlog"), file("out.ndjson"));
    let load = ["--every", "20ms", "--longer-than", "100ms", "--duration", "300ms"];
    let outputs = ["--json", &json, "--interval-log", &log, "--ndjson", &lines];
    // Nobody answers: the one gap begins with the run.
    assert_eq!(call(&[&["gap", &url][..], &load, &outputs].concat()).0, 1);
    let record = torii_loadgen::record::read(json.as_ref()).unwrap();
    assert_eq!((record.gaps.len(), record.gaps[0].start_ns), (1, 0));
    assert_eq!(record.gaps[0].start_unix_ms, record.started_unix_ms, "when the first request was due");
    let log = std::fs::read_to_string(log).unwrap();
    for word in ["#[StartTime: ", "#[BaseTime: "] {
        let began_ms = (seconds_behind(&log, word) * 1e3).round() as u64;
        assert_eq!(began_ms, record.started_unix_ms, "{word}");
    }
    let lines = std::fs::read_to_string(lines).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["start_unix_ms"], record.started_unix_ms);
}
