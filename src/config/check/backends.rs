//! `[[backend]]` and `[[backend.server]]`: names, balance, servers and their cookie values.

use std::collections::HashSet;

use toml::Spanned;

use super::names::UniqueNames;
use super::whole::Place;
use super::{address, balance, cookie, forwarding, headers, health, mode, process, timeouts};
use crate::config::model::{Backend, Server, Timeouts};
use crate::config::reader::quoted;
use crate::config::report::Findings;
use crate::config::schema;
use crate::http::header_rules::Direction;
use crate::limits;

/// Checks every backend. A backend with an error keeps its place, so that indices stay those of the file.
pub fn check(
    written: &[schema::Backend],
    defaults: Timeouts,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Vec<Backend> {
    if let Some(first) = written.get(limits::BACKENDS) {
        findings.error(
            first.span.clone(),
            "there are too many backends",
            format!("write at most {}", limits::BACKENDS),
        );
        return Vec::new();
    }
    let mut names = UniqueNames::new("backend");
    let mut backends = Vec::new();
    for backend in written {
        if let Some(name) = &backend.name {
            names.add(name, findings);
        }
        backends.push(check_one(backend, defaults, place, findings));
    }
    backends
}

fn check_one(
    written: &schema::Backend,
    defaults: Timeouts,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Backend {
    mode::check_backend(written, findings);
    timeouts::warn_in_backend(written.timeouts.as_ref(), findings);
    let servers = servers(written, findings);
    cookie_values(written, findings);
    Backend {
        name: written.name.as_ref().map(|name| name.get_ref().clone()).unwrap_or_default(),
        mode: mode::of(written.mode.as_ref()),
        balance: balance::check(written, findings),
        forwarding: forwarding::check(written, place, findings),
        request_headers: headers::check(written.request_headers.as_ref(), Direction::Request, findings),
        response_headers: headers::check(written.response_headers.as_ref(), Direction::Response, findings),
        cookie: written.cookie.as_ref().map(|table| cookie::check(table, findings)),
        check: written.check.as_ref().and_then(|table| health::check(table, findings)),
        required: required(written, findings),
        servers,
        timeouts: timeouts::merge(defaults, written.timeouts.as_ref()),
    }
}

/// Without checks every server is taken to be up, so that nothing could ever be missing.
fn required(written: &schema::Backend, findings: &mut Findings) -> bool {
    let Some(flag) = &written.required else { return false };
    if *flag.get_ref() && written.check.is_none() {
        let message = "`required` has no effect here: servers without a check are always taken to be up";
        findings.warning(flag.span(), message, "add [backend.check], or remove `required`");
    }
    *flag.get_ref()
}

fn servers(written: &schema::Backend, findings: &mut Findings) -> Vec<Server> {
    if written.servers.len() > limits::SERVERS_PER_BACKEND {
        let help = format!("write at most {}", limits::SERVERS_PER_BACKEND);
        findings.error(written.span.clone(), "this backend has too many servers", help);
        return Vec::new();
    }
    let mut names = UniqueNames::new("server");
    let mut servers = Vec::new();
    for server in &written.servers {
        if let Some(name) = &server.name {
            names.add(name, findings);
        }
        let address = server.address.as_ref();
        let address = address.and_then(|text| address::to_connect(text, "192.0.2.11:80", findings));
        let (Some(name), Some(address)) = (&server.name, address) else { continue };
        servers.push(Server {
            name: name.get_ref().clone(),
            address,
            cookie: server.cookie.as_ref().map(|value| value.get_ref().clone()),
            max_connections: server
                .max_connections
                .as_ref()
                .map(|most| process::number(Some(most), u32::MAX)),
            weight: process::number(server.weight.as_ref(), 1),
            send_proxy: forwarding::send_proxy(written, server),
        });
    }
    servers
}

/// Cookie values of a backend's servers: legal, told apart, and of use.
fn cookie_values(written: &schema::Backend, findings: &mut Findings) {
    let values = written.servers.iter().filter_map(|server| server.cookie.as_ref());
    let values: Vec<&Spanned<String>> = values.collect();
    for value in &values {
        cookie::check_server_value(value, findings);
    }
    match (&written.cookie, values.first()) {
        (Some(table), None) => {
            let message = "no server of this backend has a cookie value, so nobody is kept on a server";
            let help = "add `cookie = \"w01\"` to each server";
            findings.warning(table.span.clone(), message, help);
        }
        (None, Some(value)) => {
            let message = "this cookie value has no effect: its backend has no [backend.cookie]";
            let help = "add [backend.cookie] with `name`, or remove the value";
            findings.warning(value.span(), message, help);
        }
        _ => {}
    }
    let shared = written.shared_cookie_values.as_ref().is_some_and(|flag| *flag.get_ref());
    let mut seen: HashSet<&str> = HashSet::new();
    for value in values {
        if !seen.insert(value.get_ref()) && !shared {
            let message =
                format!("another server of this backend has the cookie value {}", quoted(value.get_ref()));
            let help = "give each its own; if it is meant, add `shared_cookie_values = true` to [[backend]]";
            findings.error(value.span(), message, help);
        }
    }
}
