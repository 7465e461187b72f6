//! `[[listener]]` and the `tls` tables as written.

use toml::Spanned;

use super::routing::{
    ErrorPage, HeaderRules, Redirect, Route, read_error_page, read_header_rules, read_redirect, read_route,
};
use super::timeouts::{Timeouts, read_timeouts};
use crate::config::reader::TableReader;
use crate::config::report::Span;
use crate::limits;

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
    /// Networks that may connect.
    pub allow: Option<Spanned<Vec<Spanned<String>>>>,
    /// Networks that may not.
    pub deny: Option<Spanned<Vec<Spanned<String>>>>,
    /// Networks whose word about a client is taken.
    pub trusted_proxies: Option<Spanned<Vec<Spanned<String>>>>,
    /// Field that holds the client's address.
    pub client_address_header: Option<Spanned<String>>,
    /// Connections begin with a PROXY protocol header.
    pub accept_proxy: Option<Spanned<bool>>,
    /// Where to send every client that no route is for.
    pub redirect: Option<Redirect>,
    /// `[[listener.route]]`
    pub routes: Vec<Route>,
    /// `[listener.request_headers]`
    pub request_headers: Option<HeaderRules>,
    /// `[listener.response_headers]`
    pub response_headers: Option<HeaderRules>,
    /// `[[listener.error_page]]`
    pub error_pages: Vec<ErrorPage>,
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

/// What is offered where no certificate is written.
pub(super) const EXAMPLE_CERTIFICATE: &str = "/etc/ssl/private/www.example.com.pem";

/// A listener or statistics page that listens nowhere.
pub(super) const NO_ADDRESS: &str = "there is no address to listen on";

pub(super) fn read_listener(table: &mut TableReader<'_, '_>) -> Listener {
    Listener {
        span: table.span(),
        name: table.required_string("name", "front_in"),
        bind: table.required_strings("bind", NO_ADDRESS, "0.0.0.0:443"),
        mode: table.word("mode", &["http", "tcp"]),
        max_connections: table.integer("max_connections", 1, limits::CONNECTIONS_MAX),
        backend: table.string("backend"),
        allow: table.strings("allow"),
        deny: table.strings("deny"),
        trusted_proxies: table.strings("trusted_proxies"),
        client_address_header: table.string("client_address_header"),
        accept_proxy: table.boolean("accept_proxy"),
        redirect: table.table("redirect", "[listener.redirect]", read_redirect),
        routes: table.tables("route", "[[listener.route]]", read_route),
        request_headers: table.table("request_headers", "[listener.request_headers]", read_header_rules),
        response_headers: table.table("response_headers", "[listener.response_headers]", read_header_rules),
        error_pages: table.tables("error_page", "[[listener.error_page]]", read_error_page),
        tls: table.table("tls", "[listener.tls]", read_tls),
        timeouts: table.table("timeouts", "[listener.timeouts]", read_timeouts),
    }
}

pub(super) fn read_tls(table: &mut TableReader<'_, '_>) -> Tls {
    Tls {
        certificates: table.required_strings("certificates", "TLS needs a certificate", EXAMPLE_CERTIFICATE),
        min_version: table.word("min_version", &["1.2", "1.3"]),
    }
}
