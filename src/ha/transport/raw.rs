//! VRRP proper: adverts as IP protocol 112, to each other node or to the group.
//!
//! Opened and driven by the ha thread. Never waits. What comes in is judged by `vrrp::receive` and
//! reaches nobody before that.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use crate::ha::socket::{Bound, Complaint, Receiver, Sender};
use crate::ha::vrrp::{
    Advert, Checksum, Datagram, Discard, Expected, MULTICAST_IPV4, MULTICAST_IPV6, Received, Way, encode,
    receive, receive_ipv4,
};
use crate::limits::ha_thread::PACKET;

/// Whom adverts are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Each of these nodes gets a copy.
    Nodes(&'a [IpAddr]),
    /// The group of the address family.
    Group,
}

/// What was received, with its sender.
pub type Judged = Result<Received, (IpAddr, Discard)>;

/// The sockets.
#[derive(Debug)]
pub struct Raw {
    receiver: Receiver,
    sender: Sender,
    own: IpAddr,
    group: Option<IpAddr>,
    destinations: Vec<IpAddr>,
    checksum: Checksum,
}

impl Raw {
    /// Opens them for `own` on `interface` (its name and index).
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; there is no such interface.
    pub fn open(
        own: IpAddr,
        audience: Audience<'_>,
        checksum: Checksum,
        interface: (&str, u32),
    ) -> io::Result<Self> {
        let (bound, destinations) = match audience {
            Audience::Nodes(nodes) => (Bound::Address, nodes.to_vec()),
            Audience::Group => {
                let group = if own.is_ipv4() { MULTICAST_IPV4.into() } else { MULTICAST_IPV6.into() };
                (Bound::Group(group), vec![group])
            }
        };
        let group = (audience == Audience::Group).then(|| destinations[0]);
        Ok(Self {
            receiver: Receiver::open(own, bound, interface)?,
            sender: Sender::open(own, bound, interface)?,
            own,
            group,
            destinations,
            checksum,
        })
    }

    /// Sends an advert to everybody it is for. Returns those that it could not be sent to, and why.
    pub fn send(&self, advert: &Advert) -> Vec<(IpAddr, io::Error)> {
        let mut failed = Vec::new();
        for &destination in &self.destinations {
            let message = encode(advert, self.checksum, self.own, destination);
            if let Err(error) = self.sender.send(message.as_slice(), destination) {
                failed.push((destination, error));
            }
        }
        failed
    }

    /// The next packet, judged; `None` when none is waiting.
    ///
    /// # Errors
    /// The interface is gone.
    pub fn receive(&mut self, expected: &Expected, buffer: &mut [u8; PACKET]) -> io::Result<Option<Judged>> {
        let Some(envelope) = self.receiver.receive(buffer)? else { return Ok(None) };
        // A packet longer than the buffer is none of VRRP's, and its length says so.
        let bytes = &buffer[..envelope.length.min(PACKET)];
        let judged = if self.own.is_ipv4() {
            receive_ipv4(expected, bytes)
        } else {
            let way = match self.group {
                Some(_) => Way::Multicast { hop_limit: envelope.hops.unwrap_or_default() },
                None => Way::Unicast,
            };
            let destination = self.group.unwrap_or(self.own);
            receive(expected, &Datagram { message: bytes, source: envelope.from, destination, way })
        };
        Ok(Some(judged.map_err(|why| (envelope.from, why))))
    }

    /// The next thing that the network said about a packet of ours.
    pub fn complaint(&mut self) -> Option<Complaint> {
        self.receiver.complaint()
    }
}

impl AsFd for Raw {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

#[cfg(test)]
mod tests;
