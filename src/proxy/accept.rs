//! Taking connections, as long as there is room for them.
//!
//! At a limit the listener is not read: clients wait in the kernel's backlog, as with HAProxy's
//! maxconn, and are neither refused nor logged. A drain still takes those that wait there: each gets
//! an answer, which then ends its connection.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::connection::{Connection, serve};
use super::stream;
use super::worker::Worker;
use crate::config::model::Mode;
use crate::net::driver::{sleep, spawn_contained};
use crate::net::listener::Listener;
use crate::observe::counters::Counter;
use crate::snapshot::{self, Snapshot};

/// How often a full listener looks for room, and how long accepting rests after an error.
const RETRY: Duration = Duration::from_millis(10);

/// Failed connections after which accepting rests, lest it only turns in a circle.
const ERRORS_IN_A_ROW: u32 = 16;

/// The accept loop of one listening socket.
pub(super) async fn run(worker: Rc<Worker>, socket: Rc<Listener>, index: usize) {
    worker.accepting.set(worker.accepting.get() + 1);
    let mut accepting = Accepting::begin(&worker.counters.listeners[index].accepting);
    let mut errors_in_a_row = 0;
    while goes_on(&worker, &socket) {
        if !has_room(&worker.snapshot(), index) {
            worker.counters.worker.accept_paused.add(1);
            wait_for_room(&worker, &socket, index).await;
            continue;
        }
        match socket.accept(&worker.deadlines).await {
            Ok((client, address)) => {
                accepting.set(true);
                worker.clock.read();
                errors_in_a_row = 0;
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
                    Mode::Http => spawn_contained(serve(connection)),
                    Mode::Tcp => spawn_contained(stream::serve(connection)),
                }
            }
            Err(_) if !goes_on(&worker, &socket) => {}
            Err(error) => {
                worker.counters.worker.accept_errors.add(1);
                accepting.set(!is_about_the_socket(&error));
                errors_in_a_row += 1;
                if !concerns_one_connection(&error) || errors_in_a_row > ERRORS_IN_A_ROW {
                    // What nobody uses goes first; then it is the clients' turn to leave.
                    worker.upstreams.clear();
                    sleep(RETRY).await;
                }
            }
        }
    }
    drop(accepting);
    socket.stop();
    worker.accepting.set(worker.accepting.get() - 1);
}

/// Counts this loop among those that accept, as long as it does.
struct Accepting<'a> {
    loops: &'a Counter,
    counted: bool,
}

impl<'a> Accepting<'a> {
    fn begin(loops: &'a Counter) -> Self {
        loops.add(1);
        Self { loops, counted: true }
    }

    fn set(&mut self, accepting: bool) {
        if self.counted != accepting {
            self.counted = accepting;
            self.loops.set(if accepting { self.loops.get() + 1 } else { self.loops.get() - 1 });
        }
    }
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        self.set(false);
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

/// Until the drain, and then until those are taken who waited when it began.
fn goes_on(worker: &Worker, socket: &Listener) -> bool {
    !worker.draining.get() || !worker.stopping.get() && socket.owes()
}

async fn wait_for_room(worker: &Worker, socket: &Listener, index: usize) {
    while goes_on(worker, socket) && !has_room(&worker.snapshot(), index) {
        sleep(RETRY).await;
    }
}

/// Whether the error is about the connection that would have been accepted, so that the next one can be
/// taken at once: accept(2) lists network errors that were waiting on it, and a firewall's EPERM. All
/// others are about the process or the machine, and would come again.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::EPERM
                | libc::EINTR
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::EOPNOTSUPP
                | libc::ENETUNREACH
        )
    )
}

/// Whether the socket itself no longer listens: nobody can connect until torii is restarted. A lack of
/// descriptors or memory is none of that: the other node would have as many clients and no more room.
fn is_about_the_socket(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EBADF | libc::ENOTSOCK))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepting_rests_only_for_what_would_come_again() {
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EINVAL, libc::EBADF] {
            assert!(!concerns_one_connection(&io::Error::from_raw_os_error(code)), "{code}");
        }
        for code in [libc::ECONNABORTED, libc::EPROTO, libc::EINTR, libc::EHOSTUNREACH] {
            assert!(concerns_one_connection(&io::Error::from_raw_os_error(code)), "{code}");
        }
        assert!(!concerns_one_connection(&io::Error::from(io::ErrorKind::TimedOut)));
    }
}
