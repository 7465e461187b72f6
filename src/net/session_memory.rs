//! Memory for the futures of sessions: some 7 KiB each, made when bytes arrive and gone when the client
//! falls silent.
//!
//! In the general allocator they would lie among the small objects of parked connections, which stay,
//! and whose pages could not be given back afterwards. So they have a mapping of their own, as leases
//! have. Used by `proxy::connection`.

use std::cell::{OnceCell, RefCell};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::slab::Slab;

/// One worker's slots, all for futures of one type.
#[derive(Debug)]
pub struct SessionMemory(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    slots: u32,
    /// Made by the first future, for its size.
    slab: OnceCell<Option<Slab>>,
    /// Free and backed by memory; the last one used is used first.
    warm: RefCell<Vec<u32>>,
    /// Free and given back to the system, or never used.
    cold: RefCell<Vec<u32>>,
}

/// A future in its place.
pub enum Placed<F> {
    /// In a slot.
    Slot(InSlot<F>),
    /// Where there was none, in the general allocator.
    Heap(Pin<Box<F>>),
}

/// A future in a slot, which is freed with it.
pub struct InSlot<F> {
    /// This value is the only user of the slot, and of the future in it.
    future: NonNull<F>,
    slot: u32,
    memory: Rc<Inner>,
}

impl SessionMemory {
    /// As many slots at most; none is reserved yet.
    pub fn new(slots: usize) -> Self {
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        let cold = RefCell::new((0..slots).rev().collect());
        Self(Rc::new(Inner { slots, slab: OnceCell::new(), warm: RefCell::default(), cold }))
    }

    /// Gives a future its place.
    pub fn place<F: Future>(&self, future: F) -> Placed<F> {
        let memory = &self.0;
        let slab = memory.slab.get_or_init(|| Slab::new(memory.slots as usize, size_of::<F>()).ok());
        let fits = |slab: &&Slab| size_of::<F>() <= slab.slot_size() && align_of::<F>() <= slab.alignment();
        let free = || memory.warm.borrow_mut().pop().or_else(|| memory.cold.borrow_mut().pop());
        match slab.as_ref().filter(fits).and_then(|slab| Some((slab, free()?))) {
            None => Placed::Heap(Box::pin(future)),
            Some((slab, slot)) => {
                // SAFETY: a slot is in one of the lists or in one `InSlot`, so it has no other user; the
                // `InSlot` keeps the slab alive.
                let place = unsafe { slab.slot(slot) }.cast::<F>();
                // SAFETY: the slot is large enough and aligned, as was checked, and holds nothing.
                unsafe { place.write(future) };
                Placed::Slot(InSlot { future: place, slot, memory: memory.clone() })
            }
        }
    }

    /// Gives up memory that an earlier peak needed: the half of the free slots used longest ago.
    pub fn shrink(&self) {
        let Some(Some(slab)) = self.0.slab.get() else { return };
        let mut warm = self.0.warm.borrow_mut();
        let half = warm.len().div_ceil(2);
        let mut cold = self.0.cold.borrow_mut();
        for slot in warm.drain(..half) {
            slab.release(slot);
            cold.push(slot);
        }
    }
}

impl<F: Future> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.get_mut() {
            // SAFETY: the future stays in its slot until it is dropped there, so it is pinned; this
            // reference is exclusive, as the one to the `InSlot` is.
            Self::Slot(placed) => unsafe { Pin::new_unchecked(placed.future.as_mut()) }.poll(context),
            Self::Heap(boxed) => boxed.as_mut().poll(context),
        }
    }
}

impl<F> Drop for InSlot<F> {
    fn drop(&mut self) {
        // SAFETY: the future was written by `place`, and nobody else drops it or has a reference to it.
        unsafe { self.future.drop_in_place() };
        self.memory.warm.borrow_mut().push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::task::Waker;

    use super::*;

    struct Counted<'a>(&'a Cell<usize>, [u64; 100]);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    async fn sum(counted: Counted<'_>) -> u64 {
        std::future::ready(()).await;
        counted.1.iter().sum()
    }

    fn is_in_a_slot<F>(placed: &Placed<F>) -> bool {
        matches!(placed, Placed::Slot(_))
    }

    #[test]
    fn a_future_runs_in_its_slot_and_is_dropped_once() {
        let (memory, dropped) = (SessionMemory::new(1), Cell::new(0));
        for round in 1..=3 {
            let mut placed = memory.place(sum(Counted(&dropped, [round; 100])));
            assert!(is_in_a_slot(&placed));
            let polled = Pin::new(&mut placed).poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Ready(100 * round));
            drop(placed);
            assert_eq!(dropped.get() as u64, round);
            memory.shrink();
        }
        drop(memory.place(sum(Counted(&dropped, [0; 100]))));
        assert_eq!(dropped.get(), 4, "one that never ran is dropped too");
    }

    #[test]
    fn more_futures_than_slots_are_placed_elsewhere() {
        let (memory, dropped) = (SessionMemory::new(1), Cell::new(0));
        let first = memory.place(sum(Counted(&dropped, [1; 100])));
        let mut second = memory.place(sum(Counted(&dropped, [2; 100])));
        assert_eq!((is_in_a_slot(&first), is_in_a_slot(&second)), (true, false));
        let polled = Pin::new(&mut second).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(200));
        drop((first, second));
        assert_eq!(dropped.get(), 2);
    }

    #[test]
    fn a_future_may_outlive_the_handle_to_its_memory() {
        let dropped = Cell::new(0);
        let placed = SessionMemory::new(1).place(sum(Counted(&dropped, [0; 100])));
        drop(placed);
        assert_eq!(dropped.get(), 1);
    }
}
