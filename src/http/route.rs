//! The conditions of a route: whether a request is one that it is about.
//!
//! Compiled from the configuration, which also asks `covers` to find routes that can never match;
//! asked for every request of a listener with routes. Looks at bytes as they are forwarded: a path is
//! neither decoded nor normalised, so that no server is asked for something that was judged in
//! another form. Must not allocate when it matches.

use super::head::Span;
use super::request::RequestHead;

/// What a request is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Method token as received; methods are case-sensitive (RFC 9110 section 9.1).
    pub method: &'a [u8],
    /// Host without port and final dot; empty where an HTTP/1.0 request named none.
    pub host: &'a [u8],
    /// Path and query as forwarded; `*` for the asterisk form of OPTIONS.
    pub path: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Of a head that `request::parse` made from `buffer`.
    pub fn of(head: &RequestHead, buffer: &'a [u8]) -> Self {
        let path = match head.target.path.of(buffer) {
            [] => b"/",
            path => path,
        };
        Self { method: head.method.of(buffer), host: bare_host(host_of(head.host, buffer)), path }
    }
}

fn host_of(host: Option<Span>, buffer: &[u8]) -> &[u8] {
    host.map_or(b"", |host| host.of(buffer))
}

/// A host without its port, and without the dot that ends an absolute name: `example.com.` is the
/// same name to the DNS and must not get around a route.
pub fn bare_host(value: &[u8]) -> &[u8] {
    let end = match value {
        [b'[', ..] => memchr::memchr(b']', value).map(|end| end + 1),
        _ => memchr::memchr(b':', value),
    };
    let host = &value[..end.unwrap_or(value.len())];
    host.strip_suffix(b".").unwrap_or(host)
}

/// Conditions that all have to hold; within one, any of its values. No value is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    hosts: Box<[HostPattern]>,
    prefixes: Box<[PathPrefix]>,
    methods: Box<[Box<[u8]>]>,
}

impl Conditions {
    /// From hosts (`HostPattern::new`), path prefixes and methods.
    pub fn new(hosts: Vec<HostPattern>, prefixes: Vec<PathPrefix>, methods: Vec<Box<[u8]>>) -> Self {
        Self { hosts: hosts.into(), prefixes: prefixes.into(), methods: methods.into() }
    }

    /// Whether there is no condition, so that every request matches.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.prefixes.is_empty() && self.methods.is_empty()
    }

    /// Whether all of them hold.
    #[inline]
    pub fn match_request(&self, asked: &Asked<'_>) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|host| host.matches(asked.host)))
            && (self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| prefix.matches(asked.path)))
            && (self.methods.is_empty() || self.methods.iter().any(|method| **method == *asked.method))
    }

    /// Whether every request that matches `other` matches these too: a route with `other` that stands
    /// after one with these is never reached.
    pub fn covers(&self, other: &Self) -> bool {
        covers(&self.hosts, &other.hosts, HostPattern::covers)
            && covers(&self.prefixes, &other.prefixes, PathPrefix::covers)
            && covers(&self.methods, &other.methods, |wide, narrow| wide == narrow)
    }
}

/// Whether each of the `narrow` values is covered by one of the `wide`; none at all is the widest.
fn covers<T>(wide: &[T], narrow: &[T], one_covers: impl Fn(&T, &T) -> bool) -> bool {
    let is_covered = |narrow: &T| wide.iter().any(|wide| one_covers(wide, narrow));
    wide.is_empty() || !narrow.is_empty() && narrow.iter().all(is_covered)
}

/// A host, or all names below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This one, in lower case.
    Exact(Box<[u8]>),
    /// Every name that ends so, in lower case; begins with a dot, which at least one byte precedes.
    Below(Box<[u8]>),
}

impl HostPattern {
    /// `www.example.com`, `[2001:db8::1]`, or `*.example.com` for every name below `example.com`, at
    /// any depth, but not that name itself. The caller has checked the characters.
    pub fn new(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        match lower.strip_prefix('*') {
            Some(suffix) => Self::Below(suffix.as_bytes().into()),
            None => Self::Exact(lower.as_bytes().into()),
        }
    }

    fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name),
            Self::Below(suffix) => {
                host.len() > suffix.len() && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(name)) => self.matches(name),
            (Self::Exact(_), Self::Below(_)) => false,
            (Self::Below(wide), Self::Below(narrow)) => narrow.ends_with(wide),
        }
    }
}

/// The beginning of a path, by whole segments: `/api` is the beginning of `/api`, `/api/x` and
/// `/api?x`, and not of `/apix`; `/api/` that of `/api/x`, and not of `/api`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix(Box<[u8]>);

impl PathPrefix {
    /// Begins with `/` and holds neither `?` nor `#`: the caller has checked.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    fn matches(&self, path: &[u8]) -> bool {
        let Some(rest) = path.strip_prefix(&*self.0) else { return false };
        self.0.ends_with(b"/") || matches!(rest, [] | [b'/' | b'?', ..])
    }

    fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::head::HeadLimits;
    use super::super::request;
    use super::*;

    fn conditions(hosts: &[&str], prefixes: &[&str], methods: &[&str]) -> Conditions {
        Conditions::new(
            hosts.iter().map(|host| HostPattern::new(host)).collect(),
            prefixes.iter().map(|prefix| PathPrefix::new(prefix)).collect(),
            methods.iter().map(|method| method.as_bytes().into()).collect(),
        )
    }

    /// Whether the request, written with `|` for each line end, matches.
    fn matches(conditions: &Conditions, request: &str) -> bool {
        let bytes = request.replace('|', "\r\n") + "\r\n\r\n";
        let limits = HeadLimits { size: 4096, fields: 16 };
        let head = request::parse(bytes.as_bytes(), limits, &mut Vec::new()).unwrap().unwrap();
        conditions.match_request(&Asked::of(&head, bytes.as_bytes()))
    }

    fn host_matches(pattern: &str, host: &str) -> bool {
        matches(&conditions(&[pattern], &[], &[]), &format!("GET / HTTP/1.1|Host: {host}"))
    }

    fn path_matches(prefix: &str, path: &str) -> bool {
        matches(&conditions(&[], &[prefix], &[]), &format!("GET {path} HTTP/1.1|Host: a"))
    }

    #[test]
    fn a_host_matches_in_any_case_with_any_port_and_with_the_final_dot() {
        for host in ["shop.example", "SHOP.Example", "shop.example:8080", "shop.example:", "shop.example."] {
            assert!(host_matches("Shop.Example", host), "{host}");
        }
        for host in ["shop.example.org", "xshop.example", "www.shop.example", "shop", "shop.example.."] {
            assert!(!host_matches("shop.example", host), "{host}");
        }
        assert!(host_matches("[2001:DB8::1]", "[2001:db8::1]:443"));
        assert!(!host_matches("[2001:db8::1]", "[2001:db8::12]"));
    }

    #[test]
    fn a_star_matches_every_name_below_and_not_the_name_itself() {
        for host in ["a.example", "a.b.EXAMPLE:80", "-.example", "a.example."] {
            assert!(host_matches("*.example", host), "{host}");
        }
        for host in ["example", "aexample", ".example", "a.example.org"] {
            assert!(!host_matches("*.example", host), "{host}");
        }
    }

    #[test]
    fn a_path_prefix_matches_whole_segments() {
        for path in ["/api", "/api/", "/api/x", "/api?x", "/api//x"] {
            assert!(path_matches("/api", path), "{path}");
        }
        for path in ["/apix", "/api;x", "/API", "/%61pi", "//api", "/x/api", "/ap", "/api%2fx", "/./api"] {
            assert!(!path_matches("/api", path), "{path}");
        }
        assert!(path_matches("/api/", "/api/") && path_matches("/api/", "/api/x"));
        assert!(!path_matches("/api/", "/api") && !path_matches("/api/", "/api?x"));
        assert!(path_matches("/", "/") && path_matches("/", "/x") && path_matches("/", "//"));
    }

    #[test]
    fn looks_at_the_path_that_is_forwarded() {
        let api = conditions(&["h"], &["/api"], &[]);
        assert!(matches(&api, "GET http://h:80/api/x HTTP/1.1|Host: h:80"));
        assert!(matches(&conditions(&[], &["/"], &[]), "GET http://h HTTP/1.1|Host: h"));
        assert!(!matches(&conditions(&[], &["/"], &[]), "OPTIONS * HTTP/1.1|Host: h"));
        assert!(matches(&conditions(&[], &[], &["OPTIONS"]), "OPTIONS * HTTP/1.1|Host: h"));
    }

    #[test]
    fn an_absolute_target_names_the_host_where_no_field_does() {
        assert!(matches(&conditions(&["h"], &[], &[]), "GET http://H:80/ HTTP/1.0"));
        assert!(!matches(&conditions(&["h"], &[], &[]), "GET / HTTP/1.0"), "no host is no host's");
        assert!(!matches(&conditions(&["*.h"], &[], &[]), "GET / HTTP/1.0"));
        assert!(matches(&Conditions::default(), "GET / HTTP/1.0"));
    }

    #[test]
    fn a_method_matches_to_the_letter() {
        let reading = conditions(&[], &[], &["GET", "HEAD"]);
        assert!(matches(&reading, "HEAD / HTTP/1.1|Host: a"));
        assert!(
            !matches(&reading, "get / HTTP/1.1|Host: a") && !matches(&reading, "GETS / HTTP/1.1|Host: a")
        );
    }

    #[test]
    fn all_conditions_have_to_hold_and_any_value_of_each() {
        let route = conditions(&["a", "b"], &["/x", "/y"], &["GET"]);
        assert!(matches(&route, "GET /y HTTP/1.1|Host: a") && matches(&route, "GET /x/1 HTTP/1.1|Host: b"));
        for miss in ["POST /x HTTP/1.1|Host: a", "GET /z HTTP/1.1|Host: a", "GET /x HTTP/1.1|Host: c"] {
            assert!(!matches(&route, miss), "{miss}");
        }
    }

    #[test]
    fn wider_conditions_cover_narrower_ones_and_not_the_other_way() {
        let wide_and_narrow = [
            (conditions(&[], &[], &[]), conditions(&["a"], &["/x"], &["GET"])),
            (conditions(&["*.a"], &[], &[]), conditions(&["x.a", "*.y.a"], &[], &[])),
            (conditions(&[], &["/x"], &[]), conditions(&["h"], &["/x/y"], &[])),
            (conditions(&[], &["/"], &[]), conditions(&[], &["/x"], &[])),
            (conditions(&[], &[], &["GET", "POST"]), conditions(&[], &["/x"], &["POST"])),
            (conditions(&[], &["/x"], &[]), conditions(&[], &["/x/"], &[])),
        ];
        for (wide, narrow) in wide_and_narrow {
            assert!(wide.covers(&narrow) && !narrow.covers(&wide), "{wide:?} {narrow:?}");
            assert!(wide.covers(&wide) && narrow.covers(&narrow));
        }
        for (one, other) in [(&["*.a"], &["a"]), (&["a"], &["b"])] {
            assert!(!conditions(one, &[], &[]).covers(&conditions(other, &[], &[])));
        }
        assert!(!conditions(&[], &["/x"], &[]).covers(&conditions(&[], &["/xy"], &[])));
        assert!(!conditions(&[], &["/"], &[]).covers(&Conditions::default()), "OPTIONS * has no such path");
    }
}
