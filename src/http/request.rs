//! Parsing a request head: one pass over the lease, strict, spans only.
//!
//! `proxy::session` calls `parse` each time a line end arrives; what comes back is complete,
//! unambiguous and ready to be routed and rewritten. RFC 9112 sections 2, 3, 5 and 6.

use super::fields::{Connection, Delimiters};
use super::framing::{self, Body};
use super::head::{Field, FieldKind, HeadError, HeadLimits, Parsed, Span, Version, parse_fields};
use super::scan;
use super::target::{self, Target};
use super::upgrade;
use crate::limits::EMPTY_LINES_BEFORE_REQUEST;

/// A request head as understood.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead {
    /// Bytes of the head in the buffer, leading empty lines and final empty line included.
    pub len: usize,
    /// The request line without its CRLF, for the access log.
    pub line: Span,
    /// Method as received.
    pub method: Span,
    /// Methods the proxy treats differently.
    pub method_kind: Method,
    /// Target, taken apart.
    pub target: Target,
    /// Value of the Host field, else the target's authority; only HTTP/1.0 may have neither.
    pub host: Option<Span>,
    /// Version of the client.
    pub version: Version,
    /// How the body is delimited.
    pub body: Body,
    /// Connection tokens.
    pub connection: Connection,
    /// The client waits for `100 Continue` before it sends its body.
    pub expects_continue: bool,
    /// It asks for another protocol that the server may be offered. Only HTTP/1.1 without a body can:
    /// 1.0 knows no Upgrade (RFC 9110 section 7.8), and with a body it would not be certain where the
    /// request ends and the new protocol begins.
    pub offers_upgrade: bool,
    /// Fields that some servers would read as Content-Length or Transfer-Encoding; they are left out.
    pub disguised_count: u32,
}

impl RequestHead {
    /// Whether the client wants the connection kept (RFC 9112 section 9.3).
    pub fn wants_keep_alive(&self) -> bool {
        match self.version {
            Version::Http11 => !self.connection.close,
            Version::Http10 => self.connection.keep_alive && !self.connection.close,
        }
    }
}

/// Methods the proxy treats differently; the token itself is forwarded as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Options,
    Connect,
    Other,
    Trace,
    /// PUT and DELETE: idempotent like GET, HEAD, OPTIONS and TRACE (RFC 9110 section 9.2.2).
    OtherIdempotent,
}

impl Method {
    fn of(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"CONNECT" => Self::Connect,
            b"PUT" | b"DELETE" => Self::OtherIdempotent,
            _ => Self::Other,
        }
    }

    /// The token, where it says something about caching; empty otherwise.
    pub fn cacheable_token(self) -> &'static [u8] {
        match self {
            Self::Get => b"GET",
            Self::Head => b"HEAD",
            Self::Options => b"OPTIONS",
            Self::Trace => b"TRACE",
            Self::Post | Self::Connect | Self::Other | Self::OtherIdempotent => b"",
        }
    }

    /// Whether the request asks for something and changes nothing (RFC 9110 section 9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace)
    }

    /// Whether repeating the request does no more than making it once.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Connect | Self::Other)
    }
}

/// Parses the head at the start of `buffer`. `fields` is cleared and filled.
///
/// # Errors
/// Every `HeadError`; the connection cannot be used for another request after any of them.
pub fn parse(buffer: &[u8], limits: HeadLimits, fields: &mut Vec<Field>) -> Parsed<RequestHead> {
    fields.clear();
    // What lies beyond the limit is not looked at: the verdict never depends on how much has come.
    let visible = &buffer[..buffer.len().min(limits.size)];
    match parse_head(visible, limits, fields) {
        Ok(None) if visible.len() == limits.size => Err(too_large(visible)),
        result => result,
    }
}

/// A head beyond the limit: 414 when the request line alone is, 431 otherwise.
fn too_large(buffer: &[u8]) -> HeadError {
    match memchr::memchr(b'\n', buffer) {
        None => HeadError::StartLineTooLong,
        Some(_) => HeadError::HeadTooLarge,
    }
}

fn parse_head(buffer: &[u8], limits: HeadLimits, fields: &mut Vec<Field>) -> Parsed<RequestHead> {
    let Some(start) = skip_empty_lines(buffer)? else { return Ok(None) };
    let Some((line, method, target_span, version)) = parse_request_line(buffer, start)? else {
        return Ok(None);
    };
    let Some(len) = parse_fields(buffer, line.end as usize + 2, limits, fields)? else { return Ok(None) };

    let method_kind = Method::of(method.of(buffer));
    // A server that granted it would open a tunnel that the proxy takes for HTTP (RFC 9110 section 9.3.6).
    if method_kind == Method::Connect {
        return Err(HeadError::Malformed);
    }
    let target = target::parse(buffer, target_span, method_kind == Method::Options)?;
    let mut head = RequestHead {
        len,
        line,
        method,
        method_kind,
        target,
        host: None,
        version,
        body: Body::None,
        connection: Connection::default(),
        expects_continue: false,
        offers_upgrade: false,
        disguised_count: 0,
    };
    let mut delimiters = Delimiters::default();
    let mut host: Option<Span> = None;
    for field in fields.iter() {
        match field.kind {
            FieldKind::ContentLength | FieldKind::TransferEncoding => {
                delimiters.read(field, buffer, false)?
            }
            FieldKind::Connection => head.connection.read(field.value.of(buffer)),
            FieldKind::Host if host.is_some() => return Err(HeadError::BadHost),
            FieldKind::Host => host = Some(field.value),
            FieldKind::Expect => {
                head.expects_continue |= field.value.of(buffer).eq_ignore_ascii_case(b"100-continue")
            }
            FieldKind::Disguised => head.disguised_count += 1,
            _ => {}
        }
    }
    check_host(buffer, host, &head)?;
    head.host = host.or(target.authority);
    head.body = framing::of_request(version, delimiters)?;
    head.offers_upgrade = head.connection.upgrade
        && version == Version::Http11
        && head.body == Body::None
        && upgrade::offers(buffer, fields);
    // Some read the body of such a request to the end of the connection: what follows is nobody's.
    if version == Version::Http10 && delimiters.content_length.is_none() && !method_kind.is_safe() {
        head.connection.close = true;
    }
    Ok(Some(head))
}

/// Whether `data` is nothing, or empty lines that may stand before a request: no request has begun.
/// Some clients send one behind a body (RFC 9112 section 2.2).
#[inline]
pub fn is_empty_lines(data: &[u8]) -> bool {
    let may_be = matches!(data, [] | [b'\r', ..]);
    may_be && data.len() <= 2 * EMPTY_LINES_BEFORE_REQUEST && data.chunks(2).all(|line| line == b"\r\n")
}

/// RFC 9112 section 2.2: empty lines before the request line are skipped; a few are enough.
fn skip_empty_lines(buffer: &[u8]) -> Parsed<usize> {
    let mut at = 0;
    loop {
        match buffer[at..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] if at / 2 < EMPTY_LINES_BEFORE_REQUEST => at += 2,
            [b'\r', b'\n', ..] => return Err(HeadError::TooManyEmptyLines),
            [b'\r', ..] => return Err(HeadError::Malformed),
            _ => return Ok(Some(at)),
        }
    }
}

/// `method SP request-target SP HTTP-version CRLF` with single spaces.
#[inline]
fn parse_request_line(buffer: &[u8], start: usize) -> Parsed<(Span, Span, Span, Version)> {
    let method_end = start + scan::token_len(&buffer[start..]);
    match buffer.get(method_end) {
        None => return Ok(None),
        Some(b' ') if method_end > start => {}
        Some(_) => return Err(HeadError::Malformed),
    }
    let target_start = method_end + 1;
    let target_end = target_start + scan::visible_len(&buffer[target_start..]);
    match buffer.get(target_end) {
        None => return Ok(None),
        Some(b' ') if target_end > target_start => {}
        Some(_) => return Err(HeadError::Malformed),
    }
    let Some(version) = parse_version(&buffer[target_end + 1..])? else { return Ok(None) };
    let line_end = target_end + 1 + VERSION_LEN;
    match buffer[line_end..] {
        [] | [b'\r'] => return Ok(None),
        [b'\r', b'\n', ..] => {}
        _ => return Err(HeadError::Malformed),
    }
    let line = Span::new(start, line_end);
    Ok(Some((line, Span::new(start, method_end), Span::new(target_start, target_end), version)))
}

/// Bytes of `HTTP/1.1`.
pub(super) const VERSION_LEN: usize = 8;

/// The version at the start of `bytes`; `None` while it is incomplete.
pub(super) fn parse_version(bytes: &[u8]) -> Parsed<Version> {
    let known = bytes.len().min(VERSION_LEN);
    match &bytes[..known] {
        b"HTTP/1.1" => Ok(Some(Version::Http11)),
        b"HTTP/1.0" => Ok(Some(Version::Http10)),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(HeadError::UnsupportedVersion)
        }
        partial if partial.len() < VERSION_LEN && begins_version(partial) => Ok(None),
        _ => Err(HeadError::Malformed),
    }
}

/// Whether a version may begin so. One that we do not speak is told from nonsense at its end, so that
/// the answer does not depend on where the network cut it.
fn begins_version(partial: &[u8]) -> bool {
    let fits =
        |(&byte, &shape): (&u8, &u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    partial.iter().zip(b"HTTP/0.0").all(fits)
}

/// RFC 9112 section 3.2: HTTP/1.1 needs exactly one Host; with an absolute target both must agree,
/// so that routing, the log and the server see one name.
fn check_host(buffer: &[u8], host: Option<Span>, head: &RequestHead) -> Result<(), HeadError> {
    let Some(host) = host else {
        return if head.version == Version::Http11 { Err(HeadError::BadHost) } else { Ok(()) };
    };
    let value = host.of(buffer);
    if !target::is_host(value) {
        return Err(HeadError::BadHost);
    }
    match head.target.authority {
        Some(authority) => {
            let port = head.target.default_port;
            if target::is_same_host(authority.of(buffer), value, port) {
                Ok(())
            } else {
                Err(HeadError::BadHost)
            }
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
