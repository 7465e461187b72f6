//! A request's head, as strictly as it can be read: what two readers could take for two requests is refused
//! with a reason, so that a proxy which lets it pass is found out. No socket, no clock.
//!
//! Called by `origin::connection` with what has come; the framing is decided where that of answers is.

use std::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Request, Status};
use memchr::memchr_iter;

use super::answers::{Answers, Manner};
use crate::limits::{FIELDS_MAX, HEAD_BYTES_MAX};
use crate::response::{Framing, decide_request};

/// What a head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its length.
    pub bytes: usize,
    /// Whether the answer's body is left out.
    pub is_head: bool,
    /// How the answer is sent.
    pub manner: Manner,
    /// The end of the body.
    pub framing: Framing,
    /// Whether the client waits for a word before it sends the body (RFC 9110 section 10.1.1).
    pub awaits_continue: bool,
}

/// Reads a head that lies at the beginning of `bytes`; `None` while it is not complete.
///
/// # Errors
/// Why it is no head, in words.
pub fn read_head(bytes: &[u8], answers: &Answers) -> Result<Option<Head>, &'static str> {
    if bytes.is_empty() {
        return Ok(None);
    }
    // Not initialised: clearing room for all fields would cost more than most heads.
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS_MAX];
    let mut request = Request::new(&mut []);
    let parser = ParserConfig::default();
    let parsed = parser.parse_request_with_uninit_headers(&mut request, bytes, &mut fields);
    let count = match parsed.map_err(in_words)? {
        Status::Complete(count) => count,
        Status::Partial if bytes.len() <= HEAD_BYTES_MAX => return Ok(None),
        Status::Partial => return Err("the head is longer than any head should be"),
    };
    let version = request.version.unwrap_or_default();
    if memchr_iter(b'\n', &bytes[..count]).any(|at| at == 0 || bytes[at - 1] != b'\r') {
        return Err("a line of the head does not end in CR LF");
    }
    let decision = decide_request(version, request.headers)?;
    check_host(version, request.headers)?;
    let cookies = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("cookie"));
    let sets_cookie = !answers.is_brought_by(cookies.map(|field| field.value));
    let manner = Manner { sets_cookie, closes: !decision.keeps_alive, is_one_zero: version == 0 };
    let is_head = request.method == Some("HEAD");
    let expects = |field: &Header<'_>| {
        field.name.eq_ignore_ascii_case("expect") && field.value.eq_ignore_ascii_case(b"100-continue")
    };
    let has_body = !matches!(decision.framing, Framing::None | Framing::Length(0));
    let awaits_continue = version == 1 && has_body && request.headers.iter().any(expects);
    Ok(Some(Head { bytes: count, is_head, manner, framing: decision.framing, awaits_continue }))
}

/// RFC 9112 section 3.2: exactly one Host; HTTP/1.0 may do without.
fn check_host(version: u8, fields: &[Header<'_>]) -> Result<(), &'static str> {
    let mut hosts = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.value.iter().all(|&byte| is_host_byte(byte)) => Ok(()),
        (Some(_), None) => Err("the value of Host is no host"),
        (None, _) if version == 0 => Ok(()),
        (None, _) => Err("no Host field in HTTP/1.1"),
        (Some(_), Some(_)) => Err("more than one Host field"),
    }
}

/// RFC 3986 sections 3.2.2 and 3.2.3: host and port.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}

fn in_words(error: Error) -> &'static str {
    match error {
        Error::HeaderName => "the name of a field holds a byte that is not allowed",
        Error::HeaderValue => "the value of a field holds a byte that is not allowed",
        Error::NewLine => "a line of the head does not end in CR LF",
        Error::Status | Error::Token => "the first line holds a byte that is not allowed",
        Error::TooManyHeaders => "the head has too many fields",
        Error::Version => "the version is not HTTP/1.0 or HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::AnswerShape;
    use super::*;

    fn read(head: &str) -> Result<Option<Head>, &'static str> {
        read_head(head.as_bytes(), &Answers::new(&AnswerShape::default()))
    }

    #[test]
    fn heads_say_how_they_want_to_be_answered() {
        let of = |head: &str| read(head).ok().flatten().map(|head| (head.is_head, head.manner, head.framing));
        let manner = |closes, is_one_zero| Manner { sets_cookie: false, closes, is_one_zero };
        let host = "Host: a\r\n";
        let cases = [
            (format!("GET / HTTP/1.1\r\n{host}\r\n"), (false, manner(false, false), Framing::None)),
            (
                format!("HEAD / HTTP/1.1\r\n{host}Connection: keep-alive, close\r\n\r\n"),
                (true, manner(true, false), Framing::None),
            ),
            ("GET / HTTP/1.0\r\n\r\n".to_owned(), (false, manner(true, true), Framing::None)),
            (
                "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n".to_owned(),
                (false, manner(false, true), Framing::None),
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"),
                (false, manner(false, false), Framing::Chunked),
            ),
        ];
        for (head, expected) in cases {
            assert_eq!(of(&head), Some(expected), "{head}");
            for end in 0..head.len() {
                assert_eq!(read(&head[..end]), Ok(None), "{head} up to {end}");
            }
        }
    }

    #[test]
    fn who_waits_for_a_word_before_the_body_is_known() {
        let awaits = |head: &str| read(head).ok().flatten().map(|head| head.awaits_continue);
        let head = |version, length| {
            format!(
                "POST / HTTP/1.{version}\r\nHost: a:80\r\nExpect: 100-Continue\r\nContent-Length: {length}\r\n\r\n"
            )
        };
        assert_eq!(awaits(&head(1, 5)), Some(true));
        assert_eq!((awaits(&head(0, 5)), awaits(&head(1, 0))), (Some(false), Some(false)));
        assert_eq!(awaits("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"), Some(false));
    }

    #[test]
    fn what_has_two_meanings_or_none_is_refused() {
        let host = "Host: a\r\n";
        for head in [
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\n{host}{host}\r\n"),
            format!("GET / HTTP/1.0\r\n{host}{host}\r\n"),
            format!("GET / HTTP/2.0\r\n{host}\r\n"),
            format!("GET / HTTP/1.1\r\n{host}A: b\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\n{host}Content-Length : 5\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: identity\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "A: b\r\n".repeat(FIELDS_MAX)),
            format!("GET / HTTP/1.1\r\n{host}A: {}", "x".repeat(HEAD_BYTES_MAX)),
        ] {
            assert!(read(&head).is_err(), "{}", &head[..head.len().min(100)]);
        }
    }
}
