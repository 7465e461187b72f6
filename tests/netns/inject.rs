//! Sends VRRP packets that no node would: forged, broken, random; with a source address of choice.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::plan::VIRTUAL_ROUTER;
use crate::stage::{Place, SHARED, Stage, enter};

/// Protocol numbers.
pub const VRRP: u8 = 112;
pub const UDP: u8 = 17;

/// The port of sealed datagrams.
const PORT: [u8; 2] = 8112_u16.to_be_bytes();

/// A socket from which whole IPv4 packets are sent.
pub struct Injector {
    socket: Socket,
}

impl Injector {
    /// Sends from a place, whatever source the packets then claim.
    pub fn open(stage: &Stage, place: Place) -> Self {
        stage.inside(place, Self::in_this_network)
    }

    /// The same for a thread of its own.
    pub fn entering(namespace: &File) -> Self {
        enter(namespace);
        Self::in_this_network()
    }

    fn in_this_network() -> Self {
        const ANY_PROTOCOL: i32 = 255;
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(ANY_PROTOCOL))).unwrap();
        socket.set_header_included_v4(true).unwrap();
        Self { socket }
    }

    /// Sends this VRRP message to a node, as if from `source`.
    pub fn send(&self, source: IpAddr, to: Place, message: &[u8]) {
        self.send_packet(source, to, VRRP, message);
    }

    /// Sends the payload of an IP packet to a node, as if from `source`.
    pub fn send_packet(&self, source: IpAddr, to: Place, protocol: u8, payload: &[u8]) {
        let packet = packet(source, to.address(), protocol, payload);
        let target = SockAddr::from(SocketAddr::new(to.address(), 0));
        // A queue that is full loses packets, as a network would.
        let _ = self.socket.send_to(&packet, &target);
    }
}

/// An IPv4 packet; the kernel fills in the header's checksum.
fn packet(source: IpAddr, destination: IpAddr, protocol: u8, message: &[u8]) -> Vec<u8> {
    let length = (20 + message.len()) as u16;
    let mut packet = vec![0x45, 0xc0, 0, 0, 0, 0, 0, 0, 255, protocol, 0, 0];
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&octets(source));
    packet.extend_from_slice(&octets(destination));
    packet.extend_from_slice(message);
    packet
}

/// A valid advertisement of version 3 for the shared address.
pub fn version_3(source: IpAddr, destination: IpAddr, priority: u8, centiseconds: u16) -> Vec<u8> {
    let mut message = vec![0x31, VIRTUAL_ROUTER, priority, 1];
    message.extend_from_slice(&centiseconds.to_be_bytes());
    message.extend_from_slice(&[0, 0]);
    message.extend_from_slice(&octets(SHARED.parse().unwrap()));
    seal(source, destination, &mut message);
    message
}

/// A UDP datagram between the nodes; without a checksum, which IPv4 allows.
pub fn datagram(payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&PORT[..], &PORT[..], &length.to_be_bytes(), &[0, 0], payload].concat()
}

/// Writes the checksum that keepalived sends: with the pseudo-header of the real addresses.
pub fn seal(source: IpAddr, destination: IpAddr, message: &mut [u8]) {
    if message.len() < 8 {
        return;
    }
    message[6..8].fill(0);
    let mut summed = [octets(source), octets(destination)].concat();
    summed.extend_from_slice(&[0, VRRP]);
    summed.extend_from_slice(&(message.len() as u16).to_be_bytes());
    summed.extend_from_slice(message);
    let sum = checksum(&summed);
    message[6..8].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn octets(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.octets(),
    }
}

#[test]
fn the_checksum_is_keepaliveds() {
    let (a, b) = ("192.0.2.11".parse().unwrap(), "192.0.2.12".parse().unwrap());
    // Captured from keepalived 2.2.7: priority 200, 100 ms.
    let captured = [0x31, 10, 200, 1, 0, 10, 0x58, 0x1e, 198, 51, 100, 3];
    assert_eq!(version_3(a, b, 200, 10), captured);
}
