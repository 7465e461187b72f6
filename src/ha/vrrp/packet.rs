//! A VRRP message of version 2 or 3, written and taken apart; RFC 3768 section 5, RFC 9568 section 5.
//!
//! ```text
//!  0       1      2          3      4              5            6         8
//!  ver|typ VRID   priority   count  v2: auth type  v2: interval checksum  addresses…  v2: 8 octets of password
//!                                   v3: 0 and 12 bits of interval (centiseconds)
//! ```
//!
//! Written for the transports and the guard; read by `receive`, which judges what is said. No field is
//! trusted here, and no byte is read that is not there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::checksum::PartialSum;
use super::{AddressList, Checksum, Version};
use crate::limits::ha::ADDRESSES;

/// Octets before the addresses.
pub(super) const FIXED_SIZE: usize = 8;

/// Octets of the password of version 2, always there.
pub(super) const PASSWORD_SIZE: usize = 8;

/// Octets of the longest message we send: IPv6 addresses, or IPv4 ones and a password.
pub const MESSAGE_SIZE_MAX: usize = FIXED_SIZE + 16 * ADDRESSES;

/// The only type of message there is.
pub(super) const TYPE_ADVERT: u8 = 1;

/// Authentication types of version 2: none, and a password in clear text.
pub(super) const AUTHENTICATION_NONE: u8 = 0;
pub(super) const AUTHENTICATION_PASSWORD: u8 = 1;

impl Version {
    /// What `interval` becomes on the wire and back: version 2 has whole seconds (1 to 255), version 3
    /// hundredths (0.01 s to 40.95 s). Rounded to the nearest, half up.
    pub fn rounded(self, interval: Duration) -> Duration {
        let (unit, max) = self.interval_unit();
        let units = (interval.as_millis() + u128::from(unit / 2)) / u128::from(unit);
        let units = u64::try_from(units).unwrap_or(u64::MAX).clamp(1, max);
        Duration::from_millis(units * unit)
    }

    /// Milliseconds of one unit of the field, and its highest value.
    const fn interval_unit(self) -> (u64, u64) {
        match self {
            Self::V2 => (1000, 255),
            Self::V3 => (10, 4095),
        }
    }
}

/// What the checksum of one message covers, or covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// The message alone: version 2; version 3 over IPv4 as RFC 9568; whatever travels in an envelope.
    Message,
    /// The message after the pseudo-header of these addresses.
    PseudoHeader,
    /// The message after a pseudo-header with destination 224.0.0.18, though it was sent to another:
    /// keepalived up to 1.3.6. Only ever received.
    PseudoHeaderOfGroup,
}

/// What one advert says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advert {
    /// Version of the message.
    pub version: Version,
    /// The virtual router it is about, 1..=255.
    pub virtual_router_id: u8,
    /// 0: the sender gives up; 1..=254; 255: it owns the addresses for good.
    pub priority: u8,
    /// How often the sender advertises; see [`Version::rounded`] for what can be said.
    pub interval: Duration,
    /// Version 2: the password, padded with zeros. `None` sends authentication type 0.
    pub password: Option<[u8; PASSWORD_SIZE]>,
    /// The shared addresses, all of the family of the packet.
    pub addresses: AddressList,
}

/// The octets of one message.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    octets: [u8; MESSAGE_SIZE_MAX],
    length: usize,
}

impl Message {
    /// The octets to send.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    fn push(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        self.octets[self.length..end].copy_from_slice(octets);
        self.length = end;
    }
}

/// Writes `advert` from `source` to `destination`. The checksum of version 3 over IPv4 is `checksum`'s;
/// over IPv6 it has the pseudo-header, in version 2 none. Addresses of `advert` are those that its list keeps.
pub fn encode(advert: &Advert, checksum: Checksum, source: IpAddr, destination: IpAddr) -> Message {
    let sum = match (advert.version, source) {
        (_, IpAddr::V6(_)) => Sum::PseudoHeader,
        (Version::V2, _) => Sum::Message,
        (Version::V3, _) if checksum == Checksum::Rfc9568 => Sum::Message,
        (Version::V3, _) => Sum::PseudoHeader,
    };
    let mut message = layout(advert);
    let value = sum_of(sum, message.as_slice(), source, destination);
    message.octets[6..8].copy_from_slice(&value.to_be_bytes());
    message
}

impl Advert {
    /// Writes the advert for an envelope of our own, where no IP header carries the addresses of its
    /// sender: the checksum covers the message alone, whatever version and family.
    pub fn encode_enclosed(&self) -> Message {
        let mut message = layout(self);
        let value = PartialSum::default().add(message.as_slice()).finish();
        message.octets[6..8].copy_from_slice(&value.to_be_bytes());
        message
    }
}

/// The message with a checksum of zero.
fn layout(advert: &Advert) -> Message {
    let mut message = Message { octets: [0; MESSAGE_SIZE_MAX], length: 0 };
    let addresses = advert.addresses.as_slice();
    let count = addresses.len() as u8;
    let [version, priority] = [advert.version.number() << 4 | TYPE_ADVERT, advert.priority];
    message.push(&[version, advert.virtual_router_id, priority, count]);
    let (unit, max) = advert.version.interval_unit();
    let units = (advert.version.rounded(advert.interval).as_millis() as u64 / unit).min(max);
    match advert.version {
        Version::V2 => {
            let kind = if advert.password.is_some() { AUTHENTICATION_PASSWORD } else { AUTHENTICATION_NONE };
            message.push(&[kind, units as u8, 0, 0]);
        }
        Version::V3 => {
            message.push(&(units as u16).to_be_bytes());
            message.push(&[0, 0]);
        }
    }
    for address in addresses {
        match address {
            IpAddr::V4(address) => message.push(&address.octets()),
            IpAddr::V6(address) => message.push(&address.octets()),
        }
    }
    // Octets that version 2 always has; an IPv6 list in version 2 leaves no room for them and is no VRRP.
    if advert.version == Version::V2 && message.length + PASSWORD_SIZE <= MESSAGE_SIZE_MAX {
        message.push(&advert.password.unwrap_or_default());
    }
    message
}

/// The checksum of `message` as it stands: over one whose field is zero the value to write, over a
/// received one 0 when it is right.
pub(super) fn sum_of(sum: Sum, message: &[u8], source: IpAddr, destination: IpAddr) -> u16 {
    let destination = match sum {
        Sum::Message => return PartialSum::default().add(message).finish(),
        Sum::PseudoHeader => destination,
        Sum::PseudoHeaderOfGroup => IpAddr::V4(super::MULTICAST_IPV4),
    };
    let length = message.len() as u16;
    PartialSum::default().add_pseudo_header(source, destination, length).add(message).finish()
}

/// The first eight octets, as they stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) virtual_router_id: u8,
    pub(super) priority: u8,
    pub(super) count: u8,
    /// Version 2: authentication type and seconds. Version 3: reserved bits and hundredths.
    pub(super) word: [u8; 2],
}

impl Fixed {
    /// `None`: fewer than eight octets.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let [first, virtual_router_id, priority, count, high, low, _, _] = *message.first_chunk()?;
        let [version, kind] = [first >> 4, first & 0xf];
        Some(Self { version, kind, virtual_router_id, priority, count, word: [high, low] })
    }

    /// Octets of a message of this version with `count` addresses of a family.
    pub(super) fn length(&self, version: Version, is_ipv4: bool) -> usize {
        let addresses = usize::from(self.count) * if is_ipv4 { 4 } else { 16 };
        let password = if version == Version::V2 { PASSWORD_SIZE } else { 0 };
        FIXED_SIZE + addresses + password
    }

    /// The interval as `version` says it; zero is possible.
    pub(super) fn interval(&self, version: Version) -> Duration {
        let [high, low] = self.word;
        match version {
            Version::V2 => Duration::from_secs(u64::from(low)),
            // The upper four bits are reserved and to be ignored (RFC 9568 section 5.2.6).
            Version::V3 => Duration::from_millis(u64::from(u16::from_be_bytes([high & 0xf, low])) * 10),
        }
    }
}

/// The addresses of a message of the right length.
pub(super) fn read_addresses(message: &[u8], count: u8, is_ipv4: bool) -> AddressList {
    let octets = message.get(FIXED_SIZE..).unwrap_or_default();
    let count = usize::from(count);
    if is_ipv4 {
        let (addresses, _) = octets.as_chunks::<4>();
        addresses.iter().take(count).map(|octets| Ipv4Addr::from(*octets).into()).collect()
    } else {
        let (addresses, _) = octets.as_chunks::<16>();
        addresses.iter().take(count).map(|octets| Ipv6Addr::from(*octets).into()).collect()
    }
}
