//! D rows about Content-Length and Transfer-Encoding: requests that two readers could frame
//! differently are refused, or forwarded in one clear form.

use crate::case::Case;
use crate::world::World;

const HEAD: &str = "POST /post HTTP/1.1\r\nHost: a\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

/// A POST with these field lines, each with its line end, and what follows the head.
fn post(fields: &str, rest: &str) -> Vec<u8> {
    format!("{HEAD}{fields}\r\n{rest}").into_bytes()
}

/// POSTs with one field line each, followed by a chunked body, all answered with this status.
#[track_caller]
fn all_refused(row: &str, status: u16, lines: &[&str]) {
    let case = |line: &&str| {
        let fields = format!("{line}\r\n");
        Case::refused(&format!("{row} {}", line.escape_debug()), status, post(&fields, CHUNKS))
    };
    World::start().run(&lines.iter().map(case).collect::<Vec<_>>());
}

#[test]
fn d01_d02_length_and_chunked_together_are_refused() {
    let smuggled = "0\r\n\r\nGET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";
    World::start().run(&[
        Case::refused("D01", 400, post(&format!("Content-Length: 6\r\n{CHUNKED}"), "0\r\n\r\nG")),
        Case::refused("D01 long", 400, post(&format!("Content-Length: 39\r\n{CHUNKED}"), smuggled)),
        Case::refused("D01 zero", 400, post(&format!("Content-Length: 0\r\n{CHUNKED}"), smuggled)),
        Case::refused("D02", 400, post(&format!("{CHUNKED}Content-Length: 6\r\n"), "0\r\n\r\nG")),
        Case::refused("D02 long", 400, post(&format!("{CHUNKED}Content-Length: 4\r\n"), "1e\r\nGET /SMUG")),
    ]);
}

#[test]
fn d04_an_unknown_coding_is_not_implemented() {
    all_refused("D04", 501, &["Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx"]);
}

#[test]
fn d05_a_blank_before_the_colon_is_refused() {
    all_refused("D05", 400, &["Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked"]);
}

#[test]
fn d06_d07_control_bytes_around_chunked_are_refused() {
    let lines = [
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding:\x0cchunked",
        "Transfer-Encoding: chunked\x0b",
        "Transfer-Encoding: chunked\x0c",
        "Transfer-Encoding: chunked\0",
        "Transfer-Encoding: chun\0ked",
        "Transfer-Encoding: \x01chunked",
    ];
    all_refused("D06, D07", 400, &lines);
}

#[test]
fn d08_quotes_around_chunked_are_refused() {
    all_refused("D08", 400, &["Transfer-Encoding: \"chunked\""]);
    // An apostrophe may stand in a token, so this is the name of a coding that does not exist.
    all_refused("D08", 501, &["Transfer-Encoding: 'chunked'"]);
}

#[test]
fn d09_d10_a_second_coding_line_is_refused() {
    let lines = [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nX: y\r\ntransfer-encoding: CHUNKED",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
    ];
    all_refused("D09, D10", 400, &lines);
    all_refused("D10", 501, &["Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"]);
}

#[test]
fn d11_chunked_twice_or_not_last_is_refused() {
    let lines = [
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked, gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, identity",
    ];
    all_refused("D11", 400, &lines);
}

#[test]
fn d12_d13_d14_other_codings_are_not_implemented() {
    let lines = [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: deflate,gzip",
    ];
    all_refused("D12 to D14", 501, &lines);
}

#[test]
fn d15_d16_empty_list_elements_are_refused() {
    let lines = [
        "Transfer-Encoding:",
        "Transfer-Encoding: ",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: , ,chunked",
    ];
    all_refused("D15, D16", 400, &lines);
}

#[test]
fn d17_a_parameter_of_chunked_is_refused() {
    all_refused("D17", 400, &["Transfer-Encoding: chunked;q=1", "Transfer-Encoding: chunked; a=b"]);
}

#[test]
fn d18_a_bare_line_feed_ends_no_line() {
    let lines = [
        "X: y\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\nX: y",
        "X: y\n\r\nGET /SMUG HTTP/1.1\r\nHost: a",
        "X: y\rTransfer-Encoding: chunked",
    ];
    all_refused("D18", 400, &lines);
    World::start().run(&[
        Case::refused("D18 all lines", 400, "POST /post HTTP/1.1\nHost: a\nContent-Length: 0\n\n"),
        Case::refused("D18 the last line", 400, "POST /post HTTP/1.1\r\nHost: a\r\n\nGET /SMUG"),
    ]);
}

#[test]
fn d19_a_folded_coding_is_refused() {
    all_refused("D19", 400, &["Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chunked\r\n\t, gzip"]);
}

#[test]
fn d20_d21_http_1_0_knows_no_chunks_and_no_body_without_length() {
    let old = |fields: &str, rest: &str| format!("POST /post HTTP/1.0\r\nHost: a\r\n{fields}\r\n{rest}");
    World::start().run(&[
        Case::refused("D20", 400, old(CHUNKED, CHUNKS)),
        Case::refused("D20 kept", 400, old(&format!("{CHUNKED}Connection: keep-alive\r\n"), CHUNKS)),
        Case::forwarded("D21", "POST /post", old("", "")).and_closed(),
        Case::forwarded("D21 kept", "POST /post", old("Connection: keep-alive\r\n", "")).and_closed(),
        Case::forwarded("D21 bytes", "POST /post", old("", "GET /SMUG HTTP/1.1\r\n")).and_closed(),
        Case::forwarded("1.0 with a length", "POST /post", old("Content-Length: 5\r\n", "hello"))
            .body("hello")
            .and_closed(),
    ]);
}

#[test]
fn d22_to_d25_a_second_length_is_refused() {
    let lines = [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 0\r\ncontent-length: 16",
        "Content-Length: 5, 5",
        "Content-Length: 5, 6",
        "Content-Length: 5,",
        "Content-Length: ,5",
    ];
    all_refused("D22 to D25", 400, &lines);
}

#[test]
fn d26_an_empty_length_is_refused() {
    let lines = [
        "Content-Length:",
        "Content-Length: ",
        "Content-Length:\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length:",
    ];
    all_refused("D26", 400, &lines);
}

#[test]
fn d27_d28_a_length_is_digits_that_fit() {
    let lengths = [
        "+5",
        "-1",
        "-0",
        "0x5",
        "5_0",
        "5.0",
        "5 5",
        "5;",
        "5\0",
        "\u{ff15}",
        "1e1",
        "5\x0b",
        "\"5\"",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999",
        "100000000000000000000000000005",
    ];
    let lines: Vec<String> = lengths.iter().map(|length| format!("Content-Length: {length}")).collect();
    all_refused("D27, D28", 400, &lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn d29_d30_zeros_and_blanks_are_left_out() {
    let length = |value: &str| post(&format!("Content-Length:{value}\r\n"), "hello");
    let case = |name: &str, value: &str| {
        Case::forwarded(name, "POST /post", length(value)).body("hello").line("Content-Length: 5")
    };
    World::start().run(&[
        case("D29", " 0005"),
        case("D29 as many as fit", " 0000000000000000005"),
        Case::refused("D29 sixty zeros", 400, length(&format!(" {}5", "0".repeat(60)))),
        case("D30", " 5 "),
        case("D30 tab", "\t5"),
        case("D30 none", "5"),
        case("D30 many", " \t  5\t \t"),
    ]);
}

#[test]
fn d31_a_length_in_disguise_is_left_out() {
    let world = World::start();
    let case = |name: &str, field: &str| {
        let fields = format!("{field}\r\nContent-Length: 5\r\n");
        Case::forwarded(name, "POST /post", post(&fields, "hello")).body("hello").line("Content-Length: 5")
    };
    world.run(&[
        case("D31", "Content_Length: 100").without("content_length"),
        case("D31 alike", "content_length: 5").without("content_length"),
        case("D31 coding", "Transfer_Encoding: chunked").without("transfer_encoding"),
        case("D31 dot", "Transfer.Encoding: chunked").without("transfer.encoding"),
        case("D31 another", "Content-Lengths: 7").line("Content-Lengths: 7"),
    ]);
    assert!(world.figure("Fields left out as framing in disguise") >= 4);
    world.run(&[
        Case::refused("D31 0x85", 400, [HEAD.as_bytes(), b"Content-Length\x85: 5\r\n\r\nhello"].concat()),
        Case::refused("D31 CR", 400, post("Content\rLength: 5\r\n", "hello")),
        Case::refused("D31 blank", 400, post("Content Length: 5\r\n", "hello")),
        Case::refused("D31 NUL", 400, post("Content-Length\0: 5\r\n", "hello")),
    ]);
}

#[test]
fn d32_a_get_may_have_a_body() {
    let get = |fields: &str, rest: &str| format!("GET /get HTTP/1.1\r\nHost: a\r\n{fields}\r\n{rest}");
    let smuggled = "GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = format!("Content-Length: {}\r\n", smuggled.len());
    World::start().run(&[
        Case::forwarded("D32", "GET /get", get("Content-Length: 5\r\n", "hello"))
            .body("hello")
            .line("Content-Length: 5"),
        Case::forwarded("D32 a request as body", "GET /get", get(&length, smuggled)).body(smuggled),
        Case::forwarded("D32 chunked", "GET /get", get(CHUNKED, CHUNKS)).body("hello"),
        Case::forwarded("D32 nothing", "GET /get", get("Content-Length: 0\r\n", ""))
            .line("Content-Length: 0"),
    ]);
}

/// D34: one parsed value frames what is read and what is forwarded, for every method.
#[test]
fn d34_d37_the_framing_is_the_same_for_every_method() {
    let smuggled = "GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut cases = Vec::new();
    for method in ["DELETE", "OPTIONS", "PATCH", "PUT", "TRACE", "get", "BREW"] {
        let head = format!("{method} /any HTTP/1.1\r\nHost: a\r\n");
        let request = format!("{method} /any");
        let length = format!("{head}Content-Length: {}\r\n\r\n{smuggled}", smuggled.len());
        cases.push(Case::forwarded(&format!("D34 {method}"), &request, length).body(smuggled));
        let chunks = format!("{head}{CHUNKED}\r\n{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
        cases.push(Case::forwarded(&format!("D37 {method}"), &request, chunks).body(smuggled));
    }
    World::start().run(&cases);
}
