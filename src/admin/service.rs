//! The statistics service's connections: accepting, TLS, and the bounds of each.
//!
//! Started by the control thread on its runtime with listeners that were bound before privileges
//! were dropped. Nothing a client does may take more than `limits::STATS_CONNECTIONS` places, or keep one
//! for ever.

use std::io;
use std::net::TcpListener as StdTcpListener;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::auth::Credentials;
use super::page::Page;
use super::route::{self, Service};
use crate::config::model::Stats;
use crate::ha::status::PublishedStatus;
use crate::limits;
use crate::observe::stats::StatsSource;

/// Serves the statistics page until `shutdown` is ready, and samples `source` for its rates.
/// Connections that are open then are cut.
///
/// # Errors
/// A listener that the runtime cannot take over. Nothing that happens later is an error.
pub async fn serve(
    listeners: Vec<StdTcpListener>,
    stats: &Stats,
    source: Arc<StatsSource>,
    pair: Option<PublishedStatus>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let service = Service {
        path: stats.path.clone(),
        credentials: Credentials::new(&stats.users),
        page: Page::new(stats),
        source: Arc::clone(&source),
        pair,
    };
    let gate = Gate {
        places: Arc::new(Semaphore::new(limits::STATS_CONNECTIONS)),
        tls: stats.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.server_config))),
        router: route::router(Arc::new(service)),
    };
    // Dropped on return, which ends every task in it.
    let mut accepting = JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true)?;
        accepting.spawn(gate.clone().accept(TcpListener::from_std(listener)?));
    }
    let mut ticks = interval(limits::STATS_SAMPLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            _ = ticks.tick() => source.sample(Instant::now(), unix_ms()),
        }
    }
}

#[derive(Clone)]
struct Gate {
    places: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    router: Router,
}

impl Gate {
    async fn accept(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            // A place first: who finds none waits in the kernel's queue.
            let places = Arc::clone(&self.places);
            let place = places.acquire_owned().await.expect("nobody closes the semaphore");
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(self.clone().connection(stream, place));
                }
                Err(_) => sleep(limits::STATS_ACCEPT_PAUSE).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn connection(self, stream: TcpStream, place: OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => http(stream, self.router).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = timeout(limits::TLS_HANDSHAKE, acceptor.accept(stream)).await {
                    http(stream, self.router).await;
                }
            }
        }
        drop(place);
    }
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::STATS_REQUEST)
        .max_buf_size(limits::STATS_HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    // How a connection ends is of no interest: there is nobody to tell.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = sleep(limits::STATS_CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits::STATS_REQUEST, connection).await;
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
#[path = "service/tests.rs"]
mod tests;
