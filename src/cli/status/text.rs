//! The screen of `torii status`: what matters first, one thing a line, words instead of codes.
//!
//! Called by `command`. No colour and no width to guess: it is read over slow connections, piped into
//! files and pasted into tickets.

use std::fmt::Write;
use std::time::Duration;

use super::pair;
use crate::control::status::{BackendStatus, ListenerStatus, NodeStatus, ServerStatus};
use crate::observe::words::{grouped, span, span_ms};

/// Width of the first column.
const LABEL: usize = 13;

/// Everything.
pub(super) fn screen(status: &NodeStatus) -> String {
    let mut out = String::new();
    write_head(&mut out, status);
    if let Some(pair) = &status.pair {
        pair::write(&mut out, pair);
    }
    for listener in &status.listeners {
        write_listener(&mut out, listener);
    }
    for backend in &status.backends {
        write_backend(&mut out, backend);
    }
    for hit in &status.limits_hit {
        line(&mut out, "counted", &format!("{}: {}", hit.name, grouped(hit.count)));
    }
    out
}

/// A line with a label; without one it goes on with what is above.
pub(super) fn line(out: &mut String, label: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{label:<LABEL$} {text}");
}

fn write_head(out: &mut String, status: &NodeStatus) {
    let host = status.host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
    let _ = writeln!(
        out,
        "torii {}{host}, process {}, up {}",
        status.version,
        status.process_id,
        span_ms(status.uptime_ms)
    );
    line(out, "state", &status.state.to_string());
    for reason in &status.reasons {
        line(out, "  !", reason);
    }
    let connections = &status.connections;
    let limit = connections.limit.map(|limit| format!(" of {}", grouped(limit))).unwrap_or_default();
    let mut text = format!(
        "{}{limit} now, at most {}; {} new and {} requests a second",
        grouped(connections.now),
        grouped(connections.max),
        grouped(connections.new_per_second),
        grouped(connections.requests_per_second)
    );
    if connections.tunnels > 0 {
        let _ = write!(text, "; {} are tunnels", grouped(connections.tunnels));
    }
    line(out, "connections", &text);
    let workers = status.workers.iter().map(|worker| {
        let ago = span_ms(worker.heartbeat_ago_ms);
        format!("{} on core {}, alive {ago} ago", worker.number, worker.core)
    });
    line(out, "workers", &workers.collect::<Vec<_>>().join("; "));
    let log = &status.log;
    line(out, "log", &format!("{} lines, {} lost", grouped(log.written), grouped(log.lost)));
}

fn write_listener(out: &mut String, listener: &ListenerStatus) {
    let limit = listener.connections_limit.map(|limit| format!(" of {}", grouped(limit))).unwrap_or_default();
    let tls = if listener.tls { " with TLS" } else { "" };
    line(
        out,
        "listener",
        &format!(
            "{} {}: {}{tls} at {}; {}{limit} connections, {} requests since the start",
            listener.name,
            listener.state,
            listener.mode,
            listener.bind.join(", "),
            grouped(listener.connections),
            grouped(listener.requests_total)
        ),
    );
}

fn write_backend(out: &mut String, backend: &BackendStatus) {
    line(
        out,
        "backend",
        &format!(
            "{} {}: {} of {} servers usable, {} requests in flight, {} queued",
            backend.name,
            backend.state,
            backend.usable_servers,
            backend.servers.len(),
            grouped(backend.in_flight),
            grouped(backend.queued)
        ),
    );
    let width = |of: fn(&ServerStatus) -> &str| {
        backend.servers.iter().map(|server| of(server).chars().count()).max().unwrap_or(0)
    };
    let name_width = width(|server| &server.name);
    let state_width = width(|server| &server.state);
    let address_width = width(|server| &server.address);
    for server in &backend.servers {
        let mut text = format!(
            "  {:<name_width$}  {:<state_width$}  {:<address_width$}  {} in flight",
            server.name,
            server.state,
            server.address,
            grouped(server.in_flight)
        );
        if let Some(seconds) = server.changed_ago_s {
            let word = if server.up { "up" } else { "down" };
            let _ = write!(text, ", {word} for {}", span(Duration::from_secs(seconds)));
        }
        if let Some(check) = &server.last_check {
            let _ = write!(text, ", last check {check}");
        }
        line(out, "", &text);
    }
}

#[cfg(test)]
#[path = "text/tests.rs"]
mod tests;
