//! A scriptable web server on plain threads: what it does depends on the path (`origin_paths`).
//!
//! It counts connections and requests and keeps every request head exactly as it arrived, so a test
//! can say what torii sent and how often. One thread per connection; all end with the `Origin`.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::origin_paths;
use super::wait;
use super::wire::{Head, Wire};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Number of the connection, from 0.
    pub connection: usize,
    /// Head, verbatim.
    pub head: Head,
}

/// What the connections of one origin share.
pub struct Shared {
    /// Name that `/name` and `/server.html` answer.
    pub name: String,
    /// Body bytes written so far, to see back-pressure.
    pub sent: AtomicU64,
    /// Unasked responses written so far by `/poison`.
    pub poisoned: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    open: Mutex<HashMap<usize, TcpStream>>,
    drop_reused: AtomicUsize,
    gate: (Mutex<bool>, Condvar),
    trailers: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

/// A running origin.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Origin {
    /// Starts on a free port.
    pub fn start(name: &str) -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), name)
    }

    /// Starts on this address, for a server that comes back.
    pub fn start_on(address: SocketAddr, name: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            sent: AtomicU64::new(0),
            poisoned: AtomicUsize::new(0),
            seen: Mutex::new(Vec::new()),
            connections: AtomicUsize::new(0),
            open: Mutex::new(HashMap::new()),
            drop_reused: AtomicUsize::new(0),
            gate: (Mutex::new(false), Condvar::new()),
            trailers: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.shared.open.lock().unwrap().len()
    }

    /// Requests seen whose target begins with `prefix`, in order of arrival.
    pub fn seen(&self, prefix: &str) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|one| one.head.target().starts_with(prefix)).cloned().collect()
    }

    /// The only request whose target begins with `prefix`.
    #[track_caller]
    pub fn only(&self, prefix: &str) -> Head {
        let mut seen = self.seen(prefix);
        assert_eq!(seen.len(), 1, "requests that reached the origin for {prefix}: {seen:#?}");
        seen.remove(0).head
    }

    /// Waits until a request to `prefix` has arrived.
    #[track_caller]
    pub fn wait_for(&self, prefix: &str) {
        wait::for_condition(&format!("{prefix} at the origin"), || !self.seen(prefix).is_empty());
    }

    /// Body bytes written so far.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Unasked responses written so far.
    pub fn poisoned(&self) -> usize {
        self.shared.poisoned.load(Ordering::SeqCst)
    }

    /// Trailer lines of every chunked request so far.
    pub fn trailers(&self) -> Vec<String> {
        self.shared.trailers.lock().unwrap().clone()
    }

    /// The next `count` requests that come on a connection already used are read and the connection
    /// is closed without an answer: the keep-alive race, made certain.
    pub fn drop_reused(&self, count: usize) {
        self.shared.drop_reused.store(count, Ordering::SeqCst);
    }

    /// Lets the requests waiting on `/gate` go on.
    pub fn open_gate(&self) {
        *self.shared.gate.0.lock().unwrap() = true;
        self.shared.gate.1.notify_all();
    }

    /// Closes every open connection, as a restarted server does; goes on listening.
    pub fn close_connections(&self) {
        for stream in self.shared.open.lock().unwrap().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        wait::for_condition("the origin's connections to close", || self.open_connections() == 0);
    }

    /// Stops listening and closes every connection: the server is gone.
    pub fn kill(&self) {
        if self.shared.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        self.open_gate();
        // Wakes the accept loop, which then drops its listener.
        let _ = TcpStream::connect(self.address);
        for stream in self.shared.open.lock().unwrap().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        wait::until(|| TcpStream::connect(self.address).is_err().then_some(()));
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    /// Blocks until `open_gate`.
    pub fn pass_gate(&self) {
        let mut open = self.gate.0.lock().unwrap();
        while !*open {
            open = self.gate.1.wait(open).unwrap();
        }
    }

    /// Notes the trailers of a request.
    pub fn note_trailers(&self, lines: Vec<String>) {
        self.trailers.lock().unwrap().extend(lines);
    }

    fn drops_this(&self) -> bool {
        let take_one = |left: usize| left.checked_sub(1);
        self.drop_reused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.open.lock().unwrap().insert(number, stream.try_clone().unwrap());
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            stream.set_nodelay(true).unwrap();
            converse(stream, number, &shared);
            shared.open.lock().unwrap().remove(&number);
        });
    }
}

/// Serves one connection until either side ends it.
fn converse(stream: TcpStream, connection: usize, shared: &Shared) {
    let mut wire = Wire::new(stream);
    let mut served = 0_usize;
    while let Ok(Some(head)) = wire.read_head() {
        shared.seen.lock().unwrap().push(Seen { connection, head: head.clone() });
        if served > 0 && shared.drops_this() {
            break;
        }
        match origin_paths::answer(&mut wire, &head, shared) {
            Ok(true) => served += 1,
            _ => break,
        }
    }
    // The clone in `open` keeps the descriptor alive, so the end has to be said aloud.
    let _ = wire.stream.shutdown(Shutdown::Both);
}
