//! The PROXY protocol header that opens a connection where the listener requires one.
//!
//! Read by a connection's first session, before TLS. What follows the header stays in the lease. A
//! connection without a good header ends without an answer: whoever is there speaks another protocol.

use super::connection::Connection;
use super::session::millis;
use super::worker::Worker;
use crate::net::Lease;
use crate::net::socket::Waited;
use crate::proxy_protocol::{self, Announced, HeaderError};

/// Reads the header and takes the addresses that it announces for those of the connection; `false`
/// when there is none within the time of a request head.
pub(super) async fn read(worker: &Worker, connection: &mut Connection, mut lease: Lease) -> (bool, Lease) {
    let timeouts = &worker.snapshot().listeners[connection.listener()].timeouts;
    let due_ms = connection.since_ms + millis(timeouts.http_request);
    loop {
        // A header is shorter than any lease, so there is always room for the rest of it.
        let (waited, returned) = connection.client.socket().receive_or_park(lease, due_ms).await;
        lease = returned;
        let now_ms = worker.clock.read();
        let parsed = match waited {
            Ok(Waited::Received(count)) if count > 0 => proxy_protocol::parse(lease.data()),
            Ok(Waited::Parked) => {
                worker.counters.worker.timeouts.add(1);
                return (false, lease);
            }
            // The end. Who says nothing at all only looked whether the port is open.
            _ if lease.is_empty() => return (false, lease),
            _ => Err(HeaderError::Malformed),
        };
        match parsed {
            Ok(None) => {}
            Ok(Some((announced, len))) => {
                lease.consume(len);
                if let Announced::Connection { source, destination } = announced {
                    connection.announced(source, destination);
                }
                connection.since_ms = now_ms;
                return (true, lease);
            }
            Err(_) => {
                worker.counters.worker.proxy_headers_refused.add(1);
                return (false, lease);
            }
        }
    }
}
