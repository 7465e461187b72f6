//! `torii status` and the control socket of a running torii.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Output;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Configuration, Origin, Torii, torii, wait};

fn socket(node: &Torii) -> PathBuf {
    node.folder().join("control.sock")
}

/// Runs a command that talks to `node`.
fn ask(node: &Torii, words: &[&str]) -> Output {
    let mut command = torii::command();
    command.args(words).arg("-c").arg(node.folder().join("torii.toml"));
    command.output().unwrap()
}

fn json(node: &Torii) -> Value {
    let output = ask(node, &["status", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The answer to one line, whole.
fn say(node: &Torii, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket(node)).unwrap();
    stream.set_read_timeout(Some(wait::DEADLINE)).unwrap();
    // It may be answered, and closed, before all of it is written.
    let _ = stream.write_all(bytes);
    let mut answer = String::new();
    let _ = BufReader::new(&stream).read_line(&mut answer);
    answer
}

#[test]
fn a_node_that_serves_has_status_0() {
    let origin = Origin::start("one");
    let node = Torii::start(&Configuration::new().workers(2).checked().server(origin.address()));
    let mut client = node.client();
    client.get("/name");
    let output = ask(&node, &["status"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["serving", "front_in OPEN", "web_backend UP: 1 of 1", &origin.address().to_string()] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    let status = json(&node);
    assert_eq!(status["state"], "serving");
    assert_eq!(status["connections"]["now"], 1);
    assert_eq!(status["listeners"][0]["bind"][0], node.address().to_string());
    assert_eq!(status["listeners"][0]["requests_total"], 1);
    assert_eq!(status["backends"][0]["servers"][0]["up"], true);
    assert_eq!(status["workers"].as_array().unwrap().len(), 2);
    assert_eq!(status["pair"], Value::Null);
}

#[test]
fn a_node_without_a_usable_server_has_status_3() {
    let origin = Origin::start("one");
    let node = Torii::start(&Configuration::new().checked().server(origin.address()));
    drop(origin);
    wait::for_condition("the server to be down", || json(&node)["state"] == "not_serving");
    let output = ask(&node, &["status"]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("NOT SERVING") && text.contains("\"web_backend\" has no usable server"), "{text}");
}

#[test]
fn a_node_that_does_not_run_has_status_1() {
    let origin = Origin::start("one");
    let mut node = Torii::start(&Configuration::new().server(origin.address()));
    node.process().signal(Signal::SIGKILL);
    node.wait_for_exit();
    let output = ask(&node, &["status"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("a process left that has died") && text.contains("help: "), "{text}");
    // The next one takes its place.
    std::fs::remove_file(socket(&node)).unwrap();
    let text = String::from_utf8(ask(&node, &["status"]).stderr).unwrap();
    assert!(text.contains("no torii is running"), "{text}");
}

#[test]
fn a_drain_is_seen_and_the_socket_goes_with_the_node() {
    let origin = Origin::start("one");
    let mut node = Torii::start(&Configuration::new().server(origin.address()));
    let mut busy = node.client();
    busy.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wait_for("/gate");
    node.terminate();
    wait::for_condition("the drain", || json(&node)["state"] == "draining");
    assert_eq!(ask(&node, &["status"]).status.code(), Some(3));
    origin.open_gate();
    assert_eq!(busy.response("GET").text(), "one");
    assert_eq!(node.wait_for_exit().code(), Some(0));
    assert!(!socket(&node).exists());
}

#[test]
fn only_its_owner_may_connect() {
    let origin = Origin::start("one");
    let node = Torii::start(&Configuration::new().server(origin.address()));
    let mode = std::fs::metadata(socket(&node)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_second_torii_goes_on_without_the_socket_of_the_first() {
    let origin = Origin::start("one");
    let first = Torii::start(&Configuration::new().server(origin.address()));
    let path = socket(&first);
    let second = Configuration::new().control_socket(&path.display().to_string());
    let second = Torii::start(&second.server(origin.address()));
    second.wait_for_stderr("the warning", |line| line.contains("another process listens there"));
    assert_eq!(second.client().get("/name").status, 200);
    assert_eq!(json(&first)["process_id"], first.process().0);
    drop(second);
    assert_eq!(json(&first)["process_id"], first.process().0);
}

#[test]
fn without_a_socket_the_commands_say_so() {
    let origin = Origin::start("one");
    let node = Torii::start(&Configuration::new().control_socket("off").server(origin.address()));
    assert!(!socket(&node).exists());
    let output = ask(&node, &["status"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("socket = \"off\""));
}

#[test]
fn a_node_without_a_pair_refuses_to_hand_over() {
    let origin = Origin::start("one");
    let node = Torii::start(&Configuration::new().server(origin.address()));
    for words in [["failover"].as_slice(), &["failover", "--force"], &["failover", "--back"]] {
        let output = ask(&node, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("no [ha]"), "{words:?}");
    }
}

#[test]
fn hostile_clients_of_the_socket_change_nothing() {
    let origin = Origin::start("one");
    let node = Torii::start(&Configuration::new().server(origin.address()));
    assert!(say(&node, b"GET / HTTP/1.1\r\n").contains("\"malformed\""));
    assert!(say(&node, b"{\"request\":\"stop\"}\n").contains("\"malformed\""));
    assert!(say(&node, &[0xff; 100_000]).contains("at most 4096 bytes"));
    let long = [b"{\"request\":\"status\"}".as_slice(), &[b' '; 5000], b"\n"].concat();
    assert!(say(&node, &long).contains("at most 4096 bytes"));
    let deep = [b"{\"request\":".as_slice(), &[b'['; 4000], b"\n"].concat();
    assert!(say(&node, &deep).contains("\"malformed\""));
    // More than have a place, silent; they are sent away, and then those behind them are served.
    let silent: Vec<UnixStream> = (0..16).map(|_| UnixStream::connect(socket(&node)).unwrap()).collect();
    assert_eq!(node.client().get("/name").status, 200);
    assert_eq!(json(&node)["state"], "serving");
    for mut stream in silent {
        stream.set_read_timeout(Some(wait::DEADLINE)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    // One that leaves before its answer.
    for _ in 0..50 {
        let mut stream = UnixStream::connect(socket(&node)).unwrap();
        stream.write_all(b"{\"request\":\"status\"}\n").unwrap();
    }
    assert_eq!(json(&node)["state"], "serving");
}
