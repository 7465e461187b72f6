//! Time-outs: defaults, then `[timeouts]`, then those of a listener or a backend.

use toml::Spanned;

use crate::config::model::{Timeouts, Tunnel};
use crate::config::report::Findings;
use crate::config::schema;

/// What holds in every listener and backend: the defaults, overridden by `[timeouts]`.
pub fn global(written: Option<&schema::Timeouts>) -> Timeouts {
    let mut merged = merge(Timeouts::default(), written);
    merged.tunnel.own = false;
    merged
}

/// The inner table wins over what is outside it.
pub fn merge(outer: Timeouts, written: Option<&schema::Timeouts>) -> Timeouts {
    let Some(written) = written else { return outer };
    let pick = |inner: &Option<Spanned<_>>, outer| inner.as_ref().map_or(outer, |value| *value.get_ref());
    Timeouts {
        connect: pick(&written.connect, outer.connect),
        client: pick(&written.client, outer.client),
        server: pick(&written.server, outer.server),
        http_request: pick(&written.http_request, outer.http_request),
        keep_alive: pick(&written.keep_alive, outer.keep_alive),
        queue: pick(&written.queue, outer.queue),
        client_fin: written.client_fin.as_ref().map(|value| *value.get_ref()).or(outer.client_fin),
        server_fin: written.server_fin.as_ref().map(|value| *value.get_ref()).or(outer.server_fin),
        tunnel: Tunnel { limit: pick(&written.tunnel, outer.tunnel.limit), own: written.tunnel.is_some() },
    }
}

/// Warns of time-outs of the server side in a listener: they are the backend's.
pub fn warn_in_listener(written: Option<&schema::Timeouts>, findings: &mut Findings) {
    let Some(written) = written else { return };
    for (key, value) in [
        ("connect", &written.connect),
        ("server", &written.server),
        ("queue", &written.queue),
        ("server_fin", &written.server_fin),
    ] {
        warn(key, value, "a listener", "[backend.timeouts]", findings);
    }
}

/// Warns of time-outs of the client side in a backend: they are the listener's.
pub fn warn_in_backend(written: Option<&schema::Timeouts>, findings: &mut Findings) {
    let Some(written) = written else { return };
    let values = [
        ("client", &written.client),
        ("http_request", &written.http_request),
        ("keep_alive", &written.keep_alive),
        ("client_fin", &written.client_fin),
    ];
    for (key, value) in values {
        warn(key, value, "a backend", "[listener.timeouts]", findings);
    }
}

fn warn<T>(key: &str, value: &Option<Spanned<T>>, holder: &str, better: &str, findings: &mut Findings) {
    if let Some(value) = value {
        let message = format!("the time-out `{key}` has no effect in {holder}");
        findings.warning(value.span(), message, format!("move it to {better} or [timeouts]"));
    }
}
