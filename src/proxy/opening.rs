//! What comes before the first byte that a client means for a server: a PROXY protocol header where
//! the listener requires one, then the TLS handshake where it terminates TLS.
//!
//! Called by `session` or, in tcp mode, by `stream`, as often as something has arrived until it is done.

use super::connection::Connection;
use super::handshake;
use super::proxy_header;
use super::worker::Worker;
use crate::net::Lease;

/// How far it has come.
pub(super) enum Opening {
    /// It is done; the lease holds what came behind it. A request head is due from now on.
    Done(Lease),
    /// The client has to say more first.
    Waiting,
    /// The connection is of no use, which has been counted.
    Failed,
    /// The same, and the client, which may still be sending, has been told why.
    Refused,
}

/// Whether there is anything to be done, for which a client has to be heard.
pub(super) fn is_due(connection: &Connection) -> bool {
    connection.awaits_header || connection.client.is_handshaking()
}

/// Does what can be done of it, with `lease` as the buffer. There is something to receive.
pub(super) async fn run(worker: &Worker, connection: &mut Connection, mut lease: Lease) -> Opening {
    if connection.awaits_header {
        let (good, returned) = proxy_header::read(worker, connection, lease).await;
        if !good {
            return Opening::Failed;
        }
        lease = returned;
        connection.awaits_header = false;
        if !connection.client.is_tls() {
            worker.counters.listeners[connection.listener()].bytes_in.add(lease.len() as u64);
        } else if lease.is_empty() && connection.client.socket().is_quiet() {
            return Opening::Waiting;
        }
    }
    match connection.client.is_handshaking() {
        true => handshake::run(worker, connection, lease).await,
        false => Opening::Done(lease),
    }
}
