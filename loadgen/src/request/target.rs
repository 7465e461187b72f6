//! One URL as the bytes that ask for it, rendered once before the run.
//!
//! A request costs no formatting: it is one slice, or two with a user's cookies between them.

use std::str::FromStr;

use http::uri::{Authority, Scheme, Uri};

/// A URL with its weight, as written on the command line: `URL` or `WEIGHT@URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUrl {
    /// How often it is asked for, relative to the others.
    pub weight: u32,
    /// Whether TLS is spoken.
    pub secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What the Host field says.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

/// Weights above this make a table that no longer fits a cache.
const WEIGHT_MAX: u32 = 1_000;

impl FromStr for TargetUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (weight, url) = match text.split_once('@') {
            Some((weight, url)) if !weight.is_empty() && weight.bytes().all(|byte| byte.is_ascii_digit()) => {
                let weight = weight.parse().ok().filter(|weight| (1..=WEIGHT_MAX).contains(weight));
                (weight.ok_or_else(|| format!("the weight in {text:?} is not from 1 to {WEIGHT_MAX}"))?, url)
            }
            _ => (1, text),
        };
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is not a URL: {error}"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(format!("{url:?} begins neither with http:// nor with https://")),
        };
        let authority = uri.authority().ok_or_else(|| format!("{url:?} names no host"))?;
        if authority.as_str().contains('@') {
            return Err(format!("{url:?} carries a user name; give it with --header 'Authorization: …'"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port(authority, secure).map_err(|why| format!("{url:?}: {why}"))?;
        if host.is_empty() {
            return Err(format!("{url:?} names no host that could be connected to"));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { weight, secure, host, port, authority: authority.as_str().to_owned(), path })
    }
}

/// The port of an authority; that of the scheme only where none is written.
fn port(authority: &Authority, secure: bool) -> Result<u16, String> {
    // What follows an address in brackets, or else the name: `http` has checked that it is digits, not that
    // there are any, nor that they make a port.
    let behind_host = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
    let Some((_, text)) = behind_host.rsplit_once(':') else { return Ok(if secure { 443 } else { 80 }) };
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("`:{text}` is no port; write one from 1 to 65535, or leave the colon out")),
    }
}

/// What all requests of a run have in common.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Method; empty is GET, or POST where there is a body.
    pub method: String,
    /// Fields added, or set in place of `Host` and `User-Agent`.
    pub fields: Vec<(String, String)>,
    /// Body.
    pub body: Option<Vec<u8>>,
    /// Whether each request asks for the end of its connection.
    pub close: bool,
}

impl Shape {
    /// The method that is sent.
    pub fn method(&self) -> &str {
        match (self.method.is_empty(), &self.body) {
            (false, _) => &self.method,
            (true, None) => "GET",
            (true, Some(_)) => "POST",
        }
    }

    fn sets(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Whether the fields and the method can stand in a head at all: no line ends, no control
    /// characters, no framing of the user's own.
    ///
    /// # Errors
    /// What is wrong, in words for the command line.
    pub fn check(&self) -> Result<(), String> {
        if !is_token(self.method()) {
            return Err(format!("{:?} is not a method", self.method()));
        }
        for (name, value) in &self.fields {
            let framing = ["content-length", "transfer-encoding"];
            if !is_token(name) {
                return Err(format!("{name:?} is not a field name"));
            }
            if framing.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                return Err(format!("{name} is written by the body options; it cannot be set"));
            }
            if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
                return Err(format!("the value of {name} holds a control character"));
            }
        }
        Ok(())
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// A URL ready to be asked for.
#[derive(Debug, Clone)]
pub struct Target {
    /// Index of the endpoint to connect to.
    pub endpoint: u16,
    /// Relative frequency.
    pub weight: u32,
    /// The answer to a HEAD has no body, whatever its head says (RFC 9112 section 6.3).
    pub is_head: bool,
    /// For display.
    pub url: String,
    bytes: Vec<u8>,
    /// Where a Cookie field belongs: behind the last field.
    fields_end: usize,
}

impl Target {
    /// Renders the request of `url`.
    pub fn new(url: &TargetUrl, endpoint: u16, shape: &Shape) -> Self {
        let mut head = format!("{} {} HTTP/1.1\r\n", shape.method(), url.path);
        let mut field = |name: &str, value: &str| {
            head.push_str(&[name, ": ", value, "\r\n"].concat());
        };
        if !shape.sets("host") {
            field("Host", &url.authority);
        }
        if !shape.sets("user-agent") {
            field("User-Agent", concat!("torii-loadgen/", env!("CARGO_PKG_VERSION")));
        }
        shape.fields.iter().for_each(|(name, value)| field(name, value));
        if shape.close && !shape.sets("connection") {
            field("Connection", "close");
        }
        if let Some(body) = &shape.body {
            field("Content-Length", &body.len().to_string());
        }
        let fields_end = head.len();
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(shape.body.as_deref().unwrap_or_default());
        let scheme = if url.secure { "https" } else { "http" };
        Self {
            endpoint,
            weight: url.weight,
            is_head: shape.method() == "HEAD",
            url: format!("{scheme}://{}{}", url.authority, url.path),
            bytes,
            fields_end,
        }
    }

    /// The whole request of a user without cookies.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the request with a Cookie line (`Cookie: a=b\r\n`) in its place.
    pub fn write_with_cookies(&self, cookie_line: &[u8], output: &mut Vec<u8>) {
        output.extend_from_slice(&self.bytes[..self.fields_end]);
        output.extend_from_slice(cookie_line);
        output.extend_from_slice(&self.bytes[self.fields_end..]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn render(url: &str, shape: &Shape) -> String {
        shape.check().unwrap();
        let target = Target::new(&url.parse().unwrap(), 0, shape);
        String::from_utf8(target.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_url_becomes_a_request() {
        let request = render("http://example.com:8080/a?b=c", &Shape::default());
        assert!(
            request
                .starts_with("GET /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: torii-loadgen/")
        );
        assert!(request.ends_with("\r\n\r\n"));
        let shape = Shape {
            fields: vec![("host".into(), "other".into()), ("X-A".into(), "1".into())],
            body: Some(b"hello".to_vec()),
            close: true,
            ..Shape::default()
        };
        let request = render("https://[::1]", &shape);
        assert!(request.starts_with("POST / HTTP/1.1\r\nUser-Agent"), "{request}");
        assert!(
            request.ends_with(
                "\r\nhost: other\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
            )
        );
    }

    #[test]
    fn cookies_stand_behind_the_last_field() {
        let target = Target::new(&"http://a/".parse().unwrap(), 0, &Shape::default());
        let mut with = Vec::new();
        target.write_with_cookies(b"Cookie: a=b\r\n", &mut with);
        let expected = [&target.bytes()[..target.bytes().len() - 2], b"Cookie: a=b\r\n\r\n"].concat();
        assert_eq!(with, expected);
    }

    #[test]
    fn urls_are_taken_apart() {
        let url: TargetUrl = "3@https://[2001:db8::1]/x".parse().unwrap();
        assert_eq!((url.weight, url.secure, url.host.as_str(), url.port), (3, true, "2001:db8::1", 443));
        for (url, port) in [("http://a", 80), ("http://a:65535/", 65_535), ("http://[::1]:8080/x:9", 8_080)] {
            assert_eq!(url.parse::<TargetUrl>().unwrap().port, port, "{url}");
        }
        for bad in [
            "",
            "example.com",
            "ftp://a/",
            "http://",
            "http://u@h/",
            "0@http://a",
            "http://a:0/",
            "http://a:/",
            "http://a:99999/",
            "http://[::1]:65536/",
            "http://[::1]:/",
            "http:///x",
        ] {
            assert!(bad.parse::<TargetUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_would_break_the_head_is_refused() {
        for (name, value) in [("A B", "1"), ("A", "1\r\nB: 2"), ("Content-Length", "3"), ("", "1")] {
            let shape = Shape { fields: vec![(name.into(), value.into())], ..Shape::default() };
            assert!(shape.check().is_err(), "{name}: {value}");
        }
        assert!(Shape { method: "GE T".into(), ..Shape::default() }.check().is_err());
    }
}
