//! `[timeouts]` as written, whether global, of a listener or of a backend.

use std::time::Duration;

use toml::Spanned;

use crate::config::reader::TableReader;
use crate::limits;

/// `[timeouts]`, `[listener.timeouts]` or `[backend.timeouts]`
#[derive(Debug)]
pub struct Timeouts {
    /// To connect to a server.
    pub connect: Option<Spanned<Duration>>,
    /// Client inactivity.
    pub client: Option<Spanned<Duration>>,
    /// Server inactivity.
    pub server: Option<Spanned<Duration>>,
    /// Request head.
    pub http_request: Option<Spanned<Duration>>,
    /// Idle between requests.
    pub keep_alive: Option<Spanned<Duration>>,
    /// Wait for a slot at a server.
    pub queue: Option<Spanned<Duration>>,
    /// Client inactivity once one direction has ended.
    pub client_fin: Option<Spanned<Duration>>,
    /// Server inactivity once one direction has ended.
    pub server_fin: Option<Spanned<Duration>>,
    /// Silence of a tunnel.
    pub tunnel: Option<Spanned<Duration>>,
}

pub(super) fn read_timeouts(table: &mut TableReader<'_, '_>) -> Timeouts {
    let mut timeout = |key| table.duration(key, Duration::from_millis(1), limits::DURATION_MAX);
    Timeouts {
        connect: timeout("connect"),
        client: timeout("client"),
        server: timeout("server"),
        http_request: timeout("http_request"),
        keep_alive: timeout("keep_alive"),
        queue: timeout("queue"),
        client_fin: timeout("client_fin"),
        server_fin: timeout("server_fin"),
        tunnel: timeout("tunnel"),
    }
}
