//! The beginning of a request head, or of a ClientHello that is routed by, whose client fell silent in
//! the middle of it.
//!
//! `session` and `server_name` set it aside, so that the client can be waited for without a lease, and
//! take it up again when more has come: thousands of clients that drip their heads then hold a few
//! hundred bytes each, not the buffers that others need. Bounded per worker; never used by a client
//! that sends at once.

use std::rc::Rc;

use super::worker::Worker;
use crate::limits::HEADS_SET_ASIDE;
use crate::net::Lease;

/// Bytes that are waiting for the rest of a head.
pub(super) struct SetAside {
    bytes: Box<[u8]>,
    /// How many of them have been searched for the head's end.
    pub(super) searched: usize,
    /// When the first of them came.
    pub(super) begun_ms: u64,
    /// When the head has to be complete.
    pub(super) due_ms: u64,
    worker: Rc<Worker>,
}

impl SetAside {
    /// Takes what the lease holds; `None`, and nothing is changed, when the worker holds too much already.
    pub(super) fn take(
        worker: &Rc<Worker>,
        lease: &Lease,
        searched: usize,
        begun_ms: u64,
        due_ms: u64,
    ) -> Option<Box<Self>> {
        let held = worker.set_aside.get() + lease.len();
        if held > HEADS_SET_ASIDE {
            return None;
        }
        worker.set_aside.set(held);
        worker.counters.worker.heads_set_aside.add(1);
        let bytes = Box::from(lease.data()); // cold: only for a client that was silent in mid-head
        Some(Box::new(Self { bytes, searched, begun_ms, due_ms, worker: worker.clone() }))
    }

    /// Gives the bytes back to an empty lease.
    pub(super) fn restore(&self, lease: &mut Lease) {
        lease.append(&self.bytes);
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        self.worker.set_aside.set(self.worker.set_aside.get() - self.bytes.len());
    }
}
