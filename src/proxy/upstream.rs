//! Connections to servers: kept per worker and server, last in first out, and made when none is left.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use super::worker::Worker;
use crate::limits::{IDLE_UPSTREAM_AGE, IDLE_UPSTREAM_AGE_PRESSED, IDLE_UPSTREAM_PER_SERVER};
use crate::net::Socket;
use crate::observe::counters::ServerCounters;
use crate::snapshot::{Server, Taken};

/// A connection to a server, in use.
pub(super) struct Upstream {
    pub(super) socket: Socket,
    /// It has carried a request before, so the server may close it as we send.
    pub(super) reused: bool,
    pub(super) descriptor: Taken,
}

/// Idle connections of one worker, by backend and server.
pub(super) struct Upstreams {
    backends: RefCell<Vec<Vec<Vec<Idle>>>>,
}

struct Idle {
    socket: Socket,
    descriptor: Taken,
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
                return Some(Upstream { socket: idle.socket, reused: true, descriptor: idle.descriptor });
            }
            worker.counters.worker.idle_upstream_discarded.add(1);
        }
    }

    /// Keeps a connection whose response is over, unless enough are kept or descriptors are scarce.
    pub(super) fn keep(&self, backend: usize, server: usize, upstream: Upstream, worker: &Worker) {
        let list = &mut self.backends.borrow_mut()[backend][server];
        if list.len() < IDLE_UPSTREAM_PER_SERVER && !worker.snapshot().server_connections.is_pressed() {
            upstream.socket.deadline().disarm();
            list.push(Idle {
                socket: upstream.socket,
                descriptor: upstream.descriptor,
                since_ms: worker.clock.now(),
            });
            let counters = &worker.counters.backends[backend].servers[server];
            counters.idle_connections.set(list.len() as u64);
        }
    }

    /// Closes what is too old, was closed by the server, or said something unasked.
    pub(super) fn sweep(&self, worker: &Worker) {
        let now_ms = worker.clock.now();
        let pressed = worker.snapshot().server_connections.is_pressed();
        let age_ms = if pressed { IDLE_UPSTREAM_AGE_PRESSED } else { IDLE_UPSTREAM_AGE }.as_millis() as u64;
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
/// `TimedOut`, refused, unreachable: what the kernel says. EMFILE also when every descriptor that is
/// there for connections to servers is in use.
pub(super) async fn connect(
    worker: &Worker,
    server: &Server,
    timeout: Duration,
    counters: &ServerCounters,
) -> io::Result<Upstream> {
    let connected = match descriptor(worker) {
        Some(descriptor) => Socket::connect(server.address, timeout, &worker.deadlines)
            .await
            .map(|socket| Upstream { socket, reused: false, descriptor }),
        None => Err(io::Error::from_raw_os_error(libc::EMFILE)),
    };
    match &connected {
        Ok(_) => counters.connects.add(1),
        Err(error) => {
            counters.connect_errors.add(1);
            worker.counters.worker.connects_exhausted.add(u64::from(is_exhaustion(error)));
        }
    }
    connected
}

/// Whether it is this machine, and not the server, that lacks something: descriptors, ports, memory.
pub(super) fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS | libc::EADDRNOTAVAIL)
    )
}

/// A descriptor; idle connections of this worker, to whatever server, make room for it.
fn descriptor(worker: &Worker) -> Option<Taken> {
    let descriptors = &worker.snapshot().server_connections;
    descriptors.take().or_else(|| {
        worker.upstreams.clear();
        descriptors.take()
    })
}
