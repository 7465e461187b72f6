//! Which kernel interface carries traffic: io_uring with the best ring flags, or epoll.
//!
//! Probed once at start by really making a ring; the result is printed in plain words and used by
//! every worker. Flags by kernel: DEFER_TASKRUN 6.1, SINGLE_ISSUER 6.0, COOP_TASKRUN 5.19.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

/// A usable interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// io_uring with these ring flags.
    IoUring(RingFlags),
    /// epoll.
    Epoll,
}

/// Ring flags, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingFlags {
    /// SINGLE_ISSUER, DEFER_TASKRUN, COOP_TASKRUN: completions run when asked, in batches.
    Deferred,
    /// SINGLE_ISSUER, COOP_TASKRUN.
    SingleIssuer,
    /// COOP_TASKRUN.
    Cooperative,
    /// None: kernels before 5.19.
    Plain,
}

impl RingFlags {
    const BEST_FIRST: [Self; 4] = [Self::Deferred, Self::SingleIssuer, Self::Cooperative, Self::Plain];

    fn builder(self) -> io_uring::Builder {
        let mut builder = io_uring::IoUring::builder();
        match self {
            Self::Deferred => builder.setup_single_issuer().setup_defer_taskrun().setup_coop_taskrun(),
            Self::SingleIssuer => builder.setup_single_issuer().setup_coop_taskrun(),
            Self::Cooperative => builder.setup_coop_taskrun(),
            Self::Plain => &mut builder,
        };
        builder
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::IoUring(RingFlags::Deferred) => "io_uring (SINGLE_ISSUER, DEFER_TASKRUN, COOP_TASKRUN)",
            Self::IoUring(RingFlags::SingleIssuer) => "io_uring (SINGLE_ISSUER, COOP_TASKRUN)",
            Self::IoUring(RingFlags::Cooperative) => "io_uring (COOP_TASKRUN)",
            Self::IoUring(RingFlags::Plain) => "io_uring (no ring flags: the kernel is older than 5.19)",
            Self::Epoll => "epoll",
        })
    }
}

impl Driver {
    /// The best io_uring this kernel and its limits allow.
    ///
    /// # Errors
    /// Why not even a plain ring can be made: disabled by sysctl or seccomp, or no memory.
    pub fn probe_io_uring(ring_entries: u32) -> io::Result<Self> {
        let mut last = None;
        for flags in RingFlags::BEST_FIRST {
            match flags.builder().build(ring_entries) {
                Ok(_ring) => return Ok(Self::IoUring(flags)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::Unsupported.into()))
    }

    /// Whether sockets must be non-blocking: epoll needs it, and a ring would then complete with
    /// EAGAIN instead of waiting.
    pub fn wants_nonblocking(self) -> bool {
        self == Self::Epoll
    }

    /// Runs a worker's future on the calling thread. The ring is made here, since only the thread
    /// that made a SINGLE_ISSUER ring may use it.
    ///
    /// # Errors
    /// The ring or epoll instance cannot be made.
    pub fn run<F: Future>(self, ring_entries: u32, future: impl FnOnce() -> F) -> io::Result<F::Output> {
        match self {
            Self::IoUring(flags) => {
                let builder = RuntimeBuilder::<IoUringDriver>::new();
                let builder = builder.with_entries(ring_entries).uring_builder(flags.builder());
                let mut runtime = builder.enable_timer().build()?;
                Ok(runtime.block_on(async { future().await }))
            }
            Self::Epoll => {
                let mut runtime = RuntimeBuilder::<LegacyDriver>::new().enable_timer().build()?;
                Ok(runtime.block_on(async { future().await }))
            }
        }
    }
}

/// Runs a task on the calling worker.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    monoio::spawn(future);
}

/// Runs a task of which a panic ends nothing but itself: what it holds is dropped, and the worker goes
/// on. (The panic's message has been written to standard error by then.)
pub fn spawn_contained(future: impl Future<Output = ()> + 'static) {
    monoio::spawn(Contained(future));
}

/// A future that is over when it panics.
struct Contained<F>(F);

impl<F: Future<Output = ()>> Future for Contained<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the inner future is pinned when the outer one is: it is never moved out, and nothing
        // else here has access to it.
        let future = unsafe { self.map_unchecked_mut(|contained| &mut contained.0) };
        // Unwind safety: the task's own state is dropped. What it shares with others are cells that are
        // borrowed only between two awaits, whose borrows unwinding ends, and guards, which it drops.
        std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(context))).unwrap_or(Poll::Ready(()))
    }
}

/// Lets the other tasks have their turn. With epoll an operation that need not wait is done at once,
/// so a loop over two fast peers would keep the worker to itself.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits; only for what happens rarely (accept errors, the deadline tick).
pub async fn sleep(duration: std::time::Duration) {
    monoio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    struct Notes(Rc<Cell<u32>>);

    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.set(self.0.get() + u32::from(std::thread::panicking()));
        }
    }

    #[test]
    fn a_panic_ends_its_task_and_no_other() {
        let (unwound, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let (held, other) = (Notes(unwound.clone()), done.clone());
        let run = Driver::Epoll.run(256, || async move {
            spawn_contained(async move {
                let _held = held;
                yield_now().await;
                panic!("a fault that this test makes");
            });
            spawn_contained(async move {
                for _ in 0..10 {
                    yield_now().await;
                }
                other.set(true);
            });
            while unwound.get() == 0 || !done.get() {
                sleep(std::time::Duration::from_millis(1)).await;
            }
            unwound.get()
        });
        assert_eq!(run.ok(), Some(1));
    }
}
