//! Everything the guard sends when its time has come: made by torii, given to the guard at its start.
//!
//! Finished bytes, so that the guard has nothing to encode; only an envelope is sealed when it is sent,
//! since it carries the time.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

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
