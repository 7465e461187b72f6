//! Limits of what a request may be: the status it is refused with, the counter that tells, the letters.

use crate::support::Configuration;
use crate::world::World;

/// Sends `bytes`, and checks the answer, the letters in the log, and that `counter` counts it once.
#[track_caller]
fn assert_limit(world: &World, name: &str, bytes: String, status: u16, counter: Option<&str>) {
    let before = counter.map_or(0, |counter| world.figure(counter));
    let mut client = world.client();
    let _ = client.try_send(bytes);
    assert_eq!(client.response("GET").status, status, "{name}");
    client.expect_close();
    drop(client);
    let lines = world.settle(name, 1);
    assert_eq!((lines[0].status, lines[0].end()), (i64::from(status), "PR"), "{name}");
    if let Some(counter) = counter {
        assert_eq!(world.figure(counter), before + 1, "{name}: {counter}");
    }
}

#[test]
fn each_limit_of_a_head_has_its_status_and_counter() {
    let world = World::start();
    let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let head = Some("Heads beyond request_head_size");
    let long = "x".repeat(17_000);
    assert_limit(&world, "target", format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, head);
    assert_limit(&world, "method", format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n"), 414, head);
    assert_limit(&world, "field", get(&format!("X: {long}\r\n")), 431, head);
    assert_limit(&world, "name", get(&format!("{long}: x\r\n")), 431, head);
    let fields = Some("Heads beyond request_headers");
    assert_limit(&world, "fields", get(&"X: y\r\n".repeat(100)), 431, fields);
    let empty = Some("Empty lines before a request beyond 4");
    assert_limit(&world, "empty lines", format!("{}{}", "\r\n".repeat(5), get("")), 400, empty);
    assert_limit(&world, "coding", get("Transfer-Encoding: br\r\n"), 501, None);
    assert_limit(&world, "version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505, None);
    assert_limit(&world, "length", get("Content-Length: 99999999999999999999\r\n"), 400, None);
}

#[test]
fn each_limit_of_a_chunked_body_has_its_status_and_counter() {
    let world = World::start();
    let post = |body: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let chunks = Some("Chunk lines or extensions too large");
    assert_limit(&world, "line", post(&format!("1;{}\r\nx\r\n", "a".repeat(300))), 400, chunks);
    let many = format!("1;{}\r\nx\r\n", "a".repeat(200)).repeat(82) + "0\r\n\r\n";
    assert_limit(&world, "extensions", post(&many), 400, chunks);
    let trailers = Some("Trailers too large");
    assert_limit(&world, "lines", post(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(33))), 400, trailers);
    assert_limit(&world, "bytes", post(&format!("0\r\nX: {}\r\n\r\n", "y".repeat(5000))), 400, trailers);
}

#[test]
fn configured_limits_are_obeyed_to_the_byte() {
    let plan = Configuration::new().limit("request_head_size = \"2KiB\"").limit("request_headers = 5");
    let world = World::start_with(plan);
    let of_size = |size: usize| {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(size - rest))
    };
    let of_fields =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    for fits in [of_size(2048), of_fields(5)] {
        let mut client = world.client();
        client.send(fits);
        assert_eq!(client.response("GET").status, 200);
        drop(client);
        world.settle("at the limit", 1);
    }
    assert_limit(&world, "a byte more", of_size(2049), 431, Some("Heads beyond request_head_size"));
    assert_limit(&world, "a field more", of_fields(6), 431, Some("Heads beyond request_headers"));
}

/// The counter of the body's limits also counts once the server has the beginning: `PR` with its name.
#[test]
fn a_limit_hit_in_mid_body_is_counted_too() {
    let world = World::start();
    let mut client = world.client();
    client.send("POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    crate::support::wait::for_condition("the beginning at the server", || world.recorder.count() > 1);
    client.send(format!("1;{}\r\nx\r\n", "a".repeat(300)));
    assert_eq!(client.response("POST").status, 400);
    client.expect_close();
    drop(client);
    let lines = world.settle("in mid-body", 1);
    assert_eq!((lines[0].end(), lines[0].server.as_str()), ("PR", "web1"));
    assert_eq!(world.figure("Chunk lines or extensions too large"), 1);
}
