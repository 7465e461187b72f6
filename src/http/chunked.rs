//! Following a chunked body without copying it: which bytes pass as they are, which are left out.
//!
//! `proxy::relay` feeds it what has arrived; it answers with the next run of bytes to forward and
//! how many to leave out after it. Chunk extensions and trailer fields that could change framing or
//! trust are left out, everything else passes byte for byte. RFC 9112 section 7.1, strictly: CRLF
//! only, hexadecimal digits only, CRLF after every chunk.
//!
//! ```text
//!  Size ──"5"[;ext]──▶ SizeEnd ──CRLF──▶ Data ──▶ DataEnd ──CRLF──▶ Size
//!    └────"0"────────▶ LastSizeEnd ──CRLF──▶ Trailer ──field──▶ Trailer ──CRLF──▶ Done
//! ```

use super::head::HeadError;
use super::scan;
use crate::limits::{CHUNK_EXTENSIONS_SIZE, CHUNK_LINE_SIZE, TRAILER_LINE_SIZE, TRAILER_LINES, TRAILER_SIZE};

/// Significant hexadecimal digits of a chunk size, as HAProxy counts them: below 2^52 every reader of the
/// size has the same number, also one that counts in floating point.
const SIZE_DIGITS: usize = 13;

/// Digits of a chunk size, leading zeros included. Sizes are forwarded as they came, and servers that
/// hold a size in 64 bits count every digit.
const SIZE_LENGTH: usize = 16;

/// Position in a chunked body.
#[derive(Debug, Clone)]
pub struct Chunked {
    state: State,
    /// Bytes of data that may still be announced.
    data_left: u64,
    extension_bytes: usize,
    trailer_bytes: usize,
    trailer_lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    LastSizeEnd,
    Trailer,
    Done,
}

/// What to do with the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Bytes to forward as they are.
    pub forward: usize,
    /// Bytes after them to leave out. What follows is for the next call.
    pub skip: usize,
    /// The body ends after these.
    pub done: bool,
}

impl Chunked {
    /// Before the first chunk.
    pub fn new() -> Self {
        Self::limited(u64::MAX)
    }

    /// Before the first chunk of a body that may hold `data_max` bytes, all chunks together. A chunk
    /// that is announced to go beyond is refused before any of it has come.
    pub fn limited(data_max: u64) -> Self {
        let state = State::Size;
        Self { state, data_left: data_max, extension_bytes: 0, trailer_bytes: 0, trailer_lines: 0 }
    }

    /// Whether the whole body has been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Follows `buffer`. Bytes beyond `forward + skip` are an incomplete line, or the next run;
    /// they must be given again, with more bytes when both are zero.
    ///
    /// # Errors
    /// The body is malformed or beyond a limit; nothing of `buffer` may be forwarded.
    pub fn follow(&mut self, buffer: &[u8]) -> Result<Run, HeadError> {
        let mut at = 0;
        loop {
            let rest = &buffer[at..];
            match self.state {
                State::Size => match self.size_line(rest)? {
                    None => break,
                    Some((digits, skip)) if skip > 0 => {
                        return Ok(Run { forward: at + digits, skip, done: false });
                    }
                    Some((digits, _)) => at += digits,
                },
                State::SizeEnd(_) | State::LastSizeEnd | State::DataEnd => match rest {
                    [] | [b'\r'] => break,
                    [b'\r', b'\n', ..] => {
                        at += 2;
                        self.state = match self.state {
                            State::SizeEnd(size) => State::Data(size),
                            State::LastSizeEnd => State::Trailer,
                            _ => State::Size,
                        };
                    }
                    _ => return Err(HeadError::Malformed),
                },
                State::Data(left) => {
                    let here = left.min(rest.len() as u64);
                    at += here as usize;
                    self.state = if here == left { State::DataEnd } else { State::Data(left - here) };
                    if here < left {
                        break;
                    }
                }
                State::Trailer => match self.trailer_line(rest)? {
                    Trailer::Incomplete => break,
                    Trailer::Keep(len) => at += len,
                    Trailer::Drop(skip) => return Ok(Run { forward: at, skip, done: false }),
                    Trailer::End => {
                        at += 2;
                        self.state = State::Done;
                    }
                },
                State::Done => break,
            }
        }
        Ok(Run { forward: at, skip: 0, done: self.is_done() })
    }

    /// A whole chunk-size line: the length of its digits, and of the extension to leave out.
    fn size_line(&mut self, rest: &[u8]) -> Result<Option<(usize, usize)>, HeadError> {
        // What lies beyond the limit is not looked at: the verdict never depends on how much has come.
        let visible = &rest[..rest.len().min(CHUNK_LINE_SIZE + 1)];
        let digits = visible.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits < visible.len() && (digits == 0 || !matches!(rest[digits], b'\r' | b';' | b' ' | b'\t')) {
            return Err(HeadError::Malformed);
        }
        let line_len = scan::value_len(visible);
        if line_len > CHUNK_LINE_SIZE {
            return Err(HeadError::ChunkLineTooLong);
        }
        match rest[line_len..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => {}
            _ => return Err(HeadError::Malformed),
        }
        let zeros = rest[..digits].iter().take_while(|&&byte| byte == b'0').count();
        if digits > SIZE_LENGTH || digits - zeros > SIZE_DIGITS {
            return Err(HeadError::Malformed);
        }
        let extension = &rest[digits..line_len];
        check_extension(extension)?;
        self.extension_bytes += extension.len();
        if self.extension_bytes > CHUNK_EXTENSIONS_SIZE {
            return Err(HeadError::ChunkExtensionsTooLarge);
        }
        let size = rest[zeros..digits]
            .iter()
            .fold(0u64, |size, &digit| size * 16 + u64::from((digit as char).to_digit(16).unwrap_or(0)));
        self.data_left = self.data_left.checked_sub(size).ok_or(HeadError::BodyTooLarge)?;
        self.state = if size == 0 { State::LastSizeEnd } else { State::SizeEnd(size) };
        Ok(Some((digits, extension.len())))
    }

    fn trailer_line(&mut self, rest: &[u8]) -> Result<Trailer, HeadError> {
        match rest {
            [] | [b'\r'] => return Ok(Trailer::Incomplete),
            [b'\r', b'\n', ..] => return Ok(Trailer::End),
            _ => {}
        }
        let window = &rest[..rest.len().min(TRAILER_LINE_SIZE)];
        let Some(line_len) = memchr::memchr(b'\n', window).map(|at| at + 1) else {
            return if window.len() == TRAILER_LINE_SIZE {
                Err(HeadError::TrailersTooLarge)
            } else {
                Ok(Trailer::Incomplete)
            };
        };
        self.trailer_bytes += line_len;
        self.trailer_lines += 1;
        if self.trailer_bytes > TRAILER_SIZE || self.trailer_lines > TRAILER_LINES {
            return Err(HeadError::TrailersTooLarge);
        }
        let name = field_name(&rest[..line_len])?;
        Ok(if is_allowed_trailer(name) { Trailer::Keep(line_len) } else { Trailer::Drop(line_len) })
    }
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

enum Trailer {
    Incomplete,
    Keep(usize),
    Drop(usize),
    End,
}

/// The name of the one well-formed field line that `line` (with its CRLF) holds.
fn field_name(line: &[u8]) -> Result<&[u8], HeadError> {
    let name_len = scan::token_len(line);
    if name_len == 0 || line.get(name_len) != Some(&b':') {
        return Err(HeadError::Malformed);
    }
    let value = &line[name_len + 1..];
    if &value[scan::value_len(value)..] == b"\r\n" {
        Ok(&line[..name_len])
    } else {
        Err(HeadError::Malformed)
    }
}

/// RFC 9110 section 6.5.1: fields for framing, routing, authentication, or that a server trusts
/// because the proxy sets them, have no business after the body. `_` counts as `-`: some servers
/// take one for the other.
fn is_allowed_trailer(name: &[u8]) -> bool {
    const REFUSED: [&[u8]; 21] = [
        b"content-length",
        b"transfer-encoding",
        b"host",
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"expect",
        b"authorization",
        b"proxy-authorization",
        b"cookie",
        b"set-cookie",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"cache-control",
        b"forwarded",
        b"x-real-ip",
        b"true-client-ip",
    ];
    let same =
        |(&byte, &other): (&u8, &u8)| byte.eq_ignore_ascii_case(&other) || byte == b'_' && other == b'-';
    let begins = |with: &[u8]| name.len() >= with.len() && name.iter().zip(with).all(same);
    let is = |refused: &&[u8]| name.len() == refused.len() && begins(refused);
    !begins(b"x-forwarded-") && !REFUSED.iter().any(is)
}

/// `*( BWS ";" ... )`: begins with a semicolon after optional blanks, quotes closed.
fn check_extension(extension: &[u8]) -> Result<(), HeadError> {
    if extension.is_empty() {
        return Ok(());
    }
    let blanks = extension.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if extension.get(blanks) != Some(&b';') {
        return Err(HeadError::Malformed);
    }
    let mut quoted = false;
    let mut escaped = false;
    for &byte in extension {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    if quoted { Err(HeadError::Malformed) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Feeds `input` in pieces that end at `splits`; returns what is forwarded and what is left.
    fn run(input: &[u8], splits: &[usize]) -> Result<(Vec<u8>, usize, bool), HeadError> {
        let mut chunked = Chunked::new();
        let mut forwarded = Vec::new();
        let mut held: Vec<u8> = Vec::new();
        let mut start = 0;
        for &end in splits.iter().chain([&input.len()]) {
            held.extend_from_slice(&input[start..end]);
            start = end;
            loop {
                let run = chunked.follow(&held)?;
                forwarded.extend_from_slice(&held[..run.forward]);
                held.drain(..run.forward + run.skip);
                if run.forward + run.skip == 0 || run.done {
                    break;
                }
            }
        }
        Ok((forwarded, held.len(), chunked.is_done()))
    }

    /// The same result however the input is cut in two, and byte by byte.
    fn run_every_way(input: &str) -> Result<(String, usize, bool), HeadError> {
        let input = input.as_bytes();
        let whole = run(input, &[]);
        for split in 0..=input.len() {
            assert_eq!(
                run(input, &[split]),
                whole,
                "{:?} split at {split}",
                input.escape_ascii().to_string()
            );
        }
        let every: Vec<usize> = (0..input.len()).collect();
        assert_eq!(run(input, &every), whole, "byte by byte");
        whole.map(|(bytes, left, done)| (String::from_utf8(bytes).unwrap(), left, done))
    }

    #[test]
    fn forwards_a_plain_body_byte_for_byte() {
        let body = "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(run_every_way(body), Ok((body.into(), 0, true)));
    }

    #[test]
    fn leaves_what_follows_the_body_alone() {
        assert_eq!(run_every_way("0\r\n\r\nGET / HTTP/1.1"), Ok(("0\r\n\r\n".into(), 14, true)));
    }

    #[test]
    fn drops_extensions() {
        let body = "5;a=b;c=\"d;\\\" e\"\r\nhello\r\n00 ;x\r\n\r\n";
        assert_eq!(run_every_way(body), Ok(("5\r\nhello\r\n00\r\n\r\n".into(), 0, true)));
    }

    #[test]
    fn keeps_harmless_trailers_and_drops_dangerous_ones() {
        let body = "0\r\nX-Sum: 1\r\nContent-Length: 5\r\nhost: a\r\nX_forwarded-HOST: b\r\nY: 2\r\n\r\n";
        assert_eq!(run_every_way(body), Ok(("0\r\nX-Sum: 1\r\nY: 2\r\n\r\n".into(), 0, true)));
    }

    #[test]
    fn refuses_sizes_that_are_none() {
        for bad in ["0x5", "+5", "-1", "5_", "5 5", " 5", "5.", "g", "", "10000000000000", "ffffffffffffffff"]
        {
            let body = format!("{bad}\r\nhello\r\n0\r\n\r\n");
            assert_eq!(run_every_way(&body), Err(HeadError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn refuses_lines_that_do_not_end_in_crlf() {
        for bad in [
            "5\nhello\r\n0\r\n\r\n",
            "5\r\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhelloXX0\r\n\r\n",
            "5\r\nhello\r\n\r\n0\r\n\r\n",
            "5;\nx\r\nhello\r\n",
            "5;a=\"b\r\nhello\r\n0\r\n\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\nX: y\nZ: 1\r\n\r\n",
            "0\r\n X: y\r\n\r\n",
            "0\r\nX : y\r\n\r\n",
        ] {
            assert_eq!(run(bad.as_bytes(), &[]).err(), Some(HeadError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn is_not_done_before_the_last_chunk() {
        assert_eq!(run_every_way("5\r\nhello\r\n").map(|(_, _, done)| done), Ok(false));
        assert_eq!(run_every_way("5\r\nhel").map(|(_, _, done)| done), Ok(false));
    }

    #[test]
    fn bounds_lines_extensions_and_trailers() {
        let long_line = format!("5;{}\r\nhello\r\n", "a".repeat(300));
        assert_eq!(run(long_line.as_bytes(), &[]).err(), Some(HeadError::ChunkLineTooLong));
        let zeros = |count| format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(count));
        assert!(run(zeros(15).as_bytes(), &[]).is_ok());
        assert_eq!(run(zeros(16).as_bytes(), &[]).err(), Some(HeadError::Malformed));
        let many_extensions = format!("1;{}\r\nx\r\n", "a".repeat(200)).repeat(100);
        assert_eq!(run(many_extensions.as_bytes(), &[]).err(), Some(HeadError::ChunkExtensionsTooLarge));
    }

    #[test]
    fn bounds_the_trailers() {
        let section = |line: &str, count: usize| format!("0\r\n{}\r\n", line.repeat(count));
        let line = |len: usize| format!("X: {}\r\n", "a".repeat(len - 5));
        for fits in [section("X: y\r\n", 32), section(&line(4096), 2), section(&line(256), 32)] {
            assert!(run(fits.as_bytes(), &[]).is_ok(), "{} bytes", fits.len());
        }
        let endless = format!("0\r\nX: {}", "a".repeat(4093));
        for large in [section("X: y\r\n", 33), section(&line(4097), 1), section(&line(300), 28), endless] {
            let error = Some(HeadError::TrailersTooLarge);
            assert_eq!(run(large.as_bytes(), &[]).err(), error, "{} bytes", large.len());
        }
    }

    /// No line needs more room than the smallest buffer has: one that does is refused, not waited for.
    #[test]
    fn a_line_is_never_waited_for_beyond_the_smallest_buffer() {
        let mut chunked = Chunked::new();
        assert_eq!(chunked.follow(b"0\r\n").map(|run| run.forward), Ok(3));
        let full = [b"X: ".as_slice(), &[b'a'; TRAILER_LINE_SIZE]].concat();
        assert_eq!(chunked.follow(&full[..TRAILER_LINE_SIZE]), Err(HeadError::TrailersTooLarge));
    }
}
