//! What torii adds to, removes from and changes in the fields of a message, and nothing else.

use crate::support::wire::Head;
use crate::support::{Configuration, Origin, Torii};

fn start_with(plan: Configuration) -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    (origin, torii)
}

/// Sends a GET of `/name` with these field lines and returns the head that reached the server.
fn forwarded(plan: Configuration, fields: &str) -> Head {
    let (origin, torii) = start_with(plan);
    let mut client = torii.client();
    client.send(format!("GET /name HTTP/1.1\r\nHost: www.Example.com:8080\r\n{fields}\r\n"));
    assert_eq!(client.response("GET").text(), "one");
    origin.only("/name")
}

fn forwarding() -> Configuration {
    Configuration::new().backend("forwarded_for = true")
}

#[test]
fn a_plain_request_is_forwarded_as_it_was_written() {
    let fields = "X-CuStOm: Some  Value\r\nuser-agent: test\r\nACCEPT: */*\r\nX-Empty:\r\n";
    let head = forwarded(Configuration::new(), fields);
    assert_eq!(head.start_line(), "GET /name HTTP/1.1");
    let lines: Vec<String> = head.lines().iter().map(|line| line.trim_end().to_owned()).collect();
    let expected = [
        "Host: www.Example.com:8080",
        "X-CuStOm: Some  Value",
        "user-agent: test",
        "ACCEPT: */*",
        "X-Empty:",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_response_is_forwarded_as_it_was_written() {
    let (_origin, torii) = start_with(Configuration::new());
    let head = torii.client().get("/headers").head;
    assert_eq!(head.start_line(), "HTTP/1.1 200 Fine by me");
    let expected =
        ["X-MiXeD: Kept", "Keep-Alive: timeout=5", "Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Length: 0"];
    assert_eq!(head.lines(), expected, "no Via, Server or Date is added");
}

#[test]
fn the_client_address_is_a_new_last_line() {
    let head = forwarded(forwarding(), "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Z: z\r\n");
    assert_eq!(head.all("x-forwarded-for"), ["1.1.1.1", "2.2.2.2", "127.0.0.1"]);
    let last = head.lines().pop().unwrap();
    assert!(last.eq_ignore_ascii_case("x-forwarded-for: 127.0.0.1"), "{last}");
}

#[test]
fn the_client_address_is_not_added_unless_asked_for() {
    assert_eq!(forwarded(Configuration::new(), "").all("x-forwarded-for"), Vec::<String>::new());
}

#[test]
fn a_pipelined_request_gets_the_client_address_too() {
    let (origin, torii) = start_with(forwarding());
    let mut client = torii.client();
    client.send("GET /name HTTP/1.1\r\nHost: a\r\n\r\nGET /name HTTP/1.1\r\nHost: a\r\n\r\n");
    client.response("GET");
    client.response("GET");
    for seen in origin.seen("/name") {
        assert_eq!(seen.head.all("x-forwarded-for"), ["127.0.0.1"]);
    }
}

#[test]
fn close_from_the_client_does_not_reach_the_server() {
    let (origin, torii) = start_with(Configuration::new());
    for _ in 0..3 {
        let mut client = torii.client();
        client.send("GET /name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.response("GET");
        client.expect_close();
    }
    let seen = origin.seen("/name");
    assert!(seen.iter().all(|one| one.head.get("connection").is_none()), "{seen:#?}");
    assert_eq!(origin.connections(), 1, "the server connection outlives its clients");
}

#[test]
fn close_from_the_server_is_not_copied_as_its_own_token() {
    let (_origin, torii) = start_with(Configuration::new());
    let head = torii.client().get("/close/5").head;
    assert_eq!(head.all("connection"), ["close"]);
}

/// robustness: nominating a field in Connection must not remove what frames or routes the message.
#[test]
fn nominated_framing_host_and_address_fields_stay() {
    let (origin, torii) = start_with(forwarding());
    let mut client = torii.client();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: www.example.com\r\nX-Real-Ip: 9.9.9.9\r\nContent-Length: 3\r\n\
         Connection: close, Content-Length, Host, X-Forwarded-For, X-Real-Ip\r\n\r\nabc",
    );
    assert_eq!(client.response("POST").text(), "abc");
    let head = origin.only("/echo");
    assert_eq!(head.get("content-length").as_deref(), Some("3"));
    assert_eq!(head.get("host").as_deref(), Some("www.example.com"));
    assert_eq!(head.all("x-forwarded-for"), ["127.0.0.1"]);
    let tokens = head.get("connection").unwrap_or_default().to_ascii_lowercase();
    assert!(!tokens.split(',').any(|token| token.trim() == "close"), "{tokens}");
}

#[test]
fn nominated_transfer_encoding_stays() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
         Connection: Transfer-Encoding\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert_eq!(client.response("POST").text(), "abc");
    assert_eq!(origin.only("/echo").all("transfer-encoding"), ["chunked"]);
}

#[test]
fn trailers_cannot_smuggle_framing_routing_or_identity() {
    let (origin, torii) = start_with(forwarding());
    let mut client = torii.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n");
    client.send("Content-Length: 9\r\nTransfer-Encoding: x\r\nHost: evil\r\nAuthorization: x\r\n");
    client.send("X-Forwarded-For: 6.6.6.6\r\n\r\n");
    let status = client.response("POST").status;
    assert!(status == 200 || status == 400, "dropped or refused, not {status}");
    assert_eq!(origin.trailers(), Vec::<String>::new());
}

#[test]
fn te_is_reduced_to_trailers() {
    assert_eq!(forwarded(Configuration::new(), "TE: gzip, trailers\r\n").all("te"), ["trailers"]);
    assert_eq!(forwarded(Configuration::new(), "TE: gzip\r\n").all("te"), Vec::<String>::new());
    assert_eq!(forwarded(Configuration::new(), "TE: trailers;q=0.5\r\n").all("te"), Vec::<String>::new());
}

#[test]
fn an_upgrade_to_http_2_never_reaches_the_server() {
    let fields = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    let head = forwarded(Configuration::new(), fields);
    assert_eq!(head.all("upgrade"), Vec::<String>::new());
}

#[test]
fn a_length_is_forwarded_in_its_canonical_form() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\nabc");
    assert_eq!(client.response("POST").text(), "abc");
    assert_eq!(origin.only("/echo").all("content-length"), ["3"]);
}

#[test]
fn blanks_around_a_value_do_not_change_it() {
    let head = forwarded(Configuration::new(), "X-Padded: \t padded \t\r\n");
    assert_eq!(head.get("x-padded").as_deref(), Some("padded"));
}
