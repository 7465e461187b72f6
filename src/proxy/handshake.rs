//! The TLS handshake of a client connection, in as many sessions as it takes.
//!
//! Called by `opening` whenever bytes of a handshake have arrived. It does what can be done with them
//! and gives the buffers back while the client is waited for, so that stalled handshakes starve nobody.

use std::io;
use std::net::Shutdown;

use super::connection::Connection;
use super::opening::Opening;
use super::session::millis;
use super::worker::Worker;
use crate::limits::{LINGER, TLS_HANDSHAKE};
use crate::net::Lease;

/// For a browser or tool that was given `http://` with a port for TLS.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad request\r\n\
content-length: 56\r\n\
cache-control: no-cache\r\n\
content-type: text/plain\r\n\
connection: close\r\n\
\r\n\
This port speaks TLS: write https:// in place of http://";

/// Has a connection wait for its turn in the line of handshakes; `false` when it has become too late
/// for it, or its client has hung up: a step of a handshake is too dear to be done for nobody.
pub(super) async fn line_up(connection: &Connection) -> bool {
    if connection.awaits_header {
        return true;
    }
    let worker = connection.worker();
    let turn = match worker.handshakes.try_pass() {
        Some(turn) => turn,
        None => {
            worker.counters.worker.handshake_waits.add(1);
            worker.handshakes.pass().await
        }
    };
    if worker.clock.read() > connection.due_ms() || connection.client.socket().has_hung_up() {
        worker.counters.worker.tls_failures.add(1);
        return false;
    }
    connection.client.take_turn(turn);
    true
}

/// Goes on with the handshake of a connection from which there is something to receive. What the lease
/// holds of it came with a PROXY protocol header.
pub(super) async fn run(worker: &Worker, connection: &mut Connection, lease: Lease) -> Opening {
    let deadline = connection.client.socket().deadline();
    deadline.arm(connection.since_ms + millis(TLS_HANDSHAKE));
    let (result, lease) = connection.client.handshake(lease).await;
    connection.client.socket().deadline().disarm();
    let now_ms = worker.clock.read();
    match result {
        Ok(true) => {
            connection.since_ms = now_ms;
            worker.counters.listeners[connection.listener()].bytes_in.add(lease.len() as u64);
            Opening::Done(lease)
        }
        Ok(false) => Opening::Waiting,
        Err(error) => {
            worker.counters.worker.tls_failures.add(1);
            if error.kind() != io::ErrorKind::InvalidData {
                return Opening::Failed;
            }
            tell(worker, connection, lease).await;
            Opening::Refused
        }
    }
}

/// A client that speaks HTTP gets an answer that it understands; any other has had its alert.
async fn tell(worker: &Worker, connection: &Connection, lease: Lease) {
    // cold: once per connection at most
    let client = &connection.client;
    if client.was_addressed_plainly() {
        client.socket().deadline().arm(worker.clock.now() + millis(LINGER));
        let _ = client.send_plainly(lease, PLAIN_HTTP).await;
    }
    client.socket().shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_has_the_length_it_says() {
        let text = std::str::from_utf8(PLAIN_HTTP).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
