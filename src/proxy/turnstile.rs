//! One TLS handshake at a time does its arithmetic; the others wait in line, without a buffer.
//!
//! A step of a handshake keeps a worker's core for as long as several requests. Without a line, a
//! flood of ClientHellos that arrive together would be worked off before anybody else has a turn.
//! `handshake` lets a connection through before it takes a buffer; `client` gives the turn on once the
//! arithmetic is done and the worker's other tasks have had theirs.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The line of one worker. No longer than the connections that there may be.
#[derive(Clone, Default)]
pub(super) struct Turnstile(Rc<Line>);

#[derive(Default)]
struct Line {
    taken: Cell<bool>,
    waiting: RefCell<VecDeque<Waiting>>,
}

struct Waiting {
    waker: Waker,
    called: Rc<Cell<bool>>,
}

/// The right to go on. Dropped, it passes to the next in line.
pub(super) struct Turn(Rc<Line>);

impl Turnstile {
    /// A turn, if nobody is before.
    pub(super) fn try_pass(&self) -> Option<Turn> {
        (!self.0.taken.replace(true)).then(|| Turn(self.0.clone()))
    }

    /// Waits for a turn, first come, first served.
    pub(super) async fn pass(&self) -> Turn {
        if let Some(turn) = self.try_pass() {
            return turn;
        }
        let called = Rc::new(Cell::new(false));
        let mut queued = false;
        poll_fn(|context| {
            if called.get() {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut queued, true) {
                let place = Waiting { waker: context.waker().clone(), called: called.clone() };
                self.0.waiting.borrow_mut().push_back(place);
            }
            Poll::Pending
        })
        .await;
        Turn(self.0.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = self.0.waiting.borrow_mut().pop_front();
        match next {
            // It stays taken, so that no newcomer is quicker than the one who is called.
            Some(next) => {
                next.called.set(true);
                next.waker.wake();
            }
            None => self.0.taken.set(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    #[test]
    fn turns_are_taken_in_the_order_of_arrival_and_one_at_a_time() {
        let line = Turnstile::default();
        let mut context = Context::from_waker(Waker::noop());
        let first = line.try_pass().expect("nobody is before");
        let mut second = pin!(line.pass());
        let mut third = pin!(line.pass());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert!(third.as_mut().poll(&mut context).is_pending(), "it is not its turn");
        assert!(line.try_pass().is_none(), "nobody jumps the line");
        let Poll::Ready(turn) = second.as_mut().poll(&mut context) else { panic!("its turn has come") };
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(turn);
        assert!(third.as_mut().poll(&mut context).is_ready());
        assert!(line.try_pass().is_some(), "the line is empty again");
    }
}
