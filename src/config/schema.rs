//! The configuration as written: every key, its type and its range, each value with its place.
//!
//! Read by `config::check`, which turns it into `config::model`. This file knows what one key may
//! look like alone; whatever takes two keys, a file or a name somewhere else is `check`'s.
//! The key names are the public interface, described in `docs/configuration.md`.

use std::fmt;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeTable;

use super::reader::{IntegerOrWord, TableReader, read_table};
use super::report::{Findings, Span};
use crate::limits;

/// A whole file.
#[derive(Debug, Default)]
pub struct File {
    /// `[process]`
    pub process: Option<Process>,
    /// `[threads]`
    pub threads: Option<Threads>,
    /// `[io]`
    pub io: Option<Io>,
    /// `[limits]`
    pub limits: Option<Limits>,
    /// `[timeouts]`
    pub timeouts: Option<Timeouts>,
    /// `[log]`
    pub log: Option<Log>,
    /// `[[listener]]`
    pub listeners: Vec<Listener>,
    /// `[[backend]]`
    pub backends: Vec<Backend>,
    /// `[stats]`
    pub stats: Option<Stats>,
}

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
}

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

/// `[[listener]]`
#[derive(Debug)]
pub struct Listener {
    /// Header of the table.
    pub span: Span,
    /// Unique name.
    pub name: Option<Spanned<String>>,
    /// Addresses.
    pub bind: Option<Spanned<Vec<Spanned<String>>>>,
    /// "http" or "tcp".
    pub mode: Option<Spanned<&'static str>>,
    /// Connections.
    pub max_connections: Option<Spanned<i64>>,
    /// Name of a backend.
    pub backend: Option<Spanned<String>>,
    /// `[listener.tls]`
    pub tls: Option<Tls>,
    /// `[listener.timeouts]`
    pub timeouts: Option<Timeouts>,
}

/// `[listener.tls]` or `[stats.tls]`
#[derive(Debug)]
pub struct Tls {
    /// Files and folders.
    pub certificates: Option<Spanned<Vec<Spanned<String>>>>,
    /// "1.2" or "1.3".
    pub min_version: Option<Spanned<&'static str>>,
}

/// `[[backend]]`
#[derive(Debug)]
pub struct Backend {
    /// Header of the table.
    pub span: Span,
    /// Unique name.
    pub name: Option<Spanned<String>>,
    /// Choice of a server.
    pub balance: Option<Spanned<&'static str>>,
    /// Append X-Forwarded-For.
    pub forwarded_for: Option<Spanned<bool>>,
    /// Two servers may have one cookie value.
    pub shared_cookie_values: Option<Spanned<bool>>,
    /// `[backend.cookie]`
    pub cookie: Option<Cookie>,
    /// `[backend.check]`
    pub check: Option<Check>,
    /// `[backend.timeouts]`
    pub timeouts: Option<Timeouts>,
    /// `[[backend.server]]`
    pub servers: Vec<Server>,
}

/// `[backend.cookie]`
#[derive(Debug)]
pub struct Cookie {
    /// Header of the table.
    pub span: Span,
    /// Cookie name.
    pub name: Option<Spanned<String>>,
    /// "insert", "rewrite" or "prefix".
    pub mode: Option<Spanned<&'static str>>,
    /// HAProxy: indirect.
    pub indirect: Option<Spanned<bool>>,
    /// HAProxy: nocache.
    pub nocache: Option<Spanned<bool>>,
    /// HAProxy: preserve.
    pub preserve: Option<Spanned<bool>>,
    /// HAProxy: postonly.
    pub postonly: Option<Spanned<bool>>,
    /// HAProxy: httponly.
    pub httponly: Option<Spanned<bool>>,
    /// HAProxy: secure.
    pub secure: Option<Spanned<bool>>,
    /// HAProxy: maxidle.
    pub maxidle: Option<Spanned<Duration>>,
    /// HAProxy: maxlife.
    pub maxlife: Option<Spanned<Duration>>,
    /// HAProxy: domain.
    pub domain: Vec<Spanned<String>>,
    /// HAProxy: attr.
    pub attr: Vec<Spanned<String>>,
}

/// `[backend.check]`
#[derive(Debug)]
pub struct Check {
    /// HAProxy's httpchk line.
    pub http: Option<Spanned<String>>,
    /// Host header.
    pub host: Option<Spanned<String>>,
    /// Time between checks.
    pub interval: Option<Spanned<Duration>>,
    /// Successes to come up.
    pub rise: Option<Spanned<i64>>,
    /// Failures to go down.
    pub fall: Option<Spanned<i64>>,
}

/// `[[backend.server]]`
#[derive(Debug)]
pub struct Server {
    /// Unique name in the backend.
    pub name: Option<Spanned<String>>,
    /// IP:port.
    pub address: Option<Spanned<String>>,
    /// Persistence id.
    pub cookie: Option<Spanned<String>>,
    /// Requests in flight.
    pub max_connections: Option<Spanned<i64>>,
    /// Share of the traffic.
    pub weight: Option<Spanned<i64>>,
}

/// `[stats]`
#[derive(Debug)]
pub struct Stats {
    /// Header of the table.
    pub span: Span,
    /// Addresses.
    pub bind: Option<Spanned<Vec<Spanned<String>>>>,
    /// Path of the page.
    pub path: Option<Spanned<String>>,
    /// Who may look.
    pub users: Vec<User>,
    /// No version in the page.
    pub hide_version: Option<Spanned<bool>>,
    /// Host name in the page.
    pub show_node: Option<Spanned<bool>>,
    /// `[stats.tls]`
    pub tls: Option<Tls>,
}

/// One entry of `users`
#[derive(Debug)]
pub struct User {
    /// The entry.
    pub span: Span,
    /// User name.
    pub name: Option<Spanned<String>>,
    /// The password itself.
    pub password: Option<Spanned<Secret>>,
    /// SHA-256 of the password in hexadecimal.
    pub password_sha256: Option<Spanned<Secret>>,
    /// File that holds the password.
    pub password_file: Option<Spanned<String>>,
}

/// A string that `Debug` never shows.
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Names of syslog facilities; the index is the number (RFC 3164 section 4.1.1, HAProxy's spelling).
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// A listener or statistics page that listens nowhere.
const NO_ADDRESS: &str = "there is no address to listen on";

/// What is offered where no certificate is written.
const EXAMPLE_CERTIFICATE: &str = "/etc/ssl/private/www.example.com.pem";

/// Reads a whole file.
pub fn read(root: &DeTable<'_>, findings: &mut Findings) -> File {
    read_table(root, 0..0, "the file", findings, |table| {
        table.not_supported(
            "ha",
            "[ha]",
            "remove [ha] and every [[ha.node]]: this version serves from one node",
        );
        File {
            process: table.table("process", "[process]", read_process),
            threads: table.table("threads", "[threads]", read_threads),
            io: table.table("io", "[io]", read_io),
            limits: table.table("limits", "[limits]", read_limits),
            timeouts: table.table("timeouts", "[timeouts]", read_timeouts),
            log: table.table("log", "[log]", read_log),
            listeners: table.required_tables(
                "listener",
                "[[listener]]",
                "there is no listener, so nothing would be served",
                "add [[listener]] with `name`, `bind` and `backend`",
                read_listener,
            ),
            backends: table.required_tables(
                "backend",
                "[[backend]]",
                "there is no backend, so nothing would be served",
                "add [[backend]] with `name` and at least one [[backend.server]]",
                read_backend,
            ),
            stats: table.table("stats", "[stats]", read_stats),
        }
    })
}

fn read_process(table: &mut TableReader<'_, '_>) -> Process {
    Process { user: table.string("user"), group: table.string("group") }
}

fn read_threads(table: &mut TableReader<'_, '_>) -> Threads {
    Threads {
        workers: table.integer_or_word("workers", 1, limits::WORKERS_MAX, &["auto"]),
        control_core: table.integer_or_word("control_core", 0, limits::CORE_MAX, &["auto", "shared"]),
    }
}

fn read_io(table: &mut TableReader<'_, '_>) -> Io {
    Io {
        driver: table.word("driver", &["auto", "io_uring", "epoll"]),
        ring_entries: table.integer("ring_entries", 256, 32_768),
        buffer_size: table.size("buffer_size", 4096, 1 << 20),
        buffers_per_worker: table.integer("buffers_per_worker", 16, 1 << 20),
    }
}

fn read_limits(table: &mut TableReader<'_, '_>) -> Limits {
    Limits {
        max_connections: table.integer("max_connections", 1, limits::CONNECTIONS_MAX),
        request_head_size: table.size("request_head_size", 1024, 1 << 20),
        request_headers: table.integer("request_headers", 1, 1000),
    }
}

fn read_timeouts(table: &mut TableReader<'_, '_>) -> Timeouts {
    let help = "remove the key: a request never waits for a server's slot in this version";
    table.not_supported("queue", "the time-out `queue`", help);
    table.not_supported("tunnel", "the time-out `tunnel`", "remove the key: this version has no tunnels");
    let mut timeout = |key| table.duration(key, Duration::from_millis(1), limits::DURATION_MAX);
    Timeouts {
        connect: timeout("connect"),
        client: timeout("client"),
        server: timeout("server"),
        http_request: timeout("http_request"),
        keep_alive: timeout("keep_alive"),
    }
}

fn read_log(table: &mut TableReader<'_, '_>) -> Log {
    Log {
        target: table.string("target"),
        format: table.word("format", &["haproxy", "json", "clf"]),
        facility: table.word("facility", &FACILITIES),
    }
}

fn read_listener(table: &mut TableReader<'_, '_>) -> Listener {
    Listener {
        span: table.span(),
        name: table.required_string("name", "front_in"),
        bind: table.required_strings("bind", NO_ADDRESS, "0.0.0.0:443"),
        mode: table.word("mode", &["http", "tcp"]),
        max_connections: table.integer("max_connections", 1, limits::CONNECTIONS_MAX),
        backend: table.required_string("backend", "web_backend"),
        tls: table.table("tls", "[listener.tls]", read_tls),
        timeouts: table.table("timeouts", "[listener.timeouts]", read_timeouts),
    }
}

fn read_tls(table: &mut TableReader<'_, '_>) -> Tls {
    Tls {
        certificates: table.required_strings("certificates", "TLS needs a certificate", EXAMPLE_CERTIFICATE),
        min_version: table.word("min_version", &["1.2", "1.3"]),
    }
}

fn read_backend(table: &mut TableReader<'_, '_>) -> Backend {
    Backend {
        span: table.span(),
        name: table.required_string("name", "web_backend"),
        balance: table.word("balance", &["roundrobin", "leastconn", "random", "source", "uri", "first"]),
        forwarded_for: table.boolean("forwarded_for"),
        shared_cookie_values: table.boolean("shared_cookie_values"),
        cookie: table.table("cookie", "[backend.cookie]", read_cookie),
        check: table.table("check", "[backend.check]", read_check),
        timeouts: table.table("timeouts", "[backend.timeouts]", read_timeouts),
        servers: table.required_tables(
            "server",
            "[[backend.server]]",
            "this backend has no server",
            "add [[backend.server]] with `name` and `address` below it",
            read_server,
        ),
    }
}

fn read_cookie(table: &mut TableReader<'_, '_>) -> Cookie {
    table.not_supported(
        "dynamic",
        "the cookie option `dynamic`",
        "remove the key and give each server a `cookie` value",
    );
    let age = Duration::from_secs(1)..=limits::COOKIE_AGE_MAX;
    Cookie {
        span: table.span(),
        name: table.required_string("name", "lbsessionid"),
        mode: table.word("mode", &["insert", "rewrite", "prefix"]),
        indirect: table.boolean("indirect"),
        nocache: table.boolean("nocache"),
        preserve: table.boolean("preserve"),
        postonly: table.boolean("postonly"),
        httponly: table.boolean("httponly"),
        secure: table.boolean("secure"),
        maxidle: table.duration("maxidle", *age.start(), *age.end()),
        maxlife: table.duration("maxlife", *age.start(), *age.end()),
        domain: table.string_or_strings("domain"),
        attr: table.string_or_strings("attr"),
    }
}

fn read_check(table: &mut TableReader<'_, '_>) -> Check {
    Check {
        http: table.string("http"),
        host: table.string("host"),
        interval: table.duration("interval", limits::CHECK_INTERVAL_MIN, limits::DURATION_MAX),
        rise: table.integer("rise", 1, limits::CHECK_COUNT_MAX),
        fall: table.integer("fall", 1, limits::CHECK_COUNT_MAX),
    }
}

fn read_server(table: &mut TableReader<'_, '_>) -> Server {
    Server {
        name: table.required_string("name", "web1"),
        address: table.required_string("address", "192.0.2.11:80"),
        cookie: table.string("cookie"),
        max_connections: table.integer("max_connections", 1, limits::CONNECTIONS_MAX),
        weight: table.integer("weight", 0, 256),
    }
}

fn read_stats(table: &mut TableReader<'_, '_>) -> Stats {
    Stats {
        span: table.span(),
        bind: table.required_strings("bind", NO_ADDRESS, "127.0.0.1:8222"),
        path: table.string("path"),
        users: table.tables("users", "`users`", read_user),
        hide_version: table.boolean("hide_version"),
        show_node: table.boolean("show_node"),
        tls: table.table("tls", "[stats.tls]", read_tls),
    }
}

fn read_user(table: &mut TableReader<'_, '_>) -> User {
    let mut secret = |key| table.string(key).map(|text| Spanned::new(text.span(), Secret(text.into_inner())));
    let (password, password_sha256) = (secret("password"), secret("password_sha256"));
    User {
        span: table.span(),
        name: table.required_string("name", "admin"),
        password,
        password_sha256,
        password_file: table.string("password_file"),
    }
}
