//! `[[listener]]`, checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Action, Mode, Route, Timeouts};
use crate::address::{Access, Trust};
use crate::http::error_page::ErrorPages;
use crate::http::header_rules::HeaderRules;

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
    /// In the order of the file.
    pub routes: Vec<Route>,
    /// What is done with a request that no route is for.
    pub default: Action,
    /// Changes to requests, before the backend's.
    pub request_headers: Option<HeaderRules>,
    /// Changes to responses, after the backend's.
    pub response_headers: Option<HeaderRules>,
    /// Pages in place of the built-in ones.
    pub error_pages: ErrorPages,
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
