//! Server connections that begin with a PROXY protocol header.
//!
//! Such a connection speaks for one client. It is kept only beside that client's own connection, for
//! its next request, and never goes to the pool, where others would inherit the address.

use std::net::SocketAddr;

use super::connection::Connection;
use super::upstream::Upstream;
use super::worker::Worker;
use crate::net::Socket;
use crate::proxy_protocol::{self, Version};

/// A kept connection, and for whom.
pub(super) struct Kept {
    backend: usize,
    server: usize,
    client: SocketAddr,
    upstream: Upstream,
}

/// The connection kept for this client at this server, if it is still good. One that is for somebody
/// else is closed.
pub(super) fn reuse(
    worker: &Worker,
    connection: &Connection,
    backend: usize,
    server: usize,
    client: SocketAddr,
) -> Option<Upstream> {
    let kept = connection.kept.take()?;
    let is_meant = (kept.backend, kept.server, kept.client) == (backend, server, client);
    if !is_meant || !kept.upstream.socket.is_quiet() {
        return None;
    }
    worker.counters.backends[backend].servers[server].reuses.add(1);
    Some(Upstream { reused: true, ..kept.upstream })
}

/// Keeps a connection for the next request of this client.
pub(super) fn keep(
    connection: &Connection,
    backend: usize,
    server: usize,
    client: SocketAddr,
    upstream: Upstream,
) {
    upstream.socket.deadline().disarm();
    connection.kept.set(Some(Box::new(Kept { backend, server, client, upstream })));
}

/// Sends the header. Whether that worked is seen when the request is sent.
pub(super) async fn announce(
    worker: &Worker,
    connection: &Connection,
    version: Version,
    client: SocketAddr,
    socket: &Socket,
    timeout_ms: u64,
) {
    let mut lease = worker.pool.take();
    {
        let out = &mut worker.scratch.borrow_mut().value;
        out.clear();
        match connection.destination() {
            Some(destination) => proxy_protocol::write(version, client, destination, out),
            // The client is gone, and with it the address that it connected to.
            None => proxy_protocol::write_local(version, out),
        }
        lease.append(out);
    }
    let len = lease.len();
    socket.deadline().arm(worker.clock.now() + timeout_ms);
    let _ = socket.send(lease, 0, len).await;
    worker.clock.read();
    socket.deadline().disarm();
}
