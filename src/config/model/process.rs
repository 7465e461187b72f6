//! `[process]`, `[threads]`, `[io]`, `[limits]` and `[log]`, checked.

use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Client connections of all listeners together; `None`: as many as the process's descriptors
    /// allow, at most `limits::MAX_CONNECTIONS`.
    pub max_connections: Option<usize>,
    /// Bytes of a message head; at most `io.buffer_size`.
    pub request_head_size: usize,
    /// Fields of a message head, 1..=1000.
    pub request_headers: usize,
    /// Bytes of a request body; `u64::MAX` is no limit.
    pub request_body_size: u64,
    /// Bytes a second that a client has to send of a body; 0 is no limit.
    pub minimum_body_rate: u64,
    /// Requests of one client connection.
    pub requests_per_connection: u32,
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
