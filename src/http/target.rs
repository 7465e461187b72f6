//! Request targets and hosts (RFC 9112 section 3.2, RFC 3986 section 3.2).
//!
//! Called once per request by `request`. The path is never decoded or normalised: the bytes that
//! rules look at are the bytes that are forwarded.

use super::head::{HeadError, Span};

/// A request target, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Path and query as forwarded; empty only for an absolute target without path (forwarded as `/`).
    pub path: Span,
    /// Authority of an absolute-form target.
    pub authority: Option<Span>,
    /// `:PORT` that its scheme implies; empty for other forms.
    pub default_port: &'static [u8],
}

/// Takes the target at `span` apart. `is_options`: only OPTIONS may ask for `*`.
pub fn parse(buffer: &[u8], span: Span, is_options: bool) -> Result<Target, HeadError> {
    let bytes = span.of(buffer);
    if memchr::memchr(b'#', bytes).is_some() {
        return Err(HeadError::Malformed);
    }
    match bytes {
        [b'/', ..] => Ok(Target { path: span, authority: None, default_port: b"" }),
        [b'*'] if is_options => Ok(Target { path: span, authority: None, default_port: b"" }),
        _ => parse_absolute(bytes, span),
    }
}

/// `http://authority/path?query`, either scheme, in any case.
fn parse_absolute(bytes: &[u8], span: Span) -> Result<Target, HeadError> {
    let (scheme, default_port) = [(&b"http://"[..], &b":80"[..]), (b"https://", b":443")]
        .into_iter()
        .find(|(scheme, _)| bytes.len() > scheme.len() && bytes[..scheme.len()].eq_ignore_ascii_case(scheme))
        .ok_or(HeadError::Malformed)?;
    let authority_end = bytes[scheme.len()..]
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .map_or(bytes.len(), |length| scheme.len() + length);
    // An authority that ends at `?` has a query and no path: two readers disagree on it.
    if bytes.get(authority_end) == Some(&b'?') || !is_host(&bytes[scheme.len()..authority_end]) {
        return Err(HeadError::Malformed);
    }
    let start = span.start as usize;
    Ok(Target {
        path: Span::new(start + authority_end, span.end as usize),
        authority: Some(Span::new(start + scheme.len(), start + authority_end)),
        default_port,
    })
}

/// Whether a target's authority and a Host value name the same host: in any case, and with or without
/// the port that the target's scheme implies (RFC 9110 section 4.2.3; HAProxy compares so too).
pub fn is_same_host(authority: &[u8], host: &[u8], default_port: &[u8]) -> bool {
    fn without<'a>(value: &'a [u8], port: &[u8]) -> &'a [u8] {
        value.strip_suffix(port).or(value.strip_suffix(b":")).unwrap_or(value)
    }
    without(authority, default_port).eq_ignore_ascii_case(without(host, default_port))
}

/// Whether a Host value or authority is `uri-host [":" port]` without user information.
/// An empty value is not: every reader treats it in its own way.
pub fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            let address = &rest[..end];
            if std::str::from_utf8(address).ok().and_then(|a| a.parse::<std::net::Ipv6Addr>().ok()).is_none()
            {
                return false;
            }
            match &rest[end + 1..] {
                [] => return true,
                [b':', port @ ..] => (&b"v6"[..], port),
                _ => return false,
            }
        }
        _ => match memchr::memchr(b':', value) {
            Some(colon) => (&value[..colon], &value[colon + 1..]),
            None => (value, &b""[..]),
        },
    };
    !host.is_empty() && host.iter().all(|&byte| is_reg_name(byte)) && is_port(port)
}

/// Unreserved, percent and sub-delims without the comma (RFC 3986 section 3.2.2): a comma would
/// read as two hosts.
fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

fn is_port(port: &[u8]) -> bool {
    port.len() <= 5
        && port.iter().all(u8::is_ascii_digit)
        && port.iter().fold(0u32, |value, &digit| value * 10 + u32::from(digit - b'0')) <= 65535
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str, options: bool) -> Result<(&str, Option<&str>), HeadError> {
        let of = |span: Span| &text[span.start as usize..span.end as usize];
        parse(text.as_bytes(), Span::new(0, text.len()), options).map(|t| (of(t.path), t.authority.map(of)))
    }

    #[test]
    fn takes_the_forms_of_a_target_apart() {
        assert_eq!(target("/a?b=//c", false), Ok(("/a?b=//c", None)));
        assert_eq!(target("//evil/x", false), Ok(("//evil/x", None)));
        assert_eq!(target("*", true), Ok(("*", None)));
        assert_eq!(target("http://h:80/p", false), Ok(("/p", Some("h:80"))));
        assert_eq!(target("HTTPS://h", false), Ok(("", Some("h"))));
    }

    #[test]
    fn refuses_targets_that_readers_read_differently() {
        for bad in
            ["*", "foo", "h:443", "/a#b", "http://", "http:///p", "http://h?x", "http://u@h/", "ftp://h/", ""]
        {
            assert_eq!(target(bad, false), Err(HeadError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_port_that_the_scheme_implies_makes_no_other_host() {
        for (authority, host, same) in [
            ("h", "H", true),
            ("h:80", "h", true),
            ("h", "h:80", true),
            ("h:", "h", true),
            ("h:8080", "h", false),
            ("h:443", "h", false),
            ("[::80]", "[:", false),
            ("h", "i", false),
        ] {
            assert_eq!(
                is_same_host(authority.as_bytes(), host.as_bytes(), b":80"),
                same,
                "{authority} {host}"
            );
        }
    }

    #[test]
    fn knows_a_host_from_what_only_looks_like_one() {
        for good in ["a", "a.b:80", "a:", "[::1]", "[::1]:8080", "192.0.2.1", "x_y.example", "a%20b"] {
            assert!(is_host(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "", ":80", "a b", "a/b", "a,b", "a@b", "u:p@h", "a:99999", "a:8x", "[", "[]", "[::1", "[::1]x",
            "a\0", "a:80:80",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad:?}");
        }
    }
}
