//! What is checked before an advert is heeded, in keepalived's order; the result is an advert or one
//! named reason.
//!
//! Called by the transports for every packet: raw IPv4 with its header (`receive_ipv4`), raw IPv6 and
//! opened envelopes (`receive`). Pure: a packet of any length and content leaves nothing behind.

use std::net::IpAddr;
use std::time::Duration;

use super::packet::{self, AUTHENTICATION_NONE, AUTHENTICATION_PASSWORD, Fixed, PASSWORD_SIZE};
use super::{AddressList, Advert, Discard, Ipv4Header, MULTICAST_IPV4, MULTICAST_IPV6, Sum, Version};

/// What our own configuration says an advert must be.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Version spoken.
    pub version: Version,
    /// Our virtual router.
    pub virtual_router_id: u8,
    /// Our interval; binding in version 2, compared in version 3.
    pub interval: Duration,
    /// Version 2: our password.
    pub password: Option<[u8; PASSWORD_SIZE]>,
    /// Our shared addresses.
    pub addresses: AddressList,
    /// The address we send from.
    pub own_address: IpAddr,
    /// The addresses of the other nodes.
    pub peers: Vec<IpAddr>,
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To our own address; how far it came does not matter.
    Unicast,
    /// To the group, which must not have been forwarded.
    Multicast {
        /// Time to live or hop limit on arrival.
        hop_limit: u8,
    },
    /// In an envelope that was opened, so its sender is proven; `source` is the node's configured address.
    Sealed,
}

/// One received message.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// The VRRP message, without IP header or envelope.
    pub message: &'a [u8],
    /// Its sender.
    pub source: IpAddr,
    /// Where it was sent to; nothing for [`Way::Sealed`].
    pub destination: IpAddr,
    /// How it came.
    pub way: Way,
}

/// An advert to be heeded, and what is odd about it all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// What it says.
    pub advert: Advert,
    /// Its sender.
    pub from: IpAddr,
    /// Which checksum was right.
    pub sum: Sum,
    /// Version 3: its interval is not ours. A standby takes over the active node's (RFC 9568 section 6.4.2).
    pub interval_differs: bool,
    /// It names other shared addresses than ours. Heeded all the same, as keepalived does from 2.3.3 on:
    /// ignoring it would make two active nodes out of a difference in the file.
    pub addresses_differ: bool,
}

/// Judges a packet of a raw IPv4 socket, which comes with its IP header.
///
/// # Errors
/// The first check that failed.
pub fn receive_ipv4(expected: &Expected, packet: &[u8]) -> Result<Received, Discard> {
    let (header, message) = Ipv4Header::decode(packet)?;
    let way = if header.destination.is_multicast() {
        Way::Multicast { hop_limit: header.hop_limit }
    } else {
        Way::Unicast
    };
    let [source, destination] = [header.source.into(), header.destination.into()];
    receive(expected, &Datagram { message, source, destination, way })
}

/// Judges a message.
///
/// # Errors
/// The first check that failed.
pub fn receive(expected: &Expected, datagram: &Datagram<'_>) -> Result<Received, Discard> {
    let fixed = Fixed::read(datagram.message).ok_or(Discard::TooShort)?;
    if fixed.virtual_router_id != expected.virtual_router_id {
        return Err(Discard::OtherRouter { seen: fixed.virtual_router_id });
    }
    if let Way::Multicast { hop_limit: seen @ ..=254 } = datagram.way {
        return Err(Discard::HopLimit { seen });
    }
    if fixed.version != expected.version.number() {
        return Err(Discard::WrongVersion { seen: fixed.version });
    }
    check_length(expected, datagram, &fixed)?;
    check_authentication(expected, datagram.message, &fixed)?;
    let interval = check_interval(expected, &fixed)?;
    if fixed.kind != packet::TYPE_ADVERT {
        return Err(Discard::WrongType { seen: fixed.kind });
    }
    let sum = check_sum(expected.version, datagram).ok_or(Discard::WrongChecksum)?;
    check_addresses(expected, datagram)?;
    let addresses = packet::read_addresses(datagram.message, fixed.count, datagram.source.is_ipv4());
    let advert = Advert {
        version: expected.version,
        virtual_router_id: fixed.virtual_router_id,
        priority: fixed.priority,
        interval,
        password: expected.password,
        addresses,
    };
    Ok(Received {
        advert,
        from: datagram.source,
        sum,
        interval_differs: interval != expected.interval,
        addresses_differ: !addresses.agrees(&expected.addresses),
    })
}

/// The message is exactly as long as it says. keepalived's HMAC trailer is told apart, because a pair
/// that is half converted to it is a mistake with a remedy.
fn check_length(expected: &Expected, datagram: &Datagram<'_>, fixed: &Fixed) -> Result<(), Discard> {
    const TRAILER_SIZE: usize = 28;
    let length = fixed.length(expected.version, datagram.source.is_ipv4());
    match datagram.message.len().checked_sub(length) {
        None => Err(Discard::TooShort),
        Some(0) => Ok(()),
        Some(TRAILER_SIZE) => Err(Discard::HmacTrailer),
        Some(_) => Err(Discard::TooLong),
    }
}

/// Version 2: the type and password are ours. The octets of type 0 are not looked at (RFC 3768 section
/// 5.3.10). The password travels in clear, so nothing is gained by comparing it in constant time.
fn check_authentication(expected: &Expected, message: &[u8], fixed: &Fixed) -> Result<(), Discard> {
    if expected.version == Version::V3 {
        return Ok(());
    }
    let [seen, _] = fixed.word;
    match (expected.password, seen) {
        (None, AUTHENTICATION_NONE) => Ok(()),
        (Some(password), AUTHENTICATION_PASSWORD) if message.ends_with(&password) => Ok(()),
        (Some(_), AUTHENTICATION_PASSWORD) => Err(Discard::WrongPassword),
        _ => Err(Discard::AuthenticationType { seen }),
    }
}

/// Version 2 refuses another interval than ours (RFC 3768 section 7.1). Version 3 takes any but zero,
/// which would have a standby take over again and again.
fn check_interval(expected: &Expected, fixed: &Fixed) -> Result<Duration, Discard> {
    let seen = fixed.interval(expected.version);
    let is_right = match expected.version {
        Version::V2 => seen == expected.interval,
        Version::V3 => !seen.is_zero(),
    };
    if is_right { Ok(seen) } else { Err(Discard::WrongInterval { seen }) }
}

/// Which of the sums in use is right. Version 3 over IPv4 has three of them: implementations read RFC
/// 5798 differently, and RFC 9568 decided against what keepalived sends.
fn check_sum(version: Version, datagram: &Datagram<'_>) -> Option<Sum> {
    let candidates: &[Sum] = match (datagram.way, datagram.source, version) {
        (Way::Sealed, ..) => &[Sum::Message],
        (_, IpAddr::V6(_), _) => &[Sum::PseudoHeader],
        (_, IpAddr::V4(_), Version::V2) => &[Sum::Message],
        (_, IpAddr::V4(_), Version::V3) => &[Sum::PseudoHeader, Sum::Message, Sum::PseudoHeaderOfGroup],
    };
    let Datagram { message, source, destination, .. } = *datagram;
    candidates.iter().copied().find(|sum| packet::sum_of(*sum, message, source, destination) == 0)
}

/// The destination is what the transport is for, the source one of us. IPv6 adverts to the group come from
/// link-local addresses (RFC 9568 section 5.1.2.1), which a configuration need not name.
fn check_addresses(expected: &Expected, datagram: &Datagram<'_>) -> Result<(), Discard> {
    let Datagram { source, destination, way, .. } = *datagram;
    let is_right = match way {
        Way::Sealed => true,
        Way::Unicast => !destination.is_multicast(),
        Way::Multicast { .. } => destination == MULTICAST_IPV4 || destination == MULTICAST_IPV6,
    };
    if !is_right {
        return Err(Discard::WrongDestination);
    }
    if source == expected.own_address {
        return Err(Discard::OwnAddress);
    }
    let is_on_link = |source: IpAddr| matches!(source, IpAddr::V6(source) if source.is_unicast_link_local());
    let is_neighbour = matches!(way, Way::Multicast { .. }) && is_on_link(source);
    if expected.peers.contains(&source) || is_neighbour {
        return Ok(());
    }
    Err(Discard::Stranger { from: source })
}
