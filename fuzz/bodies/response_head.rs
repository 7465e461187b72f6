//! A response head: parsed, compared with httparse, forwarded, and parsed again as a client would.

use torii::http::framing::Body;
use torii::http::head::{Field, HeadError, HeadLimits, Version};
use torii::http::response::{self, ResponseHead};
use torii::http::rewrite::{self, ClientSide};

use super::cuts::check_beginnings;
use super::forwarded;

/// Small, so that they are met.
const LIMITS: HeadLimits = HeadLimits { size: 1024, fields: 12 };
/// For what we wrote ourselves, which may be longer than what we read.
const WIDE: HeadLimits = HeadLimits { size: 65_536, fields: 100 };

/// What two readings of one head must agree on.
type Verdict = Result<(usize, Version, u16, Body, bool), HeadError>;

fn judge(data: &[u8], to_head: bool) -> Option<Verdict> {
    let parsed = response::parse(data, to_head, LIMITS, &mut Vec::new()).transpose()?;
    Some(parsed.map(|head| (head.len, head.version, head.status, head.body, head.keeps_alive())))
}

/// One input.
pub fn run(data: &[u8]) {
    for to_head in [false, true] {
        check_beginnings(data, |part| judge(part, to_head));
        let mut fields = Vec::new();
        let Ok(Some(head)) = response::parse(data, to_head, LIMITS, &mut fields) else { continue };
        check_against_httparse(data, &head, &fields);
        for (version, keep_alive) in [
            (Version::Http11, true),
            (Version::Http11, false),
            (Version::Http10, true),
            (Version::Http10, false),
        ] {
            check_forwarded(data, &head, &fields, to_head, ClientSide { version, keep_alive });
        }
    }
}

fn check_against_httparse(data: &[u8], head: &ResponseHead, fields: &[Field]) {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut theirs = httparse::Response::new(&mut headers);
    let status = theirs.parse(data).expect("what we accept, httparse accepts");
    assert_eq!(status, httparse::Status::Complete(head.len));
    assert_eq!(theirs.code, Some(head.status));
    assert_eq!(theirs.version, Some(u8::from(head.version == Version::Http11)));
    assert_eq!(theirs.headers.len(), fields.len());
    for (header, field) in theirs.headers.iter().zip(fields) {
        assert_eq!((header.name.as_bytes(), header.value), (field.name.of(data), field.value.of(data)));
    }
}

fn check_forwarded(data: &[u8], head: &ResponseHead, fields: &[Field], to_head: bool, client: ClientSide) {
    let mut out = Vec::new();
    let keep_set_cookie = |value: &[u8]| !value.starts_with(b"s=");
    let rules = client.keep_alive.then(forwarded::rules);
    rewrite::response(data, head, fields, rules.as_ref(), client, keep_set_cookie, &mut out);
    out.extend_from_slice(b"\r\n");
    forwarded::check_lines(&out);
    let mut again_fields = Vec::new();
    let again = response::parse(&out, to_head, WIDE, &mut again_fields);
    let again = again.expect("what we forward is valid").expect("what we forward is whole");
    assert_eq!((again.len, again.status, again.version), (out.len(), head.status, head.version));
    assert_eq!(again.body, head.body, "the client reads another framing than we do");
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut theirs = httparse::Response::new(&mut headers);
    theirs.parse(&out).expect("what we forward, httparse accepts");
    let bodyless = to_head || head.status < 200 || head.status == 204 || head.status == 304;
    forwarded::check_framing(theirs.headers, head.body, bodyless);
    if !client.keep_alive && client.version == Version::Http11 && head.status >= 200 {
        assert!(again.connection.close, "the client is not told that its connection ends");
    }
    let left = |header: &httparse::Header<'_>| {
        header.name.eq_ignore_ascii_case("set-cookie") && header.value.starts_with(b"s=")
    };
    assert!(!theirs.headers.iter().any(left), "a cookie that was to be left out");
}
