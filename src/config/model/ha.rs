//! `[ha]` and `[[ha.node]]`, checked: the pair and its shared addresses.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

pub use crate::ha::vrrp::{Checksum, Takeover, Version};

/// The pair. keepalived: one `vrrp_instance`.
#[derive(Debug, Clone)]
pub struct Ha {
    /// Interface that carries the shared addresses and, with raw transports, the adverts.
    pub interface: String,
    /// 1..=255, the same on every node and no other pair's on this network.
    pub virtual_router_id: u8,
    /// The shared addresses with their prefix, of one family, in the order of the adverts; at least
    /// one, at most `limits::ha::ADDRESSES`, all different.
    pub addresses: Vec<IpNet>,
    /// Version of the protocol; with version 2 every address is IPv4.
    pub version: Version,
    /// Time between adverts: whole seconds, 1..=255, in version 2; 10 ms..=40.95 s in steps of 10 ms
    /// in version 3.
    pub advert_interval: Duration,
    /// Password of version 2, already cut or padded to what is sent.
    pub auth_pass: Option<AuthPass>,
    /// Added to the node's priority while it serves; more than the nodes' priorities lie apart, and
    /// no sum exceeds 254.
    pub serving_weight: u8,
    /// Whether a node takes the addresses from one with a lower priority.
    pub preempt: bool,
    /// How long it leaves them there first.
    pub preempt_delay: Duration,
    /// What a standby does when the active node resigns.
    pub takeover: Takeover,
    /// How adverts travel.
    pub transport: Transport,
    /// Checksum of version 3 over IPv4.
    pub checksum: Checksum,
    /// How long clients are asked to leave before a planned hand-over.
    pub drain: Duration,
    /// A worker that makes no progress for this long does not serve.
    pub stall_limit: Duration,
    /// Time between repeated announcements of the addresses while active; zero is never.
    pub announce_refresh: Duration,
    /// Program to run at each change of state.
    pub notify: Option<PathBuf>,
    /// Every node of the pair, this one included, in the order of the file; at least two, with
    /// different names, addresses and priorities. `ha::identity` tells which is this machine.
    pub nodes: Vec<HaNode>,
}

/// One node of the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaNode {
    /// Unique name, for logs and status.
    pub name: String,
    /// Its own address on the network of the pair, of the family of the shared addresses.
    pub address: IpAddr,
    /// Base priority, 1..=254.
    pub priority: u8,
}

/// How adverts travel.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Protocol 112, one copy to the address of each other node.
    Unicast,
    /// Protocol 112 to 224.0.0.18 or ff02::12.
    Multicast,
    /// In UDP datagrams with an HMAC, one to each other node.
    Udp {
        /// Port of every node.
        port: u16,
        /// Shared by all nodes.
        secret: Secret,
    },
}

/// The eight characters that version 2 sends, padded with zeros. `Debug` never shows them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthPass(pub [u8; 8]);

impl fmt::Debug for AuthPass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthPass(***)")
    }
}

/// A shared secret of at least `limits::ha::SECRET_MIN` bytes. `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Arc<[u8]>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}
