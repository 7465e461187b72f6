//! Values with a grammar of their own: Connection tokens, Content-Length, Transfer-Encoding.
//!
//! Called by `request` and `response` while they parse; what they return decides framing and
//! connection reuse, so anything doubtful is an error and never a guess.

use super::head::{Field, FieldKind, HeadError};

/// What the Connection fields of a message say (RFC 9110 section 7.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connection {
    /// `close`
    pub close: bool,
    /// `keep-alive`
    pub keep_alive: bool,
    /// `upgrade`
    pub upgrade: bool,
    /// Any other token; such tokens are forwarded, as HAProxy does.
    pub other: bool,
}

impl Connection {
    /// Adds the tokens of one Connection value.
    pub fn read(&mut self, value: &[u8]) {
        for token in list(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !token.is_empty() {
                self.other = true;
            }
        }
    }
}

/// Whether a Connection token is one that the proxy takes out and decides itself.
pub fn is_own_connection_token(token: &[u8]) -> bool {
    [&b"close"[..], b"keep-alive", b"upgrade"].iter().any(|own| token.eq_ignore_ascii_case(own))
}

/// Elements of a comma-separated list without surrounding white space; empty ones included.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Digits of a Content-Length that are read at most. 19 digits fit 64 bits; more is not a length
/// anybody means, and leading zeros beyond that are an attack.
const CONTENT_LENGTH_DIGITS: usize = 19;

/// The value of one Content-Length field: digits and nothing else (RFC 9110 section 8.6).
pub fn content_length(value: &[u8]) -> Result<u64, HeadError> {
    if value.is_empty() || value.len() > CONTENT_LENGTH_DIGITS {
        return Err(HeadError::Malformed);
    }
    let mut length = 0u64;
    for &byte in value {
        if !byte.is_ascii_digit() {
            return Err(HeadError::Malformed);
        }
        length = length * 10 + u64::from(byte - b'0');
    }
    // A server that keeps it in a signed number would see a negative length.
    if length > i64::MAX as u64 { Err(HeadError::Malformed) } else { Ok(length) }
}

/// Reads one Transfer-Encoding value: `Ok` only for exactly `chunked`. Anything with other codings
/// cannot be framed by us (501); anything else is malformed.
pub fn transfer_encoding(value: &[u8]) -> Result<(), HeadError> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut chunked_seen = 0;
    for coding in list(value) {
        if !super::scan::is_token(coding) {
            return Err(HeadError::Malformed);
        }
        chunked_seen += usize::from(coding.eq_ignore_ascii_case(b"chunked"));
    }
    // `chunked` twice, or not last, can be read in two ways (RFC 9112 section 6.1).
    let last_is_chunked = list(value).last().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    match chunked_seen {
        0 => Err(HeadError::UnsupportedCoding),
        1 if last_is_chunked => Err(HeadError::UnsupportedCoding),
        _ => Err(HeadError::Malformed),
    }
}

/// Content-Length and Transfer-Encoding of one message, gathered over its field lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delimiters {
    /// Agreed Content-Length.
    pub content_length: Option<u64>,
    /// `Transfer-Encoding: chunked`, once.
    pub chunked: bool,
}

impl Delimiters {
    /// Takes one field line into account. `repeats`: whether equal Content-Length lines are one
    /// (responses) or an attack (requests; RFC 9110 section 8.6 allows either).
    pub fn read(&mut self, field: &Field, buffer: &[u8], repeats: bool) -> Result<(), HeadError> {
        let value = field.value.of(buffer);
        match field.kind {
            FieldKind::ContentLength => {
                let length = content_length(value)?;
                match self.content_length {
                    Some(before) if before != length || !repeats => return Err(HeadError::AmbiguousFraming),
                    _ => self.content_length = Some(length),
                }
            }
            FieldKind::TransferEncoding => {
                if self.chunked {
                    return Err(HeadError::AmbiguousFraming);
                }
                transfer_encoding(value)?;
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_connection_tokens_in_any_case_and_spacing() {
        let mut connection = Connection::default();
        connection.read(b"Keep-Alive ,\tUPGRADE,, x");
        let expected = Connection { close: false, keep_alive: true, upgrade: true, other: true };
        assert_eq!(connection, expected);
    }

    #[test]
    fn a_content_length_is_digits_only() {
        assert_eq!(content_length(b"0005"), Ok(5));
        assert_eq!(content_length(b"9223372036854775807"), Ok(i64::MAX as u64));
        for bad in [
            "",
            "+5",
            "-1",
            "-0",
            "0x5",
            "5_0",
            "5.0",
            "5 5",
            "5;",
            "5,5",
            "\u{ff15}",
            "9223372036854775808",
            "18446744073709551616",
        ] {
            assert_eq!(content_length(bad.as_bytes()), Err(HeadError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn only_chunked_alone_is_a_coding_we_can_frame() {
        assert_eq!(transfer_encoding(b"Chunked"), Ok(()));
        for unsupported in ["gzip", "identity", "xchunked", "gzip, chunked"] {
            assert_eq!(
                transfer_encoding(unsupported.as_bytes()),
                Err(HeadError::UnsupportedCoding),
                "{unsupported}"
            );
        }
        for malformed in [
            "",
            ",chunked",
            "chunked,",
            "chunked, chunked",
            "chunked, gzip",
            "\"chunked\"",
            "chunked;q=1",
            "gzip, chunked, gzip",
        ] {
            assert_eq!(transfer_encoding(malformed.as_bytes()), Err(HeadError::Malformed), "{malformed}");
        }
    }
}
