//! A client that opens a connection to the shared address again and again, one request on each, and
//! remembers what came of it.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers;
use crate::stage::{PORT, Place, SHARED, Stage, enter};
use crate::web::SLOW_PAGE;

/// Time between the beginnings of two visits.
const PERIOD: Duration = Duration::from_millis(10);
/// After this long a visit without an answer has failed. Longer than the kernel's second try.
const PATIENCE: Duration = Duration::from_secs(8);

/// One visit.
#[derive(Debug, Clone)]
pub struct Visit {
    pub begun: Instant,
    pub ended: Instant,
    /// The node through which the answer came, or why there is none.
    pub outcome: Result<IpAddr, String>,
}

/// A running client; ends when dropped.
pub struct Visitor {
    visits: Arc<Mutex<Vec<Visit>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Visitor {
    /// Begins to visit the shared address.
    pub fn start(stage: &Stage) -> Self {
        Self::visiting(stage, SHARED.parse().unwrap())
    }

    /// The same, to a page whose answer takes a while: a node that loses the address without warning has
    /// some of its visits in flight.
    pub fn start_slowly(stage: &Stage) -> Self {
        Self::asking(stage, SHARED.parse().unwrap(), SLOW_PAGE)
    }

    /// Begins to visit an address.
    pub fn visiting(stage: &Stage, address: IpAddr) -> Self {
        Self::asking(stage, address, "/server.html")
    }

    fn asking(stage: &Stage, address: IpAddr, page: &'static str) -> Self {
        let visits = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let namespace = stage.open(Place::Client);
        let (kept, stop) = (visits.clone(), stopped.clone());
        let address = SocketAddr::new(address, PORT);
        let thread = std::thread::spawn(move || run(&namespace, (address, page), &kept, &stop));
        Self { visits, stopped, thread: Some(thread) }
    }

    /// Ended visits so far, in the order of their ends.
    pub fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap().clone()
    }

    /// Visits that ended without an answer.
    pub fn failures(&self) -> Vec<Visit> {
        self.visits().into_iter().filter(|visit| visit.outcome.is_err()).collect()
    }

    /// Waits for a visit, begun from now on, that is answered through this node.
    #[track_caller]
    pub fn wait_for_answer_by(&self, node: Place) {
        let now = Instant::now();
        let by_node = |visit: &Visit| visit.begun >= now && visit.outcome == Ok(node.inner_address());
        peers::wait_until(&format!("an answer through {node:?}"), || self.visits().iter().any(by_node));
    }

    /// Stops visiting, waits for the visits under way, and gives all.
    pub fn finish(mut self) -> Vec<Visit> {
        self.stop();
        self.visits()
    }

    /// Stops as `finish`, and fails the test if a visit has failed.
    #[track_caller]
    pub fn finish_without_failure(self) {
        let visits = self.finish();
        let begun = visits.first().map_or_else(Instant::now, |visit| visit.begun);
        let at = |visit: &Visit| visit.begun.duration_since(begun);
        let failed: Vec<String> = visits
            .iter()
            .filter_map(|visit| Some(format!("at {:?}: {}", at(visit), visit.outcome.as_ref().err()?)))
            .collect();
        assert!(
            failed.is_empty(),
            "{} of {} visits failed:\n{}",
            failed.len(),
            visits.len(),
            failed.join("\n")
        );
    }

    fn stop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let visits = self.visits();
            let failed: Vec<&Visit> = visits.iter().filter(|visit| visit.outcome.is_err()).collect();
            eprintln!("--- {} visits, {} failed, such as {:?}", visits.len(), failed.len(), failed.first());
        }
    }
}

fn run(
    namespace: &File,
    target: (SocketAddr, &'static str),
    visits: &Arc<Mutex<Vec<Visit>>>,
    stop: &AtomicBool,
) {
    enter(namespace);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut under_way = tokio::task::JoinSet::new();
    runtime.block_on(async {
        while !stop.load(Ordering::SeqCst) {
            let visits = visits.clone();
            under_way.spawn(async move {
                let begun = Instant::now();
                let answer = tokio::time::timeout(PATIENCE, visit(target)).await;
                let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                let outcome = answer.map_err(|error| error.to_string());
                visits.lock().unwrap().push(Visit { begun, ended: Instant::now(), outcome });
            });
            tokio::time::sleep(PERIOD).await;
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    });
}

/// One request on one connection; gives the node that the server saw.
async fn visit((address, page): (SocketAddr, &str)) -> io::Result<IpAddr> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!("GET {page} HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let fault = || io::Error::other(format!("answer {text:?}"));
    let body = text.strip_prefix("HTTP/1.1 200").and_then(|rest| rest.split_once("\r\n\r\n"));
    let (_, body) = body.ok_or_else(fault)?;
    body.split_whitespace().next_back().and_then(|word| word.parse().ok()).ok_or_else(fault)
}
