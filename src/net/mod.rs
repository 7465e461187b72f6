//! The seam between protocol code and the kernel: the only home of monoio.
//!
//! Rules that every file here keeps:
//! * Nothing is received before there is something to receive. A wait may be given up, since it holds
//!   no bytes; a send is never dropped while pending, a deadline shuts its socket down and it completes.
//! * An idle connection holds no lease: it waits for readability and takes one when bytes are there.
//! * `send` owns what it sends until the kernel is done with it.

pub mod clock;
pub mod deadline;
pub mod driver;
pub mod hush;
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
