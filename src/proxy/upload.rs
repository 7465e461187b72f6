//! Forwarding a request body that is still arriving, while the response is awaited.

use std::net::Shutdown;

use super::exchange::Exchange;
use super::pace::Pace;
use super::refusal::count_limit;
use super::relay::Flow;
use super::session::millis;
use super::upstream::Upstream;
use crate::http::head::HeadError;
use crate::limits::{LINGER, READS_PER_TURN};
use crate::net::Lease;
use crate::net::driver::yield_now;
use crate::net::socket::Waited;

/// How far the request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    /// Its body is still arriving.
    Running,
    /// All of it was sent to the server.
    Done,
    /// The client ended or reset the connection in mid-body.
    ClientGone,
    /// The client sent nothing for too long.
    ClientLate,
    /// The client's chunked body is malformed.
    Malformed,
    /// The client's chunked body is longer than the configuration allows.
    TooLarge,
    /// The server took no more.
    ServerGone,
    /// The response was over, and the rest of the request did not follow soon.
    Abandoned,
}

impl Upload {
    /// Whether the request will never be complete, and the client is why.
    pub(super) fn is_clients_fault(self) -> bool {
        matches!(self, Self::ClientGone | Self::ClientLate | Self::Malformed | Self::TooLarge)
    }
}

/// Sends the first `first.0` bytes of the lease, leaves out `first.1` more, then forwards `rest` as
/// it arrives. Returns the bytes sent, and the lease with what follows the body.
pub(super) async fn run(
    exchange: &Exchange<'_>,
    upstream: &Upstream,
    first: (usize, usize),
    mut rest: Flow,
    lease: Lease,
) -> (u64, Lease) {
    let mut sent = 0;
    let (state, lease) = forward(exchange, upstream, first, &mut rest, lease, &mut sent).await;
    exchange.progress.upload.set(state);
    match state {
        // From here on the server is the one that is waited for; without anybody reading from it, it
        // is not. A server that took no more may still have answered: the other direction reads on.
        Upload::Done | Upload::ServerGone | Upload::Running => {
            if exchange.progress.receiving.get() {
                upstream.socket.deadline().arm(exchange.worker.clock.now() + exchange.server_timeout_ms);
            }
        }
        // A request that will never be complete: the server must not take it for one.
        Upload::ClientGone
        | Upload::ClientLate
        | Upload::Malformed
        | Upload::TooLarge
        | Upload::Abandoned => {
            upstream.socket.reset_on_close();
            upstream.socket.shutdown(Shutdown::Both);
        }
    }
    (sent, lease)
}

/// The response is over, so nobody waits for the rest of the request. After a `complete` one it may
/// still come for a moment; otherwise it ends at once, since the client is owed another answer.
pub(super) fn response_is_over(exchange: &Exchange<'_>, upstream: &Upstream, complete: bool) {
    exchange.progress.responded.set(true);
    if exchange.progress.upload.get() != Upload::Running {
        return;
    }
    let mut give_up_ms = exchange.worker.clock.now();
    if complete {
        give_up_ms += millis(LINGER);
    } else {
        upstream.socket.shutdown(Shutdown::Both);
    }
    exchange.connection.client.socket().deadline().hasten_parking(give_up_ms);
}

async fn forward(
    exchange: &Exchange<'_>,
    upstream: &Upstream,
    first: (usize, usize),
    rest: &mut Flow,
    mut lease: Lease,
    sent: &mut u64,
) -> (Upload, Lease) {
    let (result, returned) = send(exchange, upstream, lease, first.0, sent).await;
    lease = returned;
    lease.consume(first.0 + first.1);
    if !result {
        return (Upload::ServerGone, lease);
    }
    let mut reads = 0u32;
    let rate = exchange.worker.snapshot().limits.minimum_body_rate;
    let mut pace = Pace::new(rate, exchange.client_timeout_ms);
    loop {
        while !lease.is_empty() && !rest.is_done() {
            let run = match rest.advance(lease.data()) {
                Ok(run) => run,
                Err(error) => return (refused(exchange, error), lease),
            };
            if run.forward > 0 {
                let (result, returned) = send(exchange, upstream, lease, run.forward, sent).await;
                lease = returned;
                if !result {
                    return (Upload::ServerGone, lease);
                }
            }
            lease.consume(run.forward + run.skip);
            if run.forward + run.skip == 0 {
                break;
            }
        }
        if rest.is_done() {
            return (Upload::Done, lease);
        }
        if lease.spare() == 0 {
            lease.compact();
        }
        let (received, returned) = receive(exchange, &mut pace, lease).await;
        lease = returned;
        if let Some(state) = received {
            return (state, lease);
        }
        reads += 1;
        if reads.is_multiple_of(READS_PER_TURN) {
            yield_now().await;
        }
    }
}

/// The client's body is not to be forwarded any further.
fn refused(exchange: &Exchange<'_>, error: HeadError) -> Upload {
    count_limit(exchange.worker, error);
    match error {
        HeadError::BodyTooLarge => Upload::TooLarge,
        _ => Upload::Malformed,
    }
}

/// Appends what the client sends; `Some` when that is nothing more.
async fn receive(exchange: &Exchange<'_>, pace: &mut Pace, lease: Lease) -> (Option<Upload>, Lease) {
    let worker = exchange.worker;
    // Once the response is over nobody waits for the rest: a client that stalls then is let go soon.
    let responded = exchange.progress.responded.get();
    let patience_ms = if responded { millis(LINGER) } else { pace.patience_ms(exchange.client_timeout_ms) };
    let asked_ms = worker.clock.now();
    let (waited, lease) = exchange.connection.client.receive_or_park(lease, asked_ms + patience_ms).await;
    let waited_ms = worker.clock.read().saturating_sub(asked_ms);
    let state = match waited {
        Ok(Waited::Received(count)) if count > 0 => {
            worker.counters.listeners[exchange.connection.listener()].bytes_in.add(count as u64);
            pace.received(waited_ms, count);
            None
        }
        Ok(Waited::Parked) if exchange.progress.responded.get() => Some(Upload::Abandoned),
        Ok(Waited::Parked) => {
            worker.counters.worker.timeouts.add(1);
            worker.counters.worker.body_too_slow.add(u64::from(pace.is_spent(waited_ms)));
            Some(Upload::ClientLate)
        }
        _ => Some(Upload::ClientGone),
    };
    (state, lease)
}

/// Sends the first `count` bytes to the server, within its time-out.
async fn send(
    exchange: &Exchange<'_>,
    upstream: &Upstream,
    lease: Lease,
    count: usize,
    sent: &mut u64,
) -> (bool, Lease) {
    let deadline = upstream.socket.deadline();
    deadline.arm(exchange.worker.clock.now() + exchange.server_timeout_ms);
    let (result, lease) = upstream.socket.send(lease, 0, count).await;
    exchange.worker.clock.read();
    upstream.socket.deadline().disarm();
    if result.is_ok() {
        *sent += count as u64;
    }
    (result.is_ok(), lease)
}
