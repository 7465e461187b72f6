//! A chunked body: followed whole and in pieces, beside a slow reading of the same rules.

use torii::http::chunked::Chunked;
use torii::http::head::HeadError;
use torii::limits::{CHUNK_EXTENSIONS_SIZE, CHUNK_LINE_SIZE, TRAILER_LINE_SIZE, TRAILER_LINES, TRAILER_SIZE};

use super::cuts::cuts;

/// One input.
pub fn run(data: &[u8]) {
    let whole = follow(Chunked::new(), data, &[]);
    let places = cuts(data);
    assert_eq!(follow(Chunked::new(), data, &places), whole, "in pieces");
    for place in &places {
        assert_eq!(follow(Chunked::new(), data, &[*place]), whole, "cut at {place}");
    }
    let expected = read(data);
    match &whole {
        Ok((forwarded, left, done)) => {
            assert_eq!(*done, expected.end == End::Done, "{:?}", expected.end);
            assert_ne!(expected.end, End::Refused, "accepted so far");
            if *done {
                assert_eq!(data.len() - left, expected.read, "it ends elsewhere");
            }
            check_forwarded(forwarded, &expected, *done);
        }
        // What is refused before its line has ended has to be refused when it has.
        Err(_) if expected.end == End::Incomplete => {
            assert_eq!(read(&[data, b"\r\n"].concat()).end, End::Refused, "refused too early");
        }
        Err(_) => assert_eq!(expected.end, End::Refused),
    }
    check_limited(data, &whole, &expected);
}

/// Bytes forwarded, bytes left over, and whether the body is over.
type Outcome = Result<(Vec<u8>, usize, bool), HeadError>;

/// Feeds `data` in pieces that end at `places`.
fn follow(mut chunked: Chunked, data: &[u8], places: &[usize]) -> Outcome {
    let (mut forwarded, mut held, mut start) = (Vec::new(), Vec::new(), 0);
    for end in places.iter().copied().chain([data.len()]) {
        held.extend_from_slice(&data[start..end]);
        start = end;
        loop {
            let run = chunked.follow(&held)?;
            assert!(run.forward + run.skip <= held.len());
            forwarded.extend_from_slice(&held[..run.forward]);
            held.drain(..run.forward + run.skip);
            if run.forward + run.skip == 0 || run.done {
                break;
            }
        }
    }
    Ok((forwarded, held.len(), chunked.is_done()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Incomplete,
    Refused,
}

/// A body as it is read at leisure.
struct Read {
    end: End,
    /// Bytes up to where it ended.
    read: usize,
    /// Size lines without extensions, data, and the line ends after both.
    body: Vec<u8>,
    trailers: Vec<Vec<u8>>,
    /// Sum of the sizes announced.
    announced: u64,
}

/// Significant digits of a size that are taken.
const DIGITS_MAX: usize = 13;

/// Digits of a size that are taken, leading zeros included.
const DIGITS_WITH_ZEROS_MAX: usize = 16;

fn read(data: &[u8]) -> Read {
    let mut reading =
        Read { end: End::Incomplete, read: 0, body: Vec::new(), trailers: Vec::new(), announced: 0 };
    reading.end = read_all(data, &mut reading).err().unwrap_or(End::Done);
    reading
}

fn read_all(data: &[u8], reading: &mut Read) -> Result<(), End> {
    let mut extensions = 0;
    loop {
        let line = take_line(data, &mut reading.read)?;
        let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
        let size = std::str::from_utf8(&line[..digits]).expect("digits").trim_start_matches('0');
        extensions += line.len() - digits;
        let too_long = line.len() > CHUNK_LINE_SIZE || extensions > CHUNK_EXTENSIONS_SIZE;
        let too_large = size.len() > DIGITS_MAX || digits > DIGITS_WITH_ZEROS_MAX;
        if too_long || too_large || digits == 0 || !is_extension(&line[digits..]) {
            return Err(End::Refused);
        }
        let size = if size.is_empty() { 0 } else { u64::from_str_radix(size, 16).expect("13 digits fit") };
        reading.announced += size;
        reading.body.extend_from_slice(&line[..digits]);
        reading.body.extend_from_slice(b"\r\n");
        if size == 0 {
            return read_trailers(data, reading);
        }
        let rest = &data[reading.read..];
        let here = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        reading.body.extend_from_slice(&rest[..here]);
        reading.read += here;
        match &rest[here..] {
            [] | [b'\r'] => return Err(End::Incomplete),
            [b'\r', b'\n', ..] => reading.read += 2,
            _ => return Err(End::Refused),
        }
        reading.body.extend_from_slice(b"\r\n");
    }
}

fn read_trailers(data: &[u8], reading: &mut Read) -> Result<(), End> {
    let mut bytes = 0;
    loop {
        let line = take_line(data, &mut reading.read)?;
        if line.is_empty() {
            return Ok(());
        }
        bytes += line.len() + 2;
        let colon = line.iter().position(|byte| *byte == b':').ok_or(End::Refused)?;
        let is_token = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        let too_much = bytes > TRAILER_SIZE || line.len() + 2 > TRAILER_LINE_SIZE;
        if too_much || colon == 0 || !line[..colon].iter().all(is_token) {
            return Err(End::Refused);
        }
        reading.trailers.push(line.to_vec());
        if reading.trailers.len() > TRAILER_LINES {
            return Err(End::Refused);
        }
    }
}

/// The next line without its CRLF.
fn take_line<'a>(data: &'a [u8], at: &mut usize) -> Result<&'a [u8], End> {
    let rest = &data[*at..];
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(End::Incomplete)?;
    let line = rest[..end].strip_suffix(b"\r").ok_or(End::Refused)?;
    if line.iter().any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f) {
        return Err(End::Refused);
    }
    *at += end + 1;
    Ok(line)
}

/// Nothing, or `;` after blanks, and quotes that are closed.
fn is_extension(text: &[u8]) -> bool {
    let mut text = text;
    if text.is_empty() {
        return true;
    }
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    if text.first() != Some(&b';') {
        return false;
    }
    let mut quoted = false;
    while let [byte, rest @ ..] = text {
        text = rest;
        if *byte == b'"' {
            quoted = !quoted;
        } else if *byte == b'\\' && quoted {
            text = text.get(1..).unwrap_or_default();
        }
    }
    !quoted
}

/// The body as it was read, then those trailers that may pass, in order.
fn check_forwarded(forwarded: &[u8], expected: &Read, done: bool) {
    if !done {
        // Of an unfinished line, what is known to be good may have gone already.
        let common = forwarded.len().min(expected.body.len());
        assert_eq!(forwarded[..common], expected.body[..common]);
        return;
    }
    let tail = forwarded.strip_prefix(&expected.body[..]).expect("the body byte for byte");
    let tail = tail.strip_suffix(b"\r\n").expect("an empty line at the end");
    let mut trailers = expected.trailers.iter();
    for line in tail.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("a whole line");
        assert!(trailers.any(|trailer| trailer == line), "a trailer that was not sent");
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
        let refused = [
            &b"content-length"[..],
            b"transfer-encoding",
            b"host",
            b"connection",
            b"cookie",
            b"x-forwarded-for",
        ];
        assert!(!refused.contains(&&name[..]), "a trailer that may not pass");
    }
}

/// A body within its limit is not touched by it, and one beyond is refused.
fn check_limited(data: &[u8], whole: &Outcome, expected: &Read) {
    const DATA_MAX: u64 = 40;
    let limited = follow(Chunked::limited(DATA_MAX), data, &[]);
    if expected.announced <= DATA_MAX {
        assert_eq!(&limited, whole);
    } else if whole.is_ok() {
        assert_eq!(limited, Err(HeadError::BodyTooLarge));
    } else {
        assert!(limited.is_err());
    }
}
