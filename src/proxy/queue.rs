//! Waiting for a slot when every server that may take a request is at its limit, as HAProxy's queues.
//!
//! `choose` waits here; whoever gives a slot back calls `freed`. Each worker has its own list
//! per backend, and serves the one of its requests that has waited longest when one of its own slots
//! becomes free. Slots that other workers give back it finds on its next tick. While other workers'
//! requests wait too, a worker hands over only a few slots per tick, so that none of them starves.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::worker::Worker;
use crate::balance::queue::{Queue, Ticket};
use crate::limits::QUEUE_TURNS;
use crate::snapshot::{Backend, Snapshot};

/// The waiting requests of one worker.
pub(super) struct Queues {
    lists: RefCell<Vec<Queue<Waker>>>,
    /// Over all backends; nearly always zero.
    waiting: Cell<usize>,
    /// Slots handed over since the last tick.
    turns: Cell<u32>,
    /// Slots that a tick has given away, per server; kept for its capacity.
    given: RefCell<Vec<u32>>,
}

/// Why a request stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GaveUp {
    /// The queue is full.
    Full,
    /// It waited for `timeouts.queue`.
    Late,
    /// No server is up any more.
    NoServer,
}

impl Queues {
    /// For as many backends.
    pub(super) fn new(backends: usize) -> Self {
        Self {
            lists: RefCell::new(std::iter::repeat_with(Queue::default).take(backends).collect()),
            waiting: Cell::new(0),
            turns: Cell::new(0),
            given: RefCell::new(Vec::new()),
        }
    }

    /// Whoever may go on now is told; called on every tick.
    pub(super) fn tick(&self, now_ms: u64, snapshot: &Snapshot) {
        if self.waiting.get() == 0 {
            return;
        }
        self.turns.set(0);
        let given = &mut *self.given.borrow_mut();
        for (queue, backend) in self.lists.borrow().iter().zip(&snapshot.backends) {
            given.clear();
            given.resize(backend.servers.len(), 0);
            queue.ready(now_ms, |server| claim(backend, given, server), Waker::wake_by_ref);
        }
    }

    fn join(&self, backend: usize, server: Option<usize>, due_ms: u64, waker: Waker) -> Ticket {
        self.waiting.set(self.waiting.get() + 1);
        self.lists.borrow_mut()[backend].join(server, due_ms, waker)
    }

    fn leave(&self, backend: usize, ticket: Ticket) {
        self.waiting.set(self.waiting.get() - 1);
        self.lists.borrow_mut()[backend].leave(ticket);
    }
}

/// A slot at this server was given back: whoever has waited longest for one is told.
pub(super) fn freed(worker: &Worker, index: usize, backend: &Backend, server: usize) {
    let state = &backend.servers[server].state;
    let queues = &worker.queues;
    if queues.waiting.get() == 0 || !state.is_up() {
        return;
    }
    let lists = queues.lists.borrow();
    let others_wait = queued(backend) > lists[index].len();
    if others_wait && queues.turns.get() >= QUEUE_TURNS {
        return;
    }
    if let Some(waker) = lists[index].next_for(server, state.weight() > 0) {
        queues.turns.set(queues.turns.get() + 1);
        waker.wake_by_ref();
    }
}

/// Waits until `attempt` takes a slot; `server`: the only one that will do. `attempt` has failed once
/// when this is called.
pub(super) async fn wait<T>(
    worker: &Worker,
    index: usize,
    backend: &Backend,
    server: Option<usize>,
    due_ms: u64,
    mut attempt: impl FnMut() -> Option<T>,
) -> Result<T, GaveUp> {
    let gauge = match server {
        Some(server) => backend.servers[server].state.queue(),
        None => &backend.queue,
    };
    if !gauge.enter() {
        worker.counters.worker.queue_full.add(1);
        return Err(GaveUp::Full);
    }
    let queues = &worker.queues;
    let mut place = None;
    let outcome = poll_fn(|context| {
        let Some(ticket) = place else {
            place = Some(queues.join(index, server, due_ms, context.waker().clone()));
            return Poll::Pending;
        };
        if let Some(taken) = attempt() {
            return Poll::Ready(Ok(taken));
        }
        if worker.clock.now() >= due_ms {
            return Poll::Ready(Err(GaveUp::Late));
        }
        if server.is_none() && !has_usable(backend) {
            return Poll::Ready(Err(GaveUp::NoServer));
        }
        queues.lists.borrow_mut()[index].renew(ticket, context.waker().clone());
        Poll::Pending
    })
    .await;
    if let Some(ticket) = place {
        queues.leave(index, ticket);
    }
    gauge.leave();
    outcome
}

/// Whether a server takes requests that no cookie directs to it.
pub(super) fn has_usable(backend: &Backend) -> bool {
    backend.servers.iter().any(|server| server.state.is_up() && server.state.weight() > 0)
}

/// Requests of this backend that wait, over all workers.
fn queued(backend: &Backend) -> usize {
    let directed: u32 = backend.servers.iter().map(|server| server.state.queue().current()).sum();
    (directed + backend.queue.current()) as usize
}

/// Sets a free slot aside for a waiting request, if there is one that it can use. When no server is
/// left, those who could use any are told so.
fn claim(backend: &Backend, given: &mut [u32], server: Option<usize>) -> bool {
    let mut take = |server: usize, wanted: bool| {
        let state = &backend.servers[server].state;
        let free = state.limit().saturating_sub(state.in_flight());
        let claimed = wanted && state.is_up() && free > given[server];
        given[server] += u32::from(claimed);
        claimed
    };
    match server {
        Some(server) => take(server, true),
        None => {
            let takes_any = |server: usize| backend.servers[server].state.weight() > 0;
            (0..backend.servers.len()).any(|server| take(server, takes_any(server))) || !has_usable(backend)
        }
    }
}
