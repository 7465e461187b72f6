//! Each transport's farewell, from the plan to what the other node makes of it: two hosts with a cable
//! between them, in network namespaces of the test's own.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::config::model::{AuthPass, Checksum, HaNode, Secret, Takeover, Version};
use crate::ha::guard::act::Ready;
use crate::ha::interface;
use crate::ha::netlink::Netlink;
use crate::ha::test_hosts::{Host, wait_until};
use crate::ha::transport::{Channel, Incoming};
use crate::ha::vrrp::Expected;

const FOUR: [&str; 3] = ["192.0.2.11", "192.0.2.12", "198.51.100.3"];
const SIX: [&str; 3] = ["2001:db8:0:1::11", "2001:db8:0:1::12", "2001:db8:100::3"];

fn pair(addresses: [&str; 3], version: Version, transport: Transport) -> Ha {
    let [first, second, shared] = addresses.map(|address| address.parse::<IpAddr>().unwrap());
    let node = |name: &str, address, priority| HaNode { name: name.into(), address, priority };
    Ha {
        interface: "eth0".into(),
        virtual_router_id: 10,
        addresses: vec![shared.into()],
        version,
        advert_interval: Duration::from_secs(1),
        auth_pass: (version == Version::V2).then_some(AuthPass(*b"fowebpas")),
        serving_weight: 2,
        preempt: true,
        preempt_delay: Duration::ZERO,
        takeover: Takeover::Immediate,
        transport,
        checksum: Checksum::PseudoHeader,
        drain: Duration::ZERO,
        stall_limit: Duration::from_secs(1),
        announce_refresh: Duration::ZERO,
        notify: None,
        nodes: vec![node("first", first, 100), node("second", second, 99)],
    }
}

fn expected(ha: &Ha) -> Expected {
    Expected {
        version: ha.version,
        virtual_router_id: ha.virtual_router_id,
        interval: ha.advert_interval,
        password: ha.auth_pass.map(|password| password.0),
        addresses: ha.addresses.iter().map(ipnet::IpNet::addr).collect(),
        own_address: ha.nodes[1].address,
        peers: vec![ha.nodes[0].address],
    }
}

fn index() -> u32 {
    interface::find(&mut Netlink::open().unwrap(), "eth0").unwrap().unwrap().index
}

/// Takes three adverts of priority 0 from a guard that acts, and sees its host without the address.
fn resigns(ha: &Ha) {
    let Some([near, far]) = Host::pair() else { return };
    let prefix = if ha.nodes[0].address.is_ipv4() { "24" } else { "64 nodad" };
    for (host, node) in [&near, &far].into_iter().zip(&ha.nodes) {
        host.ip(&format!("address add {}/{prefix} dev eth0", node.address));
    }
    let shared = ha.addresses[0];
    near.ip(&format!("address add {shared} dev eth0"));
    let (theirs, ours) = (ha.clone(), ha.clone());
    let mut channel = far.run(move || Channel::open(&theirs, 1, index()).unwrap());
    let (mut ready, socket) = near.run(move || {
        let plan = Plan::of(&ours, 0, index()).unwrap();
        (Ready::prepare(plan).unwrap(), voice(&ours, 0, index()).unwrap())
    });
    // A new link drops the first packets; hence until they come, and then three at once.
    let expected = expected(ha);
    let mut received = Vec::new();
    wait_until("three adverts", || {
        received.clear();
        assert!(ready.resign(&socket).contains("removed from eth0"));
        while let Some(incoming) = channel.receive(&expected, Duration::ZERO).unwrap() {
            received.push(incoming);
        }
        received.len() >= 3
    });
    for incoming in received {
        let Incoming::Advert(received) = incoming else { panic!("{incoming:?}") };
        assert_eq!((received.advert.priority, received.from), (0, ha.nodes[0].address));
        assert!(!received.addresses_differ && !received.interval_differs);
    }
    assert!(!near.ip("-oneline address show dev eth0").contains(&format!("{} ", shared.addr())));
}

fn udp() -> Transport {
    Transport::Udp { port: 8112, secret: Secret(b"0123456789abcdef0123456789abcdef".as_slice().into()) }
}

#[test]
fn a_guard_resigns_by_unicast_with_a_password() {
    resigns(&pair(FOUR, Version::V2, Transport::Unicast));
}

#[test]
fn a_guard_resigns_by_unicast_over_ipv6() {
    resigns(&pair(SIX, Version::V3, Transport::Unicast));
}

#[test]
fn a_guard_resigns_to_the_group() {
    resigns(&pair(FOUR, Version::V3, Transport::Multicast));
}

#[test]
fn a_guard_resigns_to_the_group_over_ipv6() {
    resigns(&pair(SIX, Version::V3, Transport::Multicast));
}

#[test]
fn a_guard_resigns_by_udp() {
    resigns(&pair(FOUR, Version::V2, udp()));
}

#[test]
fn a_guard_resigns_by_udp_over_ipv6() {
    resigns(&pair(SIX, Version::V3, udp()));
}

#[test]
fn the_largest_plan_fits() {
    let mut ha = pair(SIX, Version::V3, Transport::Unicast);
    ha.addresses = vec![ha.addresses[0]; crate::limits::ha::ADDRESSES];
    ha.nodes = vec![ha.nodes[1].clone(); crate::limits::ha::NODES];
    ha.nodes[0].address = SIX[0].parse().unwrap();
    for transport in [Transport::Unicast, udp()] {
        ha.transport = transport;
        let text = serde_json::to_vec(&Plan::of(&ha, 0, 7).unwrap()).unwrap();
        assert!(text.len() < crate::limits::ha::GUARD_PLAN_SIZE, "{}", text.len());
    }
}
