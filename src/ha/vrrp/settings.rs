//! What one node knows of its pair before it hears anything: made from the configuration, never changed.

use std::net::IpAddr;
use std::time::Duration;

use super::{Takeover, Version};

/// The priority of a node that owns the addresses for good: it never yields to a lower one.
pub(super) const PRIORITY_OWNER: u8 = 255;

/// Another configured node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Where its adverts come from.
    pub address: IpAddr,
    /// The highest priority it can have: its own and the weight of serving.
    pub priority_max: u8,
}

/// One node's part of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Version spoken.
    pub version: Version,
    /// Our virtual router, 1..=255.
    pub virtual_router_id: u8,
    /// Our priority before health adds to it, 1..=255; 255 is the owner, whose priority never changes.
    pub base_priority: u8,
    /// The highest priority that health can give us: with less, this node does not serve.
    pub priority_max: u8,
    /// Time between two of our adverts, as the version can say it ([`Version::rounded`]).
    pub interval: Duration,
    /// Whether a standby takes over from an active node of lower priority.
    pub preempt: bool,
    /// How long it waits with that after it first heard one; zero: not at all.
    pub preempt_delay: Duration,
    /// Adverts that may be missing before a standby takes over (keepalived: `down_timer_adverts`), usually 3.
    pub down_adverts: u32,
    /// The address we send from; decides between two active nodes of equal priority.
    pub own_address: IpAddr,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// On priority 0.
    pub takeover: Takeover,
}
