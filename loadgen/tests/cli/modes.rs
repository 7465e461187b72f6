//! The modes: what each does, and its exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Origin, call, is_answered, program};

#[test]
fn run_writes_its_record_and_tells_its_result() {
    let origin = Origin::start(&["--name", "web1", "--cookie", "SRV"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let file = file.to_str().unwrap();
    let more = ["--rate", "200", "--duration", "500ms", "--connections", "20", "--json", file];
    let persistence = ["--users", "4", "--verify-persistence", "SRV", "--expect-header", "X-Origin: web1"];
    let (code, out, err) = call(&[&["run", &origin.1][..], &more, &persistence].concat());
    assert!(is_answered(code), "{code} {out} {err}");
    let record = torii_loadgen::record::read(file.as_ref()).unwrap();
    assert_eq!((record.counts.planned, record.counts.ok), (100, 100));
    assert_eq!(record.servers["web1"], 100);
    assert!(out.contains("100 planned"), "{out}");
    assert!(record.counts.persistence_kept >= 50, "{:?}", record.counts);
}

#[test]
fn persistence_that_was_never_put_to_the_test_is_a_failure() {
    let forgets = Origin::start(&["--name", "web1"]);
    let run = ["-r", "200", "-d", "300ms", "--users", "4", "--verify-persistence", "SRV"];
    let (code, out, err) = call(&[&["run", &forgets.1][..], &run].concat());
    assert_eq!(code, 1, "{out} {err}");
    assert!(out.contains("persistence was not put to the test"), "{out}");
    // A cookie given by hand is the users' own: answers to it are held to who answered first.
    let (code, out, err) = call(&[&["run", &forgets.1, "-H", "Cookie: SRV=web1"][..], &run].concat());
    assert!(
        is_answered(code) && out.contains("the server that the user's cookie names"),
        "{code} {out} {err}"
    );
}

#[test]
fn a_client_that_was_stopped_over_the_end_of_its_run_blames_itself() {
    let origin = Origin::start(&[]);
    let run = ["-r", "200", "-d", "2s", "--grace", "100ms", "--live", "lines", "-t", "1"];
    let mut command = program();
    command.arg("run").arg(&origin.1).args(run).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let id = child.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &id]).status().unwrap();
    // The first second is told of; the program sleeps through the rest, in which the target is idle.
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut String::new()).unwrap();
    signal("-STOP");
    std::thread::sleep(Duration::from_secs(2));
    signal("-CONT");
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    let out = String::from_utf8(stdout).unwrap();
    assert_eq!(status.code(), Some(3), "{out}");
    assert!(out.starts_with("CLIENT-LIMITED") && out.contains("send lag"), "{out}");
}

#[test]
fn a_run_that_somebody_ended_says_so() {
    let origin = Origin::start(&["--delay", "50ms"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let mut command = program();
    command
        .arg("run")
        .arg(&origin.1)
        .args(["-r", "100", "-d", "60s", "--live", "lines", "--json"])
        .arg(&file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    let out = String::from_utf8(stdout).unwrap();
    // A loaded machine may have limited the client, which matters more.
    assert!([Some(5), Some(3)].contains(&status.code()), "{status} {out}");
    assert!(out.contains("somebody ended this run after") && out.contains("of 60"), "{out}");
    let record = torii_loadgen::record::read(&file).unwrap();
    assert_eq!(record.description.asked_duration_ns, Some(60_000_000_000));
    assert_eq!(record.counts.failed, 0, "what was on its way was waited for");
}

#[test]
fn a_gap_ends_with_the_run_that_somebody_ended() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let mut command = program();
    command.args(["gap", &url, "--every", "50ms", "-d", "60s", "--live", "lines", "--json"]).arg(&file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut String::new()).unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    child.wait_with_output().unwrap();
    let record = torii_loadgen::record::read(&file).unwrap();
    let gap = record.longest_gap.unwrap();
    assert!(gap.length_ns > 500_000_000 && gap.length_ns <= record.description.duration_ns, "{gap:?}");
}

#[test]
fn an_address_of_another_machine_is_no_source() {
    let (code, _, err) = call(&["run", "http://127.0.0.1:1/", "-r", "1", "--source", "192.0.2.77"]);
    assert!(code == 2 && err.contains("192.0.2.77 cannot be used"), "{code} {err}");
}

#[test]
fn max_and_connect_speak_tls() {
    let origin = Origin::start(&["--tls"]);
    let (code, out, err) = call(&["max", &origin.1, "-k", "-d", "300ms", "--warm-up", "0", "-c", "4"]);
    assert!(is_answered(code) && out.contains("TLSv1_3"), "{code} {out} {err}");
    let (code, out, err) = call(&["connect", &origin.1, "-k", "-r", "20", "-d", "500ms", "--no-resume"]);
    assert!(is_answered(code) && out.contains("10 handshakes, 0 of them resumed"), "{code} {out} {err}");
    let (code, out, err) = call(&["run", &origin.1, "-r", "20", "-d", "200ms"]);
    assert_eq!(code, 1, "nobody vouches for the origin's certificate: {out} {err}");
    assert!(out.contains("tls_certificate"), "{out}");
}

#[test]
fn search_finds_what_a_slow_target_can_do() {
    // One connection and at least 10 ms an answer: less than 100 requests a second.
    let origin = Origin::start(&["--delay", "10ms"]);
    let limits = ["--p50", "100ms", "--from", "8", "--to", "1000", "--precision", "50"];
    let lengths = ["--step", "500ms", "--warm-up", "100ms", "-d", "500ms", "-c", "1"];
    let (code, out, err) = call(&[&["search", &origin.1][..], &limits, &lengths].concat());
    // Where the machine is too slow even for the lowest rate, that is said.
    assert!([0, 1, 3].contains(&code), "{code} {out} {err}");
    let highest = err.lines().filter(|line| line.ends_with("kept")).count();
    assert!(highest > 0 || out.contains("no rate kept the limits"), "{err}");
    assert!(err.contains("broken: "), "1000/s is out of reach: {err}");
}

#[test]
fn gap_tells_of_a_target_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (code, out, err) =
        call(&["gap", &url, "--every", "20ms", "--longer-than", "100ms", "--duration", "400ms"]);
    assert_eq!(code, 1, "{out} {err}");
    assert!(err.contains("gap of ") && err.contains("connect_refused"), "{err}");
}

/// Asks an origin once, on a connection of its own; the answer, and how long it took.
fn ask(url: &str) -> (String, Duration) {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    let asked = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer, asked.elapsed())
}

#[test]
fn the_origin_answers_with_the_size_delay_chunks_and_name_it_is_told() {
    let plain = Origin::start(&["--size", "1k", "--name", "web7"]);
    let (answer, _) = ask(&plain.1);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nX-Origin: web7\r\n") && head.contains("Content-Length: 1024"), "{head}");
    assert_eq!(body.len(), 1024);
    let chunked = Origin::start(&["--size", "100", "--chunk", "64"]);
    let (answer, _) = ask(&chunked.1);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Transfer-Encoding: chunked") && !head.contains("Content-Length"), "{head}");
    assert!(body.starts_with("40\r\nThe quick") && body.contains("\r\n24\r\n"), "{body}");
    for (delay, least_ms) in [("20ms", 20), ("20ms..40ms", 20), ("exp:1ms", 0)] {
        let origin = Origin::start(&["--delay", delay]);
        let (answer, took) = ask(&origin.1);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{delay}: {answer}");
        assert!(took >= Duration::from_millis(least_ms), "{delay}: {took:?}");
    }
    for wrong in ["40ms..20ms", "20ms..", "exp:"] {
        assert_eq!(call(&["origin", "-l", "127.0.0.1:0", "--delay", wrong]).0, 2, "{wrong}");
    }
}

#[test]
fn a_wrong_command_line_and_a_name_without_address_have_their_codes() {
    assert_eq!(call(&["run", "http://127.0.0.1/"]).0, 2, "no rate");
    assert_eq!(call(&["run", "ftp://127.0.0.1/", "-r", "1"]).0, 2);
    assert_eq!(call(&["run", "http://127.0.0.1/", "-r", "1", "-H", "Content-Length: 1"]).0, 2);
    assert_eq!(call(&["run", "http://127.0.0.1/", "-r", "1", "--think", "1s"]).0, 2);
    let few_users = ["run", "http://127.0.0.1/", "-r", "1", "--cookies", "--users", "1", "-t", "8"];
    let (code, _, err) = call(&few_users);
    assert!(code == 2 && err.contains("at least 8 users"), "{code} {err}");
    let (code, _, err) = call(&["run", "http://no-such-name.invalid/", "-r", "1"]);
    assert_eq!(code, 1);
    assert!(err.contains("dns: "), "{err}");
    assert_eq!(call(&["--help"]).0, 0);
}

/// A server that answers each connection at once, but for those of these numbers: it keeps them open.
fn silent_for(numbers: std::ops::Range<usize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for (number, mut stream) in listener.incoming().map_while(Result::ok).enumerate() {
            if numbers.contains(&number) {
                held.push(stream);
            } else if stream.read(&mut [0; 1000]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 204 None\r\nConnection: close\r\n\r\n");
            }
        }
    });
    url
}

#[test]
fn requests_that_hang_in_a_gap_are_counted_in_it_though_they_fail_later() {
    let url = silent_for(20..60);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gap.json");
    let file = file.to_str().unwrap();
    let (code, out, err) = call(&["gap", &url, "--every", "10ms", "--duration", "1s", "--json", file]);
    assert!(out.contains("failover"), "{code} {out} {err}");
    let gaps = torii_loadgen::record::read(file.as_ref()).unwrap().gaps;
    // No answer parts these forty; a slow machine may make other gaps.
    let gap = gaps.iter().find(|gap| gap.failed == 40).unwrap_or_else(|| panic!("{gaps:?}\n{err}"));
    assert_eq!(gap.failed_by_class["read_timeout"], 40);
    assert!(err.contains(" 40 failed in all (read_timeout 40)"), "{err}");
}
