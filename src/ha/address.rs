//! The shared addresses on the interface: add, remove, list.
//!
//! Called by the ha thread on a change of state and by `control::start`, which removes what a crash left
//! over before anything else is done. Flags and lifetimes are keepalived's, so that a pair of both looks
//! the same from outside:
//!
//! * IPv4: no flags, so a /32 gives entries of the local table only;
//! * IPv6: no duplicate address detection, which would keep the address unusable for a second and see the
//!   node that just gives it up as a duplicate; /128 with a preferred lifetime of zero, so that this
//!   machine's own connections never choose it as their source.
//!
//! Removing an address resets no connection; those of the address end at the node that takes it over.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::netlink::{Netlink, serialized};

/// Valid for ever.
const FOREVER: u32 = u32::MAX;

/// Adds an address; one that is there already counts as added.
///
/// # Errors
/// The kernel's refusal: `EPERM` without CAP_NET_ADMIN, `ENODEV` without the interface.
pub fn add(netlink: &mut Netlink, interface: u32, address: IpNet) -> io::Result<()> {
    match netlink.change(RouteNetlinkMessage::NewAddress(addition(interface, address))) {
        Err(error) if is(&error, Errno::EEXIST) => Ok(()),
        outcome => outcome,
    }
}

/// Removes an address; one that is not there, or whose interface is gone, counts as removed. `true` when
/// it was there.
///
/// # Errors
/// The kernel's refusal: `EPERM` without CAP_NET_ADMIN.
pub fn remove(netlink: &mut Netlink, interface: u32, address: IpNet) -> io::Result<bool> {
    match netlink.change(RouteNetlinkMessage::DelAddress(removal(interface, address))) {
        Ok(()) => Ok(true),
        Err(error) if is(&error, Errno::EADDRNOTAVAIL) || is(&error, Errno::ENODEV) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A request to remove an address as it goes to the kernel, for a process that can allocate nothing when
/// the time has come.
pub fn removal_bytes(interface: u32, address: IpNet) -> Vec<u8> {
    let request = RouteNetlinkMessage::DelAddress(removal(interface, address));
    serialized(request, NLM_F_REQUEST | NLM_F_ACK, 0)
}

/// All addresses of all interfaces: index of the interface and address with its prefix.
///
/// # Errors
/// The list cannot be had.
pub fn list(netlink: &mut Netlink) -> io::Result<Vec<(u32, IpNet)>> {
    let mut found = Vec::new();
    netlink.list(RouteNetlinkMessage::GetAddress(AddressMessage::default()), |answer| {
        if let RouteNetlinkMessage::NewAddress(message) = answer {
            found.extend(read(&message));
        }
    })?;
    Ok(found)
}

/// Removes each of `addresses` that some interface has, whatever its prefix: left over from a process
/// that could not remove it. Returns what was removed, by interface.
///
/// # Errors
/// The addresses cannot be listed, or one cannot be removed.
pub fn remove_leftovers(netlink: &mut Netlink, addresses: &[IpNet]) -> io::Result<Vec<(u32, IpNet)>> {
    let mut removed = Vec::new();
    for (interface, found) in list(netlink)? {
        let shared = addresses.iter().any(|address| address.addr() == found.addr());
        if shared && remove(netlink, interface, found)? {
            removed.push((interface, found));
        }
    }
    Ok(removed)
}

/// Index and address of a message about an address.
pub(super) fn read(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            // IPv4 has both, and IFA_ADDRESS is then the other end of a point-to-point link.
            AddressAttribute::Local(local) => address = Some(*local),
            AddressAttribute::Address(other) if address.is_none() => address = Some(*other),
            _ => {}
        }
    }
    Some((message.header.index, IpNet::new(address?, message.header.prefix_len).ok()?))
}

fn addition(interface: u32, address: IpNet) -> AddressMessage {
    let mut message = named(interface, address);
    if address.addr().is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        if address.prefix_len() == address.max_prefix_len() {
            let mut lifetime = CacheInfo::default();
            lifetime.ifa_valid = FOREVER;
            message.attributes.push(AddressAttribute::CacheInfo(lifetime));
        }
    }
    message
}

fn removal(interface: u32, address: IpNet) -> AddressMessage {
    let mut message = named(interface, address);
    message.attributes.push(AddressAttribute::Address(address.addr()));
    message
}

fn named(interface: u32, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = match address.addr() {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.prefix_len = address.prefix_len();
    message.header.scope = AddressScope::Universe;
    message.header.index = interface;
    message.attributes.push(AddressAttribute::Local(address.addr()));
    message
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

#[cfg(test)]
#[path = "address/tests.rs"]
mod tests;
