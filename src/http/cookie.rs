//! The `Cookie` request field and the `Set-Cookie` response field, as far as persistence needs them.
//!
//! Called by a worker for each such line. It finds every cookie of one name and can take them out
//! of the line; what a value means is `balance::sticky`'s business. It never allocates but by
//! growing the caller's reused buffer, never looks at a byte more than twice, and never fails:
//! a line that makes no sense has no cookie of ours and is left alone.
//!
//! The grammar is HAProxy's, which is laxer than RFC 6265 section 4.2.1: `;` and `,` both separate
//! cookies, double quotes protect them inside values, blanks around names and values are skipped.

use memchr::memmem;

/// What becomes of the line that was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldEdit {
    /// Forward it as it is.
    Keep,
    /// Drop the whole line: nothing that belongs to the application is left.
    Remove,
    /// Forward the bytes of the output buffer in its place.
    Replace,
}

/// Finds each cookie `name` in one `Cookie` field value.
///
/// `found` gets each value as written (quotes included, outer blanks excluded), in order; it may be
/// empty. With `strip` (HAProxy: insert + indirect) each of them is removed, from its leading
/// separator to the next cookie that is kept, together with the `$` attributes that follow it.
/// `out` is cleared first; it holds the new value when the answer is `Replace`.
///
/// Blanks beside an `=` are taken out of the line, as HAProxy does, but only where the line contains
/// `name` at all: a line that has nothing to do with persistence is never rewritten.
pub fn scan(
    value: &[u8],
    name: &[u8],
    strip: bool,
    out: &mut Vec<u8>,
    mut found: impl FnMut(&[u8]),
) -> FieldEdit {
    out.clear();
    // Most lines have no cookie of ours: one vectorised search and no copy.
    if name.is_empty() || memmem::find(value, name).is_none() {
        return FieldEdit::Keep;
    }
    let mut line = Line { out, removing: false, kept: false, edited: false };
    let mut at = 0;
    let mut first = true;
    while at < value.len() {
        let token = Token::read(value, at, first);
        // Only an empty first token does not advance (a line that starts with a separator). The
        // next turn steps over that separator, so the loop ends after at most len + 1 turns.
        debug_assert!(token.end > at || first);
        if token.is_attribute(value) {
            line.follow(&value[at..token.end]);
        } else if token.name(value) == Some(name) {
            found(token.value(value));
            if strip { line.drop_token() } else { line.keep(value, at, &token) }
        } else {
            line.keep(value, at, &token);
        }
        at = token.end;
        first = false;
    }
    line.finish()
}

/// Cookie name of one `Set-Cookie` field value (RFC 6265 section 5.2): the text before the first
/// `=` without outer blanks. `None` when there is no `=` before the first `;`.
pub fn set_cookie_name(value: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr2(b'=', b';', value)?;
    (value[end] == b'=').then(|| value[..end].trim_ascii())
}

/// One piece between separators, as positions in the line.
struct Token {
    name_start: usize,
    name_end: usize,
    /// Position of `=`, of the separator that ends the token, or the end of the line.
    equal: usize,
    value_start: usize,
    value_end: usize,
    /// Position of the separator that ends the token, or the end of the line.
    end: usize,
}

impl Token {
    /// Reads the token that starts at `at`: the separator before it, or the start of the line.
    fn read(line: &[u8], at: usize, first: bool) -> Self {
        let name_start = skip_blanks(line, if first { at } else { at + 1 });
        let equal = line[name_start..]
            .iter()
            .position(|byte| matches!(byte, b'=' | b';' | b','))
            .map_or(line.len(), |offset| name_start + offset);
        let name_end = trim_blanks(line, name_start, equal);
        if line.get(equal) != Some(&b'=') {
            return Self { name_start, name_end, equal, value_start: equal, value_end: equal, end: equal };
        }
        let value_start = skip_blanks(line, equal + 1);
        let end = value_stop(line, value_start);
        let value_end = trim_blanks(line, value_start, end);
        Self { name_start, name_end, equal, value_start, value_end, end }
    }

    /// RFC 2965 attributes such as `$Path` belong to the cookie before them.
    fn is_attribute(&self, line: &[u8]) -> bool {
        line.get(self.name_start) == Some(&b'$')
    }

    /// The name, unless the token has no `=`: then it is no cookie.
    fn name<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        (self.end > self.equal).then(|| &line[self.name_start..self.name_end])
    }

    fn value<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        &line[self.value_start..self.value_end]
    }

    /// Whether blanks stand beside its `=`.
    fn has_loose_equal(&self) -> bool {
        self.end > self.equal && (self.name_end != self.equal || self.value_start != self.equal + 1)
    }
}

/// The line as it will be forwarded, and where we are in it.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    /// A cookie was dropped and nothing was kept since.
    removing: bool,
    /// Something of the application was kept.
    kept: bool,
    /// `out` differs from the input.
    edited: bool,
}

impl Line<'_> {
    /// Keeps an application's token, which also ends a removal.
    fn keep(&mut self, line: &[u8], at: usize, token: &Token) {
        self.kept = true;
        let mut from = at;
        if self.removing {
            self.removing = false;
            from = token.name_start;
            if !self.out.is_empty() {
                // One separator and one space stand for all that was dropped.
                while self.out.last().is_some_and(|byte| is_blank(*byte)) {
                    self.out.pop();
                }
                self.out.push(line[at]);
                self.out.push(b' ');
            }
        }
        if token.has_loose_equal() {
            self.edited = true;
            self.out.extend_from_slice(&line[from..token.name_end]);
            self.out.push(b'=');
            self.out.extend_from_slice(&line[token.value_start..token.end]);
        } else {
            self.out.extend_from_slice(&line[from..token.end]);
        }
    }

    /// A `$` attribute shares the fate of the cookie before it.
    fn follow(&mut self, bytes: &[u8]) {
        if !self.removing {
            self.out.extend_from_slice(bytes);
        }
    }

    fn drop_token(&mut self) {
        self.removing = true;
        self.edited = true;
    }

    fn finish(self) -> FieldEdit {
        match self {
            Self { edited: false, .. } => FieldEdit::Keep,
            Self { removing: true, kept: false, .. } => FieldEdit::Remove,
            Self { out, .. } if out.is_empty() => FieldEdit::Remove,
            _ => FieldEdit::Replace,
        }
    }
}

/// End of a value: the next separator outside double quotes. A backslash protects one byte inside
/// quotes. Unterminated quotes reach to the end of the line.
fn value_stop(line: &[u8], start: usize) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (offset, byte) in line[start..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return start + offset,
            _ => {}
        }
    }
    line.len()
}

fn skip_blanks(line: &[u8], from: usize) -> usize {
    line[from..].iter().position(|byte| !is_blank(*byte)).map_or(line.len(), |offset| from + offset)
}

fn trim_blanks(line: &[u8], start: usize, end: usize) -> usize {
    line[start..end].iter().rposition(|byte| !is_blank(*byte)).map_or(start, |offset| start + offset + 1)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests;
