//! The plain check: whether a TCP connection can be established.
//!
//! Called by `health::run`; `connect` is also the first half of the HTTP check. Each check uses a
//! connection of its own, which is closed when it is over.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::verdict::{CheckStatus, Verdict};

/// Checks `address` once, within `limit`. `greeting` is sent to whoever answers and is not part of
/// the verdict.
pub async fn check(address: SocketAddr, limit: Duration, greeting: &[u8]) -> Verdict {
    let start = Instant::now();
    let mut verdict = match connect(address, start + limit).await {
        Ok(stream) => {
            // A fresh connection has room for so few bytes: nothing is waited for.
            let _ = stream.try_write(greeting);
            Verdict::new(CheckStatus::L4Ok)
        }
        Err(verdict) => verdict,
    };
    verdict.duration = start.elapsed();
    verdict
}

/// A connection to `address`, or why there is none at `deadline`.
pub(super) async fn connect(address: SocketAddr, deadline: Instant) -> Result<TcpStream, Verdict> {
    match timeout_at(deadline, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Verdict::from_connect_error(&error)),
        Err(_) => Err(Verdict::new(CheckStatus::L4Timeout)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use socket2::{Domain, SockAddr, Socket, Type};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_listening_server_passes() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let verdict = check(listener.local_addr().unwrap(), LIMIT, b"").await;
        assert_eq!(verdict.status, CheckStatus::L4Ok);
        assert_eq!(verdict.info, None);
    }

    #[tokio::test]
    async fn a_closed_port_is_a_connection_problem() {
        // Bound, so that nobody else can take the port, but not listening.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let verdict = check(address, LIMIT, b"").await;
        assert_eq!(verdict.status, CheckStatus::L4Connection);
        assert_eq!(verdict.info.as_deref(), Some("Connection refused"));
    }

    #[tokio::test]
    async fn a_connection_that_is_not_answered_is_a_timeout() {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address: SockAddr = listener.local_addr().unwrap();
        // A full accept queue drops further connection requests without an answer.
        let waiting: Vec<Socket> = (0..8)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                socket.connect(&address).unwrap_or_default();
                socket
            })
            .collect();
        let verdict = check(address.as_socket().unwrap(), Duration::from_millis(50), b"").await;
        assert_eq!(verdict.status, CheckStatus::L4Timeout);
        drop(waiting);
    }
}
