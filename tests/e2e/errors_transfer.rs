//! Clients and servers that vanish or stall in the middle of an exchange: the other side sees it,
//! the log says who it was, and no other exchange is touched.

use std::io::Read;

use crate::support::{Configuration, LogLine, Origin, Torii};

fn start_with(plan: Configuration) -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    (origin, torii)
}

/// The line of `target`, once it is there and known to be the only one.
#[track_caller]
fn line_of(torii: &Torii, target: &str) -> LogLine {
    let line = torii.log_of(target);
    let lines = torii.log_before_clean_get();
    assert_eq!(lines.as_slice(), std::slice::from_ref(&line), "one event, one line");
    line
}

#[test]
fn a_server_that_closes_in_mid_body_is_seen_as_truncation() {
    let (_origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    let response = client.get("/half-then-close");
    assert_eq!((response.status, response.truncated, response.body.len()), (200, true, 500));
    let line = line_of(&torii, "/half-then-close");
    assert_eq!((line.end(), line.status, line.server.as_str()), ("SD", 200, "web1"));
}

#[test]
fn a_server_that_is_killed_in_mid_body_is_seen_as_truncation() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    let mut bystander = torii.client();
    bystander.get("/name?clean");
    let mut received = 0;
    client.send("GET /half-then-reset HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.response_into("GET", &mut |piece| {
        received += piece.len();
        if received == 500 {
            origin.open_gate();
        }
    });
    assert!(response.unwrap().truncated);
    assert_eq!(bystander.get("/name?clean").text(), "one");
    assert_eq!(line_of(&torii, "/half-then-reset").end(), "SD");
}

#[test]
fn a_server_that_stalls_in_mid_body_is_given_up() {
    let (_origin, torii) = start_with(Configuration::new().timeout("server = \"400ms\""));
    let response = torii.client().get("/half-then-stall");
    assert_eq!((response.status, response.truncated, response.body.len()), (200, true, 500));
    assert_eq!(line_of(&torii, "/half-then-stall").end(), "sD");
}

/// As HAProxy without abortonclose: a client's end is not looked for while its server works (one that
/// only closed its sending side still wants the answer), and shows when the answer cannot be sent.
#[test]
fn a_client_that_left_while_the_server_worked_is_logged_as_cd() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wait_for("/gate");
    client.reset();
    origin.open_gate();
    let line = line_of(&torii, "/gate");
    assert_eq!((line.end(), line.server.as_str()), ("CD", "web1"));
}

#[test]
fn a_client_that_leaves_in_mid_download_is_logged_as_cd() {
    let (_origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send("GET /length/100000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    // Reads a little, so that the body is certainly on its way, then resets.
    let mut first_bytes = [0; 10_000];
    client.handle().read_exact(&mut first_bytes).unwrap();
    client.reset();
    let line = line_of(&torii, "/length/100000000");
    assert_eq!((line.end(), line.status), ("CD", 200));
    assert!(line.bytes < 100_000_000);
}

#[test]
fn a_client_that_leaves_in_mid_upload_does_not_complete_the_request() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf of it");
    origin.wait_for("/sink");
    client.reset();
    let line = line_of(&torii, "/sink");
    assert!(matches!(line.end(), "CH" | "CD"), "{line:?}");
}

#[test]
fn a_client_that_stalls_in_mid_upload_is_given_up() {
    let (origin, torii) = start_with(Configuration::new().timeout("client = \"400ms\""));
    let mut client = torii.client();
    client.send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf of it");
    origin.wait_for("/sink");
    let outcome = client.try_response("POST");
    assert!(outcome.as_ref().map_or(true, |response| response.status == 408), "{outcome:?}");
    let line = line_of(&torii, "/sink");
    assert!(matches!(line.end(), "cH" | "cD"), "{line:?}");
}

#[test]
fn a_bad_chunk_in_an_upload_is_not_passed_on_as_the_end() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    origin.wait_for("/echo");
    client.send("+5\r\nhello\r\n0\r\n\r\n");
    if let Ok(response) = client.try_response("POST") {
        assert_eq!(response.status, 400);
    }
    let line = line_of(&torii, "/echo");
    assert!(line.end().starts_with('P'), "{line:?}");
}

#[test]
fn a_client_that_leaves_before_a_whole_request_is_logged_as_cr() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send("GET /never HTTP/1.1\r\nHost: a\r\n");
    client.half_close();
    if let Ok(response) = client.try_response("GET") {
        assert_eq!(response.status, 400);
    }
    client.expect_close();
    let line = torii.wait_for_log("an unfinished request", |line| line.request == "<BADREQ>");
    assert_eq!((line.end(), line.status), ("CR", 400));
    assert_eq!(torii.log_before_clean_get().len(), 1);
    assert!(origin.seen("/never").is_empty());
}
