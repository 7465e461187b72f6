//! The IPv4 header in front of a VRRP message, as raw sockets want and give it (RFC 791).
//!
//! Written where the sender sets it whole, read on receipt. Raw sockets of IPv6 neither want nor give one.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::checksum::PartialSum;
use super::discard::Discard;

/// IP protocol number of VRRP.
pub const PROTOCOL: u8 = 112;

/// Octets of a header without options.
pub const IPV4_HEADER_SIZE: usize = 20;

/// The group that every VRRP router of IPv4 listens to.
pub const MULTICAST_IPV4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// The group of IPv6.
pub const MULTICAST_IPV6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// Internetwork control (CS6), what routing protocols are sent with.
const TYPE_OF_SERVICE: u8 = 0xc0;

/// The fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4Header {
    /// Sender.
    pub source: Ipv4Addr,
    /// Receiver or group.
    pub destination: Ipv4Addr,
    /// Time to live; VRRP sends 255.
    pub hop_limit: u8,
    /// Identification; keepalived counts from 1.
    pub identification: u16,
}

impl Ipv4Header {
    /// The header of a packet that carries `length` octets of VRRP.
    pub fn encode(&self, length: usize) -> [u8; IPV4_HEADER_SIZE] {
        let total = (IPV4_HEADER_SIZE + length) as u16;
        let mut header = [0; IPV4_HEADER_SIZE];
        header[..2].copy_from_slice(&[0x45, TYPE_OF_SERVICE]);
        header[2..4].copy_from_slice(&total.to_be_bytes());
        header[4..6].copy_from_slice(&self.identification.to_be_bytes());
        header[8..10].copy_from_slice(&[self.hop_limit, PROTOCOL]);
        header[12..16].copy_from_slice(&self.source.octets());
        header[16..20].copy_from_slice(&self.destination.octets());
        let sum = PartialSum::default().add(&header).finish();
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    /// Takes a received packet apart: its header, and what the total length leaves after it. Octets beyond
    /// the total length are the padding of a short Ethernet frame. The kernel has verified the header's checksum.
    ///
    /// # Errors
    /// [`Discard::NotVrrp`], [`Discard::TooShort`].
    pub fn decode(packet: &[u8]) -> Result<(Self, &[u8]), Discard> {
        let header: &[u8; IPV4_HEADER_SIZE] = packet.first_chunk().ok_or(Discard::TooShort)?;
        let size = usize::from(header[0] & 0xf) * 4;
        if header[0] >> 4 != 4 || size < IPV4_HEADER_SIZE || header[9] != PROTOCOL {
            return Err(Discard::NotVrrp);
        }
        let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let message = packet.get(size..total).ok_or(Discard::TooShort)?;
        let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        let decoded = Self {
            source: address(12),
            destination: address(16),
            hop_limit: header[8],
            identification: u16::from_be_bytes([header[4], header[5]]),
        };
        Ok((decoded, message))
    }
}
