//! What a parsed head is made of, and the parsing of its field lines, the same for both directions.
//!
//! A head is described by spans into the lease it arrived in; nothing is copied. Strictness
//! (RFC 9112 section 5): every line ends in CRLF, no white space before the colon, no line folding,
//! no control bytes in values, no empty name.

use super::scan;

/// A range of the buffer the head was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From indices; a head is never larger than a lease, so 32 bits hold them.
    #[inline]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes of this span in the buffer it was made from.
    #[inline]
    pub fn of<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        &buffer[self.start as usize..self.end as usize]
    }
}

/// Fields that the proxy itself looks at; every other one is `Other` and copied as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FieldKind {
    Other,
    Connection,
    ContentLength,
    TransferEncoding,
    Host,
    Cookie,
    SetCookie,
    Expect,
    Upgrade,
    Te,
    /// Not forwarded: set by whoever edits parsed fields before they are written.
    LeftOut,
    /// A field that some servers read as Content-Length or Transfer-Encoding, such as
    /// `Content_Length`: never forwarded.
    Disguised,
}

/// One field line.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Which field it is.
    pub kind: FieldKind,
    /// The whole line with its CRLF.
    pub line: Span,
    /// The name as received.
    pub name: Span,
    /// The value without surrounding white space.
    pub value: Span,
}

impl Field {
    /// Whether the line is `name: value` with exactly one space, so that it may be copied whole.
    #[inline]
    pub fn is_canonical(&self, buffer: &[u8]) -> bool {
        self.value.start == self.name.end + 2
            && self.line.end == self.value.end + 2
            && buffer[self.name.end as usize + 1] == b' '
    }
}

/// Protocol version of a message. Higher minor versions than 1 do not exist and are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Bounds of one head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Bytes from the first byte of the start line to the end of the empty line.
    pub size: usize,
    /// Field lines.
    pub fields: usize,
}

/// Why a head is refused. `proxy` maps each to a status, a log letter and a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// Not HTTP, or HTTP that breaks its grammar.
    Malformed,
    /// A version other than 1.0 and 1.1.
    UnsupportedVersion,
    /// The start line alone is beyond the limit.
    StartLineTooLong,
    /// The head is beyond the limit.
    HeadTooLarge,
    /// More field lines than the limit.
    TooManyFields,
    /// The body is longer than the configuration allows.
    BodyTooLarge,
    /// More empty lines before a request than the limit.
    TooManyEmptyLines,
    /// A chunk-size line, its extension included, beyond the limit.
    ChunkLineTooLong,
    /// Chunk extensions of one message beyond the limit.
    ChunkExtensionsTooLarge,
    /// A trailer section, or one of its lines, beyond the limit, or more lines than the limit.
    TrailersTooLarge,
    /// Content-Length and Transfer-Encoding that do not say one thing.
    AmbiguousFraming,
    /// A transfer coding other than chunked.
    UnsupportedCoding,
    /// No Host, two, or one that cannot be a host.
    BadHost,
}

/// Result of parsing: a head, or more bytes are needed.
pub type Parsed<T> = Result<Option<T>, HeadError>;

/// Whether parsing `data` may say more than it did when only its first `searched` bytes were there:
/// it is the first look, a line has ended since, or the limit is reached. Keeps a head that drips in
/// from being parsed again at every byte.
#[inline]
pub fn is_worth_parsing(data: &[u8], searched: usize, limits: HeadLimits) -> bool {
    searched == 0 || memchr::memchr(b'\n', &data[searched..]).is_some() || data.len() >= limits.size
}

/// Parses field lines from `at` up to the empty line. Returns the index past it, or `None` when the
/// buffer ends first. `fields` is appended to.
pub fn parse_fields(
    buffer: &[u8],
    mut at: usize,
    limits: HeadLimits,
    fields: &mut Vec<Field>,
) -> Parsed<usize> {
    loop {
        let rest = &buffer[at..];
        match rest {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => return Ok(Some(at + 2)),
            _ => {}
        }
        let Some(field) = parse_field(buffer, at)? else { return Ok(None) };
        if fields.len() == limits.fields {
            return Err(HeadError::TooManyFields);
        }
        at = field.line.end as usize;
        fields.push(field);
    }
}

/// One field line at `at`; `None` when its end is not there yet.
#[inline]
fn parse_field(buffer: &[u8], at: usize) -> Parsed<Field> {
    let name_end = at + scan::token_len(&buffer[at..]);
    match buffer.get(name_end) {
        None => return Ok(None),
        // RFC 9112 section 5.1: no white space between name and colon, and an empty name is no name.
        Some(b':') if name_end > at => {}
        Some(_) => return Err(HeadError::Malformed),
    }
    let mut value_start = name_end + 1;
    while let Some(b' ' | b'\t') = buffer.get(value_start) {
        value_start += 1;
    }
    let line_end = value_start + scan::value_len(&buffer[value_start..]);
    match buffer[line_end..] {
        [] | [b'\r'] => return Ok(None),
        [b'\r', b'\n', ..] => {}
        _ => return Err(HeadError::Malformed),
    }
    let mut value_end = line_end;
    while value_end > value_start && matches!(buffer[value_end - 1], b' ' | b'\t') {
        value_end -= 1;
    }
    Ok(Some(Field {
        kind: kind_of(&buffer[at..name_end]),
        line: Span::new(at, line_end + 2),
        name: Span::new(at, name_end),
        value: Span::new(value_start, value_end),
    }))
}

/// Which of the fields we care about a name is; names are case-insensitive (RFC 9110 section 5.1).
#[inline]
fn kind_of(name: &[u8]) -> FieldKind {
    let (known, kind): (&[u8], FieldKind) = match name.len() {
        2 => (b"te", FieldKind::Te),
        4 => (b"host", FieldKind::Host),
        6 if name[0] | 0x20 == b'c' => (b"cookie", FieldKind::Cookie),
        6 => (b"expect", FieldKind::Expect),
        7 => (b"upgrade", FieldKind::Upgrade),
        10 if name[0] | 0x20 == b'c' => (b"connection", FieldKind::Connection),
        10 => (b"set-cookie", FieldKind::SetCookie),
        14 => (b"content-length", FieldKind::ContentLength),
        17 => (b"transfer-encoding", FieldKind::TransferEncoding),
        _ => return FieldKind::Other,
    };
    if name.eq_ignore_ascii_case(known) { kind } else { disguised(name) }
}

/// CGI and what descends from it turn every `-` of a name into `_`, and some turn other bytes into it
/// too: to such a server `Content_Length` is Content-Length.
#[inline]
fn disguised(name: &[u8]) -> FieldKind {
    let frames = |known: &[u8], dash: usize| {
        name[..dash].eq_ignore_ascii_case(&known[..dash])
            && name[dash + 1..].eq_ignore_ascii_case(&known[dash + 1..])
    };
    match name.len() {
        14 if frames(b"content-length", 7) => FieldKind::Disguised,
        17 if frames(b"transfer-encoding", 8) => FieldKind::Disguised,
        _ => FieldKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { size: 1024, fields: 3 };

    fn parse(text: &str) -> Parsed<Vec<(String, String, FieldKind)>> {
        let mut fields = Vec::new();
        let end = parse_fields(text.as_bytes(), 0, LIMITS, &mut fields)?;
        let text_of = |span: &Span| String::from_utf8_lossy(span.of(text.as_bytes())).into_owned();
        Ok(end.map(|_| fields.iter().map(|f| (text_of(&f.name), text_of(&f.value), f.kind)).collect()))
    }

    #[test]
    fn trims_white_space_around_values_only() {
        let fields = parse("Host: \t a b \t\r\nX:\r\n\r\n").expect("valid").expect("complete");
        assert_eq!(fields[0], ("Host".into(), "a b".into(), FieldKind::Host));
        assert_eq!(fields[1], ("X".into(), "".into(), FieldKind::Other));
    }

    #[test]
    fn knows_names_in_any_case() {
        let fields = parse("COOKIE: a\r\nset-Cookie: b\r\nTE: c\r\n\r\n").expect("valid").expect("complete");
        let kinds: Vec<_> = fields.into_iter().map(|f| f.2).collect();
        assert_eq!(kinds, [FieldKind::Cookie, FieldKind::SetCookie, FieldKind::Te]);
    }

    #[test]
    fn knows_a_framing_field_in_disguise() {
        for name in ["Content_Length", "transfer_ENCODING", "Content.Length", "Transfer+Encoding"] {
            let fields = parse(&format!("{name}: 5\r\n\r\n")).expect("valid").expect("complete");
            assert_eq!(fields[0].2, FieldKind::Disguised, "{name}");
        }
        for name in ["Content-Lengths", "Content--Length", "Contend_Length", "X-Content-Type1"] {
            let fields = parse(&format!("{name}: 5\r\n\r\n")).expect("valid").expect("complete");
            assert_eq!(fields[0].2, FieldKind::Other, "{name}");
        }
    }

    #[test]
    fn refuses_what_the_grammar_refuses() {
        for text in [
            "Host : a\r\n\r\n",
            ": a\r\n\r\n",
            " Host: a\r\n\r\n",
            "Host: a\r\n b\r\n\r\n",
            "Host: a\n\r\n",
            "Host: a\rb\r\n\r\n",
            "Host: a\0\r\n\r\n",
            "Host: a\x7f\r\n\r\n",
            "Host\r\n\r\n",
            "H\u{e9}: a\r\n\r\n",
        ] {
            assert_eq!(parse(text), Err(HeadError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn accepts_obs_text_unchanged() {
        let fields = parse("X: \u{85}\u{a0}\r\n\r\n").expect("valid").expect("complete");
        assert_eq!(fields[0].1, "\u{85}\u{a0}");
    }

    #[test]
    fn parses_again_only_when_a_line_has_ended_or_the_limit_is_reached() {
        assert!(is_worth_parsing(b"G", 0, LIMITS));
        assert!(!is_worth_parsing(b"GET /", 1, LIMITS));
        assert!(!is_worth_parsing(b"a\nb", 2, LIMITS));
        assert!(is_worth_parsing(b"a\nb\n", 2, LIMITS));
        assert!(is_worth_parsing(&[b'a'; 1024], 1023, LIMITS));
    }

    #[test]
    fn counts_fields() {
        assert_eq!(parse("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n"), Err(HeadError::TooManyFields));
    }

    #[test]
    fn wants_more_at_every_prefix_of_a_valid_section() {
        let text = "Host: a\r\nX: y\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), Ok(None), "prefix of {end}");
        }
    }
}
