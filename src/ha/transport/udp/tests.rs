//! Two and three stations on loopback addresses.

#![allow(clippy::unwrap_used)]

use std::time::{SystemTime, UNIX_EPOCH};

use socket2::SockRef;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A port that is free on all of `nodes`.
fn free_port(nodes: &[IpAddr]) -> u16 {
    let free = UdpSocket::bind((nodes[0], 0)).unwrap();
    free.local_addr().unwrap().port()
}

fn open(nodes: &[IpAddr], port: u16, own: usize, secret: &[u8]) -> Udp {
    Udp::open(&Station { port, secret, nodes, own, interface: 0 }).unwrap()
}

fn v4(count: u8) -> Vec<IpAddr> {
    (1..=count).map(|last| IpAddr::from([127, 8, 1, last])).collect()
}

/// Waits for the next datagram.
fn next(udp: &mut Udp) -> Result<(Kind, usize, Vec<u8>), Refusal> {
    let mut buffer = Received::default();
    udp.socket.set_nonblocking(false).unwrap();
    udp.socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let received = udp.receive(unix_ms(), Duration::ZERO, &mut buffer).unwrap();
    udp.socket.set_nonblocking(true).unwrap();
    match received.expect("a datagram within 20 seconds") {
        Ok(opened) => Ok((opened.kind, opened.node, opened.message.to_vec())),
        Err(refused) => Err(refused.why),
    }
}

#[test]
fn every_other_node_gets_a_message_sealed_for_it() {
    let nodes = v4(3);
    let port = free_port(&nodes);
    let mut stations: Vec<Udp> = (0..3).map(|own| open(&nodes, port, own, SECRET)).collect();
    for sender in 0..3 {
        let failed = stations[sender].send(Kind::Advert, b"advert", unix_ms());
        assert!(failed.is_empty(), "{failed:?}");
        for (place, station) in stations.iter_mut().enumerate().filter(|&(place, _)| place != sender) {
            assert_eq!(next(station), Ok((Kind::Advert, sender, b"advert".to_vec())), "{place}");
        }
    }
    let mut buffer = Received::default();
    for station in &mut stations {
        assert!(station.receive(unix_ms(), Duration::ZERO, &mut buffer).unwrap().is_none());
    }
}

#[test]
fn nodes_with_ipv6_addresses_hear_each_other() {
    // Loopback has one IPv6 address only, so the two nodes share it and the port is one for each.
    let nodes: Vec<IpAddr> = ["::1", "::1"].map(|address| address.parse().unwrap()).to_vec();
    if UdpSocket::bind((nodes[0], 0)).is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let ports = [free_port(&nodes), free_port(&nodes)];
    let mut first = open(&nodes, ports[0], 0, SECRET);
    let mut second = open(&nodes, ports[1], 1, SECRET);
    first.peers = vec![(nodes[1], ports[1]).into()];
    assert!(first.send(Kind::Presence, b"here", unix_ms()).is_empty());
    assert_eq!(next(&mut second), Ok((Kind::Presence, 0, b"here".to_vec())));
    assert_eq!(SockRef::from(&first.socket).tclass_v6().unwrap(), CONTROL_CLASS);
}

#[test]
fn a_strangers_datagrams_are_refused_whatever_their_length() {
    let nodes = v4(2);
    let port = free_port(&nodes);
    let mut station = open(&nodes, port, 0, SECRET);
    let stranger = UdpSocket::bind(("127.8.1.99", 0)).unwrap();
    let mut forged = [0_u8; 2000];
    forged[..8].copy_from_slice(b"TORI\x01\x01\x01\x00");
    for length in [0, 1, 24, 56, 76, DATAGRAM, DATAGRAM + 1, DATAGRAM + 2, 1500, 2000] {
        stranger.send_to(&forged[..length], (nodes[0], port)).unwrap();
        let expected =
            if (56..=DATAGRAM).contains(&length) { Refusal::Stranger } else { Refusal::NotAnEnvelope };
        assert_eq!(next(&mut station), Err(expected), "{length}");
    }
}

#[test]
fn nodes_with_different_secrets_do_not_believe_each_other() {
    let nodes = v4(2);
    let port = free_port(&nodes);
    let mut first = open(&nodes, port, 0, SECRET);
    let mut second = open(&nodes, port, 1, b"another secret of thirty-two bytes");
    assert!(first.send(Kind::Advert, b"advert", unix_ms()).is_empty());
    assert_eq!(next(&mut second), Err(Refusal::Seal));
}

#[test]
fn a_station_that_starts_again_is_heard_at_once() {
    let nodes = v4(2);
    let port = free_port(&nodes);
    let mut second = open(&nodes, port, 1, SECRET);
    let frozen = unix_ms();
    for _ in 0..3 {
        // Even with a clock that does not move.
        let mut first = open(&nodes, port, 0, SECRET);
        for _ in 0..2 {
            assert!(first.send(Kind::Advert, b"advert", frozen).is_empty());
            assert!(next(&mut second).is_ok());
        }
    }
}

#[test]
fn a_message_for_one_node_reaches_that_node_alone() {
    let nodes = v4(3);
    let port = free_port(&nodes);
    let [mut first, mut second, mut third] = [0, 1, 2].map(|own| open(&nodes, port, own, SECRET));
    first.send_to(nodes[2], Kind::Dialogue, b"you", unix_ms()).unwrap();
    assert_eq!(next(&mut third), Ok((Kind::Dialogue, 0, b"you".to_vec())));
    assert!(second.receive(unix_ms(), Duration::ZERO, &mut Received::default()).unwrap().is_none());
    let own = first.send_to(nodes[0], Kind::Dialogue, b"me", unix_ms());
    assert_eq!(own.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn adverts_are_marked_as_internetwork_control() {
    let nodes = v4(2);
    let station = open(&nodes, free_port(&nodes), 0, SECRET);
    assert_eq!(SockRef::from(&station.socket).tos_v4().unwrap(), CONTROL_CLASS);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let nodes = v4(2);
    let port = free_port(&nodes);
    let _first = open(&nodes, port, 0, SECRET);
    let again = Udp::open(&Station { port, secret: SECRET, nodes: &nodes, own: 0, interface: 0 });
    assert_eq!(again.err().unwrap().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn link_local_addresses_are_reached_through_the_interface() {
    let nodes: Vec<IpAddr> =
        ["fe80::11", "fe80::12", "2001:db8::13"].map(|node| node.parse().unwrap()).to_vec();
    let station = Station { port: 8112, secret: SECRET, nodes: &nodes, own: 0, interface: 7 };
    let reached: Vec<String> = peers(&station).iter().map(ToString::to_string).collect();
    assert_eq!(reached, ["[fe80::12%7]:8112", "[2001:db8::13]:8112"]);
}
