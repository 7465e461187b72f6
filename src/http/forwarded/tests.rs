//! Claims in forged, chained, split and broken forms, and the lines that are written.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::http::head::{HeadLimits, parse_fields};

const LIMITS: HeadLimits = HeadLimits { size: 16 * 1024, fields: 50 };

/// Fields of a head, given as lines.
fn fields_of(lines: &str) -> (String, Vec<Field>) {
    let text = format!("{}\r\n", lines.replace('\n', "\r\n"));
    let mut fields = Vec::new();
    parse_fields(text.as_bytes(), 0, LIMITS, &mut fields).unwrap().unwrap();
    (text, fields)
}

/// `NAME=VALUE` of what is left.
fn left(text: &str, fields: &[Field]) -> Vec<String> {
    let kept = fields.iter().filter(|field| field.kind != FieldKind::LeftOut);
    let bytes = text.as_bytes();
    let show = |span: &Span| String::from_utf8_lossy(span.of(bytes)).into_owned();
    kept.map(|field| format!("{}={}", show(&field.name), show(&field.value))).collect()
}

/// 10.0.0.0/8 is trusted.
fn follow_in(lines: &str) -> (Option<String>, Vec<String>) {
    let (text, mut fields) = fields_of(lines);
    let is_trusted = |address: IpAddr| matches!(address, IpAddr::V4(ip) if ip.octets()[0] == 10);
    let client = follow(text.as_bytes(), &mut fields, is_trusted);
    (client.map(|address| address.to_string()), left(&text, &fields))
}

fn is_followed(lines: &str, client: Option<&str>, kept: &[&str]) {
    let (found, left) = follow_in(lines);
    assert_eq!(
        (found.as_deref(), left.iter().map(String::as_str).collect::<Vec<_>>()),
        (client, kept.to_vec())
    );
}

#[test]
fn the_first_untrusted_hop_from_the_right_is_the_client() {
    is_followed("X-Forwarded-For: 192.0.2.1\n", Some("192.0.2.1"), &["X-Forwarded-For=192.0.2.1"]);
    is_followed(
        "X-Forwarded-For: 192.0.2.1, 10.1.1.1,10.2.2.2\n",
        Some("192.0.2.1"),
        &["X-Forwarded-For=192.0.2.1, 10.1.1.1,10.2.2.2"],
    );
    is_followed(
        "X-Forwarded-For: 10.3.3.3, 10.1.1.1\n",
        Some("10.3.3.3"),
        &["X-Forwarded-For=10.3.3.3, 10.1.1.1"],
    );
}

#[test]
fn what_stands_left_of_the_client_is_taken_out() {
    is_followed(
        "X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.1.1.1\n",
        Some("192.0.2.1"),
        &["X-Forwarded-For=192.0.2.1, 10.1.1.1"],
    );
    is_followed(
        "X-Forwarded-For: 1.1.1.1\nA: b\nx-forwarded-for: 2.2.2.2,192.0.2.1\nX-FORWARDED-FOR: 10.1.1.1\n",
        Some("192.0.2.1"),
        &["A=b", "x-forwarded-for=192.0.2.1", "X-FORWARDED-FOR=10.1.1.1"],
    );
    is_followed(
        "X-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 192.0.2.1\n",
        Some("192.0.2.1"),
        &["X-Forwarded-For=192.0.2.1"],
    );
}

#[test]
fn a_value_that_is_no_address_stops_the_walk() {
    is_followed(
        "X-Forwarded-For: 192.0.2.1, unknown, 10.1.1.1\n",
        Some("10.1.1.1"),
        &["X-Forwarded-For=10.1.1.1"],
    );
    is_followed(
        "X-Forwarded-For: 192.0.2.1, x\nX-Forwarded-For: 10.1.1.1\n",
        Some("10.1.1.1"),
        &["X-Forwarded-For=10.1.1.1"],
    );
    for nothing in
        ["unknown", "192.0.2.1 192.0.2.2", "192.0.2.1:", "192.0.2.1:x", "[::1", "::1]", "1.2.3", "\u{e9}"]
    {
        is_followed(&format!("X-Forwarded-For: 192.0.2.9, {nothing}\n"), None, &[]);
    }
    is_followed("A: b\n", None, &["A=b"]);
}

#[test]
fn empty_elements_and_ports_are_passed_over() {
    is_followed(
        "X-Forwarded-For: 192.0.2.1 ,, \nX-Forwarded-For:\n",
        Some("192.0.2.1"),
        &["X-Forwarded-For=192.0.2.1 ,,", "X-Forwarded-For="],
    );
    is_followed("X-Forwarded-For: 192.0.2.1:4711\n", Some("192.0.2.1"), &["X-Forwarded-For=192.0.2.1:4711"]);
    is_followed(
        "X-Forwarded-For: [2001:db8::1]:4711\n",
        Some("2001:db8::1"),
        &["X-Forwarded-For=[2001:db8::1]:4711"],
    );
    is_followed("X-Forwarded-For: 2001:db8::1\n", Some("2001:db8::1"), &["X-Forwarded-For=2001:db8::1"]);
}

#[test]
fn one_field_with_one_address_names_the_client() {
    let address = |lines: &str| {
        let (text, fields) = fields_of(lines);
        address_in(text.as_bytes(), &fields, b"true-client-ip").map(|address| address.to_string())
    };
    assert_eq!(address("True-Client-IP: 192.0.2.1\n").as_deref(), Some("192.0.2.1"));
    assert_eq!(address("TRUE-CLIENT-IP: [2001:db8::1]\n").as_deref(), Some("2001:db8::1"));
    for nothing in
        ["A: b\n", "True-Client-IP:\n", "True-Client-IP: 192.0.2.1, 192.0.2.2\n", "True-Client-IP: me\n"]
    {
        assert_eq!(address(nothing), None, "{nothing}");
    }
    assert_eq!(address("True-Client-IP: 192.0.2.1\nTrue-Client-IP: 192.0.2.1\n"), None, "which one?");
}

#[test]
fn claims_of_others_are_taken_out() {
    let (text, mut fields) = fields_of(
        "X-Forwarded-For: 1.1.1.1\nA: b\nFORWARDED: for=1.1.1.1\nX-Forwarded-Proto: https\n\
         X-Forwarded-Port: 443\nX-Forwarded-Host: h\nX-Real-IP: 1.1.1.1\nTrue-Client-IP: 1.1.1.1\n",
    );
    remove_claims(text.as_bytes(), &mut fields, None);
    assert_eq!(left(&text, &fields), ["A=b", "True-Client-IP=1.1.1.1"]);
    remove_claims(text.as_bytes(), &mut fields, Some(b"true-client-ip"));
    assert_eq!(left(&text, &fields), ["A=b"]);
}

#[test]
fn a_field_of_ours_replaces_all_but_those_of_a_trusted_proxy() {
    let lines = "X-Forwarded-Proto: a\nX-Forwarded-Port: 1\nX-Forwarded-Proto: b\n";
    let (text, mut fields) = fields_of(lines);
    assert!(!replaces_proto(text.as_bytes(), &mut fields, true));
    assert_eq!(left(&text, &fields).len(), 3);
    assert!(replaces_proto(text.as_bytes(), &mut fields, false));
    assert_eq!(left(&text, &fields), ["X-Forwarded-Port=1"]);
    assert!(replaces_port(text.as_bytes(), &mut fields, false));
    assert!(left(&text, &fields).is_empty());
    assert!(replaces_port(text.as_bytes(), &mut fields, true), "it wrote none");
}

#[test]
fn nominated_fields_go_but_not_those_with_a_rule() {
    let (text, mut fields) = fields_of(
        "Host: h\nX-Forwarded-For: 1.1.1.1\nContent-Length: 3\nTransfer-Encoding: chunked\nCookie: a\nTE: trailers\n\
         X-A: a\nConnection: close, HOST, Content-Length,, transfer-encoding\nX-B: b\n\
         Connection: x-forwarded-for , cookie, te, X-a\nX-a: again\n",
    );
    remove_nominated(text.as_bytes(), &mut fields, 10).unwrap();
    let names: Vec<String> =
        left(&text, &fields).iter().map(|line| line.split_once('=').unwrap().0.to_owned()).collect();
    let expected =
        ["Host", "Content-Length", "Transfer-Encoding", "Cookie", "TE", "Connection", "X-B", "Connection"];
    assert_eq!(names, expected);
    assert_eq!(remove_nominated(text.as_bytes(), &mut fields, 8), Err(HeadError::TooManyFields));
}

#[test]
fn lines_are_those_of_haproxy() {
    let write = |address: &str, over_tls: bool, host: Option<&str>| {
        let client = AddressText::new(address.parse().unwrap());
        let mut out = Vec::new();
        write_address(&client, &mut out);
        write_proto(over_tls, &mut out);
        write_port(443, &mut out);
        write_forwarded(&client, over_tls, host.map(str::as_bytes), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        write("192.0.2.1", false, Some("www.example.com:8080")),
        "x-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: http\r\nx-forwarded-port: 443\r\n\
         forwarded: proto=http;host=\"www.example.com:8080\";for=192.0.2.1\r\n"
    );
    assert_eq!(
        write("2001:db8::1", true, None),
        "x-forwarded-for: 2001:db8::1\r\nx-forwarded-proto: https\r\nx-forwarded-port: 443\r\n\
         forwarded: proto=https;for=\"[2001:db8::1]\"\r\n"
    );
    for unquotable in ["", "a\"b", "a\\b", "a b", "\u{e9}"] {
        assert!(!write("::1", true, Some(unquotable)).contains("host="), "{unquotable}");
    }
    let longest = "1111:2222:3333:4444:5555:6666:7777:8888";
    assert!(write(longest, true, None).contains(longest));
    assert!(write("::ffff:255.255.255.255", true, None).contains("::ffff:255.255.255.255"));
}
