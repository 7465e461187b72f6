//! A client connection while it is busy: request after request, each answered before the next.
//!
//! ```text
//!  read head ──complete──▶ plan ──▶ exchange ──kept──▶ read head
//!     │  │                   │          └──not kept──▶ finish, close
//!     │  └──silent──▶ park   └──refused─┐
//!     └──malformed, late, cut off───────┴──▶ answer, finish, close
//! ```

use std::time::Duration;

use super::account::Account;
use super::connection::{Connection, Ended};
use super::exchange::{self, After, Opened};
use super::identity::Identity;
use super::local::{self, Local};
use super::opening::{self, Opening};
use super::plan::{self, Planned, Request};
use super::refusal::Refusal;
use super::tunnel::Tunnel;
use super::worker::Worker;
use crate::http::answer::{self, Answer};
use crate::http::head::{Version, is_worth_parsing};
use crate::http::request;
use crate::http::rewrite::ClientSide;
use crate::limits::PARK_AFTER;
use crate::net::Lease;
use crate::net::socket::Waited;
use crate::snapshot::Snapshot;

/// What reading for a request came to.
enum Next {
    Request(Request),
    Local(Local),
    Refused(Refusal),
    Ended(Ended),
}

/// Serves the connection until it is idle or over.
pub(super) async fn run(worker: &Worker, connection: &mut Connection) -> Ended {
    let mut lease = worker.pool.take();
    if opening::is_due(connection) {
        match opening::run(worker, connection, lease).await {
            Opening::Done(returned) => lease = returned,
            // Whoever stalls in a handshake holds no buffer meanwhile.
            Opening::Waiting => return Ended::Park,
            Opening::Failed => return Ended::Close,
            Opening::Refused => return Ended::Linger,
        }
    }
    let mut account = Account::new(connection.address, connection.listener());
    let mut identity = Identity::new(connection, &worker.snapshot());
    loop {
        let (next, returned) = next_request(worker, connection, &mut account, &mut identity, lease).await;
        lease = returned;
        let (after, returned) = match next {
            Next::Request(request) => {
                connection.requests = connection.requests.saturating_add(1);
                exchange::run(worker, connection, &mut account, request, lease).await
            }
            Next::Local(local) => {
                connection.requests = connection.requests.saturating_add(1);
                local::run(worker, connection, &mut account, local, lease).await
            }
            Next::Ended(Ended::Close) if connection.client.is_tls() => {
                // RFC 8446 section 6.1: a side that closes says so.
                return finish(worker, connection, lease, false).await;
            }
            Next::Ended(ended) => return ended,
            Next::Refused(refusal) => {
                return refuse(worker, connection, &mut account, refusal, lease).await;
            }
        };
        connection.since_ms = worker.clock.now();
        lease = returned;
        match after {
            After::Keep => continue,
            After::Tunnel(opened) => {
                let Opened { socket: server, place, from_server } = *opened;
                return Ended::Tunnel(Box::new(Tunnel {
                    server,
                    account,
                    place,
                    permit: None,
                    from_client: Some(lease),
                    from_server: Some(from_server),
                }));
            }
            After::Close | After::Linger => {
                // A connection that is closed with bytes unread is reset, and the answer may go with it.
                let more = matches!(after, After::Linger)
                    || !lease.is_empty()
                    || !connection.client.socket().is_quiet();
                return finish(worker, connection, lease, more).await;
            }
            After::Cut => return Ended::Close,
        }
    }
}

/// What is there of the next request.
struct Arrival {
    /// Bytes that were parsed without finding the end of a head.
    searched: usize,
    /// Milliseconds of the worker's clock at its first byte.
    begun_ms: Option<u64>,
    /// Whether it is the last one that the connection may carry.
    is_last: bool,
}

/// Reads until a head is complete, and plans it.
async fn next_request(
    worker: &Worker,
    connection: &mut Connection,
    account: &mut Account,
    identity: &mut Identity,
    mut lease: Lease,
) -> (Next, Lease) {
    let snapshot = worker.snapshot();
    let mut arrival = Arrival {
        searched: 0,
        begun_ms: (!request::is_empty_lines(lease.data())).then(|| worker.clock.now()),
        is_last: connection.requests.saturating_add(1) >= snapshot.limits.requests_per_connection,
    };
    let taken_up = connection.take_up();
    if let Some(head) = &taken_up {
        if worker.clock.now() >= head.due_ms {
            return (too_late(worker, account, head.begun_ms), lease);
        }
        head.restore(&mut lease);
        (arrival.searched, arrival.begun_ms) = (head.searched, Some(head.begun_ms));
    }
    loop {
        if lease.len() > arrival.searched
            && let Some(next) = parse(worker, &snapshot, account, identity, &mut lease, &mut arrival)
        {
            return (next, lease);
        }
        let begun_ms = arrival.begun_ms;
        if lease.spare() == 0 {
            lease.compact();
        }
        // A client that is known to be slow, or keeps others waiting for its lease, has to be quick.
        let is_hurried = taken_up.is_some() || worker.pool.is_contended();
        let silent_ms = worker.clock.now() + if is_hurried { 0 } else { millis(PARK_AFTER) };
        let due_ms = match begun_ms {
            None if !worker.keeps_clients.get() && connection.has_served() => {
                return (Next::Ended(Ended::Close), lease);
            }
            None => silent_ms,
            Some(begun_ms) => {
                let start_ms = if connection.has_served() { begun_ms } else { connection.since_ms };
                start_ms + millis(snapshot.listeners[connection.listener()].timeouts.http_request)
            }
        };
        connection.client.socket().deadline().set_idle(begun_ms.is_none());
        let (waited, returned) = connection.client.receive_or_park(lease, due_ms.min(silent_ms)).await;
        lease = returned;
        let now_ms = worker.clock.read();
        connection.client.socket().deadline().set_idle(false);
        let next = match (waited, begun_ms) {
            (Ok(Waited::Received(count)), _) if count > 0 => {
                worker.counters.listeners[connection.listener()].bytes_in.add(count as u64);
                if begun_ms.is_none() && !request::is_empty_lines(lease.data()) {
                    arrival.begun_ms = Some(now_ms);
                }
                continue;
            }
            (Ok(Waited::Parked), None) => Next::Ended(Ended::Park),
            // Silence before, or the end between two requests: nobody waits for an answer.
            (_, None) => Next::Ended(Ended::Close),
            (Ok(Waited::Parked), Some(begun_ms)) if now_ms >= due_ms => too_late(worker, account, begun_ms),
            (Ok(Waited::Parked), Some(begun_ms)) => {
                if !connection.set_aside(&lease, arrival.searched, begun_ms, due_ms) {
                    continue;
                }
                Next::Ended(Ended::Park)
            }
            (_, Some(begun_ms)) => {
                account.begin(worker, begun_ms);
                Next::Refused(Refusal::HeadCutOff)
            }
        };
        return (next, lease);
    }
}

/// The head was not complete in time.
fn too_late(worker: &Worker, account: &mut Account, begun_ms: u64) -> Next {
    account.begin(worker, begun_ms);
    Next::Refused(Refusal::HeadLate)
}

/// Parses what is there when that may have become a head; `None` asks for more bytes.
fn parse(
    worker: &Worker,
    snapshot: &Snapshot,
    account: &mut Account,
    identity: &mut Identity,
    lease: &mut Lease,
    arrival: &mut Arrival,
) -> Option<Next> {
    let data = lease.data();
    let looked_at = std::mem::replace(&mut arrival.searched, data.len());
    let begun_ms = arrival.begun_ms.unwrap_or(0);
    if !is_worth_parsing(data, looked_at, worker.head_limits) {
        return None;
    }
    let scratch = &mut *worker.scratch.borrow_mut();
    let mut head = match request::parse(data, worker.head_limits, &mut scratch.fields) {
        Ok(None) => return None,
        Ok(Some(head)) => head,
        Err(error) => {
            account.begin(worker, begun_ms);
            return Some(Next::Refused(Refusal::Head(error)));
        }
    };
    account.begin(worker, begun_ms);
    if arrival.is_last && head.wants_keep_alive() {
        // As if the client had asked for it: torii's `requests_per_connection` is reached.
        head.connection.close = true;
        worker.counters.worker.requests_used_up.add(1);
    }
    Some(match plan::plan(worker, snapshot, &head, identity, account, lease, scratch) {
        Ok(Planned::Forward(request)) => Next::Request(request),
        Ok(Planned::Local(local)) => Next::Local(local),
        Err(refusal) => Next::Refused(refusal),
    })
}

/// Answers a request that cannot be served, logs it and ends the connection.
async fn refuse(
    worker: &Worker,
    connection: &Connection,
    account: &mut Account,
    refusal: Refusal,
    lease: Lease,
) -> Ended {
    account.refused(worker, refusal);
    let client = ClientSide { version: Version::Http11, keep_alive: false };
    let (_, lease) = send_answer(worker, connection, account, refusal.answer(), client, false, lease).await;
    account.finish(worker);
    worker.counters.listeners[connection.listener()].request_errors.add(1);
    finish(worker, connection, lease, true).await
}

/// Sends one of our own answers; what is in the lease is lost. `true` when it was sent.
pub(super) async fn send_answer(
    worker: &Worker,
    connection: &Connection,
    account: &mut Account,
    answer: Answer,
    client: ClientSide,
    to_head: bool,
    mut lease: Lease,
) -> (bool, Lease) {
    let snapshot = worker.snapshot();
    let page = snapshot.listeners[connection.listener()].error_pages.get(answer);
    lease.clear();
    {
        let out = &mut worker.scratch.borrow_mut().head;
        out.clear();
        answer::write(answer, page, client, to_head, out);
        lease.append(out);
    }
    account.status(answer.status());
    let mut rest = page.filter(|_| !to_head).map_or(&[][..], |page| &page.body);
    // A page may be larger than a lease.
    loop {
        let count = rest.len().min(lease.spare());
        lease.append(&rest[..count]);
        rest = &rest[count..];
        let len = lease.len();
        let sent;
        (sent, lease) = send_within(worker, connection, account, lease, len).await;
        lease.clear();
        if !sent || rest.is_empty() {
            return (sent, lease);
        }
    }
}

/// Sends the first `count` bytes to the client within its time-out.
pub(super) async fn send_within(
    worker: &Worker,
    connection: &Connection,
    account: &mut Account,
    lease: Lease,
    count: usize,
) -> (bool, Lease) {
    let deadline = connection.client.socket().deadline();
    deadline.arm(worker.clock.now() + millis(client_timeout(worker, connection)));
    let (result, lease) = connection.client.send(lease, 0, count).await;
    connection.client.socket().deadline().disarm();
    worker.clock.read();
    if result.is_ok() {
        account.sent(count);
    }
    (result.is_ok(), lease)
}

/// Ends a connection in order: says so, and, with `more` to come, has what the client still sends thrown
/// away before it is closed.
async fn finish(worker: &Worker, connection: &Connection, lease: Lease, more: bool) -> Ended {
    let deadline = connection.client.socket().deadline();
    if deadline.fired() {
        return Ended::Close;
    }
    // Over TLS the end is a message too, and has to wait for a client that is slow to read.
    deadline.arm(worker.clock.now() + millis(client_timeout(worker, connection)));
    connection.client.finish(lease).await;
    worker.clock.read();
    if more { Ended::Linger } else { Ended::Close }
}

pub(super) fn client_timeout(worker: &Worker, connection: &Connection) -> Duration {
    worker.snapshot().listeners[connection.listener()].timeouts.client
}

/// Milliseconds of a configured duration.
#[inline]
pub(super) fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
