//! How long the body of an answer is: RFC 9112 section 6.3, decided once from the head.
//!
//! Strict on purpose. What two readers could take for two lengths is reported, not repaired: a proxy
//! that lets it pass is what a test wants to find.

use httparse::Header;

/// The end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// All until the connection ends.
    UntilClose,
}

/// What the head says about the body and the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The end of the body.
    pub framing: Framing,
    /// Whether another request may follow on the connection (RFC 9112 section 9.3).
    pub keeps_alive: bool,
}

/// Decides from the fields; `version` is httparse's minor version.
///
/// # Errors
/// Two lengths, a length that is no number, or a transfer coding that is not understood.
pub fn decide(
    is_head: bool,
    status: u16,
    version: u8,
    fields: &[Header<'_>],
) -> Result<Decision, &'static str> {
    let (mut length, mut chunked, mut coded) = (None, false, false);
    let (mut says_close, mut says_keep_alive) = (false, false);
    for field in fields {
        // Told apart by length first: most fields are none of these.
        match field.name.len() {
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let own = parse_length(field.value)?;
                if length.is_some_and(|other| other != own) {
                    return Err("two different Content-Length fields");
                }
                length = Some(own);
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                coded = true;
                chunked = last_token_is(field.value, b"chunked");
            }
            10 if field.name.eq_ignore_ascii_case("connection") => {
                says_close |= has_token(field.value, b"close");
                says_keep_alive |= has_token(field.value, b"keep-alive");
            }
            _ => {}
        }
    }
    let keeps_alive = !says_close && (version >= 1 || says_keep_alive);
    let framing = match (is_head, status) {
        (true, _) | (_, 100..=199 | 204 | 304) => Framing::None,
        _ if coded && length.is_some() => return Err("both Transfer-Encoding and Content-Length"),
        _ if coded && version == 0 => return Err("Transfer-Encoding in HTTP/1.0"),
        _ if chunked => Framing::Chunked,
        _ if coded => Framing::UntilClose,
        _ => length.map_or(Framing::UntilClose, Framing::Length),
    };
    Ok(Decision { framing, keeps_alive: keeps_alive && framing != Framing::UntilClose })
}

fn parse_length(value: &[u8]) -> Result<u64, &'static str> {
    let value = value.trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err("Content-Length is not a number");
    }
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    value.iter().try_fold(0, add).ok_or("Content-Length is beyond 64 bits")
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

fn last_token_is(value: &[u8], token: &[u8]) -> bool {
    value
        .rsplit(|&byte| byte == b',')
        .next()
        .is_some_and(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(is_head: bool, status: u16, version: u8, fields: &[(&str, &str)]) -> Result<(Framing, bool), ()> {
        let fields: Vec<Header<'_>> =
            fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let decided = decide(is_head, status, version, &fields).map_err(|_| ())?;
        Ok((decided.framing, decided.keeps_alive))
    }

    #[test]
    fn the_table_of_section_6_3() {
        let length = ("Content-Length", "5");
        let chunked = ("transfer-encoding", "gzip, Chunked");
        assert_eq!(of(false, 200, 1, &[length]), Ok((Framing::Length(5), true)));
        assert_eq!(of(false, 200, 1, &[length, length]), Ok((Framing::Length(5), true)));
        assert_eq!(of(true, 200, 1, &[length]), Ok((Framing::None, true)));
        assert_eq!(of(false, 304, 1, &[length]), Ok((Framing::None, true)));
        assert_eq!(of(false, 204, 1, &[chunked]), Ok((Framing::None, true)));
        assert_eq!(of(false, 200, 1, &[chunked]), Ok((Framing::Chunked, true)));
        assert_eq!(of(false, 200, 1, &[("Transfer-Encoding", "gzip")]), Ok((Framing::UntilClose, false)));
        assert_eq!(of(false, 200, 1, &[]), Ok((Framing::UntilClose, false)));
        let close = ("Connection", "foo, Close");
        assert_eq!(of(false, 200, 1, &[length, close]), Ok((Framing::Length(5), false)));
        assert_eq!(of(false, 200, 0, &[length]), Ok((Framing::Length(5), false)));
        assert_eq!(
            of(false, 200, 0, &[length, ("connection", "keep-alive")]),
            Ok((Framing::Length(5), true))
        );
    }

    #[test]
    fn what_has_two_meanings_is_refused() {
        let cases: [&[(&str, &str)]; 6] = [
            &[("Content-Length", "5"), ("Content-Length", "6")],
            &[("Content-Length", "5, 5")],
            &[("Content-Length", "-5")],
            &[("Content-Length", "")],
            &[("Content-Length", "18446744073709551616")],
            &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        ];
        for fields in cases {
            assert!(of(false, 200, 1, fields).is_err(), "{fields:?}");
        }
        assert!(of(false, 200, 0, &[("Transfer-Encoding", "chunked")]).is_err());
    }
}
