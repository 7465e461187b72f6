//! Looks at everything that `torii status` shows.
//!
//! Called on the control thread when somebody asks; workers are read with relaxed loads and never
//! stopped for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::model::{
    BackendStatus, ConnectionStatus, LimitHit, ListenerStatus, LogStatus, NodeState, NodeStatus,
    ServerStatus, WorkerStatus,
};
use crate::config::model::{Backend, Config, Listener};
use crate::ha::health::Draining;
use crate::ha::status::{PairState, PublishedStatus};
use crate::limits;
use crate::observe::counters::WorkerCounters;
use crate::observe::stats::{CheckFigures, Kind, ProcessFigures, Row, StatsSource};
use crate::observe::words::span;

/// Which part of its life the node is in; shared by those who change it and those who show it.
#[derive(Debug, Clone, Default)]
pub struct Phase(Arc<AtomicU8>, Draining);

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
        self.1.begin();
    }

    /// For the health of the pair: a node that ends and keeps the addresses, since nobody took them,
    /// gives them to the first that can.
    pub fn draining(&self) -> Draining {
        self.1.clone()
    }

    fn change(&self, from: u8, to: u8) {
        // A node that drains stays with that.
        let _ = self.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn state(&self) -> NodeState {
        match self.0.load(Ordering::Relaxed) {
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
    counters: Vec<Arc<WorkerCounters>>,
    stall_limit: Duration,
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
        counters: Vec<Arc<WorkerCounters>>,
        statistics: Arc<StatsSource>,
        pair: Option<PublishedStatus>,
        phase: Phase,
    ) -> Self {
        Self {
            cores: cores.to_vec(),
            counters,
            stall_limit: config.ha.as_ref().map_or(limits::ha::STALL_LIMIT, |ha| ha.stall_limit),
            listeners: config.listeners.clone(),
            backends: config.backends.clone(),
            statistics,
            pair,
            phase,
            host: host_name(),
        }
    }

    /// Where the pair's part of it comes from.
    pub fn pair(&self) -> Option<PublishedStatus> {
        self.pair.clone()
    }

    /// One look at everything.
    pub fn look(&self) -> NodeStatus {
        let unix_ms =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let now = Instant::now();
        let report = self.statistics.report(now, unix_ms);
        let uptime_ms = report.process.uptime.as_millis() as u64;
        let (front, back): (Vec<&Row>, Vec<&Row>) =
            report.rows.iter().partition(|row| row.kind == Kind::Frontend);
        let backends = self.backends(&back);
        let mut status = NodeStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            host: self.host.clone(),
            process_id: std::process::id(),
            started_unix_ms: unix_ms.saturating_sub(uptime_ms),
            uptime_ms,
            state: self.phase.state(),
            reasons: Vec::new(),
            connections: connections(&report.process),
            workers: self.workers(now),
            listeners: self.listeners(&front),
            backends,
            log: LogStatus { written: report.process.log_written, lost: report.process.log_dropped },
            limits_hit: limits_hit(&report.process),
            pair: self.pair.as_ref().map(|pair| (*pair.latest()).clone()),
        };
        judge(&mut status, self.stall_limit);
        status
    }

    fn workers(&self, now: Instant) -> Vec<WorkerStatus> {
        let workers = self.cores.iter().zip(&self.counters).enumerate();
        workers
            .map(|(number, (&core, counters))| WorkerStatus {
                number,
                core,
                heartbeat_ago_ms: counters.heartbeat.age(now).as_millis() as u64,
            })
            .collect()
    }

    fn listeners(&self, rows: &[&Row]) -> Vec<ListenerStatus> {
        let listeners = self.listeners.iter().zip(rows).enumerate();
        listeners
            .map(|(index, (listener, row))| {
                let wanted = listener.bind.len() as u64;
                let accepts =
                    |worker: &Arc<WorkerCounters>| worker.listeners[index].accepting.get() >= wanted;
                listener_of(listener, self.counters.iter().all(accepts), row)
            })
            .collect()
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
                required: backend.required,
                usable_servers: servers.iter().filter(|server| server.up && server.weight > 0).count() as u64,
                in_flight: row.sessions_now,
                queued: row.queue.map_or(0, |(now, _)| now),
                servers,
            });
        }
        backends
    }
}

/// Finds what is wrong, and whether the node serves in spite of it. The rules are those of the pair's
/// priority (`ha::health`), and two more: a node none of whose backends has a usable server has nothing
/// to give, and one whose part in the pair is a fault is not reached.
fn judge(status: &mut NodeStatus, stall_limit: Duration) {
    let mut grave = Vec::new();
    let mut other = Vec::new();
    for worker in &status.workers {
        let silent = Duration::from_millis(worker.heartbeat_ago_ms);
        if silent >= stall_limit {
            grave.push(format!("worker {} has made no progress for {}", worker.number, span(silent)));
        }
    }
    let closed = status.listeners.iter().filter(|listener| !listener.accepting);
    // When it drains that is no news.
    for listener in closed.filter(|_| status.state != NodeState::Draining) {
        grave.push(format!("listener \"{}\" does not accept in every worker", listener.name));
    }
    let nothing_usable = status.backends.iter().all(|backend| backend.usable_servers == 0);
    for backend in status.backends.iter().filter(|backend| backend.usable_servers == 0) {
        let reasons = if backend.required || nothing_usable { &mut grave } else { &mut other };
        reasons.push(format!("backend \"{}\" has no usable server", backend.name));
    }
    if let Some(pair) = status.pair.as_ref().filter(|pair| pair.state == PairState::Fault) {
        let cause = pair.transitions.last().map_or("see the log", |last| &last.cause);
        grave.push(format!("it takes no part in the pair: {cause}"));
    }
    if !grave.is_empty() && status.state == NodeState::Serving {
        status.state = NodeState::NotServing;
    }
    grave.append(&mut other);
    status.reasons = grave;
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

fn listener_of(listener: &Listener, accepting: bool, row: &Row) -> ListenerStatus {
    ListenerStatus {
        name: listener.name.clone(),
        bind: listener.bind.iter().map(ToString::to_string).collect(),
        mode: listener.mode.name().into(),
        tls: listener.tls.is_some(),
        state: row.state.to_string(),
        accepting,
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
#[path = "collect/tests.rs"]
mod tests;
