//! A connection in tcp mode, from the accepted socket to the tunnel: TLS, a server, a connection to it.
//!
//! `accept` spawns it in the place of `connection::serve`. Nothing of what a client sends is looked at; a
//! server that speaks first is heard first. An error closes the connection without an answer.

use std::rc::Rc;

use super::account::{Account, Termination};
use super::announced;
use super::choose;
use super::connection::{Connection, park};
use super::handshake;
use super::opening::{self, Opening};
use super::queue;
use super::refusal::Refusal;
use super::server_name::{self, Unnamed};
use super::session::millis;
use super::tunnel::{self, Place, Tunnel};
use super::upstream::{self, Upstream};
use super::worker::{Held, Worker};
use crate::limits::CONNECT_ATTEMPTS;
use crate::net::Lease;
use crate::net::lease::Permit;
use crate::snapshot::Backend;
use crate::tls::client_hello::ServerName;

/// What was heard from the client before there is a server.
struct Heard {
    /// The server it asks for, where that decides.
    server_name: Result<Option<ServerName>, Termination>,
    /// What it has sent, which is the server's; nothing where nobody had to listen.
    held: Option<(Permit, Lease)>,
}

/// The task of one connection. A silent one is its tunnel's two pending polls and little else.
// Not an `async fn`: that would keep its argument twice, as given and as used.
#[allow(clippy::manual_async_fn)]
pub(super) fn serve(mut connection: Connection) -> impl Future<Output = ()> {
    async move {
        if let Some(tunnel) = Box::pin(open(&mut connection)).await {
            Box::pin(tunnel::run(connection.worker(), &connection.client, tunnel)).await;
        }
    }
}

/// Brings the connection to a server; `None` when it is over. Counted and logged then, unless the
/// client never got as far as asking for a server.
async fn open(connection: &mut Connection) -> Option<Box<Tunnel>> {
    let worker = connection.worker().clone();
    let snapshot = worker.snapshot();
    let routes = &snapshot.listeners[connection.listener()].routes;
    let accepted_ms = connection.since_ms;
    let heard = hear(&worker, connection, routes.need_server_name()).await?;
    let mut account = Account::new(connection.address, connection.listener());
    account.begin_connection(&worker, accepted_ms);
    let backend = heard.server_name.and_then(|name| {
        let name = name.as_ref().map_or("", ServerName::as_str);
        routes.backend_of_connection(name.as_bytes()).ok_or(Termination(*b"PR"))
    });
    let backend = match backend {
        Ok(backend) => backend,
        Err(termination) => {
            refuse(&worker, account, termination);
            return None;
        }
    };
    account.request(&worker, backend, b"", false);
    let mut tunnel = connect(&worker, account, snapshot, backend).await?;
    if let Some((permit, lease)) = heard.held {
        tunnel.permit = Some(permit);
        tunnel.from_client = Some(lease);
    }
    announce(&worker, connection, &tunnel).await;
    Some(Box::new(tunnel))
}

/// Waits for what has to come from the client before it gets a server; `None` when it is over.
async fn hear(worker: &Worker, connection: &mut Connection, by_name: bool) -> Option<Heard> {
    if !by_name && !opening::is_due(connection) {
        return Some(Heard { server_name: Ok(None), held: None });
    }
    loop {
        if !park(connection).await {
            return None;
        }
        if connection.client.is_handshaking() && !handshake::line_up(connection).await {
            return None;
        }
        let permit = worker.permit().await;
        let lease = match opening::run(worker, connection, worker.pool.take()).await {
            Opening::Done(lease) => lease,
            Opening::Waiting => continue,
            Opening::Failed | Opening::Refused => return None,
        };
        if !by_name {
            // An empty lease is of use to others while there is no server yet.
            let held = (!lease.is_empty()).then_some((permit, lease));
            return Some(Heard { server_name: Ok(None), held });
        }
        let (server_name, lease) = server_name::read(worker, connection, lease).await;
        let server_name = match server_name {
            Ok(name) => Ok(name),
            Err(Unnamed::Slow) => continue,
            Err(Unnamed::Over(termination)) => Err(termination),
        };
        return Some(Heard { server_name, held: Some((permit, lease)) });
    }
}

/// There is no backend for this connection.
fn refuse(worker: &Worker, mut account: Account, termination: Termination) {
    worker.counters.listeners[account.listener()].request_errors.add(1);
    account.terminate(termination);
    account.finish(worker);
}

/// Tells the server who the client is, where it wants to know.
async fn announce(worker: &Worker, connection: &Connection, tunnel: &Tunnel) {
    let place = &tunnel.place;
    let backend = &place.snapshot.backends[place.backend];
    let Some(version) = backend.servers[place.server].send_proxy else { return };
    // The header is written to a lease, for which this tunnel may have no permit yet.
    let _permit = match &tunnel.permit {
        Some(_) => None,
        None => Some(worker.permit().await),
    };
    let timeout_ms = millis(backend.timeouts.server);
    announced::announce(worker, connection, version, connection.address, &tunnel.server, timeout_ms).await;
}

/// A connection to a server, and another server's when it cannot be made; with gauges entered.
/// Without any, the account ends here.
async fn connect(
    worker: &Worker,
    mut account: Account,
    snapshot: Rc<Held>,
    backend_index: usize,
) -> Option<Tunnel> {
    let backend = &snapshot.backends[backend_index];
    let in_backend = backend.in_flight.inside();
    match first_that_answers(worker, &mut account, &snapshot, backend_index).await {
        Ok((upstream, server)) => {
            account.connected(worker);
            // The tunnel leaves the gauges when it ends.
            in_backend.keep();
            let place = Place {
                snapshot: snapshot.clone(),
                backend: backend_index,
                server,
                _descriptor: upstream.descriptor,
            };
            Some(Tunnel {
                server: upstream.socket,
                account,
                place,
                permit: None,
                from_client: None,
                from_server: None,
            })
        }
        Err(termination) => {
            account.terminate(termination);
            drop(in_backend);
            account.finish(worker);
            None
        }
    }
}

/// Tries servers until one takes the connection, each once.
async fn first_that_answers(
    worker: &Worker,
    account: &mut Account,
    snapshot: &Rc<Held>,
    backend_index: usize,
) -> Result<(Upstream, usize), Termination> {
    let backend = &snapshot.backends[backend_index];
    let counters = &worker.counters.backends[backend_index];
    let mut index = match choose::by_balance(worker, account, backend_index, backend).await {
        Ok(chosen) => chosen.server,
        Err(refusal) => {
            counters.no_server.add(1);
            return Err(refusal.termination());
        }
    };
    let mut tried = Tried::default();
    loop {
        account.server(worker, index, true);
        let slot = backend.servers[index].state.taken();
        let (server, counters) = (&backend.servers[index], &counters.servers[index]);
        let connected = upstream::connect(worker, server, backend.timeouts.connect, counters).await;
        worker.clock.read();
        let failure = match connected {
            Ok(upstream) => {
                slot.keep();
                return Ok((upstream, index));
            }
            Err(error) => Refusal::of_connect(&error).termination(),
        };
        drop(slot);
        queue::freed(worker, backend_index, backend, index);
        tried.add(index);
        let Some(next) = another(worker, account, backend_index, backend, &tried) else {
            return Err(failure);
        };
        counters.redispatches.add(1);
        account.redispatched();
        index = next;
    }
}

/// Servers that did not take the connection.
#[derive(Default)]
struct Tried {
    servers: [usize; CONNECT_ATTEMPTS],
    count: usize,
}

impl Tried {
    fn add(&mut self, server: usize) {
        self.servers[self.count] = server;
        self.count += 1;
    }

    fn is_full(&self) -> bool {
        self.count == CONNECT_ATTEMPTS
    }

    fn has(&self, server: usize) -> bool {
        self.servers[..self.count].contains(&server)
    }
}

/// The next server by balance that was not tried; its slot is taken. Where the balance insists on one
/// that was, such as the one of the client's address, it is the next in the order of the file.
fn another(
    worker: &Worker,
    account: &Account,
    backend_index: usize,
    backend: &Backend,
    tried: &Tried,
) -> Option<usize> {
    if tried.is_full() {
        return None;
    }
    let client = account.client_address().ip();
    let take = |server: usize| !tried.has(server) && backend.servers[server].state.enter();
    for _ in 0..backend.servers.len() {
        match worker.balance(backend_index, backend, client) {
            Some(server) if take(server) => return Some(server),
            Some(_) => {}
            None => break,
        }
    }
    let is_usable = |server: usize| {
        let state = &backend.servers[server].state;
        state.is_up() && state.weight() > 0
    };
    (0..backend.servers.len()).find(|&server| is_usable(server) && take(server))
}
