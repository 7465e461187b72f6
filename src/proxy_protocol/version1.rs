//! Version 1: one line of text, at most 107 bytes with its CR LF.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::header::{Announced, HeaderError};
use crate::limits::PROXY_V1_SIZE;

/// How every header begins.
pub(super) const BEGIN: &[u8] = b"PROXY ";

/// Reads a line that begins with `BEGIN`, as far as it is there.
pub(super) fn parse(data: &[u8]) -> Result<Option<(Announced, usize)>, HeaderError> {
    let visible = &data[..data.len().min(PROXY_V1_SIZE)];
    let Some(end) = memchr::memchr(b'\n', visible) else {
        return if data.len() < PROXY_V1_SIZE { Ok(None) } else { Err(HeaderError::TooLong) };
    };
    let said = data[..end].strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(b"\r")).and_then(line);
    Ok(Some((said.ok_or(HeaderError::Malformed)?, end + 1)))
}

/// What stands between `PROXY ` and the line end.
fn line(rest: &[u8]) -> Option<Announced> {
    let rest = std::str::from_utf8(rest).ok()?;
    // The specification: whatever follows UNKNOWN is to be ignored.
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Some(Announced::Nothing);
    }
    let mut words = rest.split(' ');
    let family = words.next()?;
    let (source, destination) = match family {
        "TCP4" => {
            (address::<std::net::Ipv4Addr>(words.next()?)?, address::<std::net::Ipv4Addr>(words.next()?)?)
        }
        "TCP6" => {
            (address::<std::net::Ipv6Addr>(words.next()?)?, address::<std::net::Ipv6Addr>(words.next()?)?)
        }
        _ => return None,
    };
    let (source_port, destination_port) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then(|| Announced::Connection {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

fn address<A: FromStr + Into<IpAddr>>(text: &str) -> Option<IpAddr> {
    text.parse::<A>().ok().map(Into::into)
}

/// A decimal number in its one canonical form: no sign, no leading zero.
fn port(text: &str) -> Option<u16> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    is_canonical.then(|| text.parse().ok()).flatten()
}

/// Appends the line for two addresses of one family.
pub(super) fn write(source: SocketAddr, destination: SocketAddr, out: &mut Vec<u8>) {
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    // Writing to memory cannot fail.
    let _ = write!(
        out,
        "PROXY {family} {} {} {} {}\r\n",
        source.ip(),
        destination.ip(),
        source.port(),
        destination.port()
    );
}

/// Appends the line of a connection without a client.
pub(super) fn write_unknown(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PROXY UNKNOWN\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_what_follows_unknown() {
        for text in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"] {
            assert_eq!(parse(text.as_bytes()), Ok(Some((Announced::Nothing, text.len()))));
        }
    }

    #[test]
    fn refuses_every_line_that_is_not_exactly_one() {
        for line in [
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY UNKNOWNX\r\n",
            "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 +2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
            "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP6 ::1 192.0.2.2 1 2\r\n",
            "PROXY TCP6 [::1] [::1] 1 2\r\n",
            "PROXY TCP4 192.0.2.1\t192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(HeaderError::Malformed), "{line:?}");
        }
    }

    #[test]
    fn a_line_ends_within_107_bytes() {
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(PROXY_V1_SIZE - 16));
        assert_eq!(longest.len(), PROXY_V1_SIZE);
        assert_eq!(parse(longest.as_bytes()), Ok(Some((Announced::Nothing, PROXY_V1_SIZE))));
        let longer = longest.replace("\r\n", "x\r\n");
        assert_eq!(parse(longer.as_bytes()), Err(HeaderError::TooLong));
        assert_eq!(parse(&longer.as_bytes()[..PROXY_V1_SIZE]), Err(HeaderError::TooLong));
        assert_eq!(parse(&longer.as_bytes()[..PROXY_V1_SIZE - 1]), Ok(None));
    }
}
