//! What clients get when no server's answer can be had: one clear response, one log line, and
//! nothing left behind.

use crate::support::{Configuration, LogLine, Origin, Response, Torii, ports};

fn start_with(plan: Configuration) -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    (origin, torii)
}

/// HAProxy's layout of a local answer: lower-case fields, a heading and one sentence.
#[track_caller]
fn assert_own_answer(response: &Response, status: u16, reason: &str) {
    let head = &response.head;
    assert_eq!(head.start_line(), format!("HTTP/1.1 {status} {reason}"));
    assert_eq!(head.get("content-length"), Some(response.body.len().to_string()));
    assert_eq!(head.get("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(head.get("content-type").as_deref(), Some("text/html"));
    let text = response.text();
    let lines: Vec<&str> = text.split('\n').collect();
    let [heading, sentence, end, ""] = lines[..] else { panic!("four lines, not {text:?}") };
    assert_eq!(heading, format!("<html><body><h1>{status} {reason}</h1>"));
    assert!(sentence.ends_with('.') && !sentence.contains('<'), "{sentence}");
    assert_eq!(end, "</body></html>");
    for line in head.lines() {
        let name = line.split(':').next().unwrap().to_owned();
        assert_eq!(name, name.to_ascii_lowercase());
    }
}

/// The only log line until now, after a clean GET has shown that all is well.
#[track_caller]
fn only_line(torii: &Torii) -> LogLine {
    let mut lines = torii.log_before_clean_get();
    assert_eq!(lines.len(), 1, "one event, one line: {lines:#?}");
    lines.remove(0)
}

/// Sends bytes that end in a refusal, and checks answer, close and log line.
#[track_caller]
fn assert_refused(plan: Configuration, request: &[u8], status: u16, reason: &str, end: &str) {
    let (origin, torii) = start_with(plan);
    let mut client = torii.client();
    // torii may answer and close before it has read everything.
    let _ = client.try_send(request);
    let response = client.response("GET");
    assert_own_answer(&response, status, reason);
    assert_eq!(response.head.get("connection").as_deref(), Some("close"));
    client.expect_close();
    assert!(origin.seen("/").is_empty(), "nothing of it reached a server");
    let line = only_line(&torii);
    assert_eq!((line.end(), line.status), (end, i64::from(status)));
    assert_eq!((line.backend.as_str(), line.server.as_str()), ("front_in", "<NOSRV>"));
    assert_eq!(line.timers[1..4], [-1, -1, -1]);
}

#[test]
fn a_malformed_request_is_refused_with_400() {
    let requests = [
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde",
        "GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n",
        "G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ];
    for request in requests {
        assert_refused(Configuration::new(), request.as_bytes(), 400, "Bad request", "PR");
    }
}

#[test]
fn an_unparsable_request_is_logged_as_badreq() {
    let (_origin, torii) = start_with(Configuration::new().persistent());
    let mut client = torii.client();
    client.send("\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);
    let line = only_line(&torii);
    assert_eq!((line.request.as_str(), line.flags.as_str()), ("<BADREQ>", "PR--"));
    assert_eq!(line.timers[0], -1);
}

#[test]
fn nothing_after_a_refused_request_is_served() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send(
        "GET /name HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost : a\r\n\r\n\
         GET /after HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(client.response("GET").text(), "one");
    assert_eq!(client.response("GET").status, 400);
    client.expect_close();
    assert_eq!((origin.seen("/bad").len(), origin.seen("/after").len()), (0, 0));
}

#[test]
fn a_head_that_does_not_arrive_in_time_gets_408() {
    let plan = || Configuration::new().timeout("http_request = \"300ms\"");
    let unfinished = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    assert_refused(plan(), unfinished, 408, "Request Time-out", "cR");
}

#[test]
fn a_target_that_is_too_long_gets_414() {
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000));
    assert_refused(Configuration::new(), request.as_bytes(), 414, "URI Too Long", "PR");
}

#[test]
fn fields_that_are_too_large_get_431() {
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert_refused(Configuration::new(), request.as_bytes(), 431, "Request Header Fields Too Large", "PR");
}

#[test]
fn too_many_fields_get_431() {
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_refused(Configuration::new(), request.as_bytes(), 431, "Request Header Fields Too Large", "PR");
}

#[test]
fn a_head_at_the_limits_is_served() {
    let (_origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    let large = "x".repeat(14_000);
    let fields = "X: y\r\n".repeat(97);
    client.send(format!("GET /name HTTP/1.1\r\nHost: a\r\nX-Large: {large}\r\n{fields}\r\n"));
    assert_eq!(client.response("GET").text(), "one");
}

/// A kept-alive client that falls silent is closed without a word, as HAProxy does.
#[test]
fn an_idle_client_is_closed_silently() {
    let (_origin, torii) = start_with(Configuration::new().timeout("keep_alive = \"300ms\""));
    let mut client = torii.client();
    client.get("/name?idle");
    client.expect_close();
    assert_eq!(torii.log_before_clean_get().len(), 1, "the exchange itself, nothing for the close");
}

/// Answers 502 or 504 for a server that fails before its response head.
#[track_caller]
fn assert_server_failure(target: &str, status: u16, reason: &str, end: &str) {
    let plan = Configuration::new().persistent().timeout("server = \"400ms\"");
    let (_origin, torii) = start_with(plan);
    let mut client = torii.client();
    let response = client.get(target);
    assert_own_answer(&response, status, reason);
    assert_eq!(client.get("/name?clean").text(), "one", "the client connection survives");
    let line = torii.log_of(target);
    assert_eq!((line.end(), line.status), (end, i64::from(status)));
    assert_eq!((line.server.as_str(), line.cookie()), ("web1", "NN"));
    assert!(line.timers[2] >= 0, "it was connected: {line:?}");
    assert_eq!(line.timers[3], -1, "no response head came: {line:?}");
    assert_eq!(torii.log_before_clean_get().len(), 1);
}

#[test]
fn a_server_that_closes_before_its_answer_gives_502() {
    assert_server_failure("/no-answer", 502, "Bad Gateway", "SH");
}

#[test]
fn a_server_that_speaks_no_http_gives_502() {
    assert_server_failure("/garbage", 502, "Bad Gateway", "PH");
}

#[test]
fn a_server_that_does_not_answer_in_time_gives_504() {
    assert_server_failure("/gate", 504, "Gateway Time-out", "sH");
}

#[test]
fn a_server_that_refuses_connections_gives_503() {
    let torii = Torii::start(&Configuration::new().server(ports::free_address()));
    let mut client = torii.client();
    assert_own_answer(&client.get("/name"), 503, "Service Unavailable");
    let line = torii.log_of("/name");
    assert_eq!((line.end(), line.status, line.server.as_str()), ("SC", 503, "web1"));
    assert_eq!(line.timers[2..4], [-1, -1]);
    assert_eq!(client.get("/again").status, 503, "the client connection survives");
    assert_eq!(torii.log_of("/again").status, 503);
    assert_eq!(torii.log().len(), 2);
}

#[test]
fn no_server_at_all_gives_503_without_an_attempt() {
    let plan = Configuration::new().checked().server(ports::free_address());
    let torii = Torii::start(&plan);
    let mut number = 0;
    let line = crate::support::wait::until(|| {
        number += 1;
        let target = format!("/name?{number}");
        assert_own_answer(&torii.client().get(&target), 503, "Service Unavailable");
        Some(torii.log_of(&target)).filter(|line| line.server == "<NOSRV>")
    });
    let line = line.expect("the health check takes the server out");
    assert_eq!((line.backend.as_str(), line.end()), ("web_backend", "SC"));
    assert_eq!(line.timers[1..4], [-1, -1, -1]);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let torii = Torii::start(&Configuration::new().server(ports::free_address()));
    let mut client = torii.client();
    client.send("HEAD /name HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response("HEAD").status, 503);
    assert_eq!(client.get("/again").status, 503, "the connection is still in step");
}

/// Control bytes and quotes in a request line cannot break or forge a log line.
#[test]
fn a_log_line_cannot_be_forged() {
    let (_origin, torii) = start_with(Configuration::new());
    let target = "/length/1?\"quoted\"";
    torii.client().get(target);
    let line = torii.wait_for_log("an escaped target", |line| line.request.contains("quoted"));
    assert_eq!(line.request, "GET /length/1?#22quoted#22 HTTP/1.1");
}
