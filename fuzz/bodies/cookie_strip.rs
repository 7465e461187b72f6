//! One `Cookie` value: what is found and what is left, beside a slow reading of the same rules.
//!
//! Input: the cookie's name, a line feed, the value. A value that no head could carry is passed over.

use torii::http::cookie::{self, FieldEdit};

/// One input.
pub fn run(data: &[u8]) {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (name, value) = (&data[..at], &data[at + 1..]);
    let carried = |byte: &u8| *byte >= b' ' && *byte != 0x7f || *byte == b'\t';
    if !value.iter().all(carried) || name.is_empty() || name.iter().any(|byte| !is_name(*byte)) {
        return;
    }
    for strip in [false, true] {
        let (edit, line, found) = scan(value, name, strip);
        let expected = reference(value, name, strip);
        assert_eq!((edit, line.as_slice(), &found), (expected.0, expected.1.as_slice(), &expected.2));
        if strip {
            let left = if edit == FieldEdit::Remove { &[][..] } else { &line };
            assert_eq!(
                scan(left, name, strip),
                (FieldEdit::Keep, left.to_vec(), Vec::new()),
                "not all was taken out"
            );
            assert!(left.len() <= value.len(), "the line grew");
            assert_eq!(cookies(left, name), cookies(value, name), "an application's cookie changed");
        }
    }
    cookie::set_cookie_name(value);
}

/// The names that a configuration may give (RFC 6265: a token); `$` would begin an attribute.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}$".contains(&byte)
}

/// What we do: the edit, the line as it is forwarded, the values found.
fn scan(value: &[u8], name: &[u8], strip: bool) -> (FieldEdit, Vec<u8>, Vec<Vec<u8>>) {
    let (mut out, mut found) = (Vec::new(), Vec::new());
    let edit = cookie::scan(value, name, strip, &mut out, |value| found.push(value.to_vec()));
    let line = match edit {
        FieldEdit::Keep => value.to_vec(),
        FieldEdit::Replace => out,
        FieldEdit::Remove => Vec::new(),
    };
    (edit, line, found)
}

/// A token between separators: blanks are part of none of its texts but `tail`.
#[derive(Default)]
struct Token {
    separator: Option<u8>,
    /// Blanks before the name.
    lead: Vec<u8>,
    name: Vec<u8>,
    /// Blanks before the `=`; at the end of the token when there is none.
    before_equal: Vec<u8>,
    has_equal: bool,
    after_equal: Vec<u8>,
    value: Vec<u8>,
    /// Blanks after the value.
    tail: Vec<u8>,
}

impl Token {
    fn is_attribute(&self) -> bool {
        self.name.first() == Some(&b'$')
    }

    fn is_ours(&self, name: &[u8]) -> bool {
        self.has_equal && self.name == name && !self.is_attribute()
    }

    /// Everything from the name on; blanks beside the `=` only where they stay.
    fn text(&self, with_blanks: bool) -> Vec<u8> {
        let blanks =
            |blanks: &[u8]| if with_blanks || !self.has_equal { blanks.to_vec() } else { Vec::new() };
        let equal: &[u8] = if self.has_equal { b"=" } else { b"" };
        let parts = [
            &self.name[..],
            &blanks(&self.before_equal),
            equal,
            &blanks(&self.after_equal),
            &self.value,
            &self.tail,
        ];
        parts.concat()
    }

    fn whole(&self, with_blanks: bool) -> Vec<u8> {
        let separator: Vec<u8> = self.separator.into_iter().collect();
        [&separator[..], &self.lead, &self.text(with_blanks)].concat()
    }
}

/// Byte by byte: `;` and `,` part tokens except in double quotes of a value, where a backslash protects
/// the next byte.
fn tokens(line: &[u8]) -> Vec<Token> {
    let mut tokens = vec![Token::default()];
    let (mut quoted, mut escaped) = (false, false);
    for byte in line {
        let token = tokens.last_mut().expect("never empty");
        let blank = matches!(byte, b' ' | b'\t');
        let in_value = token.has_equal;
        if in_value && escaped {
            escaped = false;
        } else if in_value && quoted && *byte == b'\\' {
            escaped = true;
        } else if in_value && *byte == b'"' {
            quoted = !quoted;
        } else if matches!(byte, b';' | b',') && !quoted {
            tokens.push(Token { separator: Some(*byte), ..Token::default() });
            continue;
        } else if *byte == b'=' && !in_value {
            token.has_equal = true;
            continue;
        }
        match (in_value, blank) {
            (false, true) if token.name.is_empty() => token.lead.push(*byte),
            (false, true) => token.before_equal.push(*byte),
            (false, false) => {
                // Blanks inside a name belong to it.
                token.name.append(&mut token.before_equal);
                token.name.push(*byte);
            }
            (true, true) if token.value.is_empty() && token.tail.is_empty() => token.after_equal.push(*byte),
            (true, true) => token.tail.push(*byte),
            (true, false) => {
                token.value.append(&mut token.tail);
                token.value.push(*byte);
            }
        }
    }
    tokens
}

/// HAProxy's rules, told token by token.
fn reference(value: &[u8], name: &[u8], strip: bool) -> (FieldEdit, Vec<u8>, Vec<Vec<u8>>) {
    if !value.windows(name.len()).any(|part| part == name) {
        return (FieldEdit::Keep, value.to_vec(), Vec::new());
    }
    let (mut out, mut found) = (Vec::new(), Vec::new());
    let (mut after_ours, mut edited, mut kept) = (false, false, false);
    for token in tokens(value) {
        if token.is_attribute() {
            if !after_ours {
                out.extend(token.whole(true));
            }
            continue;
        }
        if token.is_ours(name) {
            found.push(token.value.clone());
            if strip {
                (after_ours, edited) = (true, true);
                continue;
            }
        }
        kept = true;
        edited |= token.has_equal && !(token.before_equal.is_empty() && token.after_equal.is_empty());
        if !after_ours {
            out.extend(token.whole(false));
        } else if out.is_empty() {
            out.extend(token.text(false));
        } else {
            while matches!(out.last(), Some(b' ' | b'\t')) {
                out.pop();
            }
            out.extend(token.separator);
            out.push(b' ');
            out.extend(token.text(false));
        }
        after_ours = false;
    }
    match edited {
        false => (FieldEdit::Keep, value.to_vec(), found),
        true if after_ours && !kept || out.is_empty() => (FieldEdit::Remove, Vec::new(), found),
        true => (FieldEdit::Replace, out, found),
    }
}

/// Names and values of everybody else's cookies.
fn cookies(line: &[u8], name: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let tokens = tokens(line).into_iter();
    let others = tokens.filter(|token| token.has_equal && !token.is_ours(name) && !token.is_attribute());
    others.map(|token| (token.name, token.value)).collect()
}
