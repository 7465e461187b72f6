//! Adverts and signs of life in UDP datagrams between the nodes, for networks that pass no VRRP.
//!
//! One socket, bound to this node's own address and the pair's port; every message is sealed for each
//! other node separately (`seal`) and sent to its configured address and the same port. Called by the ha
//! thread, never waits. What arrives is judged by `unseal`; what is refused there reaches nobody.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use socket2::{Domain, Protocol, Socket, Type};

use super::seal::{DATAGRAM, Kind, Sealer};
use super::unseal::{Opened, Opener, Refusal};
use crate::ha::socket::CONTROL_CLASS;
use crate::limits::ha::UDP_RECEIVE_BUFFER;

/// What a node needs to know to speak with the others.
#[derive(Debug, Clone, Copy)]
pub struct Station<'a> {
    /// Port of every node.
    pub port: u16,
    /// The pair's secret.
    pub secret: &'a [u8],
    /// The addresses of `[[ha.node]]`, in their order.
    pub nodes: &'a [IpAddr],
    /// This node's place among them.
    pub own: usize,
    /// The interface's index: IPv6 link-local addresses mean nothing without it.
    pub interface: u32,
}

/// The socket, and both directions of sealing.
pub struct Udp {
    socket: UdpSocket,
    sealer: Sealer,
    opener: Opener,
    peers: Vec<SocketAddr>,
    outgoing: [u8; DATAGRAM],
}

/// A datagram that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// Where it came from.
    pub from: SocketAddr,
}

impl Udp {
    /// Binds the socket.
    ///
    /// # Errors
    /// What the kernel says: the port is taken, or the address is none of this machine.
    pub fn open(station: &Station<'_>) -> io::Result<Self> {
        let own = station.nodes[station.own];
        let socket = marked_socket(own)?;
        // As much as the system allows; a burst of strangers' datagrams must not push the adverts out.
        socket.set_recv_buffer_size(UDP_RECEIVE_BUFFER)?;
        socket.set_nonblocking(true)?;
        socket.bind(&reach(own, station.port, station.interface).into())?;
        let node = u8::try_from(station.own).unwrap_or(u8::MAX);
        Ok(Self {
            socket: socket.into(),
            sealer: Sealer::new(station.secret, node, own, random_life()?),
            opener: Opener::new(station.secret, station.own, station.nodes),
            peers: peers(station),
            outgoing: [0; DATAGRAM],
        })
    }

    /// Sends a message to every other node; `unix_ms` is the wall clock. Returns those that it could not be
    /// sent to, and why: the network is unreachable, the own address is gone.
    pub fn send(&mut self, kind: Kind, message: &[u8], unix_ms: u64) -> Vec<(IpAddr, io::Error)> {
        let mut failed = Vec::new();
        for peer in &self.peers {
            let datagram = self.sealer.seal(kind, peer.ip(), unix_ms, message, &mut self.outgoing);
            if let Err(error) = self.socket.send_to(datagram, peer) {
                failed.push((peer.ip(), error));
            }
        }
        failed
    }

    /// Sends a message to the node at `to` alone.
    ///
    /// # Errors
    /// As what `send` returns; `NotFound` when there is no such node.
    pub fn send_to(&mut self, to: IpAddr, kind: Kind, message: &[u8], unix_ms: u64) -> io::Result<()> {
        let peer = self.peers.iter().find(|peer| peer.ip() == to).ok_or(io::ErrorKind::NotFound)?;
        let datagram = self.sealer.seal(kind, to, unix_ms, message, &mut self.outgoing);
        self.socket.send_to(datagram, peer).map(drop)
    }

    /// The next datagram: what was in it, or why it is refused; `None` when none is waiting. `buffer` holds
    /// the message that is returned; `unix_ms` is the wall clock, `now` a monotonic one.
    ///
    /// # Errors
    /// What the kernel says of the socket.
    pub fn receive<'buffer>(
        &mut self,
        unix_ms: u64,
        now: Duration,
        buffer: &'buffer mut Received,
    ) -> io::Result<Option<Result<Opened<'buffer>, Refused>>> {
        loop {
            let (length, from) = match self.socket.recv_from(&mut buffer.0) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let datagram = &buffer.0[..length];
            let opened = self.opener.open(datagram, from.ip(), unix_ms, now);
            return Ok(Some(opened.map_err(|why| Refused { why, from })));
        }
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Room for one datagram, and for one byte more, which tells one that is too long.
pub struct Received([u8; DATAGRAM + 1]);

impl Default for Received {
    fn default() -> Self {
        Self([0; DATAGRAM + 1])
    }
}

/// A socket on `own` that only sends, from any port: the guard's. Receivers do not look at the port.
///
/// # Errors
/// As for `Udp::open`.
pub fn voice(own: IpAddr, interface: u32) -> io::Result<OwnedFd> {
    let socket = marked_socket(own)?;
    socket.bind(&reach(own, 0, interface).into())?;
    Ok(socket.into())
}

/// A socket for `own`'s family whose packets say what they are.
fn marked_socket(own: IpAddr) -> io::Result<Socket> {
    let domain = if own.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if own.is_ipv4() {
        socket.set_tos_v4(CONTROL_CLASS)?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_tclass_v6(CONTROL_CLASS)?;
    }
    Ok(socket)
}

/// Where each other node receives.
pub fn peers(station: &Station<'_>) -> Vec<SocketAddr> {
    let others = station.nodes.iter().enumerate().filter(|&(place, _)| place != station.own);
    others.map(|(_, &address)| reach(address, station.port, station.interface)).collect()
}

/// A number for one life of a sender.
///
/// # Errors
/// The system gives no random numbers.
pub fn random_life() -> io::Result<u64> {
    let mut life = [0; 8];
    SystemRandom::new().fill(&mut life).map_err(|_| io::Error::other("no random numbers"))?;
    Ok(u64::from_ne_bytes(life))
}

fn reach(address: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, interface).into()
        }
        address => SocketAddr::new(address, port),
    }
}

#[cfg(test)]
mod tests;
