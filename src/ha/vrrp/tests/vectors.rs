//! Golden bytes, most of them captured from keepalived: written exactly so, and read back.

use std::net::IpAddr;
use std::time::Duration;

use super::support::{addresses, advert, node_a, node_b, octets};
use crate::ha::vrrp::{
    Advert, Checksum, Datagram, Expected, Ipv4Header, MULTICAST_IPV4, MULTICAST_IPV6, Sum, Version, Way,
    encode, receive, receive_ipv4,
};

/// What a node expects that is set up as the sender of `advert` is.
fn expecting(advert: &Advert, source: IpAddr, own_address: IpAddr) -> Expected {
    Expected {
        version: advert.version,
        virtual_router_id: advert.virtual_router_id,
        interval: advert.interval,
        password: advert.password,
        addresses: advert.addresses,
        own_address,
        peers: vec![source],
    }
}

/// Written from `source` to `destination` it is `bytes`, which are read as the same advert.
fn check(name: &str, advert: &Advert, checksum: Checksum, route: (IpAddr, IpAddr), sum: Sum, bytes: &str) {
    let (source, destination) = route;
    let message = encode(advert, checksum, source, destination);
    assert_eq!(message.as_slice(), octets(bytes), "{name}");
    let way = if destination.is_multicast() { Way::Multicast { hop_limit: 255 } } else { Way::Unicast };
    let datagram = Datagram { message: message.as_slice(), source, destination, way };
    let own_address = if source == node_a() { node_b() } else { "2001:db8:9::9".parse().unwrap() };
    let received = receive(&expecting(advert, source, own_address), &datagram).unwrap();
    assert_eq!((received.advert, received.from, received.sum), (*advert, source, sum), "{name}");
    assert!(!received.addresses_differ && !received.interval_differs, "{name}");
}

#[test]
fn version_2_messages_are_keepalived_s() {
    let plain = Advert { password: None, ..advert(Version::V2, 100, 1000) };
    let two =
        Advert { addresses: addresses(&["198.51.100.3", "198.51.100.4"]), ..advert(Version::V2, 100, 1000) };
    let owner = Advert { password: Some(*b"1234\0\0\0\0"), ..advert(Version::V2, 255, 1000) };
    for (name, advert, bytes) in [
        ("V2-A", advert(Version::V2, 100, 1000), "210a6401 0101ae03 c6336403 666f7765 62706173"),
        ("V2-B", advert(Version::V2, 102, 1000), "210a6601 0101ac03 c6336403 666f7765 62706173"),
        ("V2-C", advert(Version::V2, 101, 1000), "210a6501 0101ad03 c6336403 666f7765 62706173"),
        ("V2-D", advert(Version::V2, 0, 1000), "210a0001 01011204 c6336403 666f7765 62706173"),
        ("V2-E", plain, "210a6401 000150bc c6336403 00000000 00000000"),
        ("V2-G", two, "210a6402 010183ca c6336403 c6336404 666f7765 62706173"),
        ("V2-H", owner, "210aff01 01015055 c6336403 31323334 00000000"),
    ] {
        for destination in [node_b(), IpAddr::V4(MULTICAST_IPV4)] {
            let route = (node_a(), destination);
            check(name, &advert, Checksum::PseudoHeader, route, Sum::Message, bytes);
            check(name, &advert, Checksum::Rfc9568, route, Sum::Message, bytes);
        }
    }
}

#[test]
fn version_3_messages_have_either_checksum() {
    let to_b = (node_a(), node_b());
    let to_a = (node_b(), node_a());
    let to_group = (node_a(), IpAddr::V4(MULTICAST_IPV4));
    for (name, priority, interval_ms, checksum, route, bytes) in [
        ("V3-A", 100, 1000, Checksum::PseudoHeader, to_b, "310a6401 0064bbc4 c6336403"),
        ("V3-B", 100, 1000, Checksum::Rfc9568, to_b, "310a6401 00644059 c6336403"),
        ("V3-C", 100, 10, Checksum::PseudoHeader, to_b, "310a6401 0001bc27 c6336403"),
        ("V3-D", 100, 10, Checksum::Rfc9568, to_b, "310a6401 000140bc c6336403"),
        ("V3-E", 100, 1000, Checksum::PseudoHeader, to_group, "310a6401 00649dbe c6336403"),
        ("V3-F", 0, 1000, Checksum::PseudoHeader, to_b, "310a0001 00641fc5 c6336403"),
        ("V3-G", 200, 100, Checksum::PseudoHeader, to_b, "310ac801 000a581e c6336403"),
        ("V3-H", 0, 100, Checksum::PseudoHeader, to_a, "310a0001 000a201f c6336403"),
    ] {
        let sum = if checksum == Checksum::Rfc9568 { Sum::Message } else { Sum::PseudoHeader };
        check(name, &advert(Version::V3, priority, interval_ms), checksum, route, sum, bytes);
    }
}

#[test]
fn ipv6_messages_always_have_the_pseudo_header() {
    let global: (IpAddr, IpAddr) = ("2001:db8:0:1::11".parse().unwrap(), "2001:db8:0:1::12".parse().unwrap());
    let on_link: (IpAddr, IpAddr) = ("fe80::11".parse().unwrap(), MULTICAST_IPV6.into());
    let six = |priority, list: &[&str]| Advert {
        addresses: addresses(list),
        ..advert(Version::V3, priority, 1000)
    };
    let one = "310a6401 0064dfb4 20010db8 01000000 00000000 00000003";
    let two = "310a6402 00643f09 fe800000 00000000 00000000 0000000a 20010db8 01000000 00000000 00000003";
    for checksum in [Checksum::PseudoHeader, Checksum::Rfc9568] {
        check("V3-6A", &six(100, &["2001:db8:100::3"]), checksum, global, Sum::PseudoHeader, one);
        let list = &["fe80::a", "2001:db8:100::3"];
        check("V3-6B", &six(100, list), checksum, on_link, Sum::PseudoHeader, two);
    }
    let captured = Advert { interval: Duration::from_millis(1000), ..six(200, &["2001:db8:100::3"]) };
    let message = encode(&captured, Checksum::PseudoHeader, global.0, global.1);
    assert_eq!(message.as_slice()[6..8], [0x7b, 0xb4]);
}

#[test]
fn ipv4_headers_are_keepalived_s() {
    let group = MULTICAST_IPV4;
    for (destination, length, bytes) in [
        ([192, 0, 2, 12].into(), 20, "45c00028 00010000 ff70368d c000020b c000020c"),
        (group, 20, "45c00028 00010000 ff701887 c000020b e0000012"),
        ([192, 0, 2, 12].into(), 24, "45c0002c 00010000 ff703689 c000020b c000020c"),
        ([192, 0, 2, 12].into(), 12, "45c00020 00010000 ff703695 c000020b c000020c"),
    ] {
        let header =
            Ipv4Header { source: [192, 0, 2, 11].into(), destination, hop_limit: 255, identification: 1 };
        assert_eq!(header.encode(length).to_vec(), octets(bytes));
        let packet = [header.encode(length).to_vec(), vec![7; length + 6]].concat();
        assert_eq!(Ipv4Header::decode(&packet), Ok((header, &packet[20..20 + length])));
    }
}

#[test]
fn a_captured_packet_is_read_whole() {
    let packet =
        octets("45c00028 00010000 ff70368d c000020b c000020c 210a6601 0101ac03 c6336403 666f7765 62706173");
    let sent = advert(Version::V2, 102, 1000);
    let received = receive_ipv4(&expecting(&sent, node_a(), node_b()), &packet).unwrap();
    assert_eq!((received.advert, received.from), (sent, node_a()));
    // An Ethernet frame of the smallest size is padded after it.
    let padded = [&packet[..], &[0; 6]].concat();
    assert_eq!(receive_ipv4(&expecting(&sent, node_a(), node_b()), &padded), Ok(received));
}

#[test]
fn old_keepalived_s_unicast_checksum_is_known() {
    let sent = advert(Version::V3, 100, 1000);
    let of_group = encode(&sent, Checksum::PseudoHeader, node_a(), MULTICAST_IPV4.into());
    let datagram =
        Datagram { message: of_group.as_slice(), source: node_a(), destination: node_b(), way: Way::Unicast };
    let received = receive(&expecting(&sent, node_a(), node_b()), &datagram).unwrap();
    assert_eq!(received.sum, Sum::PseudoHeaderOfGroup);
}

#[test]
fn enclosed_messages_sum_the_message_alone() {
    for sent in [advert(Version::V2, 100, 1000), advert(Version::V3, 100, 1000)] {
        let message = sent.encode_enclosed();
        let plain = encode(&sent, Checksum::Rfc9568, node_a(), node_b());
        assert_eq!(message.as_slice(), plain.as_slice());
        let datagram = Datagram {
            message: message.as_slice(),
            source: node_a(),
            destination: node_b(),
            way: Way::Sealed,
        };
        let received = receive(&expecting(&sent, node_a(), node_b()), &datagram).unwrap();
        assert_eq!(received.advert, sent);
    }
}

#[test]
fn intervals_are_rounded_to_what_the_version_can_say() {
    for (version, milliseconds, rounded) in [
        (Version::V2, 0, 1000),
        (Version::V2, 400, 1000),
        (Version::V2, 1499, 1000),
        (Version::V2, 1500, 2000),
        (Version::V2, 999_999, 255_000),
        (Version::V3, 0, 10),
        (Version::V3, 14, 10),
        (Version::V3, 15, 20),
        (Version::V3, 40_950, 40_950),
        (Version::V3, u64::MAX, 40_950),
    ] {
        let interval = Duration::from_millis(milliseconds);
        assert_eq!(version.rounded(interval), Duration::from_millis(rounded), "{version:?} {milliseconds}");
    }
}
