//! Wakes the ha thread from `poll` when an order is in its mailbox.
//!
//! The mailbox is one of tasks: it wakes whoever polled it. This waker writes to a descriptor, so that
//! one system call waits for orders and packets alike.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::order::{Order, OrderQueue};

/// The mailbox and its bell.
pub struct Doorbell {
    queue: OrderQueue,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What stands at the door.
#[derive(Debug)]
pub enum Visitor {
    /// An order.
    Order(Order),
    /// Control is gone and will not come again.
    Deserted,
    /// Nobody.
    Nobody,
}

struct Bell(EventFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // A full counter has rung already.
        let _ = self.0.write(1);
    }
}

impl Doorbell {
    /// Hangs a bell at the mailbox.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn hang(queue: OrderQueue) -> io::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let bell = Arc::new(Bell(EventFd::from_value_and_flags(0, flags)?));
        Ok(Self { queue, waker: Waker::from(bell.clone()), bell })
    }

    /// The next order. After `Nobody` the bell rings when there is one; so ask until then.
    pub fn answer(&mut self) -> Visitor {
        // Silenced first: an order that comes now rings again.
        let _ = self.bell.0.read();
        match self.queue.poll_recv(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Some(order)) => Visitor::Order(order),
            Poll::Ready(None) => Visitor::Deserted,
            Poll::Pending => Visitor::Nobody,
        }
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;
    use crate::ha::order::mailbox;

    fn rings(bell: &Doorbell, timeout: impl Into<PollTimeout>) -> bool {
        let mut descriptors = [PollFd::new(bell.as_fd(), PollFlags::POLLIN)];
        poll(&mut descriptors, timeout.into()).unwrap() == 1
    }

    #[test]
    fn an_order_rings_and_is_handed_over() {
        let (orders, queue) = mailbox();
        let mut bell = Doorbell::hang(queue).unwrap();
        assert!(matches!(bell.answer(), Visitor::Nobody));
        assert!(!rings(&bell, 0_u8));
        let sender = std::thread::spawn(move || {
            let (reply, _) = tokio::sync::oneshot::channel();
            orders.try_send(Order::TakeBack { reply }).unwrap();
            orders
        });
        assert!(rings(&bell, 20_000_u16));
        assert!(matches!(bell.answer(), Visitor::Order(Order::TakeBack { .. })));
        assert!(matches!(bell.answer(), Visitor::Nobody));
        drop(sender.join().unwrap());
        assert!(rings(&bell, 20_000_u16));
        assert!(matches!(bell.answer(), Visitor::Deserted));
    }
}
