//! A PROXY protocol header: read, compared with a slow reading of the specification, written again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use torii::limits::{PROXY_V1_SIZE, PROXY_V2_SIZE};
use torii::proxy_protocol::{Announced, Version, parse, write};

use super::cuts::check_beginnings;

/// One input.
pub fn run(data: &[u8]) {
    check_beginnings(data, |part| parse(part).transpose());
    let ours = parse(data).map_err(|_| ());
    let expected = read(data);
    match expected {
        Some(expected) => assert_eq!(ours, expected.map(Some)),
        // We may know earlier than a reader who waits for the whole header.
        None => assert!(matches!(ours, Ok(None) | Err(()))),
    }
    if let Ok(Some((Announced::Connection { source, destination }, _))) = ours {
        for version in [Version::V1, Version::V2] {
            check_written(version, source, destination);
        }
    }
}

/// What is written says the same to the next proxy, or its IPv4-mapped form, and so on for ever.
fn check_written(version: Version, source: SocketAddr, destination: SocketAddr) {
    let mut header = Vec::new();
    write(version, source, destination, &mut header);
    let read = parse(&header).expect("what we write is valid");
    let (said, length) = read.expect("what we write is whole");
    assert_eq!(length, header.len());
    let Announced::Connection { source: again, destination: beyond } = said else { panic!("{said:?}") };
    let same = |one: SocketAddr, other: SocketAddr| {
        (one.ip().to_canonical(), one.port()) == (other.ip().to_canonical(), other.port())
    };
    assert!(same(source, again) && same(destination, beyond), "{source} {destination} became {said:?}");
    let mut twice = Vec::new();
    write(version, again, beyond, &mut twice);
    assert_eq!(twice, header);
}

/// What the header says and its length; `None` when it is not all there.
type Reading = Option<Result<(Announced, usize), ()>>;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn read(data: &[u8]) -> Reading {
    if data.starts_with(SIGNATURE) {
        return read_binary(data);
    }
    if data.starts_with(b"PROXY ") {
        return read_line(data);
    }
    let begins = |with: &[u8]| with.starts_with(data);
    if begins(SIGNATURE) || begins(b"PROXY ") { None } else { Some(Err(())) }
}

fn read_line(data: &[u8]) -> Reading {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return (data.len() >= PROXY_V1_SIZE).then_some(Err(()));
    };
    let said = if end < PROXY_V1_SIZE { words(&data[..end]) } else { None };
    Some(said.map(|said| (said, end + 1)).ok_or(()))
}

fn words(line: &[u8]) -> Option<Announced> {
    let line = String::from_utf8(line.to_vec()).ok()?;
    let line = line.strip_suffix('\r')?;
    let words: Vec<&str> = line.split(' ').collect();
    if words[1] == "UNKNOWN" {
        return Some(Announced::Nothing);
    }
    let [_, family, source, destination, source_port, destination_port] = words[..] else { return None };
    let address = |text: &str| match family {
        "TCP4" => dotted(text),
        "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    };
    Some(Announced::Connection {
        source: SocketAddr::new(address(source)?, number(source_port, 65_535)? as u16),
        destination: SocketAddr::new(address(destination)?, number(destination_port, 65_535)? as u16),
    })
}

fn dotted(text: &str) -> Option<IpAddr> {
    let bytes: Option<Vec<u8>> = text.split('.').map(|part| Some(number(part, 255)? as u8)).collect();
    let bytes: [u8; 4] = bytes?.try_into().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(bytes)))
}

/// Digits without leading zeros.
fn number(text: &str, max: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    let value = if digits && canonical { text.parse().ok()? } else { return None };
    (value <= max).then_some(value)
}

fn read_binary(data: &[u8]) -> Reading {
    let [command, family, high, low] = *data.get(12..16)? else { return None };
    let length = usize::from(high) * 256 + usize::from(low);
    if !matches!(command, 0x20 | 0x21) || family >> 4 > 3 || family & 15 > 2 || 16 + length > PROXY_V2_SIZE {
        return Some(Err(()));
    }
    let header = data.get(..16 + length)?;
    let said = match (command, family) {
        (0x21, 0x11) => addresses(header, 4),
        (0x21, 0x21) => addresses(header, 16),
        _ => Some(Announced::Nothing),
    };
    Some(said.map(|said| (said, header.len())).ok_or(()))
}

/// Two addresses of `size` bytes, two ports, then typed values to the end.
fn addresses(header: &[u8], size: usize) -> Option<Announced> {
    let ip = |at: usize| -> Option<IpAddr> {
        let bytes = header.get(at..at + size)?;
        if size == 4 {
            return Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?));
        }
        Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?))
    };
    let port = |at: usize| Some(u16::from(*header.get(at)?) << 8 | u16::from(*header.get(at + 1)?));
    let ports = 16 + 2 * size;
    let said = Announced::Connection {
        source: SocketAddr::new(ip(16)?, port(ports)?),
        destination: SocketAddr::new(ip(16 + size)?, port(ports + 2)?),
    };
    let mut at = ports + 4;
    let mut has_sum = false;
    while at < header.len() {
        let length = usize::from(port(at + 1)?);
        let value = header.get(at + 3..at + 3 + length)?;
        if header[at] == 3 {
            if has_sum {
                return None;
            }
            has_sum = true;
            let mut zeroed = header.to_vec();
            zeroed.get_mut(at + 3..at + 7).filter(|_| length == 4)?.fill(0);
            if castagnoli(&zeroed).to_be_bytes() != value {
                return None;
            }
        }
        at += 3 + length;
    }
    Some(said)
}

/// CRC-32C by long division, highest bit first, with the bits of bytes and result turned round.
fn castagnoli(bytes: &[u8]) -> u32 {
    let mut rest = 0xffff_ffffu32;
    for byte in bytes {
        rest ^= u32::from(byte.reverse_bits()) << 24;
        for _ in 0..8 {
            let overflows = rest & 0x8000_0000 != 0;
            rest <<= 1;
            if overflows {
                rest ^= 0x1edc_6f41;
            }
        }
    }
    !rest.reverse_bits()
}
