//! `[[listener]]`, checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Mode, Timeouts};
use crate::address::{Access, Trust};

/// An address group that clients connect to.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Unique name, shown in logs and statistics.
    pub name: String,
    /// At least one address.
    pub bind: Vec<SocketAddr>,
    /// What it speaks.
    pub mode: Mode,
    /// Connections of this listener, at most `limits.max_connections`; `None`: as many as the process.
    pub max_connections: Option<usize>,
    /// Index into `Config::backends`.
    pub backend: usize,
    /// Who may connect; `None` is everybody.
    pub access: Option<Arc<Access>>,
    /// Connections begin with a PROXY protocol header.
    pub accept_proxy: bool,
    /// Whose word about a client is taken; `None` is nobody's, and what clients say is passed on.
    pub trust: Option<Arc<Trust>>,
    /// TLS termination.
    pub tls: Option<Tls>,
    /// Global time-outs overridden by this listener's.
    pub timeouts: Timeouts,
}

/// TLS of a listener or of the statistics page, with its certificates loaded and checked.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Files and folders as written.
    pub certificates: Vec<PathBuf>,
    /// Ready for `rustls`: SNI resolver, versions, ALPN http/1.1.
    pub server_config: Arc<rustls::ServerConfig>,
}
