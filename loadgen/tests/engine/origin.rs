//! The bundled origin over real sockets: what it refuses, and how it ends connections.

use std::io::{Read, Write};
use std::net::TcpStream;

use torii_loadgen::origin::{AnswerShape, Delay, Origin};

use crate::support::{MS, origin, tls_origin};

/// Sends bytes, and returns all that comes until the origin ends the connection.
fn until_end(origin: &Origin, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(origin.addresses()[0]).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answered = Vec::new();
    stream.read_to_end(&mut answered).unwrap();
    String::from_utf8(answered).unwrap()
}

#[test]
fn what_two_servers_could_read_differently_is_refused_and_nothing_behind_it_is_read() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let host = "Host: a\r\n";
    for (head, reason) in [
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\nhello"), "not a number"),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
            "two different",
        ),
        (
            format!(
                "POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "both Transfer-Encoding",
        ),
        (
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            "other than chunked",
        ),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nx\r\n"), "hexadecimal"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "no Host"),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), "more than one Host"),
        (format!("GET / HTTP/3.0\r\n{host}\r\n"), "version"),
    ] {
        let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let answered = until_end(&origin, [good, &head, behind].concat().as_bytes());
        assert_eq!(answered.matches("HTTP/1.1 200 Answer").count(), 1, "{head}: {answered}");
        assert_eq!(answered.matches("HTTP/1.1 400 Bad Request").count(), 1, "{head}: {answered}");
        let refused = answered.split("X-Refused: ").nth(1).unwrap();
        assert!(refused.lines().next().unwrap().contains(reason), "{head}: {refused}");
        assert!(refused.contains("Connection: close\r\n"), "{refused}");
    }
}

#[test]
fn a_connection_ends_when_its_client_says_so_and_stays_when_that_is_told() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let both = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n";
    let answered = until_end(&origin, [both, both].concat().as_bytes());
    assert_eq!(answered.matches("HTTP/1.1 200 Answer").count(), 1, "{answered}");
    assert!(answered.contains("Connection: close\r\n"), "{answered}");
    let old = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    let answered = until_end(&origin, [old, old, "GET / HTTP/1.0\r\n\r\n"].concat().as_bytes());
    assert_eq!(answered.matches("Connection: keep-alive\r\n").count(), 2, "{answered}");
    assert_eq!(answered.matches("Connection: close\r\n").count(), 1, "{answered}");
}

#[test]
fn pipelined_requests_are_answered_each_at_its_time() {
    for delay in [Delay::None, Delay::Fixed(MS / 10)] {
        let origin = origin(AnswerShape { size: 10_000, ..AnswerShape::default() }, delay);
        let mut stream = TcpStream::connect(origin.addresses()[0]).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            writer
                .write_all(&b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab".repeat(300))
                .unwrap();
            writer.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        });
        let mut answered = Vec::new();
        stream.read_to_end(&mut answered).unwrap();
        writing.join().unwrap();
        let text = String::from_utf8(answered).unwrap();
        assert_eq!(text.matches("HTTP/1.1 200 Answer").count(), 301);
    }
}

#[test]
fn who_speaks_no_tls_is_told_so_by_an_alert() {
    let origin = tls_origin();
    let mut stream = TcpStream::connect(origin.addresses()[0]).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answered = Vec::new();
    stream.read_to_end(&mut answered).unwrap();
    // RFC 8446 section 5.1: a record of the type alert, fatal.
    assert!(answered.len() == 7 && answered[0] == 21 && answered[5] == 2, "{answered:?}");
}
