//! How long the body of a message is: RFC 9112 section 6.3, decided once from the head. Answers are read by
//! the engine, requests by the bundled origin.
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

/// What the fields of a message say about its body and its connection, before it matters who sent it.
#[derive(Debug, Default)]
struct Said {
    length: Option<u64>,
    /// Fields of Transfer-Encoding.
    codings: usize,
    /// Whether the last coding is chunked, and whether it is the only one.
    ends_chunked: bool,
    is_chunked_alone: bool,
    closes: bool,
    keeps_alive: bool,
}

impl Said {
    fn read(fields: &[Header<'_>]) -> Result<Self, &'static str> {
        let mut said = Self::default();
        for field in fields {
            // Told apart by length first: most fields are none of these.
            match field.name.len() {
                14 if field.name.eq_ignore_ascii_case("content-length") => {
                    let own = parse_length(field.value)?;
                    if said.length.is_some_and(|other| other != own) {
                        return Err("two different Content-Length fields");
                    }
                    said.length = Some(own);
                }
                17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                    said.codings += 1;
                    said.ends_chunked = last_token_is(field.value, b"chunked");
                    said.is_chunked_alone = field.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                }
                10 if field.name.eq_ignore_ascii_case("connection") => {
                    said.closes |= has_token(field.value, b"close");
                    said.keeps_alive |= has_token(field.value, b"keep-alive");
                }
                _ => {}
            }
        }
        Ok(said)
    }

    /// What holds for requests and answers that have a body; `version` is httparse's minor version.
    fn check_codings(&self, version: u8) -> Result<(), &'static str> {
        match self.codings {
            0 => Ok(()),
            _ if self.length.is_some() => Err("both Transfer-Encoding and Content-Length"),
            _ if version == 0 => Err("Transfer-Encoding in HTTP/1.0"),
            _ => Ok(()),
        }
    }

    /// RFC 9112 section 9.3; close wins.
    fn may_stay(&self, version: u8) -> bool {
        !self.closes && (version >= 1 || self.keeps_alive)
    }
}

/// Decides from the fields of an answer; `version` is httparse's minor version.
///
/// # Errors
/// Two lengths, a length that is no number, or a transfer coding that is not understood.
pub fn decide(
    is_head: bool,
    status: u16,
    version: u8,
    fields: &[Header<'_>],
) -> Result<Decision, &'static str> {
    let said = Said::read(fields)?;
    let framing = match (is_head, status) {
        (true, _) | (_, 100..=199 | 204 | 304) => Framing::None,
        _ => {
            said.check_codings(version)?;
            match said.codings {
                0 => said.length.map_or(Framing::UntilClose, Framing::Length),
                _ if said.ends_chunked => Framing::Chunked,
                _ => Framing::UntilClose,
            }
        }
    };
    let keeps_alive = said.may_stay(version) && framing != Framing::UntilClose;
    Ok(Decision { framing, keeps_alive })
}

/// Decides from the fields of a request; `version` is httparse's minor version. Never `UntilClose`: a
/// request's body cannot end with the connection (RFC 9112 section 6.3).
///
/// # Errors
/// As above; and any coding but chunked alone, which is all that the origin understands.
pub fn decide_request(version: u8, fields: &[Header<'_>]) -> Result<Decision, &'static str> {
    let said = Said::read(fields)?;
    said.check_codings(version)?;
    let framing = match said.codings {
        0 => said.length.map_or(Framing::None, Framing::Length),
        1 if said.is_chunked_alone => Framing::Chunked,
        _ => return Err("a Transfer-Encoding other than chunked"),
    };
    Ok(Decision { framing, keeps_alive: said.may_stay(version) })
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

    fn of_request(version: u8, fields: &[(&str, &str)]) -> Result<(Framing, bool), &'static str> {
        let fields: Vec<Header<'_>> =
            fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        decide_request(version, &fields).map(|decision| (decision.framing, decision.keeps_alive))
    }

    #[test]
    fn a_request_is_framed_by_the_same_rules_and_never_by_its_end() {
        let (length, chunked) = (("Content-Length", "5"), ("Transfer-Encoding", "Chunked"));
        assert_eq!(of_request(1, &[]), Ok((Framing::None, true)));
        assert_eq!(of_request(1, &[length]), Ok((Framing::Length(5), true)));
        assert_eq!(of_request(1, &[chunked]), Ok((Framing::Chunked, true)));
        assert_eq!(of_request(1, &[("Connection", "keep-alive, close")]), Ok((Framing::None, false)));
        assert_eq!(of_request(0, &[("Connection", "keep-alive")]), Ok((Framing::None, true)));
        assert_eq!(of_request(0, &[]), Ok((Framing::None, false)));
        let refused: [&[(&str, &str)]; 8] = [
            &[("Content-Length", "+5")],
            &[length, ("Content-Length", "6")],
            &[length, chunked],
            &[chunked, length],
            &[("Transfer-Encoding", "gzip")],
            &[("Transfer-Encoding", "gzip, chunked")],
            &[("Transfer-Encoding", "xchunked")],
            &[chunked, chunked],
        ];
        for fields in refused {
            assert!(of_request(1, fields).is_err(), "{fields:?}");
        }
        assert!(of_request(0, &[chunked]).is_err());
    }
}
