//! What servers are told of clients: fields of a request, and the PROXY protocol.

use std::sync::Arc;

use toml::Spanned;

use super::networks;
use super::whole::Place;
use crate::config::model::Forwarding;
use crate::config::report::Findings;
use crate::config::schema;
use crate::proxy_protocol::Version;

/// The fields; `None` when none is asked for.
pub fn check(
    written: &schema::Backend,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Arc<Forwarding>> {
    let flag = |value: &Option<Spanned<bool>>| value.as_ref().is_some_and(|flag| *flag.get_ref());
    let address = flag(&written.forwarded_for);
    let except = match &written.forwarded_for_except {
        None => Default::default(),
        Some(list) => {
            if !address {
                let help = "add `forwarded_for = true`, or remove the list";
                findings.warning(list.span(), "`forwarded_for_except` has no effect alone", help);
            }
            networks::check(list, place, findings)
        }
    };
    let forwarding = Forwarding {
        address,
        except,
        proto: flag(&written.forwarded_proto),
        port: flag(&written.forwarded_port),
        forwarded: flag(&written.forwarded),
    };
    let asks = forwarding.address || forwarding.proto || forwarding.port || forwarding.forwarded;
    asks.then(|| Arc::new(forwarding))
}

/// A server's `send_proxy`, or its backend's.
pub fn send_proxy(backend: &schema::Backend, server: &schema::Server) -> Option<Version> {
    match server.send_proxy.as_ref().or(backend.send_proxy.as_ref()).map(|word| *word.get_ref()) {
        Some("v1") => Some(Version::V1),
        Some("v2") => Some(Version::V2),
        _ => None,
    }
}
