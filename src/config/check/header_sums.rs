//! What the header rules of a listener and of each of its backends come to in one head.
//!
//! Called by `listeners` for a listener that has no error of its own.

use crate::config::model::{Action, Backend, Listener};
use crate::config::reader::quoted;
use crate::config::report::Findings;
use crate::config::schema;
use crate::http::header_rules::HeaderRules;
use crate::limits;

/// Checks the listener with every backend that its clients can get to.
pub fn check(written: &schema::Listener, listener: &Listener, backends: &[Backend], findings: &mut Findings) {
    let actions = listener.routes.iter().map(|route| &route.action).chain([&listener.default]);
    for action in actions {
        let Action::Backend(index) = action else { continue };
        let Some(backend) = backends.get(*index) else { continue };
        check_size(written, listener, backend, findings);
        check_names(written, listener, backend, findings);
    }
}

/// The head grows into the room before a buffer's data: both have to fit there.
fn check_size(written: &schema::Listener, listener: &Listener, backend: &Backend, findings: &mut Findings) {
    let size = |rules: &Option<HeaderRules>| rules.as_ref().map_or(0, |rules| rules.lines().len());
    let sum = |one: &Option<HeaderRules>, other: &Option<HeaderRules>| match (size(one), size(other)) {
        // One alone, too large or not, has been dealt with.
        (0, _) | (_, 0) => 0,
        (one, other) => one + other,
    };
    let sum = sum(&listener.request_headers, &backend.request_headers)
        .max(sum(&listener.response_headers, &backend.response_headers));
    if sum > limits::HEADER_RULES_SIZE {
        let name = quoted(&backend.name);
        let message = format!("the header rules of this listener and of backend {name} add {sum} bytes");
        let help = format!("at most {} fit together", limits::HEADER_RULES_SIZE);
        findings.error(written.span.clone(), message, help);
    }
}

/// A field that torii says once must not be said by a rule too: a server would have to choose.
fn check_names(written: &schema::Listener, listener: &Listener, backend: &Backend, findings: &mut Findings) {
    let Some(forwarding) = &backend.forwarding else { return };
    let rules = HeaderRules::both(listener.request_headers.as_ref(), backend.request_headers.as_ref());
    let said = |name: &str| {
        let mut added = rules.iter().flat_map(HeaderRules::added);
        added.any(|(added, _)| added.eq_ignore_ascii_case(name.as_bytes()))
    };
    let keys = [
        (forwarding.proto, "X-Forwarded-Proto", "forwarded_proto"),
        (forwarding.port, "X-Forwarded-Port", "forwarded_port"),
    ];
    for (is_on, name, key) in keys {
        if is_on && said(name) {
            let backend = quoted(&backend.name);
            let message = format!("{name} is said by a header rule and by `{key}` of backend {backend}");
            findings.error(written.span.clone(), message, "leave one of them");
        }
    }
}
