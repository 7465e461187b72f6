//! `mode` of listeners and backends: that both agree, and that no key stands where it has no meaning.

use toml::Spanned;

use crate::config::model::Mode;
use crate::config::reader::quoted;
use crate::config::report::{Findings, Span};
use crate::config::schema;

/// The mode as written, or the default.
pub fn of(written: Option<&Spanned<&'static str>>) -> Mode {
    match written.map(|mode| *mode.get_ref()) {
        Some("tcp") => Mode::Tcp,
        _ => Mode::Http,
    }
}

/// A listener sends its clients only to backends that speak as it does; `name` is the reference.
pub fn agree(mode: Mode, name: &Spanned<String>, backends: &[schema::Backend], findings: &mut Findings) {
    let is_meant = |backend: &&schema::Backend| {
        backend.name.as_ref().is_some_and(|other| other.get_ref() == name.get_ref())
    };
    let Some(backend) = backends.iter().find(is_meant) else { return };
    let theirs = of(backend.mode.as_ref());
    if theirs != mode {
        let message = format!(
            "this listener is in {} mode, and the backend {} in {} mode",
            mode.name(),
            quoted(name.get_ref()),
            theirs.name()
        );
        findings.error(name.span(), message, "write `mode = \"tcp\"` in both, or in neither");
    }
}

/// Refuses keys of a backend that mean something only where requests are read.
pub fn check_backend(written: &schema::Backend, findings: &mut Findings) {
    if of(written.mode.as_ref()) == Mode::Http {
        return;
    }
    if let Some(cookie) = &written.cookie {
        needs_http("[backend.cookie]", cookie.span.clone(), findings);
    }
    let flags = [
        ("`forwarded_for`", &written.forwarded_for),
        ("`forwarded_proto`", &written.forwarded_proto),
        ("`forwarded_port`", &written.forwarded_port),
        ("`forwarded`", &written.forwarded),
    ];
    for (what, flag) in flags {
        if let Some(flag) = flag.as_ref().filter(|flag| *flag.get_ref()) {
            needs_http(what, flag.span(), findings);
        }
    }
    header_rules(written.request_headers.as_ref(), written.response_headers.as_ref(), findings);
}

/// Refuses keys of a listener that mean something only where requests are read.
pub fn check_listener(written: &schema::Listener, findings: &mut Findings) {
    if of(written.mode.as_ref()) == Mode::Http {
        for name in written.routes.iter().flat_map(|route| route.sni.first()) {
            let message = "`sni` needs `mode = \"tcp\"`: here the name is read from the request";
            findings.error(name.span(), message, "write `host`");
        }
        return;
    }
    if let Some(header) = &written.client_address_header {
        needs_http("`client_address_header`", header.span(), findings);
    }
    for route in &written.routes {
        check_route(route, written.tls.is_some(), findings);
    }
    if let Some(redirect) = &written.redirect {
        needs_http("`redirect`", redirect.span.clone(), findings);
    }
    if let Some(page) = written.error_pages.first() {
        needs_http("[[listener.error_page]]", page.span.clone(), findings);
    }
    header_rules(written.request_headers.as_ref(), written.response_headers.as_ref(), findings);
}

/// In tcp mode a route can go by the server name of a ClientHello, and only to a backend.
fn check_route(route: &schema::Route, terminates_tls: bool, findings: &mut Findings) {
    for (what, values) in
        [("`host`", &route.host), ("`path_prefix`", &route.path_prefix), ("`method`", &route.method)]
    {
        if let Some(value) = values.first() {
            needs_http(what, value.span(), findings);
        }
    }
    if let Some(redirect) = &route.redirect {
        needs_http("`redirect`", redirect.span.clone(), findings);
    }
    if let Some(status) = &route.status {
        needs_http("`status`", status.span(), findings);
    }
    if let Some(name) = route.sni.first().filter(|_| terminates_tls) {
        let message = "`sni` is read where TLS passes through, and this listener terminates it";
        findings.error(name.span(), message, "remove [listener.tls], or `sni`");
    }
}

fn header_rules(
    requests: Option<&schema::HeaderRules>,
    responses: Option<&schema::HeaderRules>,
    findings: &mut Findings,
) {
    if let Some(rules) = requests {
        needs_http("`request_headers`", rules.span.clone(), findings);
    }
    if let Some(rules) = responses {
        needs_http("`response_headers`", rules.span.clone(), findings);
    }
}

fn needs_http(what: &str, span: Span, findings: &mut Findings) {
    let message = format!("{what} needs `mode = \"http\"`: in tcp mode no request is read");
    findings.error(span, message, "remove it, or the `mode`");
}
