//! Whether a response looks cacheable to a shared cache, in HAProxy's view.
//!
//! Asked by the data path only when it adds a persistence cookie under `nocache`: a cookie that a
//! cache hands to everybody would send everybody to one server. It reads, and decides nothing else.

/// Statuses that a cache may store without being told to (HAProxy's list, from RFC 7231 section 6.1).
const CACHEABLE_STATUSES: [u16; 11] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];

/// Whether the response may be stored and answered again by a cache.
///
/// `fields`: name and value of each response field in order; names in any case, others are ignored.
pub fn looks_cacheable<'a>(
    method: &[u8],
    status: u16,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> bool {
    let by_default = matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE");
    let mut state = State { allowed: by_default && CACHEABLE_STATUSES.contains(&status), ..State::default() };
    for (name, value) in fields {
        if name.eq_ignore_ascii_case(b"pragma") {
            if value.trim_ascii().eq_ignore_ascii_case(b"no-cache") {
                return false;
            }
        } else if name.eq_ignore_ascii_case(b"cache-control") {
            state.cache_control(value);
        } else if ["expires", "etag", "last-modified"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        {
            state.has_freshness_or_validator = true;
        }
    }
    state.allowed && !state.max_age_is_zero && state.has_freshness_or_validator
}

#[derive(Default)]
struct State {
    allowed: bool,
    /// `max-age=0` was seen, and neither an `s-maxage`, which overrides it (RFC 9111 section
    /// 5.2.2.10), nor a `public` since.
    max_age_is_zero: bool,
    has_freshness_or_validator: bool,
}

impl State {
    fn cache_control(&mut self, value: &[u8]) {
        let mut rest = value;
        while !rest.is_empty() {
            let end = element_end(rest);
            self.directive(rest[..end].trim_ascii());
            rest = &rest[rest.len().min(end + 1)..];
        }
    }

    fn directive(&mut self, directive: &[u8]) {
        let name_end = memchr::memchr(b'=', directive);
        let name = &directive[..name_end.unwrap_or(directive.len())];
        let argument = name_end.map(|at| &directive[at + 1..]);
        if name.eq_ignore_ascii_case(b"public") {
            self.allowed = true;
            self.max_age_is_zero = false;
        } else if name.eq_ignore_ascii_case(b"no-cache") {
            // Only the cookie is barred from the cache, and exactly that form.
            let only_the_cookie = argument.is_some_and(|text| text.eq_ignore_ascii_case(b"\"set-cookie\""));
            self.allowed &= only_the_cookie;
        } else if name.eq_ignore_ascii_case(b"private") || name.eq_ignore_ascii_case(b"no-store") {
            self.allowed = false;
        } else if name.eq_ignore_ascii_case(b"s-maxage") && argument.is_some() {
            self.has_freshness_or_validator = true;
            self.max_age_is_zero = false;
            self.allowed &= argument != Some(b"0");
        } else if name.eq_ignore_ascii_case(b"max-age") && argument.is_some() {
            self.has_freshness_or_validator = true;
            self.max_age_is_zero |= argument == Some(b"0");
        }
    }
}

/// End of the first list element: the next comma outside double quotes.
fn element_end(list: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    list.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(status: u16, fields: &[(&str, &str)]) -> bool {
        with_method("GET", status, fields)
    }

    fn with_method(method: &str, status: u16, fields: &[(&str, &str)]) -> bool {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        looks_cacheable(method.as_bytes(), status, fields)
    }

    const ETAG: (&str, &str) = ("ETag", "\"1\"");

    #[test]
    fn method_and_status_decide_first() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(with_method(method, 200, &[ETAG]), "{method}");
        }
        for method in ["POST", "PUT", "DELETE", "get", "PROPFIND"] {
            assert!(!with_method(method, 200, &[ETAG]), "{method}");
        }
        for status in CACHEABLE_STATUSES {
            assert!(get(status, &[ETAG]), "{status}");
        }
        for status in [101, 201, 302, 303, 304, 307, 308, 400, 403, 500, 503] {
            assert!(!get(status, &[ETAG]), "{status}");
        }
    }

    #[test]
    fn a_validator_or_a_freshness_is_needed() {
        assert!(!get(200, &[]));
        assert!(!get(200, &[("Cache-Control", "public")]));
        assert!(!get(200, &[("Cache-Control", "max-age")]));
        for field in [
            ("expires", "-1"),
            ("LAST-MODIFIED", "x"),
            ("Cache-Control", "max-age=1"),
            ("cache-control", "s-maxage=1"),
        ] {
            assert!(get(200, &[field]), "{field:?}");
        }
    }

    #[test]
    fn cache_control_directives_apply_in_order() {
        let table = [
            ("public", true),
            ("private", false),
            ("private=\"x\"", false),
            ("no-cache", false),
            ("no-cache=\"x\"", false),
            ("NO-STORE", false),
            ("no-store=x", false),
            ("s-maxage=0", false),
            ("max-age=0", false),
            ("max-age=0, s-maxage=600", true),
            ("s-maxage=600, max-age=0", false),
            ("max-age=0, s-maxage=0", false),
            ("no-cache=\"set-cookie\"", true),
            ("no-cache=\"Set-Cookie\"", true),
            ("no-cache=\"set-cookie, set-cookie2\"", false),
            ("private, public", true),
            ("public, private", false),
            (" , ,private,", false),
            ("x=\"a, private\"", true),
            ("x=\"unterminated, private", true),
            ("max-age=00", true),
            ("privateer", true),
            ("", true),
        ];
        for (value, expected) in table {
            assert_eq!(get(200, &[ETAG, ("Cache-Control", value)]), expected, "{value}");
        }
    }

    #[test]
    fn public_overrides_method_and_status() {
        assert!(with_method("POST", 302, &[ETAG, ("Cache-Control", "public")]));
    }

    #[test]
    fn pragma_no_cache_wins_wherever_it_stands() {
        assert!(!get(200, &[("Cache-Control", "public"), ETAG, ("Pragma", " No-Cache ")]));
        assert!(get(200, &[("Pragma", "no-cache-please"), ETAG]));
    }
}
