//! The memory behind a worker's leases: one mapping, reserved at start, backed by pages only where
//! and while leases are in use.
//!
//! Apart from the general allocator, so that a peak of busy connections does not leave its pages
//! scattered among those of long-lived ones: what the pool gives up goes back to the system.

use std::io;
use std::ptr::NonNull;

/// A mapping of `slots` pieces of equal size, each beginning on a page.
#[derive(Debug)]
pub(super) struct Slab {
    base: NonNull<u8>,
    slot_size: usize,
    slots: usize,
}

impl Slab {
    /// Reserves address space; no memory is used yet.
    ///
    /// # Errors
    /// The address space is limited (ulimit -v) or exhausted.
    pub(super) fn new(slots: usize, size: usize) -> io::Result<Self> {
        let slot_size = size.next_multiple_of(PAGE);
        let length = slot_size.checked_mul(slots).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: a new private anonymous mapping at an address of the kernel's choice touches no
        // memory of ours.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(base.cast()) {
            Some(base) => Ok(Self { base, slot_size, slots }),
            None => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }

    /// Bytes of a slot.
    pub(super) fn slot_size(&self) -> usize {
        self.slot_size
    }

    /// What a slot's address is a multiple of.
    pub(super) fn alignment(&self) -> usize {
        PAGE
    }

    /// The memory of one slot: zeroes at first, later what was left in it.
    ///
    /// # Safety
    /// The caller is the only user of this slot as long as it uses the slice, and the slab outlives it.
    #[inline]
    pub(super) unsafe fn slot(&self, slot: u32) -> NonNull<[u8]> {
        assert!((slot as usize) < self.slots, "a slot beyond the slab");
        // SAFETY: the slot lies inside the mapping, which is readable, writable and initialised to
        // zero by the kernel.
        let start = unsafe { self.base.add(slot as usize * self.slot_size) };
        NonNull::slice_from_raw_parts(start, self.slot_size)
    }

    /// Gives the pages of an unused slot back to the system; it holds zeroes then.
    pub(super) fn release(&self, slot: u32) {
        // SAFETY: the slot is unused, so nobody has a reference into the range, which lies inside
        // the mapping and begins on a page.
        let memory = unsafe { self.slot(slot) };
        let start = memory.as_ptr().cast::<libc::c_void>();
        // SAFETY: as above. Failing would leave the pages where they are, which is no harm.
        let _ = unsafe { libc::madvise(start, self.slot_size, libc::MADV_DONTNEED) };
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` with this length; every lease holds a reference to
        // the pool that owns the slab, so none is left.
        let _ = unsafe { libc::munmap(self.base.as_ptr().cast(), self.slot_size * self.slots) };
    }
}

/// Asks the general allocator to give back what it holds free between live objects: the sessions of a
/// past peak lie among the connections that stayed. Takes about a millisecond for 20 MiB, so it is
/// for moments after a peak only.
pub(super) fn trim_allocator() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function may be called at any time from any thread; it touches no live object.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Smallest page of the platforms we run on. A larger one only makes `release` less exact.
const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slots_are_apart_and_rounded_to_pages() {
        let slab = Slab::new(3, 5000).unwrap();
        assert_eq!(slab.slot_size, 8192);
        // SAFETY: this test is the only user of the slots.
        let (first, second) = unsafe { (slab.slot(0).as_mut(), slab.slot(1).as_mut()) };
        first.fill(1);
        second.fill(2);
        assert!(first.iter().all(|&byte| byte == 1) && second.iter().all(|&byte| byte == 2));
    }

    #[test]
    fn a_released_slot_holds_zeroes() {
        let slab = Slab::new(1, 4096).unwrap();
        // SAFETY: this test is the only user of the slot.
        unsafe { slab.slot(0).as_mut() }.fill(7);
        slab.release(0);
        // SAFETY: as above.
        assert!(unsafe { slab.slot(0).as_ref() }.iter().all(|&byte| byte == 0));
    }

    #[test]
    #[should_panic(expected = "a slot beyond the slab")]
    fn there_is_nothing_beyond_the_slab() {
        let slab = Slab::new(1, 4096).unwrap();
        // SAFETY: never used.
        let _ = unsafe { slab.slot(1) };
    }

    #[test]
    fn more_than_the_address_space_is_an_error() {
        assert!(Slab::new(usize::MAX / 4096, 4096).is_err());
    }
}
