//! The server name in a ClientHello: real ones, each split, every cut, seeded mutations.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rustls::pki_types::ServerName as ClientName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;

/// What a rustls client sends first.
fn hello(name: &'static str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), ClientName::try_from(name).unwrap()).unwrap();
    let mut wire = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut wire).unwrap();
    }
    wire
}

fn name_of(wire: &[u8]) -> Option<String> {
    match read(wire) {
        Verdict::Hello { server_name } => server_name.map(|name| name.as_str().to_owned()),
        other => panic!("{other:?}"),
    }
}

/// The same message in records of `size` bytes each.
fn in_records(wire: &[u8], size: usize) -> Vec<u8> {
    let cut = |fragment: &[u8]| {
        let length = (fragment.len() as u16).to_be_bytes();
        [&[22, 3, 1], &length[..], fragment].concat()
    };
    wire[RECORD_HEADER..].chunks(size).flat_map(cut).collect()
}

/// A small ClientHello with these extensions, each `(type, content)`.
fn made(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut all = Vec::new();
    for (kind, content) in extensions {
        all.extend_from_slice(&kind.to_be_bytes());
        all.extend_from_slice(&(content.len() as u16).to_be_bytes());
        all.extend_from_slice(content);
    }
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0x13, 1, 1, 0]);
    body.extend_from_slice(&(all.len() as u16).to_be_bytes());
    body.extend_from_slice(&all);
    with_headers(&body)
}

fn with_headers(body: &[u8]) -> Vec<u8> {
    let mut wire = vec![22, 3, 1];
    wire.extend_from_slice(&(body.len() as u16 + 4).to_be_bytes());
    wire.push(1);
    wire.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    wire.extend_from_slice(body);
    wire
}

/// The content of a server_name extension.
fn names(entries: &[(u8, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, name) in entries {
        list.push(*kind);
        list.extend_from_slice(&(name.len() as u16).to_be_bytes());
        list.extend_from_slice(name);
    }
    [&(list.len() as u16).to_be_bytes()[..], &list].concat()
}

#[test]
fn reads_the_name_that_a_real_client_sends() {
    assert_eq!(name_of(&hello("www.example.com")).as_deref(), Some("www.example.com"));
    let longest = [["a"; 63].concat(), ["b"; 63].concat(), ["c"; 63].concat(), ["d"; 61].concat()].join(".");
    let longest: &'static str = longest.leak();
    assert_eq!(name_of(&hello(longest)).as_deref(), Some(longest));
    // A client that connects to an address names no server.
    assert_eq!(name_of(&hello("192.0.2.1")), None);
}

#[test]
fn what_follows_the_hello_is_not_looked_at() {
    let wire = [hello("a.example"), b"anything".to_vec()].concat();
    assert_eq!(name_of(&wire).as_deref(), Some("a.example"));
}

#[test]
fn every_beginning_of_a_hello_needs_more() {
    for wire in [hello("www.example.com"), in_records(&hello("www.example.com"), 3)] {
        for length in 0..wire.len() {
            assert_eq!(read(&wire[..length]), Verdict::NeedMore, "{length} of {}", wire.len());
        }
    }
}

#[test]
fn a_hello_may_be_cut_into_records_at_any_byte() {
    let wire = hello("www.example.com");
    for size in 1..wire.len() {
        assert_eq!(name_of(&in_records(&wire, size)).as_deref(), Some("www.example.com"), "{size}");
    }
}

#[test]
fn a_hello_without_the_extension_or_without_any_names_nobody() {
    assert_eq!(name_of(&made(&[(0x0a0a, vec![]), (43, vec![2, 3, 4])])), None);
    assert_eq!(name_of(&made(&[])), None);
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0, 0x2f, 1, 0]);
    assert_eq!(name_of(&with_headers(&body)), None, "TLS 1.2 without extensions");
}

#[test]
fn a_name_is_given_as_it_was_written() {
    for name in ["WWW.Example.COM", "192.0.2.1", "_x-9.example", "xn--bcher-kva.example"] {
        assert_eq!(name_of(&made(&[(0, names(&[(0, name.as_bytes())]))])).as_deref(), Some(name));
    }
    assert_eq!(name_of(&made(&[(0, names(&[(0, b"a.example.")]))])).as_deref(), Some("a.example"));
    let other_types = names(&[(7, b"?"), (0, b"a.example"), (9, b"")]);
    assert_eq!(name_of(&made(&[(0, other_types)])).as_deref(), Some("a.example"));
    assert_eq!(name_of(&made(&[(0, names(&[(0, &[b'a'; 255])]))])).as_deref(), Some(&*"a".repeat(255)));
}

#[test]
fn an_unusable_name_is_refused() {
    let bad: [Vec<u8>; 14] = [
        names(&[(0, b".")]),
        names(&[(0, b"")]),
        names(&[(0, &[b'a'; 256])]),
        names(&[(0, b"a\0.example")]),
        names(&[(0, b"a b")]),
        names(&[(0, b"a\r\nb")]),
        names(&[(0, b"b\xc3\xbccher.example")]),
        names(&[(0, b"a.example"), (0, b"b.example")]),
        names(&[(1, b"a.example")]),
        names(&[]),
        vec![],
        vec![0],
        // The list is shorter than the extension, and longer.
        [names(&[(0, b"a")]), vec![0]].concat(),
        vec![0, 5, 0, 0, 1, b'a'],
    ];
    for content in bad {
        assert_eq!(read(&made(&[(0, content.clone())])), Verdict::NotTls, "{content:?}");
    }
    let twice = [(0, names(&[(0, b"a.example")])), (0, names(&[(0, b"b.example")]))];
    assert_eq!(read(&made(&twice)), Verdict::NotTls);
}

#[test]
fn what_is_not_tls_is_told_by_its_first_bytes() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n"[..], b"\x80\x2e\x01\x03", b"\x15", b"\x17\x03\x03", b"\x16\x02", b"\0"]
    {
        assert_eq!(read(bytes), Verdict::NotTls, "{bytes:?}");
    }
    assert_eq!(read(b"\x16\x03\x01\0\0"), Verdict::NotTls, "an empty record");
    assert_eq!(read(b"\x16\x03\x01\x40\x01"), Verdict::NotTls, "a record beyond 16 KiB");
    assert_eq!(read(b"\x16\x03\x01\0\x05\x02"), Verdict::NotTls, "a ServerHello");
    assert_eq!(read(b"\x16\x03\x01\0\x01\x01\x15\x03"), Verdict::NotTls, "an alert between its records");
}

#[test]
fn each_length_has_to_hold() {
    let wire = made(&[(0, names(&[(0, b"a.example")]))]);
    // Session id of 33 bytes, no cipher suites, half a cipher suite, no compression, extensions cut short.
    for (at, value) in [(43, 33), (45, 0), (45, 1), (48, 0), (51, wire[51] - 1), (51, wire[51] + 1)] {
        let mut broken = wire.clone();
        broken[at] = value;
        assert_eq!(read(&broken), Verdict::NotTls, "byte {at} = {value}");
    }
    // The message ends before its content does.
    for length in 0..(wire.len() - HEADER - RECORD_HEADER) as u8 {
        let mut broken = wire.clone();
        broken[8] = length;
        let verdict = read(&broken);
        let without_extensions = length == 41;
        assert_eq!(verdict != Verdict::NotTls, without_extensions, "{length}: {verdict:?}");
    }
}

#[test]
fn a_hello_beyond_the_limit_is_told_apart() {
    let fits = limits::CLIENT_HELLO_SIZE - made(&[(21, vec![])]).len();
    let longest = made(&[(21, vec![0; fits])]);
    assert_eq!(longest.len(), limits::CLIENT_HELLO_SIZE);
    assert_eq!(name_of(&longest), None);
    let longer = made(&[(21, vec![0; fits + 1])]);
    assert_eq!(read(&longer[..9]), Verdict::TooLarge);
    assert_eq!(read(&longer[..8]), Verdict::NeedMore);
    // In records of one byte it takes more room than it says.
    let dripped = in_records(&longest, 1);
    assert_eq!(read(&dripped[..limits::CLIENT_HELLO_SIZE - 1]), Verdict::NeedMore);
    assert_eq!(read(&dripped[..limits::CLIENT_HELLO_SIZE]), Verdict::TooLarge);
}

#[test]
fn no_mutation_panics_and_none_changes_its_mind_when_more_comes() {
    let seeds =
        [hello("www.example.com"), in_records(&hello("a.example"), 7), made(&[(0, names(&[(0, b"a")]))])];
    let mut numbers = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = |limit: usize| {
        numbers ^= numbers << 13;
        numbers ^= numbers >> 7;
        numbers ^= numbers << 17;
        (numbers % limit as u64) as usize
    };
    for round in 0..5000 {
        let mut wire = seeds[round % seeds.len()].clone();
        for _ in 0..1 + below(3) {
            let at = below(wire.len().min(120));
            wire[at] = below(256) as u8;
        }
        let verdict = read(&wire);
        for length in [below(wire.len()), below(wire.len())] {
            let earlier = read(&wire[..length]);
            assert!(earlier == Verdict::NeedMore || earlier == verdict, "{earlier:?}, then {verdict:?}");
        }
    }
}
