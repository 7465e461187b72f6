//! The seam between protocol code and the kernel: the only home of monoio.
//!
//! Rules that every file here keeps:
//! * An I/O future is never dropped while pending, since a read that the kernel already made would
//!   be lost. A deadline shuts the socket down, or cancels and still awaits; the operation completes.
//!   (Connecting is the one exception: nothing can be lost before there is a connection.)
//! * An idle connection holds no lease: it waits for readability and takes one when bytes are there.
//! * `send` owns what it sends until the kernel is done with it.

pub mod clock;
pub mod deadline;
pub mod driver;
pub mod join;
pub mod lease;
pub mod listener;
pub mod session_memory;
mod slab;
pub mod socket;
pub mod wake;

pub use clock::Clock;
pub use deadline::{Deadline, Deadlines};
pub use lease::{Lease, Pool};
pub use session_memory::SessionMemory;
pub use socket::Socket;
