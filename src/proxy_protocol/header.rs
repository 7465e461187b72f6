//! One header of either version: told apart by its first bytes, and written.

use std::net::{IpAddr, SocketAddr};

use super::{version1, version2};

/// Which version to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// The connection that the sender took from its client.
    Connection {
        /// The client.
        source: SocketAddr,
        /// Where it connected to.
        destination: SocketAddr,
    },
    /// No address: the sender speaks for itself (LOCAL), or does not know (UNKNOWN), or the client
    /// came by something else than TCP. The addresses of the connection itself stand.
    Nothing,
}

/// Why the first bytes of a connection are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// They begin like no header.
    Absent,
    /// A header that breaks its grammar.
    Malformed,
    /// A header beyond `limits::PROXY_V1_SIZE` or `limits::PROXY_V2_SIZE`.
    TooLong,
}

/// Reads the header at the beginning of `data`: what it says and how many bytes it is, or `None`
/// when it goes on beyond `data`. Bytes that can no longer become a header are refused at once.
///
/// # Errors
/// There is no header, or one that breaks the rules.
pub fn parse(data: &[u8]) -> Result<Option<(Announced, usize)>, HeaderError> {
    if agrees(data, version1::BEGIN) {
        version1::parse(data)
    } else if agrees(data, &version2::SIGNATURE) {
        version2::parse(data)
    } else {
        Err(HeaderError::Absent)
    }
}

/// Whether `data` begins with `begin`, as far as it goes.
fn agrees(data: &[u8], begin: &[u8]) -> bool {
    let length = data.len().min(begin.len());
    data[..length] == begin[..length]
}

/// Appends the header that announces a connection of a client.
pub fn write(version: Version, source: SocketAddr, destination: SocketAddr, out: &mut Vec<u8>) {
    let (source, destination) = of_one_family(source, destination);
    match version {
        Version::V1 => version1::write(source, destination, out),
        Version::V2 => version2::write(source, destination, out),
    }
}

/// Appends the header of a connection without a client, such as a health check: version 2 LOCAL,
/// version 1 UNKNOWN.
pub fn write_local(version: Version, out: &mut Vec<u8>) {
    match version {
        Version::V1 => version1::write_unknown(out),
        Version::V2 => version2::write_local(out),
    }
}

/// A header has room for one family only. IPv4 in disguise is IPv4; where the two really differ, both
/// are written as IPv6, the IPv4 one mapped (`::ffff:192.0.2.1`).
fn of_one_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    let (source, destination) = (canonical(source), canonical(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    (mapped(source), mapped(destination))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn written(version: Version, source: &str, destination: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write(version, address(source), address(destination), &mut out);
        out
    }

    #[test]
    fn reads_back_what_it_writes_and_wants_more_at_every_split() {
        for version in [Version::V1, Version::V2] {
            for (source, destination) in [
                ("192.0.2.10:51234", "203.0.113.5:443"),
                ("255.255.255.255:65535", "0.0.0.0:0"),
                ("[2001:db8::1]:1", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
            ] {
                let header = written(version, source, destination);
                for end in 0..header.len() {
                    assert_eq!(parse(&header[..end]), Ok(None), "{version:?} {source} cut at {end}");
                }
                let said =
                    Announced::Connection { source: address(source), destination: address(destination) };
                assert_eq!(parse(&header), Ok(Some((said, header.len()))));
                let followed = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
                assert_eq!(parse(&followed), Ok(Some((said, header.len()))));
            }
            let mut local = Vec::new();
            write_local(version, &mut local);
            assert_eq!(parse(&local), Ok(Some((Announced::Nothing, local.len()))));
        }
    }

    #[test]
    fn writes_the_bytes_of_the_specification() {
        assert_eq!(
            written(Version::V1, "192.0.2.10:51234", "203.0.113.5:443"),
            b"PROXY TCP4 192.0.2.10 203.0.113.5 51234 443\r\n"
        );
        assert_eq!(
            written(Version::V2, "192.0.2.10:51234", "203.0.113.5:443"),
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x0a\xcb\x00\x71\x05\xc8\x22\x01\xbb"
        );
        let mut local = Vec::new();
        write_local(Version::V2, &mut local);
        assert_eq!(local, b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
    }

    #[test]
    fn writes_two_families_as_one() {
        assert_eq!(
            written(Version::V1, "192.0.2.10:5", "[2001:db8::1]:443"),
            b"PROXY TCP6 ::ffff:192.0.2.10 2001:db8::1 5 443\r\n"
        );
        assert_eq!(
            written(Version::V1, "[::ffff:192.0.2.10]:5", "[::ffff:192.0.2.1]:443"),
            b"PROXY TCP4 192.0.2.10 192.0.2.1 5 443\r\n"
        );
        let header = written(Version::V2, "[2001:db8::9]:5", "192.0.2.1:443");
        let said = Announced::Connection {
            source: address("[2001:db8::9]:5"),
            destination: address("[::ffff:192.0.2.1]:443"),
        };
        assert_eq!(parse(&header), Ok(Some((said, 52))));
    }

    #[test]
    fn refuses_other_bytes_as_soon_as_they_differ() {
        for data in [&b"G"[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"P0", b"PROXY\t", b"proxy "] {
            assert_eq!(parse(data), Err(HeaderError::Absent), "{data:?}");
        }
        assert_eq!(parse(b"\r\n\r\n\0\r\nQUIT\r"), Err(HeaderError::Absent));
        assert_eq!(parse(b""), Ok(None));
    }
}
