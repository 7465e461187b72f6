//! The life of a client connection: parked while idle, a session while there is something to do.
//!
//! A parked connection is this small task waiting for readability: no lease, no session. The session
//! is made when bytes arrive and goes away when the client has been silent for a while.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::client::Client;
use super::session;
use super::worker::{Held, Worker};
use crate::limits::TLS_HANDSHAKE;
use crate::net::Socket;
use crate::snapshot::Snapshot;
use crate::tls::session::Session;

/// A client connection between its sessions.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) address: SocketAddr,
    pub(super) listener: usize,
    /// Milliseconds of the worker's clock when it was accepted.
    pub(super) accepted_ms: u64,
    /// At least one request was answered.
    pub(super) served: bool,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client is idle: wait for it without a session.
    Park,
    /// The connection is over.
    Close,
}

/// The task of one connection. The caller has entered the gauges; they are left here.
pub(super) async fn run(worker: Rc<Worker>, listener: usize, socket: Socket, address: SocketAddr) {
    let counted = Counted { snapshot: worker.snapshot(), worker: worker.clone(), listener };
    worker.counters.listeners[listener].connections.add(1);
    let tls = match &counted.snapshot.listeners[listener].tls {
        Some(config) => match Session::new(config.clone()) {
            Ok(session) => Some(session),
            Err(_) => return worker.counters.worker.tls_failures.add(1),
        },
        None => None,
    };
    let client = Client::new(socket, tls);
    let mut connection =
        Connection { client, address, listener, accepted_ms: worker.clock.now(), served: false };
    loop {
        let patience = patience(&connection, &counted.snapshot);
        let deadline = connection.client.socket().deadline();
        deadline.set_idle(true);
        let due_ms = connection_start(&connection, &worker) + patience.as_millis() as u64;
        deadline.arm(due_ms);
        let readable = connection.client.socket().readable().await;
        worker.clock.read();
        let deadline = connection.client.socket().deadline();
        deadline.disarm();
        deadline.set_idle(false);
        // A client that never sent a byte of a request is closed without an answer or a log line.
        // Nor does one that sends something now and then, such as pieces of a TLS record, win time.
        if readable.is_err() || deadline.fired() || worker.clock.now() > due_ms {
            return;
        }
        let permit = match worker.pool.try_permit() {
            Some(permit) => permit,
            None => {
                worker.counters.worker.lease_waits.add(1);
                worker.pool.permit().await
            }
        };
        // One allocation for as long as the client is busy, so that parked connections stay small.
        let ended = Box::pin(session::run(&worker, &mut connection)).await;
        drop(permit);
        if ended == Ended::Close {
            return;
        }
    }
}

/// How long a silent client is waited for.
fn patience(connection: &Connection, snapshot: &Snapshot) -> Duration {
    let timeouts = &snapshot.listeners[connection.listener].timeouts;
    match () {
        () if connection.client.is_handshaking() => TLS_HANDSHAKE,
        () if connection.served => timeouts.keep_alive,
        () => timeouts.http_request,
    }
}

/// When that patience began: the first request is due from the connection on.
fn connection_start(connection: &Connection, worker: &Worker) -> u64 {
    if connection.served { worker.clock.now() } else { connection.accepted_ms }
}

/// Leaves the gauges however the task ends.
struct Counted {
    snapshot: Rc<Held>,
    worker: Rc<Worker>,
    listener: usize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.snapshot.listeners[self.listener].connections.leave();
        self.snapshot.process.leave();
        self.worker.connections.set(self.worker.connections.get() - 1);
    }
}
