//! `[process]`, `[threads]`, `[io]`, `[limits]` and `[log]` as written.

use toml::Spanned;

use crate::config::reader::{IntegerOrWord, TableReader};
use crate::limits;

/// `[process]`
#[derive(Debug)]
pub struct Process {
    /// User name.
    pub user: Option<Spanned<String>>,
    /// Group name.
    pub group: Option<Spanned<String>>,
}

/// `[threads]`
#[derive(Debug)]
pub struct Threads {
    /// "auto" or a count.
    pub workers: Option<Spanned<IntegerOrWord>>,
    /// "auto", "shared" or a core.
    pub control_core: Option<Spanned<IntegerOrWord>>,
}

/// `[io]`
#[derive(Debug)]
pub struct Io {
    /// "auto", "io_uring" or "epoll".
    pub driver: Option<Spanned<&'static str>>,
    /// Entries.
    pub ring_entries: Option<Spanned<i64>>,
    /// Bytes.
    pub buffer_size: Option<Spanned<usize>>,
    /// Leases.
    pub buffers_per_worker: Option<Spanned<i64>>,
}

/// `[limits]`
#[derive(Debug)]
pub struct Limits {
    /// Connections.
    pub max_connections: Option<Spanned<i64>>,
    /// Bytes.
    pub request_head_size: Option<Spanned<usize>>,
    /// Fields.
    pub request_headers: Option<Spanned<i64>>,
    /// Bytes.
    pub request_body_size: Option<Spanned<usize>>,
    /// Bytes a second.
    pub minimum_body_rate: Option<Spanned<usize>>,
    /// Requests.
    pub requests_per_connection: Option<Spanned<i64>>,
}

/// `[log]`
#[derive(Debug)]
pub struct Log {
    /// Where lines go.
    pub target: Option<Spanned<String>>,
    /// Shape of a line.
    pub format: Option<Spanned<&'static str>>,
    /// Facility name.
    pub facility: Option<Spanned<&'static str>>,
}

/// Names of syslog facilities; the index is the number (RFC 3164 section 4.1.1, HAProxy's spelling).
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

pub(super) fn read_process(table: &mut TableReader<'_, '_>) -> Process {
    Process { user: table.string("user"), group: table.string("group") }
}

pub(super) fn read_threads(table: &mut TableReader<'_, '_>) -> Threads {
    Threads {
        workers: table.integer_or_word("workers", 1, limits::WORKERS_MAX, &["auto"]),
        control_core: table.integer_or_word("control_core", 0, limits::CORE_MAX, &["auto", "shared"]),
    }
}

pub(super) fn read_io(table: &mut TableReader<'_, '_>) -> Io {
    Io {
        driver: table.word("driver", &["auto", "io_uring", "epoll"]),
        ring_entries: table.integer("ring_entries", 256, 32_768),
        buffer_size: table.size("buffer_size", 4096, 1 << 20),
        buffers_per_worker: table.integer("buffers_per_worker", 16, 1 << 20),
    }
}

pub(super) fn read_limits(table: &mut TableReader<'_, '_>) -> Limits {
    Limits {
        max_connections: table.integer("max_connections", 1, limits::CONNECTIONS_MAX),
        request_head_size: table.size("request_head_size", 1024, 1 << 20),
        request_headers: table.integer("request_headers", 1, 1000),
        request_body_size: table.size("request_body_size", 0, limits::BODY_SIZE_MAX),
        minimum_body_rate: table.size("minimum_body_rate", 0, limits::BODY_SIZE_MAX),
        requests_per_connection: table.integer("requests_per_connection", 1, limits::REQUESTS_MAX),
    }
}

pub(super) fn read_log(table: &mut TableReader<'_, '_>) -> Log {
    Log {
        target: table.string("target"),
        format: table.word("format", &["haproxy", "json", "clf"]),
        facility: table.word("facility", &FACILITIES),
    }
}
