//! The guard: a tiny process that gives the shared addresses up when torii's own process dies.
//!
//! A process that is killed says no farewell: its addresses stay on the machine, and the standby waits
//! until adverts have been missing for long enough. The guard holds one end of a socket pair whose other
//! end only the torii process has. When that one dies, in whatever way, the kernel closes it and the guard
//! reads its end: while torii was active it sends priority 0, removes the addresses and ends.
//!
//! ```text
//! torii (ha thread)                          guard (the same binary, `torii guard`)
//!   handle::Guard ── channel: plan, states ──▶ process: prepare, wait, act
//!   keeper: starts it, sees it die,            0 channel   1 socket to send from   2 standard error
//!   starts another                             and a netlink socket of its own
//! ```
//!
//! It is started by exec and not by fork alone: a fork of a process with threads may do next to nothing
//! safely, would keep a copy of every page that torii writes to afterwards, and makes the workers take a
//! page fault for each. An exec'ed guard is small, can be started at any time, and has its own name in `ps`.
//!
//! * `plan` is everything the guard will send, made by torii.
//! * `process` is the guard's own life; `act` is its one deed; `system` the calls that need `unsafe`.
//! * `handle` is the guard as torii sees it; `keeper` sees to it that there is one; `fatal` tells it of a
//!   death that takes its time.

mod act;
mod fatal;
mod handle;
mod keeper;
mod plan;
mod process;
mod system;

pub use fatal::{arm, disarm};
pub use handle::{Guard, StartError};
pub use keeper::{Keeper, News};
pub use plan::{Farewell, Plan, Sealed, Unsealed, voice};
pub use process::{main, run};
