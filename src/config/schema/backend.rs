//! `[[backend]]`, its check and its servers as written.

use std::time::Duration;

use toml::Spanned;

use super::cookie::{Cookie, read_cookie};
use super::timeouts::{Timeouts, read_timeouts};
use crate::config::reader::TableReader;
use crate::config::report::Span;
use crate::limits;

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

pub(super) fn read_backend(table: &mut TableReader<'_, '_>) -> Backend {
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

pub(super) fn read_check(table: &mut TableReader<'_, '_>) -> Check {
    Check {
        http: table.string("http"),
        host: table.string("host"),
        interval: table.duration("interval", limits::CHECK_INTERVAL_MIN, limits::DURATION_MAX),
        rise: table.integer("rise", 1, limits::CHECK_COUNT_MAX),
        fall: table.integer("fall", 1, limits::CHECK_COUNT_MAX),
    }
}

pub(super) fn read_server(table: &mut TableReader<'_, '_>) -> Server {
    Server {
        name: table.required_string("name", "web1"),
        address: table.required_string("address", "192.0.2.11:80"),
        cookie: table.string("cookie"),
        max_connections: table.integer("max_connections", 1, limits::CONNECTIONS_MAX),
        weight: table.integer("weight", 0, 256),
    }
}
