//! The checked configuration: what the rest of torii reads.
//!
//! Built only by `config::check`, so a value of these types is known to be possible: names are
//! unique, references are resolved to indices, files were readable, time-outs are merged. The raw
//! schema, as written by the user, is `config::schema`. Keys and their defaults: `docs/configuration.md`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A whole checked file.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[process]`
    pub process: Process,
    /// `[threads]`
    pub threads: Threads,
    /// `[io]`
    pub io: Io,
    /// `[limits]`
    pub limits: Limits,
    /// `[log]`
    pub log: Log,
    /// `[[listener]]`, in the order of the file; at least one.
    pub listeners: Vec<Listener>,
    /// `[[backend]]`, in the order of the file; at least one.
    pub backends: Vec<Backend>,
    /// `[stats]`, absent when there is no such table.
    pub stats: Option<Stats>,
    /// What `torii check` and start-up print as warnings: rendered text, one per entry.
    pub warnings: Vec<String>,
}

/// Who the process runs as once its addresses are bound.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// User name to change to when started as root.
    pub user: Option<String>,
    /// Group name; without it, the user's own group.
    pub group: Option<String>,
}

/// Threads and cores.
#[derive(Debug, Clone)]
pub struct Threads {
    /// Worker count; `None` is "auto": one for each core that the control core does not take.
    pub workers: Option<usize>,
    /// Where the control, log and ha threads run.
    pub control_core: ControlCore,
}

/// The core of every thread that is not a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlCore {
    /// Core 0 alone from four cores on, otherwise shared.
    Auto,
    /// No core of its own; it floats.
    Shared,
    /// This core, which then gets no worker.
    Core(usize),
}

/// I/O knobs.
#[derive(Debug, Clone)]
pub struct Io {
    /// Which kernel interface carries traffic.
    pub driver: Driver,
    /// Submission queue entries, 256..=32768.
    pub ring_entries: u32,
    /// Bytes of a lease, 4 KiB..=1 MiB.
    pub buffer_size: usize,
    /// Leases a worker may own, 16..=1,048,576.
    pub buffers_per_worker: usize,
}

/// The kernel interface of the data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// io_uring where it works, else epoll.
    Auto,
    /// io_uring or refuse to start.
    IoUring,
    /// epoll.
    Epoll,
}

/// Process-wide limits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Client connections of all listeners together.
    pub max_connections: usize,
    /// Bytes of a message head; at most `io.buffer_size`.
    pub request_head_size: usize,
    /// Fields of a message head, 1..=1000.
    pub request_headers: usize,
}

/// Access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Where lines go.
    pub target: LogTarget,
    /// How they look.
    pub format: LogFormat,
    /// Syslog facility number (local0 = 16).
    pub facility: u8,
}

/// Where access-log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// No access log.
    Off,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Appended to a file.
    File(PathBuf),
    /// A local datagram socket such as /dev/log.
    SyslogLocal(PathBuf),
    /// RFC 3164 datagrams to this address.
    SyslogUdp(SocketAddr),
}

/// Shape of an access-log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// HAProxy's `option httplog`.
    Haproxy,
}

/// An address group that clients connect to.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Unique name, shown in logs and statistics.
    pub name: String,
    /// At least one address.
    pub bind: Vec<SocketAddr>,
    /// Connections of this listener, at most `limits.max_connections`.
    pub max_connections: usize,
    /// Index into `Config::backends`.
    pub backend: usize,
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

/// A group of servers.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Unique name.
    pub name: String,
    /// How a server is chosen when no cookie says.
    pub balance: Balance,
    /// Append the client's address to X-Forwarded-For.
    pub forwarded_for: bool,
    /// Persistence by cookie.
    pub cookie: Option<Cookie>,
    /// Health check; `None` means servers are always taken to be up.
    pub check: Option<Check>,
    /// At least one server, in the order of the file.
    pub servers: Vec<Server>,
    /// Global time-outs overridden by this backend's (connect and server are used).
    pub timeouts: Timeouts,
}

/// Choice of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// HAProxy's weighted round robin.
    RoundRobin,
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
}

/// The statistics page.
#[derive(Debug, Clone)]
pub struct Stats {
    /// At least one address.
    pub bind: Vec<SocketAddr>,
    /// Path of the page, begins with `/`.
    pub path: String,
    /// Who may look; empty means everybody.
    pub users: Vec<User>,
    /// No version in the page.
    pub hide_version: bool,
    /// Host name in the page.
    pub show_node: bool,
    /// TLS of the page.
    pub tls: Option<Tls>,
}

/// One user of the statistics page. `Debug` never shows the secret.
#[derive(Clone)]
pub struct User {
    /// User name, without a colon.
    pub name: String,
    /// SHA-256 of the password.
    pub password_sha256: [u8; 32],
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}
