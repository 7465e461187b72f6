//! TLS handshakes that are slow, broken, huge, or no TLS at all.

use std::io::{Read, Write};
use std::net::Shutdown;

use nix::sys::signal::Signal;

use crate::client_hello::{ClientHello, record};
use crate::secure::{Secure, alert, read_to_end};
use crate::support::wait;

const FAILED: &str = "TLS handshakes failed";

#[test]
fn t01_plain_http_is_told_that_the_port_speaks_tls() {
    let secure = Secure::start();
    let requests = [
        "GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /SMUG HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "OPTIONS * HTTP/1.0\r\n\r\n",
    ];
    let before = secure.figure(FAILED);
    for request in requests {
        let outcome = secure.say(request);
        let text = String::from_utf8(outcome.bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 400 Bad request\r\n") && head.contains("\r\nconnection: close"),
            "{text}"
        );
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{text}");
        assert!(body.contains("https://") && !outcome.reset, "{text}");
    }
    let mut stream = secure.raw();
    for byte in requests[0].bytes() {
        let _ = stream.write_all(&[byte]);
    }
    assert!(read_to_end(&mut stream).bytes.starts_with(b"HTTP/1.1 400 "));
    assert_eq!(secure.figure(FAILED), before + 4);
    assert_eq!(secure.settle("plain HTTP"), [], "no request was recognised");
}

#[test]
fn t01_t02_a_stalled_handshake_holds_no_buffer_and_ends_in_time() {
    let secure = Secure::start();
    let hello = ClientHello::tls12().bytes();
    let mut stalled = Vec::new();
    for length in [0, 1, 5, hello.len() - 1, hello.len()] {
        for _ in 0..10 {
            let mut stream = secure.raw();
            stream.write_all(&hello[..length]).unwrap();
            stalled.push(stream);
        }
    }
    let (connections, buffers) = ("Connections now", "Buffers in use");
    wait::for_condition("all to be accepted and parked", || {
        secure.figure(connections) == stalled.len() as u64 && secure.figure(buffers) == 0
    });
    let before = secure.figure(FAILED);
    stalled.iter_mut().for_each(|stream| drop(read_to_end(stream)));
    assert!(secure.figure(FAILED) > before);
    secure.settle("stalled");
}

/// All arrive while torii is held still, so that most have to wait for the others.
#[test]
fn t02_handshakes_that_come_together_are_done_one_after_the_other() {
    let secure = Secure::start();
    let hello = ClientHello::tls12().bytes();
    let mut streams: Vec<_> = (0..100).map(|_| secure.raw()).collect();
    wait::for_condition("all to be accepted", || secure.figure("Connections now") == 100);
    secure.torii.process().signal(Signal::SIGSTOP);
    streams.iter_mut().for_each(|stream| stream.write_all(&hello).unwrap());
    secure.torii.process().signal(Signal::SIGCONT);
    for stream in &mut streams {
        stream.read_exact(&mut [0; 6]).unwrap();
    }
    let waited = secure.figure("TLS handshakes that waited for their turn");
    assert!(waited > 50, "{waited} waited");
    // Those that hang up in the line are not served.
    drop(streams);
    secure.settle("a burst");
}

#[test]
fn t03_a_hello_of_any_size_is_answered() {
    let secure = Secure::start();
    for size in [0, 1_000, 15_000, 40_000, 64_000] {
        let hello = (0..4).fold(ClientHello::tls12(), |hello, number| {
            hello.extension(0x0a0a + 0x1010 * number, &vec![0xaa; size / 4])
        });
        assert_eq!(secure.first_bytes(hello.bytes(), 6)[..2], [22, 3], "{size} bytes of unknown extensions");
    }
    // One that says it will be 1 MiB is not read to its end, nor is one of many small records.
    for size in [16_000, 100] {
        let record = record(22, 0x0301, &vec![0; size]);
        let first = crate::client_hello::record(22, 0x0301, &[1, 0x10, 0, 0]);
        let outcome = secure.say([first, record.repeat((1 << 20) / size)].concat());
        assert!(outcome.alert().is_some() || outcome.bytes.is_empty(), "{outcome:?}");
    }
    secure.settle("huge hellos");
}

#[test]
fn t04_a_hello_may_be_split_over_records_and_segments() {
    let secure = Secure::start();
    let hello = ClientHello::tls12().name(b"a.test");
    let length = hello.message().len();
    for size in (1..length).step_by(7) {
        assert_eq!(secure.first_bytes(hello.records(size), 6)[..2], [22, 3], "records of {size}");
    }
    let bytes = hello.bytes();
    for cut in (1..bytes.len()).step_by(7) {
        let mut stream = secure.raw();
        stream.write_all(&bytes[..cut]).unwrap();
        stream.write_all(&bytes[cut..]).unwrap();
        let mut answer = [0; 6];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..2], [22, 3], "cut at {cut}");
    }
    secure.settle("splits");
}

#[test]
fn t05_an_alert_or_an_end_at_each_step_ends_it() {
    let secure = Secure::start();
    let hello = ClientHello::tls12().bytes();
    let alerts = [record(21, 0x0303, &[1, 0]), record(21, 0x0303, &[2, 40]), Vec::new()];
    for alert in &alerts {
        for length in [0, hello.len() / 2, hello.len()] {
            let mut stream = secure.raw();
            stream.write_all(&hello[..length]).unwrap();
            if length == hello.len() {
                stream.read_exact(&mut [0; 6]).unwrap();
            }
            let _ = stream.write_all(alert);
            if alert.is_empty() {
                stream.shutdown(Shutdown::Write).unwrap();
            }
            read_to_end(&mut stream);
        }
    }
    assert!(secure.settle("alerts").is_empty());
}

#[test]
fn t06_records_that_break_the_rules_are_answered_by_an_alert() {
    let secure = Secure::start();
    let over = [&[22, 3, 1, 0x48, 0x01][..], &[0; 0x4801]].concat();
    for (name, bytes, expected) in [
        ("empty records", record(22, 0x0301, &[]).repeat(1000), None),
        ("too long", over, Some(alert::DECODE_ERROR)),
        ("unknown content", record(99, 0x0301, &[0; 10]), None),
        ("unknown version", record(22, 0x0505, &ClientHello::tls12().message()), None),
        ("data first", record(23, 0x0303, &[0; 100]), Some(alert::UNEXPECTED_MESSAGE)),
        ("no hello", record(22, 0x0301, &[16, 0, 0, 4, 1, 2, 3, 4]), Some(alert::UNEXPECTED_MESSAGE)),
        ("random", vec![0xff; 3000], None),
    ] {
        let outcome = secure.say(&bytes);
        let fine = outcome.alert().is_some() || outcome.bytes.is_empty();
        assert!(fine, "{name}: {outcome:?}");
        if expected.is_some() {
            assert_eq!(outcome.alert(), expected, "{name}: {outcome:?}");
        }
    }
    assert!(secure.settle("records").is_empty());
}

#[test]
fn t07_what_is_out_of_date_is_refused_by_name() {
    let secure = Secure::start();
    let hello = ClientHello::tls12;
    for (name, bytes, expected) in [
        ("SSL 3", hello().version(0x0300).bytes(), alert::PROTOCOL_VERSION),
        ("TLS 1.0", hello().version(0x0301).bytes(), alert::PROTOCOL_VERSION),
        ("TLS 1.1", hello().version(0x0302).bytes(), alert::PROTOCOL_VERSION),
        ("RC4", hello().ciphers(&[0x0004, 0x0005, 0xc007]).bytes(), alert::HANDSHAKE_FAILURE),
        ("no protocol in common", hello().alpn(b"spdy/1").bytes(), alert::NO_APPLICATION_PROTOCOL),
    ] {
        let outcome = secure.say(&bytes);
        assert_eq!(outcome.alert(), Some(expected), "{name}: {outcome:?}");
    }
    // SSL 2 has no alerts that it would understand.
    let outcome = secure.say([&[0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16][..], &[7; 37]].concat());
    assert!(outcome.alert().is_some() || outcome.bytes.is_empty(), "{outcome:?}");
    secure.settle("old versions");
}

#[test]
fn t11_any_server_name_gets_a_certificate_or_an_alert() {
    let secure = Secure::start();
    let (first, second) = (secure.first.der.as_ref(), secure.second.der.as_ref());
    for (name, expected) in [
        (&b"a.test"[..], first),
        (b"b.test", second),
        (b"B.TEST", second),
        (b"unknown.test", first),
        (b"x.a.test", first),
    ] {
        let flight = secure.first_bytes(ClientHello::tls12().name(name).bytes(), 400);
        assert!(holds(&flight, expected), "{}", name.escape_ascii());
    }
    assert!(holds(&secure.first_bytes(ClientHello::tls12().bytes(), 400), first), "no name");
    for name in [&b"127.0.0.1"[..], b"b.test.", b"b\0.test", b"", &[b'x'; 300], b"\xff\xfe", b"a b"] {
        let mut stream = secure.raw();
        stream.write_all(&ClientHello::tls12().name(name).bytes()).unwrap();
        let mut start = [0; 6];
        stream.read_exact(&mut start).unwrap();
        assert!(matches!(start[..2], [22 | 21, 3]), "{}: {start:?}", name.escape_ascii());
    }
    secure.settle("names");
}

#[test]
fn t12_a_ticket_that_is_none_of_ours_leads_to_a_full_handshake() {
    let secure = Secure::start();
    for size in [1, 16, 1_000, 60_000] {
        let hello = ClientHello::tls12().extension(35, &vec![0x5a; size]);
        let flight = secure.first_bytes(hello.bytes(), 400);
        assert!(holds(&flight, secure.first.der.as_ref()), "a ticket of {size} bytes");
    }
    secure.settle("tickets");
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    // A flight may be read in part; the beginning of a certificate is its own as well.
    let part = &part[..part.len().min(200)];
    bytes.windows(part.len()).any(|window| window == part)
}
