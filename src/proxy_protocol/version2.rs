//! Version 2: 16 bytes that say how it goes on, addresses, and typed values (TLVs).
//!
//! TLVs are checked for their bounds and skipped, but for the checksum, which must be right if it is
//! there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::header::{Announced, HeaderError};
use crate::limits::PROXY_V2_SIZE;

/// How every header begins: bytes that no text protocol begins with.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes before the addresses: signature, version and command, family and transport, length.
const FIXED: usize = 16;

/// Version 2 in the upper half of its byte; command PROXY and LOCAL in the lower.
const PROXY: u8 = 0x21;
const LOCAL: u8 = 0x20;

/// Families with TCP.
const TCP_IPV4: u8 = 0x11;
const TCP_IPV6: u8 = 0x21;

/// Highest known family (UNIX) and transport (datagram).
const FAMILY_MAX: u8 = 3;
const TRANSPORT_MAX: u8 = 2;

/// TLV type of the CRC-32C over the whole header, itself taken as zero.
const CRC32C: u8 = 0x03;

/// Reads a header that begins with the signature, as far as it is there.
pub(super) fn parse(data: &[u8]) -> Result<Option<(Announced, usize)>, HeaderError> {
    let Some((fixed, rest)) = data.split_at_checked(FIXED) else {
        return match data.get(SIGNATURE.len()) {
            Some(command) if !matches!(*command, PROXY | LOCAL) => Err(HeaderError::Malformed),
            _ => Ok(None),
        };
    };
    let (command, family) = (fixed[12], fixed[13]);
    if !matches!(command, PROXY | LOCAL) || family >> 4 > FAMILY_MAX || family & 0xf > TRANSPORT_MAX {
        return Err(HeaderError::Malformed);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if FIXED + length > PROXY_V2_SIZE {
        return Err(HeaderError::TooLong);
    }
    let Some(block) = rest.get(..length) else { return Ok(None) };
    let said = match (command, family) {
        (PROXY, TCP_IPV4) => {
            let (addresses, values) = block.split_first_chunk::<12>().ok_or(HeaderError::Malformed)?;
            check_values(&data[..FIXED + length], values)?;
            announced_ipv4(addresses)
        }
        (PROXY, TCP_IPV6) => {
            let (addresses, values) = block.split_first_chunk::<36>().ok_or(HeaderError::Malformed)?;
            check_values(&data[..FIXED + length], values)?;
            announced_ipv6(addresses)
        }
        // LOCAL, an unspecified or UNIX client, datagrams: whatever follows is to be skipped.
        _ => Announced::Nothing,
    };
    Ok(Some((said, FIXED + length)))
}

fn announced_ipv4(block: &[u8; 12]) -> Announced {
    let ip = |at: usize| Ipv4Addr::new(block[at], block[at + 1], block[at + 2], block[at + 3]).into();
    announced(ip(0), ip(4), [block[8], block[9], block[10], block[11]])
}

fn announced_ipv6(block: &[u8; 36]) -> Announced {
    let ip = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&block[at..at + 16]);
        Ipv6Addr::from(octets).into()
    };
    announced(ip(0), ip(16), [block[32], block[33], block[34], block[35]])
}

fn announced(source: IpAddr, destination: IpAddr, ports: [u8; 4]) -> Announced {
    let [source_high, source_low, destination_high, destination_low] = ports;
    Announced::Connection {
        source: SocketAddr::new(source, u16::from_be_bytes([source_high, source_low])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([destination_high, destination_low])),
    }
}

/// Walks the TLVs: each inside the block, the checksum right.
fn check_values(header: &[u8], mut values: &[u8]) -> Result<(), HeaderError> {
    let mut checked = false;
    while let Some((&[kind, high, low], rest)) = values.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, after) = rest.split_at_checked(length).ok_or(HeaderError::Malformed)?;
        if kind == CRC32C {
            // One is the sum of the whole; hundreds would be hundreds of sums of it.
            if std::mem::replace(&mut checked, true) {
                return Err(HeaderError::Malformed);
            }
            let value: [u8; 4] = value.try_into().map_err(|_| HeaderError::Malformed)?;
            let at = header.len() - after.len() - value.len();
            if checksum(header, at) != u32::from_be_bytes(value) {
                return Err(HeaderError::Malformed);
            }
        }
        values = after;
    }
    if values.is_empty() { Ok(()) } else { Err(HeaderError::Malformed) }
}

/// CRC-32C (RFC 9260 appendix A) of a header, the four bytes at `zeroed_at` taken as zero. Bit by
/// bit: once per connection, over a few dozen bytes.
fn checksum(header: &[u8], zeroed_at: usize) -> u32 {
    let mut crc = !0u32;
    for (index, byte) in header.iter().enumerate() {
        let byte = if (zeroed_at..zeroed_at + 4).contains(&index) { 0 } else { *byte };
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Appends the header for two addresses of one family.
pub(super) fn write(source: SocketAddr, destination: SocketAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(&SIGNATURE);
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend_from_slice(&[PROXY, TCP_IPV4, 0, 12]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            out.extend_from_slice(&[PROXY, TCP_IPV6, 0, 36]);
            for address in [source, destination] {
                let octets = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                out.extend_from_slice(&octets);
            }
        }
    }
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&destination.port().to_be_bytes());
}

/// Appends the header of a connection without a client.
pub(super) fn write_local(out: &mut Vec<u8>) {
    out.extend_from_slice(&SIGNATURE);
    out.extend_from_slice(&[LOCAL, 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn header(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, block].concat()
    }

    const ADDRESSES: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 80];

    fn with_values(values: &[u8]) -> Vec<u8> {
        header(PROXY, TCP_IPV4, &[&ADDRESSES[..], values].concat())
    }

    #[test]
    fn skips_values_and_takes_the_addresses() {
        let said = Announced::Connection {
            source: "192.0.2.1:1".parse().unwrap(),
            destination: "192.0.2.2:80".parse().unwrap(),
        };
        for values in
            [&b""[..], b"\x04\x00\x00", b"\x01\x00\x02h2\xea\x00\x01x", &[0x20, 0, 5, 1, 0, 0, 0, 0]]
        {
            let header = with_values(values);
            assert_eq!(parse(&header), Ok(Some((said, header.len()))), "{values:?}");
        }
    }

    #[test]
    fn refuses_values_that_overrun_the_block() {
        for values in [&b"\x04"[..], b"\x04\x00", b"\x04\x00\x01", b"\x04\x00\x01xx", b"\x04\xff\xffx"] {
            assert_eq!(parse(&with_values(values)), Err(HeaderError::Malformed), "{values:?}");
        }
    }

    #[test]
    fn keeps_the_real_addresses_where_none_are_announced() {
        for (command, family, block) in [
            (LOCAL, 0x00, &b""[..]),
            (LOCAL, TCP_IPV4, &ADDRESSES),
            (LOCAL, TCP_IPV4, b"x"),
            (PROXY, 0x00, b"anything"),
            (PROXY, 0x12, &ADDRESSES),
            (PROXY, 0x31, &[b'/'; 216]),
        ] {
            let header = header(command, family, block);
            assert_eq!(parse(&header), Ok(Some((Announced::Nothing, header.len()))), "{command} {family}");
        }
    }

    #[test]
    fn refuses_other_versions_commands_families_and_short_blocks() {
        for (command, family, block) in [
            (0x11, TCP_IPV4, &ADDRESSES[..]),
            (0x31, TCP_IPV4, &ADDRESSES),
            (0x22, TCP_IPV4, &ADDRESSES),
            (0x2f, TCP_IPV4, &ADDRESSES),
            (PROXY, 0x41, &ADDRESSES),
            (PROXY, 0x13, &ADDRESSES),
            (PROXY, TCP_IPV4, &ADDRESSES[..11]),
            (PROXY, TCP_IPV6, &ADDRESSES),
            (PROXY, TCP_IPV4, b""),
        ] {
            let header = header(command, family, block);
            assert_eq!(parse(&header), Err(HeaderError::Malformed), "{command:x} {family:x}");
        }
        assert_eq!(parse(&header(0x30, 0, b"")[..13]), Err(HeaderError::Malformed), "at the first chance");
    }

    #[test]
    fn bounds_the_length_before_it_is_there() {
        let longest = with_values(&[&[0x04, 0x07, 0xf1][..], &[0; 0x7f1]].concat());
        assert_eq!(longest.len(), PROXY_V2_SIZE);
        assert!(parse(&longest).unwrap().is_some());
        let mut longer = longest.clone();
        longer[15] += 1;
        assert_eq!(parse(&longer[..FIXED]), Err(HeaderError::TooLong));
    }

    #[test]
    fn a_checksum_that_is_there_must_be_right() {
        assert_eq!(checksum(b"123456789", 100), 0xe306_9283, "the check value of CRC-32C");
        let mut header = with_values(b"\x03\x00\x04\x00\x00\x00\x00\x04\x00\x01x");
        let at = FIXED + 12 + 3;
        let crc = checksum(&header, at).to_be_bytes();
        assert_eq!(parse(&header), Err(HeaderError::Malformed));
        header[at..at + 4].copy_from_slice(&crc);
        assert!(parse(&header).unwrap().is_some());
        header[20] ^= 1;
        assert_eq!(parse(&header), Err(HeaderError::Malformed));
        assert_eq!(parse(&with_values(b"\x03\x00\x02ab")), Err(HeaderError::Malformed));
    }
}
