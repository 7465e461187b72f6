//! Which kernel interface carries traffic: io_uring with the best ring flags, or epoll.
//!
//! Probed once at start by really making a ring; the result is printed in plain words and used by
//! every worker. Flags by kernel: DEFER_TASKRUN 6.1, SINGLE_ISSUER 6.0, COOP_TASKRUN 5.19.

use std::fmt;
use std::future::Future;
use std::io;
use std::task::Poll;

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
