//! What the tasks of one worker share. Everything here belongs to one thread.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::balancer::Balancer;
use super::queue::Queues;
use super::turnstile::Turnstile;
use super::upstream::Upstreams;
use crate::http::head::{Field, HeadLimits};
use crate::net::lease::Permit;
use crate::net::{Clock, Deadlines, Pool, SessionMemory};
use crate::observe::counters::WorkerCounters;
use crate::observe::ring::RecordWriter;
use crate::snapshot::publish::View;
use crate::snapshot::{Backend, Snapshot};

/// One worker's state, behind an `Rc`. No borrow of a cell is held across an await.
pub(super) struct Worker {
    pub(super) clock: Clock,
    pub(super) pool: Pool,
    pub(super) session_memory: SessionMemory,
    pub(super) deadlines: Rc<Deadlines>,
    pub(super) head_limits: HeadLimits,
    pub(super) counters: Arc<WorkerCounters>,
    /// `None`: no access log is wanted.
    pub(super) log: Option<RefCell<RecordWriter>>,
    pub(super) upstreams: Upstreams,
    /// Lets one TLS handshake through at a time.
    pub(super) handshakes: Turnstile,
    pub(super) scratch: RefCell<Scratch>,
    /// Set once by `Command::Drain`.
    pub(super) draining: Cell<bool>,
    /// Client connections may carry a next request; not after `Command::Drain`, nor between `Soften`
    /// and `Resume`.
    pub(super) keeps_clients: Cell<bool>,
    /// Set once by `Command::Stop`.
    pub(super) stopping: Cell<bool>,
    /// Bytes of unfinished heads that are set aside.
    pub(super) set_aside: Cell<usize>,
    /// Accept loops that run.
    pub(super) accepting: Cell<usize>,
    /// Client connections alive on this worker.
    pub(super) connections: Cell<usize>,
    /// Requests that wait for a slot at a server.
    pub(super) queues: Queues,
    balancers: RefCell<Vec<Balancer>>,
    view: RefCell<View>,
    snapshot: RefCell<Rc<Held>>,
}

/// The snapshot as this worker holds it: one shared reference, counted within the worker from there
/// on, so that requests on different cores do not write to one counter.
pub(super) struct Held(Arc<Snapshot>);

impl Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

/// Buffers reused by every head: filled and read between two awaits.
#[derive(Default)]
pub(super) struct Scratch {
    /// Fields of the head being parsed.
    pub(super) fields: Vec<Field>,
    /// The head being written.
    pub(super) head: Vec<u8>,
    /// One value being written.
    pub(super) value: Vec<u8>,
}

impl Worker {
    pub(super) fn new(
        index: usize,
        pool: Pool,
        head_limits: HeadLimits,
        counters: Arc<WorkerCounters>,
        log: Option<RecordWriter>,
        mut view: View,
    ) -> Self {
        let snapshot = view.latest().clone();
        Self {
            clock: Clock::since(counters.heartbeat.origin()),
            session_memory: SessionMemory::new(pool.sessions_max()),
            pool,
            deadlines: Rc::new(Deadlines::default()),
            head_limits,
            counters,
            log: log.map(RefCell::new),
            upstreams: Upstreams::new(snapshot.backends.iter().map(|backend| backend.servers.len())),
            handshakes: Turnstile::default(),
            scratch: RefCell::new(Scratch::default()),
            draining: Cell::new(false),
            keeps_clients: Cell::new(true),
            stopping: Cell::new(false),
            set_aside: Cell::new(0),
            accepting: Cell::new(0),
            connections: Cell::new(0),
            queues: Queues::new(snapshot.backends.len()),
            balancers: RefCell::new(
                snapshot.backends.iter().map(|backend| Balancer::new(backend, index)).collect(),
            ),
            view: RefCell::new(view),
            snapshot: RefCell::new(Rc::new(Held(snapshot))),
        }
    }

    /// The newest snapshot. One pointer compare; the shared reference count is touched only when
    /// there is a new one.
    pub(super) fn snapshot(&self) -> Rc<Held> {
        let view = &mut *self.view.borrow_mut();
        let latest = view.latest();
        let mut held = self.snapshot.borrow_mut();
        if !Arc::ptr_eq(latest, &held.0) {
            *held = Rc::new(Held(latest.clone()));
        }
        held.clone()
    }

    /// The right to the leases of a session; waits, and counts that, while others hold all of them.
    pub(super) async fn permit(&self) -> Permit {
        match self.pool.try_permit() {
            Some(permit) => permit,
            None => {
                self.counters.worker.lease_waits.add(1);
                self.pool.permit().await
            }
        }
    }

    /// The server of a backend that is to take a request of `client`, and has room unless the address
    /// alone decides; `None` when there is none.
    pub(super) fn balance(&self, index: usize, backend: &Backend, client: IpAddr) -> Option<usize> {
        self.balancers.borrow_mut()[index].pick(backend, client)
    }
}
