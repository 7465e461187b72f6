//! What was started, in plain words, on standard error.

use std::fmt::Write;

use super::cores::Plan;
use super::descriptors::{self, Share};
use crate::config::model::{Action, Config, LogTarget};
use crate::limits::{HEADS_SET_ASIDE, LEASE_HEADROOM, LEASES_PER_SESSION};
use crate::net::driver::Driver;

/// Bytes of a parked connection in user space, plain: its task, socket and deadline. 8,000 clients
/// measured 573 each before their first request and 762 after it.
const PARKED_CONNECTION: usize = 1024;

/// Bytes more where it has a TLS session; 4,000 clients measured 8.3 KiB each.
const PARKED_TLS_SESSION: usize = 11 * 1024;

/// Prints it.
pub fn print(config: &Config, plan: &Plan, driver: Driver, driver_note: Option<&str>, share: Share) {
    eprint!("{}", text(config, plan, driver, driver_note, share));
}

fn text(config: &Config, plan: &Plan, driver: Driver, driver_note: Option<&str>, share: Share) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(&mut text, config, plan, driver, driver_note, share);
    text
}

fn write_text(
    out: &mut String,
    config: &Config,
    plan: &Plan,
    driver: Driver,
    driver_note: Option<&str>,
    share: Share,
) -> std::fmt::Result {
    writeln!(out, "torii {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  driver      {driver}")?;
    if let Some(note) = driver_note {
        writeln!(out, "              {note}; epoll is slower")?;
    }
    write_threads(out, plan)?;
    for listener in &config.listeners {
        let addresses = list(&listener.bind);
        let tls = if listener.tls.is_some() { " with TLS" } else { "" };
        let routes = match listener.routes.len() {
            0 => String::new(),
            routes => format!("{}, else ", count(routes, "route")),
        };
        let default = action(&listener.default, config);
        writeln!(out, "  listener    {} on {addresses}{tls} -> {routes}{default}", listener.name)?;
    }
    if let Some(stats) = &config.stats {
        let scheme = if stats.tls.is_some() { "https" } else { "http" };
        for address in &stats.bind {
            writeln!(out, "  statistics  {scheme}://{address}{}", stats.path)?;
        }
    }
    writeln!(out, "  log         {}", log(&config.log.target))?;
    write_memory(out, config, plan, share)?;
    write_descriptors(out, config, share)?;
    Ok(())
}

/// What is done with a request, in a few words.
fn action(action: &Action, config: &Config) -> String {
    match action {
        Action::Backend(index) => {
            let backend = &config.backends[*index];
            format!("{} ({})", backend.name, count(backend.servers.len(), "server"))
        }
        Action::Redirect(redirect) => format!("redirect {}", redirect.status.number()),
        Action::Answer(answer) => format!("answer {}", answer.status()),
    }
}

fn write_threads(out: &mut String, plan: &Plan) -> std::fmt::Result {
    let cores = list(&plan.workers);
    let control = match plan.control {
        None => "control and log threads on any core".into(),
        Some(core) if plan.shares_control() => format!("control and log threads share core {core}"),
        Some(core) => format!("control and log threads on core {core}"),
    };
    writeln!(out, "  workers     {}, on core {cores}; {control}", plan.workers.len())
}

/// The bound that promise 3 speaks of: leases and parked connections, all of them in use.
fn write_memory(out: &mut String, config: &Config, plan: &Plan, share: Share) -> std::fmt::Result {
    let lease = config.io.buffer_size + LEASE_HEADROOM;
    let leases = (lease * config.io.buffers_per_worker + HEADS_SET_ASIDE) * plan.workers.len();
    let tls = config.listeners.iter().any(|listener| listener.tls.is_some());
    let connection = PARKED_CONNECTION + if tls { PARKED_TLS_SESSION } else { 0 };
    let connections = connection * share.room.clients;
    writeln!(
        out,
        "  memory      at most about {} MiB: {} x {} buffers of {} KiB ({} busy connections each), \
         {} connections of {} KiB",
        mib(leases + connections),
        count(plan.workers.len(), "worker"),
        config.io.buffers_per_worker,
        lease / 1024,
        config.io.buffers_per_worker / LEASES_PER_SESSION,
        share.room.clients,
        connection / 1024,
    )
}

fn write_descriptors(out: &mut String, config: &Config, share: Share) -> std::fmt::Result {
    let wanted = config.limits.max_connections.unwrap_or(share.room.clients);
    if wanted <= share.room.clients {
        return Ok(());
    }
    writeln!(
        out,
        "  warning     {wanted} connections take {} file descriptors, but only {} are allowed: at most {} \
         connections are accepted; raise LimitNOFILE (or ulimit -n), or lower limits.max_connections",
        descriptors::needed(wanted, share.reserve),
        share.allowed,
        share.room.clients
    )
}

fn log(target: &LogTarget) -> String {
    match target {
        LogTarget::Off => "off".into(),
        LogTarget::Stdout => "standard output".into(),
        LogTarget::Stderr => "standard error".into(),
        LogTarget::File(path) => format!("file {}", path.display()),
        LogTarget::SyslogLocal(path) => format!("syslog at {}", path.display()),
        LogTarget::SyslogUdp(address) => format!("syslog at {address} over UDP"),
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1024 * 1024)
}
