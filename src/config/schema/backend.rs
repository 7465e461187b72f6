//! `[[backend]]`, its check and its servers as written.

use std::time::Duration;

use toml::Spanned;

use super::cookie::{Cookie, read_cookie};
use super::routing::{HeaderRules, read_header_rules};
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
    /// "http" or "tcp".
    pub mode: Option<Spanned<&'static str>>,
    /// Choice of a server.
    pub balance: Option<Spanned<&'static str>>,
    /// Append X-Forwarded-For.
    pub forwarded_for: Option<Spanned<bool>>,
    /// Networks whose clients are not named in it.
    pub forwarded_for_except: Option<Spanned<Vec<Spanned<String>>>>,
    /// Say X-Forwarded-Proto.
    pub forwarded_proto: Option<Spanned<bool>>,
    /// Say X-Forwarded-Port.
    pub forwarded_port: Option<Spanned<bool>>,
    /// Append Forwarded.
    pub forwarded: Option<Spanned<bool>>,
    /// PROXY protocol version towards its servers.
    pub send_proxy: Option<Spanned<&'static str>>,
    /// The node does not serve without it.
    pub required: Option<Spanned<bool>>,
    /// Two servers may have one cookie value.
    pub shared_cookie_values: Option<Spanned<bool>>,
    /// `[backend.request_headers]`
    pub request_headers: Option<HeaderRules>,
    /// `[backend.response_headers]`
    pub response_headers: Option<HeaderRules>,
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
    /// PROXY protocol version, in place of the backend's.
    pub send_proxy: Option<Spanned<&'static str>>,
}

/// What can be written for `send_proxy`.
const PROXY_VERSIONS: [&str; 2] = ["v1", "v2"];

/// The same for one server, which may want none where its backend says one.
const SERVER_PROXY_VERSIONS: [&str; 3] = ["v1", "v2", "off"];

pub(super) fn read_backend(table: &mut TableReader<'_, '_>) -> Backend {
    Backend {
        span: table.span(),
        name: table.required_string("name", "web_backend"),
        mode: table.word("mode", &["http", "tcp"]),
        balance: table.word("balance", &["roundrobin", "leastconn", "random", "source", "uri", "first"]),
        forwarded_for: table.boolean("forwarded_for"),
        forwarded_for_except: table.strings("forwarded_for_except"),
        forwarded_proto: table.boolean("forwarded_proto"),
        forwarded_port: table.boolean("forwarded_port"),
        forwarded: table.boolean("forwarded"),
        send_proxy: table.word("send_proxy", &PROXY_VERSIONS),
        required: table.boolean("required"),
        shared_cookie_values: table.boolean("shared_cookie_values"),
        request_headers: table.table("request_headers", "[backend.request_headers]", read_header_rules),
        response_headers: table.table("response_headers", "[backend.response_headers]", read_header_rules),
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
        send_proxy: table.word("send_proxy", &SERVER_PROXY_VERSIONS),
    }
}
