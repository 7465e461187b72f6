//! The cookies of one virtual user.
//!
//! A user talks to one site, so domains and paths are not told apart: what a server sets is sent
//! back to it until it is taken back (Max-Age of zero or less, or a date in 1970; RFC 6265).

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
        value.split(|&byte| byte == b';').for_each(|pair| jar.obey(pair));
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

    /// Obeys one Set-Cookie value. Setting what is there already costs a comparison.
    pub fn obey(&mut self, set_cookie: &[u8]) {
        let mut parts = set_cookie.split(|&byte| byte == b';');
        let Some((name, value)) = parts.next().and_then(split_pair) else { return };
        if name.is_empty() {
            return;
        }
        if parts.any(is_taking_back) {
            let before = self.cookies.len();
            self.cookies.retain(|(own, _)| own != name);
            if self.cookies.len() != before {
                self.write_line();
            }
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

fn is_taking_back(attribute: &[u8]) -> bool {
    let Some((name, value)) = split_pair(attribute) else { return false };
    let is_zero_or_less = || value.starts_with(b"-") || value.iter().all(|&byte| byte == b'0');
    let is_long_ago = || value.windows(4).any(|window| window == b"1970");
    (name.eq_ignore_ascii_case(b"max-age") && is_zero_or_less())
        || (name.eq_ignore_ascii_case(b"expires") && is_long_ago())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_changes_and_takes_back() {
        let mut jar = Jar::default();
        assert_eq!(jar.line(), b"");
        jar.obey(b"SRV=s1; path=/; HttpOnly");
        jar.obey(b" b = 2 ; Max-Age=100");
        assert_eq!(jar.line(), b"Cookie: SRV=s1; b=2\r\n");
        jar.obey(b"SRV=s2; path=/");
        assert_eq!((jar.line(), jar.value(b"SRV")), (&b"Cookie: SRV=s2; b=2\r\n"[..], Some(&b"s2"[..])));
        jar.obey(b"SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT");
        assert_eq!(jar.line(), b"Cookie: b=2\r\n");
        jar.obey(b"b=x; max-age=0");
        assert_eq!(jar.line(), b"");
        for nonsense in [&b""[..], b";", b"=x", b"novalue"] {
            jar.obey(nonsense);
            assert_eq!(jar.line(), b"");
        }
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
            jar.obey(format!("c{number}=v").as_bytes());
        }
        assert_eq!(jar.cookies.len(), COOKIES_MAX);
        jar.obey(&[b"c0=".to_vec(), vec![b'x'; LINE_MAX]].concat());
        assert!(jar.line().len() < LINE_MAX && jar.value(b"c0").is_none());
    }
}
