//! Command lines that cannot mean what they say: refused before a request is sent, with exit code 2 and
//! with what to write instead.

use std::net::TcpListener;

use crate::support::{Origin, call, is_answered};

/// A text without its line breaks.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Calls the program; gives its error, which has to be one of usage.
fn refused(arguments: &[&str]) -> String {
    let (code, out, err) = call(arguments);
    assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
    err
}

#[test]
fn a_port_that_is_none_is_not_taken_for_port_80() {
    for url in ["http://127.0.0.1:99999/", "http://127.0.0.1:/", "http://127.0.0.1:0/"] {
        let err = refused(&["run", url, "-r", "1"]);
        assert!(err.contains("is no port") && err.contains("1 to 65535"), "{err}");
    }
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let run = |more: &[&str]| refused(&[&["run", "http://127.0.0.1:9/"], more].concat());
    assert!(run(&["--steps", "10x1s", "-d", "5s"]).contains("cannot be used with"));
    assert!(run(&["--closed", "--users", "4"]).contains("cannot be used with"));
    assert!(run(&["--closed", "--seed", "4"]).contains("cannot be used with"));
    assert!(run(&["-r", "1", "--seed", "4"]).contains("--arrivals"));
    assert!(refused(&["gap", "http://127.0.0.1:9/", "-t", "4"]).contains("one thread"));
    assert!(run(&["--rate", "0"]).contains("nothing is ever due"));
    assert!(run(&["-r", "1", "--hgrm", "nosuch:foo"]).contains("first_byte"));
    assert!(run(&["-r", "1", "--json", "-", "--ndjson", "-"]).contains("the standard output"));
    assert!(run(&["-r", "1", "--html", "/tmp/x", "--hgrm", "/tmp/x"]).contains("both write to /tmp/x"));
    assert!(run(&["-r", "1", "--fail-if", "gap>1s"]).contains("only the mode gap"));
    assert!(refused(&["max", "http://127.0.0.1:9/", "--users", "4"]).contains("--connections"));
}

#[test]
fn files_that_cannot_be_written_or_read_end_a_run_before_it_begins() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", target.local_addr().unwrap());
    let secure = url.replace("http:", "https:");
    let folder = tempfile::tempdir().unwrap();
    let nowhere = "/nonexistent/file";
    let is_folder = folder.path().to_str().unwrap();
    for option in ["--json", "--html", "--hgrm", "--interval-log", "--ndjson"] {
        for path in [nowhere, is_folder] {
            let err = refused(&["run", &url, "-r", "1", option, path]);
            assert!(err.contains(&format!("cannot write {path}")), "{err}");
        }
    }
    assert!(refused(&["search", &url, "--json", nowhere]).contains("cannot write"));
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (url, authorities) in [(&secure, nowhere), (&secure, empty.to_str().unwrap()), (&url, nowhere)] {
        let err = refused(&["run", url, "-r", "1", "--cacert", authorities]);
        assert!(err.contains(authorities), "{err}");
    }
    assert!(target.accept().is_err(), "nobody has connected");
}

#[test]
fn what_was_there_stays_until_a_run_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "old").unwrap();
    let path = page.to_str().unwrap();
    let (code, _, err) = call(&["run", "http://no-such-name.invalid/", "-r", "1", "--html", path]);
    assert_eq!((code, std::fs::read_to_string(&page).unwrap().as_str()), (1, "old"), "{err}");
    let origin = Origin::start(&[]);
    let (code, out, err) = call(&["run", &origin.1, "-r", "20", "-d", "100ms", "--html", path]);
    assert!(is_answered(code), "{out} {err}");
    assert!(std::fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_gap_fails_a_run_that_does_not_bear_one() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let stalls = Origin::start(&["--stall-every", "600ms", "--stall-for", "300ms"]);
    let watch = ["--every", "20ms", "-d", "1300ms"];
    let gap = |url: &str, limit: &str| call(&[&["gap", url, "--fail-if", limit], &watch[..]].concat());
    let (code, out, err) = gap(&stalls.1, "gap>150ms");
    assert!(code == 1 || code == 3, "{out} {err}");
    assert!(out.contains("✗ --fail-if gap>150ms: true, so the run fails"), "{out}");
    let (code, out, err) = gap(&stalls.1, "gap>60s");
    assert!(is_answered(code) && out.contains("✓ --fail-if gap>60s"), "{code} {out} {err}");
    let (code, out, _) = gap(&gone, "gap>60s");
    assert!(code == 1 && out.contains("not over when the run ended"), "{out}");
}

#[test]
fn a_protocol_that_is_not_spoken_is_not_offered_for_requests() {
    let origin = Origin::start(&["--tls"]);
    for mode in
        [&["run", "-r", "1"][..], &["max"], &["search"], &["gap"], &["connect", "-r", "1", "--request"]]
    {
        let err = refused(&[mode, &[&origin.1, "-k", "--alpn", "h2"]].concat());
        assert!(err.contains("--alpn h2") && err.contains("http/1.1 or http/1.0"), "{err}");
    }
    // The origin agrees to http/1.1, which is offered too.
    let connect = ["connect", &origin.1, "-k", "-r", "20", "-d", "200ms", "--alpn", "h2,http/1.1"];
    let (code, out, err) = call(&connect);
    assert!(is_answered(code), "{out} {err}");
}

#[test]
fn descriptors_are_raised_as_far_as_allowed_or_the_run_is_refused() {
    let origin = Origin::start(&[]);
    let program = crate::support::program();
    let run = |limits: &str, connections: &str| {
        let line = format!(
            "{limits} && exec {} run {} -r 50 -d 200ms -t 1 -c {connections}",
            program.get_program().to_str().unwrap(),
            origin.1
        );
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = run("ulimit -n 24", "200");
    assert!(code == 2 && err.contains("268 files") && err.contains("24 are allowed"), "{code} {err}");
    let (code, err) = run("ulimit -Sn 24", "200");
    assert!(is_answered(code), "the soft limit is raised: {code} {err}");
}

#[test]
fn a_certificate_that_is_an_authority_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (certificate, key_file) = (file("cert.pem"), file("key.pem"));
    std::fs::write(&certificate, parameters.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let origin = Origin::start(&["--tls", "--cert", &certificate, "--key", &key_file]);
    let (code, out, err) = call(&["run", &origin.1, "-r", "20", "-d", "200ms", "--cacert", &certificate]);
    assert_eq!(code, 1, "{out} {err}");
    let out = joined(&out);
    assert!(out.contains("itself an authority's") && !out.contains("CaUsedAsEndEntity"), "{out}");
    assert!(out.contains("or believe anybody with -k"), "the next step is not cut off: {out}");
}

#[test]
fn a_server_without_a_name_is_told_as_such() {
    let origin = Origin::start(&["--name", "web1", "--cookie", "SRV"]);
    let ask = ["-r", "50", "-d", "200ms", "--verify-persistence", "SRV", "--server-field", "X-Server"];
    let (code, out, err) = call(&[&["run", &origin.1][..], &ask].concat());
    assert_eq!(code, 1, "{out} {err}");
    let out = joined(&out);
    assert!(out.contains("no field X-Server") && out.contains("--server-field"), "{out}");
}
