//! The permit of a tunnel: shared by its two directions, given back while both are silent.
//!
//! Used by `tunnel` alone. Both directions are polled by one task, which is why a direction may look
//! at what the other has done whenever it is polled, and no list of waiting directions is needed.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use super::worker::Worker;
use crate::net::lease::Permit;

/// A permit with the number of directions that hold a lease under it, two at most.
pub(super) struct SharedPermit {
    permit: RefCell<Option<Permit>>,
    users: Cell<u8>,
    /// One of the directions is waiting for a permit on behalf of both.
    asked: Cell<bool>,
}

impl SharedPermit {
    /// So many directions hold a lease already; without any, a permit is not needed yet.
    pub(super) fn new(permit: Option<Permit>, users: u8) -> Self {
        let permit = permit.filter(|_| users > 0);
        Self { permit: RefCell::new(permit), users: Cell::new(users), asked: Cell::new(false) }
    }

    /// Waits until a direction may take its lease. Paid back by one `leave`.
    pub(super) async fn enter(&self, worker: &Worker) {
        while self.permit.borrow().is_none() {
            if self.asked.replace(true) {
                // The other direction asks already; it is not to be waited for with a second permit,
                // since its peer may be waiting for this direction.
                poll_fn(|_| if self.is_settled() { Poll::Ready(()) } else { Poll::Pending }).await;
            } else {
                let permit = worker.permit().await;
                *self.permit.borrow_mut() = Some(permit);
                self.asked.set(false);
                wake_both().await;
            }
        }
        self.users.set(self.users.get() + 1);
    }

    fn is_settled(&self) -> bool {
        self.permit.borrow().is_some() || !self.asked.get()
    }

    /// A direction has given its lease back.
    pub(super) fn leave(&self) {
        self.users.set(self.users.get() - 1);
        if self.users.get() == 0 {
            self.permit.take();
        }
    }
}

/// Has the task polled again, for the direction that was polled before this one.
async fn wake_both() {
    poll_fn(|context| {
        context.waker().wake_by_ref();
        Poll::Ready(())
    })
    .await;
}
