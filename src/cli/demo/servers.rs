//! The demo's three web servers: small, honest HTTP servers that can be stopped and started again.
//!
//! Stopping one closes its listener and cuts its connections, as the end of a real server's process
//! would; nobody tells torii, which has to find out.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::{page, ports};
use crate::limits;

/// Their names, and the ports they would like.
const SERVERS: [(&str, u16); 3] = [("web1", 8081), ("web2", 8082), ("web3", 8083)];

/// How long a connection may be silent; longer than torii keeps one, so that torii closes first.
const IDLE: Duration = Duration::from_secs(75);

/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The servers. Dropping them ends them.
pub(super) struct Servers {
    servers: Vec<Server>,
}

/// One of them.
struct Server {
    name: &'static str,
    address: SocketAddr,
    /// Listening, before the first `serve`.
    bound: Option<StdTcpListener>,
    router: Router,
    /// Running.
    task: Option<JoinHandle<()>>,
}

impl Servers {
    /// Takes a port for each.
    ///
    /// # Errors
    /// No port is free.
    pub(super) fn bind() -> io::Result<Self> {
        let server = |(name, port)| {
            let listener = ports::listen(port)?;
            let address = listener.local_addr()?;
            Ok(Server { name, address, bound: Some(listener), router: Router::new(), task: None })
        };
        Ok(Self { servers: SERVERS.into_iter().map(server).collect::<io::Result<_>>()? })
    }

    /// Begins to answer. `statistics`: address of the page that theirs point to. To be called on a
    /// tokio runtime, as `start` and `stop`.
    ///
    /// # Errors
    /// A listener that the runtime cannot take over.
    pub(super) fn serve(&mut self, statistics: &str) -> io::Result<()> {
        for server in &mut self.servers {
            server.router = page::router(server.name, statistics);
            if let Some(listener) = server.bound.take() {
                server.run(listener)?;
            }
        }
        Ok(())
    }

    /// Name and address of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.servers.iter().map(|server| (server.name, server.address))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.servers.len()
    }

    /// Name and address of one.
    pub(super) fn get(&self, index: usize) -> (&'static str, SocketAddr) {
        (self.servers[index].name, self.servers[index].address)
    }

    /// Whether one is running.
    pub(super) fn is_running(&self, index: usize) -> bool {
        self.servers[index].task.is_some()
    }

    /// Starts one that is not running, at its old port.
    ///
    /// # Errors
    /// Somebody else took the port meanwhile.
    pub(super) fn start(&mut self, index: usize) -> io::Result<()> {
        let server = &mut self.servers[index];
        server.run(StdTcpListener::bind(server.address)?)
    }

    /// Stops one: when this is done nobody listens and every connection is cut.
    pub(super) async fn stop(&mut self, index: usize) {
        if let Some(task) = self.servers[index].task.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Server {
    fn run(&mut self, listener: StdTcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        self.task = Some(tokio::spawn(accept(listener, self.router.clone())));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Ends only by being aborted, which drops every connection.
async fn accept(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(limits::DEMO_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, router.clone(), place));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, router: Router, place: OwnedSemaphorePermit) {
    let _ = stream.set_nodelay(true);
    // How a connection ends is of no interest.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    drop(place);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn connect(servers: &Servers, index: usize) -> io::Result<TcpStream> {
        TcpStream::connect(servers.get(index).1).await
    }

    async fn fetch(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET /server.html HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4096];
        let mut length = 0;
        while !answer[..length].ends_with(b"\n") || !answer[..length].contains(&b'w') {
            length += stream.read(&mut answer[length..]).await.unwrap();
        }
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    #[tokio::test]
    async fn each_answers_with_its_name() {
        let mut servers = Servers::bind().unwrap();
        servers.serve("https://h/stats").unwrap();
        for index in 0..servers.count() {
            let answer = fetch(&mut connect(&servers, index).await.unwrap()).await;
            assert!(answer.ends_with(&format!("\r\n\r\n{}\n", servers.get(index).0)), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_stopped_server_is_gone_and_comes_back_at_its_port() {
        let mut servers = Servers::bind().unwrap();
        servers.serve("https://h/stats").unwrap();
        let mut kept = connect(&servers, 1).await.unwrap();
        fetch(&mut kept).await;
        servers.stop(1).await;
        assert!(!servers.is_running(1) && servers.is_running(0));
        assert_eq!(kept.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(connect(&servers, 1).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        servers.start(1).unwrap();
        fetch(&mut connect(&servers, 1).await.unwrap()).await;
    }
}
