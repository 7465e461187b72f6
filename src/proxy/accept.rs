//! Taking connections, as long as there is room for them.
//!
//! At a limit the listener is not read: clients wait in the kernel's backlog, as with HAProxy's
//! maxconn, and are neither refused nor logged.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::connection::{Connection, serve};
use super::stream;
use super::worker::Worker;
use crate::config::model::Mode;
use crate::net::driver::{sleep, spawn};
use crate::net::listener::Listener;
use crate::snapshot::{self, Snapshot};

/// How often a full listener looks for room, and how long accepting rests after an error.
const RETRY: Duration = Duration::from_millis(10);

/// The accept loop of one listening socket.
pub(super) async fn run(worker: Rc<Worker>, socket: Rc<Listener>, index: usize) {
    while !worker.draining.get() {
        if !has_room(&worker.snapshot(), index) {
            worker.counters.worker.accept_paused.add(1);
            wait_for_room(&worker, index).await;
            continue;
        }
        match socket.accept(&worker.deadlines).await {
            Ok((client, address)) => {
                worker.clock.read();
                if !admits(&worker.snapshot().listeners[index], address.ip()) {
                    worker.counters.listeners[index].denied_connections.add(1);
                    // As HAProxy: nothing is left of a refused connection, not even a waiting port.
                    client.reset_on_close();
                    continue;
                }
                // Another worker may have taken the last place meanwhile: this client waits.
                while !enter(&worker.snapshot(), index) {
                    sleep(RETRY).await;
                }
                let Some(connection) = Connection::open(&worker, index, client, address) else { continue };
                match worker.snapshot().listeners[index].mode {
                    Mode::Http => spawn(serve(connection)),
                    Mode::Tcp => spawn(stream::serve(connection)),
                }
            }
            Err(_) if worker.draining.get() => break,
            Err(_) => {
                worker.counters.worker.accept_errors.add(1);
                sleep(RETRY).await;
            }
        }
    }
}

/// Whether a TCP peer may connect: by the listener's lists, and as a sender of PROXY protocol headers.
fn admits(listener: &snapshot::Listener, peer: IpAddr) -> bool {
    if listener.access.as_ref().is_some_and(|access| !access.permits(peer)) {
        return false;
    }
    let accept_proxy = listener.accept_proxy;
    !accept_proxy || listener.trust.as_ref().is_none_or(|trust| trust.proxies.contains(peer))
}

async fn wait_for_room(worker: &Worker, index: usize) {
    while !worker.draining.get() && !has_room(&worker.snapshot(), index) {
        sleep(RETRY).await;
    }
}

fn has_room(snapshot: &Snapshot, index: usize) -> bool {
    let listener = &snapshot.listeners[index].connections;
    listener.current() < listener.limit && snapshot.process.current() < snapshot.process.limit
}

fn enter(snapshot: &Snapshot, index: usize) -> bool {
    if !snapshot.process.enter() {
        return false;
    }
    let entered = snapshot.listeners[index].connections.enter();
    if !entered {
        snapshot.process.leave();
    }
    entered
}
