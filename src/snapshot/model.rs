//! The snapshot: everything a worker needs to serve a request, immutable once published.
//!
//! Built from the checked configuration by `snapshot::build`, published through `arc-swap`, read
//! by workers with one pointer compare per request. What changes while it is published (server
//! states, in-flight counts) are atomics in `server_state`, shared by successive snapshots.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::routing::Routes;
use super::server_state::ServerState;
use crate::address::{Access, Trust};
use crate::balance::Balance;
use crate::balance::sticky::CookieRules;
use crate::config::model::{Forwarding, Mode, Timeouts};
use crate::http::error_page::ErrorPages;
use crate::limits;
use crate::proxy_protocol::Version;

/// All listeners and backends. Indices are those of the configuration file.
#[derive(Debug)]
pub struct Snapshot {
    /// Index = listener number in records and counters.
    pub listeners: Vec<Listener>,
    /// Index = backend number in records and counters.
    pub backends: Vec<Backend>,
    /// Some backend tells its servers the port that clients connected to.
    pub tells_port: bool,
    /// Connections of the whole process, and their limit.
    pub process: Arc<Gauge>,
    /// Connections to servers, busy or kept, and how many descriptors there are for them.
    pub server_connections: Arc<Gauge>,
    /// What one client may ask for.
    pub limits: TrafficLimits,
}

/// Limits of requests and connections that are no property of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficLimits {
    /// Bytes of a request body; `u64::MAX` is none.
    pub request_body_size: u64,
    /// Bytes a second that a client has to send of a body; 0 is none.
    pub minimum_body_rate: u64,
    /// Requests of one client connection.
    pub requests_per_connection: u32,
}

impl Default for TrafficLimits {
    fn default() -> Self {
        Self {
            request_body_size: u64::MAX,
            minimum_body_rate: limits::MINIMUM_BODY_RATE,
            requests_per_connection: limits::REQUESTS_PER_CONNECTION,
        }
    }
}

/// What clients connect to.
#[derive(Debug)]
pub struct Listener {
    /// Name as configured.
    pub name: Arc<str>,
    /// What it speaks; its backends speak the same.
    pub mode: Mode,
    /// What is done with a request.
    pub routes: Routes,
    /// Bodies of torii's own answers, in place of the built-in ones.
    pub error_pages: ErrorPages,
    /// Who may connect; `None` is everybody.
    pub access: Option<Arc<Access>>,
    /// Connections begin with a PROXY protocol header.
    pub accept_proxy: bool,
    /// Whose word about a client is taken; `None` is nobody's, and what clients say is passed on.
    pub trust: Option<Arc<Trust>>,
    /// TLS termination.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Time-outs of the client side.
    pub timeouts: Timeouts,
    /// Connections now, and their limit.
    pub connections: Arc<Gauge>,
}

/// A group of servers.
#[derive(Debug)]
pub struct Backend {
    /// Name as configured.
    pub name: Arc<str>,
    /// What it speaks.
    pub mode: Mode,
    /// In the order of the file.
    pub servers: Vec<Server>,
    /// Who takes a request that no cookie directs.
    pub balance: Balance,
    /// What servers are told of the client in fields; `None` is nothing.
    pub forwarding: Option<Arc<Forwarding>>,
    /// Persistence.
    pub cookie: Option<Arc<CookieRules>>,
    /// Time-outs of the server side.
    pub timeouts: Timeouts,
    /// Without a usable server here the node does not serve.
    pub required: bool,
    /// Requests now in this backend.
    pub in_flight: Arc<Gauge>,
    /// Requests that wait for any server's slot, over all workers.
    pub queue: Arc<Gauge>,
    /// Raised whenever a server's `up` or `weight` changes, so that a worker knows to look again.
    pub epoch: Arc<AtomicU64>,
}

/// One server.
#[derive(Debug)]
pub struct Server {
    /// Name as configured.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Persistence id.
    pub cookie: Option<Arc<str>>,
    /// Connections to it begin with a PROXY protocol header of this version.
    pub send_proxy: Option<Version>,
    /// Operational state and in-flight count, kept across snapshots.
    pub state: Arc<ServerState>,
}

/// A shared count with a limit, on its own cache line. Exact across workers.
#[derive(Debug)]
#[repr(align(64))]
pub struct Gauge {
    /// Current value.
    pub current: AtomicU32,
    /// Highest value seen.
    pub max: AtomicU32,
    /// Limit; `u32::MAX` is none.
    pub limit: u32,
}

/// One of what a `Gauge` counts.
#[derive(Debug)]
pub struct Taken(Arc<Gauge>);

/// The same, for as long as the gauge is borrowed.
#[derive(Debug)]
pub struct Inside<'a>(&'a Gauge);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Inside<'_> {
    /// Leaves the leaving to the caller.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Gauge {
    /// Counts one more unless the limit is reached. Every `true` is paid back by one `leave`.
    pub fn enter(&self) -> bool {
        let before = self.current.fetch_add(1, Ordering::Relaxed);
        if before >= self.limit {
            self.current.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        if before >= self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(before + 1, Ordering::Relaxed);
        }
        true
    }

    /// Gives back what `enter` took.
    pub fn leave(&self) {
        self.current.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one more until what is returned is dropped; for a gauge without a limit.
    pub fn inside(&self) -> Inside<'_> {
        let before = self.current.fetch_add(1, Ordering::Relaxed);
        if before >= self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(before + 1, Ordering::Relaxed);
        }
        Inside(self)
    }

    /// Counts one more until what is returned is dropped; `None` at the limit.
    pub fn take(self: &Arc<Self>) -> Option<Taken> {
        self.enter().then(|| Taken(self.clone()))
    }

    /// Whether less than a quarter is free.
    pub fn is_pressed(&self) -> bool {
        u64::from(self.current()) * 4 > u64::from(self.limit) * 3
    }

    /// Current value.
    pub fn current(&self) -> u32 {
        self.current.load(Ordering::Relaxed)
    }
}
