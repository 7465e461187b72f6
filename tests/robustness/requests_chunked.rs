//! D rows about chunks and trailers: a body that is not chunked to the letter never arrives whole.

use crate::case::Case;
use crate::world::World;

/// A chunked POST with this body.
fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = b"POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    [&head[..], body.as_ref()].concat()
}

fn forwarded(name: &str, body: impl AsRef<[u8]>) -> Case {
    Case::forwarded(name, "POST /post", chunked(body)).line("Transfer-Encoding: chunked")
}

#[track_caller]
fn all_refused(row: &str, bodies: &[&str]) {
    let case = |body: &&str| {
        let shown: String = body.escape_debug().to_string().chars().take(60).collect();
        Case::refused_in_body(&format!("{row} {shown}"), chunked(body))
    };
    World::start().run(&bodies.iter().map(case).collect::<Vec<_>>());
}

#[test]
fn d44_trailers_cannot_change_framing_routing_or_identity() {
    let dangerous = [
        "Content-Length: 9",
        "Transfer-Encoding: x",
        "Host: evil",
        "Authorization: x",
        "X-Forwarded-For: 6.6.6.6",
        "x-forwarded-proto: https",
        "X-Real-IP: 6.6.6.6",
        "Content_Length: 9",
        "Connection: close",
        "Cookie: a=b",
    ];
    let mut cases = vec![
        forwarded("D44 harmless", "5\r\nhello\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n")
            .body("hello")
            .line("X-Sum: 1")
            .line("Y: 2"),
    ];
    for line in dangerous {
        let name = line.split(':').next().unwrap();
        let body = format!("5\r\nhello\r\n0\r\nX-Sum: 1\r\n{line}\r\nY: 2\r\n\r\n");
        let case = forwarded(&format!("D44 {line}"), body).body("hello").line("X-Sum: 1").line("Y: 2");
        // Host stands in the head.
        cases.push(if name == "Host" || name == "Transfer-Encoding" { case } else { case.without(name) });
    }
    let world = World::start();
    world.run(&cases);
    let trailers = world.recorder.requests().into_iter().flat_map(|request| request.trailers);
    let evil: Vec<String> = trailers.filter(|line| line != "X-Sum: 1" && line != "Y: 2").collect();
    assert_eq!(evil, Vec::<String>::new());
}

#[test]
fn d45_a_chunk_size_is_hexadecimal_digits() {
    let sizes =
        ["0x5", "+5", "-1", "-0", "5_", "5 5", " 5", "\t5", "5.", "g", "", "5\0", "5\x0b", "\u{ff15}"];
    let bodies: Vec<String> = sizes.iter().map(|size| format!("{size}\r\nhello\r\n0\r\n\r\n")).collect();
    all_refused("D45", &bodies.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn d46_a_chunk_size_fits() {
    let sizes = [
        "fffffffffffffff0",
        "ffffffffffffffff",
        "10000000000000000",
        "10000000000000005",
        "1000000000000005",
        "10000000000000",
    ];
    let bodies: Vec<String> = sizes.iter().map(|size| format!("{size}\r\nhello\r\n0\r\n\r\n")).collect();
    all_refused("D46", &bodies.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn d47_leading_zeros_of_a_size_change_nothing_up_to_16_digits() {
    let padded = |zeros| format!("{0}5\r\nhello\r\n{0}0\r\n\r\n", "0".repeat(zeros));
    let world = World::start();
    world.run(&[
        forwarded("D47", padded(15)).body("hello"),
        Case::refused_in_body("D47 17 digits", chunked(padded(16))),
        Case::refused_in_body("D47 40 zeros", chunked(padded(40))),
        Case::refused_in_body("D47 beyond the line", chunked(padded(300))),
        forwarded("upper and lower case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")
            .body("01234567890123456789"),
    ]);
}

#[test]
fn d48_a_size_line_ends_in_crlf() {
    let bodies = [
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\r\n\r\n",
        "5\u{85}\r\nhello\r\n0\r\n\r\n",
    ];
    all_refused("D48", &bodies);
}

#[test]
fn d49_d54_a_chunk_ends_where_its_size_says() {
    let bodies = [
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello\r\n\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
    ];
    all_refused("D49, D54", &bodies);
}

#[test]
fn d50_d51_an_extension_hides_no_line_end() {
    let bodies = [
        "5;a=\"b\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\r\nc\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\\\"\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "2;\nxx\r\n4c\r\n0\r\n\r\nGET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a=b\n\r\nhello\r\n0\r\n\r\n",
        "0;\n\r\n\r\n",
        "5;a\0b\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5 a=b\r\nhello\r\n0\r\n\r\n",
    ];
    all_refused("D50, D51", &bodies);
}

#[test]
fn d52_a_good_extension_is_left_out() {
    World::start().run(&[
        forwarded("D52", "5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n").body("hello"),
        forwarded("D52 blanks", "5 ; a = b\r\nhello\r\n0\t;\tx\r\n\r\n").body("hello"),
        forwarded("D52 quotes", "5;a=\"b;\\\"c\\\\\"\r\nhello\r\n0\r\n\r\n").body("hello"),
    ]);
}

#[test]
fn d53_extensions_are_bounded() {
    let world = World::start();
    let large = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(64 * 1024));
    let each = format!("1;{}\r\nx\r\n", "a".repeat(4096)).repeat(100) + "0\r\n\r\n";
    let many = format!("1;{}\r\nx\r\n", "a".repeat(200)).repeat(200) + "0\r\n\r\n";
    world.run(&[
        Case::refused_in_body("D53 64 KiB", chunked(large)),
        Case::refused_in_body("D53 4 KiB each", chunked(each)),
        Case::refused_in_body("D53 many small ones", chunked(many)),
    ]);
    assert!(world.figure("Chunk lines or extensions too large") > 0);
}

#[test]
fn d55_a_body_that_breaks_off_is_never_completed() {
    let beginnings =
        ["5\r\nhello\r\n", "5\r\nhel", "5\r\nhello", "5", "5\r\nhello\r\n0", "5\r\nhello\r\n0\r\n"];
    let world = World::start();
    for body in beginnings {
        let name = format!("D55 {}", body.escape_debug());
        let seen = world.recorder.count();
        let mut client = world.client();
        client.send(chunked(body));
        client.half_close();
        assert_eq!(client.response("POST").status, 400, "{name}");
        client.expect_close();
        drop(client);
        let lines = world.settle(&name, 1);
        assert_eq!(lines[0].end(), "CH", "{name}");
        let requests = world.recorder.requests();
        let whole =
            requests[seen..].iter().find(|request| request.complete && request.head.method() == "POST");
        assert!(whole.is_none(), "{name}: {whole:#?}");
    }
}

#[test]
fn d56_a_trailer_is_a_field_line() {
    let bodies = [
        "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
        "5\r\nhello\r\n0\r\n: empty\r\n\r\n",
        "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
        "5\r\nhello\r\n0\r\n X: y\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\nZ: 1\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\0\r\n\r\n",
        "5\r\nhello\r\n0\r\nGET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    all_refused("D56", &bodies);
}

#[test]
fn trailers_are_bounded() {
    let world = World::start();
    let with = |trailers: String| chunked(format!("5\r\nhello\r\n0\r\n{trailers}\r\n"));
    let long = |len: usize| format!("X: {}\r\n", "a".repeat(len));
    world.run(&[
        Case::forwarded("32 lines", "POST /post", with("X: y\r\n".repeat(32))).body("hello").line("X: y"),
        Case::forwarded("4 KiB in a line", "POST /post", with(long(4000))).body("hello"),
    ]);
    assert_eq!(world.figure("Trailers too large"), 0);
    world.run(&[
        Case::refused_in_body("33 lines", with("X: y\r\n".repeat(33))),
        Case::refused_in_body("more than 8 KiB", with(long(1000).repeat(9))),
        Case::refused_in_body("a line beyond 4 KiB", with(long(4200))),
        Case::refused_in_body("an endless line", chunked(format!("0\r\nX: {}", "a".repeat(20_000)))),
        Case::refused_in_body("left out ones count too", with("Host: y\r\n".repeat(33))),
    ]);
    assert!(world.figure("Trailers too large") > 0);
}

/// With buffers as small as can be, a long trailer line is refused for what it is, and is not taken
/// for the end of the client.
#[test]
fn trailers_are_bounded_in_the_smallest_buffers_too() {
    let plan = crate::support::Configuration::new().io("buffer_size = \"4KiB\"");
    let world = World::start_with(plan);
    let with = |len: usize| chunked(format!("5\r\nhello\r\n0\r\nX: {}\r\n\r\n", "a".repeat(len)));
    world.run(&[
        Case::forwarded("4091 bytes", "POST /post", with(4091)).body("hello"),
        Case::refused_in_body("4092 bytes", with(4092)),
        Case::refused_in_body("20,000 bytes", with(20_000)),
    ]);
}
