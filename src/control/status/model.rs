//! What `torii status` says of a node.
//!
//! Field names are the keys of `torii status --json`: a public interface, described in
//! `docs/operations.md`. Keys may be added; none changes its name or its meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ha::status::PairStatus;

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Version of torii.
    pub version: String,
    /// Name of the machine.
    pub host: Option<String>,
    /// Its process.
    pub process_id: u32,
    /// UNIX milliseconds of its start.
    pub started_unix_ms: u64,
    /// Milliseconds since.
    pub uptime_ms: u64,
    /// What it does.
    pub state: NodeState,
    /// Why it does not serve, or not fully; empty when nothing is wrong.
    pub reasons: Vec<String>,
    /// Client connections.
    pub connections: ConnectionStatus,
    /// Threads that carry traffic.
    pub workers: Vec<WorkerStatus>,
    /// In the order of the configuration.
    pub listeners: Vec<ListenerStatus>,
    /// In the order of the configuration.
    pub backends: Vec<BackendStatus>,
    /// The access log.
    pub log: LogStatus,
    /// Limits hit and faults since the start, those of zero left out.
    pub limits_hit: Vec<LimitHit>,
    /// The pair; absent without `[ha]`.
    pub pair: Option<PairStatus>,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It takes requests and can answer them.
    Serving,
    /// It runs but cannot do its work; `reasons` says why.
    NotServing,
    /// It serves, and ends each connection with its next answer: a planned hand-over is under way.
    Softened,
    /// It finishes what it has begun, and ends.
    Draining,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serving => "serving",
            Self::NotServing => "NOT SERVING",
            Self::Softened => "serving, handing over",
            Self::Draining => "draining: it ends when its connections have",
        })
    }
}

/// Client connections of all listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// Open now.
    pub now: u64,
    /// Most at once since the start.
    pub max: u64,
    /// How many are allowed.
    pub limit: Option<u64>,
    /// Tunnels among them: upgraded connections and those in tcp mode.
    pub tunnels: u64,
    /// New ones in the last second.
    pub new_per_second: u64,
    /// Requests in the last second.
    pub requests_per_second: u64,
}

/// A thread that carries traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// From 0.
    pub number: usize,
    /// The core it is pinned to.
    pub core: usize,
    /// Milliseconds since its last sign of life, of which there are twenty a second.
    pub heartbeat_ago_ms: u64,
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub bind: Vec<String>,
    /// `http` or `tcp`.
    pub mode: String,
    /// Whether it terminates TLS.
    pub tls: bool,
    /// `OPEN` or `FULL`, as on the statistics page.
    pub state: String,
    /// Whether every worker takes connections at every address.
    pub accepting: bool,
    /// Connections now.
    pub connections: u64,
    /// How many are allowed.
    pub connections_limit: Option<u64>,
    /// Requests since the start.
    pub requests_total: u64,
}

/// A backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// `http` or `tcp`.
    pub mode: String,
    /// `UP` or `DOWN`, as on the statistics page.
    pub state: String,
    /// Whether the node does not serve without it.
    pub required: bool,
    /// Servers that can be given a request.
    pub usable_servers: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests that wait for a slot.
    pub queued: u64,
    /// In the order of the configuration.
    pub servers: Vec<ServerStatus>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// `UP`, `DOWN`, `UP 1/3`, `no check` …, as on the statistics page.
    pub state: String,
    /// Whether it is taken to be up.
    pub up: bool,
    /// Its weight now; 0 takes no new clients.
    pub weight: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Seconds since it came up or went down; absent when it never did.
    pub changed_ago_s: Option<u64>,
    /// Result of its last check, as on the statistics page: `L7OK/200`.
    pub last_check: Option<String>,
}

/// The access log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Lines written.
    pub written: u64,
    /// Access records lost.
    pub lost: u64,
}

/// A limit that was hit, or a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHit {
    /// As on the statistics page.
    pub name: String,
    /// How often since the start.
    pub count: u64,
}
