//! Two hosts with a cable between them, in network namespaces of the test's own.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::ha::netlink::Netlink;
use crate::ha::socket::{Complaint, Unreached};
use crate::ha::test_hosts::{Host, wait_until};
use crate::ha::vrrp::{Sum, Version};
use crate::ha::{address, interface};

const FOUR: [&str; 2] = ["192.0.2.11", "192.0.2.12"];
const SIX: [&str; 2] = ["2001:db8:0:1::11", "2001:db8:0:1::12"];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two hosts of a family, each with its address usable.
fn hosts(addresses: [&'static str; 2]) -> Option<[Host; 2]> {
    let hosts = Host::pair()?;
    for (host, own) in hosts.iter().zip(addresses) {
        let prefix = if ip(own).is_ipv4() { 24 } else { 64 };
        host.run(move || {
            let mut netlink = Netlink::open().unwrap();
            let link = interface::find(&mut netlink, "eth0").unwrap().unwrap();
            let net = ipnet::IpNet::new(ip(own), prefix).unwrap();
            address::add(&mut netlink, link.index, net).unwrap();
        });
    }
    Some(hosts)
}

fn open(host: &Host, own: &'static str, to: Option<&'static str>, checksum: Checksum) -> Raw {
    host.run(move || {
        let index = interface::find(&mut Netlink::open().unwrap(), "eth0").unwrap().unwrap().index;
        let nodes: Vec<IpAddr> = to.map(ip).into_iter().collect();
        let audience = if to.is_some() { Audience::Nodes(&nodes) } else { Audience::Group };
        Raw::open(ip(own), audience, checksum, ("eth0", index)).unwrap()
    })
}

fn advert(version: Version, address: &str) -> Advert {
    Advert {
        version,
        virtual_router_id: 10,
        priority: 102,
        interval: Duration::from_secs(1),
        password: (version == Version::V2).then_some(*b"fowebpas"),
        addresses: [ip(address)].into_iter().collect(),
    }
}

fn expected(advert: &Advert, own: &str, peer: &str) -> Expected {
    Expected {
        version: advert.version,
        virtual_router_id: advert.virtual_router_id,
        interval: advert.interval,
        password: advert.password,
        addresses: advert.addresses,
        own_address: ip(own),
        peers: vec![ip(peer)],
    }
}

/// Sends until something arrives: a new link drops the first packets.
fn until_received(from: &Raw, advert: &Advert, to: &mut Raw, expected: &Expected) -> Judged {
    let mut buffer = [0; PACKET];
    let mut judged = None;
    wait_until("an advert", || {
        let failed = from.send(advert);
        judged = to.receive(expected, &mut buffer).unwrap();
        failed.is_empty() && judged.is_some()
    });
    judged.unwrap()
}

/// Every kind of advert, from end to end.
fn goes_across(addresses: [&'static str; 2], unicast: bool, version: Version, checksum: Checksum) -> Sum {
    let [near, far] = hosts(addresses).unwrap();
    let [own, other] = addresses;
    let sender = open(&near, own, unicast.then_some(other), checksum);
    let mut receiver = open(&far, other, unicast.then_some(own), checksum);
    let shared = if ip(own).is_ipv4() { "198.51.100.3" } else { "2001:db8:100::3" };
    let advert = advert(version, shared);
    let received = until_received(&sender, &advert, &mut receiver, &expected(&advert, other, own)).unwrap();
    assert_eq!((received.advert, received.from), (advert, ip(own)));
    received.sum
}

#[test]
fn adverts_of_every_kind_go_across() {
    if Host::new().is_none() {
        return;
    }
    let default = Checksum::PseudoHeader;
    assert_eq!(goes_across(FOUR, true, Version::V2, default), Sum::Message);
    assert_eq!(goes_across(FOUR, true, Version::V3, default), Sum::PseudoHeader);
    assert_eq!(goes_across(FOUR, true, Version::V3, Checksum::Rfc9568), Sum::Message);
    assert_eq!(goes_across(FOUR, false, Version::V2, default), Sum::Message);
    assert_eq!(goes_across(FOUR, false, Version::V3, default), Sum::PseudoHeader);
    assert_eq!(goes_across(SIX, true, Version::V3, default), Sum::PseudoHeader);
    assert_eq!(goes_across(SIX, false, Version::V3, default), Sum::PseudoHeader);
}

#[test]
fn a_host_without_vrrp_says_so() {
    for addresses in [FOUR, SIX] {
        let Some([near, _far]) = hosts(addresses) else { return };
        let [own, other] = addresses;
        let mut sender = open(&near, own, Some(other), Checksum::PseudoHeader);
        let advert = advert(Version::V3, if ip(own).is_ipv4() { "198.51.100.3" } else { "2001:db8:100::3" });
        let mut complaint = None;
        wait_until("a complaint", || {
            sender.send(&advert);
            complaint = sender.complaint();
            complaint.is_some_and(|complaint| complaint.kind != Unreached::NoHost)
        });
        assert_eq!(complaint, Some(Complaint { peer: ip(other), kind: Unreached::NoProgram }));
        let mut buffer = [0; PACKET];
        let received = sender.receive(&expected(&advert, own, other), &mut buffer);
        assert!(matches!(received, Ok(None)), "a complaint is no packet: {received:?}");
    }
}

#[test]
fn an_advert_to_a_group_is_not_heard_by_a_unicast_node() {
    let Some([near, far]) = hosts(FOUR) else { return };
    let [own, other] = FOUR;
    let group = open(&near, own, None, Checksum::PseudoHeader);
    let single = open(&near, own, Some(other), Checksum::PseudoHeader);
    let mut receiver = open(&far, other, Some(own), Checksum::PseudoHeader);
    let to_group = advert(Version::V2, "198.51.100.4");
    let to_node = advert(Version::V2, "198.51.100.3");
    let expected = expected(&to_node, other, own);
    until_received(&single, &to_node, &mut receiver, &expected).unwrap();
    assert!(group.send(&to_group).is_empty());
    // What was sent later arrives later: had the first been taken, it would be seen here.
    let received = until_received(&single, &to_node, &mut receiver, &expected).unwrap();
    assert!(!received.addresses_differ);
}
