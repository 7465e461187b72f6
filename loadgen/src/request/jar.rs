//! The cookies of one virtual user.
//!
//! A user talks to one site, so domains and paths are not told apart: what a server sets is sent
//! back to it until it is taken back: by a Max-Age of zero or less or, without one, by a date that has
//! passed (RFC 6265 sections 5.2 and 5.3). A cookie that comes with a date to come stays for the whole run.

use std::time::SystemTime;

use chrono::{DateTime, NaiveDateTime, Utc};

/// Cookies that one user keeps; further ones are ignored.
const COOKIES_MAX: usize = 50;

/// Bytes of the Cookie line; a cookie that would make it longer is ignored.
const LINE_MAX: usize = 8 * 1024;

/// A jar.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    cookies: Vec<(Vec<u8>, Vec<u8>)>,
    /// `Cookie: a=b; c=d\r\n`, or nothing; rebuilt when a cookie changes.
    line: Vec<u8>,
}

impl Jar {
    /// The cookies of a Cookie field given by hand.
    pub fn of_field(value: &[u8]) -> Self {
        let mut jar = Self::default();
        for (name, value) in value.split(|&byte| byte == b';').filter_map(split_pair) {
            jar.set(name, value);
        }
        jar
    }

    /// The line to send, empty without cookies.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// The value of a cookie.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.cookies.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// Obeys one Set-Cookie value. Setting what is there already costs a comparison; `now` is asked only
    /// when the value has a date.
    pub fn obey(&mut self, set_cookie: &[u8], now: fn() -> SystemTime) {
        let mut parts = set_cookie.split(|&byte| byte == b';');
        let Some((name, value)) = parts.next().and_then(split_pair) else { return };
        match Life::of(parts, now) {
            Life::Over => self.take_back(name),
            Life::Unstated | Life::Ahead => self.set(name, value),
        }
    }

    fn take_back(&mut self, name: &[u8]) {
        let before = self.cookies.len();
        self.cookies.retain(|(own, _)| own != name);
        if self.cookies.len() != before {
            self.write_line();
        }
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        if name.is_empty() {
            return;
        }
        let is_full = self.cookies.len() >= COOKIES_MAX;
        match self.cookies.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) if own == value => return,
            Some((_, own)) => {
                own.clear();
                own.extend_from_slice(value);
            }
            None if is_full => return,
            None => self.cookies.push((name.to_vec(), value.to_vec())),
        }
        self.write_line();
        if self.line.len() > LINE_MAX {
            self.cookies.retain(|(own, _)| own != name);
            self.write_line();
        }
    }

    fn write_line(&mut self) {
        self.line.clear();
        for (name, value) in &self.cookies {
            let before: &[u8] = if self.line.is_empty() { b"Cookie: " } else { b"; " };
            [before, name, b"=", value].iter().for_each(|part| self.line.extend_from_slice(part));
        }
        if !self.line.is_empty() {
            self.line.extend_from_slice(b"\r\n");
        }
    }
}

/// Whether a Set-Cookie value concerns the cookie of this name.
pub fn concerns(set_cookie: &[u8], name: &[u8]) -> bool {
    let first = set_cookie.split(|&byte| byte == b';').next();
    first.and_then(split_pair).is_some_and(|(own, _)| own == name)
}

/// Name and value around the first equals sign, without the blanks around them.
fn split_pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = part.iter().position(|&byte| byte == b'=')?;
    Some((part[..equals].trim_ascii(), part[equals + 1..].trim_ascii()))
}

/// What the attributes of a Set-Cookie value say about the cookie's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Unstated,
    Ahead,
    Over,
}

impl Life {
    /// RFC 6265 section 5.3 step 3: Max-Age wins over Expires, and the last of each counts.
    fn of<'a>(attributes: impl Iterator<Item = &'a [u8]>, now: fn() -> SystemTime) -> Self {
        let (mut max_age, mut expires) = (Self::Unstated, None);
        for (name, value) in attributes.filter_map(split_pair) {
            if name.eq_ignore_ascii_case(b"max-age") {
                max_age = Self::of_max_age(value).unwrap_or(max_age);
            } else if name.eq_ignore_ascii_case(b"expires") {
                expires = Some(value);
            }
        }
        match (max_age, expires.and_then(read_date)) {
            (Self::Unstated, Some(date)) if date <= DateTime::<Utc>::from(now()) => Self::Over,
            (Self::Unstated, Some(_)) => Self::Ahead,
            (stated, _) => stated,
        }
    }

    /// RFC 6265 section 5.2.2; `None` for a value that is to be ignored.
    fn of_max_age(value: &[u8]) -> Option<Self> {
        let digits = value.strip_prefix(b"-").unwrap_or(value);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let is_over = digits.len() < value.len() || digits.iter().all(|&digit| digit == b'0');
        Some(if is_over { Self::Over } else { Self::Ahead })
    }
}

/// The forms in which dates of cookies come, behind the day of the week; what follows them is a name of
/// UTC. Two digits of a year are tried first, since four of them would be taken for the year 94.
const DATES: [&str; 4] = ["%d %b %Y %H:%M:%S", "%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%b %d %H:%M:%S %Y"];

fn read_date(value: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(value).ok()?;
    // The day of the week says nothing new; some servers get it wrong.
    let (_, date) = text.split_once([',', ' '])?;
    let read = |form| NaiveDateTime::parse_and_remainder(date.trim_start(), form).ok();
    DATES.into_iter().find_map(read).map(|(date, _)| date.and_utc())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 10 November 2026, 12:00:00 UTC.
    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_312_000)
    }

    #[test]
    fn keeps_changes_and_takes_back() {
        let mut jar = Jar::default();
        assert_eq!(jar.line(), b"");
        jar.obey(b"SRV=s1; path=/; HttpOnly", noon);
        jar.obey(b" b = 2 ; Max-Age=100", noon);
        assert_eq!(jar.line(), b"Cookie: SRV=s1; b=2\r\n");
        jar.obey(b"SRV=s2; path=/", noon);
        assert_eq!((jar.line(), jar.value(b"SRV")), (&b"Cookie: SRV=s2; b=2\r\n"[..], Some(&b"s2"[..])));
        jar.obey(b"SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT", noon);
        assert_eq!(jar.line(), b"Cookie: b=2\r\n");
        jar.obey(b"b=x; max-age=0", noon);
        assert_eq!(jar.line(), b"");
        for nonsense in [&b""[..], b";", b"=x", b"novalue"] {
            jar.obey(nonsense, noon);
            assert_eq!(jar.line(), b"");
        }
    }

    /// Whether a Set-Cookie value with these attributes leaves the cookie in the jar.
    fn keeps(attributes: &str) -> bool {
        let mut jar = Jar::of_field(b"SRV=s1");
        jar.obey(format!("SRV=s1; {attributes}").as_bytes(), noon);
        jar.value(b"SRV").is_some()
    }

    #[test]
    fn an_age_that_is_no_number_says_nothing() {
        for ignored in
            ["Max-Age=", "Max-Age", "Max-Age= ", "Max-Age=0x", "Max-Age=+0", "Max-Age=1.5", "Max-Age=-x"]
        {
            assert!(keeps(ignored), "{ignored}");
        }
        for over in ["Max-Age=0", "max-age=00", "Max-Age=-1", "Max-Age=60; Max-Age=0", "Max-Age=0; Max-Age="]
        {
            assert!(!keeps(over), "{over}");
        }
        assert!(keeps("Max-Age=0; Max-Age=60") && keeps("Max-Age=99999999999999999999999"));
    }

    #[test]
    fn any_date_that_has_passed_takes_a_cookie_back() {
        for passed in [
            "Thu, 01-Jan-1970 00:00:01 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Tue, 10 Nov 2026 12:00:00 GMT",
            "Mon, 09 Nov 2026 12:00:00 GMT",
            "Wed, 09 Nov 2026 12:00:00 GMT",
            "Saturday, 07-Nov-26 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sat, 31 dec 2005 23:59:59 gmt",
        ] {
            assert!(!keeps(&format!("path=/; Expires={passed}; Secure")), "{passed}");
        }
        for ahead in [
            "Tue, 10 Nov 2026 12:00:01 GMT",
            "Wed, 11-Nov-2026 00:00:00 GMT",
            "Sun, 01-Jan-40 00:00:00 GMT",
            "Fri Jan  1 00:00:00 2044",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri, 01 Jan 2500 19:70:00 GMT",
            "",
            "never",
            "1970",
            "\u{e9}, 01 Jan 1970",
        ] {
            assert!(keeps(&format!("Expires={ahead}")), "{ahead}");
        }
    }

    #[test]
    fn an_age_wins_over_a_date() {
        assert!(keeps("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
        assert!(!keeps("Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=0"));
        assert!(!keeps("Max-Age=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "an empty age is none");
    }

    #[test]
    fn begins_with_the_cookies_of_a_field() {
        let jar = Jar::of_field(b"SRV=s1; theme=a=b;; lone");
        assert_eq!(jar.line(), b"Cookie: SRV=s1; theme=a=b\r\n");
        assert!(concerns(b" SRV = s2; path=/", b"SRV") && !concerns(b"X=SRV", b"SRV") && !concerns(b"", b""));
    }

    #[test]
    fn is_bounded() {
        let mut jar = Jar::default();
        for number in 0..1000 {
            jar.obey(format!("c{number}=v").as_bytes(), noon);
        }
        assert_eq!(jar.cookies.len(), COOKIES_MAX);
        jar.obey(&[b"c0=".to_vec(), vec![b'x'; LINE_MAX]].concat(), noon);
        assert!(jar.line().len() < LINE_MAX && jar.value(b"c0").is_none());
    }
}
