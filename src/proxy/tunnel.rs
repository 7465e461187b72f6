//! A tunnel: bytes both ways between a client and a server, until both have ended.
//!
//! Opened by a 101 (`respond`) or by a connection in tcp mode (`stream`), and run by `connection`
//! in the place of a session. Nothing of what passes is looked at.
//!
//! ```text
//!              ┌──quiet──▶ wait without a lease ──bytes──▶ permit, lease ──┐
//! each         │                                                          ▼
//! direction: receive ──bytes──▶ send ──sent──▶ receive … (the next only when the last is sent)
//!              └──end──▶ FIN to the other side; over when both directions are
//! ```
//!
//! A direction reads only when what it read was sent: a slow reader slows the writer down, and a
//! tunnel holds two leases at most. One that is silent holds none, and no permit either.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::account::{Account, Termination};
// Both ends are the same here: a socket, with or without TLS.
use super::client::Client as End;
use super::queue;
use super::session::millis;
use super::shared_permit::SharedPermit;
use super::worker::{Held, Worker};
use crate::config::model::Timeouts;
use crate::limits::{PARK_AFTER, READS_PER_TURN};
use crate::net::driver::yield_now;
use crate::net::join::join;
use crate::net::lease::Permit;
use crate::net::socket::Waited;
use crate::net::{Lease, Socket};
use crate::observe::counters::Counter;
use crate::snapshot::Taken;

/// A tunnel that is about to begin. Its gauges of backend and server have been entered.
pub(super) struct Tunnel {
    pub(super) server: Socket,
    pub(super) account: Account,
    pub(super) place: Place,
    /// For the leases below; `None` where there are none.
    pub(super) permit: Option<Permit>,
    /// What the client has sent already; it goes to the server first.
    pub(super) from_client: Option<Lease>,
    /// What the server has sent already.
    pub(super) from_server: Option<Lease>,
}

/// Whose gauges the tunnel holds: they are left, however it ends, when this is dropped.
pub(super) struct Place {
    pub(super) snapshot: Rc<Held>,
    pub(super) backend: usize,
    pub(super) server: usize,
    /// That of the server's connection.
    pub(super) _descriptor: Taken,
}

impl Drop for Place {
    fn drop(&mut self) {
        let backend = &self.snapshot.backends[self.backend];
        backend.servers[self.server].state.leave();
        backend.in_flight.leave();
    }
}

/// Where bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Why a direction has stopped receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// Nothing comes: its lease is given back.
    Quiet,
    /// Nothing more will come, or can be sent.
    Over,
}

/// What both directions share.
struct Relay<'a> {
    worker: &'a Worker,
    listener: usize,
    client: &'a End,
    server: &'a End,
    permit: SharedPermit,
    limits: Limits,
    /// The limit that holds now, milliseconds of silence in both directions.
    limit_ms: Cell<u64>,
    /// When both sockets are shut down, on the worker's clock.
    due_ms: Cell<u64>,
    client_ended: Cell<bool>,
    termination: Cell<Option<Termination>>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy)]
struct Limits {
    both_ms: u64,
    client_fin_ms: u64,
    server_fin_ms: u64,
}

/// Runs the tunnel to its end: both directions over, gauges left, one record.
pub(super) async fn run(worker: &Worker, client: &End, tunnel: Box<Tunnel>) {
    let Tunnel { server, mut account, place, permit, from_client, from_server } = *tunnel;
    let leases = u8::from(from_client.is_some()) + u8::from(from_server.is_some());
    let backend = &place.snapshot.backends[place.backend];
    let listener = account.listener();
    let limits = limits(&place.snapshot.listeners[listener].timeouts, &backend.timeouts);
    let server = End::new(server, None);
    let relay = Relay {
        worker,
        listener,
        client,
        server: &server,
        permit: SharedPermit::new(permit, leases),
        limits,
        limit_ms: Cell::new(limits.both_ms),
        due_ms: Cell::new(0),
        client_ended: Cell::new(false),
        termination: Cell::new(None),
    };
    let counted = Counted::new(&worker.counters.worker.tunnels_open);
    relay.touch();
    // Apart, since `join` would keep room for each of them twice.
    let up = Box::pin(relay.carry(Side::Client, from_client));
    let down = Box::pin(relay.carry(Side::Server, from_server));
    let (to_server, to_client) = join(up, down).await;
    account.sent_to_server(to_server);
    account.sent(to_client as usize);
    account.received(to_client as usize);
    if let Some(termination) = relay.termination.get() {
        account.terminate(termination);
    }
    drop(relay);
    drop(server);
    let (snapshot, backend, server) = (place.snapshot.clone(), place.backend, place.server);
    drop(place);
    queue::freed(worker, backend, &snapshot.backends[backend], server);
    drop(counted);
    account.finish(worker);
}

/// One tunnel more, until it is dropped.
struct Counted<'a>(&'a Counter);

impl<'a> Counted<'a> {
    fn new(open: &'a Counter) -> Self {
        open.set(open.get() + 1);
        Self(open)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn limits(listener: &Timeouts, backend: &Timeouts) -> Limits {
    Limits {
        both_ms: millis(Timeouts::tunnel(listener, backend)),
        client_fin_ms: millis(listener.client_fin()),
        server_fin_ms: millis(backend.server_fin()),
    }
}

impl Relay<'_> {
    /// One direction from its beginning to its end. Returns the bytes sent on.
    async fn carry(&self, side: Side, mut lease: Option<Lease>) -> u64 {
        let mut sent = 0;
        loop {
            let held = match lease.take() {
                Some(held) => held,
                None => self.wait(side).await,
            };
            // A silent direction is to be small: what it needs while bytes pass is made when they do.
            let stopped = Box::pin(self.relay(side, held, &mut sent)).await;
            self.permit.leave();
            if stopped == Stopped::Over {
                return sent;
            }
        }
    }

    fn ends(&self, side: Side) -> (&End, &End) {
        match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        }
    }

    /// Waits for bytes without a lease, then for a lease.
    async fn wait(&self, side: Side) -> Lease {
        // An end that cannot be waited for is received from, which says what it is.
        let _ = self.ends(side).0.socket().readable().await;
        self.permit.enter(self.worker).await;
        self.worker.clock.read();
        self.worker.pool.take()
    }

    /// Sends on what comes, until nothing does. The lease is given back.
    async fn relay(&self, side: Side, mut lease: Lease, sent: &mut u64) -> Stopped {
        let (from, to) = self.ends(side);
        let mut reads = 0u32;
        loop {
            if !lease.is_empty() {
                let count = lease.len();
                let (result, returned) = to.send(lease, 0, count).await;
                lease = returned;
                self.worker.clock.read();
                if result.is_err() {
                    self.broken(if side == Side::Client { Side::Server } else { Side::Client });
                    return Stopped::Over;
                }
                *sent += count as u64;
                self.touch();
                lease.clear();
            }
            let give_up_ms = self.worker.clock.now() + millis(PARK_AFTER);
            let (waited, returned) = from.receive_or_park(lease, give_up_ms).await;
            lease = returned;
            self.worker.clock.read();
            match self.received(side, waited) {
                None => {}
                Some(Stopped::Quiet) => return Stopped::Quiet,
                Some(Stopped::Over) => {
                    self.end(side, lease).await;
                    return Stopped::Over;
                }
            }
            reads += 1;
            if reads.is_multiple_of(READS_PER_TURN) {
                yield_now().await;
            }
        }
    }

    /// Counts what came; `None` when that is bytes.
    fn received(&self, side: Side, waited: io::Result<Waited>) -> Option<Stopped> {
        match waited {
            Ok(Waited::Received(count)) if count > 0 => {
                if side == Side::Client {
                    self.worker.counters.listeners[self.listener].bytes_in.add(count as u64);
                }
                self.touch();
                None
            }
            Ok(Waited::Parked) => Some(Stopped::Quiet),
            Ok(Waited::Received(_)) => Some(Stopped::Over),
            Err(_) => {
                self.broken(side);
                Some(Stopped::Over)
            }
        }
    }

    /// One side has ended: the other is told, after the last byte, and may go on for a while.
    async fn end(&self, side: Side, lease: Lease) {
        if self.termination.get().is_some() || self.is_late() {
            return;
        }
        let fin_ms = match side {
            Side::Client => self.limits.server_fin_ms,
            Side::Server => self.limits.client_fin_ms,
        };
        self.client_ended.set(self.client_ended.get() || side == Side::Client);
        self.limit_ms.set(fin_ms);
        self.touch();
        // Over TLS the end is a message too; the deadline bounds its sending.
        self.ends(side).1.finish(lease).await;
    }

    /// A connection broke, or was shut down by the deadline. Then both break: the other peer must not
    /// take what it has for everything, and the other direction has to notice.
    fn broken(&self, side: Side) {
        if self.termination.get().is_some() || self.is_late() {
            return;
        }
        let letters = if side == Side::Client { *b"CD" } else { *b"SD" };
        self.termination.set(Some(Termination(letters)));
        self.client.socket().abort();
        self.server.socket().abort();
    }

    /// Whether the deadline, or the end of a drain, has shut both sockets down.
    fn is_late(&self) -> bool {
        if !self.client.socket().deadline().fired() {
            return false;
        }
        let letters = match () {
            () if self.worker.clock.now() < self.due_ms.get() => *b"KD",
            () if self.client_ended.get() => *b"sD",
            () => *b"cD",
        };
        self.termination.set(Some(Termination(letters)));
        true
    }

    /// Bytes passed: the tunnel may be silent for its whole limit again. Each socket has a deadline,
    /// since each may be the only one that somebody waits for.
    fn touch(&self) {
        let due_ms = self.worker.clock.now() + self.limit_ms.get();
        self.due_ms.set(due_ms);
        self.client.socket().deadline().arm(due_ms);
        self.server.socket().deadline().arm(due_ms);
    }
}
