//! Routes, redirects, header rules and error pages as written.

use toml::Spanned;

use crate::config::reader::TableReader;
use crate::config::report::Span;

/// `[[listener.route]]`
#[derive(Debug)]
pub struct Route {
    /// Header of the table.
    pub span: Span,
    /// Any of these hosts; empty for no condition.
    pub host: Vec<Spanned<String>>,
    /// Any of these names in a ClientHello; empty for no condition.
    pub sni: Vec<Spanned<String>>,
    /// Any of these beginnings of the path; empty for no condition.
    pub path_prefix: Vec<Spanned<String>>,
    /// Any of these methods; empty for no condition.
    pub method: Vec<Spanned<String>>,
    /// Name of a backend.
    pub backend: Option<Spanned<String>>,
    /// Where to send the client.
    pub redirect: Option<Redirect>,
    /// What torii answers.
    pub status: Option<Spanned<i64>>,
    /// None of the three keys is there, not even with a wrong value.
    pub does_nothing: bool,
}

/// `redirect` of a listener or a route.
#[derive(Debug)]
pub struct Redirect {
    /// The table.
    pub span: Span,
    /// "https", an origin, or a location.
    pub to: Option<Spanned<String>>,
    /// 301, 302, 303, 307 or 308.
    pub status: Option<Spanned<i64>>,
}

/// `request_headers` or `response_headers` of a listener or backend.
#[derive(Debug)]
pub struct HeaderRules {
    /// Header of the table.
    pub span: Span,
    /// Names.
    pub remove: Vec<Spanned<String>>,
    /// Names and values, in the order of the file.
    pub set: Vec<(Spanned<String>, Spanned<String>)>,
    /// Names and values, in the order of the file.
    pub add: Vec<(Spanned<String>, Spanned<String>)>,
}

/// `[[listener.error_page]]`
#[derive(Debug)]
pub struct ErrorPage {
    /// Header of the table.
    pub span: Span,
    /// Status of the answer that it is for.
    pub status: Option<Spanned<i64>>,
    /// Its body.
    pub file: Option<Spanned<String>>,
}

pub(super) fn read_route(table: &mut TableReader<'_, '_>) -> Route {
    Route {
        span: table.span(),
        host: table.one_or_more("host"),
        sni: table.one_or_more("sni"),
        path_prefix: table.one_or_more("path_prefix"),
        method: table.one_or_more("method"),
        backend: table.string("backend"),
        redirect: table.table("redirect", "[listener.route.redirect]", read_redirect),
        status: table.integer("status", i64::MIN, i64::MAX),
        does_nothing: !["backend", "redirect", "status"].iter().any(|key| table.has(key)),
    }
}

pub(super) fn read_redirect(table: &mut TableReader<'_, '_>) -> Redirect {
    Redirect {
        span: table.span(),
        to: table.required_string("to", "https"),
        status: table.integer("status", i64::MIN, i64::MAX),
    }
}

pub(super) fn read_header_rules(table: &mut TableReader<'_, '_>) -> HeaderRules {
    HeaderRules {
        span: table.span(),
        remove: table.string_or_strings("remove"),
        set: table.named_strings("set"),
        add: table.named_strings("add"),
    }
}

pub(super) fn read_error_page(table: &mut TableReader<'_, '_>) -> ErrorPage {
    ErrorPage {
        span: table.span(),
        status: table.required_integer("status", 503, i64::MIN, i64::MAX),
        file: table.required_string("file", "/etc/torii/503.html"),
    }
}
