//! The interface that carries the shared address: is it there, does it have a carrier, what is its
//! hardware address, and which addresses does it lose.
//!
//! Read by the ha thread whenever its watch is readable; it never polls.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use ipnet::IpNet;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::address;
use super::netlink::Netlink;

/// Groups of changes: links, IPv4 addresses, IPv6 addresses (`RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`,
/// `RTMGRP_IPV6_IFADDR`).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// What an interface is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number for it; a new interface of the same name has another.
    pub index: u32,
    /// Administratively up and with a carrier (IFF_UP and IFF_RUNNING, as keepalived asks).
    pub up: bool,
    /// Ethernet address; `None` where the link has none and nothing can be announced on it.
    pub hardware: Option<[u8; 6]>,
    /// Bytes of the longest packet; the kernel refuses addresses where it is too small for their family.
    pub mtu: u32,
}

/// What happened on the machine's interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Our interface, as it is now; `None`: there is none of that name.
    Link(Option<Link>),
    /// An address went from our interface.
    Lost(IpAddr),
    /// An address came to our interface.
    Gained(IpAddr),
    /// Some changes were not told: look at everything again.
    Unknown,
}

/// Follows one interface by its name.
#[derive(Debug)]
pub struct Watch {
    name: String,
    socket: Netlink,
    /// The interface's index as last told.
    index: Option<u32>,
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn open(name: &str) -> io::Result<Self> {
        Ok(Self { name: name.to_owned(), socket: Netlink::watching(GROUPS)?, index: None })
    }

    /// The interface as it is now.
    ///
    /// # Errors
    /// The links cannot be listed.
    pub fn look(&mut self, netlink: &mut Netlink) -> io::Result<Option<Link>> {
        let link = find(netlink, &self.name)?;
        self.index = link.map(|link| link.index);
        Ok(link)
    }

    /// Whether the interface has the address now.
    ///
    /// # Errors
    /// The addresses cannot be listed.
    pub fn has(&self, netlink: &mut Netlink, wanted: IpNet) -> io::Result<bool> {
        let found = address::list(netlink)?;
        Ok(found.iter().any(|&(index, net)| Some(index) == self.index && net.addr() == wanted.addr()))
    }

    /// What happened since the last call, in its order.
    pub fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let (name, index) = (&self.name, &mut self.index);
        let told = self.socket.told(|message| match message {
            RouteNetlinkMessage::NewLink(message) if has_name(&message, name) => {
                let link = read(&message);
                *index = Some(link.index);
                changes.push(Change::Link(Some(link)));
            }
            // A bridge tells of a port that leaves it by the same message, in its own family.
            RouteNetlinkMessage::DelLink(message)
                if Some(message.header.index) == *index
                    && message.header.interface_family == AddressFamily::Unspec =>
            {
                *index = None;
                changes.push(Change::Link(None));
            }
            // The same index under another name: ours was renamed.
            RouteNetlinkMessage::NewLink(message)
                if Some(message.header.index) == *index && own_name(&message).is_some() =>
            {
                *index = None;
                changes.push(Change::Link(None));
            }
            RouteNetlinkMessage::DelAddress(message) => {
                changes.extend(address_on(*index, &message).map(Change::Lost));
            }
            RouteNetlinkMessage::NewAddress(message) => {
                changes.extend(address_on(*index, &message).map(Change::Gained));
            }
            _ => {}
        });
        match told {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                changes.push(Change::Unknown);
            }
            // Nothing of the kind is known to happen; looking again is right whatever it is.
            Err(_) => changes.push(Change::Unknown),
        }
        changes
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The interface of that name.
///
/// # Errors
/// The links cannot be listed.
pub fn find(netlink: &mut Netlink, name: &str) -> io::Result<Option<Link>> {
    let mut found = None;
    netlink.list(RouteNetlinkMessage::GetLink(LinkMessage::default()), |answer| {
        if let RouteNetlinkMessage::NewLink(message) = answer
            && has_name(&message, name)
        {
            found = Some(read(&message));
        }
    })?;
    Ok(found)
}

/// The address of a message about that interface.
fn address_on(interface: Option<u32>, message: &AddressMessage) -> Option<IpAddr> {
    let (index, net) = address::read(message)?;
    (Some(index) == interface).then(|| net.addr())
}

fn own_name(message: &LinkMessage) -> Option<&str> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

fn has_name(message: &LinkMessage, name: &str) -> bool {
    own_name(message) == Some(name)
}

fn read(message: &LinkMessage) -> Link {
    let flags = message.header.flags;
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Address(bytes) => <[u8; 6]>::try_from(bytes.as_slice()).ok(),
        _ => None,
    });
    let mtu = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    });
    let announces =
        message.header.link_layer_type == LinkLayerType::Ether && !flags.contains(LinkFlags::Noarp);
    Link {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up | LinkFlags::Running),
        hardware: address.filter(|_| announces),
        mtu: mtu.unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "interface/tests.rs"]
mod tests;
