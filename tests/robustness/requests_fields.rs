//! D rows about field lines and Host, and past advisories about them.

use crate::case::Case;
use crate::support::Configuration;
use crate::world::World;

/// A GET with a Host and these field lines, the last one without its line end.
fn get(fields: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET /get HTTP/1.1\r\nHost: a\r\n", fields.as_ref(), b"\r\n\r\n"].concat()
}

fn refused(row: &str, fields: impl AsRef<[u8]>) -> Case {
    let name = format!("{row} {}", fields.as_ref().escape_ascii());
    Case::refused(&name[..name.len().min(80)], 400, get(fields))
}

fn forwarded(row: &str, fields: impl AsRef<[u8]>) -> Case {
    Case::forwarded(row, "GET /get", get(fields))
}

#[test]
fn d58_d59_a_field_line_has_a_name_and_a_colon() {
    let lines = [": x", ":", "no colon", "X", "X y: z", "X\t: z", "X : z", "=: y", "X:y\r\nno colon"];
    World::start().run(&lines.map(|line| refused("D58, D59", line)));
}

#[test]
fn d60_control_bytes_in_a_value_are_refused() {
    let bytes = (0..32).filter(|byte| !matches!(byte, b'\t')).chain([127u8]);
    let cases: Vec<Case> = bytes.map(|byte| refused("D60", [b"X: a", &[byte][..], b"b"].concat())).collect();
    World::start().run(&cases);
}

#[test]
fn d61_bytes_above_ascii_in_a_value_stay() {
    let world = World::start();
    let text: Vec<u8> = (0x80..=0xff).collect();
    world.run(&[
        forwarded("D61", [b"X: ", &text[..]].concat()),
        forwarded("D61 0x85 is no blank", b"X: \x85a\xa0"),
        forwarded("D61 0xa0 is no blank", b"X: \xa0"),
    ]);
    let heads: Vec<Vec<u8>> = world.recorder.requests().into_iter().map(|request| request.head.0).collect();
    for value in [&text[..], b"\x85a\xa0", b"\xa0"] {
        let line = [b"\r\nX: ", value, b"\r\n"].concat();
        let here = |head: &Vec<u8>| crate::support::wire::find(head, &line).is_some();
        assert!(heads.iter().any(here), "{} arrived unchanged", value.escape_ascii());
    }
}

#[test]
fn d62_a_field_name_is_a_token() {
    let separators = b"(),/;<=>?@[\\]{}\" \t\0\x01\x0b\x1f\x7f\x80\x85\xa0\xff";
    let cases: Vec<Case> =
        separators.iter().map(|&byte| refused("D62", [b"X", &[byte][..], b"Y: z"].concat())).collect();
    let world = World::start();
    world.run(&cases);
    world
        .run(&[forwarded("D62 every mark of a token", "!#$%&'*+-.^_`|~09AZaz: x")
            .line("!#$%&'*+-.^_`|~09AZaz: x")]);
}

#[test]
fn d63_blanks_around_a_value_are_left_out() {
    World::start().run(&[
        forwarded("D63", "X:  y \t").line("X: y"),
        forwarded("D63 tab", "X:\ty\t").line("X: y"),
        forwarded("D63 none", "X:y").line("X: y"),
        forwarded("D63 inside", "X: a \t b").line("X: a \t b"),
        forwarded("D63 nothing", "X: \t ").line("X: "),
    ]);
}

#[test]
fn d64_d65_a_line_that_begins_with_a_blank_is_refused() {
    let world = World::start();
    world.run(&[
        refused("D65", "X: y\r\n folded"),
        refused("D65 tab", "X: y\r\n\tfolded"),
        refused("D65 empty", "X: y\r\n "),
        refused("D65 length", "Content-Length:\r\n 5"),
        Case::refused("D64", 400, "GET /get HTTP/1.1\r\n Host: a\r\n\r\n"),
        Case::refused("D64 other", 400, "GET /get HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"),
        Case::refused("D64 tab", 400, "GET /get HTTP/1.1\r\n\tHost: a\r\n\r\n"),
        Case::refused("D64 blank line", 400, "GET /get HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
    ]);
}

#[test]
fn d66_there_is_one_host() {
    let with = |fields: &str| format!("GET /get HTTP/1.1\r\n{fields}\r\n");
    World::start().run(&[
        Case::refused("D66 none", 400, with("")),
        Case::refused("D66 two", 400, with("Host: a\r\nHost: b\r\n")),
        Case::refused("D66 the same", 400, with("Host: a\r\nHost: a\r\n")),
        Case::refused("D66 the same, apart", 400, with("Host: a\r\nX: y\r\nhOST: A\r\n")),
        Case::forwarded("D66 1.0 needs none", "GET /get", "GET /get HTTP/1.0\r\n\r\n").and_closed(),
        Case::refused("D66 1.0 two", 400, "GET /get HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    ]);
}

#[test]
fn d67_a_host_is_a_host() {
    let hosts = [
        "",
        "u@a",
        "u:p@a",
        "a/b",
        "a,b",
        "a b",
        "a\0",
        "a@",
        "a:99999",
        "a:-1",
        "a:8x",
        "a:80:80",
        "[]",
        "[::1",
        "::1",
        "[::1]x",
        "[x]",
        ":80",
        "a?b",
        "a#b",
        "a\\b",
        "\u{e4}",
        "a\"",
        "http://a",
        "[::1%25eth0]",
    ];
    let case = |host: &&str| {
        let name = format!("D67 {}", host.escape_debug());
        Case::refused(&name, 400, format!("GET /get HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    };
    let world = World::start();
    world.run(&hosts.iter().map(case).collect::<Vec<_>>());
    let good = ["a", "A.example:8080", "[::1]", "[2001:db8::1]:443", "192.0.2.1", "a_b", "xn--e1a", "a:"];
    let case = |host: &&str| {
        let text = format!("GET /get HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Case::forwarded(&format!("D67 {host}"), "GET /get", text).line(&format!("Host: {host}"))
    };
    world.run(&good.iter().map(case).collect::<Vec<_>>());
}

/// By naming a field in Connection a client takes back its own, but none that frames or routes, and not ours.
#[test]
fn d42_d43_naming_a_field_in_connection_removes_nothing_that_counts() {
    let plan = Configuration::new().backend("forwarded_for = true");
    let post = |tokens: &str, framing: &str, body: &str| {
        format!(
            "POST /post HTTP/1.1\r\nHost: a\r\nX-Real-Ip: 9.9.9.9\r\nConnection: {tokens}\r\n{framing}\r\n{body}"
        )
    };
    let framing = "Content-Length: 5\r\n";
    let case = |tokens: &str| {
        Case::forwarded(&format!("D42 {tokens}"), "POST /post", post(tokens, framing, "hello"))
            .body("hello")
            .line("Host: a")
            .line("x-forwarded-for: 127.0.0.1")
            .without("connection")
    };
    let coding = "Transfer-Encoding: chunked\r\n";
    World::start_with(plan).run(&[
        case("Content-Length"),
        case("Host"),
        case("X-Forwarded-For"),
        case("x-forwarded-for, keep-alive, host, content-length"),
        case("close, X-Real-Ip").without("x-real-ip").and_closed(),
        Case::forwarded(
            "D42 coding",
            "POST /post",
            post("Transfer-Encoding", coding, "5\r\nhello\r\n0\r\n\r\n"),
        )
        .body("hello")
        .line("Transfer-Encoding: chunked"),
    ]);
}

#[test]
fn d84_claims_of_an_address_stay_before_ours() {
    let world = World::start_with(Configuration::new().backend("forwarded_for = true"));
    world.run(&[forwarded("D84", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2")
        .line("X-Forwarded-For: 1.1.1.1")
        .line("x-forwarded-for: 127.0.0.1")]);
    // CVE-2013-2175: an index from the end, and more fields than it expects.
    let fifty: Vec<String> = (0..50).map(|number| format!("X-Forwarded-For: 10.0.0.{number}")).collect();
    world.run(&[forwarded("50 addresses", fifty.join("\r\n")).line("X-Forwarded-For: 10.0.0.49")]);
    for request in world.recorder.requests() {
        let addresses = request.head.all("x-forwarded-for");
        assert_eq!(addresses.last().map(String::as_str), Some("127.0.0.1"), "{addresses:?}");
    }
}

#[test]
fn d85_a_persistence_cookie_can_hold_anything() {
    let world = World::start_with(Configuration::new().persistent());
    let cookies = [
        "lbsessionid=w99",
        "lbsessionid=",
        "lbsessionid",
        ";lbsessionid=w01",
        ",lbsessionid=w01",
        ";;;;",
        ",",
        "=",
        "=w01",
        "lbsessionid=w01~",
        "lbsessionid=w01|",
        "lbsessionid=w01|x|y|z",
        "lbsessionid=\"w01",
        "lbsessionid=w01; lbsessionid=w01",
        "lbsessionid=<script>",
        "a=b; lbsessionid=w01\\",
        " ; = ; ",
        "lbsessionid=%0d%0aX:y",
        "lbsessionid=w01|AAAAAAAA|AAAAAAAA",
        "lbsessionid==w01",
    ];
    let mut cases: Vec<Case> = cookies
        .iter()
        .map(|cookie| forwarded(&format!("D85 {cookie}"), format!("Cookie: {cookie}")))
        .collect();
    cases.push(forwarded("D85 8 KiB", format!("Cookie: lbsessionid={}", "w".repeat(8192))));
    cases.push(forwarded("D85 8 KiB of separators", format!("Cookie: {}", ";".repeat(8192))));
    let fifty = "lbsessionid=w01; ".repeat(50);
    cases.push(forwarded("D85 fifty in one", format!("Cookie: {fifty}")));
    let lines: Vec<&str> = std::iter::repeat_n("Cookie: lbsessionid=w01", 50).collect();
    cases.push(forwarded("D85 fifty lines", lines.join("\r\n")));
    cases.push(refused("D85 NUL", "Cookie: lbsessionid=w01\0"));
    world.run(&cases);
    let mut client = world.client();
    client.send(get("Cookie: lbsessionid=<script>%0d%0a"));
    let head = client.response("GET").head.text();
    assert!(!head.contains("script"), "what the client sent is not reflected: {head}");
    drop(client);
    world.settle("D85", 1);
}

/// What a client writes into its request cannot break or forge a log line: bytes that could are refused
/// where they might be logged, and the line is cut.
#[test]
fn d86_a_log_line_cannot_be_forged() {
    let world = World::start();
    world.run(&[
        refused("D86", "User-Agent: a\nb"),
        refused("D86 escape", "User-Agent: \x1b[2J"),
        forwarded("D86 quotes", "User-Agent: \" 200 0 \""),
        forwarded("D86 16 KiB", format!("User-Agent: {}", "a".repeat(15 * 1024))),
        Case::refused("D86 target", 400, "GET /\n127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case::refused("D86 target escape", 400, "GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n"),
    ]);
    let mut client = world.client();
    let target = format!("/\"{}", "a".repeat(8000));
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(client.response("GET").status, 200);
    drop(client);
    let lines = world.settle("D86 long target", 1);
    assert!(
        lines[0].request.starts_with("GET /#22aaa") && lines[0].request.len() < 1100,
        "{}",
        lines[0].request
    );
}

/// CVE-2021-40346: a name of 256 bytes or more spilled into the length of its value.
#[test]
fn a_long_name_is_no_second_length() {
    let name = format!("Content-Length0{}", "a".repeat(255));
    let post = format!("POST /post HTTP/1.1\r\nHost: a\r\n{name}:\r\nContent-Length: 31\r\n\r\n");
    let smuggled = "GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";
    World::start().run(&[Case::forwarded("CVE-2021-40346", "POST /post", [&post, smuggled].concat())
        .body(smuggled)
        .line("Content-Length: 31")]);
}

/// Expect is forwarded once, and only where it says `100-continue`.
#[test]
fn d36_an_odd_expectation_is_left_out() {
    let case = |name: &str, fields: &str| {
        let text = format!("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{fields}\r\nhello");
        Case::forwarded(name, "POST /post", text).body("hello")
    };
    let world = World::start();
    world.run(&[
        case("D36", "Expect: 100-continue\r\n").line("Expect: 100-continue"),
        case("D36 other", "Expect: 200-ok\r\n").without("expect"),
        case("D36 list", "Expect: 100-continue, 100-continue\r\n").without("expect"),
        case("D36 parameter", "Expect: 100-continue;a=b\r\n").without("expect"),
        case("D36 empty", "Expect:\r\n").without("expect"),
        case("D36 quoted", "Expect: \"100-continue\"\r\n").without("expect"),
        case("D36 twice", "Expect: 100-continue\r\nExpect: 100-continue\r\n").line("Expect: 100-continue"),
        refused("D36 folded", "Expect:\r\n 100-continue"),
        refused("D36 blank", "Expect : 100-continue"),
        Case::refused(
            "CVE-2025-32094",
            400,
            "OPTIONS / HTTP/1.1\r\nHost: a\r\nExpect:\r\n 100-continue\r\n\r\n",
        ),
    ]);
    for request in world.recorder.requests() {
        assert!(request.head.all("expect").len() <= 1, "{request:#?}");
    }
}
