//! `[[listener]]`: names, addresses, the backend that is meant, TLS.

use toml::Spanned;

use super::address::BoundAddresses;
use super::names::UniqueNames;
use super::whole::Place;
use super::{client_address, mode, timeouts, tls};
use crate::config::model::{Limits, Listener, Timeouts};
use crate::config::reader::{nearest, quoted};
use crate::config::report::Findings;
use crate::config::schema;
use crate::limits;

/// What a listener refers to.
#[derive(Debug)]
pub struct Scope<'a> {
    /// As written: a reference is good even when the backend has an error of its own.
    pub backends: &'a [schema::Backend],
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
    if let Some(backend) = &written.backend {
        mode::agree(mode, backend, scope.backends, findings);
    }
    mode::check_listener(written, findings);
    timeouts::warn_in_listener(written.timeouts.as_ref(), findings);
    let bind = bound.add(written.bind.as_ref(), "0.0.0.0:443", findings);
    let backend = written.backend.as_ref().and_then(|name| backend_index(name, scope, findings));
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
    Some(Listener {
        name: written.name.as_ref()?.get_ref().clone(),
        bind,
        mode,
        max_connections: written
            .max_connections
            .as_ref()
            .and_then(|connections| usize::try_from(*connections.get_ref()).ok()),
        backend: backend?,
        access,
        accept_proxy: written.accept_proxy.as_ref().is_some_and(|flag| *flag.get_ref()),
        trust,
        tls: match tls {
            Some(loaded) => Some(loaded?),
            None => None,
        },
        timeouts: timeouts::merge(scope.timeouts, written.timeouts.as_ref()),
    })
}

fn backend_index(name: &Spanned<String>, scope: &Scope<'_>, findings: &mut Findings) -> Option<usize> {
    let written = || scope.backends.iter().map(|backend| backend.name.as_ref().map(Spanned::get_ref));
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
