//! The server of a request: the one its cookie names, or the next by balance, or a place in the queue.

use std::net::IpAddr;

use super::account::Account;
use super::plan::Request;
use super::queue::{self, GaveUp};
use super::refusal::Refusal;
use super::session::millis;
use super::worker::Worker;
use crate::balance::Balance;
use crate::snapshot::Backend;

/// A server whose slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) server: usize,
    /// By balance, not by cookie.
    pub(super) balanced: bool,
}

/// Takes a slot at a server for the request; waits for one where all are taken.
///
/// # Errors
/// `SC` when no server is up, `SQ` when the queue is full too, `sQ` when no slot became free in time.
pub(super) async fn run(
    worker: &Worker,
    account: &mut Account,
    backend: &Backend,
    request: &Request,
) -> Result<Chosen, Refusal> {
    match request.cookie.server() {
        None => by_balance(worker, account, request.backend, backend).await,
        Some(server) => {
            let attempt = || take(backend, server);
            take_or_wait(worker, account, (request.backend, backend), Some(server), attempt).await
        }
    }
}

/// As `run`, for whom no cookie directs.
///
/// # Errors
/// As for `run`.
pub(super) async fn by_balance(
    worker: &Worker,
    account: &mut Account,
    index: usize,
    backend: &Backend,
) -> Result<Chosen, Refusal> {
    let client = account.client_address().ip();
    // HAProxy: who belongs to one server waits in its queue, where only its slots count, and not among
    // those whom any server may take.
    if backend.balance == Balance::Source
        && let Some(server) = worker.balance(index, backend, client)
    {
        let attempt = || take(backend, server).map(|chosen| Chosen { balanced: true, ..chosen });
        return take_or_wait(worker, account, (index, backend), Some(server), attempt).await;
    }
    let attempt = || balanced(worker, client, index, backend);
    take_or_wait(worker, account, (index, backend), None, attempt).await
}

async fn take_or_wait(
    worker: &Worker,
    account: &mut Account,
    (index, backend): (usize, &Backend),
    directed: Option<usize>,
    attempt: impl Fn() -> Option<Chosen>,
) -> Result<Chosen, Refusal> {
    let waiting = match directed {
        Some(server) => backend.servers[server].state.queue(),
        None => &backend.queue,
    };
    // Who comes later does not overtake those who wait already.
    if waiting.current() == 0
        && let Some(chosen) = attempt()
    {
        return Ok(chosen);
    }
    if directed.is_none() && !queue::has_usable(backend) {
        return Err(Refusal::NoServerUp);
    }
    account.queued(directed.is_some(), waiting.current());
    let due_ms = worker.clock.now() + millis(backend.timeouts.queue);
    let outcome = queue::wait(worker, index, backend, directed, due_ms, attempt).await;
    outcome.map_err(|gave_up| match gave_up {
        GaveUp::Full => Refusal::QueueFull,
        GaveUp::Late => Refusal::QueueLate,
        GaveUp::NoServer => Refusal::NoServerUp,
    })
}

fn take(backend: &Backend, server: usize) -> Option<Chosen> {
    backend.servers[server].state.enter().then_some(Chosen { server, balanced: false })
}

/// The next server by balance that has room.
fn balanced(worker: &Worker, client: IpAddr, index: usize, backend: &Backend) -> Option<Chosen> {
    // Another worker may take the last slot between the look and the entry: look again, a server at
    // a time at most.
    for _ in 0..backend.servers.len() {
        let server = worker.balance(index, backend, client)?;
        if backend.servers[server].state.enter() {
            return Some(Chosen { server, balanced: true });
        }
    }
    None
}
