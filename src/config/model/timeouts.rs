//! Time-outs after merging.

use std::time::Duration;

use crate::limits::timeouts;

/// Time-outs after merging global, listener and backend values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP connection to a server, per attempt.
    pub connect: Duration,
    /// Client inactivity.
    pub client: Duration,
    /// Server inactivity, also the wait for its response head.
    pub server: Duration,
    /// Whole request head.
    pub http_request: Duration,
    /// Idle between requests.
    pub keep_alive: Duration,
    /// Wait for a slot at a server, while all are at their limits.
    pub queue: Duration,
    /// Client inactivity once one direction of its connection has ended; `None`: `client`.
    pub client_fin: Option<Duration>,
    /// Server inactivity once one direction of its connection has ended; `None`: `server`.
    pub server_fin: Option<Duration>,
    /// Silence of a tunnel; see `Timeouts::tunnel`.
    pub tunnel: Tunnel,
}

/// How long a tunnel may be silent, as one table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    /// The limit.
    pub limit: Duration,
    /// Whether it is written in the table of the listener or backend itself.
    pub own: bool,
}

impl Default for Timeouts {
    /// What holds where nothing is written. HAProxy has no defaults and only warns.
    fn default() -> Self {
        Self {
            connect: timeouts::CONNECT,
            client: timeouts::CLIENT,
            server: timeouts::SERVER,
            http_request: timeouts::HTTP_REQUEST,
            keep_alive: timeouts::KEEP_ALIVE,
            queue: timeouts::QUEUE,
            client_fin: None,
            server_fin: None,
            tunnel: Tunnel { limit: timeouts::TUNNEL, own: false },
        }
    }
}

impl Timeouts {
    /// `client_fin`, or what stands for it.
    pub fn client_fin(&self) -> Duration {
        self.client_fin.unwrap_or(self.client)
    }

    /// `server_fin`, or what stands for it.
    pub fn server_fin(&self) -> Duration {
        self.server_fin.unwrap_or(self.server)
    }

    /// How long a tunnel between the two may be silent in both directions: what is written in the
    /// backend holds, as in HAProxy, else what is written in the listener, else the global value.
    pub fn tunnel(listener: &Self, backend: &Self) -> Duration {
        if listener.tunnel.own && !backend.tunnel.own { listener.tunnel.limit } else { backend.tunnel.limit }
    }
}
