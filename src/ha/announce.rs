//! Telling the neighbours where the shared address lives now: gratuitous ARP and unsolicited neighbour
//! advertisements, and when to repeat them.
//!
//! The bytes are keepalived's: ARP in the request form with an all-ones target, which Linux, switches and
//! routers take as an update of what they know. Owned by the ha thread, which gives it the time and sends
//! what it returns nowhere else. What is lost is repeated: five of each at once, five more after five
//! seconds, and, when `announce_refresh` is set, one again and again.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet_packet::icmpv6::ndp::{
    MutableNdpOptionPacket, MutableNeighborAdvertPacket, NdpOptionTypes, NeighborAdvertFlags,
};
use pnet_packet::icmpv6::{Icmpv6Packet, Icmpv6Types, checksum};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::MutableIpv6Packet;

use super::socket::PacketSocket;
use crate::limits::ha_thread::{ANNOUNCE_REPEAT, ANNOUNCE_SPACING, ANNOUNCEMENTS};

const ETHERNET: usize = 14;
const ARP: usize = 28;
const IPV6: usize = 40;
/// A neighbour advertisement with its one option, the link-layer address.
const ADVERTISEMENT: usize = 32;
const BROADCAST: [u8; 6] = [0xff; 6];
/// 33:33 and the last four octets of ff02::1 (RFC 2464 section 7).
const ALL_NODES_HARDWARE: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// An Ethernet frame that says where `address` lives, in the form keepalived sends it.
pub fn gratuitous_arp(hardware: [u8; 6], address: Ipv4Addr) -> [u8; ETHERNET + ARP] {
    let mut frame = [0; ETHERNET + ARP];
    let (link, body) = frame.split_at_mut(ETHERNET);
    write_ethernet(link, hardware, BROADCAST, EtherTypes::Arp);
    let mut arp = MutableArpPacket::new(body).expect("the body has the length of an ARP packet");
    arp.set_hardware_type(ArpHardwareTypes::Ethernet);
    arp.set_protocol_type(EtherTypes::Ipv4);
    arp.set_hw_addr_len(6);
    arp.set_proto_addr_len(4);
    arp.set_operation(ArpOperations::Request);
    arp.set_sender_hw_addr(hardware.into());
    arp.set_sender_proto_addr(address);
    arp.set_target_hw_addr(BROADCAST.into());
    arp.set_target_proto_addr(address);
    frame
}

/// An Ethernet frame with an unsolicited neighbour advertisement to all nodes (RFC 4861 section 7.2.6).
/// `router` is set where the interface forwards: a node that stops being a router in its neighbours' eyes
/// loses its place in their routes.
pub fn neighbour_advertisement(
    hardware: [u8; 6],
    address: Ipv6Addr,
    router: bool,
) -> [u8; ETHERNET + IPV6 + ADVERTISEMENT] {
    let mut frame = [0; ETHERNET + IPV6 + ADVERTISEMENT];
    let (link, rest) = frame.split_at_mut(ETHERNET);
    write_ethernet(link, hardware, ALL_NODES_HARDWARE, EtherTypes::Ipv6);
    let (header, body) = rest.split_at_mut(IPV6);
    let mut ip = MutableIpv6Packet::new(header).expect("the header has the length of an IPv6 header");
    ip.set_version(6);
    ip.set_payload_length(ADVERTISEMENT as u16);
    ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
    // RFC 4861 section 7.1.2: anything that was forwarded is not believed.
    ip.set_hop_limit(255);
    ip.set_source(address);
    ip.set_destination(ALL_NODES);
    write_advertisement(body, hardware, address, router);
    frame
}

fn write_advertisement(body: &mut [u8], hardware: [u8; 6], address: Ipv6Addr, router: bool) {
    let mut message = MutableNeighborAdvertPacket::new(body).expect("the body holds an advertisement");
    message.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
    let router = if router { NeighborAdvertFlags::Router } else { 0 };
    message.set_flags(NeighborAdvertFlags::Override | router);
    message.set_target_addr(address);
    let mut option = MutableNdpOptionPacket::new(message.get_options_raw_mut()).expect("one option follows");
    option.set_option_type(NdpOptionTypes::TargetLLAddr);
    option.set_length(1);
    option.set_data(&hardware);
    let sum = Icmpv6Packet::new(body).map(|packet| checksum(&packet, &address, &ALL_NODES));
    let mut message = MutableNeighborAdvertPacket::new(body).expect("the body holds an advertisement");
    message.set_checksum(sum.unwrap_or_default());
}

fn write_ethernet(
    link: &mut [u8],
    source: [u8; 6],
    destination: [u8; 6],
    kind: pnet_packet::ethernet::EtherType,
) {
    let mut ethernet = MutableEthernetPacket::new(link).expect("the link part has a header's length");
    ethernet.set_source(source.into());
    ethernet.set_destination(destination.into());
    ethernet.set_ethertype(kind);
}

/// When to announce; no socket, no clock.
///
/// ```text
/// begin ─▶ round now ─▶ round after ANNOUNCE_REPEAT ─▶ one each `refresh`, if set
/// begin while a round is younger than ANNOUNCE_SPACING ─▶ round when it no longer is
/// ```
#[derive(Debug)]
pub struct Schedule {
    refresh: Option<Duration>,
    last_round: Option<Duration>,
    /// A round that is due, from a `begin` that came too soon.
    round_at: Option<Duration>,
    repeat_at: Option<Duration>,
    refresh_at: Option<Duration>,
}

impl Schedule {
    /// `refresh` zero: never.
    pub fn new(refresh: Duration) -> Self {
        Self {
            refresh: (!refresh.is_zero()).then_some(refresh),
            last_round: None,
            round_at: None,
            repeat_at: None,
            refresh_at: None,
        }
    }

    /// The addresses are ours, or somebody has just claimed them wrongly: announce. However often it is
    /// called, rounds are `ANNOUNCE_SPACING` apart.
    pub fn begin(&mut self, now: Duration) {
        let earliest = self.last_round.map_or(now, |last| last + ANNOUNCE_SPACING);
        self.round_at = Some(self.round_at.unwrap_or(now.max(earliest)));
    }

    /// The addresses are ours no more.
    pub fn end(&mut self) {
        *self = Self::new(self.refresh.unwrap_or_default());
    }

    /// How many of each announcement are to be sent now.
    pub fn due(&mut self, now: Duration) -> usize {
        let is_due = |at: &Option<Duration>| at.is_some_and(|at| at <= now);
        if is_due(&self.round_at) {
            self.round_at = None;
            self.last_round = Some(now);
            self.repeat_at = Some(now + ANNOUNCE_REPEAT);
            self.refresh_at = self.refresh.map(|refresh| now + refresh);
            return ANNOUNCEMENTS;
        }
        if is_due(&self.repeat_at) {
            self.repeat_at = None;
            return ANNOUNCEMENTS;
        }
        if is_due(&self.refresh_at) {
            self.refresh_at = self.refresh.map(|refresh| now + refresh);
            return 1;
        }
        0
    }

    /// When `due` has something to say next.
    pub fn deadline(&self) -> Option<Duration> {
        [self.round_at, self.repeat_at, self.refresh_at].into_iter().flatten().min()
    }
}

/// Sends `count` announcements of each address, in rounds, so that a burst that is lost in the middle
/// still told of every address.
///
/// # Errors
/// The first thing that went wrong; the other addresses are announced all the same.
pub fn announce(
    socket: &PacketSocket,
    hardware: [u8; 6],
    addresses: &[IpNet],
    router: bool,
    count: usize,
) -> io::Result<()> {
    let mut outcome = Ok(());
    for _ in 0..count {
        for address in addresses {
            let sent = match address.addr() {
                IpAddr::V4(address) => socket.send(&gratuitous_arp(hardware, address)),
                IpAddr::V6(address) => socket.send(&neighbour_advertisement(hardware, address, router)),
            };
            outcome = outcome.and(sent);
        }
    }
    outcome
}

/// Whether the interface forwards IPv6, which makes this machine a router to its neighbours.
pub fn is_router(interface: &str) -> bool {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/forwarding");
    std::fs::read_to_string(path).is_ok_and(|text| text.trim() != "0")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 0x11];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// As keepalived 2.2.7 was seen to send it.
    #[test]
    fn a_gratuitous_arp_is_keepalived_s_to_the_byte() {
        let frame = gratuitous_arp(HARDWARE, "198.51.100.3".parse().unwrap());
        let seen = "ffffffff ffff0200 00000011 08060001 08000604 00010200 00000011 c6336403 ffffffff \
                    ffffc633 6403";
        assert_eq!(hex(&frame), seen.replace(' ', ""));
    }

    /// As keepalived 2.2.7 was seen to send it.
    #[test]
    fn a_neighbour_advertisement_is_keepalived_s_to_the_byte() {
        let frame = neighbour_advertisement(HARDWARE, "2001:db8:100::3".parse().unwrap(), false);
        let seen = "33330000 00010200 00000011 86dd6000 00000020 3aff2001 0db80100 00000000 00000000 \
                    0003ff02 00000000 00000000 00000000 00018800 f7162000 00002001 0db80100 00000000 \
                    00000000 00030201 02000000 0011";
        assert_eq!(hex(&frame), seen.replace(' ', ""));
    }

    #[test]
    fn a_router_s_advertisement_says_so() {
        let frame = neighbour_advertisement(HARDWARE, "2001:db8:100::3".parse().unwrap(), true);
        assert_eq!(frame[58], 0xa0, "router and override");
    }

    #[test]
    fn announcements_come_at_once_and_again_after_five_seconds() {
        let mut schedule = Schedule::new(Duration::ZERO);
        assert_eq!((schedule.due(seconds(1)), schedule.deadline()), (0, None));
        schedule.begin(seconds(1));
        assert_eq!((schedule.due(seconds(1)), schedule.due(seconds(1))), (5, 0));
        assert_eq!(schedule.deadline(), Some(seconds(6)));
        assert_eq!((schedule.due(seconds(6)), schedule.deadline()), (5, None));
    }

    #[test]
    fn a_refresh_repeats_one_of_each() {
        let mut schedule = Schedule::new(seconds(60));
        schedule.begin(seconds(0));
        assert_eq!([0, 5, 60, 61, 120].map(|at| schedule.due(seconds(at))), [5, 5, 1, 0, 1]);
    }

    #[test]
    fn nothing_is_announced_once_the_addresses_are_gone() {
        let mut schedule = Schedule::new(seconds(60));
        schedule.begin(seconds(0));
        schedule.end();
        assert_eq!((schedule.deadline(), schedule.due(seconds(100))), (None, 0));
    }

    /// A stranger who claims the address ten thousand times a second must not make us flood the network.
    #[test]
    fn rounds_keep_their_distance_however_often_they_are_asked_for() {
        let mut schedule = Schedule::new(Duration::ZERO);
        let mut sent = 0;
        for millisecond in 0..1000 {
            let now = Duration::from_millis(millisecond);
            schedule.begin(now);
            sent += schedule.due(now);
        }
        let rounds = 1000 / ANNOUNCE_SPACING.as_millis() as usize;
        assert_eq!(sent, ANNOUNCEMENTS * rounds);
    }
}
