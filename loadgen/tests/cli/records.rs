//! What the files of a run say, and that they agree with each other.

use std::net::TcpListener;

use crate::support::{Origin, call, is_answered};

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

#[test]
fn compare_refuses_runs_that_asked_for_something_else_and_no_secret_is_kept() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let body = file("body.txt");
    std::fs::write(&body, "hello").unwrap();
    let record = |name: &str, more: &[&str]| {
        let json = file(name);
        let load = ["--rate", "50", "--duration", "200ms", "--threads", "1", "--json", &json];
        let (code, out, err) = call(&[&["run", &origin.1], &load[..], more].concat());
        assert!(is_answered(code), "{out} {err}");
        json
    };
    let plain = record("plain.json", &[]);
    let refused = |other: &str, words: &str| {
        let (code, _, err) = call(&["compare", &plain, other]);
        assert!(code == 2 && err.contains(words), "{words}: {code} {err}");
    };
    let secret = "Bearer a-very-secret-thing";
    let with_secret = record("secret.json", &["-H", &format!("Authorization: {secret}")]);
    refused(&with_secret, "header of the requests differs");
    let text = std::fs::read_to_string(&with_secret).unwrap();
    assert!(!text.contains("a-very-secret-thing") && text.contains("Authorization: sha256:"), "{text}");
    refused(&record("body.json", &["--body-file", &body]), "SHA-256 2cf24dba");
    refused(&record("expect.json", &["--expect-status", "2xx"]), "expect_status differs");
    refused(&record("poisson.json", &["--arrivals", "poisson", "--seed", "9"]), "the seed differs");
    refused(&record("users.json", &["--cookies", "--users", "3"]), "users differs");
    refused(&record("short.json", &["--requests-per-connection", "4"]), "requests_per_connection differs");

    let record = torii_loadgen::record::read(file("body.json").as_ref()).unwrap();
    let input = &record.description.inputs[0];
    assert_eq!((input.option.as_str(), input.path.as_str(), input.bytes), ("--body-file", body.as_str(), 5));
    assert_eq!(input.sha256, record.description.targets[0].body_sha256);
}

#[test]
fn a_record_holds_what_a_second_run_would_need() {
    let origin = Origin::start(&["--tls"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, authorities) = (file("out.json"), file("ca.pem"));
    std::fs::write(&authorities, rcgen_authority()).unwrap();
    let load = ["-r", "50", "-d", "200ms", "-t", "2", "--arrivals", "poisson", "--seed", "5"];
    let more = ["--cacert", &authorities, "--json", &json];
    // Nobody vouches for the origin's certificate: what is recorded does not depend on answers.
    let (code, out, err) = call(&[&["run", &origin.1][..], &load, &more].concat());
    assert_eq!(code, 1, "{out} {err}");
    let text = std::fs::read_to_string(&json).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let description = &record["description"];
    assert_eq!(description["seed"], 5);
    assert_eq!(description["resolved"][0], origin.1.trim_start_matches("https://").trim_end_matches('/'));
    let input = &description["inputs"][0];
    assert_eq!((&input["option"], &input["path"]), (&"--cacert".into(), &authorities.as_str().into()));
    assert_eq!(input["sha256"].as_str().unwrap().len(), 64);
    assert!(record["histograms"]["failed"]["percentiles_ns"]["99.999"].is_u64());
    for times in ["user_ns", "system_ns", "voluntary_switches", "involuntary_switches"] {
        let threads = record["client"][format!("threads_{times}")].as_array().unwrap();
        assert_eq!(threads.len(), 2, "{times}");
    }
    let host = &record["host"];
    for fact in ["kernel", "cpu_model", "governor", "smt", "load_average"] {
        assert!(host[fact].is_string(), "{fact}");
    }
    assert!(host["steal_share"].is_number() && host["virtual_machine"].is_boolean());
    for setting in ["net.core.somaxconn", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_congestion_control"] {
        assert!(host["settings"][setting].is_string(), "{setting}: {host}");
    }
}

/// Some authority's certificate.
fn rcgen_authority() -> String {
    rcgen::generate_simple_self_signed(["authority.example".to_owned()]).unwrap().cert.pem()
}

#[test]
fn a_failover_has_a_panel() {
    let origin = Origin::start(&["--name", "web1", "--stall-every", "700ms", "--stall-for", "300ms"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, page) = (file("out.json"), file("out.html"));
    let gap = ["--every", "20ms", "--longer-than", "150ms", "--duration", "1500ms"];
    let (_, out, err) = call(&[&["gap", &origin.1, "--json", &json, "--html", &page][..], &gap].concat());
    let record = torii_loadgen::record::read(json.as_ref()).unwrap();
    let longest = record.longest_gap.unwrap();
    assert!(longest.length_ns >= 150_000_000 && record.gaps.contains(&longest), "{longest:?} {err}");
    assert!(longest.start_unix_ms >= record.started_unix_ms);
    for words in
        ["failover\n  longest gap", "first good answer", "full rate", "answered before", "failed in it"]
    {
        assert!(out.contains(words), "{words}: {out}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h2>Failover</h2>") && page.contains("answered after"), "{page}");
}

#[test]
fn a_replay_sends_at_the_times_of_its_file() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (times, json) = (file("times.txt"), file("out.json"));
    std::fs::write(&times, "# recorded\n0\n0.1\n0.1\n0.25\n0.3\n").unwrap();
    let replay = ["run", &origin.1, "--replay", &times];
    let (code, out, err) = call(&[&replay[..], &["-t", "2", "--json", &json]].concat());
    assert!(is_answered(code), "{out} {err}");
    let record = torii_loadgen::record::read(json.as_ref()).unwrap();
    assert_eq!((record.counts.planned, record.counts.offered, record.counts.ok), (5, 5, 5));
    assert!(record.description.schedule.starts_with("replay of 5 requests (SHA-256 "));
    assert_eq!(record.description.inputs[0].option, "--replay");
    assert_eq!(call(&[&replay[..], &["--rate", "5"]].concat()).0, 2);
    assert_eq!(call(&[&replay[..], &["--warm-up", "1s"]].concat()).0, 2, "nothing is left");
    std::fs::write(&times, "0\n2\n1\n").unwrap();
    let (code, _, err) = call(&replay);
    assert!(code == 2 && err.contains("line 3: earlier"), "{err}");
}

#[test]
fn each_step_of_a_schedule_has_its_row_everywhere() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, page) = (file("out.json"), file("out.html"));
    let steps = ["--steps", "20x2s,80x2s,40x500ms", "--json", &json, "--html", &page];
    let (code, out, err) = call(&[&["run", &origin.1][..], &steps].concat());
    assert!(is_answered(code), "{out} {err}");
    let record = torii_loadgen::record::read(json.as_ref()).unwrap();
    let rates: Vec<_> = record.rate_steps.iter().map(|step| step.rate_per_second).collect();
    assert_eq!(rates, [20.0, 80.0, 40.0]);
    assert!(record.rate_steps[1].seconds.is_some() && record.rate_steps[2].seconds.is_none());
    assert!(out.contains("\nsteps\n") && out.contains("        80/s         2 s"), "{out}");
    assert!(out.contains("shorter than two seconds"), "{out}");
    assert!(std::fs::read_to_string(page).unwrap().contains("<h2>Steps</h2>"));
    let (code, table, _) = call(&["report", &json]);
    assert!(is_answered(code) && table.contains("        80/s         2 s"), "{table}");
    let (code, table, err) = call(&["report", &json, "--fail-if", "gap>1s"]);
    assert!(code == 2 && table.is_empty() && err.contains("only the mode gap"), "{err}");
}
