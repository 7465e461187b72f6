//! What a captured frame says, read by code that shares nothing with torii's own.

use std::net::IpAddr;
use std::time::Instant;

use crate::stage::Place;

/// One frame, at the bridge's port where it came in.
#[derive(Debug, Clone)]
pub struct Frame {
    /// When it was read from the capture; frames are in the order of the wire.
    pub at: Instant,
    /// Who sent it.
    pub from: Place,
    pub bytes: Vec<u8>,
}

/// A VRRP advertisement as the wire carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub time_to_live: u8,
    pub version: u8,
    pub virtual_router_id: u8,
    pub priority: u8,
    /// Seconds in version 2, hundredths in version 3.
    pub interval: u16,
    pub addresses: Vec<IpAddr>,
    /// Last eight bytes of version 2.
    pub password: Vec<u8>,
}

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const ARP: [u8; 2] = [0x08, 0x06];
const VRRP: u8 = 112;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

impl Frame {
    /// Protocol and payload of the IP packet in it, with its source, destination and time to live.
    fn packet(&self) -> Option<(u8, IpAddr, IpAddr, u8, &[u8])> {
        let bytes = self.bytes.get(14..)?;
        match self.bytes.get(12..14)? {
            kind if kind == IPV4 => {
                let header = usize::from(bytes.first()? & 15) * 4;
                let total = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
                let address = |at: usize| -> Option<IpAddr> {
                    Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?.into())
                };
                Some((*bytes.get(9)?, address(12)?, address(16)?, *bytes.get(8)?, bytes.get(header..total)?))
            }
            kind if kind == IPV6 => {
                let address = |at: usize| -> Option<IpAddr> {
                    Some(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?.into())
                };
                Some((*bytes.get(6)?, address(8)?, address(24)?, *bytes.get(7)?, bytes.get(40..)?))
            }
            _ => None,
        }
    }

    /// The advertisement in it.
    pub fn advert(&self) -> Option<Advert> {
        let (protocol, source, destination, time_to_live, message) = self.packet()?;
        let message = match protocol {
            VRRP => message,
            UDP => self.sealed_message()?,
            _ => return None,
        };
        if message.len() < 8 {
            return None;
        }
        let version = message[0] >> 4;
        let size = if source.is_ipv4() { 4 } else { 16 };
        let end = 8 + usize::from(message[3]) * size;
        let addresses = message.get(8..end)?.chunks(size).map(|bytes| match bytes.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(bytes).expect("four bytes")),
            _ => IpAddr::from(<[u8; 16]>::try_from(bytes).expect("sixteen bytes")),
        });
        let interval = match version {
            2 => u16::from(message[5]),
            _ => u16::from_be_bytes([message[4], message[5]]) & 0x0fff,
        };
        Some(Advert {
            source,
            destination,
            time_to_live,
            version,
            virtual_router_id: message[1],
            priority: message[2],
            interval,
            addresses: addresses.collect(),
            password: message[end..].to_vec(),
        })
    }

    /// The VRRP message in a sealed datagram, whose seal is not looked at.
    fn sealed_message(&self) -> Option<&[u8]> {
        const HEADER: usize = 24;
        const SEAL: usize = 32;
        const KIND_ADVERT: u8 = 1;
        let (_, payload) = self.datagram()?;
        let is_advert = payload.starts_with(b"TORI") && payload.get(5) == Some(&KIND_ADVERT);
        payload.get(HEADER..payload.len().checked_sub(SEAL)?).filter(|_| is_advert)
    }

    /// Destination port and payload of the UDP datagram in it.
    pub fn datagram(&self) -> Option<(u16, &[u8])> {
        let (protocol, _, _, _, message) = self.packet()?;
        let port = u16::from_be_bytes([*message.get(2)?, *message.get(3)?]);
        (protocol == UDP).then_some((port, message.get(8..)?))
    }

    /// The address that it announces: by a gratuitous ARP, or an unsolicited neighbour advertisement.
    pub fn announced(&self) -> Option<IpAddr> {
        if self.bytes.get(12..14)? == ARP {
            let sender = <[u8; 4]>::try_from(self.bytes.get(28..32)?).ok()?;
            let target = <[u8; 4]>::try_from(self.bytes.get(38..42)?).ok()?;
            return (sender == target).then_some(sender.into());
        }
        let (protocol, _, destination, _, message) = self.packet()?;
        let everybody: IpAddr = "ff02::1".parse().expect("an address");
        let unsolicited = protocol == ICMPV6 && message.first() == Some(&136) && destination == everybody;
        unsolicited.then_some(<[u8; 16]>::try_from(message.get(8..24)?).ok()?.into())
    }

    /// Source and destination of the reset in it.
    pub fn reset(&self) -> Option<(IpAddr, IpAddr)> {
        const RST: u8 = 4;
        let (protocol, source, destination, _, message) = self.packet()?;
        (protocol == TCP && message.get(13)? & RST != 0).then_some((source, destination))
    }

    /// Whether it is of interest: everything but the visitors' own traffic, of which resets are.
    pub fn is_kept(&self) -> bool {
        self.packet().is_none_or(|(protocol, ..)| protocol != TCP) || self.reset().is_some()
    }
}
