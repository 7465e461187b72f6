//! Looks at everything that `torii status` shows.
//!
//! Called on the control thread when somebody asks; workers are read with relaxed loads and never
//! stopped for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::model::{
    BackendStatus, ConnectionStatus, LimitHit, ListenerStatus, LogStatus, NodeState, NodeStatus,
    ServerStatus, WorkerStatus,
};
use crate::config::model::{Backend, Config, Listener};
use crate::ha::status::PublishedStatus;
use crate::observe::stats::{CheckFigures, Kind, ProcessFigures, Row, StatsSource};

/// Which part of its life the node is in; shared by those who change it and those who show it.
#[derive(Debug, Clone, Default)]
pub struct Phase(Arc<AtomicU8>);

impl Phase {
    const SERVING: u8 = 0;
    const SOFTENED: u8 = 1;
    const DRAINING: u8 = 2;

    /// A hand-over begins.
    pub fn soften(&self) {
        self.change(Self::SERVING, Self::SOFTENED);
    }

    /// A hand-over is over.
    pub fn resume(&self) {
        self.change(Self::SOFTENED, Self::SERVING);
    }

    /// The node ends.
    pub fn drain(&self) {
        self.0.store(Self::DRAINING, Ordering::Relaxed);
    }

    fn change(&self, from: u8, to: u8) {
        // A node that drains stays with that.
        let _ = self.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn state(&self, backends: &[BackendStatus]) -> NodeState {
        let is_usable = |backend: &BackendStatus| backend.usable_servers > 0;
        match self.0.load(Ordering::Relaxed) {
            Self::SERVING if !backends.iter().any(is_usable) => NodeState::NotServing,
            Self::SERVING => NodeState::Serving,
            Self::SOFTENED => NodeState::Softened,
            _ => NodeState::Draining,
        }
    }
}

/// Where all of it comes from.
#[derive(Debug)]
pub struct StatusSource {
    cores: Vec<usize>,
    listeners: Vec<Listener>,
    backends: Vec<Backend>,
    statistics: Arc<StatsSource>,
    pair: Option<PublishedStatus>,
    phase: Phase,
    host: Option<String>,
}

impl StatusSource {
    /// Of a node with this configuration, whose workers run on these cores.
    pub fn new(
        config: &Config,
        cores: &[usize],
        statistics: Arc<StatsSource>,
        pair: Option<PublishedStatus>,
        phase: Phase,
    ) -> Self {
        Self {
            cores: cores.to_vec(),
            listeners: config.listeners.clone(),
            backends: config.backends.clone(),
            statistics,
            pair,
            phase,
            host: host_name(),
        }
    }

    /// One look at everything.
    pub fn look(&self) -> NodeStatus {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let report = self.statistics.report(Instant::now(), now);
        let uptime_ms = report.process.uptime.as_millis() as u64;
        let (front, back): (Vec<&Row>, Vec<&Row>) =
            report.rows.iter().partition(|row| row.kind == Kind::Frontend);
        let backends = self.backends(&back);
        let reasons = backends.iter().filter(|backend| backend.usable_servers == 0).map(no_server).collect();
        NodeStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            host: self.host.clone(),
            process_id: std::process::id(),
            started_unix_ms: now.saturating_sub(uptime_ms),
            uptime_ms,
            state: self.phase.state(&backends),
            reasons,
            connections: connections(&report.process),
            workers: self
                .cores
                .iter()
                .enumerate()
                .map(|(number, &core)| WorkerStatus { number, core })
                .collect(),
            listeners: self
                .listeners
                .iter()
                .zip(front)
                .map(|(listener, row)| listener_of(listener, row))
                .collect(),
            backends,
            log: LogStatus { written: report.process.log_written, lost: report.process.log_dropped },
            limits_hit: limits_hit(&report.process),
            pair: self.pair.as_ref().map(|pair| (*pair.latest()).clone()),
        }
    }

    /// Rows of a backend's servers stand before its own.
    fn backends(&self, rows: &[&Row]) -> Vec<BackendStatus> {
        let mut rows = rows.iter();
        let mut backends = Vec::new();
        for backend in &self.backends {
            let servers = backend.servers.iter().zip(rows.by_ref());
            let servers: Vec<ServerStatus> = servers
                .map(|(server, row)| server_of(&server.name, server.address.to_string(), row))
                .collect();
            let Some(row) = rows.next() else { break };
            backends.push(BackendStatus {
                name: backend.name.clone(),
                mode: backend.mode.name().into(),
                state: row.state.to_string(),
                usable_servers: servers.iter().filter(|server| server.up && server.weight > 0).count() as u64,
                in_flight: row.sessions_now,
                queued: row.queue.map_or(0, |(now, _)| now),
                servers,
            });
        }
        backends
    }
}

fn no_server(backend: &BackendStatus) -> String {
    format!("backend \"{}\" has no usable server", backend.name)
}

fn connections(process: &ProcessFigures) -> ConnectionStatus {
    ConnectionStatus {
        now: process.connections,
        max: process.connections_max,
        limit: process.connections_limit,
        tunnels: process.tunnels_open,
        new_per_second: process.connection_rate,
        requests_per_second: process.request_rate,
    }
}

fn listener_of(listener: &Listener, row: &Row) -> ListenerStatus {
    ListenerStatus {
        name: listener.name.clone(),
        bind: listener.bind.iter().map(ToString::to_string).collect(),
        mode: listener.mode.name().into(),
        tls: listener.tls.is_some(),
        state: row.state.to_string(),
        connections: row.sessions_now,
        connections_limit: row.sessions_limit,
        requests_total: row.requests_total,
    }
}

fn server_of(name: &str, address: String, row: &Row) -> ServerStatus {
    ServerStatus {
        name: name.into(),
        address,
        state: row.state.to_string(),
        up: row.state.is_up(),
        weight: row.weight.unwrap_or(0),
        in_flight: row.sessions_now,
        changed_ago_s: row.last_change_s,
        last_check: row.check.as_ref().and_then(last_check),
    }
}

/// HAProxy's code, and the HTTP status behind a stroke; none before the first check has ended.
fn last_check(check: &CheckFigures) -> Option<String> {
    check.duration_ms?;
    Some(match check.code {
        Some(code) => format!("{}/{code}", check.status),
        None => check.status.to_string(),
    })
}

fn limits_hit(process: &ProcessFigures) -> Vec<LimitHit> {
    let hit = process.events.iter().filter(|(_, count)| *count > 0);
    hit.map(|&(name, count)| LimitHit { name: name.into(), count }).collect()
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(usable_servers: u64) -> BackendStatus {
        BackendStatus {
            name: "web".into(),
            mode: "http".into(),
            state: "UP".into(),
            usable_servers,
            in_flight: 0,
            queued: 0,
            servers: Vec::new(),
        }
    }

    #[test]
    fn a_node_that_drains_stays_with_that() {
        let phase = Phase::default();
        let state = |phase: &Phase| phase.state(&[backend(1)]);
        assert_eq!(state(&phase), NodeState::Serving);
        phase.soften();
        assert_eq!(state(&phase), NodeState::Softened);
        phase.resume();
        assert_eq!(state(&phase), NodeState::Serving);
        phase.drain();
        phase.soften();
        phase.resume();
        assert_eq!(state(&phase), NodeState::Draining);
    }

    #[test]
    fn a_node_without_any_usable_server_does_not_serve() {
        let state = |usable: &[u64]| {
            Phase::default().state(&usable.iter().map(|&count| backend(count)).collect::<Vec<_>>())
        };
        assert_eq!(state(&[0, 0]), NodeState::NotServing);
        assert_eq!(state(&[0, 1]), NodeState::Serving);
    }
}
