//! Requests and responses pass unchanged: methods, statuses, framings, versions, order.
//!
//! The functions named `check_...` are run again over each I/O driver by `drivers`.

use crate::support::{Configuration, Origin, Response, Torii, pattern};

fn start() -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().server(origin.address()));
    (origin, torii)
}

#[track_caller]
fn assert_content(response: &Response, length: usize) {
    assert_eq!((response.status, response.truncated), (200, false), "{}", response.head.text());
    assert!(response.body == pattern::bytes(length), "{} bytes, of {length}", response.body.len());
}

/// GET over one kept-alive connection, in each framing the server can choose.
pub fn check_get_in_every_framing(torii: &Torii) {
    let mut client = torii.client();
    for length in [0, 1, 255, 16_384, 100_000] {
        for kind in ["length", "chunked"] {
            assert_content(&client.get(&format!("/{kind}/{length}")), length);
        }
    }
    for kind in ["close", "http10"] {
        assert_content(&torii.client().get(&format!("/{kind}/70000")), 70_000);
    }
}

/// Uploads in both framings, echoed.
pub fn check_upload_in_both_framings(torii: &Torii) {
    let mut client = torii.client();
    for length in [0, 1, 5_000, 16_384, 300_000] {
        let body = pattern::bytes(length);
        assert_content(&client.post("/echo", &body), length);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in body.chunks(7_001) {
            client.send(format!("{:X};name=value\r\n", piece.len()));
            client.send([piece, b"\r\n"].concat());
        }
        client.send("0\r\n\r\n");
        assert_content(&client.response("POST"), length);
    }
}

/// Several requests in one packet.
pub fn check_pipelining(torii: &Torii) {
    let mut client = torii.client();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.send([get("/length/10").as_str(), post, &get("/chunked/20000"), &get("/status/404")].concat());
    assert_content(&client.response("GET"), 10);
    assert_eq!(client.response("POST").text(), "abc");
    assert_content(&client.response("GET"), 20_000);
    assert_eq!(client.response("GET").status, 404);
}

#[test]
fn a_body_arrives_whole_in_every_framing() {
    let (_origin, torii) = start();
    check_get_in_every_framing(&torii);
}

#[test]
fn an_upload_arrives_whole_in_both_framings() {
    let (_origin, torii) = start();
    check_upload_in_both_framings(&torii);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_origin, torii) = start();
    check_pipelining(&torii);
}

#[test]
fn fifty_pipelined_requests_in_one_write_are_all_answered() {
    let (origin, torii) = start();
    let mut client = torii.client();
    let requests: String = (0..50).map(|n| format!("GET /length/{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests);
    for length in 0..50 {
        assert_content(&client.response("GET"), length);
    }
    assert_eq!(origin.seen("/length/").len(), 50);
}

#[test]
fn requests_pipelined_behind_an_upload_wait_for_it() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    let body = pattern::bytes(200_000);
    let mut bytes = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n".to_vec();
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut writer = client.handle();
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes));
    assert_content(&client.response("POST"), 200_000);
    assert_eq!(client.response("GET").text(), "one");
    sending.join().unwrap().unwrap();
}

#[test]
fn head_has_the_length_and_no_body() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    for target in ["/length/1234", "/chunked/1234"] {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = client.response("HEAD");
        assert_eq!(response.status, 200);
        let length = response.head.get("content-length");
        assert_eq!(length.as_deref(), (target == "/length/1234").then_some("1234"));
    }
    assert_eq!(client.get("/name").text(), "one", "the connection is still in step");
}

#[test]
fn statuses_without_a_body_keep_the_connection_in_step() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    for status in [204, 304, 200, 404, 500, 204] {
        let response = client.get(&format!("/status/{status}"));
        assert_eq!((response.status, response.body.len()), (status, 0));
        assert_eq!(response.head.get("x-status"), Some(status.to_string()));
        assert_eq!(response.head.get("transfer-encoding"), None);
    }
    assert_eq!(client.get("/name").text(), "one");
}

#[test]
fn a_close_delimited_body_closes_the_client_too() {
    let (_origin, torii) = start();
    // HAProxy leaves the server's version in the status line: 1.0 stays 1.0.
    for (target, line) in [("/close/5000", "HTTP/1.1 200 OK"), ("/http10/5000", "HTTP/1.0 200 OK")] {
        let mut client = torii.client();
        let response = client.get(target);
        assert_content(&response, 5_000);
        assert_ne!(response.head.get("connection").as_deref(), Some("keep-alive"), "{target}");
        assert_eq!(response.head.start_line(), line);
        client.expect_close();
    }
}

#[test]
fn trailers_pass_in_both_directions() {
    let (origin, torii) = start();
    let mut client = torii.client();
    let response = client.get("/trailers");
    assert_eq!((response.text().as_str(), response.trailers.len()), ("hello", 1));
    assert!(response.trailers[0].eq_ignore_ascii_case("x-checksum: abc"), "{:?}", response.trailers);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n");
    assert_eq!(client.response("POST").text(), "abc");
    assert!(origin.trailers().iter().any(|line| line.eq_ignore_ascii_case("x-sum: 6")));
}

#[test]
fn a_get_with_a_body_is_forwarded_with_its_body() {
    let (origin, torii) = start();
    let mut client = torii.client();
    client.send("GET /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.response("GET").text(), "body");
    assert_eq!(origin.only("/echo").get("content-length").as_deref(), Some("4"));
}

#[test]
fn a_1_0_client_is_closed_after_its_answer() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.send("GET /length/100 HTTP/1.0\r\n\r\n");
    let response = client.response("GET");
    assert_content(&response, 100);
    assert_ne!(response.head.get("connection").as_deref(), Some("keep-alive"));
    client.expect_close();
}

#[test]
fn a_1_0_client_that_asks_for_keep_alive_gets_it_and_is_told() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    for _ in 0..3 {
        client.send("GET /length/100 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let response = client.response("GET");
        assert_content(&response, 100);
        assert_eq!(response.head.get("connection").as_deref(), Some("keep-alive"));
    }
}

#[test]
fn a_client_that_says_close_is_answered_and_closed() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.send("GET /length/100 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let response = client.response("GET");
    assert_content(&response, 100);
    assert_eq!(response.head.get("connection").as_deref(), Some("close"));
    client.expect_close();
}

#[test]
fn a_client_that_half_closes_still_gets_its_answer() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.send("GET /length/100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.half_close();
    assert_content(&client.response("GET"), 100_000);
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.send("\r\n\r\nGET /name HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response("GET").text(), "one");
}

#[test]
fn requests_go_round_the_servers_in_turn() {
    let servers = [Origin::start("one"), Origin::start("two"), Origin::start("three")];
    let plan = servers.iter().fold(Configuration::new(), |plan, server| plan.server(server.address()));
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    let answers: Vec<String> = (0..9).map(|_| client.get("/name").text()).collect();
    for turn in answers.chunks(3) {
        assert_eq!(turn, &answers[..3]);
    }
    for server in &servers {
        assert_eq!(server.seen("/name").len(), 3);
    }
}

#[test]
fn a_normal_exchange_is_logged_as_haproxy_logs_it() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.get("/length/10");
    let line = torii.log_of("/length/10");
    assert_eq!(line.request, "GET /length/10 HTTP/1.1");
    assert_eq!((line.frontend.as_str(), line.backend.as_str()), ("front_in", "web_backend"));
    assert_eq!((line.server.as_str(), line.status, line.flags.as_str()), ("web1", 200, "----"));
    assert!(line.timers.iter().all(|&timer| timer >= 0), "{line:?}");
    assert_eq!((line.connections, line.retries.as_str()), ([1, 1, 0, 0], "0"));
    assert!(line.client.starts_with("127.0.0.1:"));
}
