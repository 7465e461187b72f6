//! Leases: the buffers of a worker, handed out from a bounded pool and returned on drop.
//!
//! A lease is headroom, then data, then spare room. Reads append to the data; a rewritten head is
//! put in front of the body by growing into the headroom, so bodies never move. A session starts
//! only with a `Permit` for all the leases it may ever hold at once, so taking one never waits and
//! sessions cannot wait for each other.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::{Poll, Waker};

use monoio::buf::IoBuf;

use super::slab::{self, Slab};
use crate::limits::{LEASE_HEADROOM, LEASES_PER_SESSION};

/// Leases given up at once that tell of a peak, after which the allocator is trimmed too.
const PEAK: usize = 64;

/// A worker's leases.
#[derive(Debug, Clone)]
pub struct Pool(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    slab: Slab,
    /// Free and backed by memory; the last one used is used first.
    warm: RefCell<Vec<u32>>,
    /// Free and given back to the system, or never used.
    cold: RefCell<Vec<u32>>,
    lease_size: usize,
    sessions_max: usize,
    sessions: Cell<usize>,
    in_use: Cell<usize>,
    waiting: RefCell<VecDeque<Waiting>>,
}

/// A session that waits for its permit.
#[derive(Debug)]
struct Waiting {
    waker: Waker,
    /// Its turn has come. Told apart from a task that is polled for another reason.
    called: Rc<Cell<bool>>,
}

/// The right to hold `LEASES_PER_SESSION` leases.
#[derive(Debug)]
pub struct Permit(Rc<Inner>);

/// A buffer in use.
#[derive(Debug)]
pub struct Lease {
    /// The slot's memory; this lease is its only user.
    bytes: NonNull<[u8]>,
    slot: u32,
    start: usize,
    end: usize,
    pool: Rc<Inner>,
}

impl Pool {
    /// At most `leases` of `buffer_size` bytes each, backed by memory when first needed.
    ///
    /// # Errors
    /// The address space for them cannot be reserved.
    pub fn new(leases: usize, buffer_size: usize) -> io::Result<Self> {
        let sessions_max = (leases / LEASES_PER_SESSION).max(1);
        let slots = sessions_max * LEASES_PER_SESSION;
        let lease_size = LEASE_HEADROOM + buffer_size;
        Ok(Self(Rc::new(Inner {
            slab: Slab::new(slots, lease_size)?,
            warm: RefCell::new(Vec::new()),
            cold: RefCell::new((0..slots as u32).rev().collect()),
            lease_size,
            sessions_max,
            sessions: Cell::new(0),
            in_use: Cell::new(0),
            waiting: RefCell::new(VecDeque::new()),
        })))
    }

    /// A permit, at once or not at all.
    pub fn try_permit(&self) -> Option<Permit> {
        let inner = &self.0;
        if inner.sessions.get() >= inner.sessions_max {
            return None;
        }
        inner.sessions.set(inner.sessions.get() + 1);
        Some(Permit(inner.clone()))
    }

    /// Waits, first come first served, until a session may start.
    pub async fn permit(&self) -> Permit {
        let called = Rc::new(Cell::new(true));
        let mut has_waited = false;
        poll_fn(|context| {
            // One place in the queue, however often the task is polled: a second one would swallow
            // the call that is meant for somebody else.
            if !called.get() {
                return Poll::Pending;
            }
            if let Some(permit) = self.try_permit() {
                return Poll::Ready(permit);
            }
            called.set(false);
            let place = Waiting { waker: context.waker().clone(), called: called.clone() };
            let waiting = &mut *self.0.waiting.borrow_mut();
            // A newcomer was quicker than the one who was called, who keeps the place.
            if std::mem::replace(&mut has_waited, true) {
                waiting.push_front(place);
            } else {
                waiting.push_back(place);
            }
            Poll::Pending
        })
        .await
    }

    /// Sessions that may hold a permit at once.
    pub fn sessions_max(&self) -> usize {
        self.0.sessions_max
    }

    /// Whether sessions wait for a permit.
    #[inline]
    pub fn is_contended(&self) -> bool {
        !self.0.waiting.borrow().is_empty()
    }

    /// An empty lease. Its session holds a permit, so there is one.
    pub fn take(&self) -> Lease {
        let inner = &self.0;
        let slot = inner.warm.borrow_mut().pop().or_else(|| inner.cold.borrow_mut().pop());
        let slot = slot.expect("permits bound the leases: a session holds LEASES_PER_SESSION at most");
        inner.in_use.set(inner.in_use.get() + 1);
        // SAFETY: a slot is in one of the lists or in one lease, so this lease is its only user; the
        // lease keeps the pool, and with it the slab, alive.
        let bytes = unsafe { inner.slab.slot(slot) };
        Lease { bytes, slot, start: LEASE_HEADROOM, end: LEASE_HEADROOM, pool: inner.clone() }
    }

    /// Leases in use.
    pub fn in_use(&self) -> usize {
        self.0.in_use.get()
    }

    /// Gives up memory that an earlier peak needed: the half of the free leases used longest ago.
    pub fn shrink(&self) {
        let mut warm = self.0.warm.borrow_mut();
        let half = warm.len().div_ceil(2);
        let mut cold = self.0.cold.borrow_mut();
        for slot in warm.drain(..half) {
            self.0.slab.release(slot);
            cold.push(slot);
        }
        if half >= PEAK {
            slab::trim_allocator();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.sessions.set(self.0.sessions.get() - 1);
        if let Some(next) = self.0.waiting.borrow_mut().pop_front() {
            next.called.set(true);
            next.waker.wake();
        }
    }
}

impl Lease {
    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: this lease is the only user of its slot, see `take`.
        let slot = unsafe { self.bytes.as_ref() };
        &slot[..self.pool.lease_size]
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        let lease_size = self.pool.lease_size;
        // SAFETY: as in `bytes`; `self` is borrowed exclusively.
        let slot = unsafe { self.bytes.as_mut() };
        &mut slot[..lease_size]
    }

    /// The data.
    #[inline]
    pub fn data(&self) -> &[u8] {
        &self.bytes()[self.start..self.end]
    }

    /// Bytes of data.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is no data.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes that can still be appended.
    #[inline]
    pub fn spare(&self) -> usize {
        self.pool.lease_size - self.end
    }

    /// Forgets the first `count` bytes of data.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "consumed more than there is");
        self.start += count;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets all data and restores the headroom.
    #[inline]
    pub fn clear(&mut self) {
        self.start = LEASE_HEADROOM;
        self.end = LEASE_HEADROOM;
    }

    /// Moves the data to the front, when an incomplete head has no room left behind it.
    pub fn compact(&mut self) {
        let len = self.len();
        let data = self.start..self.end;
        self.bytes_mut().copy_within(data, LEASE_HEADROOM);
        self.start = LEASE_HEADROOM;
        self.end = LEASE_HEADROOM + len;
    }

    /// Appends bytes; the caller has checked `spare`.
    pub fn append(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        let start = std::mem::replace(&mut self.end, end);
        self.bytes_mut()[start..end].copy_from_slice(bytes);
    }

    /// The spare room, to be filled in user space; `grow` then says how much was.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        let end = self.end;
        &mut self.bytes_mut()[end..]
    }

    /// Says that `count` bytes of the spare room now hold data.
    pub fn grow(&mut self, count: usize) {
        assert!(count <= self.spare(), "grown beyond the lease");
        self.end += count;
    }

    /// The last `count` bytes of data, to be changed in place.
    pub fn tail_mut(&mut self, count: usize) -> &mut [u8] {
        let end = self.end;
        &mut self.bytes_mut()[end - count..end]
    }

    /// Everything before `end` of the data, headroom included: room for what replaces data that has
    /// been dealt with. What is written there is sent with `Socket::send_dead`.
    pub fn dead_mut(&mut self, end: usize) -> &mut [u8] {
        let end = self.start + end;
        &mut self.bytes_mut()[..end]
    }

    /// Shortens the data to its first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        assert!(len <= self.len(), "truncated to more than there is");
        self.end = self.start + len;
    }

    /// Replaces the first `old_len` bytes of data by `new`, growing into the headroom; what follows
    /// does not move. Returns `false`, and changes nothing, when the headroom is too small.
    #[must_use]
    pub fn replace_front(&mut self, old_len: usize, new: &[u8]) -> bool {
        let boundary = self.start + old_len;
        let Some(start) = boundary.checked_sub(new.len()) else { return false };
        self.bytes_mut()[start..boundary].copy_from_slice(new);
        self.start = start;
        true
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.in_use.set(self.pool.in_use.get() - 1);
        self.pool.warm.borrow_mut().push(self.slot);
    }
}

/// A lease while the kernel sends part of it; positions are those of the whole buffer.
pub(super) struct Sending {
    lease: Lease,
    start: usize,
    end: usize,
}

impl Sending {
    /// Sends `start..end` of the data.
    pub(super) fn data(lease: Lease, start: usize, end: usize) -> Self {
        assert!(start <= end && end <= lease.len(), "sent more than there is");
        let offset = lease.start;
        Self { lease, start: offset + start, end: offset + end }
    }

    /// Sends the first `count` bytes of `dead_mut`.
    pub(super) fn dead(lease: Lease, count: usize) -> Self {
        assert!(count <= lease.pool.lease_size, "sent more than there is");
        Self { lease, start: 0, end: count }
    }

    /// Forgets what was sent; whether there is more.
    pub(super) fn advance(&mut self, count: usize) -> bool {
        self.start += count;
        self.start < self.end
    }

    pub(super) fn into_lease(self) -> Lease {
        self.lease
    }
}

// SAFETY: the pointer is into the lease's slot, which neither moves nor goes away while this value
// owns the lease; `start..end` is inside the slice, which is initialised.
unsafe impl IoBuf for Sending {
    fn read_ptr(&self) -> *const u8 {
        self.lease.bytes()[self.start..self.end].as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.end - self.start
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    #[test]
    fn a_rewritten_head_grows_in_front_of_the_body() {
        let mut lease = Pool::new(2, 64).unwrap().take();
        lease.append(b"HEADbody");
        assert!(lease.replace_front(4, b"LONGER HEAD "));
        assert_eq!(lease.data(), b"LONGER HEAD body");
        assert!(lease.replace_front(12, b"H"));
        assert_eq!(lease.data(), b"Hbody");
    }

    #[test]
    fn refuses_to_grow_beyond_the_headroom() {
        let mut lease = Pool::new(2, 64).unwrap().take();
        lease.append(b"Hbody");
        assert!(!lease.replace_front(1, &vec![b'x'; LEASE_HEADROOM + 2]));
        assert_eq!(lease.data(), b"Hbody");
    }

    #[test]
    fn compacts_what_is_left() {
        let mut lease = Pool::new(2, 8).unwrap().take();
        lease.append(b"12345678");
        lease.consume(6);
        assert_eq!(lease.spare(), 0);
        lease.compact();
        assert_eq!((lease.data(), lease.spare()), (&b"78"[..], 6));
    }

    #[test]
    fn returns_to_the_pool_and_is_counted() {
        let pool = Pool::new(4, 8).unwrap();
        let lease = pool.take();
        assert_eq!(pool.in_use(), 1);
        drop(lease);
        assert_eq!((pool.in_use(), pool.0.warm.borrow().len()), (0, 1));
        pool.shrink();
        assert_eq!(pool.0.warm.borrow().len(), 0);
        assert!(pool.take().is_empty(), "what was given up can be used again");
    }

    #[test]
    fn bounds_the_sessions() {
        let pool = Pool::new(2 * LEASES_PER_SESSION, 8).unwrap();
        let first = pool.try_permit();
        let second = pool.try_permit();
        assert!(first.is_some() && second.is_some() && pool.try_permit().is_none());
        drop(first);
        assert!(pool.try_permit().is_some());
    }

    #[test]
    fn a_permit_given_back_calls_one_waiting_session_however_often_it_was_polled() {
        let pool = Pool::new(LEASES_PER_SESSION, 8).unwrap();
        let held = pool.try_permit();
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(pool.permit()), pin!(pool.permit()));
        for _ in 0..3 {
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert!(second.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(pool.0.waiting.borrow().len(), 2);
        drop(held);
        assert!(second.as_mut().poll(&mut context).is_pending(), "not its turn");
        let Poll::Ready(permit) = first.as_mut().poll(&mut context) else { panic!("its turn") };
        drop(permit);
        assert!(second.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn who_was_called_too_late_keeps_its_place() {
        let pool = Pool::new(LEASES_PER_SESSION, 8).unwrap();
        let held = pool.try_permit();
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(pool.permit()), pin!(pool.permit()));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(held);
        let newcomer = pool.try_permit();
        assert!(newcomer.is_some() && first.as_mut().poll(&mut context).is_pending());
        drop(newcomer);
        assert!(first.as_mut().poll(&mut context).is_ready());
    }
}
