//! One request at one server and its answer back: choosing the server, connecting, retrying once
//! when a reused connection turns out dead, answering for a server that cannot.

use std::cell::Cell;
use std::rc::Rc;

use super::account::{Account, Termination};
use super::announced;
use super::choose::{self, Chosen};
use super::connection::Connection;
use super::plan::Request;
use super::queue;
use super::refusal::Refusal;
use super::respond::{self, Responded};
use super::session::{millis, send_answer};
use super::tunnel::Place;
use super::upload::{self, Upload};
use super::upstream::{self, Upstream};
use super::worker::{Held, Worker};
use crate::balance::sticky::ClientCookie;
use crate::http::head::Version;
use crate::http::header_rules::HeaderRules;
use crate::http::request::Method;
use crate::http::rewrite::ClientSide;
use crate::net::join::join;
use crate::net::{Lease, Socket};
use crate::snapshot::{Backend, Server};

/// What both directions of an exchange need to know.
pub(super) struct Exchange<'a> {
    pub(super) worker: &'a Worker,
    pub(super) connection: &'a Connection,
    pub(super) backend: &'a Backend,
    pub(super) server: &'a Server,
    /// What the configuration changes in the response.
    pub(super) response_headers: Option<&'a HeaderRules>,
    pub(super) cookie: ClientCookie,
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) wants_keep_alive: bool,
    pub(super) client_timeout_ms: u64,
    pub(super) server_timeout_ms: u64,
    pub(super) progress: Progress,
    /// The protocols that the request offers to switch to.
    pub(super) upgrade: Option<Vec<u8>>,
}

/// What one direction tells the other.
pub(super) struct Progress {
    pub(super) upload: Cell<Upload>,
    /// A receive from the server is pending.
    pub(super) receiving: Cell<bool>,
    /// The response is over: forwarded, or never to be.
    pub(super) responded: Cell<bool>,
}

/// How a connection is left after an exchange.
pub(super) enum After {
    /// Another request may follow.
    Keep,
    /// It ends; nothing of the request is left unread.
    Close,
    /// It ends, and the client may still be sending.
    Linger,
    /// It is cut: what the client has is not everything.
    Cut,
    /// It goes on as a tunnel, and so does its account.
    Tunnel(Box<Opened>),
}

/// The server's side of a tunnel.
pub(super) struct Opened {
    pub(super) socket: Socket,
    pub(super) place: Place,
    /// What the server has sent already.
    pub(super) from_server: Lease,
}

/// What came of the request at the server.
enum Outcome {
    /// The response was forwarded, or begun; how the connection goes on.
    Forwarded(After),
    /// Nothing was forwarded: this is to be answered.
    Failed(Refusal),
    /// The protocol is another one from here on.
    Switched(Box<Opened>),
}

/// Carries one request; returns how the connection goes on and the lease with what follows.
pub(super) async fn run(
    worker: &Worker,
    connection: &Connection,
    account: &mut Account,
    request: Request,
    mut lease: Lease,
) -> (After, Lease) {
    let snapshot = worker.snapshot();
    let backend = &snapshot.backends[request.backend];
    if backend.cookie.is_some() {
        account.client_cookie(request.cookie.letter());
    }
    let in_backend = backend.in_flight.inside();
    let backend_index = request.backend;
    let (version, method) = (request.version, request.method);
    let keep_after_answer = request.wants_keep_alive && request.rest.is_done();
    let outcome = match choose::run(worker, account, backend, &request).await {
        Err(refusal) => {
            worker.counters.backends[request.backend].no_server.add(1);
            lease.consume(request.first_len + request.first_skip);
            Outcome::Failed(refusal)
        }
        Ok(Chosen { server: index, balanced }) => {
            let slot = backend.servers[index].state.taken();
            account.server(worker, index, balanced);
            let (outcome, returned) =
                at_server(worker, connection, account, &snapshot, index, request, lease).await;
            lease = returned;
            match outcome {
                Outcome::Switched(_) => slot.keep(),
                _ => {
                    drop(slot);
                    queue::freed(worker, backend_index, backend, index);
                }
            }
            outcome
        }
    };
    let after = match outcome {
        // The tunnel leaves the gauges when it ends.
        Outcome::Switched(opened) => {
            in_backend.keep();
            return (After::Tunnel(opened), lease);
        }
        Outcome::Forwarded(after) => {
            drop(in_backend);
            after
        }
        Outcome::Failed(refusal) => {
            drop(in_backend);
            account.refused(worker, refusal);
            let keep_alive = keep_after_answer && worker.keeps_clients.get();
            let client = ClientSide { version, keep_alive };
            let to_head = method == Method::Head;
            let answer_lease = worker.pool.take();
            let (sent, _) =
                send_answer(worker, connection, account, refusal.answer(), client, to_head, answer_lease)
                    .await;
            match (sent, keep_alive) {
                (true, true) => After::Keep,
                (true, false) => After::Linger,
                (false, _) => After::Cut,
            }
        }
    };
    account.finish(worker);
    (after, lease)
}

/// Sends the request over a kept connection or a new one, and once more over a new one when the kept
/// one turns out to be dead and repeating is harmless.
async fn at_server(
    worker: &Worker,
    connection: &Connection,
    account: &mut Account,
    snapshot: &Rc<Held>,
    index: usize,
    mut request: Request,
    mut lease: Lease,
) -> (Outcome, Lease) {
    let backend = &snapshot.backends[request.backend];
    let server = &backend.servers[index];
    let counters = &worker.counters.backends[request.backend].servers[index];
    let replayable = request.method.is_idempotent() && request.rest.is_done();
    let exchange = Exchange {
        worker,
        connection,
        backend,
        server,
        response_headers: snapshot.listeners[connection.listener()].routes.response_headers(request.route),
        cookie: request.cookie,
        method: request.method,
        version: request.version,
        wants_keep_alive: request.wants_keep_alive,
        client_timeout_ms: millis(super::session::client_timeout(worker, connection)),
        server_timeout_ms: millis(backend.timeouts.server),
        progress: Progress {
            upload: Cell::new(Upload::Running),
            receiving: Cell::new(false),
            responded: Cell::new(false),
        },
        upgrade: request.upgrade.take(),
    };
    // A request that could not be repeated takes a kept connection only when its client knows the
    // risk, having kept its own (HAProxy's `http-reuse safe`).
    let client_may_repeat = connection.requests > 1;
    let client = account.client_address();
    let mut reused = match server.send_proxy {
        _ if !replayable && !client_may_repeat => None,
        None => worker.upstreams.reuse(request.backend, index, worker),
        Some(_) => announced::reuse(worker, connection, request.backend, index, client),
    };
    loop {
        let upstream = match reused.take() {
            Some(upstream) => upstream,
            None => match upstream::connect(worker, server, backend.timeouts.connect, counters).await {
                Ok(upstream) => upstream,
                Err(error) => {
                    worker.clock.read();
                    lease.consume(request.first_len + request.first_skip);
                    return (Outcome::Failed(Refusal::of_connect(&error)), lease);
                }
            },
        };
        worker.clock.read();
        account.connected(worker);
        if let Some(version) = server.send_proxy.filter(|_| !upstream.reused) {
            let timeout_ms = exchange.server_timeout_ms;
            announced::announce(worker, connection, version, client, &upstream.socket, timeout_ms).await;
        }
        let (responded, returned) = carry(&exchange, account, &mut request, &upstream, lease).await;
        lease = returned;
        let outcome = match responded {
            Responded::Lost if upstream.reused && replayable => {
                account.retried();
                continue;
            }
            Responded::Lost
                if upstream.reused
                    && client_may_repeat
                    && !exchange.progress.upload.get().is_clients_fault() =>
            {
                account.terminate(Termination(*b"SH"));
                account.no_status();
                Outcome::Forwarded(After::Linger)
            }
            Responded::Lost => Outcome::Failed(lost_refusal(&exchange)),
            Responded::Failed(refusal) => Outcome::Failed(refusal),
            Responded::Cut => Outcome::Forwarded(After::Cut),
            Responded::Switched(from_server) => {
                let place = Place {
                    snapshot: snapshot.clone(),
                    backend: request.backend,
                    server: index,
                    _descriptor: upstream.descriptor,
                };
                Outcome::Switched(Box::new(Opened { socket: upstream.socket, place, from_server }))
            }
            Responded::Complete { server_reusable, keep_client } => {
                if server_reusable && exchange.progress.upload.get() == Upload::Done {
                    match server.send_proxy {
                        None => worker.upstreams.keep(request.backend, index, upstream, worker),
                        Some(_) => announced::keep(connection, request.backend, index, client, upstream),
                    }
                }
                Outcome::Forwarded(match (keep_client, exchange.progress.upload.get()) {
                    (true, Upload::Done) => After::Keep,
                    (false, Upload::Done) => After::Close,
                    (_, _) => After::Linger,
                })
            }
        };
        // A request that was not retried is dealt with; what follows it in the lease is the next.
        if request.first_len > 0 {
            lease.consume(request.first_len + request.first_skip);
        }
        return (outcome, lease);
    }
}

/// Both directions. A request that is all there is sent first; its bytes stay in the lease, in case
/// they are needed again. Otherwise the rest of it is forwarded while the response is awaited.
async fn carry(
    exchange: &Exchange<'_>,
    account: &mut Account,
    request: &mut Request,
    upstream: &Upstream,
    lease: Lease,
) -> (Responded, Lease) {
    let worker = exchange.worker;
    upstream.socket.deadline().arm(worker.clock.now() + exchange.server_timeout_ms);
    if request.rest.is_done() {
        exchange.progress.upload.set(Upload::Done);
        // A server that closed while we sent may still have answered: the reader finds out.
        let (_, lease) = upstream.socket.send(lease, 0, request.first_len).await;
        account.sent_to_server(request.first_len as u64);
        let responded = respond::run(exchange, account, upstream, worker.pool.take()).await;
        return (responded, lease);
    }
    let first = (request.first_len, request.first_skip);
    let rest = std::mem::replace(&mut request.rest, super::relay::Flow::Done);
    let respond = async {
        let responded = respond::run(exchange, account, upstream, worker.pool.take()).await;
        upload::response_is_over(exchange, upstream, matches!(responded, Responded::Complete { .. }));
        responded
    };
    let ((sent, lease), responded) = join(upload::run(exchange, upstream, first, rest, lease), respond).await;
    account.sent_to_server(sent);
    // The upload has consumed what it sent.
    request.first_len = 0;
    request.first_skip = 0;
    (responded, lease)
}

/// The server's connection ended before any byte of an answer: who was it?
fn lost_refusal(exchange: &Exchange<'_>) -> Refusal {
    match exchange.progress.upload.get() {
        Upload::ClientGone => Refusal::BodyCutOff,
        Upload::ClientLate => Refusal::BodyLate,
        Upload::TooLarge => Refusal::BodyTooLarge,
        Upload::Malformed => Refusal::BodyMalformed,
        Upload::Running | Upload::Done | Upload::ServerGone | Upload::Abandoned => Refusal::ResponseMissing,
    }
}
