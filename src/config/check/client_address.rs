//! Who may connect to a listener, and whom it believes about its clients.

use std::sync::Arc;

use toml::Spanned;

use super::networks;
use super::whole::Place;
use crate::address::{Access, Trust};
use crate::config::reader::{quoted, shown};
use crate::config::report::Findings;
use crate::config::schema;

/// Fields that hold something else than the address of a client.
const OTHER_FIELDS: [&str; 9] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "cookie",
    "te",
    "upgrade",
    "expect",
    "authorization",
];

/// `allow` and `deny`.
pub fn access(written: &schema::Listener, place: &Place<'_>, findings: &mut Findings) -> Option<Arc<Access>> {
    let deny = written.deny.as_ref().map(|list| networks::check(list, place, findings));
    let allow = written.allow.as_ref().map(|list| {
        let before = findings.has_errors();
        let allow = networks::check(list, place, findings);
        if allow.is_empty() && findings.has_errors() == before {
            let help = "write who may connect, or remove the key: then everybody may";
            findings.error(list.span(), "`allow` holds no network, so nobody could connect", help);
        }
        allow
    });
    if deny.is_none() && allow.is_none() {
        return None;
    }
    Some(Arc::new(Access { deny: deny.unwrap_or_default(), allow }))
}

/// `trusted_proxies`, and the two keys that need it.
pub fn trust(written: &schema::Listener, place: &Place<'_>, findings: &mut Findings) -> Option<Arc<Trust>> {
    let trusted = written.trusted_proxies.as_ref();
    if let Some(accept) = written.accept_proxy.as_ref().filter(|flag| *flag.get_ref()) {
        check_accept_proxy(accept, written, findings);
    }
    let header = written.client_address_header.as_ref();
    if let Some(name) = header {
        check_header(name, findings);
        if trusted.is_none() {
            let message = "`client_address_header` without `trusted_proxies` would believe every client";
            let help = "add `trusted_proxies` with the networks of the proxies that write the field";
            findings.error(name.span(), message, help);
        }
    }
    let proxies = networks::check(trusted?, place, findings);
    let header = header.map(|name| name.get_ref().as_str().into());
    Some(Arc::new(Trust { proxies, header }))
}

fn check_accept_proxy(accept: &Spanned<bool>, written: &schema::Listener, findings: &mut Findings) {
    match &written.trusted_proxies {
        // HAProxy's `accept-proxy` believes everybody, and its users close the port by a firewall.
        None => {
            let message = "whoever reaches this listener can claim any address by PROXY protocol";
            let help = "add `trusted_proxies` with the networks of the balancers in front";
            findings.warning(accept.span(), message, help);
        }
        Some(list) if list.get_ref().is_empty() => {
            let message = "nobody is trusted to send the PROXY protocol header that is required";
            findings.error(list.span(), message, "write the networks of the balancers in front");
        }
        Some(_) => {}
    }
}

fn check_header(name: &Spanned<String>, findings: &mut Findings) {
    let text = name.get_ref().as_str();
    let is_token = crate::http::scan::is_token(text.as_bytes());
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "x-forwarded-for" | "forwarded") {
        let message = format!("{} is a list of addresses, not one address", shown(text));
        let help = "remove the key: with `trusted_proxies`, X-Forwarded-For is followed";
        findings.error(name.span(), message, help);
    } else if !is_token || OTHER_FIELDS.contains(&lower.as_str()) {
        let message = format!("{} is not a field that holds an address", quoted(text));
        findings.error(name.span(), message, "write a name such as \"True-Client-IP\"");
    }
}
