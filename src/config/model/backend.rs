//! `[[backend]]`, checked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Mode, Timeouts};
use crate::address::Networks;
use crate::balance::Balance;
use crate::http::header_rules::HeaderRules;
use crate::proxy_protocol::Version;

/// A group of servers.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Unique name.
    pub name: String,
    /// What it speaks.
    pub mode: Mode,
    /// How a server is chosen when no cookie says.
    pub balance: Balance,
    /// What servers are told of the client in fields; `None` is nothing.
    pub forwarding: Option<Arc<Forwarding>>,
    /// Changes to requests, after the listener's.
    pub request_headers: Option<HeaderRules>,
    /// Changes to responses, before the listener's.
    pub response_headers: Option<HeaderRules>,
    /// Persistence by cookie.
    pub cookie: Option<Cookie>,
    /// Without a usable server here the node does not serve, and the other one takes over.
    pub required: bool,
    /// Health check; `None` means servers are always taken to be up.
    pub check: Option<Check>,
    /// At least one server, in the order of the file.
    pub servers: Vec<Server>,
    /// Global time-outs overridden by this backend's (connect and server are used).
    pub timeouts: Timeouts,
}

/// What servers are told of the client, in fields of each request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// Append the client's address as X-Forwarded-For.
    pub address: bool,
    /// Clients whose address is not appended.
    pub except: Networks,
    /// Say in X-Forwarded-Proto whether it came by TLS.
    pub proto: bool,
    /// Say in X-Forwarded-Port where it connected to.
    pub port: bool,
    /// Append an element of Forwarded (RFC 7239).
    pub forwarded: bool,
}

/// HAProxy's `cookie` line in insert mode (the only mode built so far).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Cookie name.
    pub name: String,
    /// Strip the cookie from requests and do not insert it for direct requests.
    pub indirect: bool,
    /// Add `cache-control: private` to cacheable responses that carry the cookie.
    pub nocache: bool,
    /// Leave a cookie of the same name that the server sets.
    pub preserve: bool,
    /// Insert only in answers to POST.
    pub postonly: bool,
    /// HttpOnly attribute.
    pub httponly: bool,
    /// Secure attribute.
    pub secure: bool,
    /// Longest time without use, whole seconds.
    pub maxidle: Option<Duration>,
    /// Longest life, whole seconds.
    pub maxlife: Option<Duration>,
    /// Domain attributes in order.
    pub domain: Vec<String>,
    /// Further attributes in order.
    pub attr: Vec<String>,
}

/// Health check of a backend's servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is asked.
    pub kind: CheckKind,
    /// Time from the end of one check to the next, and the time limit of each.
    pub interval: Duration,
    /// Successes to come up.
    pub rise: u32,
    /// Failures to go down.
    pub fall: u32,
}

/// What a health check does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// A TCP connection is enough.
    Tcp,
    /// An HTTP request; 200 to 399 pass.
    Http {
        /// Method token.
        method: String,
        /// Request target.
        target: String,
        /// "HTTP/1.0" or "HTTP/1.1".
        version: String,
        /// Host header value; required by HTTP/1.1.
        host: Option<String>,
    },
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Unique within its backend.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Persistence id; a server without one gets no cookie.
    pub cookie: Option<String>,
    /// Requests in flight at most; `None` is unlimited.
    pub max_connections: Option<u32>,
    /// 0..=256; 0 takes no new client but keeps its cookie holders.
    pub weight: u16,
    /// Connections to it begin with a PROXY protocol header of this version.
    pub send_proxy: Option<Version>,
}
