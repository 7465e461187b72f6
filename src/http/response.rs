//! Parsing a response head from a server: as strict as for requests, since a server can be anybody's.
//!
//! `proxy::exchange` calls `parse` each time a line end arrives. RFC 9112 sections 4 to 6.

use super::fields::{Connection, Delimiters};
use super::framing::{self, Body};
use super::head::{Field, FieldKind, HeadError, HeadLimits, Parsed, Span, Version, parse_fields};
use super::request::{VERSION_LEN, parse_version};
use super::scan;

/// A response head as understood.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead {
    /// Bytes of the head, final empty line included.
    pub len: usize,
    /// The status line without its CRLF.
    pub line: Span,
    /// Version of the server.
    pub version: Version,
    /// 100 to 999.
    pub status: u16,
    /// How the body is delimited.
    pub body: Body,
    /// Connection tokens.
    pub connection: Connection,
    /// Content-Length came with Transfer-Encoding: it is dropped and the connection not reused.
    pub length_overridden: bool,
}

impl ResponseHead {
    /// Whether the server keeps its connection (RFC 9112 section 9.3).
    pub fn keeps_alive(&self) -> bool {
        let says_so = match self.version {
            Version::Http11 => !self.connection.close,
            Version::Http10 => self.connection.keep_alive && !self.connection.close,
        };
        says_so && self.body != Body::UntilClose && !self.length_overridden
    }
}

/// Parses the head at the start of `buffer`; `fields` is cleared and filled.
///
/// # Errors
/// Every `HeadError`: the client gets 502 and the server connection is closed.
pub fn parse(
    buffer: &[u8],
    to_head: bool,
    limits: HeadLimits,
    fields: &mut Vec<Field>,
) -> Parsed<ResponseHead> {
    fields.clear();
    // What lies beyond the limit is not looked at: the verdict never depends on how much has come.
    let visible = &buffer[..buffer.len().min(limits.size)];
    match parse_head(visible, to_head, limits, fields) {
        Ok(None) if visible.len() == limits.size => Err(HeadError::HeadTooLarge),
        result => result,
    }
}

fn parse_head(
    buffer: &[u8],
    to_head: bool,
    limits: HeadLimits,
    fields: &mut Vec<Field>,
) -> Parsed<ResponseHead> {
    let Some((line, version, status)) = parse_status_line(buffer)? else { return Ok(None) };
    let Some(len) = parse_fields(buffer, line.end as usize + 2, limits, fields)? else { return Ok(None) };
    let mut connection = Connection::default();
    let mut delimiters = Delimiters::default();
    for field in fields.iter() {
        match field.kind {
            FieldKind::ContentLength | FieldKind::TransferEncoding => delimiters.read(field, buffer, true)?,
            FieldKind::Connection => connection.read(field.value.of(buffer)),
            _ => {}
        }
    }
    let body = framing::of_response(version, status, to_head, delimiters)?;
    let length_overridden = delimiters.chunked && delimiters.content_length.is_some();
    Ok(Some(ResponseHead { len, line, version, status, body, connection, length_overridden }))
}

/// `HTTP-version SP status-code SP [reason] CRLF`; the second space may be missing with the reason.
fn parse_status_line(buffer: &[u8]) -> Parsed<(Span, Version, u16)> {
    let Some(version) = parse_version(buffer)? else { return Ok(None) };
    let rest = &buffer[VERSION_LEN..];
    let status = match rest {
        [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ if rest.len() < 4 && is_status_prefix(rest) => return Ok(None),
        _ => return Err(HeadError::Malformed),
    };
    let reason_start = VERSION_LEN + 4;
    let reason_end = match buffer.get(reason_start) {
        None => return Ok(None),
        Some(b' ') => reason_start + scan::value_len(&buffer[reason_start..]),
        Some(_) => reason_start,
    };
    match buffer[reason_end..] {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => Ok(Some((Span::new(0, reason_end), version, status))),
        _ => Err(HeadError::Malformed),
    }
}

fn is_status_prefix(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(index, byte)| match index {
        0 => *byte == b' ',
        1 => matches!(byte, b'1'..=b'9'),
        _ => byte.is_ascii_digit(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { size: 512, fields: 8 };

    fn parsed(text: &str) -> Parsed<ResponseHead> {
        parse(text.as_bytes(), false, LIMITS, &mut Vec::new())
    }

    #[test]
    fn takes_a_response_apart() {
        let head = parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.version, head.status, head.body), (Version::Http11, 200, Body::Length(5)));
        assert!(head.keeps_alive());
    }

    #[test]
    fn wants_more_at_every_prefix() {
        let text = "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n";
        for end in 0..text.len() {
            assert!(matches!(parsed(&text[..end]), Ok(None)), "prefix of {end}");
        }
    }

    #[test]
    fn accepts_a_missing_reason() {
        for line in ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200 a b"] {
            let head = parsed(&format!("{line}\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.status, 200, "{line:?}");
        }
    }

    #[test]
    fn refuses_status_lines_that_are_none() {
        for line in [
            "HTTP/1.1 99",
            "HTTP/1.1 1000",
            "HTTP/1.1 2OO",
            "HTTP/1.1 +200",
            "HTTP/1.1 20",
            "HTTP/1.1  200",
            "HTTP/1.1 200 \x01",
            "SSH-2.0-OpenSSH",
            "hello",
            "HTTP/1.1200 OK",
        ] {
            assert_eq!(parsed(&format!("{line}\r\n\r\n")).err(), Some(HeadError::Malformed), "{line:?}");
        }
    }

    #[test]
    fn reuses_only_what_is_safe_to_reuse() {
        let keeps = |fields: &str| {
            parsed(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).unwrap().unwrap().keeps_alive()
        };
        assert!(keeps("Content-Length: 1\r\nContent-Length: 1\r\n"));
        assert!(keeps("Transfer-Encoding: chunked\r\n"));
        assert!(!keeps("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"));
        assert!(!keeps("Content-Length: 1\r\nConnection: close\r\n"));
        assert!(!keeps(""));
        let old = parsed("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n")
            .unwrap()
            .unwrap();
        assert!(old.keeps_alive());
    }

    #[test]
    fn refuses_contradicting_lengths() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 8, 9\r\n",
            "Content-Length: +8\r\n",
        ] {
            assert!(parsed(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).is_err(), "{fields:?}");
        }
    }
}
