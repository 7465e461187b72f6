//! What comes before the first byte that a client means for a server: a PROXY protocol header where
//! the listener requires one, then the TLS handshake where it terminates TLS.
//!
//! Called once for each connection, by `session` or, in tcp mode, by `stream`.

use super::connection::Connection;
use super::proxy_header;
use super::session::millis;
use super::worker::Worker;
use crate::limits::TLS_HANDSHAKE;
use crate::net::Lease;

/// Whether there is anything to be done, for which a client has to be heard.
pub(super) fn is_due(connection: &Connection) -> bool {
    connection.awaits_header || connection.client.is_handshaking()
}

/// Does it, with `lease` as the buffer, and returns it with what came behind; `None` when it failed,
/// which has been counted. A request head is due from its end on.
pub(super) async fn run(worker: &Worker, connection: &mut Connection, mut lease: Lease) -> Option<Lease> {
    if connection.awaits_header {
        let (good, returned) = proxy_header::read(worker, connection, lease).await;
        if !good {
            return None;
        }
        lease = returned;
        connection.awaits_header = false;
        if !connection.client.is_tls() {
            worker.counters.listeners[connection.listener()].bytes_in.add(lease.len() as u64);
        }
    }
    if connection.client.is_handshaking() {
        let deadline = connection.client.socket().deadline();
        deadline.arm(connection.since_ms + millis(TLS_HANDSHAKE));
        let (result, returned) = connection.client.handshake(lease).await;
        connection.client.socket().deadline().disarm();
        connection.since_ms = worker.clock.read();
        if result.is_err() {
            worker.counters.worker.tls_failures.add(1);
            return None;
        }
        lease = returned;
        worker.counters.listeners[connection.listener()].bytes_in.add(lease.len() as u64);
    }
    Some(lease)
}
