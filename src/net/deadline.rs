//! Deadlines: one slot per socket in a flat table, looked through on every tick.
//!
//! Arming and disarming are stores. A deadline that is reached shuts its socket down, so that the
//! pending operation completes; its owner then finds `fired` and knows why. Looking through the
//! table costs about a nanosecond per socket and tick, which beats a wheel's bookkeeping per
//! request up to well beyond the connections a process can hold.
//!
//! A socket has two deadlines, since both of its directions may wait at once: the one above, and
//! one that only gives up the read it was armed for.

use std::cell::RefCell;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;

use monoio::io::{CancelHandle, Canceller};
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
    /// Kept from read to read until `free_parking`; a read is to be given up only while
    /// `Due::park_ms` is armed.
    parking: Option<Canceller>,
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
    /// Gives up the read. It is cancelled but still awaited, so nothing that arrived is lost. A wait for
    /// readability, which cannot be cancelled, ends because the reading direction does.
    fn park(&mut self) {
        match self.parking.take() {
            Some(canceller) => drop(canceller.cancel()),
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

    /// Frees what reads that can be given up need; the next such read makes it anew.
    pub fn free_parking(&self) {
        self.deadlines.table.borrow_mut().slots[self.slot as usize].parking = None;
    }

    /// Gives up the read made with the returned handle at `at_ms`. The other deadline stays as it is.
    pub(super) fn arm_parking(&self, at_ms: u64) -> CancelHandle {
        let table = &mut *self.deadlines.table.borrow_mut();
        table.due[self.slot as usize].park_ms = at_ms;
        table.slots[self.slot as usize].parking.get_or_insert_default().handle()
    }

    /// Ends the reading direction at `at_ms`, so that a wait for readability is over then, while an
    /// answer can still be sent. The other deadline stays as it is.
    pub fn arm_end_of_reading(&self, at_ms: u64) {
        let table = &mut *self.deadlines.table.borrow_mut();
        table.due[self.slot as usize].park_ms = at_ms;
        table.slots[self.slot as usize].parking = None;
    }

    /// Reading goes on.
    pub fn disarm_end_of_reading(&self) {
        self.end_parking();
    }

    /// The read is over.
    pub(super) fn end_parking(&self) {
        self.deadlines.table.borrow_mut().due[self.slot as usize].park_ms = DISARMED;
    }

    /// Gives up the read that is pending, if there is one that can be, no later than `at_ms`.
    pub fn hasten_parking(&self, at_ms: u64) {
        let due = &mut self.deadlines.table.borrow_mut().due[self.slot as usize];
        if due.park_ms != DISARMED {
            due.park_ms = due.park_ms.min(at_ms);
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
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
    fn giving_up_a_read_leaves_the_other_direction_its_deadline() {
        let deadlines = Rc::new(Deadlines::default());
        let (mut peer, socket) = pair();
        let slot = deadlines.register(socket.as_raw_fd());
        slot.arm(20);
        drop(slot.arm_parking(10));
        assert_eq!(deadlines.expire(10), 0, "a read that is given up is not a socket shut down");
        assert!(!slot.fired());
        drop(slot.arm_parking(30));
        slot.end_parking();
        assert_eq!(deadlines.expire(20), 1);
        assert!(slot.fired());
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
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
        drop(slot.arm_parking(10));
        slot.hasten_parking(20);
        assert_eq!(park_ms(), 10);
        slot.hasten_parking(5);
        assert_eq!(park_ms(), 5);
    }
}
