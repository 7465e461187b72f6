//! The life of a client connection: parked while idle, a session while there is something to do.
//!
//! A parked connection is this small task waiting for readability: no lease, no session. The session
//! is made when bytes arrive and goes away when the client has been silent for a while.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use super::announced::Kept;
use super::client::Client;
use super::session::{self, millis};
use super::tunnel::{self, Tunnel};
use super::worker::{Held, Worker};
use crate::limits::TLS_HANDSHAKE;
use crate::net::Socket;
use crate::net::lease::Permit;
use crate::tls::session::Session;

/// A client connection between its sessions: all that a parked client costs, beside its task.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The client: the other end, until a PROXY protocol header says otherwise.
    pub(super) address: SocketAddr,
    /// Where it connected to, where such a header said so.
    destination: Option<Box<SocketAddr>>,
    /// Such a header has to come first.
    pub(super) awaits_header: bool,
    /// A server connection that is this client's alone.
    pub(super) kept: Cell<Option<Box<Kept>>>,
    pub(super) listener: usize,
    /// Milliseconds of the worker's clock when it was accepted.
    pub(super) accepted_ms: u64,
    /// When its last request was answered; `None` before the first.
    pub(super) served_ms: Option<u64>,
    /// Requests it has carried.
    pub(super) requests: u32,
    counted: Counted,
}

/// Why a session ended.
pub(super) enum Ended {
    /// The client is idle: wait for it without a session.
    Park,
    /// The connection is over.
    Close,
    /// It goes on as a tunnel.
    Tunnel(Box<Tunnel>),
}

impl Connection {
    /// Takes over an accepted connection. The caller has entered the gauges; they are left when the
    /// value is dropped. `None` when there can be no TLS session for it.
    pub(super) fn open(
        worker: &Rc<Worker>,
        listener: usize,
        socket: Socket,
        address: SocketAddr,
    ) -> Option<Box<Self>> {
        let counted = Counted { snapshot: worker.snapshot(), worker: worker.clone(), listener };
        worker.connections.set(worker.connections.get() + 1);
        worker.counters.listeners[listener].connections.add(1);
        let tls = match &counted.snapshot.listeners[listener].tls {
            None => None,
            Some(config) => match Session::new(config.clone()) {
                Ok(session) => Some(session),
                Err(_) => {
                    worker.counters.worker.tls_failures.add(1);
                    return None;
                }
            },
        };
        let client = Client::new(socket, tls);
        let accepted_ms = worker.clock.now();
        Some(Box::new(Self {
            client,
            address,
            destination: None,
            awaits_header: counted.snapshot.listeners[listener].accept_proxy,
            kept: Cell::new(None),
            listener,
            accepted_ms,
            served_ms: None,
            requests: 0,
            counted,
        }))
    }

    /// Takes over the addresses that a PROXY protocol header announced.
    pub(super) fn announced(&mut self, source: SocketAddr, destination: SocketAddr) {
        self.address = source;
        self.destination = Some(Box::new(destination));
    }

    /// Where the client connected to; `None` when the connection is gone.
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        self.destination.as_deref().copied().or_else(|| self.client.socket().local_address())
    }

    /// Until when a silent client is waited for: its first request is due from the connection on,
    /// the next one from the last answer on.
    fn due_ms(&self) -> u64 {
        let timeouts = &self.counted.snapshot.listeners[self.listener].timeouts;
        match self.served_ms {
            Some(served_ms) => served_ms + millis(timeouts.keep_alive),
            None if self.client.is_handshaking() && !self.awaits_header => {
                self.accepted_ms + millis(TLS_HANDSHAKE)
            }
            None => self.accepted_ms + millis(timeouts.http_request),
        }
    }
}

/// The task of one connection. What it holds while the client is idle is small: the busy part is one
/// allocation, made when bytes arrive and freed when the client falls silent.
pub(super) async fn serve(mut connection: Box<Connection>) {
    while park(&connection).await {
        match Box::pin(work(&mut connection)).await {
            (Ended::Park, _) => {}
            (Ended::Close, _) => return,
            (Ended::Tunnel(tunnel), permit) => {
                let worker = connection.counted.worker.clone();
                return Box::pin(tunnel::run(&worker, &connection.client, permit, tunnel)).await;
            }
        }
    }
}

/// Waits for the client without a lease; `false` when it is to be waited for no longer.
async fn park(connection: &Connection) -> bool {
    drop(connection.kept.take());
    let due_ms = connection.due_ms();
    let deadline = connection.client.socket().deadline();
    // A drain ends clients between requests, but not one whose first request may be on its way.
    deadline.set_idle(connection.served_ms.is_some());
    deadline.arm(due_ms);
    let readable = connection.client.socket().readable().await;
    let now_ms = connection.counted.worker.clock.read();
    let deadline = connection.client.socket().deadline();
    deadline.disarm();
    deadline.set_idle(false);
    // A client that never sent a byte of a request is closed without an answer or a log line. Nor
    // does one that sends something now and then, such as pieces of a TLS record, win time.
    let late = deadline.fired() || now_ms > due_ms;
    if late && connection.client.is_handshaking() && !connection.awaits_header {
        connection.counted.worker.counters.worker.tls_failures.add(1);
    }
    readable.is_ok() && !late
}

/// A session, as soon as there are leases for one. Its permit is returned with what came of it.
async fn work(connection: &mut Connection) -> (Ended, Permit) {
    let worker = connection.counted.worker.clone();
    let permit = match worker.pool.try_permit() {
        Some(permit) => permit,
        None => {
            worker.counters.worker.lease_waits.add(1);
            worker.pool.permit().await
        }
    };
    (session::run(&worker, connection).await, permit)
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
