//! Cookie persistence in insert mode, byte for byte as HAProxy does it.
//!
//! Called by a worker: [`ClientCookie`] takes each occurrence of the cookie in a request and tells
//! which server it asks for; [`ServerCookie`] takes the response's own `Set-Cookie` lines and then
//! appends what the client is to remember. Sans-IO: bytes in, bytes out, the time is an argument.
//! It allocates only by growing the caller's buffer and knows neither servers nor health.
//!
//! A value is `ID[|LAST[|FIRST]]`, dates as in [`cookie_date`]. The dates are not authenticated: a
//! client may forge them and thereby keep its server longer, no more.

use super::cookie_date;

/// A date further ahead than this is refused, so that one odd clock cannot pin clients for years.
const AHEAD_S_MAX: u64 = 86_400;

/// What the backend's cookie configuration means, ready for the data path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieRules {
    /// Cookie name, matched exactly.
    pub name: Box<[u8]>,
    /// Strip the cookie from requests before they are forwarded.
    pub indirect: bool,
    /// Add `cache-control: private` to a response that carries the cookie and looks cacheable.
    pub nocache: bool,
    /// Leave a cookie of this name that the server sets.
    pub preserve: bool,
    /// Insert only in responses to POST.
    pub postonly: bool,
    /// Longest time without use, seconds.
    pub maxidle_s: Option<u64>,
    /// Longest life, seconds.
    pub maxlife_s: Option<u64>,
    /// What follows every value: `; path=/` and the attributes, see [`attributes`].
    pub attributes: Box<[u8]>,
}

/// Bytes after the value, in HAProxy's fixed order: path, domains, HttpOnly, Secure, further ones.
pub fn attributes(domain: &[String], httponly: bool, secure: bool, attr: &[String]) -> Box<[u8]> {
    // cold: once per snapshot
    let mut tail = b"; path=/".to_vec();
    for name in domain {
        tail.extend_from_slice(b"; domain=");
        tail.extend_from_slice(name.as_bytes());
    }
    if httponly {
        tail.extend_from_slice(b"; HttpOnly");
    }
    if secure {
        tail.extend_from_slice(b"; Secure");
    }
    for text in attr {
        tail.extend_from_slice(b"; ");
        tail.extend_from_slice(text.as_bytes());
    }
    tail.into_boxed_slice()
}

/// What the backend knows of a server id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// No server has it.
    Unknown,
    /// Every server that has it is down or in maintenance.
    Down,
    /// The first server in the order of the file that has it and takes requests; its index.
    Usable(usize),
    /// It was not asked: the request already has a server, or persistence is ignored for it.
    Unused,
}

/// Finds `id` among a backend's servers, given in the order of the file as (id, usable). Several may
/// share an id, for example a server and its stand-in: the first usable one is meant.
pub fn find_server<'a>(id: &[u8], servers: impl Iterator<Item = (Option<&'a [u8]>, bool)>) -> Lookup {
    let mut result = Lookup::Unknown;
    for (index, (server_id, usable)) in servers.enumerate() {
        if server_id == Some(id) {
            if usable {
                return Lookup::Usable(index);
            }
            result = Lookup::Down;
        }
    }
    result
}

/// What a request's cookie asks for. One per request.
///
/// ```text
///   N ──first occurrence──▶ I D E O U ──an occurrence naming a usable server──▶ V ──redispatch──▶ D
///   └───────────────────────────────────────────────────────────────────────────▲
/// ```
///
/// Once V, later occurrences are ignored. The dates are those of the occurrence whose outcome stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCookie {
    letter: u8,
    server: Option<usize>,
    last_unix_s: Option<u64>,
    first_unix_s: Option<u64>,
}

impl Default for ClientCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientCookie {
    /// A request without any cookie of ours.
    pub const fn new() -> Self {
        Self { letter: b'N', server: None, last_unix_s: None, first_unix_s: None }
    }

    /// Takes one occurrence of the cookie, by its raw value. `lookup` is asked at most once.
    pub fn examine(
        &mut self,
        rules: &CookieRules,
        value: &[u8],
        now_unix_s: u64,
        lookup: impl FnOnce(&[u8]) -> Lookup,
    ) {
        if self.server.is_some() {
            return;
        }
        let (id, last, first) = split_value(value);
        let mut outcome = Self { letter: b'I', server: None, last_unix_s: last, first_unix_s: first };
        if is_outside(first, rules.maxlife_s, now_unix_s) {
            outcome = Self { letter: b'O', ..Self::new() };
        } else if is_outside(last, rules.maxidle_s, now_unix_s) {
            outcome = Self { letter: b'E', ..Self::new() };
        } else if !id.is_empty() {
            // An empty value names no server, even if one had an empty id.
            match lookup(id) {
                Lookup::Usable(index) => (outcome.letter, outcome.server) = (b'V', Some(index)),
                Lookup::Down => outcome.letter = b'D',
                Lookup::Unused => outcome.letter = b'U',
                Lookup::Unknown => {}
            }
        }
        if self.letter == b'N' || outcome.server.is_some() {
            *self = outcome;
        }
    }

    /// Index of the server that the client is to be sent to, whatever the balance says.
    pub fn server(&self) -> Option<usize> {
        self.server
    }

    /// Third letter of the log's termination state: `N` `I` `D` `V` `E` `O` or `U`.
    pub fn letter(&self) -> u8 {
        self.letter
    }

    /// The named server could not be reached and another one is tried: the client is from now on
    /// treated as one whose server is down (log `DI`), and gets a new cookie.
    pub fn redispatch(&mut self) {
        if self.server.take().is_some() {
            self.letter = b'D';
        }
    }

    /// Whether the stored dates alone ask for a new cookie. LAST is rounded up when written, so a
    /// client gets at most one refresh in 4 seconds.
    fn needs_new_dates(&self, rules: &CookieRules, now_unix_s: u64) -> bool {
        let idle = rules.maxidle_s.is_some() || self.last_unix_s.is_some();
        let outdated = idle && self.last_unix_s.is_none_or(|last| last < now_unix_s);
        // A FIRST appears or disappears with the configuration of maxlife.
        outdated || rules.maxlife_s.is_some() != self.first_unix_s.is_some()
    }
}

/// What the response does to the client's cookie. One per response that came from a server; not for
/// interim responses except 101, nor for answers that torii makes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerCookie {
    letter: u8,
    preserved: bool,
}

/// What becomes of a `Set-Cookie` line of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetCookieEdit {
    /// Forward it.
    Keep,
    /// Drop the line.
    Remove,
}

/// The exchange, as far as the decision about a cookie needs it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Persistence id of the server that answered; `None`: it has none, and the client's cookie is
    /// deleted where one would have been inserted.
    pub server_id: Option<&'a [u8]>,
    /// The request's method is POST.
    pub is_post: bool,
    /// The time, seconds since 1970.
    pub now_unix_s: u64,
}

impl Default for ServerCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerCookie {
    /// A response of which no `Set-Cookie` line was seen yet.
    pub const fn new() -> Self {
        Self { letter: b'N', preserved: false }
    }

    /// Takes one `Set-Cookie` line by its cookie's name (`http::cookie::set_cookie_name`).
    pub fn examine(&mut self, rules: &CookieRules, cookie_name: &[u8]) -> SetCookieEdit {
        if cookie_name != &*rules.name {
            return SetCookieEdit::Keep;
        }
        if rules.preserve {
            self.letter = b'P';
            self.preserved = true;
            return SetCookieEdit::Keep;
        }
        self.letter = b'D';
        SetCookieEdit::Remove
    }

    /// After the last field: appends the `set-cookie` line that the client needs, if any, and under
    /// `nocache` a `cache-control` line; each ends with CRLF and belongs behind the server's fields.
    ///
    /// `looks_cacheable` is asked only when a cookie was added under `nocache`. Returns the fourth
    /// letter of the log's termination state: `N` `P` `D` `I` or `U`.
    pub fn finish(
        self,
        rules: &CookieRules,
        client: &ClientCookie,
        answer: &Answer<'_>,
        looks_cacheable: impl FnOnce() -> bool,
        out: &mut Vec<u8>,
    ) -> u8 {
        let direct = client.server.is_some();
        let wanted = !direct || client.needs_new_dates(rules, answer.now_unix_s);
        if !wanted || self.preserved || (rules.postonly && !answer.is_post) {
            return self.letter;
        }
        append_set_cookie(rules, client, answer, out);
        if rules.nocache && looks_cacheable() {
            out.extend_from_slice(b"cache-control: private\r\n");
        }
        if direct && answer.server_id.is_some() { b'U' } else { b'I' }
    }
}

fn append_set_cookie(rules: &CookieRules, client: &ClientCookie, answer: &Answer<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"set-cookie: ");
    out.extend_from_slice(&rules.name);
    out.push(b'=');
    match answer.server_id {
        Some(id) => {
            out.extend_from_slice(id);
            append_dates(rules, client.first_unix_s, answer.now_unix_s, out);
        }
        None => out.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
    }
    out.extend_from_slice(&rules.attributes);
    out.extend_from_slice(b"\r\n");
}

/// LAST whenever a limit is set; FIRST, once set, stays what it was for the life of the cookie.
fn append_dates(rules: &CookieRules, first_unix_s: Option<u64>, now_unix_s: u64, out: &mut Vec<u8>) {
    if rules.maxidle_s.is_none() && rules.maxlife_s.is_none() {
        return;
    }
    out.push(b'|');
    out.extend_from_slice(&cookie_date::encode(now_unix_s));
    if rules.maxlife_s.is_some() {
        out.push(b'|');
        // A date that was read is a multiple of 4 seconds: it is written back unchanged.
        out.extend_from_slice(&cookie_date::encode(first_unix_s.unwrap_or(now_unix_s)));
    }
}

/// Server id, LAST and FIRST of a value. A date that is too short or malformed is absent.
fn split_value(value: &[u8]) -> (&[u8], Option<u64>, Option<u64>) {
    let Some(bar) = memchr::memchr(b'|', value) else {
        return (value, None, None);
    };
    let dates = &value[bar + 1..];
    let first = memchr::memchr(b'|', dates).and_then(|bar| cookie_date::decode(&dates[bar + 1..]));
    (&value[..bar], cookie_date::decode(dates), first)
}

/// Whether a date is further back than the limit, or further ahead than a wrong clock explains.
fn is_outside(date_unix_s: Option<u64>, limit_s: Option<u64>, now_unix_s: u64) -> bool {
    let (Some(date), Some(limit)) = (date_unix_s, limit_s) else {
        return false;
    };
    now_unix_s.saturating_sub(date) > limit || date.saturating_sub(now_unix_s) > AHEAD_S_MAX
}

#[cfg(test)]
mod tests;
