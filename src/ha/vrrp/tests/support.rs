//! Addresses, bytes and settings that the tests share.

use std::net::IpAddr;

use crate::ha::vrrp::{AddressList, Advert, Version};

/// The node that keepalived calls A in the article's configuration.
pub fn node_a() -> IpAddr {
    IpAddr::from([192, 0, 2, 11])
}

/// Its peer.
pub fn node_b() -> IpAddr {
    IpAddr::from([192, 0, 2, 12])
}

/// Octets from hexadecimal digits in groups of any size.
pub fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// A list of addresses as text.
pub fn addresses(texts: &[&str]) -> AddressList {
    texts.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect()
}

/// An advert for virtual router 10 and 198.51.100.3.
pub fn advert(version: Version, priority: u8, interval_ms: u64) -> Advert {
    Advert {
        version,
        virtual_router_id: 10,
        priority,
        interval: std::time::Duration::from_millis(interval_ms),
        password: (version == Version::V2).then_some(*b"fowebpas"),
        addresses: addresses(&["198.51.100.3"]),
    }
}
