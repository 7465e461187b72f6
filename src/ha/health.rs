//! Whether this node serves: what its own workers, listeners and backends say. The priority follows.
//!
//! Polled by the ha thread every few milliseconds, and by whoever shows it. Reads atomics that workers
//! and health checks write; takes no lock, asks nobody, and allocates only when somebody wants words.
//! [`Silence`] is the part that needs care, and knows no clock.
//!
//! A node serves while every worker makes progress, every listener accepts in every worker, no backend
//! with `required = true` is without a usable server, and no drain has begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::silence::{Progress, Silence};
use super::status::Contribution;
use crate::config::model::Listener;
use crate::config::units::show_duration;
use crate::limits::ha::PRIORITY_MAX;
use crate::observe::counters::WorkerCounters;
use crate::snapshot::Snapshot;
use crate::snapshot::publish::{Published, View};

/// Raised once by control when the node begins to drain for good.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// The node takes no new clients from now on.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a node does not serve. Indices are those of the workers and of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A worker gives no sign of life.
    Stalled(usize),
    /// A worker gives signs of life again, but has not for long enough.
    Recovering(usize),
    /// A worker does not accept at every address of a listener.
    NotAccepting {
        /// Which worker.
        worker: usize,
        /// Which listener.
        listener: usize,
    },
    /// A required backend has no server that could take a new client.
    NoServer(usize),
    /// The node is about to end.
    Draining,
}

/// The health of this node, as of the last poll.
#[derive(Debug)]
pub struct Health {
    view: View,
    counters: Vec<Arc<WorkerCounters>>,
    workers: Vec<Silence>,
    /// Addresses of each listener: so many loops accept for it in each worker.
    addresses: Vec<u64>,
    draining: Draining,
    stall_limit: Duration,
    polled_at: Option<Duration>,
    /// In the order of the enum; empty while the node serves.
    reasons: Vec<Reason>,
}

impl Health {
    /// A node whose workers have just been started. It does not serve before they accept.
    pub fn new(
        published: &Published,
        listeners: &[Listener],
        counters: Vec<Arc<WorkerCounters>>,
        draining: Draining,
        stall_limit: Duration,
    ) -> Self {
        Self {
            view: published.view(),
            workers: counters.iter().map(|_| Silence::new(stall_limit)).collect(),
            counters,
            addresses: listeners.iter().map(|listener| listener.bind.len() as u64).collect(),
            draining,
            stall_limit,
            polled_at: None,
            reasons: Vec::new(),
        }
    }

    /// Looks again. `now` is monotonic since any moment. `true` when the reasons are others than before.
    pub fn poll(&mut self, now: Duration) -> bool {
        let passed = self.polled_at.map_or(Duration::ZERO, |before| now.saturating_sub(before));
        let is_first = self.polled_at.replace(now).is_none();
        let mut found = std::mem::take(&mut self.reasons);
        let before = found.len();
        // What is found is appended, then compared with what stood there, so that nothing is allocated.
        for (index, (silence, counters)) in self.workers.iter_mut().zip(&self.counters).enumerate() {
            match silence.observe(counters.heartbeat.last_ms(), passed) {
                Progress::Steady => {}
                Progress::Stalled => found.push(Reason::Stalled(index)),
                Progress::Recovering => found.push(Reason::Recovering(index)),
            }
        }
        self.look_at_listeners(&mut found);
        for (index, backend) in self.view.latest().backends.iter().enumerate() {
            let usable =
                || backend.servers.iter().any(|server| server.state.is_up() && server.state.weight() > 0);
            if backend.required && !usable() {
                found.push(Reason::NoServer(index));
            }
        }
        if self.draining.has_begun() {
            found.push(Reason::Draining);
        }
        let changed = is_first || found[..before] != found[before..];
        found.drain(..before);
        self.reasons = found;
        changed
    }

    fn look_at_listeners(&self, found: &mut Vec<Reason>) {
        for (worker, counters) in self.counters.iter().enumerate() {
            for (listener, counts) in counters.listeners.iter().enumerate() {
                if counts.accepting.get() < self.addresses[listener] {
                    found.push(Reason::NotAccepting { worker, listener });
                }
            }
        }
    }

    /// Whether the node serves; not before the first poll.
    pub fn serves(&self) -> bool {
        self.polled_at.is_some() && self.reasons.is_empty()
    }

    /// Whether every listener accepts in every worker, as of the last poll.
    pub fn accepts(&self) -> bool {
        let is_shut = |reason: &Reason| matches!(reason, Reason::NotAccepting { .. });
        self.polled_at.is_some() && !self.reasons.iter().any(is_shut)
    }

    /// Why it does not.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The priority of a node: its base, and the weight while it serves; 1..=254.
    pub fn priority(&self, base: u8, serving_weight: u8) -> u8 {
        let weight = if self.serves() { serving_weight } else { 0 };
        base.saturating_add(weight).clamp(1, PRIORITY_MAX)
    }

    /// How that priority comes about, for people: the base, then the weight or every reason against it.
    pub fn sum(&mut self, base: u8, serving_weight: u8) -> Vec<Contribution> {
        let mut sum = vec![Contribution { what: "base priority".into(), points: base.into() }];
        if self.serves() {
            sum.push(Contribution { what: "serving".into(), points: serving_weight.into() });
        } else {
            sum.extend(self.words().into_iter().map(|what| Contribution { what, points: 0 }));
        }
        sum
    }

    /// Every reason in words.
    pub fn words(&mut self) -> Vec<String> {
        let snapshot = self.view.latest().clone();
        self.reasons.iter().map(|reason| self.word(*reason, &snapshot)).collect()
    }

    fn word(&self, reason: Reason, snapshot: &Snapshot) -> String {
        match reason {
            Reason::Stalled(worker) => format!(
                "worker {worker} has made no progress for {} ms (stall_limit {})",
                self.workers[worker].silent_for().as_millis(),
                show_duration(self.stall_limit)
            ),
            Reason::Recovering(worker) => {
                format!("worker {worker} has stalled and is watched for {}", show_duration(self.stall_limit))
            }
            Reason::NotAccepting { worker, listener } => {
                let name = &snapshot.listeners[listener].name;
                format!("listener \"{name}\" is not accepting in worker {worker}")
            }
            Reason::NoServer(backend) => {
                let name = &snapshot.backends[backend].name;
                format!("backend \"{name}\" is required and has no usable server")
            }
            Reason::Draining => "this node is draining".into(),
        }
    }
}

#[cfg(test)]
mod tests;
