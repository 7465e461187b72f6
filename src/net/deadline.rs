//! Deadlines: one slot per socket in a flat table, looked through on every tick.
//!
//! Arming and disarming are stores. A deadline that is reached shuts its socket down, so that the
//! pending operation completes; its owner then finds `fired` and knows why. Looking through the
//! table costs about a nanosecond per socket and tick, which beats a wheel's bookkeeping per
//! request up to well beyond the connections a process can hold.
//!
//! A socket has two deadlines, since both of its directions may wait at once: the one above, and
//! one that only gives up waiting for something to receive.

use std::cell::RefCell;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::task::Waker;

use socket2::SockRef;

/// Never.
const DISARMED: u64 = u64::MAX;

/// All deadlines of a worker.
#[derive(Default)]
pub struct Deadlines {
    table: RefCell<Table>,
}

#[derive(Default)]
struct Table {
    /// Apart from `slots`, so that looking through is dense.
    due: Vec<Due>,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

/// Milliseconds of the worker's clock.
#[derive(Clone, Copy)]
struct Due {
    shut_down_ms: u64,
    park_ms: u64,
}

impl Due {
    const NEVER: Self = Self { shut_down_ms: DISARMED, park_ms: DISARMED };
}

struct Slot {
    /// Negative while the slot is free.
    socket: RawFd,
    fired: bool,
    idle: bool,
    /// The task that waits for something to receive and will give up; it is woken when
    /// `Due::park_ms` is reached, which is disarmed then.
    parking: Option<Waker>,
}

/// The slot of one socket. Dropped before its socket is closed.
pub struct Deadline {
    deadlines: Rc<Deadlines>,
    slot: u32,
}

impl Deadlines {
    /// A slot for `socket`, disarmed. It must not outlive the descriptor.
    pub(super) fn register(self: &Rc<Self>, socket: RawFd) -> Deadline {
        let table = &mut *self.table.borrow_mut();
        let new = Slot { socket, fired: false, idle: false, parking: None };
        let slot = match table.free.pop() {
            Some(slot) => {
                table.slots[slot as usize] = new;
                slot
            }
            None => {
                table.due.push(Due::NEVER);
                table.slots.push(new);
                (table.slots.len() - 1) as u32
            }
        };
        Deadline { deadlines: self.clone(), slot }
    }

    /// Does everything that is due. Returns how many sockets were shut down.
    pub fn expire(&self, now_ms: u64) -> usize {
        let mut fired = 0;
        let table = &mut *self.table.borrow_mut();
        for (due, slot) in table.due.iter_mut().zip(&mut table.slots) {
            if due.park_ms <= now_ms {
                due.park_ms = DISARMED;
                slot.park();
            }
            if due.shut_down_ms <= now_ms {
                due.shut_down_ms = DISARMED;
                slot.shut_down();
                fired += 1;
            }
        }
        fired
    }

    /// Ends every connection that waits for a next request (draining): a read is given up, a
    /// connection without one is shut down. Returns how many.
    pub fn expire_idle(&self) -> usize {
        let mut ended = 0;
        let table = &mut *self.table.borrow_mut();
        for (due, slot) in table.due.iter_mut().zip(&mut table.slots) {
            if slot.idle {
                if due.park_ms == DISARMED {
                    slot.shut_down()
                } else {
                    slot.park()
                }
                *due = Due::NEVER;
                ended += 1;
            }
        }
        ended
    }

    /// Ends every connection (the drain limit). Returns how many.
    pub fn expire_all(&self) -> usize {
        let mut ended = 0;
        let table = &mut *self.table.borrow_mut();
        for (due, slot) in table.due.iter_mut().zip(&mut table.slots) {
            if slot.socket >= 0 {
                *due = Due::NEVER;
                slot.shut_down();
                ended += 1;
            }
        }
        ended
    }

    /// Sockets registered.
    pub fn len(&self) -> usize {
        let table = self.table.borrow();
        table.slots.len() - table.free.len()
    }

    /// Whether no socket is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Slot {
    /// Has who waits give up. Where nobody would, the wait ends because the reading direction does.
    fn park(&mut self) {
        match &self.parking {
            Some(waiting) => waiting.wake_by_ref(),
            None => self.end(Shutdown::Read),
        }
    }

    fn shut_down(&mut self) {
        self.fired = true;
        self.end(Shutdown::Both);
    }

    fn end(&self, how: Shutdown) {
        // SAFETY: the slot is freed before its socket is closed, so the descriptor is open.
        let socket = unsafe { BorrowedFd::borrow_raw(self.socket) };
        // A socket that is already down has nothing pending: there is nothing to do.
        let _ = SockRef::from(&socket).shutdown(how);
    }
}

impl Deadline {
    /// Shuts the socket down at `at_ms` unless armed again or disarmed.
    #[inline]
    pub fn arm(&self, at_ms: u64) {
        self.deadlines.table.borrow_mut().due[self.slot as usize].shut_down_ms = at_ms;
    }

    /// No deadline.
    #[inline]
    pub fn disarm(&self) {
        self.arm(DISARMED);
    }

    /// Whether the socket was shut down by its deadline.
    #[inline]
    pub fn fired(&self) -> bool {
        self.deadlines.table.borrow().slots[self.slot as usize].fired
    }

    /// Marks the connection as waiting for a next request, or as busy.
    pub fn set_idle(&self, idle: bool) {
        self.deadlines.table.borrow_mut().slots[self.slot as usize].idle = idle;
    }

    /// Has a wait given up at `at_ms`, once `is_given_up` has told whose it is. The other deadline stays
    /// as it is.
    pub(super) fn arm_parking(&self, at_ms: u64) {
        self.deadlines.table.borrow_mut().due[self.slot as usize].park_ms = at_ms;
    }

    /// Whether the wait is over because its deadline is; if not, `waiting` is woken then.
    pub(super) fn is_given_up(&self, waiting: &Waker) -> bool {
        let table = &mut *self.deadlines.table.borrow_mut();
        if table.due[self.slot as usize].park_ms == DISARMED {
            return true;
        }
        let parking = &mut table.slots[self.slot as usize].parking;
        if !parking.as_ref().is_some_and(|known| known.will_wake(waiting)) {
            *parking = Some(waiting.clone());
        }
        false
    }

    /// Ends the reading direction at `at_ms`, so that a wait for readability is over then, while an
    /// answer can still be sent. The other deadline stays as it is.
    pub fn arm_end_of_reading(&self, at_ms: u64) {
        let table = &mut *self.deadlines.table.borrow_mut();
        debug_assert!(table.slots[self.slot as usize].parking.is_none(), "somebody waits and would give up");
        table.due[self.slot as usize].park_ms = at_ms;
    }

    /// Reading goes on.
    pub fn disarm_end_of_reading(&self) {
        self.end_parking();
    }

    /// The wait is over.
    pub(super) fn end_parking(&self) {
        drop(self.stop_parking());
    }

    /// Nobody would give up any more. What is returned may hold the last reference to a task with a
    /// deadline of its own, so it is dropped when the table is no longer borrowed.
    fn stop_parking(&self) -> Option<Waker> {
        let table = &mut *self.deadlines.table.borrow_mut();
        table.due[self.slot as usize].park_ms = DISARMED;
        table.slots[self.slot as usize].parking.take()
    }

    /// Gives up the wait that is pending, if there is one that can be, no later than `at_ms`.
    pub fn hasten_parking(&self, at_ms: u64) {
        let due = &mut self.deadlines.table.borrow_mut().due[self.slot as usize];
        if due.park_ms != DISARMED {
            due.park_ms = due.park_ms.min(at_ms);
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        drop(self.stop_parking());
        let table = &mut *self.deadlines.table.borrow_mut();
        let slot = self.slot as usize;
        table.due[slot] = Due::NEVER;
        table.slots[slot] = Slot { socket: -1, fired: false, idle: false, parking: None };
        table.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn shuts_down_only_what_is_due() {
        let deadlines = Rc::new(Deadlines::default());
        let ((mut due_peer, due), (_later_peer, later)) = (pair(), pair());
        let (first, second) = (deadlines.register(due.as_raw_fd()), deadlines.register(later.as_raw_fd()));
        first.arm(10);
        second.arm(11);
        assert_eq!(deadlines.expire(9), 0);
        assert_eq!(deadlines.expire(10), 1);
        assert!(first.fired() && !second.fired());
        assert_eq!(due_peer.read(&mut [0]).unwrap(), 0);
        assert_eq!(deadlines.expire(10), 0, "a deadline fires once");
    }

    #[test]
    fn a_disarmed_or_dropped_deadline_never_fires() {
        let deadlines = Rc::new(Deadlines::default());
        let (_peer, socket) = pair();
        let slot = deadlines.register(socket.as_raw_fd());
        slot.arm(5);
        slot.disarm();
        assert_eq!(deadlines.expire(100), 0);
        slot.arm(5);
        drop(slot);
        assert_eq!((deadlines.expire(100), deadlines.expire_all(), deadlines.len()), (0, 0, 0));
    }

    #[test]
    fn a_freed_slot_is_used_again() {
        let deadlines = Rc::new(Deadlines::default());
        let (peer, socket) = pair();
        drop(deadlines.register(socket.as_raw_fd()));
        let slot = deadlines.register(peer.as_raw_fd());
        assert!(!slot.fired());
        assert_eq!((deadlines.len(), deadlines.table.borrow().slots.len()), (1, 1));
    }

    #[test]
    fn draining_ends_only_idle_connections() {
        let deadlines = Rc::new(Deadlines::default());
        let ((_a, busy), (_b, idle)) = (pair(), pair());
        let (busy_slot, idle_slot) =
            (deadlines.register(busy.as_raw_fd()), deadlines.register(idle.as_raw_fd()));
        idle_slot.set_idle(true);
        assert_eq!(deadlines.expire_idle(), 1);
        assert!(idle_slot.fired() && !busy_slot.fired());
    }

    #[test]
    fn giving_up_a_wait_leaves_the_other_direction_its_deadline() {
        let deadlines = Rc::new(Deadlines::default());
        let (mut peer, socket) = pair();
        let slot = deadlines.register(socket.as_raw_fd());
        slot.arm(20);
        slot.arm_parking(10);
        assert!(!slot.is_given_up(Waker::noop()));
        assert_eq!(deadlines.expire(10), 0, "a wait that is given up is not a socket shut down");
        assert!(slot.is_given_up(Waker::noop()) && !slot.fired());
        slot.arm_parking(30);
        slot.end_parking();
        assert_eq!(deadlines.expire(20), 1);
        assert!(slot.fired());
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn who_gives_up_is_woken_and_nobody_else() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (early, late) = (Arc::new(Count(AtomicUsize::new(0))), Arc::new(Count(AtomicUsize::new(0))));
        let deadlines = Rc::new(Deadlines::default());
        let (peer, socket) = pair();
        let (first, second) = (deadlines.register(peer.as_raw_fd()), deadlines.register(socket.as_raw_fd()));
        first.arm_parking(10);
        assert!(!first.is_given_up(&early.clone().into()));
        second.arm_parking(11);
        assert!(!second.is_given_up(&late.clone().into()));
        deadlines.expire(10);
        assert_eq!((early.0.load(Ordering::Relaxed), late.0.load(Ordering::Relaxed)), (1, 0));
        second.end_parking();
        deadlines.expire(11);
        assert_eq!(late.0.load(Ordering::Relaxed), 0, "the wait was over");
        assert_eq!(Arc::strong_count(&late), 1, "nothing of the task is kept");
    }

    #[test]
    fn the_end_of_reading_leaves_room_for_an_answer() {
        let deadlines = Rc::new(Deadlines::default());
        let (mut peer, mut socket) = pair();
        let slot = deadlines.register(socket.as_raw_fd());
        slot.arm_end_of_reading(10);
        slot.disarm_end_of_reading();
        deadlines.expire(10);
        slot.arm_end_of_reading(20);
        assert_eq!(deadlines.expire(20), 0, "nothing was shut down");
        assert!(!slot.fired());
        assert_eq!(socket.read(&mut [0]).unwrap(), 0);
        std::io::Write::write_all(&mut socket, b"late").unwrap();
        let mut answer = [0; 4];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"late");
    }

    #[test]
    fn only_a_pending_read_can_be_given_up_sooner() {
        let deadlines = Rc::new(Deadlines::default());
        let (_peer, socket) = pair();
        let slot = deadlines.register(socket.as_raw_fd());
        let park_ms = || deadlines.table.borrow().due[0].park_ms;
        slot.hasten_parking(5);
        assert_eq!(park_ms(), DISARMED);
        slot.arm_parking(10);
        slot.hasten_parking(20);
        assert_eq!(park_ms(), 10);
        slot.hasten_parking(5);
        assert_eq!(park_ms(), 5);
    }
}
