//! `[[listener]]`: names, addresses, the backend that is meant, TLS.

use toml::Spanned;

use super::address::BoundAddresses;
use super::names::UniqueNames;
use super::whole::Place;
use super::{client_address, error_pages, header_sums, headers, mode, routes, timeouts, tls};
use crate::config::model::{Backend, Limits, Listener, Mode, Timeouts};
use crate::config::reader::{nearest, quoted};
use crate::config::report::Findings;
use crate::config::schema;
use crate::http::header_rules::Direction;
use crate::limits;

/// What a listener refers to.
#[derive(Debug)]
pub struct Scope<'a> {
    /// As written: a reference is good even when the backend has an error of its own.
    pub backends: &'a [schema::Backend],
    /// The same, checked.
    pub checked: &'a [Backend],
    /// Checked.
    pub limits: &'a Limits,
    /// Merged defaults.
    pub timeouts: Timeouts,
    /// Where certificates are.
    pub place: &'a Place<'a>,
}

/// Checks every listener; one with an error is left out.
pub fn check(
    written: &[schema::Listener],
    scope: &Scope<'_>,
    bound: &mut BoundAddresses,
    findings: &mut Findings,
) -> Vec<Listener> {
    if let Some(first) = written.get(limits::LISTENERS) {
        let help = format!("write at most {}", limits::LISTENERS);
        findings.error(first.span.clone(), "there are too many listeners", help);
        return Vec::new();
    }
    let mut names = UniqueNames::new("listener");
    let mut listeners = Vec::new();
    for listener in written {
        if let Some(name) = &listener.name {
            names.add(name, findings);
        }
        listeners.extend(check_one(listener, scope, bound, findings));
    }
    listeners
}

fn check_one(
    written: &schema::Listener,
    scope: &Scope<'_>,
    bound: &mut BoundAddresses,
    findings: &mut Findings,
) -> Option<Listener> {
    let mode = mode::of(written.mode.as_ref());
    mode::check_listener(written, findings);
    timeouts::warn_in_listener(written.timeouts.as_ref(), findings);
    let bind = bound.add(written.bind.as_ref(), "0.0.0.0:443", findings);
    let routing = routes::check(written, mode, scope, findings);
    let request_headers = headers::check(written.request_headers.as_ref(), Direction::Request, findings);
    let response_headers = headers::check(written.response_headers.as_ref(), Direction::Response, findings);
    let error_pages = error_pages::check(&written.error_pages, scope.place, findings);
    let tls = written.tls.as_ref().map(|table| tls::check(table, mode, scope.place, findings));
    let most = scope.limits.max_connections.unwrap_or(limits::MAX_CONNECTIONS);
    let access = client_address::access(written, scope.place, findings);
    let trust = client_address::trust(written, scope.place, findings);
    if let Some(connections) = &written.max_connections
        && usize::try_from(*connections.get_ref()).is_ok_and(|connections| connections > most)
    {
        let message = format!("`max_connections` is larger than the process's, which is {most}");
        let help = format!("write at most {most}, or raise `limits.max_connections`");
        findings.error(connections.span(), message, help);
    }
    let (routes, default) = routing?;
    let listener = Listener {
        name: written.name.as_ref()?.get_ref().clone(),
        bind,
        mode,
        max_connections: written
            .max_connections
            .as_ref()
            .and_then(|connections| usize::try_from(*connections.get_ref()).ok()),
        routes,
        default,
        request_headers,
        response_headers,
        error_pages,
        access,
        accept_proxy: written.accept_proxy.as_ref().is_some_and(|flag| *flag.get_ref()),
        trust,
        tls: match tls {
            Some(loaded) => Some(loaded?),
            None => None,
        },
        timeouts: timeouts::merge(scope.timeouts, written.timeouts.as_ref()),
    };
    header_sums::check(written, &listener, scope.checked, findings);
    Some(listener)
}

impl Scope<'_> {
    /// The index of a backend by its name; it has to speak as the listener that refers to it.
    pub(super) fn backend_index(
        &self,
        mode: Mode,
        name: &Spanned<String>,
        findings: &mut Findings,
    ) -> Option<usize> {
        mode::agree(mode, name, self.backends, findings);
        let written = || self.backends.iter().map(|backend| backend.name.as_ref().map(Spanned::get_ref));
        if let Some(index) = written().position(|other| other == Some(name.get_ref())) {
            return Some(index);
        }
        let known: Vec<&str> = written().flatten().map(String::as_str).collect();
        let help = match nearest(name.get_ref(), &known) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("add [[backend]] with `name = \"{}\"`", name.get_ref().escape_debug()),
        };
        findings.error(name.span(), format!("there is no backend named {}", quoted(name.get_ref())), help);
        None
    }
}
