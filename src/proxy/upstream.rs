//! Connections to servers: kept per worker and server, last in first out, and made when none is left.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::worker::Worker;
use crate::limits::{IDLE_UPSTREAM_AGE, IDLE_UPSTREAM_PER_SERVER};
use crate::net::{Deadlines, Socket};
use crate::observe::counters::ServerCounters;
use crate::snapshot::Server;

/// A connection to a server, in use.
pub(super) struct Upstream {
    pub(super) socket: Socket,
    /// It has carried a request before, so the server may close it as we send.
    pub(super) reused: bool,
}

/// Idle connections of one worker, by backend and server.
pub(super) struct Upstreams {
    backends: RefCell<Vec<Vec<Vec<Idle>>>>,
}

struct Idle {
    socket: Socket,
    since_ms: u64,
}

impl Upstreams {
    pub(super) fn new(servers_of_backends: impl Iterator<Item = usize>) -> Self {
        let servers = |count| std::iter::repeat_with(Vec::new).take(count).collect();
        Self { backends: RefCell::new(servers_of_backends.map(servers).collect()) }
    }

    /// The idle connection used last, if it is still good: open, and silent since its last response
    /// (bytes that come unasked would be taken for the answer to somebody else's request).
    pub(super) fn reuse(&self, backend: usize, server: usize, worker: &Worker) -> Option<Upstream> {
        let counters = &worker.counters.backends[backend].servers[server];
        loop {
            let idle = {
                let list = &mut self.backends.borrow_mut()[backend][server];
                let idle = list.pop();
                counters.idle_connections.set(list.len() as u64);
                idle?
            };
            if idle.socket.is_quiet() {
                counters.reuses.add(1);
                return Some(Upstream { socket: idle.socket, reused: true });
            }
            worker.counters.worker.idle_upstream_discarded.add(1);
        }
    }

    /// Keeps a connection whose response is over, unless enough are kept.
    pub(super) fn keep(
        &self,
        backend: usize,
        server: usize,
        socket: Socket,
        now_ms: u64,
        counters: &ServerCounters,
    ) {
        let list = &mut self.backends.borrow_mut()[backend][server];
        if list.len() < IDLE_UPSTREAM_PER_SERVER {
            socket.deadline().disarm();
            list.push(Idle { socket, since_ms: now_ms });
            counters.idle_connections.set(list.len() as u64);
        }
    }

    /// Closes what is too old, was closed by the server, or said something unasked.
    pub(super) fn sweep(&self, worker: &Worker) {
        let now_ms = worker.clock.now();
        let age_ms = IDLE_UPSTREAM_AGE.as_millis() as u64;
        for (backend, servers) in self.backends.borrow_mut().iter_mut().enumerate() {
            for (server, list) in servers.iter_mut().enumerate() {
                let before = list.len();
                list.retain(|idle| now_ms.saturating_sub(idle.since_ms) < age_ms && idle.socket.is_quiet());
                worker.counters.worker.idle_upstream_discarded.add((before - list.len()) as u64);
                worker.counters.backends[backend].servers[server].idle_connections.set(list.len() as u64);
            }
        }
    }

    /// Closes everything.
    pub(super) fn clear(&self) {
        self.backends.borrow_mut().iter_mut().flatten().for_each(Vec::clear);
    }
}

/// A new connection.
///
/// # Errors
/// `TimedOut`, refused, unreachable: what the kernel says.
pub(super) async fn connect(
    server: &Server,
    timeout: Duration,
    deadlines: &Rc<Deadlines>,
    counters: &ServerCounters,
) -> io::Result<Upstream> {
    match Socket::connect(server.address, timeout, deadlines).await {
        Ok(socket) => {
            counters.connects.add(1);
            Ok(Upstream { socket, reused: false })
        }
        Err(error) => {
            counters.connect_errors.add(1);
            Err(error)
        }
    }
}
