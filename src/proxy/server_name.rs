//! The server name that a TLS client asks for, read from its ClientHello where TLS passes through.
//!
//! Called by `stream` for a listener that routes by it. The bytes stay in the lease and go to the
//! server as they came; nothing is terminated, and nothing but the name is looked at.

use super::account::Termination;
use super::connection::Connection;
use super::session::millis;
use super::worker::Worker;
use crate::limits::PARK_AFTER;
use crate::net::Lease;
use crate::net::socket::Waited;
use crate::tls::client_hello::{self, ServerName, Verdict};

/// Why there is no name yet, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// The client is slow: what is there was set aside, and is to be waited for without a lease.
    Slow,
    /// The connection is to end: what came is no ClientHello or too large a one, the client ended, or
    /// it took too long.
    Over(Termination),
}

/// Reads until the ClientHello is whole, within the time of a request head. `Ok(None)` is a client that
/// names no server.
///
/// # Errors
/// See `Unnamed`.
pub(super) async fn read(
    worker: &Worker,
    connection: &mut Connection,
    mut lease: Lease,
) -> (Result<Option<ServerName>, Unnamed>, Lease) {
    let timeouts = &worker.snapshot().listeners[connection.listener()].timeouts;
    let due_ms = connection.since_ms + millis(timeouts.http_request);
    let taken_up = connection.take_up();
    if let Some(begun) = &taken_up {
        begun.restore(&mut lease);
    }
    loop {
        if worker.clock.now() >= due_ms {
            worker.counters.worker.timeouts.add(1);
            return (Err(Unnamed::Over(Termination(*b"cR"))), lease);
        }
        if let Some(verdict) = judge(worker, &lease) {
            return (verdict, lease);
        }
        // A client that is known to be slow, or keeps others waiting for its lease, has to be quick.
        let is_hurried = taken_up.is_some() || worker.pool.is_contended();
        let silent_ms = worker.clock.now() + if is_hurried { 0 } else { millis(PARK_AFTER) };
        let (waited, returned) = connection.client.receive_or_park(lease, due_ms.min(silent_ms)).await;
        lease = returned;
        let now_ms = worker.clock.read();
        match waited {
            Ok(Waited::Received(count)) if count > 0 => {
                worker.counters.listeners[connection.listener()].bytes_in.add(count as u64);
            }
            Ok(Waited::Parked) if now_ms < due_ms => {
                if connection.set_aside(&lease, 0, now_ms, due_ms) {
                    return (Err(Unnamed::Slow), lease);
                }
            }
            Ok(Waited::Parked) => {}
            _ => return (Err(Unnamed::Over(Termination(*b"CR"))), lease),
        }
    }
}

/// What the bytes so far are; `None` asks for more.
fn judge(worker: &Worker, lease: &Lease) -> Option<Result<Option<ServerName>, Unnamed>> {
    if lease.is_empty() {
        return None;
    }
    match client_hello::read(lease.data()) {
        Verdict::Hello { server_name } => Some(Ok(server_name)),
        Verdict::NeedMore if lease.spare() > 0 => None,
        Verdict::NeedMore | Verdict::TooLarge | Verdict::NotTls => {
            worker.counters.worker.client_hellos_refused.add(1);
            Some(Err(Unnamed::Over(Termination(*b"PR"))))
        }
    }
}
