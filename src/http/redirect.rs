//! Redirects: the answer that sends a client elsewhere, made from its own request.
//!
//! Compiled from the configuration; `proxy::local` writes one where a route or listener says so.
//! Host and path come from a head that `request` has judged: visible ASCII without line ends, a host
//! without user information. So nothing of a request can end the Location field or name a user.

use super::head::{HeadError, Version};
use super::header_rules::HeaderRules;
use super::rewrite::{ClientSide, connection_field};

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectTo {
    /// The same host, path and query by HTTPS; port 80 of the host is left out.
    Https,
    /// Another scheme and authority, `https://www.example.com`, with the same path and query.
    Origin(String),
    /// Exactly here: a path, or a whole URL.
    Location(String),
}

/// Statuses of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RedirectStatus {
    MovedPermanently,
    Found,
    SeeOther,
    TemporaryRedirect,
    PermanentRedirect,
}

impl RedirectStatus {
    /// All of them, by number.
    pub const ALL: [Self; 5] = [
        Self::MovedPermanently,
        Self::Found,
        Self::SeeOther,
        Self::TemporaryRedirect,
        Self::PermanentRedirect,
    ];

    /// The one of this number.
    pub fn of(status: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|known| i64::from(known.number()) == status)
    }

    /// HTTP status.
    pub fn number(self) -> u16 {
        match self {
            Self::MovedPermanently => 301,
            Self::Found => 302,
            Self::SeeOther => 303,
            Self::TemporaryRedirect => 307,
            Self::PermanentRedirect => 308,
        }
    }

    fn line(self) -> &'static [u8] {
        match self {
            Self::MovedPermanently => b"HTTP/1.1 301 Moved Permanently\r\n",
            Self::Found => b"HTTP/1.1 302 Found\r\n",
            Self::SeeOther => b"HTTP/1.1 303 See Other\r\n",
            Self::TemporaryRedirect => b"HTTP/1.1 307 Temporary Redirect\r\n",
            Self::PermanentRedirect => b"HTTP/1.1 308 Permanent Redirect\r\n",
        }
    }

    /// HAProxy marks these, which say nothing lasting, as not to be cached.
    fn is_passing(self) -> bool {
        matches!(self, Self::Found | Self::SeeOther | Self::TemporaryRedirect)
    }
}

/// A redirect, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    status: RedirectStatus,
    to: RedirectTo,
    /// Everything before the value of Location.
    before: Box<[u8]>,
}

impl Redirect {
    /// `headers`: the listener's rules for responses; what they set and add, the redirect carries too.
    pub fn new(to: RedirectTo, status: RedirectStatus, headers: Option<&HeaderRules>) -> Self {
        let mut before = Vec::new();
        before.extend_from_slice(status.line());
        before.extend_from_slice(b"content-length: 0\r\n");
        if status.is_passing() && !headers.is_some_and(|rules| rules.removes(b"cache-control")) {
            before.extend_from_slice(b"cache-control: no-cache\r\n");
        }
        for (name, value) in headers.into_iter().flat_map(HeaderRules::added) {
            // Two places to go to are none.
            if !name.eq_ignore_ascii_case(b"location") {
                [name, b": ", value, b"\r\n"].iter().for_each(|part| before.extend_from_slice(part));
            }
        }
        before.extend_from_slice(b"location: ");
        Self { status, to, before: before.into() }
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.status.number()
    }

    /// Writes the whole answer, which has no body, to `out`, emptied before. `host` is the Host as
    /// received, empty for none; `path` is path and query as received.
    ///
    /// # Errors
    /// `BadHost`: there is no host that the redirect could keep (HTTP/1.0 alone).
    pub fn write(
        &self,
        host: &[u8],
        path: &[u8],
        client: ClientSide,
        out: &mut Vec<u8>,
    ) -> Result<(), HeadError> {
        out.clear();
        out.extend_from_slice(&self.before);
        match &self.to {
            RedirectTo::Https if host.is_empty() => return Err(HeadError::BadHost),
            RedirectTo::Https => {
                let host = host.strip_suffix(b":80").or(host.strip_suffix(b":")).unwrap_or(host);
                [b"https://", host, rooted(path)].iter().for_each(|part| out.extend_from_slice(part));
            }
            RedirectTo::Origin(origin) => {
                [origin.as_bytes(), rooted(path)].iter().for_each(|part| out.extend_from_slice(part));
            }
            RedirectTo::Location(location) => out.extend_from_slice(location.as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
        connection_field(Version::Http11, client, out);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// A path that can stand behind an authority: OPTIONS may ask for `*`, which is no path.
fn rooted(path: &[u8]) -> &[u8] {
    if path.starts_with(b"/") { path } else { b"/" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEPT: ClientSide = ClientSide { version: Version::Http11, keep_alive: true };

    fn written(to: RedirectTo, host: &str, path: &str) -> String {
        let mut out = b"left over".to_vec();
        let redirect = Redirect::new(to, RedirectStatus::MovedPermanently, None);
        redirect.write(host.as_bytes(), path.as_bytes(), KEPT, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn location(to: RedirectTo, host: &str, path: &str) -> String {
        let text = written(to, host, path);
        let (_, after) = text.split_once("\r\nlocation: ").unwrap();
        after.split("\r\n").next().unwrap().into()
    }

    #[test]
    fn is_a_complete_response_without_a_body() {
        assert_eq!(
            written(RedirectTo::Https, "h", "/a?b=//c&d"),
            "HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nlocation: https://h/a?b=//c&d\r\n\r\n"
        );
    }

    #[test]
    fn keeps_host_path_and_query_to_the_byte() {
        let https = |host, path| location(RedirectTo::Https, host, path);
        assert_eq!(https("ExAmple:80", "/%2e%2E/\"<x>?"), "https://ExAmple/%2e%2E/\"<x>?");
        assert_eq!(https("h:", "//evil/"), "https://h//evil/");
        assert_eq!(https("h:8080", "/"), "https://h:8080/");
        assert_eq!(https("h:180", "/"), "https://h:180/");
        assert_eq!(https("[::1]:80", "/"), "https://[::1]/");
        assert_eq!(https("h", "*"), "https://h/");
        assert_eq!(https("h", ""), "https://h/");
    }

    #[test]
    fn another_origin_keeps_the_path_and_a_location_does_not() {
        let origin = RedirectTo::Origin("https://www.example.com".into());
        assert_eq!(location(origin, "example.com", "/a?b"), "https://www.example.com/a?b");
        assert_eq!(location(RedirectTo::Location("/new?x".into()), "h", "/a?b"), "/new?x");
    }

    #[test]
    fn a_host_that_is_not_there_cannot_be_kept() {
        let write = |to: RedirectTo| {
            Redirect::new(to, RedirectStatus::Found, None).write(b"", b"/", KEPT, &mut Vec::new())
        };
        assert_eq!(write(RedirectTo::Https), Err(HeadError::BadHost));
        assert_eq!(write(RedirectTo::Location("/x".into())), Ok(()));
    }

    #[test]
    fn says_what_may_be_cached_and_whether_the_connection_stays() {
        for status in RedirectStatus::ALL {
            let mut out = Vec::new();
            let closed = ClientSide { version: Version::Http11, keep_alive: false };
            let redirect = Redirect::new(RedirectTo::Https, status, None);
            redirect.write(b"h", b"/", closed, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let passing = matches!(redirect.status(), 302 | 303 | 307);
            assert_eq!(text.contains("cache-control: no-cache\r\n"), passing, "{text}");
            assert!(text.ends_with("\r\nconnection: close\r\n\r\n"), "{text}");
        }
    }

    #[test]
    fn carries_what_the_listener_adds_to_responses() {
        let fields =
            [("Strict-Transport-Security".into(), "max-age=1".into()), ("Location".into(), "x".into())];
        let cache = [("Cache-Control".into(), "no-store".into())];
        let rules = HeaderRules::new(&["Server".into()], &cache, &fields);
        let mut out = Vec::new();
        Redirect::new(RedirectTo::Https, RedirectStatus::Found, Some(&rules))
            .write(b"h", b"/", KEPT, &mut out)
            .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nCache-Control: no-store\r\n\
             Strict-Transport-Security: max-age=1\r\nlocation: https://h/\r\n\r\n"
        );
    }
}
