//! A request head: parsed, compared with httparse, forwarded, and parsed again as a server would.

use torii::http::cookie;
use torii::http::framing::Body;
use torii::http::head::{Field, HeadError, HeadLimits, Span, Version, is_worth_parsing};
use torii::http::request::{self, RequestHead};
use torii::http::rewrite;

use super::cuts::{check_beginnings, cuts};
use super::forwarded;

/// Small, so that they are met.
const LIMITS: HeadLimits = HeadLimits { size: 1024, fields: 12 };
/// For what we wrote ourselves, which may be longer than what we read.
const WIDE: HeadLimits = HeadLimits { size: 65_536, fields: 100 };

/// What two readings of one head must agree on.
type Verdict = Result<(usize, Span, Version, Body, bool), HeadError>;

fn judge(data: &[u8]) -> Option<Verdict> {
    let parsed = request::parse(data, LIMITS, &mut Vec::new()).transpose()?;
    Some(parsed.map(|head| (head.len, head.method, head.version, head.body, head.expects_continue)))
}

/// One input.
pub fn run(data: &[u8]) {
    check_beginnings(data, judge);
    check_dripping(data);
    let mut fields = Vec::new();
    let Ok(Some(head)) = request::parse(data, LIMITS, &mut fields) else { return };
    check_against_httparse(data, &head, &fields);
    for strip in [false, true] {
        check_forwarded(data, &head, &fields, strip);
    }
}

/// As a session does it: in pieces, parsed again only when that can say more.
fn check_dripping(data: &[u8]) {
    let whole = judge(data);
    let mut searched = 0;
    let mut verdict = None;
    for end in cuts(data).into_iter().chain([data.len()]) {
        if verdict.is_none() && is_worth_parsing(&data[..end], searched, LIMITS) {
            verdict = judge(&data[..end]);
        }
        searched = end;
    }
    match whole {
        // A fault may wait for the end of its line, but not beyond the limit.
        Some(Err(_)) if verdict.is_none() => assert!(data.len() < LIMITS.size),
        _ => assert_eq!(verdict, whole),
    }
}

fn check_against_httparse(data: &[u8], head: &RequestHead, fields: &[Field]) {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut theirs = httparse::Request::new(&mut headers);
    let status = theirs.parse(data).expect("what we accept, httparse accepts");
    assert_eq!(status, httparse::Status::Complete(head.len));
    assert_eq!(theirs.method.map(str::as_bytes), Some(head.method.of(data)));
    assert_eq!(theirs.version, Some(u8::from(head.version == Version::Http11)));
    let target = theirs.path.expect("complete").as_bytes();
    assert!(head.line.of(data).windows(target.len()).any(|part| part == target));
    assert_eq!(theirs.headers.len(), fields.len());
    for (header, field) in theirs.headers.iter().zip(fields) {
        assert_eq!((header.name.as_bytes(), header.value), (field.name.of(data), field.value.of(data)));
    }
}

fn write(data: &[u8], head: &RequestHead, fields: &[Field], strip: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let rules = strip.then(forwarded::rules);
    let on_cookie = |value: &[u8], stripped: &mut Vec<u8>| cookie::scan(value, b"s", strip, stripped, |_| {});
    rewrite::request(data, head, fields, rules.as_ref(), &mut Vec::new(), on_cookie, &mut out);
    out.extend_from_slice(b"\r\n");
    out
}

fn check_forwarded(data: &[u8], head: &RequestHead, fields: &[Field], strip: bool) {
    let out = write(data, head, fields, strip);
    forwarded::check_lines(&out);
    let mut again_fields = Vec::new();
    let again = request::parse(&out, WIDE, &mut again_fields);
    let again = again.expect("what we forward is valid").expect("what we forward is whole");
    assert_eq!(again.len, out.len());
    assert_eq!(again.method.of(&out), head.method.of(data));
    assert_eq!(
        (again.version, again.body, again.expects_continue),
        (head.version, head.body, head.expects_continue)
    );
    match head.target.path.of(data) {
        b"" => assert_eq!(again.target.path.of(&out), b"/"),
        path => assert_eq!(again.target.path.of(&out), path),
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut theirs = httparse::Request::new(&mut headers);
    theirs.parse(&out).expect("what we forward, httparse accepts");
    forwarded::check_framing(theirs.headers, head.body, false);
    let twice = write(&out, &again, &again_fields, strip);
    assert_eq!(trimmed(&twice), trimmed(&out), "a second torii would change it again");
}

/// The lines in order of their bytes, since rules put theirs behind what an earlier torii added, and
/// without blanks at their ends: a stripped cookie may leave one, which says nothing.
fn trimmed(head: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    lines.sort_unstable();
    lines
}
