//! Requests that two readers could frame differently: each is refused, or forwarded in one clear form.

use crate::case::Case;
use crate::world::World;

/// A POST with these field lines, each with its line end, and what follows the head.
fn post(fields: &str, rest: &str) -> Vec<u8> {
    format!("POST /post HTTP/1.1\r\nHost: a\r\n{fields}\r\n{rest}").into_bytes()
}

#[test]
fn d01_d02_length_and_chunked_together_are_refused() {
    World::start().run(&[
        Case::refused("D01", 400, post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG")),
        Case::refused("D02", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\nG")),
    ]);
}

#[test]
fn d29_leading_zeros_of_a_length_are_left_out() {
    World::start().run(&[Case::forwarded("D29", "POST /post", post("Content-Length: 0005\r\n", "hello"))
        .body("hello")
        .line("Content-Length: 5")]);
}

#[test]
fn d45_a_chunk_size_is_hexadecimal_digits() {
    let sizes = ["0x5", "+5", "-1", "5_", "5 5", " 5", "5.", "g", ""];
    let case = |size: &&str| {
        let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
        Case::refused_in_body(&format!("D45 {size:?}"), post("Transfer-Encoding: chunked\r\n", &body))
    };
    World::start().run(&sizes.iter().map(case).collect::<Vec<_>>());
}
