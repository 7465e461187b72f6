//! Every check of receipt: what fails it, under which name, and that there is something to advise.

use std::collections::HashSet;
use std::net::IpAddr;

use super::support::{addresses, advert, ms, node_a, node_b, octets};
use crate::ha::vrrp::{
    Advert, Checksum, Datagram, Discard, Expected, MULTICAST_IPV4, MULTICAST_IPV6, Received, Version, Way,
    encode, receive, receive_ipv4,
};

/// Node B, set up as the sender of `advert`.
fn expecting(advert: &Advert) -> Expected {
    Expected {
        version: advert.version,
        virtual_router_id: advert.virtual_router_id,
        interval: advert.interval,
        password: advert.password,
        addresses: advert.addresses,
        own_address: node_b(),
        peers: vec![node_a()],
    }
}

/// What node B, set up as the sender of `ours`, makes of `theirs`.
fn judged(ours: &Advert, theirs: &Advert) -> Result<Received, Discard> {
    let message = encode(theirs, Checksum::PseudoHeader, node_a(), node_b());
    receive(&expecting(ours), &unicast(message.as_slice()))
}

fn unicast(message: &[u8]) -> Datagram<'_> {
    Datagram { message, source: node_a(), destination: node_b(), way: Way::Unicast }
}

fn v2() -> Advert {
    advert(Version::V2, 100, 1000)
}

fn v3() -> Advert {
    advert(Version::V3, 100, 1000)
}

#[test]
fn differences_of_configuration_have_names() {
    let plain = Advert { password: None, ..v2() };
    for (ours, theirs, expected) in [
        (v2(), v3(), Discard::WrongVersion { seen: 3 }),
        (v3(), v2(), Discard::WrongVersion { seen: 2 }),
        (v2(), Advert { virtual_router_id: 11, ..v2() }, Discard::OtherRouter { seen: 11 }),
        (v2(), Advert { virtual_router_id: 11, ..v3() }, Discard::OtherRouter { seen: 11 }),
        (v2(), plain, Discard::AuthenticationType { seen: 0 }),
        (plain, v2(), Discard::AuthenticationType { seen: 1 }),
        (v2(), Advert { password: Some(*b"fowebpaS"), ..v2() }, Discard::WrongPassword),
        (v2(), Advert { password: Some([0; 8]), ..v2() }, Discard::WrongPassword),
        (v2(), Advert { interval: ms(2000), ..v2() }, Discard::WrongInterval { seen: ms(2000) }),
    ] {
        assert_eq!(judged(&ours, &theirs), Err(expected));
    }
    assert_eq!(judged(&plain, &plain).unwrap().advert, plain);
}

#[test]
fn version_3_heeds_another_interval_and_says_so() {
    let received = judged(&v3(), &Advert { interval: ms(10), ..v3() }).unwrap();
    assert!(received.interval_differs);
    assert_eq!(received.advert.interval, ms(10));
    assert!(!judged(&v3(), &v3()).unwrap().interval_differs);
}

#[test]
fn other_addresses_are_heeded_and_told() {
    for list in [&["198.51.100.4"][..], &["198.51.100.3", "198.51.100.4"], &[]] {
        let theirs = Advert { addresses: addresses(list), ..v2() };
        let received = judged(&v2(), &theirs).unwrap();
        assert!(received.addresses_differ, "{list:?}");
        assert_eq!(received.advert.addresses, theirs.addresses);
    }
    let both = Advert { addresses: addresses(&["198.51.100.3", "198.51.100.4"]), ..v2() };
    let turned = Advert { addresses: addresses(&["198.51.100.4", "198.51.100.3"]), ..v2() };
    assert!(!judged(&both, &turned).unwrap().addresses_differ, "the order does not matter");
}

#[test]
fn the_octets_of_no_password_are_not_looked_at() {
    let plain = Advert { password: None, ..v2() };
    // Authentication type 0, and something in the octets; the checksum fits.
    let message = octets("210a6401 00014abc c6336403 06000000 00000000");
    assert!(receive(&expecting(&plain), &unicast(&message)).is_ok());
}

#[test]
fn version_3_ignores_reserved_bits_and_refuses_an_interval_of_zero() {
    let reserved = octets("310a6401 f0645058 c6336403");
    let sum = super::super::packet::sum_of(super::super::Sum::Message, &reserved, node_a(), node_b());
    assert_eq!(sum, 0);
    assert_eq!(receive(&expecting(&v3()), &unicast(&reserved)).unwrap().advert.interval, ms(1000));
    let zero = octets("310a6401 000040bd c6336403");
    let refused = receive(&expecting(&v3()), &unicast(&zero));
    assert_eq!(refused, Err(Discard::WrongInterval { seen: ms(0) }));
}

#[test]
fn lengths_are_exact() {
    let whole = encode(&v2(), Checksum::PseudoHeader, node_a(), node_b()).as_slice().to_vec();
    for length in 0..whole.len() {
        let judged = receive(&expecting(&v2()), &unicast(&whole[..length]));
        assert_eq!(judged, Err(Discard::TooShort), "{length}");
    }
    for more in 1..64 {
        let longer = [&whole[..], &vec![0; more]].concat();
        let expected = if more == 28 { Discard::HmacTrailer } else { Discard::TooLong };
        assert_eq!(receive(&expecting(&v2()), &unicast(&longer)), Err(expected), "{more}");
    }
    // More addresses than there are octets.
    let mut claims = whole.clone();
    claims[3] = 255;
    assert_eq!(receive(&expecting(&v2()), &unicast(&claims)), Err(Discard::TooShort));
}

#[test]
fn the_hmac_trailer_of_newer_keepalived_is_told_apart() {
    let signed = octets(
        "210a6401 000150bc c6336403 00000000 00000000 01010000 6955b900 80000000 b0eb2274 2fbd6242 54b9b281 861b2367",
    );
    let plain = Advert { password: None, ..v2() };
    assert_eq!(receive(&expecting(&plain), &unicast(&signed)), Err(Discard::HmacTrailer));
}

#[test]
fn any_changed_bit_of_a_message_is_noticed_or_means_something_else() {
    for sent in [v2(), v3()] {
        let whole = encode(&sent, Checksum::PseudoHeader, node_a(), node_b()).as_slice().to_vec();
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(receive(&expecting(&sent), &unicast(&changed)).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn types_other_than_advertisement_are_refused() {
    let mut message = encode(&v2(), Checksum::PseudoHeader, node_a(), node_b()).as_slice().to_vec();
    message[0] = 0x22;
    assert_eq!(receive(&expecting(&v2()), &unicast(&message)), Err(Discard::WrongType { seen: 2 }));
}

#[test]
fn multicast_must_not_have_been_forwarded_and_unicast_may() {
    let group = IpAddr::V4(MULTICAST_IPV4);
    let message = encode(&v2(), Checksum::PseudoHeader, node_a(), group);
    let came = |destination, way| {
        let datagram = Datagram { message: message.as_slice(), source: node_a(), destination, way };
        receive(&expecting(&v2()), &datagram).map(|received| received.advert.priority)
    };
    assert_eq!(came(group, Way::Multicast { hop_limit: 255 }), Ok(100));
    for seen in [0, 64, 254] {
        assert_eq!(came(group, Way::Multicast { hop_limit: seen }), Err(Discard::HopLimit { seen }));
    }
    assert_eq!(came(group, Way::Unicast), Err(Discard::WrongDestination));
    assert_eq!(came(node_b(), Way::Multicast { hop_limit: 255 }), Err(Discard::WrongDestination));
    assert_eq!(
        came([224, 0, 0, 5].into(), Way::Multicast { hop_limit: 255 }),
        Err(Discard::WrongDestination)
    );
}

#[test]
fn senders_are_the_configured_nodes() {
    let stranger: IpAddr = [192, 0, 2, 99].into();
    let from = |source, way| {
        let message = encode(&v2(), Checksum::PseudoHeader, source, node_b());
        let datagram = Datagram { message: message.as_slice(), source, destination: node_b(), way };
        receive(&expecting(&v2()), &datagram).map(|received| received.from)
    };
    assert_eq!(from(node_a(), Way::Unicast), Ok(node_a()));
    assert_eq!(from(stranger, Way::Unicast), Err(Discard::Stranger { from: stranger }));
    assert_eq!(from(stranger, Way::Sealed), Err(Discard::Stranger { from: stranger }));
    assert_eq!(from(node_b(), Way::Unicast), Err(Discard::OwnAddress));
}

#[test]
fn neighbours_speak_ipv6_multicast_from_addresses_that_no_file_names() {
    let [near, far]: [IpAddr; 2] = ["fe80::11".parse().unwrap(), "2001:db8::11".parse().unwrap()];
    let sent = Advert { addresses: addresses(&["2001:db8:100::3"]), ..v3() };
    let expected = Expected { own_address: "2001:db8::12".parse().unwrap(), ..expecting(&sent) };
    let group = IpAddr::V6(MULTICAST_IPV6);
    for (source, is_heeded) in [(near, true), (far, false)] {
        let message = encode(&sent, Checksum::PseudoHeader, source, group);
        let way = Way::Multicast { hop_limit: 255 };
        let datagram = Datagram { message: message.as_slice(), source, destination: group, way };
        assert_eq!(receive(&expected, &datagram).is_ok(), is_heeded, "{source}");
    }
}

#[test]
fn packets_that_are_no_vrrp_are_refused() {
    let packet =
        octets("45c00028 00010000 ff70368d c000020b c000020c 210a6401 0101ae03 c6336403 666f7765 62706173");
    assert!(receive_ipv4(&expecting(&v2()), &packet).is_ok());
    for (at, octet, expected) in [
        (0, 0x65, Discard::NotVrrp),
        (0, 0x44, Discard::NotVrrp),
        (9, 17, Discard::NotVrrp),
        (3, 0x27, Discard::TooShort),
        (3, 0x10, Discard::TooShort),
        (2, 0x01, Discard::TooShort),
        (0, 0x4f, Discard::TooShort),
    ] {
        let mut changed = packet.clone();
        changed[at] = octet;
        assert_eq!(receive_ipv4(&expecting(&v2()), &changed), Err(expected), "octet {at}");
    }
    for length in 0..packet.len() {
        assert_eq!(receive_ipv4(&expecting(&v2()), &packet[..length]), Err(Discard::TooShort), "{length}");
    }
    // Options in the IP header are skipped.
    let mut optioned = packet.clone();
    optioned[0] = 0x46;
    optioned[3] = 0x2c;
    drop(optioned.splice(20..20, [1, 1, 1, 1]));
    assert!(receive_ipv4(&expecting(&v2()), &optioned).is_ok());
}

#[test]
fn every_reason_has_its_own_name_words_and_advice() {
    let from = node_a();
    let all = [
        Discard::NotVrrp,
        Discard::TooShort,
        Discard::OtherRouter { seen: 11 },
        Discard::HopLimit { seen: 64 },
        Discard::WrongVersion { seen: 3 },
        Discard::TooLong,
        Discard::HmacTrailer,
        Discard::AuthenticationType { seen: 0 },
        Discard::WrongPassword,
        Discard::WrongInterval { seen: ms(2000) },
        Discard::WrongType { seen: 2 },
        Discard::WrongChecksum,
        Discard::WrongDestination,
        Discard::Stranger { from },
        Discard::OwnAddress,
    ];
    let names: HashSet<&str> = all.iter().map(Discard::name).collect();
    let words: HashSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!((names.len(), words.len()), (Discard::COUNT, Discard::COUNT));
    for (index, reason) in all.iter().enumerate() {
        assert_eq!(reason.index(), index);
        assert!(reason.advice().len() > 30, "{reason}");
    }
    assert!(Discard::WrongPassword.means_two_masters() && !Discard::TooShort.means_two_masters());
}
