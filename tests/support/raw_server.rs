//! A TCP server whose every connection is given to the test's own function, on a thread of its own.
//!
//! For what the scriptable origin cannot do: other protocols, tunnels, half-closed connections.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::wait::DEADLINE;

/// A running server; it stops listening when dropped. Connections end with their function.
pub struct RawServer {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl RawServer {
    /// Starts on a free port. What `serve` returns is of no consequence: it lets a function use `?`.
    pub fn start(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let (serve, count, stop) = (Arc::new(serve), accepted.clone(), stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                std::thread::spawn(move || {
                    stream.set_nodelay(true).unwrap();
                    stream.set_read_timeout(Some(DEADLINE)).unwrap();
                    stream.set_write_timeout(Some(DEADLINE)).unwrap();
                    let _ = serve(stream);
                });
            }
        });
        Self { address, accepted, stopped }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the accept loop, which then drops its listener.
        let _ = TcpStream::connect(self.address);
    }
}
