//! The hands of the ha thread: what the election decides is done to the network here, and nowhere else.
//!
//! Owns the transport, the interface and the shared addresses. Knows whether this node can take part at
//! all: without interface, carrier or own address it cannot. No call waits for the network.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::address;
use super::announce::{self, Schedule};
use super::interface::{Change, Link, Watch};
use super::netlink::Netlink;
use super::socket::PacketSocket;
use super::transport::Channel;
use super::vrrp::{Advert, Expected};
use crate::config::model::Ha;

/// What changed on the machine, as far as the election cares.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Whether this node can take part may be another answer now.
    pub usability: bool,
    /// A shared address that this node should have is gone.
    pub address_lost: Option<IpAddr>,
}

/// Everything of the network that this node has as a member of the pair.
pub struct Network {
    ha: Arc<Ha>,
    own: usize,
    netlink: Netlink,
    watch: Watch,
    link: Option<Link>,
    /// Open for the interface of `link`.
    channel: Option<Channel>,
    packets: Option<PacketSocket>,
    schedule: Schedule,
    holds: bool,
}

impl Network {
    /// Opens everything for node `own` of the pair.
    ///
    /// # Errors
    /// `PermissionDenied` without the rights to raw packets; `NotFound`: there is no such interface.
    pub fn open(ha: Arc<Ha>, own: usize) -> io::Result<Self> {
        let schedule = Schedule::new(ha.announce_refresh);
        let mut network = Self {
            netlink: Netlink::open()?,
            watch: Watch::open(&ha.interface)?,
            link: None,
            channel: None,
            packets: None,
            schedule,
            holds: false,
            ha,
            own,
        };
        let link = network.watch.look(&mut network.netlink)?.ok_or(io::ErrorKind::NotFound)?;
        network.adopt(link)?;
        Ok(network)
    }

    /// Why this node cannot take part; `None`: it can. Opens anew what went with an interface.
    pub fn hindrance(&mut self) -> Option<String> {
        let interface = self.ha.interface.clone();
        let link = match self.watch.look(&mut self.netlink) {
            Ok(Some(link)) => link,
            Ok(None) => {
                self.forget();
                return Some(format!("there is no interface {interface}"));
            }
            Err(error) => return Some(format!("the state of {interface} cannot be read: {error}")),
        };
        if !link.up {
            // Another interface of the same name: nothing is heard any more on the sockets of the first.
            if self.link.is_some_and(|known| known.index != link.index) {
                self.forget();
            }
            self.link = Some(link);
            return Some(format!("{interface} is down or has no carrier"));
        }
        let own = self.own_address();
        // A list that cannot be had says nothing about the address.
        let found = address::list(&mut self.netlink);
        if found.is_ok_and(|found| !found.iter().any(|(_, net)| net.addr() == own)) {
            return Some(format!("this machine has lost {own}, its own address"));
        }
        match self.adopt(link) {
            Ok(()) => None,
            Err(error) => Some(format!("no socket for adverts on {interface}: {error}")),
        }
    }

    /// Reads what the kernel told of interfaces and addresses.
    pub fn changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        let mut suspects = Vec::new();
        for change in self.watch.changes() {
            match change {
                Change::Link(_) => changes.usability = true,
                Change::Lost(address) | Change::Gained(address) if address == self.own_address() => {
                    changes.usability = true;
                }
                Change::Lost(address) => suspects.push(address),
                Change::Gained(_) => {}
                Change::Unknown => {
                    changes.usability = true;
                    suspects.extend(self.ha.addresses.iter().map(IpNet::addr));
                }
            }
        }
        // Our own removals are told too, and may be old news.
        if self.holds && !suspects.is_empty() {
            let Ok(present) = address::list(&mut self.netlink) else { return changes };
            let is_gone = |shared: &IpNet| !present.iter().any(|(_, net)| net.addr() == shared.addr());
            let mut shared = self.ha.addresses.iter().filter(|shared| suspects.contains(&shared.addr()));
            changes.address_lost = shared.find(|shared| is_gone(shared)).map(IpNet::addr);
        }
        changes
    }

    /// Adds every shared address.
    ///
    /// # Errors
    /// The first that cannot be added, and why; the others are added all the same.
    pub fn add_addresses(&mut self) -> Result<(), (IpNet, io::Error)> {
        self.holds = true;
        self.each_address(address::add)
    }

    /// Removes every shared address.
    ///
    /// # Errors
    /// The first that cannot be removed, and why; the others are removed all the same.
    pub fn remove_addresses(&mut self) -> Result<(), (IpNet, io::Error)> {
        self.holds = false;
        self.schedule.end();
        if self.link.is_none() {
            // The interface may have another name now, and the addresses still on it.
            let removed = address::remove_leftovers(&mut self.netlink, &self.ha.addresses);
            return removed.map(drop).map_err(|error| (self.ha.addresses[0], error));
        }
        self.each_address(|netlink, index, address| address::remove(netlink, index, address).map(drop))
    }

    /// Whether the shared addresses were added and not removed since.
    pub fn holds_addresses(&self) -> bool {
        self.holds
    }

    /// Sends an advert. Returns those that it could not be sent to.
    pub fn advertise(&mut self, advert: &Advert) -> Vec<(IpAddr, io::Error)> {
        match &mut self.channel {
            Some(channel) => channel.send(advert),
            None => vec![(self.own_address(), io::ErrorKind::NotConnected.into())],
        }
    }

    /// The interface as it was last seen, while there is one.
    pub fn link(&self) -> Option<Link> {
        self.link
    }

    /// Index of the interface, while there is a transport on it.
    pub fn interface(&self) -> Option<u32> {
        self.link.filter(|_| self.channel.is_some()).map(|link| link.index)
    }

    /// The transport, while there is one.
    pub fn channel(&mut self) -> Option<&mut Channel> {
        self.channel.as_mut()
    }

    /// The addresses are to be announced, now and again later.
    pub fn begin_to_announce(&mut self, now: Duration) {
        self.schedule.begin(now);
    }

    /// Nothing more is to be announced: somebody else is to have the addresses.
    pub fn stop_announcing(&mut self) {
        self.schedule.end();
    }

    /// Announces what is due.
    ///
    /// # Errors
    /// The first announcement that could not be sent.
    pub fn announce(&mut self, now: Duration) -> io::Result<()> {
        let count = self.schedule.due(now);
        if count == 0 {
            return Ok(());
        }
        // A link without an Ethernet address has nobody to tell.
        let Some(hardware) = self.link.and_then(|link| link.hardware) else { return Ok(()) };
        let Some(packets) = &self.packets else { return Err(io::ErrorKind::NotConnected.into()) };
        let is_router = announce::is_router(&self.ha.interface);
        announce::announce(packets, hardware, &self.ha.addresses, is_router, count)
    }

    /// When `announce` has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        self.schedule.deadline()
    }

    /// What to wait on: changes of the machine, and the transport while there is one.
    pub fn descriptors(&self) -> (BorrowedFd<'_>, Option<BorrowedFd<'_>>) {
        (self.watch.as_fd(), self.channel.as_ref().map(AsFd::as_fd))
    }

    /// What adverts of others have to be.
    pub fn expected(&self) -> Expected {
        let others = self.ha.nodes.iter().enumerate().filter(|&(index, _)| index != self.own);
        Expected {
            version: self.ha.version,
            virtual_router_id: self.ha.virtual_router_id,
            interval: self.ha.advert_interval,
            password: self.ha.auth_pass.map(|password| password.0),
            addresses: self.ha.addresses.iter().map(IpNet::addr).collect(),
            own_address: self.own_address(),
            peers: others.map(|(_, node)| node.address).collect(),
        }
    }

    fn own_address(&self) -> IpAddr {
        self.ha.nodes[self.own].address
    }

    /// Makes this interface ours; sockets are opened anew when it is another than before.
    fn adopt(&mut self, link: Link) -> io::Result<()> {
        let is_same = self.link.is_some_and(|known| known.index == link.index);
        if !is_same || self.channel.is_none() {
            self.forget();
            self.channel = Some(Channel::open(&self.ha, self.own, link.index)?);
            self.packets = Some(PacketSocket::open(link.index)?);
        }
        self.link = Some(link);
        Ok(())
    }

    fn forget(&mut self) {
        (self.link, self.channel, self.packets) = (None, None, None);
    }

    /// Without an interface there is nothing to change.
    fn each_address(
        &mut self,
        mut change: impl FnMut(&mut Netlink, u32, IpNet) -> io::Result<()>,
    ) -> Result<(), (IpNet, io::Error)> {
        let Some(link) = self.link else { return Ok(()) };
        let mut outcome = Ok(());
        for &address in &self.ha.addresses {
            let changed = change(&mut self.netlink, link.index, address).map_err(|error| (address, error));
            outcome = outcome.and(changed);
        }
        outcome
    }
}
