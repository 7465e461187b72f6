//! Time-outs after merging.

use std::time::Duration;

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
}
