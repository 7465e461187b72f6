//! What a node knows of its pair: filled by the ha thread, read by `torii status`, the statistics
//! page and the hand-over.
//!
//! The thread publishes a whole new value at each transition and otherwise at most ten times a second,
//! and never waits for a reader. Field names are the keys of `torii status --json`: they are a public
//! interface, described in `docs/operations.md`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

/// Transitions that are kept, the newest last.
pub const TRANSITIONS_KEPT: usize = 16;

/// The pair as this node sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairStatus {
    /// Name of this node in `[[ha.node]]`.
    pub node: String,
    /// Its own address.
    pub address: IpAddr,
    /// The interface that carries adverts and the shared addresses.
    pub interface: String,
    /// Number of the virtual router.
    pub virtual_router_id: u8,
    /// VRRP version sent, 2 or 3.
    pub version: u8,
    /// `unicast`, `multicast` or `udp`.
    pub transport: String,
    /// Milliseconds between two adverts of an active node.
    pub interval_ms: u32,
    /// The shared addresses, as configured.
    pub addresses: Vec<String>,
    /// Whether this node holds them now.
    pub addresses_held: bool,
    /// Role of this node.
    pub state: PairState,
    /// UNIX milliseconds since when.
    pub since_unix_ms: u64,
    /// Whether an operator's `torii failover` keeps this node standby until `--back`.
    pub handed_over: bool,
    /// The priority that adverts carry.
    pub priority: u8,
    /// What makes it up: the base, the weight, and every reason why the weight is missing.
    pub sum: Vec<Contribution>,
    /// Whether this node's own health lets it serve.
    pub serving: bool,
    /// The other nodes.
    pub peers: Vec<PeerStatus>,
    /// The latest changes of the role, oldest first, at most `TRANSITIONS_KEPT`.
    pub transitions: Vec<Transition>,
    /// How late the thread's timers were.
    pub timer_lag: TimerLag,
    /// Whether the thread runs with real-time priority, which keeps the lag small under load.
    pub real_time: bool,
    /// Adverts counted since the start.
    pub adverts: AdvertCounts,
    /// What is wrong with the pair; empty when nothing is.
    pub problems: Vec<Problem>,
    /// The process that gives the addresses up when this one dies.
    pub guard: Guard,
    /// UNIX milliseconds of this publication: all ages above are as of then.
    pub published_unix_ms: u64,
}

/// The role of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// VRRP's Initialize: not electing yet, or not any more.
    Starting,
    /// VRRP's Backup.
    Standby,
    /// VRRP's Master.
    Active,
    /// Priority 0 was sent; the addresses stay until the successor is heard.
    HandingOver,
    /// This node takes no part: its interface or its addresses are not usable.
    Fault,
}

impl PairState {
    /// Whether clients of the shared addresses reach this node.
    pub fn holds_addresses(self) -> bool {
        matches!(self, Self::Active | Self::HandingOver)
    }
}

impl fmt::Display for PairState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Active => "active",
            Self::HandingOver => "handing over",
            Self::Fault => "fault",
        })
    }
}

/// One line of the sum that is the priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// In words: `base`, `serving`, `backend "web" is required and has no usable server`.
    pub what: String,
    /// Points added; 0 for a reason why the weight is missing.
    pub points: i16,
}

/// Another node of the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Name in `[[ha.node]]`.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// What it is taken to be.
    pub state: PeerState,
    /// Milliseconds since its last advert or presence message; `None`: never heard since the start.
    pub last_heard_ago_ms: Option<u64>,
    /// Priority of the last one (0: it gave the addresses up).
    pub priority: Option<u8>,
    /// Whether it could take over.
    pub health: PeerHealth,
}

/// What a peer is taken to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// It advertises.
    Active,
    /// It is known to listen, or has to be: an active node hears no standby over VRRP proper.
    Standby,
    /// Nothing is known.
    Unknown,
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Unknown => "unknown",
        })
    }
}

/// What is known of a peer's ability to take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "because")]
pub enum PeerHealth {
    /// It says that it serves (transport udp), or it advertises.
    Serving,
    /// It is silent, as a standby is over VRRP proper, and nothing says that it is gone.
    NotKnownDead,
    /// It says that it does not serve.
    NotServing,
    /// It cannot be reached, with what told: no route, protocol unreachable, silence.
    Dead(String),
    /// It would give signs of life (transport udp), and was never heard since this node started.
    NeverHeard,
}

impl fmt::Display for PeerHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving => f.write_str("serving"),
            Self::NotKnownDead => f.write_str("silent as a standby is, not known to be dead"),
            Self::NotServing => f.write_str("not serving"),
            Self::Dead(reason) => write!(f, "dead: {reason}"),
            Self::NeverHeard => f.write_str("never heard since this node started"),
        }
    }
}

/// One change of the role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// UNIX milliseconds.
    pub unix_ms: u64,
    /// The role before.
    pub from: PairState,
    /// The role after.
    pub to: PairState,
    /// Why, in words.
    pub cause: String,
}

/// How late timers of the ha thread fired, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerLag {
    /// The latest.
    pub last_us: u64,
    /// 99 of 100 were no later, since the start.
    pub p99_us: u64,
    /// The worst since the start.
    pub max_us: u64,
}

/// Adverts since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertCounts {
    /// Sent, those of priority 0 included.
    pub sent: u64,
    /// That could not be sent.
    pub send_errors: u64,
    /// Accepted.
    pub received: u64,
    /// Discarded, by reason.
    pub discarded: Vec<DiscardCount>,
}

/// Adverts discarded for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardCount {
    /// In words.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// Something that an operator has to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What was seen: `two active nodes: 198.51.100.2 advertises too`.
    pub what: String,
    /// What to change.
    pub remedy: String,
    /// How often it was seen.
    pub count: u64,
    /// UNIX milliseconds of the last time.
    pub last_unix_ms: u64,
}

/// The guard process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "because")]
pub enum Guard {
    /// It runs.
    Alive,
    /// There is none, with the reason.
    None(String),
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alive => f.write_str("alive"),
            Self::None(reason) => write!(f, "none: {reason}"),
        }
    }
}

/// Where the ha thread puts its status and everybody finds the newest.
#[derive(Debug, Clone)]
pub struct PublishedStatus(Arc<ArcSwap<PairStatus>>);

impl PublishedStatus {
    /// The first status, before anything was elected.
    pub fn new(status: PairStatus) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(status)))
    }

    /// Replaces it; by the ha thread alone.
    pub fn publish(&self, status: PairStatus) {
        self.0.store(Arc::new(status));
    }

    /// The newest.
    pub fn latest(&self) -> Arc<PairStatus> {
        self.0.load_full()
    }
}
