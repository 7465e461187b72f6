//! D rows about the request line: method, target, version, and what may stand before it.

use crate::case::Case;
use crate::world::World;

/// A request with this line, a Host and nothing else.
fn line(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: a\r\n\r\n").into_bytes()
}

#[track_caller]
fn all_refused(row: &str, status: u16, lines: &[&str]) {
    let case = |text: &&str| Case::refused(&format!("{row} {}", text.escape_debug()), status, line(text));
    World::start().run(&lines.iter().map(case).collect::<Vec<_>>());
}

#[test]
fn d68_the_target_and_host_name_one_host() {
    let absolute = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let as_path = |name: &str, target: &str, host: &str| {
        Case::forwarded(name, "GET /p?q", absolute(target, host)).line(&format!("Host: {host}"))
    };
    World::start().run(&[
        as_path("D68 same", "http://b.example/p?q", "b.example"),
        as_path("D68 case", "HTTP://B.example/p?q", "b.Example"),
        as_path("D68 port", "http://b:8080/p?q", "b:8080"),
        as_path("D68 default port in the target", "http://b:80/p?q", "b"),
        as_path("D68 default port in Host", "https://b/p?q", "b:443"),
        Case::refused("D68 other", 400, absolute("http://b/p", "a")),
        Case::refused("D68 other port", 400, absolute("http://b:81/p", "b")),
        Case::refused("D68 port of the other scheme", 400, absolute("http://b:443/p", "b")),
        Case::refused("D68 user", 400, absolute("http://a@b/p", "b")),
        Case::refused("D68 user that is the host", 400, absolute("http://b@a/p", "b")),
        Case::refused("D68 no Host", 400, "GET http://b/p HTTP/1.1\r\n\r\n"),
        Case::refused("D68 other scheme", 400, absolute("ftp://a/p", "a")),
        Case::refused("D68 no authority", 400, absolute("http:///p", "a")),
        Case::forwarded("D68 1.0 without Host", "GET /p", "GET http://b/p HTTP/1.0\r\n\r\n")
            .line("host: b")
            .and_closed(),
    ]);
}

#[test]
fn d69_an_authority_that_ends_at_a_query_or_fragment_is_refused() {
    let lines = ["GET http://a?x=1 HTTP/1.1", "GET http://a#f HTTP/1.1", "GET http://a/#f HTTP/1.1"];
    all_refused("D69", 400, &lines);
    World::start().run(&[Case::forwarded("D69 no path", "GET /", line("GET http://a HTTP/1.1"))]);
}

#[test]
fn d70_targets_are_forwarded_as_written_or_refused() {
    let forwarded = |target: &str| {
        let request = format!("GET {target}");
        Case::forwarded(&format!("D70 {target}"), &request, line(&format!("{request} HTTP/1.1")))
    };
    World::start().run(&[
        forwarded("//evil/x"),
        forwarded("/%00"),
        forwarded("/a/../b"),
        forwarded("/%2e%2E/%0d%0a"),
        forwarded("/a?b=http://c/?d"),
        forwarded("/;a=b,c:@!$&'()*+|{}^`\"<>\\[]"),
        Case::forwarded("D70 star", "OPTIONS *", line("OPTIONS * HTTP/1.1")),
    ]);
    let lines = [
        "GET * HTTP/1.1",
        "GET foo HTTP/1.1",
        "GET ?x HTTP/1.1",
        "OPTIONS ** HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET a:80 HTTP/1.1",
        "GET \\ HTTP/1.1",
        "GET mailto:a@b HTTP/1.1",
    ];
    all_refused("D70", 400, &lines);
}

#[test]
fn d71_a_fragment_is_refused() {
    all_refused("D71", 400, &["GET /a#b HTTP/1.1", "GET /# HTTP/1.1", "GET #/ HTTP/1.1"]);
}

#[test]
fn d72_blanks_and_control_bytes_in_a_target_are_refused() {
    let lines = [
        "GET /a b HTTP/1.1",
        "GET /a\tb HTTP/1.1",
        "GET /a\x0bb HTTP/1.1",
        "GET /a\x7fb HTTP/1.1",
        "GET /a \0b HTTP/1.1",
        "GET /a\x1b[2J HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET /a\rb HTTP/1.1",
        "GET /a\nX: y HTTP/1.1",
    ];
    all_refused("D72", 400, &lines);
}

#[test]
fn d73_a_method_is_a_token_and_forwarded_as_written() {
    let lines =
        ["G(T / HTTP/1.1", "GET: / HTTP/1.1", "G\u{e9}T / HTTP/1.1", "G\0T / HTTP/1.1", "\"GET\" / HTTP/1.1"];
    all_refused("D73", 400, &lines);
    World::start().run(&[
        Case::forwarded("D73 lower case", "get /", line("get / HTTP/1.1")),
        Case::forwarded("D73 unknown", "M-SEARCH! /", line("M-SEARCH! / HTTP/1.1")),
        Case::refused("D73 100 KB", 414, line(&format!("{} / HTTP/1.1", "A".repeat(100_000)))),
    ]);
}

#[test]
fn d74_d75_versions_other_than_1_0_and_1_1_are_refused() {
    let lines = [
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / http/1.1",
        "GET / HTTP/1.",
        "GET / HTTP/1,1",
        "GET / HTTP/11",
        "GET / HTTPS/1.1",
        "GET /",
        "GET",
        "GET / HTTP/1.1x",
        "GET / ",
        "GET / HTTP/+1.1",
    ];
    all_refused("D74", 400, &lines);
    let lines = ["GET / HTTP/9.9", "GET / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/0.9", "GET / HTTP/3.0"];
    all_refused("D74", 505, &lines);
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    World::start().run(&[Case::refused("D75", 505, preface)]);
}

#[test]
fn d76_a_few_empty_lines_before_a_request_are_skipped() {
    let get = String::from_utf8(line("GET /get HTTP/1.1")).unwrap();
    let behind =
        |empty: &str| Case::forwarded(&format!("D76 {empty:?}"), "GET /get", format!("{empty}{get}"));
    let world = World::start();
    world.run(&[behind("\r\n"), behind("\r\n\r\n"), behind("\r\n\r\n\r\n\r\n")]);
    assert_eq!(world.figure("Empty lines before a request beyond 4"), 0);
    world.run(&[
        Case::refused("D76 five", 400, format!("{}{get}", "\r\n".repeat(5))),
        Case::refused("D76 10,000", 400, format!("{}{get}", "\r\n".repeat(10_000))),
        Case::refused("D76 LF", 400, format!("\n{get}")),
        Case::refused("D76 CR", 400, format!("\r{get}")),
        Case::refused("D76 blank", 400, format!(" \r\n{get}")),
    ]);
    assert!(world.figure("Empty lines before a request beyond 4") > 0);
}

/// Some clients send an empty line behind a body. No request begins with it: no time-out, no log line.
#[test]
fn d76_an_empty_line_behind_a_body_begins_no_request() {
    let plan = crate::support::Configuration::new()
        .timeout("http_request = \"100ms\"")
        .timeout("keep_alive = \"1s\"");
    let world = World::start_with(plan);
    let post = "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n";
    let mut client = world.client();
    client.send(post);
    assert_eq!(client.response("POST").text(), "POST /post 5");
    client.expect_close();
    drop(client);
    world.settle("an empty line and silence", 1);

    let mut client = world.client();
    client.send([post, "GET /get HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    assert_eq!(client.response("POST").text(), "POST /post 5");
    assert_eq!(client.response("GET").text(), "GET /get 0");
    drop(client);
    world.settle("an empty line and a request", 2);
}
