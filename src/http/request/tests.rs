//! Request heads: tables, every split, and httparse as the oracle of what is well-formed.
#![allow(clippy::unwrap_used)]

use super::*;

const LIMITS: HeadLimits = HeadLimits { size: 512, fields: 8 };

fn parsed(text: &[u8]) -> Parsed<RequestHead> {
    parse(text, LIMITS, &mut Vec::new())
}

fn body_of(text: &str) -> Result<Body, HeadError> {
    parsed(text.as_bytes()).map(|head| head.expect("complete").body)
}

#[test]
fn takes_a_request_apart() {
    let text = b"\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\
        Expect: 100-continue\r\n\r\nabc";
    let head = parsed(text).unwrap().unwrap();
    assert_eq!(head.len, text.len() - 3);
    assert_eq!(head.line.of(text), b"POST /a?b HTTP/1.1");
    assert_eq!(head.method.of(text), b"POST");
    assert_eq!(head.target.path.of(text), b"/a?b");
    assert_eq!((head.method_kind, head.version, head.body), (Method::Post, Version::Http11, Body::Length(3)));
    assert!(head.expects_continue && !head.wants_keep_alive());
}

#[test]
fn wants_more_at_every_prefix() {
    let text = b"\r\nGET http://h/a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
    for end in 0..text.len() {
        assert!(matches!(parsed(&text[..end]), Ok(None)), "prefix of {end}");
    }
    assert!(parsed(text).unwrap().is_some());
}

#[test]
fn keeps_alive_as_the_version_says() {
    let cases = [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
        ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
    ];
    for (version, field, expected) in cases {
        let text = format!("GET / {version}\r\nHost: h\r\n{field}\r\n");
        assert_eq!(parsed(text.as_bytes()).unwrap().unwrap().wants_keep_alive(), expected, "{text:?}");
    }
}

#[test]
fn refuses_malformed_request_lines() {
    for line in [
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /\tHTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET /",
        "G(T / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / HTTPX1.1",
        "GET * HTTP/1.1",
        "CONNECT h:443 HTTP/1.1",
    ] {
        let text = format!("{line}\r\nHost: h\r\n\r\n");
        assert_eq!(parsed(text.as_bytes()).err(), Some(HeadError::Malformed), "{line:?}");
    }
    for line in ["GET / HTTP/9.9", "GET / HTTP/2.0", "PRI * HTTP/2.0", "GET / HTTP/1.2"] {
        let text = format!("{line}\r\nHost: h\r\n\r\n");
        assert_eq!(parsed(text.as_bytes()).err(), Some(HeadError::UnsupportedVersion), "{line:?}");
    }
}

#[test]
fn needs_exactly_one_host_that_is_one() {
    for fields in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host:\r\n", "Host: a/b\r\n"] {
        let text = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        assert_eq!(parsed(text.as_bytes()).err(), Some(HeadError::BadHost), "{fields:?}");
    }
    assert!(parsed(b"GET / HTTP/1.0\r\n\r\n").unwrap().is_some());
    assert_eq!(parsed(b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n").err(), Some(HeadError::BadHost));
    assert!(parsed(b"GET http://A/ HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().is_some());
}

#[test]
fn decides_the_framing_once() {
    let with = |fields: &str| body_of(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    assert_eq!(with(""), Ok(Body::None));
    assert_eq!(with("Content-Length: 0005\r\n"), Ok(Body::Length(5)));
    assert_eq!(with("Content-Length:\t5 \r\n"), Ok(Body::Length(5)));
    assert_eq!(with("Transfer-Encoding: Chunked\r\n"), Ok(Body::Chunked));
    for ambiguous in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        assert_eq!(with(ambiguous), Err(HeadError::AmbiguousFraming), "{ambiguous:?}");
    }
}

#[test]
fn bounds_the_head() {
    let long_line = format!("GET /{} HTTP/1.1\r\n", "a".repeat(600));
    assert_eq!(parsed(long_line.as_bytes()).err(), Some(HeadError::StartLineTooLong));
    let long_field = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "a".repeat(600));
    assert_eq!(parsed(long_field.as_bytes()).err(), Some(HeadError::HeadTooLarge));
    assert_eq!(parsed(&long_field.as_bytes()[..512]).err(), Some(HeadError::HeadTooLarge));
    let empty_lines = "\r\n".repeat(5) + "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(parsed(empty_lines.as_bytes()).err(), Some(HeadError::TooManyEmptyLines));
}

#[test]
fn empty_lines_alone_are_no_request() {
    for nothing in ["", "\r\n", "\r\n\r\n\r\n\r\n"] {
        assert!(is_empty_lines(nothing.as_bytes()), "{nothing:?}");
    }
    for something in ["\r", "\n", "\r\n\r", "\r\nG", "G", "\r\r", &"\r\n".repeat(5)] {
        assert!(!is_empty_lines(something.as_bytes()), "{something:?}");
    }
}

/// Some servers read the body of such a request to the end of the connection.
#[test]
fn an_old_post_without_a_length_ends_the_connection() {
    let keeps = |start: &str| {
        let text = format!("{start} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        parsed(text.as_bytes()).unwrap().unwrap().wants_keep_alive()
    };
    assert!(keeps("GET /") && keeps("HEAD /") && keeps("OPTIONS *"));
    assert!(!keeps("POST /") && !keeps("PUT /") && !keeps("BREW /"));
    assert!(
        parsed(b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
            .unwrap()
            .unwrap()
            .wants_keep_alive()
    );
}

/// Whatever we accept, httparse accepts too, with the same fields: we are only ever stricter.
#[test]
fn is_never_laxer_than_httparse() {
    let seeds: [&[u8]; 3] = [
        b"GET /a?b HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=d\r\nX-Y: \tz \r\n\r\n",
        b"POST http://h:80/ HTTP/1.1\r\nHost: h:80\r\nContent-Length: 12\r\n\r\n",
        b"OPTIONS * HTTP/1.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    ];
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    let alphabet = b"\r\n :\t/,;=\"\0\x7f\x80aZ0#*HTP1.";
    let mut accepted = 0;
    for round in 0..20_000 {
        let mut text = seeds[round % seeds.len()].to_vec();
        for _ in 0..next() % 3 {
            let at = next() % text.len();
            match next() % 3 {
                0 => text[at] = alphabet[next() % alphabet.len()],
                1 => text.insert(at, alphabet[next() % alphabet.len()]),
                _ => drop(text.remove(at)),
            }
        }
        let mut fields = Vec::new();
        let Ok(Some(head)) = parse(&text, LIMITS, &mut fields) else { continue };
        accepted += 1;
        let mut oracle_fields = [httparse::EMPTY_HEADER; 16];
        let mut oracle = httparse::Request::new(&mut oracle_fields);
        let status = oracle.parse(&text).unwrap_or_else(|error| panic!("{error}: {:?}", text.escape_ascii()));
        assert_eq!(status, httparse::Status::Complete(head.len), "{}", text.escape_ascii());
        assert_eq!(oracle.method.unwrap().as_bytes(), head.method.of(&text));
        assert_eq!(oracle.headers.len(), fields.len());
        for (theirs, ours) in oracle.headers.iter().zip(&fields) {
            assert_eq!(theirs.name.as_bytes(), ours.name.of(&text));
            assert_eq!(theirs.value, ours.value.of(&text), "{}", text.escape_ascii());
        }
    }
    assert!(accepted > 1000, "only {accepted} mutants were accepted: the test says nothing");
}
