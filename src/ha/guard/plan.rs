//! Everything the guard sends when its time has come: made by torii, given to the guard at its start.
//!
//! Finished bytes, so that the guard has nothing to encode; only an envelope is sealed when it is sent,
//! since it carries the time.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd as _, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::config::model::{Ha, Transport};
use crate::ha::address::removal_bytes;
use crate::ha::socket::{Bound, Sender};
use crate::ha::transport::presence::{Presence, Role};
use crate::ha::transport::udp::{self, Station};
use crate::ha::vrrp::{Advert, MULTICAST_IPV4, MULTICAST_IPV6, encode};

/// One guard's task.
#[derive(Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Who is told, and what.
    pub farewell: Farewell,
    /// Netlink requests that remove the shared addresses, each asking for an acknowledgement.
    pub removals: Vec<Vec<u8>>,
    /// The shared addresses, for the message that says what was done.
    pub addresses: Vec<String>,
    /// The interface that carries them, for the same.
    pub interface: String,
}

impl Plan {
    /// The plan for node `own` of a pair, whose interface has this index.
    ///
    /// # Errors
    /// The system gives no random numbers (transport udp).
    pub fn of(ha: &Ha, own: usize, interface: u32) -> io::Result<Self> {
        Ok(Self {
            farewell: Farewell::of(ha, own, interface)?,
            removals: ha.addresses.iter().map(|&address| removal_bytes(interface, address)).collect(),
            addresses: ha.addresses.iter().map(ToString::to_string).collect(),
            interface: ha.interface.clone(),
        })
    }
}

/// The socket that such a guard sends from: its own, whatever torii does with others.
///
/// # Errors
/// As for torii's own: without CAP_NET_RAW (raw transports), without the interface or address.
pub fn voice(ha: &Ha, own: usize, interface: u32) -> io::Result<OwnedFd> {
    let address = ha.nodes[own].address;
    let bound = match &ha.transport {
        Transport::Udp { .. } => return udp::voice(address, interface),
        Transport::Unicast => Bound::Address,
        Transport::Multicast => Bound::Group(group(address)),
    };
    Sender::open(address, bound, (&ha.interface, interface))?.as_fd().try_clone_to_owned()
}

fn group(own: IpAddr) -> IpAddr {
    if own.is_ipv4() { MULTICAST_IPV4.into() } else { MULTICAST_IPV6.into() }
}

impl Farewell {
    fn of(ha: &Ha, own: usize, interface: u32) -> io::Result<Self> {
        let address = ha.nodes[own].address;
        let resignation = Advert {
            version: ha.version,
            virtual_router_id: ha.virtual_router_id,
            priority: 0,
            interval: ha.advert_interval,
            password: ha.auth_pass.map(|password| password.0),
            addresses: ha.addresses.iter().map(ipnet::IpNet::addr).collect(),
        };
        let unsealed = |to: IpAddr| Unsealed {
            to: reach(to, interface),
            packet: encode(&resignation, ha.checksum, address, to).as_slice().to_vec(),
        };
        let nodes: Vec<IpAddr> = ha.nodes.iter().map(|node| node.address).collect();
        Ok(match &ha.transport {
            Transport::Unicast => {
                let others = nodes.iter().filter(|&&node| node != address);
                Self::Unsealed(others.map(|&node| unsealed(node)).collect())
            }
            Transport::Multicast => Self::Unsealed(vec![unsealed(group(address))]),
            Transport::Udp { port, secret } => {
                let station = Station { port: *port, secret: &secret.0, nodes: &nodes, own, interface };
                let leaving = Presence {
                    virtual_router_id: ha.virtual_router_id,
                    role: Role::Leaving,
                    priority: ha.nodes[own].priority,
                    serving: false,
                    is_handed_over: false,
                };
                Self::Sealed(Sealed {
                    secret: secret.0.to_vec(),
                    node: u8::try_from(own).unwrap_or(u8::MAX),
                    address,
                    life: udp::random_life()?,
                    peers: udp::peers(&station),
                    resignation: resignation.encode_enclosed().as_slice().to_vec(),
                    leaving: leaving.encode().to_vec(),
                })
            }
        })
    }
}

/// A raw socket's destination: no port, and the interface where the address does not say it.
fn reach(to: IpAddr, interface: u32) -> SocketAddr {
    match to {
        IpAddr::V6(to) if to.is_unicast_link_local() || to.is_multicast() => {
            SocketAddrV6::new(to, 0, 0, interface).into()
        }
        to => SocketAddr::new(to, 0),
    }
}

/// How the other nodes are told.
#[derive(Clone, Serialize, Deserialize)]
pub enum Farewell {
    /// Protocol 112: to each destination its advert of priority 0, as the socket wants it.
    Unsealed(Vec<Unsealed>),
    /// UDP.
    Sealed(Sealed),
}

/// A finished packet.
#[derive(Clone, Serialize, Deserialize)]
pub struct Unsealed {
    /// Destination; the port is 0 for a raw socket.
    pub to: SocketAddr,
    /// What is sent.
    pub packet: Vec<u8>,
}

/// What it takes to seal a message for each other node.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sealed {
    /// The pair's secret.
    pub secret: Vec<u8>,
    /// This node's place among `[[ha.node]]`.
    pub node: u8,
    /// Its address.
    pub address: IpAddr,
    /// Random, and another one than that of torii's own envelopes.
    pub life: u64,
    /// Where the other nodes receive.
    pub peers: Vec<SocketAddr>,
    /// The advert of priority 0.
    pub resignation: Vec<u8>,
    /// The presence that says that a standby is gone.
    pub leaving: Vec<u8>,
}

#[cfg(test)]
mod tests;
