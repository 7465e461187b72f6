//! The life of a client connection: parked while idle, a session while there is something to do.
//!
//! A parked connection is this small task waiting for readability: no lease, no session. The session
//! is made when bytes arrive and goes away when the client has been silent for a while. There may be
//! tens of thousands of such tasks, so each word in them counts.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::announced::Kept;
use super::client::Client;
use super::handshake;
use super::session::{self, millis};
use super::set_aside::SetAside;
use super::tunnel::{self, Tunnel};
use super::worker::{Held, Worker};
use crate::limits::{LINGER, LINGER_BYTES, TLS_HANDSHAKE};
use crate::net::lease::Permit;
use crate::net::{Lease, Socket};
use crate::tls::session::Session;

/// A client connection between its sessions: all that a parked client costs, beside its task.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The client: the other end, until a PROXY protocol header says otherwise.
    pub(super) address: SocketAddr,
    /// Where it connected to, where such a header said so.
    destination: Option<Box<SocketAddr>>,
    /// A server connection that is this client's alone.
    pub(super) kept: Cell<Option<Box<Kept>>>,
    /// Milliseconds of the worker's clock when its last request was answered; before the first one,
    /// when it was accepted or had done its TLS handshake.
    pub(super) since_ms: u64,
    set_aside: Option<Box<SetAside>>,
    snapshot: Rc<Held>,
    worker: Rc<Worker>,
    /// Requests it has carried.
    pub(super) requests: u32,
    listener: u16,
    /// A PROXY protocol header has to come first.
    pub(super) awaits_header: bool,
}

/// Why a session ended.
pub(super) enum Ended {
    /// The client is idle: wait for it without a session.
    Park,
    /// The connection is over.
    Close,
    /// It goes on as a tunnel.
    Tunnel(Box<Tunnel>),
    /// It is over, but the client may still be sending, and a reset could take the answer from it.
    Linger,
}

impl Connection {
    /// Takes over an accepted connection. The caller has entered the gauges; they are left when the
    /// value is dropped. `None` when there can be no TLS session for it.
    pub(super) fn open(
        worker: &Rc<Worker>,
        listener: usize,
        socket: Socket,
        address: SocketAddr,
    ) -> Option<Self> {
        let snapshot = worker.snapshot();
        worker.connections.set(worker.connections.get() + 1);
        worker.counters.listeners[listener].connections.add(1);
        let tls = snapshot.listeners[listener].tls.as_ref().map(|config| Session::new(config.clone()));
        let failed = matches!(tls, Some(Err(_)));
        let connection = Self {
            client: Client::new(socket, tls.and_then(Result::ok)),
            address,
            destination: None,
            kept: Cell::new(None),
            since_ms: worker.clock.now(),
            set_aside: None,
            worker: worker.clone(),
            requests: 0,
            listener: listener as u16,
            awaits_header: snapshot.listeners[listener].accept_proxy,
            snapshot,
        };
        if failed {
            worker.counters.worker.tls_failures.add(1);
            return None;
        }
        Some(connection)
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

    /// Index of the listener that accepted it.
    pub(super) fn listener(&self) -> usize {
        usize::from(self.listener)
    }

    /// The worker that it is on.
    pub(super) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// Whether it has carried a request.
    pub(super) fn has_served(&self) -> bool {
        self.requests > 0
    }

    /// Has the connection wait without a lease for the rest of a head that is due at `due_ms`; `false`
    /// when too many do.
    pub(super) fn set_aside(&mut self, lease: &Lease, searched: usize, begun_ms: u64, due_ms: u64) -> bool {
        self.set_aside = SetAside::take(&self.worker, lease, searched, begun_ms, due_ms);
        self.set_aside.is_some()
    }

    /// What was set aside; the caller goes on with it.
    pub(super) fn take_up(&mut self) -> Option<Box<SetAside>> {
        self.set_aside.take()
    }

    /// Until when a silent client is waited for: its first request is due from the connection on,
    /// the next one from the last answer on.
    pub(super) fn due_ms(&self) -> u64 {
        if let Some(head) = &self.set_aside {
            return head.due_ms;
        }
        let timeouts = &self.snapshot.listeners[self.listener()].timeouts;
        let patience = match self.has_served() {
            true => timeouts.keep_alive,
            false if self.client.is_handshaking() && !self.awaits_header => TLS_HANDSHAKE,
            false => timeouts.http_request,
        };
        self.since_ms + millis(patience)
    }
}

/// The task of one connection. What it holds while the client is idle is small: the busy part is one
/// allocation, made when bytes arrive and freed when the client falls silent.
// Not an `async fn`: that would keep its argument twice, as given and as used.
#[allow(clippy::manual_async_fn)]
pub(super) fn serve(mut connection: Connection) -> impl Future<Output = ()> {
    async move {
        loop {
            let due_ms = begin_park(&connection);
            let readable = connection.client.socket().readable().await;
            if !end_park(&connection, due_ms) || readable.is_err() {
                return Box::pin(farewell(&connection)).await;
            }
            if connection.client.is_handshaking() && !Box::pin(handshake::line_up(&connection)).await {
                return;
            }
            let memory = connection.worker().clone();
            match memory.session_memory.place(work(&mut connection)).await {
                (Ended::Park, _) => {}
                (Ended::Close, _) => return,
                (Ended::Tunnel(mut tunnel), permit) => {
                    tunnel.permit = Some(permit);
                    return Box::pin(tunnel::run(connection.worker(), &connection.client, tunnel)).await;
                }
                (Ended::Linger, permit) => {
                    drop(permit);
                    return Box::pin(linger(&connection)).await;
                }
            }
        }
    }
}

/// Tells a client over TLS that its idle connection ends here and was not cut off (RFC 8446 section
/// 6.1). Without a buffer at hand it is not told.
async fn farewell(connection: &Connection) {
    if !can_be_told(connection) {
        return;
    }
    let worker = &connection.worker;
    let Some(_permit) = worker.pool.try_permit() else { return };
    let deadline = connection.client.socket().deadline();
    deadline.arm(worker.clock.now() + millis(LINGER));
    connection.client.finish(worker.pool.take()).await;
}

/// Whether there is a TLS session in which the end can be said.
fn can_be_told(connection: &Connection) -> bool {
    connection.client.is_tls() && !connection.client.is_handshaking()
}

/// Waits for the client without a lease; `false` when it is to be waited for no longer.
pub(super) async fn park(connection: &Connection) -> bool {
    let due_ms = begin_park(connection);
    let readable = connection.client.socket().readable().await;
    end_park(connection, due_ms) && readable.is_ok()
}

/// Throws away what the client still sends, within bounds, until it has seen that the connection is
/// over. Needs no lease, so that clients which do not stop cannot keep others from being served.
async fn linger(connection: &Connection) {
    let socket = connection.client.socket();
    let timeouts = &connection.snapshot.listeners[connection.listener()].timeouts;
    socket.deadline().arm(connection.worker.clock.now() + millis(LINGER.min(timeouts.client_fin())));
    let mut left = LINGER_BYTES;
    while left > 0 && socket.readable().await.is_ok() {
        match socket.discard(left) {
            Ok(count) if count > 0 => left -= count.min(left),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// Gets ready to wait for the client without a lease; returns until when.
fn begin_park(connection: &Connection) -> u64 {
    drop(connection.kept.take());
    let due_ms = connection.due_ms();
    let deadline = connection.client.socket().deadline();
    let in_mid_head = connection.set_aside.is_some();
    // A drain ends clients between requests, but not one whose first request may be on its way.
    deadline.set_idle(connection.has_served() && !in_mid_head);
    if in_mid_head || can_be_told(connection) {
        deadline.arm_end_of_reading(due_ms);
    } else {
        deadline.arm(due_ms);
    }
    due_ms
}

/// The wait is over; `false` when the client is to be waited for no longer.
fn end_park(connection: &Connection, due_ms: u64) -> bool {
    let in_mid_head = connection.set_aside.is_some();
    let now_ms = connection.worker.clock.read();
    let deadline = connection.client.socket().deadline();
    deadline.disarm();
    deadline.disarm_end_of_reading();
    deadline.set_idle(false);
    if in_mid_head {
        // Even a client that is late gets an answer then, from a session.
        return !deadline.fired();
    }
    // A client that never sent a byte of a request is closed without an answer or a log line. Nor
    // does one that sends something now and then, such as pieces of a TLS record, win time.
    let late = deadline.fired() || now_ms >= due_ms;
    if late && connection.client.is_handshaking() && !connection.awaits_header {
        connection.worker.counters.worker.tls_failures.add(1);
    }
    !late
}

/// A session, as soon as there are leases for one. Its permit is returned with what came of it.
async fn work(connection: &mut Connection) -> (Ended, Permit) {
    let worker = connection.worker().clone();
    let permit = worker.permit().await;
    (session::run(&worker, connection).await, permit)
}

/// Leaves the gauges however the task ends.
impl Drop for Connection {
    fn drop(&mut self) {
        self.snapshot.listeners[usize::from(self.listener)].connections.leave();
        self.snapshot.process.leave();
        self.worker.connections.set(self.worker.connections.get() - 1);
        // The task of this connection is being unwound: see `net::driver::spawn_contained`.
        if std::thread::panicking() {
            self.worker.counters.worker.panics.add(1);
        }
    }
}
