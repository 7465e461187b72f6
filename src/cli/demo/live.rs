//! The live line: what torii knows of each server, and how many requests it has sent there.

use std::sync::Arc;
use std::time::Instant;

use crate::observe::counters::WorkerCounters;
use crate::snapshot::Snapshot;

/// Index of the demo's only backend.
const BACKEND: usize = 0;

/// Reads a node's counters again and again.
pub(super) struct Live {
    snapshot: Arc<Snapshot>,
    counters: Vec<Arc<WorkerCounters>>,
    figures: Vec<Figures>,
    taken: Instant,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) name: Arc<str>,
    /// As its health checks see it.
    pub(super) up: bool,
    pub(super) requests: u64,
    pub(super) per_second: u64,
}

impl Live {
    pub(super) fn new(snapshot: Arc<Snapshot>, counters: Vec<Arc<WorkerCounters>>, now: Instant) -> Self {
        let servers = snapshot.backends[BACKEND].servers.iter();
        let figures = servers
            .map(|server| Figures { name: server.name.clone(), up: true, requests: 0, per_second: 0 })
            .collect();
        Self { snapshot, counters, figures, taken: now }
    }

    /// Figures of every server; rates are over the time since the last call.
    pub(super) fn look(&mut self, now: Instant) -> &[Figures] {
        let elapsed_ms = now.saturating_duration_since(self.taken).as_millis().max(1);
        self.taken = now;
        for (index, figures) in self.figures.iter_mut().enumerate() {
            let count = |worker: &Arc<WorkerCounters>| worker.backends[BACKEND].servers[index].requests.get();
            let requests: u64 = self.counters.iter().map(count).sum();
            figures.per_second = rate(requests - figures.requests, elapsed_ms);
            figures.requests = requests;
        }
        self.look_at_states()
    }

    /// As `look`, but counts and rates are those of before.
    pub(super) fn look_at_states(&mut self) -> &[Figures] {
        for (figures, server) in self.figures.iter_mut().zip(&self.snapshot.backends[BACKEND].servers) {
            figures.up = server.state.is_up();
        }
        &self.figures
    }
}

/// Rounded, and never to zero while there was one.
fn rate(count: u64, elapsed_ms: u128) -> u64 {
    let rounded = (u128::from(count) * 1000 + elapsed_ms / 2) / elapsed_ms;
    u64::try_from(rounded).unwrap_or(u64::MAX).max(u64::from(count > 0))
}

/// The line; `colours` for a terminal. At most 79 columns for three servers.
pub(super) fn line(figures: &[Figures], colours: bool) -> String {
    let servers: Vec<String> = figures.iter().map(|server| cell(server, colours)).collect();
    servers.join("   ")
}

fn cell(server: &Figures, colours: bool) -> String {
    let (word, colour) = if server.up { ("UP", "\x1b[32m") } else { ("DOWN", "\x1b[1;31m") };
    let (colour, plain) = if colours { (colour, "\x1b[0m") } else { ("", "") };
    let Figures { name, requests, per_second, .. } = server;
    format!("{name} {colour}{word}{plain} {} ({}/s)", short(*requests), short(*per_second))
}

/// At most five characters, however large.
fn short(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}k", count / 1000),
        1_000_000..10_000_000_000 => format!("{}M", count / 1_000_000),
        _ => format!("{}G", count / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(up: bool, requests: u64, per_second: u64) -> Figures {
        Figures { name: "web1".into(), up, requests, per_second }
    }

    #[test]
    fn shows_state_total_and_rate() {
        let servers = [figures(true, 12, 3), figures(false, 4, 0)];
        assert_eq!(line(&servers, false), "web1 UP 12 (3/s)   web1 DOWN 4 (0/s)");
        assert!(line(&servers, true).contains("\x1b[1;31mDOWN\x1b[0m"));
    }

    #[test]
    fn three_servers_fit_a_terminal_whatever_they_count() {
        let busy = figures(false, 9_999_999_999, 999_999);
        let widest = [busy.clone(), busy.clone(), busy];
        assert!(line(&widest, false).len() < 80, "{}", line(&widest, false));
    }

    #[test]
    fn a_single_request_is_never_rounded_away() {
        assert_eq!([rate(1, 990), rate(1, 5000), rate(0, 1500), rate(3000, 1000)], [1, 1, 0, 3000]);
    }
}
